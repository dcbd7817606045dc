"""Types of optimality and strategies at one budget, side by side."""

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

NUMBERS = ("n_params", "tokens", "tokens_per_param", "loss", "regret", "flop", "flop_needed")
EXTRAS = ("lifetime_flop", "days", "money")


@dataclass(frozen=True)
class Choice:
    """One way to spend the budget.

    Attributes:
        name: what it is called.
        kind: ``criterion`` (a type of optimality) or ``strategy`` (a rule that people use).
        rule: what it asks for, in words.
        binds: which limit decides it: ``budget``, ``size``, ``tokens``, ``memory``, ``deadline``,
            ``money``, ``lifetime``, or ``rule`` for a strategy.
        n_params: N.
        tokens: D.
        tokens_per_param: D / N.
        loss: of the law.
        regret: loss over that of the compute-optimal run of the budget, minus one.
        flop: compute to train it.
        flop_needed: compute with which a compute-optimal run has this loss, over the compute that
            this one takes; one is the best.
        lifetime_flop: compute to train and to serve it; None where nothing is served.
        days: on the given devices; None without.
        money: to train it, and to serve it where tokens are served; None without a price.
        n_convention: what N counts in the rule, where it says so; empty otherwise.
        source: of a strategy.
    """

    name: str
    kind: str
    rule: str
    binds: str
    n_params: Quantity
    tokens: Quantity
    tokens_per_param: Quantity
    loss: Quantity
    regret: Quantity
    flop: Quantity
    flop_needed: Quantity
    lifetime_flop: Quantity | None = None
    days: Quantity | None = None
    money: Quantity | None = None
    n_convention: str = ""
    source: str = ""

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        plain = {k: v for k, v in vars(self).items() if k not in (*NUMBERS, *EXTRAS)}
        numbers = {name: getattr(self, name).to_dict() for name in NUMBERS}
        extras = {name: getattr(self, name) for name in EXTRAS}
        return {
            **plain,
            **numbers,
            **{name: None if q is None else q.to_dict() for name, q in extras.items()},
        }


@dataclass(frozen=True)
class Optima(Report):
    """What each idea of the best would train with one budget.

    Attributes:
        flop: the budget.
        limits: what else was given; None where it was not.
        rows: criteria first, then strategies by regret.
        not_asked: criteria that were left out, and what they need.
        terms: speed and price of training and serving devices.
        decades_beyond_data: log10 of the budget beyond the runs.
        facts: law, formula, source, conventions, ci, level, seed, data_hash, n_runs.
        warnings: what the user must know.
        notes: what would change the answer.
        command: what to type to get it again; empty for the general form.
    """

    flop: float
    limits: Mapping[str, float | None]
    rows: tuple[Choice, ...]
    not_asked: tuple[str, ...]
    terms: Mapping[str, Any]
    decades_beyond_data: float
    facts: Mapping[str, Any]
    warnings: tuple[Notice, ...]
    notes: tuple[Notice, ...]
    command: str = ""

    def row(self, name: str) -> Choice:
        """The choice of a name.

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.optima``."""
        return envelope("optima") | {
            "flop": self.flop,
            "limits": dict(self.limits),
            "rows": [row.to_dict() for row in self.rows],
            "not_asked": list(self.not_asked),
            "terms": dict(self.terms),
            "decades_beyond_data": self.decades_beyond_data,
            **self.facts,
            "warnings": [notice.to_dict() for notice in self.warnings],
            "notes": [notice.to_dict() for notice in self.notes],
            "command": self.command,
            "card": self.card().to_dict(),
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per choice, intervals in columns of their own."""
        import polars as pl

        rows: list[dict[str, Any]] = []
        for row in self.rows:
            flat = {"name": row.name, "kind": row.kind, "binds": row.binds}
            for name in NUMBERS:
                quantity: Quantity = getattr(row, name)
                flat |= {name: quantity.estimate, f"{name}_lo": quantity.lo}
                flat |= {f"{name}_hi": quantity.hi}
            rows.append(flat)
        return pl.DataFrame(rows)

    def card(self) -> Card:
        """The compute-optimal run among the others, as a decision card."""
        from isoloss.planning.optimality.text import card_of

        return card_of(self)

    def summary(self) -> str:
        """Both tables as aligned text."""
        from isoloss.planning.optimality.text import summarise

        return summarise(self)
