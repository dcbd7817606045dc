"""How near to the best must a run be to count, and is the surface skew? Cells left out decide.

Too few runs are noisy, too many bend the surface away from the minimum; cubic terms that all cells
share let more runs count. Of a few widths, with and without those terms, the one whose laws cost
least on cells left out is taken. Where regret itself is measured on a cell, it is chosen anew
without that cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.sweeps.pooled import Sums, level
from isoloss.fitting.sweeps.regret import Grid, Regret, regret_of, regrets_at

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

WIDTHS = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08)
INNER = 20  # cells are left out at most so many groups at a time to choose the width


@dataclass(frozen=True)
class Widths:
    """The sums of all cells for each width that may be chosen.

    Attributes:
        widths: runs within these shares of the best count, and whether the surface may be skew.
        sums: for each of them.
        scatter: (W, k) of the optima about the law of all cells, for each width.
        free: (k, t) which coefficients are fitted.
        places: the grid of each cell.
    """

    widths: tuple[tuple[float | None, bool], ...]
    sums: tuple[Sums, ...]
    scatter: Array
    free: Flags
    places: tuple[Grid, ...]

    @property
    def n_cells(self) -> int:
        """The number of cells."""
        return len(self.places)

    def best(self) -> int:
        """Which width costs least on cells left out."""
        return int(self.best_of(np.ones((1, self.n_cells), dtype=np.bool_))[0])

    def best_of(self, kept: Flags) -> Ints:
        """The same (F,) for sets of cells (F, C), each judged on its own cells alone."""
        if len(self.widths) == 1 or not len(kept):
            return np.zeros(len(kept), dtype=np.int64)
        cost = np.stack([self._inner(w, kept) for w in range(len(self.widths))], axis=1)
        # Where no width shows a minimum, the widest has the most runs to look for one.
        known = np.isfinite(cost).any(axis=1)
        return np.where(known, cost.argmin(axis=1), len(self.widths) - 1).astype(np.int64)

    def _inner(self, w: int, kept: Flags) -> Array:
        """Mean regret (F,) between the runs, each kept cell predicted without its group."""
        number = np.cumsum(kept, axis=1) - 1
        count = np.minimum(kept.sum(axis=1), INNER)
        group = number % np.maximum(count, 1)[:, None]
        first = np.r_[0, np.cumsum(count)[:-1]]
        parts: list[Flags] = [
            kept[f] & (group[f] != np.arange(count[f])[:, None]) for f in range(len(kept))
        ]
        times = np.concatenate(parts).astype(np.float64)
        theta = level(self.sums[w], times, self.free, self.scatter[w]).theta
        total = np.zeros(len(kept))
        for cell in range(self.n_cells):
            sets = np.flatnonzero(kept[:, cell])
            if not len(sets):
                continue
            where = theta[first[sets] + group[sets, cell]] @ self.sums[w].terms[cell]
            total[sets] += regrets_at(self.places[cell], where)
        return total / np.maximum(kept.sum(axis=1), 1)


def left_out(widths: Widths, group: Ints, held_out: str, *, before: bool = False) -> Regret | None:
    """Regrets of laws fitted without a group of cells, on that group; None where none can be.

    Args:
        widths: the sums.
        group: (C,) group of each cell.
        held_out: for the result.
        before: fit only on groups of lower number.
    """
    numbers = np.unique(group)
    kept = np.array([group < n if before else group != n for n in numbers])
    usable = np.array([_fits(widths, one) for one in kept])
    numbers, kept = numbers[usable], kept[usable]
    cells: list[int] = []
    where: list[Array] = []
    for number, one, best in zip(numbers, kept, widths.best_of(kept), strict=True):
        w = int(best)
        sums = widths.sums[w]
        theta = level(sums, one[None].astype(np.float64), widths.free, widths.scatter[w]).theta[0]
        if not np.isfinite(theta).all():
            continue
        held = np.flatnonzero(group == number)
        cells += held.tolist()
        where.append(sums.terms[held] @ theta.T)
    if not cells:
        return None
    return regret_of(widths.places, np.concatenate(where), cells, held_out)


def _fits(widths: Widths, kept: Flags) -> bool:
    """Whether the kept cells fix all coefficients of the law."""
    terms = widths.sums[0].terms[kept]
    most = int(widths.free.sum(axis=1).max())
    if len(terms) < most + 1:
        return False
    spread = np.linalg.svd(terms - np.r_[0.0, terms[:, 1:].mean(axis=0)], compute_uv=False)
    return bool(spread[-1] > 0.1) if len(spread) else False


def groups_of(values: Array, gap: float) -> Ints:
    """Numbers of values that lie closer than ``gap`` in log, ascending."""
    order = np.argsort(values, kind="stable")
    found = np.zeros(len(values), dtype=np.int64)
    found[order[1:]] = np.cumsum(np.diff(np.log(values[order])) > gap)
    return found


def scatters(sums: Sequence[Sums], free: Flags) -> Array:
    """The scatter (W, k) about the law of all cells, for each width."""
    return np.concatenate(
        [level(one, np.ones((1, len(one.terms))), free).scatter for one in sums], axis=0
    )
