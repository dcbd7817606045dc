"""Learning rate and batch by several laws side by side, and what they disagree about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.validation.report import Report

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Rescaled:
    """A law's learning rate carried from the batch at which it holds to the batch that is wanted.

    Attributes:
        batch_tokens: the wanted batch.
        since: the batch at which the law's rate holds.
        square_root: the rate if it goes with the square root of the batch.
        linear: the rate if it is proportional to the batch.
    """

    batch_tokens: float
    since: float
    square_root: float
    linear: float

    def to_dict(self) -> dict[str, float]:
        """All attributes as plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Advice:
    """What one law advises at a size and a number of tokens.

    The first five are enough for a law of one's own; the rest lets it be compared.

    Attributes:
        law: its name; ``fitted`` for one from the user's own sweep.
        lr: peak learning rate; None where the law has none there.
        batch_tokens: batch; None likewise.
        inside_range: whether the law was fitted there; False where no range is stated.
        source: paper and place, or the sweep.
        critical_batch_tokens: critical batch, where the law has one.
        key: which published coefficients.
        confidence: ``V`` read in the paper, ``V2`` in a secondary account, ``C`` computed.
        n: what N counts.
        compute: what C counts; empty for a law without C.
        range: the fitted range per variable; empty where none is stated.
        outside: how many times each variable is outside it; empty if none is.
        batch: at which batch the learning rate holds.
        schedule: for which schedule.
        powers: setting -> variable -> power by which the law changes it here.
        lr_at_batch: the rate at the batch that is wanted, by two rules.
        missing: setting -> why there is no value.
        notes: what a user of these numbers must know.
    """

    law: str
    lr: Quantity | None
    batch_tokens: Quantity | None
    inside_range: bool
    source: str
    critical_batch_tokens: Quantity | None = None
    key: str = ""
    confidence: str = ""
    n: str = ""
    compute: str = ""
    range: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    outside: Mapping[str, float] = field(default_factory=dict[str, float])
    batch: str = ""
    schedule: str = ""
    powers: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict[str, Mapping[str, float]]
    )
    lr_at_batch: Rescaled | None = None
    missing: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: str = ""

    @property
    def distance(self) -> str:
        """How far outside the fitted range, in words."""
        if self.outside:
            factors = [
                f"{name} {far:,.0f}x" if far >= 100 else f"{name} {far:.3g}x"
                for name, far in self.outside.items()
            ]
            return ", ".join(factors) + " outside"
        return "inside" if self.inside_range else "not stated"

    def to_dict(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        settings = ("lr", "batch_tokens", "critical_batch_tokens")
        found: dict[str, Quantity | None] = {name: getattr(self, name) for name in settings}
        return (
            {"law": self.law}
            | {name: None if one is None else one.to_dict() for name, one in found.items()}
            | {
                "inside_range": self.inside_range,
                "source": self.source,
                "key": self.key,
                "confidence": self.confidence,
                "n_convention": self.n,
                "compute": self.compute,
                "range": {name: {"lo": lo, "hi": hi} for name, (lo, hi) in self.range.items()},
                "outside": dict(self.outside),
                "batch": self.batch,
                "schedule": self.schedule,
                "powers": {name: dict(powers) for name, powers in self.powers.items()},
                "lr_at_batch": None if self.lr_at_batch is None else self.lr_at_batch.to_dict(),
                "missing": dict(self.missing),
                "notes": self.notes,
            }
        )


class Adviser(Protocol):
    """Whatever can advise a learning rate and a batch, such as a law fitted to one's own sweep."""

    def advise(self, params: float, tokens: float) -> Advice:
        """What it advises for a model of that size on that many tokens."""
        ...


@dataclass(frozen=True)
class Spread:
    """How far laws lie apart.

    Attributes:
        lo: the smallest value.
        hi: the largest.
        law_lo: whose it is.
        law_hi: whose the largest is.
        n_laws: how many laws give a value.
    """

    lo: float
    hi: float
    law_lo: str
    law_hi: str
    n_laws: int

    @property
    def ratio(self) -> float:
        """Largest over smallest."""
        return self.hi / self.lo

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values, and the ratio."""
        return {**vars(self), "ratio": self.ratio}


@dataclass(frozen=True)
class Contradiction:
    """A question on which laws answer in opposite directions.

    Attributes:
        code: a stable word for programs.
        question: what is asked.
        rising: law -> power, of those that say that it rises.
        falling: of those that say that it falls.
        flat: those that say that it does not change.
        reasons: what is known of the cause, most certain first.
        measure: whether laws are given with a ``power`` of the variable or a ``factor``.
    """

    code: str
    question: str
    rising: Mapping[str, float]
    falling: Mapping[str, float]
    flat: tuple[str, ...]
    reasons: tuple[str, ...]
    measure: str = "power"

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {
            "code": self.code,
            "question": self.question,
            "rising": dict(self.rising),
            "falling": dict(self.falling),
            "flat": list(self.flat),
            "reasons": list(self.reasons),
            "measure": self.measure,
        }


@dataclass(frozen=True)
class HParams(Report):
    """Learning rate and batch by every law at one size and number of tokens.

    Attributes:
        n_params: N as given.
        tokens: D as given.
        flop: C as used.
        loss: the loss to be reached, for laws in it; None where not given.
        seq_len: tokens per sequence, to say batches in sequences.
        batch_tokens: the batch that is wanted; None where not given.
        laws: one entry per law.
        spread: setting -> how far the laws lie apart.
        contradictions: what they disagree about.
        flop_convention: ``6nd``, ``m_d`` (FLOP per token of the architecture), or ``given``.
        warnings: what the user must know.
        n_counts: what of N each convention counts, where an architecture is given.
    """

    n_params: float
    tokens: float
    flop: float
    loss: float | None
    seq_len: int
    batch_tokens: float | None
    laws: tuple[Advice, ...]
    spread: Mapping[str, Spread]
    contradictions: tuple[Contradiction, ...]
    flop_convention: str = "6nd"
    warnings: tuple[Notice, ...] = ()
    n_counts: Mapping[str, int] | None = None

    def __getitem__(self, law: str) -> Advice:
        """The entry of a law by name."""
        for one in self.laws:
            if one.law == law:
                return one
        raise KeyError(law)

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.hparams``."""
        return envelope("hparams") | {
            "seed": None,
            "conventions": {
                "n": "given" if self.n_counts is None else "nonemb",
                "flop": self.flop_convention,
                "loss_unit": "nats/token",
            },
            "n_params": self.n_params,
            "n_counts": None if self.n_counts is None else dict(self.n_counts),
            "tokens": self.tokens,
            "flop": self.flop,
            "loss": self.loss,
            "seq_len": self.seq_len,
            "batch_tokens": self.batch_tokens,
            "laws": [one.to_dict() for one in self.laws],
            "spread": {name: one.to_dict() for name, one in self.spread.items()},
            "contradictions": [one.to_dict() for one in self.contradictions],
            "warnings": [one.to_dict() for one in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per law: estimates, ends of intervals, range, source."""
        import polars as pl

        def parts(name: str, one: Quantity | None) -> dict[str, float | None]:
            found = (None,) * 3 if one is None else (one.estimate, one.lo, one.hi)
            return dict(zip((name, f"{name}_lo", f"{name}_hi"), found, strict=True))

        rows = [
            {"law": one.law}
            | parts("lr", one.lr)
            | parts("batch_tokens", one.batch_tokens)
            | parts("critical_batch_tokens", one.critical_batch_tokens)
            | {"inside_range": one.inside_range, "range": one.distance, "source": one.source}
            for one in self.laws
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def summary(self) -> str:
        """The laws as a table, and what they disagree about."""
        from isoloss.planning.settings.text import hparams_text

        return hparams_text(self)
