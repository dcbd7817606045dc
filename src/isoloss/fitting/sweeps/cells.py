"""What do the runs of one size and number of tokens say of the best learning rate and batch?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.quantity import Quantity, from_draws
from isoloss.fitting.sweeps.advice import NextRun, Question, next_run
from isoloss.fitting.sweeps.law import SweepLaw
from isoloss.fitting.sweeps.regret import Grid
from isoloss.fitting.sweeps.surface import (
    Quadratic,
    carries_surface,
    excess,
    features,
    fit_quadratic,
    hessian,
    optima,
    weights,
)
from isoloss.fitting.sweeps.table import SweepRuns, setting_numbers

Array = NDArray[np.float64]

HOLLOW = 0.9  # share of draws that must have a minimum for an optimum to count as identified
WIDEST = np.log(16.0)  # an optimum known to no better than a factor of 16 is not known
FACTOR = 2.0
"""How far off is asked for in the cost of missing a setting."""
NAN = float("nan")


@dataclass(frozen=True)
class Cell:
    """The runs of one size and number of tokens.

    Attributes:
        params: N, geometric mean.
        tokens: D, likewise.
        n_runs: runs that did not diverge.
        n_counted: those near enough to the best to count.
        n_settings: distinct settings that did not diverge.
        n_diverged: runs that did.
        best: by axis the setting of the run with the lowest loss (the mean of its seeds).
        best_loss: that loss.
        lr_diverged: lowest learning rate at which a run diverged; NaN where none did.
        optimum: by axis the best setting by the cell's own surface; NaN where it has none.
        loss: at the optimum.
        status: ``ok``; ``edge`` (the optimum lies outside the runs); ``not_identified`` (the runs
            show no minimum, or any); ``thin`` (too few settings for a surface).
        edges: on which sides, ``lr high``, ``batch_tokens low``, ...
        message: the status in a sentence.
        pooled: by axis the optimum with the curvature of all cells, which is steadier, and its
            interval by the cell's own runs; NaN without a law.
        law: by axis what the law of all cells says here; NaN without a law.
        cost: by axis, what it costs to be 2 times off, as a share of the loss, by the own surface.
        measured: by axis, the same read off between the runs: half the optimum, twice the optimum.
        next: what to train next here.
        surface: the quadratic; None where the status is ``thin``.
    """

    params: float
    tokens: float
    n_runs: int
    n_counted: int
    n_settings: int
    n_diverged: int
    best: Mapping[str, float]
    best_loss: float
    lr_diverged: float
    optimum: Mapping[str, Quantity]
    loss: Quantity
    status: str
    edges: tuple[str, ...]
    message: str
    pooled: Mapping[str, Quantity]
    law: Mapping[str, float]
    cost: Mapping[str, Quantity]
    measured: Mapping[str, tuple[float, float]]
    next: NextRun | None
    surface: Quadratic | None

    def to_dict(self) -> dict[str, Any]:
        """In plain values, without the surface's covariance."""
        return {
            "n_params": self.params,
            "tokens": self.tokens,
            "n_runs": self.n_runs,
            "n_counted": self.n_counted,
            "n_settings": self.n_settings,
            "n_diverged": self.n_diverged,
            "best": {**self.best, "loss": self.best_loss},
            "lr_diverged": self.lr_diverged,
            "optimum": {axis: q.to_dict() for axis, q in self.optimum.items()},
            "loss": self.loss.to_dict(),
            "status": self.status,
            "edges": list(self.edges),
            "message": self.message,
            "pooled": {axis: q.to_dict() for axis, q in self.pooled.items()},
            "law": dict(self.law),
            "cost_2x_off": {axis: q.to_dict() for axis, q in self.cost.items()},
            "measured_2x_off": {
                axis: {"half": pair[0], "twice": pair[1]} for axis, pair in self.measured.items()
            },
            "next": None if self.next is None else self.next.to_dict(),
        }


