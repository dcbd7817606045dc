"""What a plan on limited data says: the runs to choose from, and what more data would be worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.validation.report import Report

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Option:
    """One way to spend the budget on the data there are.

    Attributes:
        name: ``repeat`` (the best for these data), ``one_epoch`` (every token once, the rest of
            the compute into size), ``as_if_new`` (the size that would be best if the data were
            endless), ``small`` (the compute for which one epoch is optimal; less than the budget)
            or ``unlimited`` (as many new tokens as wanted: what data would buy).
        flop: compute of the run.
        n_params: its N.
        tokens: its D.
        epochs: how often it reads its unique tokens; 1 for ``unlimited``.
        loss_mean: by the law.
        trust: ``ok``, ``warn`` or ``refuse``: whether the law has held there.
    """

    name: str
    flop: float
    n_params: float
    tokens: float
    epochs: float
    loss_mean: Quantity
    trust: str

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {**vars(self), "loss_mean": self.loss_mean.to_dict()}


@dataclass(frozen=True)
class TokenValue:
    """What more unique tokens would be worth at this budget.

    Attributes:
        name: ``billion`` (1e9 more), ``double`` (as many again) or ``enough`` (as many as the
            budget would read once).
        extra_tokens: how many more.
        flop_saved: compute that the same loss then costs less.
        loss_saved: loss that the same compute then reaches less.
        money_saved: ``flop_saved`` at the price of compute; None without a price.
        money_per_billion: that for 1e9 of these tokens: the most that they should cost.
    """

    name: str
    extra_tokens: float
    flop_saved: Quantity
    loss_saved: Quantity
    money_saved: Quantity | None
    money_per_billion: Quantity | None

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {
            name: value.to_dict() if isinstance(value, Quantity) else value
            for name, value in vars(self).items()
        }


@dataclass(frozen=True)
class DataPlan(Report):
    """What to train with a given compute when only so many different tokens exist.

    Attributes:
        flop: the budget.
        unique_tokens: different tokens there are.
        binding: what limits the run: ``unique_tokens``, or ``flop`` where there are more tokens
            than the budget would read.
        n_params: N* for these data.
        tokens: D*.
        epochs: D* / U; below 1 where data do not bind.
        worth: new tokens that would do what these D* tokens do, D'.
        loss: of one new run, noise included.
        loss_mean: of the law itself.
        oversize: N* over the size that is optimal for one epoch of the unique tokens.
        n_params_one_epoch: that size, N_opt(U).
        options: the ways to spend the budget.
        values: what more unique tokens would be worth; empty where data do not bind.
        price_per_flop: of compute; None where it was not given.
        decades_beyond_data: log10 of compute beyond the largest run; NaN where that is unknown.
        law: name of the law.
        formula: the law.
        source: of published coefficients; empty for a fit.
        conventions: what N, C and the loss mean.
        ci: how intervals were made; ``none`` without.
        level: their nominal coverage.
        seed: of the draws; None for published coefficients.
        data_hash: of the runs; likewise.
        n_runs: likewise.
        warnings: what the user must know.
        notes: what would change the answer.
    """

    flop: float
    unique_tokens: float
    binding: str
    n_params: Quantity
    tokens: Quantity
    epochs: Quantity
    worth: Quantity
    loss: Quantity
    loss_mean: Quantity
    oversize: float
    n_params_one_epoch: float
    options: tuple[Option, ...]
    values: tuple[TokenValue, ...]
    price_per_flop: float | None
    decades_beyond_data: float
    law: str
    formula: str
    source: str
    conventions: Mapping[str, str]
    ci: str
    level: float
    seed: int | None
    data_hash: str | None
    n_runs: int | None
    warnings: tuple[Notice, ...]
    notes: tuple[Notice, ...]

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The numbers with intervals, by name."""
        names = ("n_params", "tokens", "epochs", "worth", "loss", "loss_mean")
        return {name: getattr(self, name) for name in names}

    def option(self, name: str) -> Option:
        """One of the ways to spend the budget, by its name."""
        return next(one for one in self.options if one.name == name)

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.data_plan``."""
        return (
            envelope("data_plan")
            | {"law": self.law, "formula": self.formula, "source": self.source}
            | {"flop": self.flop, "unique_tokens": self.unique_tokens, "binding": self.binding}
            | {name: quantity.to_dict() for name, quantity in self.quantities.items()}
            | {
                "oversize": self.oversize,
                "n_params_one_epoch": self.n_params_one_epoch,
                "options": [one.to_dict() for one in self.options],
                "values": [one.to_dict() for one in self.values],
                "price_per_flop": self.price_per_flop,
                "decades_beyond_data": self.decades_beyond_data,
                "conventions": dict(self.conventions),
                "ci": self.ci,
                "level": self.level,
                "seed": self.seed,
                "data_hash": self.data_hash,
                "n_runs": self.n_runs,
                "warnings": [notice.to_dict() for notice in self.warnings],
                "notes": [notice.to_dict() for notice in self.notes],
            }
        )

    def to_frame(self) -> pl.DataFrame:
        """One row per way to spend the budget."""
        import polars as pl

        rows = [
            {
                **{name: value for name, value in vars(one).items() if name != "loss_mean"},
                "loss_mean": one.loss_mean.estimate,
                "lo": one.loss_mean.lo,
                "hi": one.loss_mean.hi,
            }
            for one in self.options
        ]
        return pl.DataFrame(rows)

    def summary(self) -> str:
        """The plan as text: the best run, the others, what data are worth, what to mind."""
        from isoloss.planning.data.text import plan_text

        return plan_text(self)


@dataclass(frozen=True)
class EpochRow:
    """What reading the same tokens several times is worth.

    Attributes:
        epochs: how often they are read; infinite for the limit.
        worth: in epochs of new data, D' / U.
        share: of a new token that a token of this run is worth on average, D' / D.
        next_token: what one more token is worth, as a share of a new one.
        tokens: D; NaN where neither size nor unique tokens are given, like the next three.
        flop: compute.
        loss_mean: by the law.
        trust: ``ok``, ``warn`` or ``refuse``; empty likewise.
    """

    epochs: float
    worth: Quantity
    share: Quantity
    next_token: Quantity
    tokens: float
    flop: float
    loss_mean: Quantity
    trust: str

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {
            name: value.to_dict() if isinstance(value, Quantity) else value
            for name, value in vars(self).items()
        }


@dataclass(frozen=True)
class EpochTable(Report):
    """The worth of repetition by a law, epoch by epoch.

    Attributes:
        rows: ascending in epochs.
        n_params: size of the run; None where only worth is asked.
        unique_tokens: likewise.
        law: name of the law.
        source: of published coefficients; empty for a fit.
        conventions: what N, C and the loss mean.
        ci: how intervals were made; ``none`` without.
        level: their nominal coverage.
        seed: of the draws; None for published coefficients.
        data_hash: of the runs; likewise.
        n_runs: likewise.
        warnings: what the user must know.
    """

    rows: tuple[EpochRow, ...]
    n_params: float | None
    unique_tokens: float | None
    law: str
    source: str
    conventions: Mapping[str, str]
    ci: str
    level: float
    seed: int | None
    data_hash: str | None
    n_runs: int | None
    warnings: tuple[Notice, ...]

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.epochs``."""
        plain = {name: value for name, value in vars(self).items() if name not in ("rows",)}
        return (
            envelope("epochs")
            | plain
            | {
                "conventions": dict(self.conventions),
                "rows": [row.to_dict() for row in self.rows],
                "warnings": [notice.to_dict() for notice in self.warnings],
            }
        )

    def to_frame(self) -> pl.DataFrame:
        """One row per number of epochs, estimates only."""
        import polars as pl

        rows = [
            {
                name: value.estimate if isinstance(value, Quantity) else value
                for name, value in vars(row).items()
            }
            for row in self.rows
        ]
        return pl.DataFrame(rows)

    def summary(self) -> str:
        """The table as text."""
        from isoloss.planning.data.text import epochs_text

        return epochs_text(self)
