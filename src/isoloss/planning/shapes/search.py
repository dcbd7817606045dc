"""Which whole numbers of layers, width, heads and feed-forward have N parameters? All of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from isoloss.errors import InputError, Where
from isoloss.runs import Architecture

# Far wider than any published ladder, so that the ranking and not the search decides.
ASPECTS = (8.0, 1024.0)
MOST_LAYERS = 512
# Feed-forward may differ this much from its usual ratio to the width, to hit N.
FF_SLACK = 1.3
PLAIN_RATIO = 4.0
GATED_RATIO = 8.0 / 3.0


@dataclass(frozen=True)
class Wish:
    """What a shape must have.

    Attributes:
        n: parameters to hit.
        count: which count that is: ``total``, ``nonemb``, ``matmul`` or ``active``.
        vocab: vocabulary.
        seq_len: context, tokens.
        head: width of a head.
        multiple_of: width and feed-forward are multiples of this.
        gqa: query heads per key head.
        kv_heads: number of key heads instead; 0 where ``gqa`` says it.
        gated: gated feed-forward.
        tied: input and output embedding are one.
        ff_ratio: usual feed-forward over width; of all experts that a token uses together.
        experts: experts per layer; 0 for a dense model.
        topk: experts per token.
        granularity: an expert is this many times narrower than a dense feed-forward.
        tolerance: largest relative difference to ``n``.
    """

    n: float
    count: str = "total"
    vocab: int = 0
    seq_len: int = 0
    head: int = 128
    multiple_of: int = 128
    gqa: int = 1
    kv_heads: int = 0
    gated: bool = True
    tied: bool = False
    ff_ratio: float = GATED_RATIO
    experts: int = 0
    topk: int = 0
    granularity: float = 1.0
    tolerance: float = 0.01

    def architecture(self, layers: int, width: int, ff: int) -> Architecture:
        """The architecture of these layers, width and feed-forward."""
        heads = width // self.head
        return Architecture(
            n_layers=layers,
            d_model=width,
            n_heads=heads,
            n_kv_heads=self.kv_heads or heads // self.gqa,
            d_head=self.head,
            d_ff=ff,
            vocab=self.vocab,
            seq_len=self.seq_len,
            tied=self.tied,
            gated=self.gated,
            moe_experts=self.experts,
            moe_topk=self.topk,
        )

    def total(self, layers: int, width: int, ff: int) -> int:
        """The count of `architecture` without making one: whole numbers, thousands of times."""
        heads = width // self.head
        keys = self.kv_heads or heads // self.gqa
        attention = 2 * width * self.head * (heads + keys)
        used = self.experts if self.count in ("total", "nonemb") else self.topk
        expert = (3 if self.gated else 2) * width * ff
        layer = attention + max(1, used) * expert + self.experts * width
        tables = {"total": 1 if self.tied else 2, "matmul": 1}.get(self.count, 0)
        return layers * layer + tables * self.vocab * width

    def error(self, arch: Architecture) -> float:
        """Relative difference to the parameters to hit."""
        return arch.count(self.count) / self.n - 1.0

    @property
    def width_step(self) -> int:
        """Widths are multiples of this: whole heads, whole groups of them, and ``multiple_of``."""
        heads = self.kv_heads or self.gqa
        return math.lcm(self.head * heads, self.multiple_of)


def shapes(wish: Wish) -> list[Architecture]:
    """All shapes within the tolerance.

    For each number of layers and each width the feed-forward of the usual ratio is tried, and the
    one that hits N most closely.

    Raises:
        InputError: there is none; the nearest is named.
    """
    found: list[Architecture] = []
    nearest, off = None, math.inf
    for layers, width, ff in _candidates(wish):
        error = abs(wish.total(layers, width, ff) / wish.n - 1.0)
        if error < off:
            nearest, off = (layers, width, ff), error
        if error <= wish.tolerance:
            found.append(wish.architecture(layers, width, ff))
    if not found:
        raise _none(wish, None if nearest is None else wish.architecture(*nearest))
    return list(dict.fromkeys(found))


def _candidates(wish: Wish) -> Iterator[tuple[int, int, int]]:
    """Layers, width and feed-forward."""
    step = wish.width_step
    for layers in range(1, MOST_LAYERS + 1):
        width = max(step, step * math.ceil(layers * ASPECTS[0] / step))
        while width <= layers * ASPECTS[1]:
            usual = _rounded(wish.ff_ratio * width / wish.granularity, wish.multiple_of)
            exact = _exact_ff(wish, layers, width)
            if exact < usual / FF_SLACK - wish.multiple_of:
                break  # wider ones have too many parameters without feed-forward
            if exact <= usual * FF_SLACK + wish.multiple_of:
                for ff in {usual, _rounded(exact, wish.multiple_of)}:
                    if usual / FF_SLACK <= ff <= usual * FF_SLACK:
                        yield layers, width, ff
            width += step


def _exact_ff(wish: Wish, layers: int, width: int) -> float:
    """The feed-forward width at which N is hit: the count is linear in it."""
    none, one = wish.total(layers, width, 0), wish.total(layers, width, 1)
    return (wish.n - none) / (one - none)


def _rounded(value: float, step: int) -> int:
    return max(step, step * round(value / step))


def _none(wish: Wish, nearest: Architecture | None) -> InputError:
    tables = (0 if wish.count in ("nonemb", "active") else 1) * wish.vocab
    tables *= 2 if wish.count == "total" and not wish.tied else 1
    least = tables * wish.width_step
    if least >= wish.n:
        return InputError(
            f"a vocabulary of {wish.vocab:,} alone takes {least:,} parameters at the least width, "
            f"{wish.width_step}.",
            code="no_shape",
            where=Where(field="n_params"),
            hint="Ask for more parameters, a smaller vocabulary or tied embeddings, or count N "
            "without embeddings (nonemb).",
        )
    close = (
        ""
        if nearest is None
        else (
            f"; the nearest has {nearest.count(wish.count):,} (L={nearest.n_layers} "
            f"d={nearest.d_model} ff={nearest.d_ff}, {wish.error(nearest):+.1%})"
        )
    )
    return InputError(
        f"no shape has {wish.n:,.0f} parameters ({wish.count}) to {wish.tolerance:.3g} with widths "
        f"of a multiple of {wish.width_step}{close}.",
        code="no_shape",
        where=Where(field="n_params"),
        hint="Allow smaller steps: a smaller head, multiple_of or number of key heads.",
    )
