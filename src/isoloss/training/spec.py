"""What determines the result of a run? All of it, and nothing else: the identity of the run."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal, TypeVar, cast, get_args

from isoloss.errors import InputError, Where
from isoloss.runs.architecture import Architecture

Kind = Literal["transformer", "lstm"]
Optimizer = Literal["adamw", "sgd", "muon"]
Schedule = Literal["linear", "cosine", "cosine-tenth", "cosine-floor", "wsd", "constant"]
Parametrization = Literal["standard", "mup"]
_Spec = TypeVar("_Spec")
LARGEST = 2**53
"""Of whole numbers: beyond it floats skip some, and no run is so long."""


@dataclass(frozen=True)
class Model:
    """The shape of a model.

    Attributes:
        kind: ``transformer`` or ``lstm``.
        n_layers: layers.
        d_model: width.
        n_heads: query heads; by default one per 16 of width, or the next number that divides it.
        n_kv_heads: key and value heads; by default as many as queries.
        d_ff: feed-forward width; by default four times the width.
        gated: SwiGLU in place of GELU.
        tied: one table for input and output.
        vocab: vocabulary.
        seq_len: context, tokens.
        rope_base: of the rotary positions.
        token_shift: how much of the token before is added to each embedding.
    """

    kind: Kind = "transformer"
    n_layers: int = 2
    d_model: int = 32
    n_heads: int = 0
    n_kv_heads: int = 0
    d_ff: int = 0
    gated: bool = False
    tied: bool = False
    vocab: int = 256
    seq_len: int = 128
    rope_base: float = 128.0
    token_shift: float = 0.5

    def __post_init__(self) -> None:
        _settle_floats(self)
        _one_of("kind", self.kind, get_args(Kind))
        for name in ("n_layers", "d_model", "vocab", "seq_len"):
            _at_least(name, getattr(self, name), 1)
        for name in ("n_heads", "n_kv_heads", "d_ff"):
            _at_least(name, getattr(self, name), 0)
        _positive("rope_base", self.rope_base)
        if not math.isfinite(self.token_shift):
            raise _bad("token_shift", self.token_shift, "a number")
        try:
            arch = self.architecture
        except InputError as error:
            name, _, message = error.message.removeprefix("architecture, ").partition(": ")
            raise InputError(message, code="bad_spec", where=Where(field=name)) from None
        if arch.d_head % 2 and self.kind == "transformer":
            raise InputError(
                f"heads are {arch.d_head} wide, and rotary positions turn pairs: an even width is "
                "expected.",
                code="bad_spec",
                where=Where(field="n_heads"),
                hint=f"Choose n_heads so that d_model = {self.d_model} is an even multiple of it.",
            )
        for name in ("n_heads", "n_kv_heads", "d_ff"):
            object.__setattr__(self, name, getattr(arch, name))

    @property
    def architecture(self) -> Architecture:
        """The same shape with its counts; of an LSTM only width, depth and tables mean anything."""
        heads = self.n_heads or _default_heads(self.d_model)
        return Architecture(
            n_layers=self.n_layers,
            d_model=self.d_model,
            n_heads=heads,
            n_kv_heads=self.n_kv_heads,
            d_ff=self.d_ff,
            vocab=self.vocab,
            seq_len=self.seq_len,
            tied=self.tied,
            gated=self.gated,
        )


def _default_heads(width: int) -> int:
    """The first number of heads from one per 16 on that cuts the width into even parts."""
    fits = (heads for heads in range(max(1, width // 16), width) if width % (2 * heads) == 0)
    return next(fits, 1)


@dataclass(frozen=True)
class Optimization:
    """How the weights are updated.

    Attributes:
        name: ``adamw``, ``sgd`` (with momentum) or ``muon``.
        lr: peak learning rate, at ``base_width`` under ``mup``.
        beta1: of the first moment, or momentum.
        beta2: of the second moment.
        eps: added to its root.
        weight_decay: decoupled, times the learning rate.
        clip: largest norm of the gradient; 0 for none.
        parametrization: ``standard``, or ``mup`` (Yang et al. 2022): rates that carry over widths.
        base_width: the width at which ``lr`` is meant under ``mup``.
        depth_scaling: divide the residual branches by the root of the depth.
    """

    name: Optimizer = "adamw"
    lr: float = 2.0**-7
    beta1: float = 0.9
    beta2: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.1
    clip: float = 1.0
    parametrization: Parametrization = "mup"
    base_width: int = 64
    depth_scaling: bool = False

    def __post_init__(self) -> None:
        _settle_floats(self)
        _one_of("optimizer", self.name, get_args(Optimizer))
        _one_of("parametrization", self.parametrization, get_args(Parametrization))
        for name in ("lr", "eps"):
            _positive(name, getattr(self, name))
        for name in ("weight_decay", "clip"):
            if not getattr(self, name) >= 0 or math.isinf(getattr(self, name)):
                raise _bad(name, getattr(self, name), "zero or more")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise _bad(name, getattr(self, name), "a number from 0 to below 1")
        _at_least("base_width", self.base_width, 1)


@dataclass(frozen=True)
class Pacing:
    """How long a run is, and how its learning rate moves.

    Attributes:
        steps: updates.
        batch_sequences: sequences per update.
        schedule: ``linear`` to zero, ``cosine`` to zero, ``cosine-tenth`` (to a tenth of the
            peak), ``cosine-floor`` (to ``floor_lr``), ``wsd`` (constant, then linear to zero over
            the last ``decay`` of the steps after the warm-up) or ``constant``.
        warmup: share of the steps with a rising rate.
        decay: share of the steps after the warm-up in which ``wsd`` falls.
        floor_lr: where ``cosine-floor`` ends.
    """

    steps: int = 1000
    batch_sequences: int = 4
    schedule: Schedule = "linear"
    warmup: float = 0.05
    decay: float = 0.2
    floor_lr: float = 1e-5

    def __post_init__(self) -> None:
        _settle_floats(self)
        _one_of("schedule", self.schedule, get_args(Schedule))
        for name in ("steps", "batch_sequences"):
            _at_least(name, getattr(self, name), 1)
        for name in ("warmup", "decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise _bad(name, getattr(self, name), "a share from 0 to 1")
        if not 0 <= self.floor_lr < math.inf:
            raise _bad("floor_lr", self.floor_lr, "zero or more")


@dataclass(frozen=True)
class Data:
    """What a run reads.

    Attributes:
        mixture: share of the tokens from each domain of the corpus; they sum to one.
        unique_tokens: distinct tokens among those read; 0 for all that the corpus has.
        corpus: hash of the corpus, which fixes its documents, their split and the tokenizer.
    """

    mixture: Mapping[str, float] = field(default_factory=dict[str, float])
    unique_tokens: int = 0
    corpus: str = ""

    def __post_init__(self) -> None:
        shares = list(self.mixture.values())
        if any(not share >= 0 for share in shares) or (
            shares and not math.isclose(sum(shares), 1.0, abs_tol=1e-6)
        ):
            raise _bad("mixture", dict(self.mixture), "shares of zero or more that sum to one")
        _at_least("unique_tokens", self.unique_tokens, 0)
        # The order of the domains is no part of the identity.
        parts = {name: float(share) for name, share in sorted(self.mixture.items())}
        object.__setattr__(self, "mixture", parts)


@dataclass(frozen=True)
class RunSpec:
    """One run, wholly determined.

    Attributes:
        model: shape.
        optimization: updates.
        pacing: length, batch and schedule.
        data: what it reads.
        seed: of the initial weights and of the order of the data.
        evals: how many points of the loss curve are measured, the last one included.
        trainer: the command that trains it; empty for the built-in trainer.
    """

    model: Model = field(default_factory=Model)
    optimization: Optimization = field(default_factory=Optimization)
    pacing: Pacing = field(default_factory=Pacing)
    data: Data = field(default_factory=Data)
    seed: int = 0
    evals: int = 10
    trainer: str = ""

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("evals", 1)):
            value: object = getattr(self, name)
            if not _is_whole(value):
                raise _bad(name, value, "a whole number")
            _at_least(name, cast("int", value), least)

    @property
    def batch_tokens(self) -> int:
        """Tokens per update."""
        return self.pacing.batch_sequences * self.model.seq_len

    @property
    def tokens(self) -> int:
        """Tokens read, repeats included."""
        return self.pacing.steps * self.batch_tokens

    def to_dict(self) -> dict[str, Any]:
        """All of it in plain values; no word of a trainer where that is the built-in one."""
        found = asdict(self)
        if not self.trainer:
            del found["trainer"]
        return found

    @cached_property
    def run_id(self) -> str:
        """A hash of everything that determines the result: same name, same digits."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def run_from_dict(document: Mapping[str, Any]) -> RunSpec:
    """The run that `RunSpec.to_dict` wrote, or a part of it with defaults for the rest.

    Raises:
        InputError: a field is unknown or its value unusable.
    """
    parts: dict[str, Any] = {
        "model": Model,
        "optimization": Optimization,
        "pacing": Pacing,
        "data": Data,
    }
    known = {item.name for item in fields(RunSpec)}
    values: dict[str, Any] = {}
    for name, value in document.items():
        if name not in known:
            raise _unknown(name, sorted(known))
        values[name] = build(parts[name], value) if name in parts else value
    return RunSpec(**values)