def make_cell(
    table: SweepRuns,
    number: int,
    place: Grid,
    *,
    within: float | None,
    squared: bool,
    draws: int,
    level: float,
    seed: int,
) -> Cell:
    """One cell with its own surface; the law comes later.

    Args:
        table: all runs.
        number: of the cell.
        place: its grid.
        within: how near to the best a run must be to count.
        squared: plain least squares.
        draws: for the intervals.
        level: nominal coverage.
        seed: of the draws.
    """
    here = table.take(table.cell == number)
    settings, loss, axes = here.settings, here.loss, table.axes
    weight = weights(settings, loss, within)
    alive = np.isfinite(loss)
    over = excess(settings, loss)
    best = int(np.argmin(over))
    same = setting_numbers(settings) == setting_numbers(settings)[best]
    gone = here.lr[~alive]
    surface = (
        fit_quadratic(settings, loss, weight, squared=squared)
        if carries_surface(settings, weight)
        else None
    )
    unknown = Quantity(NAN, NAN, NAN, level)
    cell = Cell(
        params=_middle(here.params),
        tokens=_middle(here.tokens),
        n_runs=int(alive.sum()),
        n_counted=int((weight > 0).sum()),
        n_settings=len(place.excess),
        n_diverged=int((~alive).sum()),
        best={axis: float(getattr(here, axis)[best]) for axis in axes},
        best_loss=float(np.exp(np.log(loss[same]).mean())),
        lr_diverged=float(gone.min()) if gone.size else NAN,
        optimum=dict.fromkeys(axes, unknown),
        loss=unknown,
        status="thin",
        edges=(),
        message=f"{len(place.excess)} settings are too few for a surface, or lie on a line.",
        pooled=dict.fromkeys(axes, unknown),
        law=dict.fromkeys(axes, NAN),
        cost=dict.fromkeys(axes, unknown),
        measured=dict.fromkeys(axes, (NAN, NAN)),
        next=None,
        surface=surface,
    )
    if surface is not None:
        rng = np.random.default_rng([seed, 2, number])
        cell = _with_surface(cell, surface, place, axes, surface.draws(draws, rng), level)
    return cell


def with_law(
    cell: Cell,
    place: Grid,
    law: SweepLaw,
    pooled: Array,
    precision: Array,
    within: float | None,
) -> Cell:
    """A cell with what the other cells say of it: the steadier optimum, the law, the next run.

    Args:
        cell: with its own surface.
        place: its grid.
        law: of all cells.
        pooled: (k,) logs of the optimum under the shared curvature.
        precision: (k, k) of them.
        within: how near to the best a run must be to count.
    """
    said = law.log_settings(np.array([cell.params]), np.array([cell.tokens]))[0]
    ask = Question(place, law.axes, within, cell.lr_diverged, cell.edges)
    own = cell.surface if cell.status in ("ok", "edge") else None
    return replace(
        cell,
        pooled=_pooled(law.axes, pooled, precision, law.level),
        law={axis: float(value) for axis, value in zip(law.axes, np.exp(said), strict=True)},
        next=next_run(ask, own, pooled if np.isfinite(_spread(precision)).all() else said),
    )


def without_law(cell: Cell, place: Grid, axes: tuple[str, ...], within: float | None) -> Cell:
    """A cell that stands alone, with its next run."""
    ask = Question(place, axes, within, cell.lr_diverged, cell.edges)
    own = cell.surface if cell.status in ("ok", "edge") else None
    best = place.settings[place.excess.argmin()]
    return replace(cell, next=next_run(ask, own, best))


def _pooled(
    axes: tuple[str, ...], logs: Array, precision: Array, level: float
) -> dict[str, Quantity]:
    half = NormalDist().inv_cdf(0.5 + level / 2) * _spread(precision)
    with np.errstate(over="ignore"):
        ends = np.exp(np.stack([logs, logs - half, logs + half]))
    return {
        axis: Quantity(float(ends[0, i]), float(ends[1, i]), float(ends[2, i]), level)
        for i, axis in enumerate(axes)
    }


