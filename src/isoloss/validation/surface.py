"""What do the runs say where no law is assumed? A smooth surface over log N and log D.

A thin-plate spline whose smoothing is chosen by leaving runs out. It follows the runs wherever
there are enough of them and says nothing beyond, so it tells which features of a law come from the
runs and which from the law: above all the best N for a given compute.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Quantity, from_draws
from isoloss.laws.compute import FlopRule
from isoloss.runs import Points, Runs
from isoloss.validation.spline import Smoother, one_thread, plane, smoother
from isoloss.validation.surface_optima import SurfaceOptima

Array = NDArray[np.float64]

SMOOTHINGS = np.geomspace(1e-4, 1e2, 25)
MIN_RUNS, MAX_RUNS = 12, 3000
STEP = 0.01  # of log N along a budget
MARGIN = 0.02  # share of a budget's stretch within which a minimum counts as at its edge
HALF_FOUND = 0.5  # share of draws with a minimum inside that an optimum needs


def _places(points: Points) -> Array:
    return np.stack([np.log(points.params), np.log(points.tokens)], axis=1)


@dataclass(frozen=True)
class SmoothSurface:
    """Log loss as a smooth function of log N and log D.

    Attributes:
        points: the runs.
        smoothing: of the spline, chosen or given.
        scores: per smoothing tried, root mean square of the left-out residuals (s, 2).
        leave_out: ``run``, or the column whose groups were left out together.
        effective: number of free numbers that the surface amounts to.
        residuals: log(loss) minus the surface (n,).
        left_out: the same under the surface without the run, or without its group (n,).
    """

    points: Points
    smoothing: float
    scores: Array
    leave_out: str
    effective: float
    residuals: Array
    left_out: Array

    @cached_property
    def smoother(self) -> Smoother:
        """The linear map behind the surface."""
        return smoother(plane(_places(self.points)), self.smoothing)

    def predict(self, params: ArrayLike, tokens: ArrayLike) -> Array:
        """The loss at sizes and tokens, NaN outside the runs; arguments broadcast."""
        n, d = np.broadcast_arrays(np.asarray(params, float), np.asarray(tokens, float))
        where = np.stack([np.log(n).ravel(), np.log(d).ravel()], axis=1)
        inside = self.smoother.plane.inside(where)
        loss = np.full(len(where), np.nan)
        if inside.any():
            with one_thread():
                weights = self.smoother.weights(where[inside])
            loss[inside] = np.exp(weights @ np.log(self.points.loss))
        return loss.reshape(n.shape)

    def optima(
        self,
        flop: ArrayLike,
        *,
        rule: FlopRule | None = None,
        errors: str = "run",
        draws: int = 200,
        level: float = 0.9,
        seed: int = 0,
    ) -> SurfaceOptima:
        """The best N and D per budget, where the surface has a minimum between the runs.

        Args:
            flop: budgets (b,).
            rule: FLOP per token; 6 N by default.
            errors: ``run``, or a column whose groups share their errors: ``params`` where all
                runs of a size may lie high or low together.
            draws: surfaces with errors drawn anew (wild bootstrap of the left-out residuals).
            level: nominal coverage of the intervals.
            seed: of the draws.

        Raises:
            InputError: a budget is not positive, or there is no such column.
        """
        budgets = np.sort(np.atleast_1d(np.asarray(flop, dtype=np.float64)))
        if not np.all(np.isfinite(budgets) & (budgets > 0)):
            raise InputError(
                "budgets must be positive numbers of FLOP.",
                code="bad_flop",
                where=Where(field="flop"),
            )
        made = _simulate(self, errors, draws, seed)
        rule = rule or FlopRule()
        with one_thread():
            found = [_along(self, float(c), rule, made) for c in budgets]
        log_n, log_d, log_loss = (np.stack([f[k] for f in found], axis=1) for k in range(3))
        found_share = np.mean(np.isfinite(log_n[1:]), axis=0)
        log_n[0, found_share < HALF_FOUND] = np.nan

        def quantities(values: Array) -> tuple[Quantity, ...]:
            values = np.exp(np.where(np.isfinite(log_n[0]), values, np.nan))
            return tuple(from_draws(float(v[0]), v[1:], level) for v in values.T)

        edges = [edge if not np.isfinite(log_n[0, i]) else "" for i, (*_, edge) in enumerate(found)]
        return SurfaceOptima(
            flop=budgets,
            params=quantities(log_n),
            tokens=quantities(log_d),
            loss=quantities(log_loss),
            edge=tuple(edges),
            found=found_share,
            draws=np.where(np.isfinite(log_n[0]), (log_d - log_n)[1:], np.nan),
            level=level,
        )


def smooth_surface(
    runs: Runs | Points,
    *,
    n: str | None = None,
    loss: str | None = None,
    leave_out: str = "run",
    smoothing: float | None = None,
) -> SmoothSurface:
    """Lay a smooth surface through the runs.

    Of all smoothings the largest is taken whose left-out residuals are within one standard error
    of the smallest: what is asked of the surface is its shape, which noise harms before its level.

    Args:
        runs: a table of runs, or points.
        n: which count is N.
        loss: which column is the loss.
        leave_out: what is left out together: ``run``, or a column such as ``params``.
        smoothing: in place of the chosen one.

    Raises:
        EvidenceError: too few runs, or N and D do not vary independently.
        InputError: too many runs for a spline through all, or a bad smoothing or column.
    """
    points = runs.points(n=n, loss=loss) if isinstance(runs, Runs) else runs
    _check(points, smoothing)
    groups = _groups(points, leave_out)
    with one_thread():
        return _lay(points, groups, leave_out, smoothing)


def _lay(
    points: Points, groups: NDArray[np.int64], leave_out: str, smoothing: float | None
) -> SmoothSurface:
    log_loss = np.log(points.loss)
    places = plane(_places(points))
    scores = np.empty((0, 2))
    if smoothing is None:
        tried = [places.left_out(log_loss, float(value), groups) for value in SMOOTHINGS]
        squares = np.stack(tried) ** 2
        means = squares.mean(axis=1)
        best = int(np.argmin(means))
        sums = np.bincount(groups, weights=squares[best] - means[best])
        allowed = means[best] + float(np.sqrt(np.sum(sums**2))) / len(points)
        smoothing = float(SMOOTHINGS[means <= allowed].max())
        scores = np.stack([SMOOTHINGS, np.sqrt(means)], axis=1)
    return SmoothSurface(
        points=points,
        smoothing=smoothing,
        scores=scores,
        leave_out=leave_out,
        effective=places.effective(smoothing),
        residuals=places.residuals(log_loss, smoothing),
        left_out=places.left_out(log_loss, smoothing, groups),
    )


def _check(points: Points, smoothing: float | None) -> None:
    if smoothing is not None and not (np.isfinite(smoothing) and smoothing > 0):
        raise InputError(
            f"found smoothing {smoothing:g} where a positive number is expected.",
            code="bad_smoothing",
            where=Where(field="smoothing"),
        )
    if len(points) > MAX_RUNS:
        raise InputError(
            f"found {len(points)} runs; a surface through more than {MAX_RUNS} is not offered.",
            code="too_many_runs",
            hint="Choose some of them by --where.",
        )
    if len(points) < MIN_RUNS:
        raise EvidenceError(
            f"{len(points)} runs are too few for a surface; it needs {MIN_RUNS}.",
            code="too_few_runs",
        )
    centred = _places(points) - _places(points).mean(axis=0)
    strength = np.linalg.svd(centred, compute_uv=False)
    if strength[1] <= 1e-6 * strength[0]:
        raise EvidenceError(
            "the runs lie on one line of log N and log D, so a surface is not determined.",
            code="no_spread",
            hint="Add runs with other tokens per parameter.",
        )


def _groups(points: Points, column: str) -> NDArray[np.int64]:
    return np.arange(len(points)) if column == "run" else points.clusters(column)


def _simulate(surface: SmoothSurface, errors: str, draws: int, seed: int) -> Array:
    """Log losses of the runs, first as they are, then with errors drawn anew (1 + draws, n)."""
    log_loss = np.log(surface.points.loss)
    groups = _groups(surface.points, errors)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (draws, int(groups.max()) + 1))
    smooth = log_loss - surface.residuals
    return np.concatenate([log_loss[None], smooth + surface.left_out * signs[:, groups]])


def _along(
    surface: SmoothSurface, flop: float, rule: FlopRule, made: Array
) -> tuple[Array, Array, Array, str]:
    """Log N*, log D*, log loss per set of losses (k,), and at which end the first one is lowest.

    NaN where the lowest loss of a budget lies at the end of its stretch between the runs.
    """
    sizes = surface.points.params
    low, high = float(np.log(sizes.min())), float(np.log(sizes.max()))
    log_n = np.linspace(low, high, max(3, int((high - low) / STEP)))
    log_d = np.log(flop / rule.per_token(np.exp(log_n)))
    where = np.stack([log_n, log_d], axis=1)
    inside = surface.smoother.plane.inside(where)
    nothing = np.full(len(made), np.nan)
    if inside.sum() < 3:
        return nothing, nothing, nothing, "outside"
    where = where[inside]
    losses = made @ surface.smoother.weights(where).T
    at = np.argmin(losses, axis=1)
    margin = max(1, round(MARGIN * len(where)))
    small, large = at < margin, at >= len(where) - margin
    middle = np.clip(at, 1, len(where) - 2)
    rows = np.arange(len(made))
    left, here, right = (losses[rows, middle + k] for k in (-1, 0, 1))
    bend = np.maximum(left - 2 * here + right, 1e-300)
    shift = np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
    lowest = here - 0.25 * (left - right) * shift
    best = where[middle] + shift[:, None] * (where[middle + 1] - where[middle])
    missing = small | large
    edge = "smallest" if small[0] else "largest" if large[0] else "unsure"
    size, data, loss = (np.where(missing, np.nan, v) for v in (best[:, 0], best[:, 1], lowest))
    return size, data, loss, edge
