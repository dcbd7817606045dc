"""Which sizes can a pilot train? Width x layers, as small ladders and published models do it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from isoloss.errors import InputError, Where
from isoloss.planning.shapes import aspect_prior
from isoloss.runs import PARAM_COUNTS, Architecture, flop_per_token

# Width over layers of the shipped ladder of byte-level models; one layer bends away from any law.
SMALL_ASPECT, SMALL_WIDTH, FEWEST_LAYERS = 24, 144, 2
# Multiples of which widths are, up to each width.
_STEPS = ((32, 4), (48, 8), (144, 16), (256, 32), (512, 64), (2048, 128), (4096, 256), (16384, 512))
BYTES = 256


@dataclass(frozen=True)
class Recipe:
    """What all pilot runs have in common.

    Attributes:
        vocab: vocabulary; 256 for bytes.
        seq_len: context, tokens.
        batch_tokens: tokens per update, a multiple of the context.
        settings: ``mup`` for one learning rate that is scaled with the width, or a published law
            of the learning rate.
        trainer: the command that trains a run; empty for the built-in trainer.
    """

    vocab: int = BYTES
    seq_len: int = 128
    batch_tokens: int = 512
    settings: str = "mup"
    trainer: str = ""

    def __post_init__(self) -> None:
        for name in ("vocab", "seq_len", "batch_tokens"):
            if getattr(self, name) < 1:
                raise InputError(
                    f"found {getattr(self, name)} where a count of at least 1 is expected.",
                    code="bad_value",
                    where=Where(field=name),
                )
        if self.batch_tokens % self.seq_len:
            raise InputError(
                f"found a batch of {self.batch_tokens} tokens, which is no whole number of "
                f"sequences of {self.seq_len}.",
                code="bad_value",
                where=Where(field="batch"),
                hint=f"Give a multiple of {self.seq_len}, or another --seq.",
            )

    @property
    def batch_sequences(self) -> int:
        """Sequences per update."""
        return self.batch_tokens // self.seq_len

    @property
    def tokenizer(self) -> str:
        """Of the corpus, as a ladder names it."""
        return "bytes" if self.vocab == BYTES else f"bpe-{self.vocab}"

    def architecture(self, width: int, layers: int) -> Architecture:
        """A model of this width and depth, as the built-in trainer makes it."""
        return Architecture(
            n_layers=layers,
            d_model=width,
            n_heads=heads(width),
            vocab=self.vocab,
            seq_len=self.seq_len,
            tied=False,
        )


@dataclass(frozen=True)
class Size:
    """A size that can be trained.

    Attributes:
        arch: its shape.
        n_params: N as the law counts it.
        flop_per_token: training FLOP per token, attention included.
    """

    arch: Architecture
    n_params: float
    flop_per_token: float

    @property
    def shape(self) -> str:
        """Width x layers, as a ladder writes it."""
        return f"{self.arch.d_model}x{self.arch.n_layers}"


def heads(width: int) -> int:
    """Heads of 16 in small models, of 64 and 128 in large ones, as the field has them."""
    head = 16 if width < 256 else 64 if width < 2048 else 128
    return max(1, width // head)


def layers_of(width: int) -> int:
    """Layers for a width: as the shipped small ladder, then as published models of that size."""
    if width <= SMALL_WIDTH:
        return max(FEWEST_LAYERS, round(width / SMALL_ASPECT))
    layers = least = round(SMALL_WIDTH / SMALL_ASPECT)
    for _ in range(8):
        aspect = aspect_prior(12.0 * width**2 * layers).aspect
        layers = max(least, round(width / aspect))
    return layers


def sizes(recipe: Recipe, count: str, shapes: tuple[str, ...] = ()) -> tuple[Size, ...]:
    """The sizes on offer, the smallest first.

    Args:
        recipe: vocabulary and context.
        count: which count N is.
        shapes: width x layers, such as ``32x2``; a ladder of widths by default.

    Raises:
        InputError: a shape is none, or cannot be trained.
    """
    count = count if count in PARAM_COUNTS else "matmul"
    pairs = [_pair(text) for text in shapes] or [(w, layers_of(w)) for w in _widths()]
    found: list[Size] = []
    for width, layers in pairs:
        arch = recipe.architecture(width, layers)
        if (width // heads(width)) % 2 or width % heads(width):
            raise InputError(
                f"{width}x{layers} has heads of odd width, which the trainer cannot turn.",
                code="bad_shape",
                where=Where(field="shapes"),
                hint="Give multiples of 4 up to 48, of 16 beyond, of 64 from 256 on.",
            )
        found.append(Size(arch, float(arch.count(count)), flop_per_token(arch, "palm")))
    return tuple(sorted(found, key=lambda one: (one.n_params, one.flop_per_token)))


def _widths() -> Iterator[int]:
    width = 8
    for last, step in _STEPS:
        while width <= last:
            yield width
            width += step
        width = last + next((s for end, s in _STEPS if end > last), step)


def _pair(text: str) -> tuple[int, int]:
    width, _, layers = text.strip().partition("x")
    if not (width.isdecimal() and layers.isdecimal() and int(width) and int(layers)):
        raise InputError(
            f'found "{text[:40]}" where a shape such as 32x2 (width x layers) is expected.',
            code="bad_shape",
            where=Where(field="shapes"),
        )
    return int(width), int(layers)
