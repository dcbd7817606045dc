"""Where a run stands against the compute-optimal one of the same loss: the over-training curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.planning.card import Card
from isoloss.validation.report import Report

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Mark:
    """One run, measured against the compute-optimal run of its own loss.

    Attributes:
        label: what it is, such as ``5x``, ``here`` or the name of a model.
        n_params: N.
        tokens: D.
        tokens_per_param: D / N.
        size_ratio: N / N*.
        ratio_multiple: D / N over D* / N*.
        overhead: extra compute to train it, as a share of the compute-optimal run's.
        break_even_tokens: served tokens from which it is cheaper over its lifetime; NaN for runs
            that are larger than N*, which never are.
        source: of a published model; empty otherwise.
    """

    label: str
    n_params: Quantity
    tokens: Quantity
    tokens_per_param: Quantity
    size_ratio: Quantity
    ratio_multiple: Quantity
    overhead: Quantity
    break_even_tokens: Quantity
    source: str = ""

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The numbers with intervals, by name."""
        return {k: v for k, v in vars(self).items() if isinstance(v, Quantity)}

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        numbers = {name: quantity.to_dict() for name, quantity in self.quantities.items()}
        return {"label": self.label, "source": self.source, **numbers}


@dataclass(frozen=True)
class Curve:
    """Sizes of one loss, by column, as figures draw them; all arrays (m,).

    Attributes:
        size_ratio: N / N*, ascending.
        n_params: N under the estimate.
        tokens: D under the estimate; infinite where such a model never gets there.
        overhead: extra compute over the compute-optimal run's, as a share of it.
        overhead_lo: lower end of its interval; NaN without draws.
        overhead_hi: upper end; infinite where too many draws never get there.
        break_even_tokens: served tokens from which that size is cheaper; NaN at and above N*.
    """

    size_ratio: Array
    n_params: Array
    tokens: Array
    overhead: Array
    overhead_lo: Array
    overhead_hi: Array
    break_even_tokens: Array


@dataclass(frozen=True)
class Overtraining(Report):
    """The price of another size at the same loss.

    Attributes:
        flop: the budget whose compute-optimal run sets the loss; None where a run does.
        optimum: the compute-optimal run: ``n_params``, ``tokens``, ``tokens_per_param``, ``loss``
            and ``flop``.
        curve: compute overhead and break-even by size.
        marks: runs of this loss at multiples of the compute-optimal D / N.
        here: the run that was asked about; None without.
        known: published models, each against the optimum of its own loss; without intervals.
        terms: what a lifetime is counted in.
        decades_beyond_data: log10 of the compute of the optimum, or of ``here``, beyond the runs.
        facts: law, formula, source, conventions, ci, level, seed, data_hash, n_runs.
        warnings: what the user must know.
        notes: what would change the answer.
        command: what to type to get it again; empty for the general form.
    """

    flop: float | None
    optimum: Mapping[str, Quantity]
    curve: Curve
    marks: tuple[Mark, ...]
    here: Mark | None
    known: tuple[Mark, ...]
    terms: Mapping[str, Any]
    decades_beyond_data: float
    facts: Mapping[str, Any]
    warnings: tuple[Notice, ...]
    notes: tuple[Notice, ...]
    command: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.overtraining``."""
        return (
            envelope("overtraining")
            | {"flop": self.flop}
            | {"optimum": {name: q.to_dict() for name, q in self.optimum.items()}}
            | {"curve": {name: values.tolist() for name, values in vars(self.curve).items()}}
            | {
                "marks": [mark.to_dict() for mark in self.marks],
                "here": None if self.here is None else self.here.to_dict(),
                "known": [mark.to_dict() for mark in self.known],
                "terms": dict(self.terms),
                "decades_beyond_data": self.decades_beyond_data,
                **self.facts,
                "warnings": [notice.to_dict() for notice in self.warnings],
                "notes": [notice.to_dict() for notice in self.notes],
                "command": self.command,
                "card": self.card().to_dict(),
            }
        )

    def to_frame(self) -> pl.DataFrame:
        """The curve, one row per size."""
        import polars as pl

        return pl.DataFrame(vars(self.curve))

    def card(self) -> Card:
        """The run that was asked about, or the marks, as a decision card."""
        from isoloss.planning.serving.overtraining_text import card_of

        return card_of(self)

    def summary(self) -> str:
        """The marks as an aligned table."""
        from isoloss.planning.serving.overtraining_text import summarise

        return summarise(self)
