"""Slices of an additive surface: loss = e + p N^-alpha + q D^-beta at each budget.

The heights e, p >= 0 and q >= 0 belong to a budget and are linear; the exponents are shared by all
budgets and found by variable projection: for each pair of exponents the rest is solved exactly, so
the search has two dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.isoflop_profile import FLAT, Curves, Profile, place, variance

Array = NDArray[np.float64]
SMALLEST_EXPONENT, LARGEST_EXPONENT = 0.02, 2.0
GRID = 12  # starts per exponent
MAX_STEPS, SMALL_STEP = 100, 1e-7


def slices(profiles: Sequence[Profile], losses: Array) -> Curves:
    """Fit all budgets together, for each set of losses (draws, runs)."""
    sheet = _Sheet(profiles)
    ordered = losses[:, sheet.rows]
    exponents = _descend(sheet, ordered, _starts(profiles, losses))
    split = _Split(sheet, ordered, exponents)
    at = split.minimum()
    log_n, log_d = place(profiles, at)
    scale = np.array([each.scale for each in profiles])
    jacobian, sensitivity, height, own = _derivatives(split, at[0])
    return Curves(
        fitted=sheet.unordered(ordered - split.residual),
        log_n=log_n,
        log_d=log_d,
        loss=split.value(at) * scale,
        jacobian=sheet.unordered(jacobian.T).T,
        sensitivity=sensitivity,
        height=height,
        own=own,
        exponents=exponents,
    )


class _Sheet:
    """The runs of all budgets in one row, budget after budget."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self.rows = np.concatenate([each.rows for each in profiles])
        self.log_n = np.concatenate([each.log_n for each in profiles])
        self.log_d = np.concatenate([each.log_d for each in profiles])
        self.count = np.array([len(each.rows) for each in profiles])
        self.trade = np.array([each.trade for each in profiles])
        self.budget = np.repeat(np.arange(len(profiles)), self.count)
        self.first = np.concatenate([[0], np.cumsum(self.count)[:-1]])

    def sums(self, values: Array) -> Array:
        """Sums over the runs of each budget: (B, n) to (B, G)."""
        return np.add.reduceat(values, self.first, axis=1)

    def dot(self, left: Array, right: Array) -> Array:
        """Inner products per budget (B, G)."""
        return self.sums(left * right)

    def means(self, values: Array) -> Array:
        """Means over the runs of each budget (B, G)."""
        return self.sums(values) / self.count

    def spread(self, values: Array) -> Array:
        """Each budget's value for each of its runs: (B, G) to (B, n)."""
        return values[:, self.budget]

    def unit(self, values: Array) -> Array:
        """The same directions with length one in each budget; zero stays zero."""
        length = np.sqrt(self.dot(values, values))
        return values / self.spread(np.where(length > 0, length, 1.0))

    def unordered(self, values: Array) -> Array:
        """Values (B, n) in the order of the runs."""
        result = np.empty_like(values)
        result[:, self.rows] = values
        return result


class _Split:
    """The linear part for given exponents: e, p >= 0 and q >= 0 of each budget."""

    def __init__(self, sheet: _Sheet, losses: Array, exponents: Array) -> None:
        self.sheet = sheet
        self.alpha, self.beta = exponents[:, :1], exponents[:, 1:]
        self.raw = np.exp(-self.alpha * sheet.log_n), np.exp(-self.beta * sheet.log_d)
        self.middle = sheet.means(self.raw[0]), sheet.means(self.raw[1])
        self.basis = tuple(
            raw - sheet.spread(middle) for raw, middle in zip(self.raw, self.middle, strict=True)
        )
        self.mean = sheet.means(losses)
        centred = losses - sheet.spread(self.mean)
        self.p, self.q = _non_negative(sheet, self.basis[0], self.basis[1], centred)
        self.residual = (
            centred - sheet.spread(self.p) * self.basis[0] - sheet.spread(self.q) * self.basis[1]
        )

    def slopes(self) -> tuple[Array, Array]:
        """Derivatives of the fitted losses by log alpha and log beta, p and q held (B, n)."""
        by_alpha = -self.sheet.spread(self.alpha * self.p) * self.sheet.log_n * self.raw[0]
        by_beta = -self.sheet.spread(self.beta * self.q) * self.sheet.log_d * self.raw[1]
        return by_alpha, by_beta

    def local(self) -> tuple[Array, Array, Array]:
        """Half the squared residuals (B,), their gradient (B, 2) and normal matrix (B, 3).

        By log alpha and log beta, with e, p and q refitted (Kaufman's approximation).
        """
        sheet = self.sheet
        axis = sheet.unit(self.basis[0] * sheet.spread(np.sign(self.p)))
        other = self.basis[1] * sheet.spread(np.sign(self.q))
        cross = sheet.unit(other - sheet.spread(sheet.dot(axis, other)) * axis)
        left: list[Array] = []
        for slope in self.slopes():
            rest = slope - sheet.spread(sheet.means(slope))
            for direction in (axis, cross):
                rest = rest - sheet.spread(sheet.dot(direction, rest)) * direction
            left.append(rest)
        one, two = left
        cost = 0.5 * _dot(self.residual, self.residual)
        gradient = -np.stack([_dot(one, self.residual), _dot(two, self.residual)], axis=1)
        return cost, gradient, np.stack([_dot(one, one), _dot(one, two), _dot(two, two)], axis=1)

    @property
    def steep(self) -> Array:
        """The curvature of log p N^-alpha + log q D^-beta along the budget (B, G)."""
        return self.alpha + self.beta * self.sheet.trade

    def minimum(self) -> Array:
        """The minimum along each budget: log N minus the centre (B, G)."""
        fall, rise = self.alpha * self.p, self.beta * self.q * self.sheet.trade
        with np.errstate(divide="ignore", invalid="ignore"):
            at = (np.log(fall) - np.log(rise)) / self.steep
        bend = self.alpha * fall + self.beta * self.sheet.trade * rise
        return np.where(bend > FLAT, at, np.inf)

    def value(self, at: Array) -> Array:
        """The relative loss there (B, G); NaN without a minimum."""
        finite = np.where(np.isfinite(at), at, 0.0)
        first = np.exp(-self.alpha * finite) - self.middle[0]
        second = np.exp(self.beta * self.sheet.trade * finite) - self.middle[1]
        value = self.mean + self.p * first + self.q * second
        return np.where(np.isfinite(at), value, np.nan)


