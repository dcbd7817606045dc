"""What would a fit advise at the target? The answer whose drift a backtest follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting import Fit, Quantity, from_draws
from isoloss.laws.compute import FlopRule
from isoloss.laws.optimum import Surface, allocate, can_allocate
from isoloss.runs import Points

Array = NDArray[np.float64]

WIDER = 100.0  # how far from the sizes of the runs an optimum is looked for, as in a plan
MOST_WITHOUT = 0.5  # share of draws without an optimum above which there is no answer
_HUGE = 1e300


@dataclass(frozen=True)
class Answer:
    """The compute-optimal run at the target.

    An interval is open (infinite, or zero, at one end) where too many draws keep falling there.

    Attributes:
        n_params: N*.
        tokens: D*.
        loss: of the law there, the lowest that it reaches with this compute.
    """

    n_params: Quantity
    tokens: Quantity
    loss: Quantity

    def to_dict(self) -> dict[str, Any]:
        """Three quantities."""
        return {name: quantity.to_dict() for name, quantity in vars(self).items()}


def answer_at(found: Fit, flop: float, rule: FlopRule | None = None) -> Answer | None:
    """N*, D* and loss of a fit at a compute, with intervals.

    Args:
        found: the fit.
        flop: the compute.
        rule: what a token costs; 6 N by default.

    Returns:
        None where the law cannot weigh size against data, or has no interior optimum there, in
        the estimate or in more than half of the draws.
    """
    if not can_allocate(found.law) or not np.isfinite(flop):
        return None
    surface = Surface(found.law, rule or FlopRule())
    thetas = np.concatenate([found.theta[None], found.draws]).T
    best = allocate(surface, thetas, flop, _size_bounds(found.points, flop))
    lost = ~best.found
    if lost[0] or np.mean(lost) > MOST_WITHOUT:
        return None
    losses = surface.loss(thetas, np.where(lost, 1.0, best.params), np.asarray(flop))
    return Answer(
        _quantity(best.params, found.level),
        _quantity(best.tokens, found.level),
        _quantity(np.where(lost, np.nan, losses), found.level),
    )


def _size_bounds(points: Points, flop: float) -> tuple[float, float]:
    """The N among which an optimum is looked for: those of the runs, widened with the compute."""
    known = points.flop[np.isfinite(points.flop)]
    grow = max(1.0, flop / known.max()) if known.size else 1.0
    shrink = min(1.0, flop / known.min()) if known.size else 1.0
    low = max(1.0, float(points.params.min()) / WIDER * shrink)
    return low, max(10.0 * low, float(points.params.max()) * WIDER * grow)


def _quantity(values: Array, level: float) -> Quantity:
    """The first value is the estimate, the others are draws; infinite ones leave the end open."""
    found = from_draws(float(values[0]), np.minimum(values[1:], _HUGE), level)
    is_open = found.hi > 1e-50 * _HUGE
    return Quantity(found.estimate, found.lo, np.inf if is_open else found.hi, level)
