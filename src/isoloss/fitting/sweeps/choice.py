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
from isoloss.fitting.sweeps.regret import Grid, Regret, regret_of

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

    def best(self, kept: Flags | None = None) -> int:
        """Which width costs least on cells left out, among the cells ``kept``."""
        kept = np.ones(self.n_cells, dtype=np.bool_) if kept is None else kept
        if len(self.widths) == 1:
            return 0
        cost = self._inner(kept)
        # Where no width shows a minimum, the widest has the most runs to look for one.
        return int(np.argmin(cost)) if np.isfinite(cost).any() else len(cost) - 1

    def _inner(self, kept: Flags) -> Array:
        """Mean regret (W,) between the runs, each kept cell predicted without its group."""
        cells = np.flatnonzero(kept)
        group = np.arange(len(cells)) % INNER
        times = np.zeros((int(group.max()) + 1, self.n_cells))
        times[:, cells] = group != np.arange(len(times))[:, None]
        cost = np.empty(len(self.widths))
        for w, sums in enumerate(self.sums):
            theta = level(sums, times, self.free, self.scatter[w]).theta[group]
            where = np.einsum("nkt,nt->nk", theta, sums.terms[cells])
            lost = ~np.isfinite(where).all(axis=1)
            where[lost] = 0.0
            found = regret_of(self.places, where, cells.tolist()).interpolated
            cost[w] = np.where(lost, np.inf, found).mean()
        return cost


def left_out(widths: Widths, group: Ints, held_out: str, *, before: bool = False) -> Regret | None:
    """Regrets of laws fitted without a group of cells, on that group; None where none can be.

    Args:
        widths: the sums.
        group: (C,) group of each cell.
        held_out: for the result.
        before: fit only on groups of lower number.
    """
    cells: list[int] = []
    where: list[Array] = []
    for number in np.unique(group):
        kept = group < number if before else group != number
        if not _fits(widths, kept):
            continue
        w = widths.best(kept)
        sums = widths.sums[w]
        theta = level(sums, kept[None].astype(np.float64), widths.free, widths.scatter[w]).theta[0]
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
