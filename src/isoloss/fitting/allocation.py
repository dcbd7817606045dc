"""How should compute be split between parameters and tokens? The answer of the three approaches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.errors import InputError, Where
from isoloss.fitting.quantity import Notice, Quantity, from_draws
from isoloss.runs import Conventions
from isoloss.showing import Shown

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Optimum:
    """The best size at one budget, as far as the runs at this budget show it.

    Attributes:
        flop: the budget C.
        n_params: N*; NaN where the runs show none.
        tokens: D*.
        loss: lowest loss.
        n_runs: runs at this budget (approach 1: points of the envelope).
        n_sizes: distinct sizes among them.
        curvature: 1 where the curve has a minimum, -1 where it opens downward, 0 where it only
            rises or falls.
        interior: the minimum lies between the smallest and the largest size.
        bracketed: the lowest measured loss belongs to neither the smallest nor the largest size.
        edge: ``smallest`` or ``largest``, the size beyond which the minimum lies; else empty.
        used: the power laws go through it.
        note: why not, or what to keep in mind.
    """

    flop: float
    n_params: Quantity
    tokens: Quantity
    loss: Quantity
    n_runs: int
    n_sizes: int
    curvature: int
    interior: bool
    bracketed: bool
    edge: str
    used: bool
    note: str = ""

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The numbers with intervals, by name."""
        return {"n_params": self.n_params, "tokens": self.tokens, "loss": self.loss}

    @property
    def flags(self) -> dict[str, Any]:
        """Everything else but the budget, by name."""
        return {
            "n_runs": self.n_runs,
            "n_sizes": self.n_sizes,
            "curvature": self.curvature,
            "interior": self.interior,
            "bracketed": self.bracketed,
            "edge": self.edge,
            "used": self.used,
            "note": self.note,
        }

    def to_dict(self) -> dict[str, Any]:
        """The object of the JSON contract."""
        quantities = {name: quantity.to_dict() for name, quantity in self.quantities.items()}
        return {"flop": self.flop} | quantities | self.flags


@dataclass(frozen=True)
class PowerLaw:
    """prefactor * C^exponent, C in FLOP."""

    prefactor: Quantity
    exponent: Quantity

    def to_dict(self) -> dict[str, Any]:
        """The object of the JSON contract."""
        return {"prefactor": self.prefactor.to_dict(), "exponent": self.exponent.to_dict()}


@dataclass(frozen=True)
class Split:
    """A compute budget divided into parameters and tokens.

    Attributes:
        flop: the budget.
        n_params: N*.
        tokens: D*.
        tokens_per_param: D* / N*.
        decades_beyond_data: log10 of compute beyond the largest run; zero inside.
    """

    flop: float
    n_params: Quantity
    tokens: Quantity
    tokens_per_param: Quantity
    decades_beyond_data: float

    def to_dict(self) -> dict[str, Any]:
        """The object of the JSON contract."""
        return {
            "flop": self.flop,
            "n_params": self.n_params.to_dict(),
            "tokens": self.tokens.to_dict(),
            "tokens_per_param": self.tokens_per_param.to_dict(),
            "decades_beyond_data": self.decades_beyond_data,
        }


