"""A tuned learning rate carried to another run by every rule, and how far the rules lie apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.planning.settings.move import Move
from isoloss.planning.settings.result import Contradiction, Spread
from isoloss.validation.report import Report

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Carried:
    """What one rule makes of the tuned learning rate.

    Attributes:
        rule: its name.
        factor: by which the rate changes; None where the rule cannot be used.
        lr: the rate of the wanted run; its interval is that of the exponents over the way from
            the tuned run, NaN where none was published.
        covers: the changes that the rule is about.
        leaves: what it says nothing of: changes, and ``batch`` where the batch is held against
            the rule's own.
        assumes: what must hold for it.
        source: paper and place.
        confidence: ``V`` read in the paper, ``V2`` in a secondary account, ``C`` computed.
        missing: why it cannot be used; empty if it can.
        groups: tensors -> their own factor, where the rule tells tensors apart.
        also: other settings -> the factor that the rule gives them.
        weight_decay: for the wanted run, through the timescale of AdamW; None where not known.
        outside: how many times each variable of the wanted run is outside the fitted range.
    """

    rule: str
    factor: float | None
    lr: Quantity | None
    covers: tuple[str, ...]
    leaves: tuple[str, ...]
    assumes: tuple[str, ...]
    source: str
    confidence: str
    missing: str = ""
    groups: Mapping[str, float] = field(default_factory=dict[str, float])
    also: Mapping[str, float] = field(default_factory=dict[str, float])
    weight_decay: float | None = None
    outside: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def is_complete(self) -> bool:
        """Whether the rule covers all that changes, and can be used."""
        return self.factor is not None and not self.leaves

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {
            **vars(self),
            "lr": None if self.lr is None else self.lr.to_dict(),
            "covers": list(self.covers),
            "leaves": list(self.leaves),
            "assumes": list(self.assumes),
            "groups": dict(self.groups),
            "also": dict(self.also),
            "outside": dict(self.outside),
            "is_complete": self.is_complete,
        }


@dataclass(frozen=True)
class CarriedBatch:
    """The tuned batch carried to the wanted run by a law.

    Attributes:
        law: its name.
        batch_tokens: for the wanted run.
        factor: by which the batch changes.
        source: paper and place.
    """

    law: str
    batch_tokens: float
    factor: float
    source: str

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Transfer(Report):
    """A tuned learning rate carried to another run by every rule.

    Attributes:
        move: from which run to which.
        rules: one entry per rule, those that cover all changes first.
        batches: the tuned batch carried by laws of the batch.
        spread: over the rules that cover all changes; None if there is none.
        contradictions: what the rules disagree about.
        warnings: what the user must know.
    """

    move: Move
    rules: tuple[Carried, ...]
    batches: tuple[CarriedBatch, ...]
    spread: Spread | None
    contradictions: tuple[Contradiction, ...]
    warnings: tuple[Notice, ...] = ()

    def __getitem__(self, rule: str) -> Carried:
        """The entry of a rule by name."""
        for one in self.rules:
            if one.rule == rule:
                return one
        raise KeyError(rule)

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.lr_transfer``."""
        return envelope("lr_transfer") | {
            "seed": None,
            "conventions": {"n": "given", "flop": "6nd", "loss_unit": "nats/token"},
            "since": self.move.since.to_dict(),
            "to": self.move.to.to_dict(),
            "changes": self.move.changes,
            "rules": [one.to_dict() for one in self.rules],
            "batches": [one.to_dict() for one in self.batches],
            "spread": None if self.spread is None else self.spread.to_dict(),
            "contradictions": [one.to_dict() for one in self.contradictions],
            "warnings": [one.to_dict() for one in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per rule."""
        import polars as pl

        rows = [
            {
                "rule": one.rule,
                "factor": one.factor,
                "lr": None if one.lr is None else one.lr.estimate,
                "lr_lo": None if one.lr is None else one.lr.lo,
                "lr_hi": None if one.lr is None else one.lr.hi,
                "weight_decay": one.weight_decay,
                "covers": ", ".join(one.covers),
                "leaves": ", ".join(one.leaves),
                "missing": one.missing,
                "source": one.source,
            }
            for one in self.rules
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def summary(self) -> str:
        """The rules as a table, with what each assumes."""
        from isoloss.planning.settings.transfer_text import transfer_text

        return transfer_text(self)
