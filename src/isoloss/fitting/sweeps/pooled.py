"""A law over all cells: lr* = c N^a D^b and batch* = d N^e D^f, from every run that counts.

Hierarchical least squares. In each cell the log loss is a level plus a quadratic about the cell's
optimum; the curvature is shared by all cells, the optimum is the cell's own. Within a cell the
runs then fix the optimum with a precision that follows from where they lie. Across cells the optima
follow the law, and scatter about it. A cell counts by its precision and that scatter together: a
cell whose optimum is poorly fixed counts little, one with hundreds of runs not without limit.

Each cell enters only through the sums of squares and products of its runs. Leaving cells out and
drawing them anew is then a sum over cells, done for all draws at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.sweeps.surface import (
    CONVEX,
    features,
    hessian,
    n_coefficients,
    robust,
    weights,
)
from isoloss.fitting.sweeps.table import SweepRuns

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

TERMS = ("1", "N", "D")
STEPS = 200
LEAST_SCATTER = 1e-8  # variance, in squared logs
"""Below it the scatter of the optima is none."""


@dataclass(frozen=True)
class Sums:
    """What the law needs to know of each cell.

    Attributes:
        gram: (C, p, p) weighted products of the centred columns: squares and products of the
            settings, settings, log loss.
        shift: (C, k) the logs that the settings of a cell were taken about.
        weight: (C,) sum of the runs' weights.
        n_runs: (C,) runs that count.
        terms: (C, t) the terms of the law: 1, log N and log D about their means.
        axes: k.
    """

    gram: Array
    shift: Array
    weight: Array
    n_runs: Array
    terms: Array
    axes: int

    @property
    def n_products(self) -> int:
        """Coefficients of the curvature."""
        return self.axes * (self.axes + 1) // 2


@dataclass(frozen=True)
class Level:
    """The law of one or many sets of cells (R first).

    Attributes:
        theta: (R, k, t) coefficients of the optimum's logs; NaN where the runs show no minimum.
        curvature: (R, k, k) shared second derivatives of log loss.
        optimum: (R, C, k) logs of each cell's own optimum under the shared curvature.
        precision: (R, C, k, k) of that optimum by the cell's own runs.
        scatter: (R, k) variance of the optima about the law.
        noise: (R,) variance of a run that counts fully.
    """

    theta: Array
    curvature: Array
    optimum: Array
    precision: Array
    scatter: Array
    noise: Array


def sums(table: SweepRuns, terms: Array, within: float | None, *, squared: bool = False) -> Sums:
    """The sums of each cell.

    Args:
        table: the runs.
        terms: (C, t), see ``Sums``.
        within: see ``surface.weights``.
        squared: no down-weighting of outliers.
    """
    settings, axes = table.settings, len(table.axes)
    grams: list[Array] = []
    shifts: list[Array] = []
    total: list[float] = []
    count: list[int] = []
    for cell in range(table.n_cells):
        rows = np.flatnonzero(table.cell == cell)
        here, loss = settings[rows], table.loss[rows]
        weight = weights(here, loss, within)
        rows = np.flatnonzero(weight > 0)
        here, log_loss, weight = here[rows], np.log(loss[rows]), weight[rows]
        shift = here.mean(axis=0)
        design = features(here - shift)
        if not squared and len(rows) >= n_coefficients(axes):
            weight = robust(design, log_loss, weight)[1]
        columns = np.concatenate([design[:, :-1], log_loss[:, None]], axis=1)
        columns = columns - (weight @ columns) / weight.sum()
        grams.append((columns.T * weight) @ columns)
        shifts.append(shift)
        total.append(float(weight.sum()))
        count.append(len(rows))
    return Sums(
        np.array(grams), np.array(shifts), np.array(total), np.array(count, float), terms, axes
    )


def level(cells: Sums, times: Array, free: Flags, scatter: Array | None = None) -> Level:
    """The law for each row of ``times``.

    Args:
        cells: the sums.
        times: (R, C) how often each cell counts.
        free: (k, t) which coefficients of the law are fitted; the others are 0.
        scatter: (k,) variance of the optima about the law, where it is given.
    """
    k, m = cells.axes, cells.n_products
    bend, slopes, noise = _within(cells, times)
    curvature = hessian(bend, k)
    convex = np.linalg.eigvalsh(curvature)[:, 0] > CONVEX
    safe = np.where(convex[:, None, None], curvature, np.eye(k))
    # The optimum of a cell: where slope + curvature * (settings - shift) = 0.
    optimum = cells.shift - np.linalg.solve(safe[:, None], slopes[..., None])[..., 0]
    inner = cells.gram[:, m : m + k, m : m + k]
    precision = safe[:, None] @ inner @ safe[:, None] / noise[:, None, None, None]
    found, theta = _between(optimum, precision, cells.terms, times, free, scatter)
    theta[~convex] = np.nan
    return Level(theta, curvature, optimum, precision, found, noise)


def _within(cells: Sums, times: Array) -> tuple[Array, Array, Array]:
    """Shared curvature (R, m), the cells' own slopes (R, C, k) and the noise (R,)."""
    k, m = cells.axes, cells.n_products
    gram = cells.gram
    inner = np.linalg.pinv(gram[:, m : m + k, m : m + k], rcond=1e-9, hermitian=True)
    across = gram[:, :m, m : m + k] @ inner
    left = gram[:, :m, :m] - across @ gram[:, m : m + k, :m]
    right = gram[:, :m, -1] - np.einsum("cij,cj->ci", across, gram[:, m : m + k, -1])
    total = np.einsum("rc,cij->rij", times, left)
    total += 1e-12 * np.trace(total, axis1=1, axis2=2)[:, None, None] * np.eye(m)
    pull = np.einsum("rc,ci->ri", times, right)[..., None]
    bend = cast("Array", np.linalg.solve(total, pull))[..., 0]
    wanted = gram[:, m : m + k, -1] - np.einsum("cij,rj->rci", gram[:, m : m + k, :m], bend)
    slopes = np.einsum("cij,rcj->rci", inner, wanted)
    both: Array = np.concatenate(
        [np.broadcast_to(bend[:, None], (*slopes.shape[:2], m)), slopes], axis=2
    )
    rest = (
        gram[:, -1, -1]
        - 2 * np.einsum("rci,ci->rc", both, gram[:, :-1, -1])
        + np.einsum("rci,cij,rcj->rc", both, gram[:, :-1, :-1], both)
    )
    freedom = np.maximum(times @ (cells.n_runs - k - 1) - m, 1.0)
    scale = times @ cells.n_runs / np.maximum(times @ cells.weight, 1e-300)
    noise = np.maximum(np.einsum("rc,rc->r", times, rest), 0.0) / freedom * scale
    return bend, slopes, np.maximum(noise, 1e-14)


