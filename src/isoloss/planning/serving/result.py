"""What serving makes of a plan: smaller models on more tokens, and what they save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.planning.card import Card
from isoloss.validation.report import Report

if TYPE_CHECKING:
    import polars as pl

QUANTITIES = (
    *("n_params", "tokens", "tokens_per_param", "loss", "size_ratio"),
    *("train_flop", "served_flop", "lifetime", "saving", "break_even_tokens"),
)


@dataclass(frozen=True)
class Served:
    """The best run when so many tokens will be served.

    Attributes:
        served_tokens: tokens that the model reads or writes after training.
        n_params: its N.
        tokens: its D.
        tokens_per_param: D / N.
        loss: of the law.
        size_ratio: N over that of the compute-optimal run of the same loss.
        train_flop: compute to train it.
        served_flop: compute to serve those tokens.
        lifetime: both, in the unit of the plan.
        saving: share of the lifetime of the compute-optimal run of the same loss that it saves.
        break_even_tokens: served tokens from which this run is cheaper than the compute-optimal
            one of the same loss; NaN where they are the same run.
    """

    served_tokens: float
    n_params: Quantity
    tokens: Quantity
    tokens_per_param: Quantity
    loss: Quantity
    size_ratio: Quantity
    train_flop: Quantity
    served_flop: Quantity
    lifetime: Quantity
    saving: Quantity
    break_even_tokens: Quantity

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        numbers = {name: getattr(self, name).to_dict() for name in QUANTITIES}
        return {"served_tokens": self.served_tokens, **numbers}


@dataclass(frozen=True)
class ServingPlan(Report):
    """The best runs for amounts of serving.

    Attributes:
        asked: ``same_loss`` (as good as the compute-optimal run of a budget), ``loss`` (of a given
            loss) or ``lifetime`` (the lowest loss that a lifetime budget pays for).
        flop: the training budget that sets the loss; None unless ``asked`` is ``same_loss``.
        loss: the given loss; likewise.
        lifetime: the given budget for training and serving, in ``terms.unit``; likewise.
        terms: unit, and speed and price of both phases.
        optimum: the compute-optimal run without serving: ``n_params``, ``tokens``, ``loss`` and
            ``flop``.
        rows: one per amount of serving.
        decades_beyond_data: log10 of the most training compute of the rows beyond the runs.
        facts: law, formula, source, conventions, ci, level, seed, data_hash, n_runs.
        warnings: what the user must know.
        notes: what would change the answer.
        command: what to type to get it again; empty for the general form.
    """

    asked: str
    flop: float | None
    loss: float | None
    lifetime: float | None
    terms: Mapping[str, Any]
    optimum: Mapping[str, Quantity]
    rows: tuple[Served, ...]
    decades_beyond_data: float
    facts: Mapping[str, Any]
    warnings: tuple[Notice, ...]
    notes: tuple[Notice, ...]
    command: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.serving``."""
        return (
            envelope("serving")
            | {"asked": self.asked, "flop": self.flop, "loss": self.loss}
            | {"lifetime": self.lifetime, "terms": dict(self.terms)}
            | {"optimum": {name: q.to_dict() for name, q in self.optimum.items()}}
            | {"rows": [row.to_dict() for row in self.rows]}
            | {"decades_beyond_data": self.decades_beyond_data, **self.facts}
            | {
                "warnings": [notice.to_dict() for notice in self.warnings],
                "notes": [notice.to_dict() for notice in self.notes],
                "command": self.command,
                "card": self.card().to_dict(),
            }
        )

    def to_frame(self) -> pl.DataFrame:
        """One row per amount of serving and quantity."""
        import polars as pl

        rows = [
            {"served_tokens": row.served_tokens, "quantity": name, **getattr(row, name).to_dict()}
            for row in self.rows
            for name in QUANTITIES
        ]
        return pl.DataFrame(rows)

    def card(self) -> Card:
        """The plan as a decision card, for the largest amount of serving."""
        from isoloss.planning.serving.text import card_of

        return card_of(self)

    def summary(self) -> str:
        """The runs as an aligned table with what they save."""
        from isoloss.planning.serving.text import summarise

        return summarise(self)