def _spread(precision: Array) -> Array:
    """Standard deviations (k,) in logs; NaN where the runs do not fix the optimum."""
    if np.linalg.cond(precision) > 1e10:
        return np.full(len(precision), np.nan)
    return np.sqrt(np.diag(np.linalg.inv(precision)))


def _with_surface(
    cell: Cell,
    surface: Quadratic,
    place: Grid,
    axes: tuple[str, ...],
    drawn: Array,
    level: float,
) -> Cell:
    """What the own surface says: optimum, loss there, cost of missing it."""
    found = optima(drawn, surface.centre)
    bend = hessian(drawn, len(axes))
    known = np.isfinite(found).all(axis=1)
    point = surface.optimum
    step = np.log(FACTOR) ** 2 / 2
    cost = {
        axis: from_draws(
            float(np.expm1(step * surface.hessian[i, i])), np.expm1(step * bend[:, i, i]), level
        )
        for i, axis in enumerate(axes)
    }
    if not surface.convex or known.mean() < HOLLOW:
        share = f"{known.mean():.0%} of draws have one"
        message = f"the runs show no minimum that is sure: {share}."
        return replace(cell, status="not_identified", message=message, cost=cost)
    tail = (1 - level) / 2
    ends = np.nanquantile(found, [tail, 1 - tail], axis=0)
    wide = [axis for i, axis in enumerate(axes) if ends[1, i] - ends[0, i] > WIDEST]
    with np.errstate(over="ignore"):
        optimum = {
            axis: from_draws(float(np.exp(point[i])), np.exp(found[:, i]), level)
            for i, axis in enumerate(axes)
        }
    lowest = surface.value(point)
    slack = np.einsum("ri,rij,rj->r", found - point, bend, found - point) / 2
    loss = from_draws(
        float(np.exp(lowest)), np.exp(drawn @ features(point - surface.centre) - slack), level
    )
    cell = replace(cell, optimum=optimum, loss=loss, cost=cost)
    if wide:
        message = f"{' and '.join(wide)} is known to no better than a factor of 16."
        return replace(cell, status="not_identified", message=message)
    cell = replace(cell, measured=_measured(place, point, axes))
    edges, outside = _edges(cell, place, point, axes)
    if not (edges or outside):
        return replace(cell, status="ok", message="one minimum inside the runs.")
    sides = f" ({', '.join(edges)})" if edges else ""
    return replace(
        cell, status="edge", edges=edges, message=f"the optimum lies outside the runs{sides}."
    )


def _edges(
    cell: Cell, place: Grid, point: Array, axes: tuple[str, ...]
) -> tuple[tuple[str, ...], bool]:
    """On which sides the optimum leaves the runs, and whether it lies outside their hull."""
    low, high = place.settings.min(axis=0), place.settings.max(axis=0)
    found: list[str] = []
    for i, axis in enumerate(axes):
        if point[i] < low[i]:
            found.append(f"{axis} low")
        # Runs that diverged above say that the sweep did go far enough.
        beyond = axis == "lr" and cell.lr_diverged > np.exp(high[i])
        if point[i] > high[i] and not beyond:
            found.append(f"{axis} high")
    outside = bool(np.isnan(place.between(point[None])[0])) and not np.any(point > high)
    return tuple(found), outside


def _measured(place: Grid, point: Array, axes: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """The cost of half and twice each setting, read off between the runs."""
    base = place.between(point[None])[0]
    found: dict[str, tuple[float, float]] = {}
    for i, axis in enumerate(axes):
        moved = np.repeat(point[None], 2, axis=0)
        moved[:, i] += np.array([-1.0, 1.0]) * np.log(FACTOR)
        low, high = np.expm1(place.between(moved) - base)
        found[axis] = (float(low), float(high))
    return found


def _middle(values: Array) -> float:
    return float(np.exp(np.log(values).mean()))