def build(kind: type[_Spec], values: Mapping[str, Any]) -> _Spec:
    """A part of a run from plain values.

    Raises:
        InputError: a field is unknown or its value unusable.
    """
    known = {item.name: item for item in fields(kind)}  # pyright: ignore[reportArgumentType]
    for name, value in values.items():
        if name not in known:
            raise _unknown(name, sorted(known))
        expected = _expected(str(known[name].type), value)
        if expected:
            raise _bad(name, value, expected)
    return kind(**values)


def _expected(kind: str, value: object) -> str:
    """What a field of some type expects where the value is something else; else nothing."""
    if kind == "bool":
        return "" if isinstance(value, bool) else "true or false"
    if kind == "int":
        return "" if _is_whole(value) else "a whole number"
    if kind == "float":
        return "" if _is_number(value) else "a number"
    if kind.startswith("Mapping"):
        parts = cast("dict[str, object]", value) if isinstance(value, dict) else {"": None}
        fits = all(_is_number(part) for part in parts.values())
        return "" if fits else "a table of shares such as { text = 0.7, code = 0.3 }"
    return "" if isinstance(value, str) else "a word in quotes"


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST


def _is_number(value: object) -> bool:
    return isinstance(value, float) or _is_whole(value)


def vary(spec: RunSpec, changes: Mapping[str, Any]) -> RunSpec:
    """The same run with some fields changed, whichever part they belong to.

    Args:
        spec: the run.
        changes: field name -> value, such as ``{"lr": 0.01, "d_model": 48, "seed": 3}``; heads
            and feed-forward width follow a changed width where they are not given as well.

    Raises:
        InputError: there is no such field.
    """
    homes = {
        item.name: part
        for part in ("data", "pacing", "optimization", "model")
        for item in fields(getattr(spec, part))
        if item.name != "name"
    }
    homes["optimizer"] = "optimization"
    own = {"seed", "evals"}
    grouped: dict[str, dict[str, Any]] = {}
    top: dict[str, Any] = {}
    for name, value in changes.items():
        if name in own:
            top[name] = value
        elif name in homes:
            grouped.setdefault(homes[name], {})["name" if name == "optimizer" else name] = value
        else:
            raise _unknown(name, sorted({*homes, *own}))
    if "d_model" in grouped.get("model", {}):
        grouped["model"] = {"n_heads": 0, "n_kv_heads": 0, "d_ff": 0} | grouped["model"]
    parts: dict[str, Any] = {}
    for part, values in grouped.items():
        old: Any = getattr(spec, part)
        kind = cast("type[Any]", type(old))
        parts[part] = build(kind, asdict(old) | values)
    return replace(spec, **parts, **top)


def _settle_floats(part: Any) -> None:
    """Make 1 and 1.0, or 0.0 and -0.0, the same value: they give the same digits."""
    for item in fields(part):
        value = getattr(part, item.name)
        if item.type == "float" and _is_number(value):
            object.__setattr__(part, item.name, float(value) + 0.0)


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise _bad(name, value, f"one of {', '.join(known)}")


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise _bad(name, value, f"at least {least}")


def _positive(name: str, value: float) -> None:
    if not (value > 0 and math.isfinite(value)):
        raise _bad(name, value, "a positive number")


def _bad(name: str, value: object, expected: str) -> InputError:
    return InputError(
        f"found {value!r} where {expected} is expected.",
        code="bad_spec",
        where=Where(field=name),
    )


def _unknown(name: str, known: list[str]) -> InputError:
    return InputError(
        f'there is no field "{name[:60]}" in a run.',
        code="unknown_field",
        where=Where(field=name[:60]),
        hint=f"Known: {', '.join(known)}.",
    )
