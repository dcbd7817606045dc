"""Slices of an additive surface: loss = e + p N^-alpha + q D^-beta at each budget.

The heights e, p >= 0 and q >= 0 belong to a budget and are linear; the exponents are shared by all
budgets and found by variable projection: for each pair of exponents the rest is solved exactly, so
the search has two dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.isoflop_profile import Curves, Profile, place, variance

Array = NDArray[np.float64]
SMALLEST_EXPONENT, LARGEST_EXPONENT = 0.02, 2.0
GRID = 12  # starts per exponent
MAX_STEPS, SMALL_STEP = 200, 1e-7


def slices(profiles: Sequence[Profile], losses: Array) -> Curves:
    """Fit all budgets together, for each set of losses (draws, runs)."""
    exponents = _descend(profiles, losses, _starts(profiles, losses))
    alpha, beta = exponents.T
    fitted = np.empty_like(losses)
    u = np.empty((len(losses), len(profiles)))
    value = np.empty_like(u)
    n_runs = losses.shape[1]
    jacobian = np.zeros((n_runs, 2 + 3 * len(profiles)))
    sensitivity = np.zeros((len(profiles), jacobian.shape[1]))
    own = np.full(len(profiles), np.nan)
    free = (exponents[0] > SMALLEST_EXPONENT) & (exponents[0] < LARGEST_EXPONENT)
    for g, each in enumerate(profiles):
        part = _Split(each, losses[:, each.rows], alpha, beta)
        fitted[:, each.rows] = part.mean + part.centred_fit
        slopes = part.slopes()
        columns = slice(2 + 3 * g, 5 + 3 * g)
        jacobian[each.rows, :2] = np.stack([slopes[0][0], slopes[1][0]], axis=1) * free
        basis = np.stack([np.ones(len(each.rows)), part.first[0], part.second[0]], axis=1)
        jacobian[each.rows, columns] = basis * np.array([1.0, part.p[0] > 0, part.q[0] > 0])
        u[:, g] = part.minimum()
        value[:, g] = part.value(u[:, g]) * each.scale
        if np.isfinite(u[0, g]):
            sensitivity[g, :2], sensitivity[g, columns] = part.sensitivity(float(u[0, g]))
            own[g] = variance(basis, sensitivity[g, columns])
    log_n, log_d = place(profiles, u)
    return Curves(fitted, log_n, log_d, value, jacobian, sensitivity, own, exponents)


class _Split:
    """One budget's linear fit for given exponents: e + p N^-alpha + q D^-beta with p, q >= 0."""

    def __init__(self, each: Profile, losses: Array, alpha: Array, beta: Array) -> None:
        self.each, self.alpha, self.beta = each, alpha, beta
        raw = np.exp(-alpha[:, None] * each.log_n), np.exp(-beta[:, None] * each.log_d)
        self.raw = raw
        self.middle = raw[0].mean(axis=1), raw[1].mean(axis=1)
        self.first = raw[0] - self.middle[0][:, None]
        self.second = raw[1] - self.middle[1][:, None]
        self.mean = losses.mean(axis=1, keepdims=True)
        centred = losses - self.mean
        self.p, self.q = _non_negative(self.first, self.second, centred)
        self.centred_fit = self.p[:, None] * self.first + self.q[:, None] * self.second
        self.residual = centred - self.centred_fit

    def slopes(self) -> tuple[Array, Array]:
        """Derivatives of the fitted losses by log alpha and log beta, p and q held."""
        by_alpha = -(self.alpha * self.p)[:, None] * self.each.log_n * self.raw[0]
        by_beta = -(self.beta * self.q)[:, None] * self.each.log_d * self.raw[1]
        return by_alpha, by_beta

    def projected_slopes(self) -> tuple[Array, Array]:
        """The same with e, p and q refitted (Kaufman's approximation)."""
        axis = _unit(self.first * (self.p > 0)[:, None])
        other = self.second * (self.q > 0)[:, None]
        cross = _unit(other - _dot(axis, other)[:, None] * axis)
        result: list[Array] = []
        for slope in self.slopes():
            left = slope - slope.mean(axis=1, keepdims=True)
            for direction in (axis, cross):
                left = left - _dot(direction, left)[:, None] * direction
            result.append(left)
        return result[0], result[1]

    def minimum(self) -> Array:
        """The minimum along the budget: log N minus the centre."""
        fall, rise = self.alpha * self.p, self.beta * self.q * self.each.trade
        with np.errstate(divide="ignore", invalid="ignore"):
            at = (np.log(fall) - np.log(rise)) / (self.alpha + self.beta * self.each.trade)
        return np.where((fall > 0) | (rise > 0), at, np.inf)

    def sensitivity(self, at: float) -> tuple[Array, Array]:
        """How the minimum of the first curve moves with log alpha, log beta and with e, p, q."""
        steep = float(self.alpha[0] + self.beta[0] * self.each.trade)
        by_exponents = np.array([1 - self.alpha[0] * at, -1 - self.beta[0] * self.each.trade * at])
        by_heights = np.array([0.0, 1 / self.p[0], -1 / self.q[0]])
        return by_exponents / steep, by_heights / steep

    def value(self, at: Array) -> Array:
        """The curve there; NaN without a minimum."""
        finite = np.where(np.isfinite(at), at, 0.0)
        first = np.exp(-self.alpha * finite) - self.middle[0]
        second = np.exp(self.beta * self.each.trade * finite) - self.middle[1]
        value = self.mean[:, 0] + self.p * first + self.q * second
        return np.where(np.isfinite(at), value, np.nan)


