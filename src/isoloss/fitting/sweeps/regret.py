"""What would a law have cost on cells that it has not seen?

Regret is the loss at the setting that a law says over the lowest loss of the cell, as a share of
it: at the run that lies nearest to the setting, and by linear interpolation between the runs
around it. The lowest loss is that of the best run; where runs are noisy it is a lucky one, and all
regrets are a little too high.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.sweeps.table import SweepRuns, setting_numbers

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Grid:
    """The runs of one cell, seeds of a setting averaged.

    Attributes:
        settings: logs (s, k), those of runs that did not diverge.
        excess: (s,) log loss over the best setting.
    """

    settings: Array
    excess: Array

    def at_nearest(self, where: Array) -> Array:
        """Excess (n,) at the run nearest in logs to each of ``where`` (n, k)."""
        gap = ((where[:, None] - self.settings) ** 2).sum(axis=2)
        return self.excess[gap.argmin(axis=1)]

    def between(self, where: Array) -> Array:
        """Excess (n,) by linear interpolation; NaN outside the hull of the runs."""
        if self.settings.shape[1] == 1:
            order = np.argsort(self.settings[:, 0])
            x, y = self.settings[order, 0], self.excess[order]
            return np.interp(where[:, 0], x, y, left=np.nan, right=np.nan)
        if self._linear is None:
            return np.full(len(where), np.nan)
        return np.asarray(self._linear(self._turned(where)), dtype=np.float64)

    @cached_property
    def _linear(self) -> Callable[[Array], Any] | None:
        from scipy.interpolate import LinearNDInterpolator
        from scipy.spatial import QhullError

        try:
            return LinearNDInterpolator(self._turned(self.settings), self.excess)
        except (QhullError, ValueError):  # fewer than four runs, or all on one line
            return None

    def _turned(self, settings: Array) -> Array:
        """Settings along and across the valley of the loss, where lr grows with the batch.

        A grid has squares, and either diagonal would do for triangles. Distances along the valley
        are made short here, so that the diagonal along it is taken, whatever the units.
        """
        x, y = (settings - self.settings.mean(axis=0)).T
        return np.stack([x - y, (x + y) / 2], axis=1)


def grids(table: SweepRuns) -> list[Grid]:
    """The grid of each cell."""
    settings = table.settings
    found: list[Grid] = []
    for cell in range(table.n_cells):
        rows = np.flatnonzero((table.cell == cell) & np.isfinite(table.loss))
        number = setting_numbers(settings[rows])
        times = np.bincount(number)
        mean = np.bincount(number, np.log(table.loss[rows])) / times
        centres = np.stack(
            [np.bincount(number, settings[rows, i]) / times for i in range(settings.shape[1])],
            axis=1,
        )
        found.append(Grid(centres, mean - mean.min()))
    return found


@dataclass(frozen=True)
class Regret:
    """Regrets of a law on the cells of a sweep, as shares of the loss.

    Attributes:
        held_out: what was left out of the fit at a time: ``cell``, ``size``, ``tokens``,
            ``larger`` (fitted on the smaller sizes only) or ``nothing``.
        cells: which cells were predicted.
        nearest: regret of each at the run nearest to the setting.
        interpolated: regret of each between the runs; at the nearest run outside their hull.
        inside: whether the setting lay inside the hull of the runs.
    """

    held_out: str
    cells: tuple[int, ...]
    nearest: Array
    interpolated: Array
    inside: Flags

    def to_dict(self) -> dict[str, Any]:
        """Means and largest, and each cell."""
        return {
            "held_out": self.held_out,
            "n_cells": len(self.cells),
            "nearest": _shares(self.nearest),
            "interpolated": _shares(self.interpolated),
            "n_outside": int((~self.inside).sum()),
            "cells": list(self.cells),
            "nearest_by_cell": self.nearest.tolist(),
            "interpolated_by_cell": self.interpolated.tolist(),
            "inside_by_cell": self.inside.tolist(),
        }


def regret_of(
    places: Sequence[Grid], where: Array, cells: Sequence[int], held_out: str = "nothing"
) -> Regret:
    """The regrets of settings (n, k), given as logs, in these cells."""
    nearest, between = np.empty(len(cells)), np.empty(len(cells))
    for i, cell in enumerate(cells):
        nearest[i] = places[cell].at_nearest(where[i : i + 1])[0]
        between[i] = places[cell].between(where[i : i + 1])[0]
    inside = np.isfinite(between)
    return Regret(
        held_out=held_out,
        cells=tuple(int(cell) for cell in cells),
        nearest=np.expm1(nearest),
        interpolated=np.expm1(np.where(inside, between, nearest)),
        inside=inside,
    )


def regrets_at(place: Grid, where: Array) -> Array:
    """Regrets (n,) of settings (n, k) in one cell, between the runs; infinite for no setting."""
    known: Flags = np.all(np.isfinite(where), axis=1)
    usable = np.where(np.expand_dims(known, 1), where, 0.0)
    between = place.between(usable)
    found = np.where(np.isfinite(between), between, place.at_nearest(usable))
    return np.where(known, np.expm1(found), np.inf)


def _shares(values: Array) -> dict[str, float]:
    return {
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "max": float(values.max()),
    }