def _derivatives(split: _Split, at: Array) -> tuple[Array, Array, Array, Array]:
    """Jacobian, sensitivity, height and own variances of the first set; see ``Curves``."""
    sheet, (alpha, beta) = split.sheet, (split.alpha[0, 0], split.beta[0, 0])
    n_budgets = len(sheet.count)
    jacobian = np.zeros((len(sheet.rows), 2 + 3 * n_budgets))
    sensitivity = np.zeros((n_budgets, jacobian.shape[1]))
    height = np.zeros_like(sensitivity)
    own = np.full(n_budgets, np.nan)
    # An exponent at its bound is not free to follow the losses.
    free = [SMALLEST_EXPONENT < x < LARGEST_EXPONENT for x in (alpha, beta)]
    for i, slope in enumerate(split.slopes()):
        jacobian[:, i] = slope[0] * free[i]
    for g in range(n_budgets):
        rows = np.flatnonzero(sheet.budget == g)
        columns = slice(2 + 3 * g, 5 + 3 * g)
        p, q = split.p[0, g], split.q[0, g]
        basis = np.stack([np.ones(len(rows)), *(part[0, rows] for part in split.basis)], axis=1)
        jacobian[rows, columns] = basis * np.array([1.0, p > 0, q > 0])
        if np.isfinite(at[g]):
            bend = beta * sheet.trade[g]
            shift = np.array([1 - alpha * at[g], -1 - bend * at[g], 0.0, 1 / p, -1 / q])
            shift /= split.steep[0, g]
            sensitivity[g, :2], sensitivity[g, columns] = shift[:2], shift[2:]
            first, second = np.exp(-alpha * at[g]), np.exp(bend * at[g])
            height[g, :2] = -alpha * p * at[g] * first, bend * q * at[g] * second
            middle = split.middle[0][0, g], split.middle[1][0, g]
            height[g, columns] = 1.0, first - middle[0], second - middle[1]
            own[g] = variance(basis, shift[2:])
    return jacobian, sensitivity, height, own


def _non_negative(sheet: _Sheet, first: Array, second: Array, right: Array) -> tuple[Array, Array]:
    """Least squares with two columns and coefficients of at least zero, per budget (B, G)."""
    s11, s22, s12 = sheet.dot(first, first), sheet.dot(second, second), sheet.dot(first, second)
    t1, t2 = sheet.dot(first, right), sheet.dot(second, right)
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
    alpha: Array = np.repeat(axis, GRID)
    beta: Array = np.tile(axis, GRID)
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
        explained = np.maximum(np.maximum(t1, t2), 0.0) ** 2
        both = (p >= 0) & (q >= 0)
        explained[both] = ((p * t1 + q * t2) / (1 - cos**2))[both]
        cost -= explained
    best = np.argmin(cost, axis=0)
    return np.stack([alpha[best], beta[best]], axis=1)


def _descend(sheet: _Sheet, losses: Array, start: Array) -> Array:
    """Exponents (draws, 2) of least squared residuals: damped Gauss-Newton in their logarithms."""
    low, high = np.log(SMALLEST_EXPONENT), np.log(LARGEST_EXPONENT)
    log_exponents = np.log(start)
    damping = np.full(len(losses), 1e-3)
    row = np.arange(len(losses))
    cost, gradient, normal = _Split(sheet, losses, start).local()
    for _ in range(MAX_STEPS):
        here, damp = log_exponents[row], damping[row]
        at_low = (here <= low) & (gradient[row] > 0)
        at_high = (here >= high) & (gradient[row] < 0)
        step = _bounded_step(gradient[row], normal[row], damp, ~(at_low | at_high))
        trial = np.clip(here + np.clip(step, -1.0, 1.0), low, high)
        new_cost, new_gradient, new_normal = _Split(sheet, losses[row], np.exp(trial)).local()
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


def _bounded_step(gradient: Array, normal: Array, damping: Array, free: NDArray[np.bool_]) -> Array:
    """(normal + damping diag(normal)) step = -gradient along the free exponents."""
    a, b, d = normal.T
    floor = 1e-14 * (a + d) + 1e-100
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