def _non_negative(first: Array, second: Array, right: Array) -> tuple[Array, Array]:
    """Least squares with two columns and coefficients of at least zero, one problem per row."""
    s11, s22, s12 = _dot(first, first), _dot(second, second), _dot(first, second)
    t1, t2 = _dot(first, right), _dot(second, right)
    with np.errstate(divide="ignore", invalid="ignore"):
        det = s11 * s22 - s12**2
        p, q = (s22 * t1 - s12 * t2) / det, (s11 * t2 - s12 * t1) / det
        alone1, alone2 = np.maximum(t1, 0.0) / s11, np.maximum(t2, 0.0) / s22
        both = (p >= 0) & (q >= 0)
        better1 = alone1 * t1 >= alone2 * t2
    return (
        np.where(both, p, np.where(better1, alone1, 0.0)),
        np.where(both, q, np.where(better1, 0.0, alone2)),
    )


def _starts(profiles: Sequence[Profile], losses: Array) -> Array:
    """The best exponents (draws, 2) of a grid."""
    axis: Array = np.geomspace(2 * SMALLEST_EXPONENT, LARGEST_EXPONENT / 2, GRID)
    alpha, beta = np.repeat(axis, GRID), np.tile(axis, GRID)
    cost = np.zeros((len(alpha), len(losses)))
    for each in profiles:
        right = losses[:, each.rows]
        right = right - right.mean(axis=1, keepdims=True)
        first = np.exp(-alpha[:, None] * each.log_n)
        second = np.exp(-beta[:, None] * each.log_d)
        first -= first.mean(axis=1, keepdims=True)
        second -= second.mean(axis=1, keepdims=True)
        axis1 = _unit(first)
        axis2 = _unit(second)
        t1, t2 = axis1 @ right.T, axis2 @ right.T
        cos = _dot(axis1, axis2)[:, None]
        p, q = t1 - cos * t2, t2 - cos * t1
        both = (p * t1 + q * t2) / (1 - cos**2)
        alone = np.maximum(np.maximum(t1, 0.0), np.maximum(t2, 0.0)) ** 2
        cost -= np.where((p >= 0) & (q >= 0), both, alone)
    best = np.argmin(cost, axis=0)
    return np.stack([alpha[best], beta[best]], axis=1)


def _descend(profiles: Sequence[Profile], losses: Array, start: Array) -> Array:
    """Exponents (draws, 2) of least squared residuals: damped Gauss-Newton in their logarithms."""
    low, high = np.log(SMALLEST_EXPONENT), np.log(LARGEST_EXPONENT)
    log_exponents = np.log(start)
    damping = np.full(len(losses), 1e-3)
    row = np.arange(len(losses))
    cost, gradient, normal = _local(profiles, losses, log_exponents)
    for _ in range(MAX_STEPS):
        here, damp = log_exponents[row], damping[row]
        at_low = (here <= low) & (gradient[row] > 0)
        at_high = (here >= high) & (gradient[row] < 0)
        step = _bounded_step(gradient[row], normal[row], damp, ~(at_low | at_high))
        trial = np.clip(here + np.clip(step, -1.0, 1.0), low, high)
        new_cost, new_gradient, new_normal = _local(profiles, losses[row], trial)
        better = new_cost < cost[row]
        moved = row[better]
        log_exponents[moved] = trial[better]
        cost[moved], gradient[moved] = new_cost[better], new_gradient[better]
        normal[moved] = new_normal[better]
        damping[row] = np.clip(np.where(better, damp * 0.1, damp * 10), 1e-12, 1e12)
        settled = (np.abs(trial - here).max(axis=1) < SMALL_STEP) | (damping[row] >= 1e10)
        row = row[~settled]
        if not row.size:
            break
    return np.exp(log_exponents)


def _local(
    profiles: Sequence[Profile], losses: Array, log_exponents: Array
) -> tuple[Array, Array, Array]:
    """Half the squared residuals (B,), their gradient (B, 2) and normal matrix (B, 3)."""
    alpha, beta = np.exp(log_exponents).T
    cost = np.zeros(len(losses))
    gradient = np.zeros((len(losses), 2))
    normal = np.zeros((len(losses), 3))
    for each in profiles:
        part = _Split(each, losses[:, each.rows], alpha, beta)
        one, two = part.projected_slopes()
        cost += 0.5 * _dot(part.residual, part.residual)
        gradient -= np.stack([_dot(one, part.residual), _dot(two, part.residual)], axis=1)
        normal += np.stack([_dot(one, one), _dot(one, two), _dot(two, two)], axis=1)
    return cost, gradient, normal


def _bounded_step(gradient: Array, normal: Array, damping: Array, free: NDArray[np.bool_]) -> Array:
    """(normal + damping diag(normal)) step = -gradient along the free exponents."""
    a, b, d = normal.T
    floor = 1e-14 * (a + d) + 1e-300
    a, d = a * (1 + damping) + floor, d * (1 + damping) + floor
    b = np.where(free.all(axis=1), b, 0.0)
    pull = -np.where(free, gradient, 0.0)
    det = a * d - b**2
    return (
        np.stack([d * pull[:, 0] - b * pull[:, 1], a * pull[:, 1] - b * pull[:, 0]], 1)
        / det[:, None]
    )


def _dot(left: Array, right: Array) -> Array:
    return np.einsum("bn,bn->b", left, right)


def _unit(rows: Array) -> Array:
    length = np.sqrt(_dot(rows, rows))
    return rows / np.where(length > 0, length, 1.0)[:, None]