@dataclass(frozen=True)
class Allocation(Shown):
    """N*(C) = G C^a and D*(C) = H C^b by one of the three approaches of Hoffmann et al. 2022.

    Attributes:
        method: ``envelope`` (approach 1), ``isoflop`` (approach 2) or ``joint`` (approach 3).
        shape: the curve of approach 2, the law of approach 3, ``minimum`` for approach 1.
        status: ``ok``; ``edge`` where budgets or sizes without an interior minimum were left out;
            ``not_identified`` where the runs do not fix the exponents; approach 3: as of the fit.
        status_message: that in a sentence, with what to do.
        line: log G, a, log H, b.
        draws: the same for runs as they could have been (n_draws, 4).
        optima: one per budget, ascending.
        flop_range: compute of the smallest and the largest run.
        parabola: log of N* by parabola over N* by ``slices``: at C = 1, and its slope in log C;
            approach 2 only, where both have three budgets.
        ci: how intervals were made.
        level: their nominal coverage.
        conventions: what N, C and the loss mean.
        data_hash: of the runs.
        seed: of the draws.
        n_runs: runs used.
        warnings: what the user must know.
    """

    method: str
    shape: str
    status: str
    status_message: str
    line: Array
    draws: Array
    optima: tuple[Optimum, ...]
    flop_range: tuple[float, float]
    parabola: tuple[float, float] | None
    ci: str
    level: float
    conventions: Conventions
    data_hash: str
    seed: int
    n_runs: int
    warnings: tuple[Notice, ...] = field(default=())

    @property
    def n_opt(self) -> PowerLaw:
        """N*(C) = G C^a."""
        return self._power_law(0)

    @property
    def d_opt(self) -> PowerLaw:
        """D*(C) = H C^b."""
        return self._power_law(2)

    @property
    def exponents(self) -> dict[str, Quantity]:
        """The exponents a and b under the names that a fit uses."""
        return {"n_opt": self.n_opt.exponent, "d_opt": self.d_opt.exponent}

    @property
    def used(self) -> tuple[Optimum, ...]:
        """The optima that the power laws go through."""
        return tuple(optimum for optimum in self.optima if optimum.used)

    def at(self, flop: float) -> Split:
        """N* and D* for a budget.

        Args:
            flop: C, counted as in the runs.

        Raises:
            InputError: the budget is not a positive number.
        """
        if not (math.isfinite(flop) and flop > 0):
            raise InputError(
                f"found {flop} where a positive number of FLOP is expected.",
                code="bad_flop",
                where=Where(field="flop"),
            )
        log_c = math.log(flop)
        point = self.line[[0, 2]] + self.line[[1, 3]] * log_c
        drawn = self.draws[:, [0, 2]] + self.draws[:, [1, 3]] * log_c
        return Split(
            flop=flop,
            n_params=self._exp(point[0], drawn[:, 0]),
            tokens=self._exp(point[1], drawn[:, 1]),
            tokens_per_param=self._exp(point[1] - point[0], drawn[:, 1] - drawn[:, 0]),
            decades_beyond_data=max(0.0, math.log10(flop / self.flop_range[1])),
        )

    def parabola_bias(self, flop: float) -> float:
        """By how much a parabola misses N* at a budget: N* by parabola over N* by slices, minus 1.

        NaN for the other approaches, and where either has fewer than three budgets.
        """
        if self.parabola is None:
            return math.nan
        return math.expm1(self.parabola[0] + self.parabola[1] * math.log(flop))

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.allocation``."""
        return envelope("allocation") | {
            "method": self.method,
            "shape": self.shape,
            "status": self.status,
            "status_message": self.status_message,
            "n_opt": self.n_opt.to_dict(),
            "d_opt": self.d_opt.to_dict(),
            "exponents": {name: quantity.to_dict() for name, quantity in self.exponents.items()},
            "optima": [optimum.to_dict() for optimum in self.optima],
            "flop_range": list(self.flop_range),
            "parabola_bias": self._bias_at_largest(),
            "ci": self.ci,
            "n_draws": len(self.draws),
            "level": self.level,
            "conventions": self.conventions.to_dict(),
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "seed": self.seed,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per budget: flop, N*, D* and loss with ends, and the flags."""
        import polars as pl

        rows: list[Mapping[str, Any]] = []
        for optimum in self.optima:
            row: dict[str, Any] = {"flop": optimum.flop}
            for name, quantity in optimum.quantities.items():
                row |= {name: quantity.estimate}
                row |= {f"{name}_lo": quantity.lo, f"{name}_hi": quantity.hi}
            rows.append(row | optimum.flags)
        return pl.DataFrame(rows)

    def save(self, path: str | Path) -> None:
        """Write the allocation to one JSON file, draws included, without loss."""
        from isoloss.fitting.allocation_storage import save_allocation

        save_allocation(self, path)

    @staticmethod
    def load(path: str | Path) -> Allocation:
        """Read an allocation that ``save`` wrote.

        Raises:
            InputError: there is no such file, or it does not hold an allocation.
        """
        from isoloss.fitting.allocation_storage import load_allocation

        return load_allocation(path)

    def summary(self) -> str:
        """The allocation as a few lines of text."""
        from isoloss.fitting.allocation_text import summarise

        return summarise(self)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from isoloss.fitting.allocation_text import as_html

        return as_html(self)

    def _power_law(self, at: int) -> PowerLaw:
        return PowerLaw(
            prefactor=self._exp(self.line[at], self.draws[:, at]),
            exponent=from_draws(float(self.line[at + 1]), self.draws[:, at + 1], self.level),
        )

    def _exp(self, point: float, drawn: Array) -> Quantity:
        with np.errstate(over="ignore"):
            return from_draws(float(np.exp(point)), np.exp(drawn), self.level)

    def _bias_at_largest(self) -> dict[str, float] | None:
        if self.parabola is None:
            return None
        flop = self.flop_range[1]
        return {"flop": flop, "n_params_relative": self.parabola_bias(flop)}
