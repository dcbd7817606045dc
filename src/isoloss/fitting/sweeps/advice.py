"""Which learning rate and batch should be trained next in a cell?

Where the optimum lies outside the runs: outwards, one step of the sweep's own spacing. Elsewhere
the setting that shrinks the region of the optimum most, by the surface that the runs have given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.sweeps.regret import Grid
from isoloss.fitting.sweeps.surface import Quadratic, features

Array = NDArray[np.float64]

STEPS = 3  # half steps on either side of the optimum that are looked at
NEW = 0.2  # a setting closer than this, in logs, has been tried
STEP_RANGE = (np.log(2) / 2, np.log(4))
SAME = 0.01  # settings closer than this, in logs, are one
LEAST = 0.3  # weight in the fit that a run must be expected to have to be worth training
NEAR = 0.01
"""Where all runs count alike: one that is expected to cost more says little of the optimum."""


@dataclass(frozen=True)
class NextRun:
    """A setting to train next.

    Attributes:
        setting: by axis.
        why: ``outward`` (the optimum lies outside the runs), ``shrink`` (it shrinks the region of
            the optimum most) or ``guess`` (the cell has no sure minimum: nearest to where the
            other cells expect it, or to the best run).
        shrink: by axis, width of the optimum's interval with this run over that without it; NaN
            where no surface says.
    """

    setting: Mapping[str, float]
    why: str
    shrink: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """In plain values."""
        return {"setting": dict(self.setting), "why": self.why, "shrink": dict(self.shrink)}


@dataclass(frozen=True)
class Question:
    """What is known of a cell when its next run is chosen.

    Attributes:
        place: the runs there are.
        axes: names of the settings.
        within: how near to the best a run must be to count.
        lr_diverged: lowest learning rate at which a run diverged; NaN where none did.
        edges: sides on which the optimum leaves the runs.
    """

    place: Grid
    axes: tuple[str, ...]
    within: float | None
    lr_diverged: float
    edges: tuple[str, ...]

    @property
    def steps(self) -> Array:
        """The usual step of each setting, in logs (k,)."""
        return spacing(self.place)

    @property
    def low(self) -> Array:
        """Lowest setting tried (k,)."""
        return self.place.settings.min(axis=0)

    @property
    def high(self) -> Array:
        """Highest setting tried (k,)."""
        return self.place.settings.max(axis=0)


def next_run(ask: Question, surface: Quadratic | None, otherwise: Array) -> NextRun | None:
    """The setting to train next in one cell; None where all around the optimum has been tried.

    Args:
        ask: what is known of the cell.
        surface: of the cell, if it has a minimum that is sure.
        otherwise: logs of the best guess where it has none.
    """
    unknown = dict.fromkeys(ask.axes, float("nan"))
    steps, low, high = ask.steps, ask.low, ask.high
    middle = otherwise if surface is None else surface.optimum
    if ask.edges:
        target = np.clip(middle, low, high)
        for i, axis in enumerate(ask.axes):
            if f"{axis} high" in ask.edges:
                target[i] = high[i] + steps[i]
            elif f"{axis} low" in ask.edges:
                target[i] = low[i] - steps[i]
        return NextRun(_setting(ask.axes, target), "outward", unknown)
    middle = np.clip(middle, low, high)
    fresh = _candidates(ask, middle)
    if not len(fresh):
        return None
    if surface is None:
        gap = (((fresh - middle) / steps) ** 2).sum(axis=1)
        return NextRun(_setting(ask.axes, fresh[gap.argmin()]), "guess", unknown)
    return _most_informative(ask, surface, fresh)


def spacing(place: Grid) -> Array:
    """The usual step between neighbouring values of each setting, in logs (k,)."""
    found: list[float] = []
    for i in range(place.settings.shape[1]):
        gaps = np.diff(np.sort(place.settings[:, i]))
        gaps = gaps[gaps > SAME]
        step = float(np.median(gaps)) if gaps.size else float(np.log(2))
        found.append(float(np.clip(step, *STEP_RANGE)))
    return np.array(found)


def _most_informative(ask: Question, surface: Quadratic, fresh: Array) -> NextRun | None:
    """The candidate after which the region of the optimum is smallest."""
    k = len(ask.axes)
    to_optimum = _derivative(surface, surface.hessian, k)
    now = to_optimum @ surface.covariance @ to_optimum.T
    expected = np.maximum(surface.value(fresh) - surface.value(surface.optimum), 0.0)
    # A run counts as it will count in the fit, by its excess over the best.
    limit = np.log1p(ask.within or NEAR)
    weight = np.maximum(1 - (expected / limit) ** 2, 0.0) ** 2
    fresh, weight = fresh[weight > LEAST], weight[weight > LEAST]
    if not len(fresh):
        return None
    noise = max(surface.spread, 1e-9) ** 2 / weight
    rows = features(fresh - surface.centre)
    # One more run updates the covariance by one rank (Sherman and Morrison).
    carried = rows @ surface.covariance
    gain = noise + np.einsum("np,np->n", carried, rows)
    moved = carried @ to_optimum.T
    after = now - np.einsum("ni,nj->nij", moved, moved) / gain[:, None, None]
    best = int(np.argmin(np.linalg.det(after)))
    shrink = np.sqrt(np.maximum(np.diag(after[best]), 0.0) / np.maximum(np.diag(now), 1e-300))
    return NextRun(
        _setting(ask.axes, fresh[best]),
        "shrink",
        {axis: float(value) for axis, value in zip(ask.axes, shrink, strict=True)},
    )


def _derivative(surface: Quadratic, bend: Array, k: int) -> Array:
    """How the optimum moves with the coefficients (k, p)."""
    offset = surface.optimum - surface.centre
    columns = np.zeros((k, surface.size))
    at = 0
    for i in range(k):
        for j in range(i, k):
            columns[i, at] += offset[j]
            columns[j, at] += offset[i]
            at += 1
    columns[:, at : at + k] = np.eye(k)
    return cast("Array", -np.linalg.solve(bend, columns))


def _candidates(ask: Question, middle: Array) -> Array:
    """Settings about the optimum that have not been tried and are not known to diverge (n, k)."""
    offsets = np.arange(-2 * STEPS, 2 * STEPS + 1)
    grid = np.stack(np.meshgrid(*[offsets] * len(ask.axes), indexing="ij"), axis=-1)
    found = middle + grid.reshape(-1, len(ask.axes)) * ask.steps / 2
    inside = np.all((found >= ask.low - 1e-9) & (found <= ask.high + 1e-9), axis=1)
    if np.isfinite(ask.lr_diverged):
        inside &= found[:, 0] < max(np.log(ask.lr_diverged) - NEW, float(ask.high[0]))
    gap = np.sqrt(((found[:, None] - ask.place.settings) ** 2).sum(axis=2)).min(axis=1)
    return found[inside & (gap > NEW)]


def _setting(axes: tuple[str, ...], logs: Array) -> dict[str, float]:
    return {axis: float(np.exp(value)) for axis, value in zip(axes, logs, strict=True)}
