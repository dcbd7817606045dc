"""What a sweep says of learning rate and batch, and everything that it rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting.quantity import Notice, Quantity
from isoloss.fitting.sweeps.cells import Cell
from isoloss.fitting.sweeps.law import SweepLaw, SweepPrediction
from isoloss.fitting.sweeps.regret import Regret, grids, regret_of
from isoloss.fitting.sweeps.table import SweepRuns

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from isoloss.fitting.sweeps.maps import HeatMap, LawCurves

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SweepFit:
    """The best learning rate and batch of each cell of a sweep, and their law over cells.

    Attributes:
        axes: what is set: ``lr`` and, where it was varied, ``batch_tokens``.
        cells: one per N and D, ascending.
        law: lr* and batch* as powers of N and D; None where the cells carry none.
        status: ``ok``, or ``no_law``.
        status_message: that in a sentence.
        regrets: what laws cost on cells that they were not fitted to, and on all cells.
        runs: the runs in cells.
        within: runs within this share of the best of their cell count; None for all alike.
        skew: whether the cells share cubic terms.
        robust: whether outliers count less.
        cluster: what was left out at a time for the intervals.
        level: nominal coverage of the intervals.
        seed: of the draws.
        seed_noise: standard deviation of log loss between seeds of one setting; NaN without seeds.
        warnings: what the user must know.
    """

    axes: tuple[str, ...]
    cells: tuple[Cell, ...]
    law: SweepLaw | None
    status: str
    status_message: str
    regrets: tuple[Regret, ...]
    runs: SweepRuns
    within: float | None
    skew: bool
    robust: bool
    cluster: str
    level: float
    seed: int
    seed_noise: float = float("nan")
    warnings: tuple[Notice, ...] = ()

    @property
    def n_runs(self) -> int:
        """Runs that were read, diverged ones included."""
        return len(self.runs)

    def cell(self, params: float | str, tokens: float | str) -> Cell:
        """The cell nearest to a size and a number of tokens.

        Raises:
            InputError: none lies within a factor of 1.5 of both.
        """
        from isoloss.runs import format_quantity, parse_quantity

        wanted = np.log([parse_quantity(params), parse_quantity(tokens)])
        there = np.log([[cell.params, cell.tokens] for cell in self.cells])
        gap = np.abs(there - wanted).max(axis=1)
        if gap.min() > np.log(1.5):
            known = ", ".join(
                f"{format_quantity(c.params)}/{format_quantity(c.tokens)}" for c in self.cells[:12]
            )
            raise InputError(
                "no cell of the sweep has this size and number of tokens.",
                code="no_such_cell",
                where=Where(field="cell"),
                hint=f"Cells are N/D: {known}.",
            )
        return self.cells[int(gap.argmin())]

    def predict(self, params: float | str, tokens: float | str) -> SweepPrediction:
        """The best learning rate and batch for a size and a number of tokens, with intervals.

        Raises:
            InputError: a number is unusable.
            EvidenceError: the sweep carries no law.
        """
        return self.need_law().predict(params, tokens)

    def need_law(self) -> SweepLaw:
        """The law.

        Raises:
            EvidenceError: the sweep carries none.
        """
        if self.law is None:
            raise EvidenceError(
                f"the sweep gives {self.status_message}",
                code="no_law",
                hint="Sweep learning rate and batch at more sizes and numbers of tokens.",
            )
        return self.law

    def cost(self, factor: float = 2.0) -> dict[str, Quantity]:
        """What it costs to be ``factor`` off in one setting, by the shared curvature.

        Raises:
            EvidenceError: the sweep carries no law.
        """
        return self.need_law().cost(factor)

    def regret(self, held_out: str) -> Regret | None:
        """The regrets with a ``cell``, a ``size``, ``tokens``, ... left out; None without any."""
        return next((r for r in self.regrets if r.held_out == held_out), None)

    def regret_of(self, law: Callable[[float, float], tuple[float, ...]]) -> Regret:
        """What another law costs on the cells of this sweep.

        Args:
            law: from N and D to the settings in the order of ``axes``: lr, then batch in tokens.
        """
        places = grids(self.runs)
        said = [law(cell.params, cell.tokens)[: len(self.axes)] for cell in self.cells]
        where = np.log(np.array(said, dtype=np.float64))
        return regret_of(places, where, range(len(self.cells)))

    def heat_map(self, params: float | str, tokens: float | str, size: int = 60) -> HeatMap:
        """Loss over learning rate and batch in one cell, as arrays for a figure.

        Raises:
            InputError: there is no such cell, or only the learning rate was varied.
        """
        from isoloss.fitting.sweeps.maps import heat_map

        return heat_map(self, self.cell(params, tokens), size)

    def curves(self, axis: str = "lr", along: str | None = None, points: int = 40) -> LawCurves:
        """The law of one setting with its cells and a fan of draws, as arrays for a figure.

        Raises:
            EvidenceError: the sweep carries no law.
            InputError: there is no such setting or term.
        """
        from isoloss.fitting.sweeps.maps import law_curves

        return law_curves(self, axis, along, points)

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.sweep_fit``."""
        return envelope("sweep_fit") | {
            "axes": list(self.axes),
            "status": self.status,
            "status_message": self.status_message,
            "law": None if self.law is None else self._law_dict(self.law),
            "cells": [cell.to_dict() for cell in self.cells],
            "regrets": [regret.to_dict() for regret in self.regrets],
            "within": self.within,
            "skew": self.skew,
            "robust": self.robust,
            "cluster": self.cluster,
            "level": self.level,
            "seed": self.seed,
            "n_runs": self.n_runs,
            "n_diverged": int(np.isinf(self.runs.loss).sum()),
            "n_cells": len(self.cells),
            "seed_noise": self.seed_noise,
            "conventions": self.runs.conventions.to_dict(),
            "data_hash": self.runs.data_hash,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per cell: N, D, runs, the optimum with ends, the law, costs, status."""
        import polars as pl

        rows: list[dict[str, Any]] = []
        for cell in self.cells:
            row: dict[str, Any] = {
                "n_params": cell.params,
                "tokens": cell.tokens,
                "n_runs": cell.n_runs,
                "n_diverged": cell.n_diverged,
                "status": cell.status,
                "best_loss": cell.best_loss,
            }
            for axis in self.axes:
                found = cell.optimum[axis]
                row |= {f"{axis}_best_run": cell.best[axis], axis: found.estimate}
                row |= {f"{axis}_lo": found.lo, f"{axis}_hi": found.hi}
                row |= {f"{axis}_law": cell.law[axis], f"{axis}_2x_off": cell.cost[axis].estimate}
                row |= {f"{axis}_next": cell.next.setting[axis] if cell.next else float("nan")}
            rows.append(row)
        return pl.DataFrame(rows, infer_schema_length=None)

    def save(self, path: str | Path) -> None:
        """Write the fit to one JSON file, without loss."""
        from isoloss.fitting.sweeps.storage import save_sweep_fit

        save_sweep_fit(self, path)

    @staticmethod
    def load(path: str | Path) -> SweepFit:
        """Read a fit that ``save`` wrote.

        Raises:
            InputError: there is no such file, or it does not hold the fit of a sweep.
        """
        from isoloss.fitting.sweeps.storage import load_sweep_fit

        return load_sweep_fit(path)

    def summary(self) -> str:
        """The fit as text: law, cost of missing it, cells, regrets, warnings."""
        from isoloss.fitting.sweeps.text import summarise

        return summarise(self)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from isoloss.fitting.sweeps.text import as_html

        return as_html(self)

    def _law_dict(self, law: SweepLaw) -> dict[str, Any]:
        cost = law.cost()
        return {
            "terms": list(law.terms),
            "settings": {
                axis: {
                    "formula": law.formula(axis),
                    "prefactor": law.prefactor(axis).to_dict(),
                    "exponents": {name: q.to_dict() for name, q in law.exponents(axis).items()},
                    "scatter": float(law.scatter[i]),
                    "cost_2x_off": cost[axis].to_dict(),
                }
                for i, axis in enumerate(law.axes)
            },
            "curvature": law.curvature.tolist(),
            "noise": law.noise,
            "n_cells": law.n_cells,
            "params_range": list(law.params_range),
            "tokens_range": list(law.tokens_range),
            "slope": law.slope,
        }
