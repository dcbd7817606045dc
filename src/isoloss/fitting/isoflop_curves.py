"""Where is the minimum of an IsoFLOP profile? Curves through the losses of one budget.

At one budget C the loss depends on N alone, because D follows from N. Three curves are offered:

- ``slices``: loss = e + p N^-alpha + q D^-beta, with e, p, q of each budget and exponents that all
  budgets share. Exact for every surface that adds a term in N and a term in D, and a parabola in
  the limit of small exponents.
- ``parabola``: second degree in log N (Hoffmann et al. 2022, section 3.2). Its minimum is displaced
  where the two sides of the profile differ.
- ``cubic``: third degree in log N; little displaced, but much noisier.

Losses are divided by the mean of their budget, so that errors of all budgets count alike. Many
sets of losses of the same runs are fitted at once: arrays are (draws, runs) and (draws, budgets).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.sweep import size_numbers

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
SHAPES = ("slices", "cubic", "parabola")
SMALLEST_EXPONENT, LARGEST_EXPONENT = 0.02, 2.0
GRID = 12  # starts per exponent
MAX_STEPS, SMALL_STEP = 200, 1e-7
RANK = 1e-9  # directions weaker than this, relative to the strongest, are not fixed by the runs
CHUNK_CELLS = 2_000_000  # runs times draws held at a time


@dataclass(frozen=True)
class Profile:
    """The runs of one budget.

    Attributes:
        rows: which runs.
        flop: the budget, geometric mean of the runs.
        log_n: (n,) minus ``centre_n``.
        log_d: (n,) minus ``centre_d``.
        centre_n: mean log N.
        centre_d: log D at ``centre_n`` on the budget.
        trade: on the budget log D = centre_d - trade * (log N - centre_n); 1 where C = 6 N D.
        scale: mean loss.
    """

    rows: Ints
    flop: float
    log_n: Array
    log_d: Array
    centre_n: float
    centre_d: float
    trade: float
    scale: float

    @property
    def n_sizes(self) -> int:
        """The number of distinct sizes."""
        return int(size_numbers(np.exp(self.log_n)).max()) + 1


def profile(rows: Ints, params: Array, tokens: Array, flop: Array, loss: Array) -> Profile:
    """The profile of the runs ``rows``; the other arrays hold all runs."""
    log_n, log_d, log_c = (np.log(values[rows]) for values in (params, tokens, flop))
    centre_n, centre_c = float(log_n.mean()), float(log_c.mean())
    u = log_n - centre_n
    # The tokens that each run would have had at exactly the budget.
    level = log_d - (log_c - centre_c)
    spread = float(u @ u)
    trade = -float(u @ level) / spread if spread > 0 else 1.0
    centre_d = float(level.mean())
    return Profile(
        rows=rows,
        flop=float(np.exp(centre_c)),
        log_n=u,
        log_d=log_d - centre_d,
        centre_n=centre_n,
        centre_d=centre_d,
        trade=trade,
        scale=float(loss[rows].mean()),
    )


@dataclass(frozen=True)
class Curves:
    """Fitted profiles of many sets of losses.

    Attributes:
        fitted: (draws, runs), in units of each budget's mean loss.
        log_n: log N at the minimum (draws, budgets), wherever it lies; without a minimum, plus or
            minus infinity on the side where the curve ends lower.
        log_d: log D there.
        loss: at the minimum (draws, budgets), in the unit of the runs; NaN without a minimum.
        jacobian: of the first set of losses (runs, parameters).
        sensitivity: how log N* of the first set moves with the parameters (budgets, parameters).
        own: for unit errors of the losses, the variance of log N* that comes from the budget's own
            runs, exponents held (budgets,).
        exponents: alpha and beta of each set of losses (draws, 2); NaN for polynomials.
    """

    fitted: Array
    log_n: Array
    log_d: Array
    loss: Array
    jacobian: Array
    sensitivity: Array
    own: Array
    exponents: Array

    @property
    def covariance(self) -> Array:
        """For unit errors of the losses, the covariance of log N* between budgets."""
        length = np.sqrt(np.einsum("ij,ij->j", self.jacobian, self.jacobian))
        unit = 1 / np.where(length > 0, length, np.inf)
        _, strength, directions = np.linalg.svd(self.jacobian * unit, full_matrices=False)
        kept = strength > RANK * strength[0]
        spread = (self.sensitivity * unit) @ directions[kept].T / strength[kept]
        return spread @ spread.T


def relative(profiles: Sequence[Profile], loss: Array) -> Array:
    """Losses in units of their budget's mean."""
    result = np.empty_like(loss)
    for each in profiles:
        result[..., each.rows] = loss[..., each.rows] / each.scale
    return result