def _between(
    optimum: Array,
    precision: Array,
    terms: Array,
    times: Array,
    free: Flags,
    given: Array | None,
) -> tuple[Array, Array]:
    """The law through the cells' optima: scatter (R, k) and coefficients (R, k, t)."""
    n_rows, _, k = optimum.shape
    scatter = np.full((n_rows, k), 0.03) if given is None else np.broadcast_to(given, (n_rows, k))
    scatter = scatter.copy()
    theta = np.zeros((n_rows, *free.shape))
    # Each axis has as many cells as there are, less the coefficients of its law.
    used = np.maximum(1 - free.sum(axis=1) / np.maximum(times.sum(axis=1), 1)[:, None], 0.05)
    for _ in range(STEPS if given is None else 1):
        weight = _weight(precision, scatter)
        theta = _regress(optimum, weight, terms, times, free)
        rest = optimum - np.einsum("rit,ct->rci", theta, terms)
        pull = np.einsum("rcij,rcj->rci", weight, rest)
        found = np.einsum("rc,rci->ri", times, pull**2)
        expected = np.einsum("rc,rcii->ri", times, weight) * used
        if given is not None:
            break
        step = np.clip(found / np.maximum(expected, 1e-300), 0.01, 100.0) ** 0.7
        fresh = np.clip(scatter * step, LEAST_SCATTER, 25.0)
        if np.allclose(fresh, scatter, rtol=1e-6, atol=0):
            break
        scatter = fresh
    return scatter, theta


def _weight(precision: Array, scatter: Array) -> Array:
    """(V + T)^-1 from the precision V^-1, which may be singular: (1 + V^-1 T)^-1 V^-1."""
    k = scatter.shape[1]
    found = np.linalg.solve(np.eye(k) + precision * scatter[:, None, None, :], precision)
    return cast("Array", found)


def _regress(optimum: Array, weight: Array, terms: Array, times: Array, free: Flags) -> Array:
    """Generalised least squares of the optima on the terms (R, k, t)."""
    n_rows, _, k = optimum.shape
    t = terms.shape[1]
    left = np.einsum("rc,rcij,ca,cb->riajb", times, weight, terms, terms, optimize=True)
    left = left.reshape(n_rows, k * t, k * t)
    right = np.einsum("rc,rcij,rcj,ca->ria", times, weight, optimum, terms, optimize=True)
    kept = np.flatnonzero(free.ravel())
    sub = left[:, kept[:, None], kept]
    ridge = 1e-12 * np.trace(sub, axis1=1, axis2=2)[:, None, None] * np.eye(len(kept))
    wanted = right.reshape(n_rows, -1)[:, kept, None]
    solved = cast("Array", np.linalg.solve(sub + ridge, wanted))
    theta = np.zeros((n_rows, k * t))
    theta[:, kept] = solved[..., 0]
    return theta.reshape(n_rows, k, t)
