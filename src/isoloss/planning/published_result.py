"""The published laws side by side at one budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice

if TYPE_CHECKING:
    import polars as pl

LOSSES = Notice(
    "losses_differ",
    "losses are on each source's own data, tokenizer and unit; compare N and D, not losses.",
)


@dataclass(frozen=True)
class PublishedRow:
    """What one set of published coefficients says.

    Attributes:
        law: name of the law; ``allocation`` for a power of compute without a loss.
        key: which coefficients.
        status: of its plan; ``no_minimum`` where it has no interior minimum.
        n_params: N*, NaN without a minimum; so are the next three.
        tokens: D*.
        tokens_per_param: D* / N*.
        loss: in ``loss_unit``; NaN where the source says nothing of the loss.
        loss_unit: unit of the loss; empty likewise.
        n_convention: what N counts.
        range_stated: whether the source says where it was fitted.
        outside: how many times N, D or C is outside the fitted range; empty if none is.
        source: paper and place.
        confidence: ``V`` read in the paper, ``V2`` in a secondary account, ``C`` computed.
    """

    law: str
    key: str
    status: str
    n_params: float
    tokens: float
    tokens_per_param: float
    loss: float
    loss_unit: str
    n_convention: str
    range_stated: bool
    outside: Mapping[str, float]
    source: str
    confidence: str

    @property
    def distance(self) -> str:
        """How far outside the fitted range, in words."""
        if not self.range_stated:
            return "not stated"
        if not self.outside:
            return "inside"
        factors = [
            f"{name} {far:,.0f}x" if far >= 100 else f"{name} {far:.3g}x"
            for name, far in self.outside.items()
        ]
        return ", ".join(factors) + " outside"

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {**vars(self), "outside": dict(self.outside)}


@dataclass(frozen=True)
class PublishedPlans:
    """The published laws side by side at one budget.

    Attributes:
        flop: the budget.
        rows: one per set of coefficients.
    """

    flop: float
    rows: tuple[PublishedRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.published_plans``."""
        return envelope("published_plans") | {
            "flop": self.flop,
            "seed": None,
            "conventions": {"flop": "6nd"},
            "plans": [row.to_dict() for row in self.rows],
            "warnings": [LOSSES.to_dict()],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per set of coefficients."""
        import polars as pl

        return pl.DataFrame([{**row.to_dict(), "outside": row.distance} for row in self.rows])

    def summary(self) -> str:
        """The table as text."""
        from isoloss.planning.text import published_table

        return published_table(self)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from isoloss.planning.text import published_html

        return published_html(self)