def fit_curves(profiles: Sequence[Profile], losses: Array, shape: str) -> Curves:
    """Fit one shape to each set of relative losses (draws, runs)."""
    rows = max(1, CHUNK_CELLS // losses.shape[1])
    pieces = [losses[at : at + rows] for at in range(0, len(losses), rows)]
    fit = _slices if shape == "slices" else _cubic if shape == "cubic" else _parabola
    parts = [fit(profiles, piece) for piece in pieces]
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("fitted", "log_n", "log_d", "loss", "exponents")
    }
    first = parts[0]
    return Curves(**joined, jacobian=first.jacobian, sensitivity=first.sensitivity, own=first.own)


def leverage(jacobian: Array) -> Array:
    """The share of each run's own loss in its fitted value (runs,)."""
    left, strength, _ = np.linalg.svd(jacobian, full_matrices=False)
    kept = left[:, strength > RANK * strength[0]]
    return np.einsum("ij,ij->i", kept, kept)


# --- polynomials ---


def _parabola(profiles: Sequence[Profile], losses: Array) -> Curves:
    return _polynomial(profiles, losses, 2)


def _cubic(profiles: Sequence[Profile], losses: Array) -> Curves:
    return _polynomial(profiles, losses, 3)


def _polynomial(profiles: Sequence[Profile], losses: Array, degree: int) -> Curves:
    count, n_runs = losses.shape
    fitted = np.empty_like(losses)
    u = np.empty((count, len(profiles)))
    value = np.empty_like(u)
    jacobian = np.zeros((n_runs, len(profiles) * (degree + 1)))
    sensitivity = np.zeros((len(profiles), jacobian.shape[1]))
    own = np.full(len(profiles), np.nan)
    for g, each in enumerate(profiles):
        width = float(np.abs(each.log_n).max())
        powers = np.vander(each.log_n / width, degree + 1, increasing=True)
        weights = losses[:, each.rows] @ np.linalg.pinv(powers).T
        fitted[:, each.rows] = weights @ powers.T
        columns = slice(g * (degree + 1), (g + 1) * (degree + 1))
        jacobian[each.rows, columns] = powers
        at = _polynomial_minimum(weights, each.log_n / width)
        finite = np.where(np.isfinite(at), at, 0.0)
        height = sum(weights[:, k] * finite**k for k in range(degree + 1))
        value[:, g] = np.where(np.isfinite(at), height * each.scale, np.nan)
        u[:, g] = at * width
        if np.isfinite(at[0]):
            slope = np.array([k * at[0] ** max(k - 1, 0) for k in range(degree + 1)])
            bend = sum(k * (k - 1) * weights[0, k] * at[0] ** (k - 2) for k in range(2, degree + 1))
            sensitivity[g, columns] = -width * slope / bend
            own[g] = _variance(powers, sensitivity[g, columns])
    log_n, log_d = _place(profiles, u)
    exponents = np.full((count, 2), np.nan)
    return Curves(fitted, log_n, log_d, value, jacobian, sensitivity, own, exponents)


def _variance(basis: Array, sensitivity: Array) -> float:
    """The variance of a linear function of least-squares coefficients, for unit errors."""
    spread = sensitivity @ np.linalg.pinv(basis)
    return float(spread @ spread)


def _polynomial_minimum(weights: Array, x: Array) -> Array:
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
    exists = (inside > 0) & np.isfinite(at) & (2 * square + 6 * cube * finite > 0)
    ends = [
        sum(weights[:, k] * end**k for k in range(weights.shape[1])) for end in (x.min(), x.max())
    ]
    return np.where(exists, at, np.where(ends[0] < ends[1], -np.inf, np.inf))


# --- slices ---


def _slices(profiles: Sequence[Profile], losses: Array) -> Curves:
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
            own[g] = _variance(basis, sensitivity[g, columns])
    log_n, log_d = _place(profiles, u)
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
    alpha, beta = (mesh.ravel() for mesh in np.meshgrid(axis, axis, indexing="ij"))
    cost: Array = np.zeros((len(alpha), len(losses)))
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
        cost = cost - np.where((p >= 0) & (q >= 0), both, alone)
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


def _place(profiles: Sequence[Profile], u: Array) -> tuple[Array, Array]:
    """Places along the budgets as log N and log D."""
    centre_n, centre_d, trade = (
        np.array([getattr(each, name) for each in profiles])
        for name in ("centre_n", "centre_d", "trade")
    )
    return centre_n + u, centre_d - trade * u


def _dot(left: Array, right: Array) -> Array:
    return np.einsum("bn,bn->b", left, right)


def _unit(rows: Array) -> Array:
    length = np.sqrt(_dot(rows, rows))
    return rows / np.where(length > 0, length, 1.0)[:, None]
