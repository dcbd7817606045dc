"""The run that meets a demand, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Answer:
    """The run that meets a demand.

    A number that was given has the ends of its interval at itself. An open (infinite) end means
    that some draws never meet the demand.

    Attributes:
        asked: what was asked for: ``flop``, ``tokens`` or ``n_params``.
        flop: compute of the run.
        n_params: its N.
        tokens: its D.
        loss: of one new run with the estimates of N and D, noise included.
        loss_mean: of the law itself there.
        unreachable: share of the draws in which no run meets the demand.
        decades_beyond_data: log10 of compute beyond the largest run.
        law: name of the law.
        conventions: what N (``n``), C (``flop``) and the loss (``loss_unit``) mean.
        ci: how intervals were made.
        seed: of the draws.
        data_hash: of the runs.
        n_runs: number of runs.
        warnings: what the user must know.
        cost: hours and money, where hardware is given.
    """

    asked: str
    flop: Quantity
    n_params: Quantity
    tokens: Quantity
    loss: Quantity
    loss_mean: Quantity
    unreachable: float
    decades_beyond_data: float
    law: str
    conventions: Mapping[str, str]
    ci: str
    seed: int
    data_hash: str
    n_runs: int
    warnings: tuple[Notice, ...]
    cost: Mapping[str, Any] | None = None

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The numbers with intervals, by name."""
        names = ("flop", "n_params", "tokens", "loss", "loss_mean")
        return {name: getattr(self, name) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.answer``."""
        return (
            envelope("answer")
            | {"asked": self.asked, "law": self.law}
            | {name: quantity.to_dict() for name, quantity in self.quantities.items()}
            | {
                "cost": None if self.cost is None else dict(self.cost),
                "unreachable": self.unreachable,
                "decades_beyond_data": self.decades_beyond_data,
                "conventions": dict(self.conventions),
                "ci": self.ci,
                "seed": self.seed,
                "data_hash": self.data_hash,
                "n_runs": self.n_runs,
                "warnings": [notice.to_dict() for notice in self.warnings],
            }
        )

    def to_frame(self) -> pl.DataFrame:
        """One row per number: quantity, estimate, lo, hi, level."""
        import polars as pl

        return pl.DataFrame(
            [{"quantity": name, **quantity.to_dict()} for name, quantity in self.quantities.items()]
        )

    def summary(self) -> str:
        """The answer as a few lines of text."""
        from isoloss.planning.text import answer_text

        return answer_text(self)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from isoloss.planning.text import answer_html

        return answer_html(self)
