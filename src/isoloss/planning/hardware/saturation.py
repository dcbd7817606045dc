"""The curve log y = a - log(1 + (h / x)^s), fitted to many resamples at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# log ceiling at most 0; N_half from 1 to 1e14; steepness 0.1 to 5.
LOWER = np.array([np.log(1e-4), 0.0, np.log(0.1)])
UPPER = np.array([0.0, np.log(1e14), np.log(5.0)])
_STEPS = 60


@dataclass(frozen=True)
class Saturation:
    """A fitted curve.

    Attributes:
        estimate: log ceiling, log x_half, log steepness (3,).
        draws: the same for each refit (K, 3).
        spread: standard deviation of runs about the curve, in log y.
        spreads: that of each refit (K,): as unsure as few runs leave it.
    """

    estimate: Array
    draws: Array
    spread: float
    spreads: Array


def saturation(theta: Array, x: Array) -> Array:
    """Log y of each parameter set (K, 3) at each x (n,), shape (K, n)."""
    z = np.exp(theta[:, 2:3]) * (np.log(x)[None] - theta[:, 1:2])
    return theta[:, 0:1] - np.logaddexp(0.0, -z)


def fit_saturation(x: Array, y: Array, *, draws: int, seed: int) -> Saturation:
    """Least squares in log y, and refits to runs drawn about the curve.

    The start of each refit is the best of a grid of (x_half, steepness), where the ceiling is
    linear; steps of Levenberg and Marquardt then polish all of them together. Runs are drawn with
    normal scatter in log y, whose size is itself drawn as n - 3 degrees of freedom leave it open:
    resampled residuals of few runs make intervals too narrow.

    Args:
        x: sizes (n,), more than three of them distinct.
        y: shares of the peak (n,).
        draws: number of refits.
        seed: of the draws.
    """
    target = np.log(y)
    estimate = _solve(x, target[None])[0]
    level = saturation(estimate[None], x)[0]
    free = max(1, len(x) - 3)
    spread = float(np.sqrt(np.sum((target - level) ** 2) / free))
    rng = np.random.default_rng(seed)
    spreads = spread * np.sqrt(free / rng.chisquare(free, draws))
    drawn = level + spreads[:, None] * rng.standard_normal((draws, len(x)))
    return Saturation(estimate, _solve(x, drawn), spread, spreads)


def _solve(x: Array, target: Array) -> Array:
    """The best parameters of each target (K, n), shape (K, 3)."""
    theta = _grid_start(x, target)
    error = _error(theta, x, target)
    damping = np.full(len(theta), 1e-2)
    for _ in range(_STEPS):
        jacobian, residual = _linearised(theta, x, target)
        normal = np.einsum("kni,knj->kij", jacobian, jacobian)
        gradient = np.einsum("kni,kn->ki", jacobian, residual)
        scale = np.einsum("kii->ki", normal) + 1e-12
        # One damping per resample, on the diagonal.
        damped = normal + damping[:, None, None] * np.eye(3) * scale[:, :, None]
        step = cast("Array", np.linalg.solve(damped, gradient[:, :, None]))[:, :, 0]
        trial: Array = np.clip(theta + step, LOWER, UPPER)
        found = _error(trial, x, target)
        better = found < error
        theta = np.where(better[:, None], trial, theta)
        error = np.where(better, found, error)
        damping = np.clip(np.where(better, damping / 4, damping * 4), 1e-9, 1e9)
    return theta


def _grid_start(x: Array, target: Array) -> Array:
    near = max(0.0, float(np.log(x.min())) - 12.0)
    halves: Array = np.linspace(near, float(np.log(x.max())) + 5.0, 40)
    steep: Array = np.linspace(float(LOWER[2]), float(UPPER[2]), 25)
    grid = np.array([[0.0, h, s] for h in halves for s in steep])
    shape = saturation(grid, x)
    # The best ceiling is the mean difference, as far as it stays at most 1.
    ceiling = np.clip(target.mean(1)[:, None] - shape.mean(1)[None], LOWER[0], UPPER[0])
    n = x.size
    cross = target @ shape.T
    squares = np.sum(target**2, 1)[:, None] + np.sum(shape**2, 1)[None] - 2 * cross
    sums = target.sum(1)[:, None] - shape.sum(1)[None]
    error = squares - 2 * ceiling * sums + n * ceiling**2
    best = np.argmin(error, axis=1)
    start = grid[best]
    start[:, 0] = ceiling[np.arange(len(best)), best]
    return start


def _error(theta: Array, x: Array, target: Array) -> Array:
    return np.sum((target - saturation(theta, x)) ** 2, axis=1)


def _linearised(theta: Array, x: Array, target: Array) -> tuple[Array, Array]:
    """Derivatives of the curve (K, n, 3) and residuals (K, n)."""
    rate = np.exp(theta[:, 2:3])
    z = rate * (np.log(x)[None] - theta[:, 1:2])
    short = np.exp(-np.logaddexp(0.0, z))  # what is missing to the ceiling
    jacobian = np.stack([np.ones_like(z), -rate * short, z * short], axis=2)
    return jacobian, target - (theta[:, 0:1] - np.logaddexp(0.0, -z))
