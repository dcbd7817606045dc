"""What a plan says, and everything that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.showing import Shown

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from isoloss.planning.card import Card
    from isoloss.planning.serving import ServingPlan


@dataclass(frozen=True)
class FlatRegion:
    """How far N may move at the same compute before it costs anything that matters.

    Attributes:
        within_loss: the allowed excess of loss over the best, relative.
        n_params_lo: smallest N within it; NaN where none was found within the search.
        n_params_hi: largest N within it; likewise.
    """

    within_loss: float
    n_params_lo: float
    n_params_hi: float

    def to_dict(self) -> dict[str, float]:
        """The object of the JSON contract."""
        return {
            "within_loss": self.within_loss,
            "n_params_lo": self.n_params_lo,
            "n_params_hi": self.n_params_hi,
        }


@dataclass(frozen=True)
class Plan(Shown):
    """What to train with a given compute, and how far that can be trusted.

    An interval that is open (infinite, or zero below) means that some draws have no optimum on
    that side; an interval of NaN means that none was made. Both are null in JSON.

    Attributes:
        flop: the compute to spend.
        n_params: N*.
        tokens: D*.
        tokens_per_param: D* / N*.
        loss: of one new run with these N and D, noise included.
        loss_mean: of the law itself there.
        flat_regions: sizes that cost little, smallest allowance first.
        decades_beyond_data: log10 of compute beyond the largest run; NaN where that is unknown.
        status: ``ok``; ``edge`` (a parameter of the fit sits at its bound); ``local`` (the loss is
            lower still at the end of the search, where the law is not to be believed); or
            ``several`` (more than one interior minimum, the lowest is reported).
        status_message: that in a sentence.
        law: name of the law.
        formula: the law.
        source: of published coefficients; empty for a fit.
        conventions: what N (``n``), C (``flop``) and the loss (``loss_unit``) mean.
        unique_tokens: distinct tokens there are; None for as many as wanted.
        ci: how intervals were made; ``none`` without.
        level: their nominal coverage.
        seed: of the draws; None for published coefficients.
        data_hash: of the runs; likewise.
        n_runs: likewise.
        n_tiers: compute tiers among them; likewise.
        warnings: what the user must know.
        notes: what would change the answer.
        cost: hours and money, where hardware is given.
        why: sentences that say what makes this the answer.
        serving: smaller runs of the same loss, for tokens that will be served; None if not asked.
        command: what to type to get the plan again; empty for the general form.
    """

    flop: float
    n_params: Quantity
    tokens: Quantity
    tokens_per_param: Quantity
    loss: Quantity
    loss_mean: Quantity
    flat_regions: tuple[FlatRegion, ...]
    decades_beyond_data: float
    status: str
    status_message: str
    law: str
    formula: str
    source: str
    conventions: Mapping[str, str]
    unique_tokens: float | None
    ci: str
    level: float
    seed: int | None
    data_hash: str | None
    n_runs: int | None
    n_tiers: int | None
    warnings: tuple[Notice, ...] = ()
    notes: tuple[Notice, ...] = ()
    cost: Mapping[str, Any] | None = field(default=None)
    why: tuple[str, ...] = ()
    serving: ServingPlan | None = None
    command: str = ""

    @property
    def epochs(self) -> float | None:
        """How often the unique tokens are read; None where they are as many as wanted."""
        return None if self.unique_tokens is None else self.tokens.estimate / self.unique_tokens

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The numbers with intervals, by name."""
        return {
            "n_params": self.n_params,
            "tokens": self.tokens,
            "tokens_per_param": self.tokens_per_param,
            "loss": self.loss,
            "loss_mean": self.loss_mean,
        }

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.plan``."""
        return (
            envelope("plan")
            | {"law": self.law, "formula": self.formula, "source": self.source}
            | {"flop": self.flop}
            | {name: quantity.to_dict() for name, quantity in self.quantities.items()}
            | {
                "flat_region": self.flat_regions[0].to_dict() if self.flat_regions else None,
                "flat_regions": [region.to_dict() for region in self.flat_regions],
                "cost": None if self.cost is None else dict(self.cost),
                "decades_beyond_data": self.decades_beyond_data,
                "status": self.status,
                "status_message": self.status_message,
                "conventions": dict(self.conventions),
                "unique_tokens": self.unique_tokens,
                "epochs": self.epochs,
                "ci": self.ci,
                "level": self.level,
                "seed": self.seed,
                "data_hash": self.data_hash,
                "n_runs": self.n_runs,
                "n_tiers": self.n_tiers,
                "warnings": [notice.to_dict() for notice in self.warnings],
                "notes": [notice.to_dict() for notice in self.notes],
                "why": list(self.why),
                "serving": None if self.serving is None else self.serving.to_dict(),
                "command": self.command,
                "card": self.card().to_dict(),
            }
        )

    def card(self) -> Card:
        """The plan as a decision card."""
        from isoloss.planning.text import card_of

        return card_of(self)

    def to_frame(self) -> pl.DataFrame:
        """One row per number: quantity, unit, estimate, lo, hi, level."""
        import polars as pl

        loss = self.conventions["loss_unit"]
        units = {"n_params": "params", "tokens": "tokens", "tokens_per_param": "tokens/param"}
        rows = [
            {"quantity": name, "unit": units.get(name, loss), **quantity.to_dict()}
            for name, quantity in self.quantities.items()
        ]
        return pl.DataFrame(rows)

    def save(self, path: str | Path) -> None:
        """Write the plan to one JSON file, without loss."""
        from isoloss.planning.storage import save_plan

        save_plan(self, path)

    @staticmethod
    def load(path: str | Path) -> Plan:
        """Read a plan that ``save`` wrote.

        Raises:
            InputError: there is no such file, or it does not hold a plan.
        """
        from isoloss.planning.storage import load_plan

        return load_plan(path)

    def summary(self) -> str:
        """The plan as a few lines of text."""
        from isoloss.planning.text import summarise

        return summarise(self)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from isoloss.planning.text import as_html

        return as_html(self)
