"""Losses that the runs of IsoFLOP profiles could have had, for the intervals of approach 2.

An error that all runs of a budget share moves its curve up or down and leaves the minimum where
it is, so runs are the unit here, not tiers. A budget has few runs, and signs of few residuals are
too coarse: by default all budgets' relative errors are taken to be equally large and normal, with
one Student-t radius per draw for the number of spare runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError
from isoloss.fitting.isoflop_curves import fit_curves
from isoloss.fitting.isoflop_profile import Curves, Profile
from isoloss.runs import Points

Array = NDArray[np.float64]
CI_KINDS = ("run", "column:NAME", "none")
MOST_RUNS = 500
MOST_LEVERAGE = 0.95  # a run that alone decides its curve has no residual to inflate


@dataclass(frozen=True)
class Residuals:
    """What the curves leave over.

    Attributes:
        value: relative losses minus curves (n,).
        leverage: share of each run's own loss in its curve (n,).
        freedom: runs minus parameters that they fix.
    """

    value: Array
    leverage: Array
    freedom: float

    @property
    def size(self) -> float:
        """Standard deviation of the relative errors of the runs; NaN without spare runs."""
        if self.freedom < 1:
            return np.nan
        return float(np.sqrt(self.value @ self.value / self.freedom))

    @property
    def studentised(self) -> Array:
        """Each residual in units of its standard deviation, as seen by the other runs (n,)."""
        inside = self.value / (self.size * np.sqrt(np.maximum(1 - self.leverage, 1e-9)))
        left = np.maximum(self.freedom - inside**2, 1e-9)
        outside = inside * np.sqrt(max(self.freedom - 1, 0.0) / left)
        return np.where(self.leverage < MOST_LEVERAGE, outside, 0.0)


def residuals_of(losses: Array, curves: Curves) -> Residuals:
    """The residuals of relative losses (n,) under their curves."""
    share = curves.leverage
    return Residuals(losses - curves.fitted[0], share, len(losses) - float(share.sum()))


@dataclass(frozen=True)
class Refits:
    """Minima of curves through losses as they could have been, see ``Curves`` (draws, budgets)."""

    log_n: Array
    log_d: Array
    loss: Array


def refit(
    points: Points,
    profiles: Sequence[Profile],
    curves: Curves,
    residuals: Residuals,
    shape: str,
    ci: str,
    count: int,
    seed: int,
) -> Refits:
    """Minima of refitted curves; none without spare runs.

    With more than ``MOST_RUNS`` runs the curves are not refitted: with that many the minima move
    little, and in proportion to the errors.

    Args:
        points: the runs.
        profiles: their budgets.
        curves: through the losses as they are.
        residuals: what these leave over.
        shape: of the curves.
        ci: ``run``, ``none`` or ``column:NAME``.
        count: draws.
        seed: of the draws.

    Raises:
        InputError: there is no such column.
        EvidenceError: the column has one value.
    """
    if ci == "none" or residuals.freedom < 1:
        none = np.empty((0, len(profiles)))
        return Refits(none, none, none)
    if len(points) <= MOST_RUNS:
        errors = _errors(points, residuals, ci, count, seed, np.eye(len(points)))
        made = fit_curves(profiles, curves.fitted[0] + errors, shape)
        return Refits(made.log_n, made.log_d, made.loss)
    errors = _errors(points, residuals, ci, count, seed, curves.directions())
    shift, rise = curves.moved(errors)
    trade = np.array([each.trade for each in profiles])
    scale = np.array([each.scale for each in profiles])
    return Refits(
        curves.log_n[0] + shift, curves.log_d[0] - trade * shift, curves.loss[0] + rise * scale
    )


def _errors(
    points: Points, residuals: Residuals, ci: str, count: int, seed: int, directions: Array
) -> Array:
    """Errors of relative losses along orthonormal directions of the runs (count, directions)."""
    rng = np.random.default_rng([seed, 0])
    if ci == "run":
        radius = _radius(rng, residuals.freedom, count)
        return radius * residuals.size * rng.standard_normal((count, directions.shape[1]))
    groups = points.clusters(ci.removeprefix("column:"))
    n_groups = int(groups.max()) + 1
    if n_groups < 2:
        raise EvidenceError(
            "all runs are one group, so nothing can be resampled.",
            code="one_group",
            hint="Use ci run, or a column with several values.",
        )
    outside = residuals.value / np.sqrt(1 - np.minimum(residuals.leverage, MOST_LEVERAGE))
    by_group = np.zeros((n_groups, directions.shape[1]))
    np.add.at(by_group, groups, outside[:, None] * directions)
    signs = rng.integers(0, 2, (count, n_groups)) * 2.0 - 1.0
    return _radius(rng, min(residuals.freedom, n_groups - 1.0), count) * (signs @ by_group)


def _radius(rng: np.random.Generator, freedom: float, count: int) -> Array:
    """What turns a normal error of estimated size into a Student-t one (count, 1)."""
    return np.sqrt(freedom / rng.chisquare(freedom, (count, 1)))
