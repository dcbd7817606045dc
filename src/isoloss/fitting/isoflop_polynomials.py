"""Parabolas and cubics in log N through the losses of each budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.isoflop_profile import FLAT, Curves, Profile, place, variance

Array = NDArray[np.float64]


def polynomials(profiles: Sequence[Profile], losses: Array, degree: int) -> Curves:
    """Fit a polynomial of degree 2 or 3 to each budget, for each set of losses (draws, runs)."""
    count, n_runs = losses.shape
    fitted = np.empty_like(losses)
    u = np.empty((count, len(profiles)))
    value = np.empty_like(u)
    jacobian = np.zeros((n_runs, len(profiles) * (degree + 1)))
    sensitivity = np.zeros((len(profiles), jacobian.shape[1]))
    height = np.zeros_like(sensitivity)
    own = np.full(len(profiles), np.nan)
    for g, each in enumerate(profiles):
        width = float(np.abs(each.log_n).max())
        powers = np.vander(each.log_n / width, degree + 1, increasing=True)
        weights = losses[:, each.rows] @ np.linalg.pinv(powers).T
        fitted[:, each.rows] = weights @ powers.T
        columns = slice(g * (degree + 1), (g + 1) * (degree + 1))
        jacobian[each.rows, columns] = powers
        at = _minimum(weights, each.log_n / width)
        finite = np.where(np.isfinite(at), at, 0.0)
        lowest = (weights * finite[:, None] ** np.arange(degree + 1)).sum(axis=1)
        value[:, g] = np.where(np.isfinite(at), lowest * each.scale, np.nan)
        u[:, g] = at * width
        if np.isfinite(at[0]):
            slope = np.array([k * at[0] ** max(k - 1, 0) for k in range(degree + 1)])
            bend = sum(k * (k - 1) * weights[0, k] * at[0] ** (k - 2) for k in range(2, degree + 1))
            sensitivity[g, columns] = -width * slope / bend
            height[g, columns] = at[0] ** np.arange(degree + 1)
            own[g] = variance(powers, sensitivity[g, columns])
    log_n, log_d = place(profiles, u)
    exponents = np.full((count, 2), np.nan)
    return Curves(fitted, log_n, log_d, value, jacobian, sensitivity, height, own, exponents)


def _minimum(weights: Array, x: Array) -> Array:
    """The local minimum of a parabola or cubic, or infinity towards its lower end."""
    linear, square = weights[:, 1], weights[:, 2]
    cube = weights[:, 3] if weights.shape[1] > 3 else np.zeros(len(weights))
    inside = square**2 - 3 * linear * cube
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(inside, 0.0))
        # The root where the slope rises, in the form that does not cancel for a small cube.
        stable = -linear / (square + root)
        other = (root - square) / (3 * cube)
        at = np.where(square + root > 0, stable, other)
    finite = np.where(np.isfinite(at), at, 0.0)
    exists = (inside > 0) & np.isfinite(at) & (2 * square + 6 * cube * finite > FLAT)
    ends = [
        sum(weights[:, k] * end**k for k in range(weights.shape[1])) for end in (x.min(), x.max())
    ]
    return np.where(exists, at, np.where(ends[0] < ends[1], -np.inf, np.inf))
