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
PASSES = 4  # of finding the optima that cubic terms are taken about
LEAST_SCATTER = 1e-8  # variance, in squared logs
"""Below it the scatter of the optima is none."""

Weighed = tuple[Array, Array, Array]


@dataclass(frozen=True)
class Sums:
    """What the law needs to know of each cell.

    Attributes:
        gram: (C, p, p) weighted products of the centred columns: products of two settings, perhaps
            of three, settings, log loss.
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
    def n_shared(self) -> int:
        """Coefficients that all cells share: the curvature, and the skew where there is one."""
        return self.gram.shape[1] - self.axes - 1


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


def sums(
    table: SweepRuns,
    terms: Array,
    within: float | None,
    *,
    skew: bool = False,
    squared: bool = False,
    counted: list[Weighed] | None = None,
) -> Sums:
    """The sums of each cell.

    Args:
        table: the runs.
        terms: (C, t), see ``Sums``.
        within: see ``surface.weights``.
        skew: whether the cells share cubic terms too, about their optima.
        squared: no down-weighting of outliers.
        counted: what ``weighed`` gave for the same runs, where it is at hand.
    """
    cells = weighed(table, within, squared=squared) if counted is None else counted
    shift = np.array([settings.mean(axis=0) for settings, _, _ in cells])
    found = _sums_about(cells, shift, terms, skew=False)
    if not skew:
        return found
    reach = np.array([[x.min(axis=0), x.max(axis=0)] for x, _, _ in cells])
    for _ in range(PASSES):
        # Cubic terms have their simple meaning only about the optimum itself.
        one = _within(found, np.ones((1, len(cells))))
        bend = hessian(one[0], found.axes)[0]
        if np.linalg.eigvalsh(bend)[0] <= CONVEX:
            break
        moved = cast("Array", np.linalg.solve(bend, one[1][0][..., None]))[..., 0]
        shift = np.clip(found.shift - moved, reach[:, 0], reach[:, 1])
        found = _sums_about(cells, shift, terms, skew=True)
    return found


def weighed(table: SweepRuns, within: float | None, *, squared: bool) -> list[Weighed]:
    """Settings, log losses and weights of the runs of each cell that count."""
    return [_weighed(table, cell, within, squared=squared) for cell in range(table.n_cells)]


def _weighed(table: SweepRuns, cell: int, within: float | None, *, squared: bool) -> Weighed:
    """Settings, log losses and weights of the runs of a cell that count."""
    rows = np.flatnonzero(table.cell == cell)
    here, loss = table.settings[rows], table.loss[rows]
    weight = weights(here, loss, within)
    kept = weight > 0
    here, log_loss, weight = here[kept], np.log(loss[kept]), weight[kept]
    if not squared and len(here) >= n_coefficients(here.shape[1]):
        weight = robust(features(here - here.mean(axis=0)), log_loss, weight)[1]
    return here, log_loss, weight


def _sums_about(cells: list[Weighed], shift: Array, terms: Array, *, skew: bool) -> Sums:
    grams: list[Array] = []
    for (settings, log_loss, weight), centre in zip(cells, shift, strict=True):
        offset = settings - centre
        design = features(offset)[:, :-1]
        products = design.shape[1] - shift.shape[1]
        parts = [design[:, :products], *([cubes(offset)] if skew else []), design[:, products:]]
        columns = np.concatenate([*parts, log_loss[:, None]], axis=1)
        columns = columns - (weight @ columns) / weight.sum()
        grams.append((columns.T * weight) @ columns)
    return Sums(
        gram=np.array(grams),
        shift=shift,
        weight=np.array([weight.sum() for _, _, weight in cells]),
        n_runs=np.array([len(weight) for _, _, weight in cells], dtype=np.float64),
        terms=terms,
        axes=shift.shape[1],
    )


def cubes(offset: Array) -> Array:
    """Products of three settings (n, k (k + 1) (k + 2) / 6)."""
    axes = range(offset.shape[1])
    triples = [(i, j, m) for i in axes for j in axes[i:] for m in axes[j:]]
    return np.stack([offset[:, i] * offset[:, j] * offset[:, m] for i, j, m in triples], axis=1)


def level(cells: Sums, times: Array, free: Flags, scatter: Array | None = None) -> Level:
    """The law for each row of ``times``.

    Args:
        cells: the sums.
        times: (R, C) how often each cell counts.
        free: (k, t) which coefficients of the law are fitted; the others are 0.
        scatter: (k,) variance of the optima about the law, where it is given.
    """
    k, m = cells.axes, cells.n_shared
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
    """Shared coefficients (R, m), the cells' own slopes (R, C, k) and the noise (R,)."""
    k, m = cells.axes, cells.n_shared
    gram = cells.gram
    inner = np.linalg.pinv(gram[:, m : m + k, m : m + k], rcond=1e-9, hermitian=True)
    across = gram[:, :m, m : m + k] @ inner
    left = gram[:, :m, :m] - across @ gram[:, m : m + k, :m]
    right = gram[:, :m, -1] - np.einsum("cij,cj->ci", across, gram[:, m : m + k, -1])
    total = np.einsum("rc,cij->rij", times, left)
    # Cubic columns are small where settings lie close: each is held to its own size.
    own = np.einsum("rii->ri", total)
    total = total + 1e-11 * own[:, :, None] * np.eye(m)
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
    counted = times[:, :, None, None] * weight
    pairs = (terms[:, :, None] * terms[:, None, :]).reshape(-1, t * t)
    left = counted.reshape(n_rows, -1, k * k).transpose(0, 2, 1) @ pairs
    left = left.reshape(n_rows, k, k, t, t).transpose(0, 1, 3, 2, 4).reshape(n_rows, k * t, k * t)
    right = (counted @ optimum[..., None])[..., 0].transpose(0, 2, 1) @ terms
    kept = np.flatnonzero(free.ravel())
    sub = left[:, kept[:, None], kept]
    ridge = 1e-12 * np.trace(sub, axis1=1, axis2=2)[:, None, None] * np.eye(len(kept))
    wanted = right.reshape(n_rows, -1)[:, kept, None]
    solved = cast("Array", np.linalg.solve(sub + ridge, wanted))
    theta = np.zeros((n_rows, k * t))
    theta[:, kept] = solved[..., 0]
    return theta.reshape(n_rows, k, t)
