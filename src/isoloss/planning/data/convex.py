"""The lowest point of a sum of exponentials over proportions with floors and caps, and a bound.

The function is convex, so for any allowed mixture the steepest linear improvement bounds how far
its loss lies above the lowest (Frank and Wolfe 1956).
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.planning.data.limits import Limits

Array = NDArray[np.float64]
GAP = 1e-8  # relative to the loss
POLISH = 2000


def greedy(cost: Array, allowed: Limits) -> Array:
    """The allowed mixture (d,) with the lowest linear cost: fill the cheapest domains first."""
    shares = allowed.low.copy()
    left = 1.0 - shares.sum()
    for at in np.argsort(cost, kind="stable"):
        more = min(left, allowed.high[at] - shares[at])
        shares[at] += max(more, 0.0)
        left -= max(more, 0.0)
    return shares


def best_shares(
    floor: Array, pull: Array, weight: Array, allowed: Limits, start: Array | None = None
) -> tuple[Array, float]:
    """The mixture (d,) with the lowest weighted loss, and how far above the minimum it may lie.

    Args:
        floor: c per target (k,).
        pull: t with log k taken in (k, d).
        weight: of the targets (k,).
        allowed: floors and caps.
        start: an allowed mixture.
    """
    from scipy.optimize import minimize

    def loss(shares: Array) -> float:
        return float(weight @ (floor + np.exp(pull @ shares)))

    def slope(shares: Array) -> Array:
        return (weight * np.exp(pull @ shares)) @ pull

    begin = greedy(slope(np.full(len(allowed.low), 1.0 / len(allowed.low))), allowed)
    begin = begin if start is None else start
    # The solver measures progress in absolute numbers; the spread of the loss is their scale.
    scale = max(loss(begin) - float(weight @ floor), 1e-300)
    found = cast(
        Any,
        minimize(
            lambda r: loss(r) / scale,
            begin,
            jac=lambda r: slope(r) / scale,
            method="SLSQP",
            bounds=list(zip(allowed.low, allowed.high, strict=True)),
            constraints={
                "type": "eq",
                "fun": lambda r: np.sum(r) - 1.0,
                "jac": lambda r: np.ones(len(r)),
            },
            options={"maxiter": 300, "ftol": 1e-14},
        ),
    )
    shares = _inside(np.asarray(found.x, dtype=np.float64), allowed)
    if loss(shares) > loss(begin):
        shares = begin
    return _polish(shares, loss, slope, allowed)


def _inside(shares: Array, allowed: Limits) -> Array:
    """A mixture moved by rounding errors, back within its limits and adding up to one."""
    inside = np.clip(shares, allowed.low, allowed.high)
    for _ in range(50):
        missing = 1.0 - inside.sum()
        if abs(missing) < 1e-15:
            break
        room = allowed.high - inside if missing > 0 else inside - allowed.low
        inside = np.clip(
            inside + missing * room / max(room.sum(), 1e-300), allowed.low, allowed.high
        )
    return inside


def _polish(shares: Array, loss: Any, slope: Any, allowed: Limits) -> tuple[Array, float]:
    """Exchange the dearest for the cheapest domain until the bound on what is left is tiny."""
    gap = np.inf
    for _ in range(POLISH):
        steep = slope(shares)
        gap = float(steep @ (shares - greedy(steep, allowed)))
        if gap <= GAP * loss(shares):
            break
        giving = np.where(shares > allowed.low + 1e-15, steep, -np.inf)
        taking = np.where(shares < allowed.high - 1e-15, steep, np.inf)
        out, into = int(np.argmax(giving)), int(np.argmin(taking))
        most = min(shares[out] - allowed.low[out], allowed.high[into] - shares[into])
        direction = np.zeros(len(shares))
        direction[out], direction[into] = -1.0, 1.0
        low, high = 0.0, most
        if float(slope(shares + most * direction) @ direction) > 0:
            for _ in range(60):
                middle = 0.5 * (low + high)
                falling = float(slope(shares + middle * direction) @ direction) < 0
                low, high = (middle, high) if falling else (low, middle)
        shares = shares + high * direction
    return shares, max(gap, 0.0)
