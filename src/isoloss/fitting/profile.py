"""Profile likelihood: how far a parameter can move before the best fit gets noticeably worse."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.linear import linear_view, noise_level
from isoloss.fitting.problem import Problem
from isoloss.fitting.quantity import Quantity
from isoloss.fitting.search import Form, Found
from isoloss.fitting.solver import Newton, solve

Array = NDArray[np.float64]
DOUBLINGS, SECANTS = 14, 24
SHARP = 1e-7  # an end is found when the root of the rise is this near, relatively


def profile_intervals(posed: Form, found: Found, level: float) -> dict[str, Quantity]:
    """Profile-likelihood intervals of the parameters, runs taken as independent.

    The objective need not be a likelihood: its rise is measured in units of E[psi^2] / E[psi'],
    the scale of the robust likelihood-ratio test (Heritier & Ronchetti 1994), and compared with
    the square of a Student-t quantile.

    Args:
        posed: the law as it is searched. Parameters that are not searched themselves (those of a
            law with ``inner``, the second of a tie, fixed ones) get no interval.
        found: the best fit.
        level: nominal coverage.
    """
    from scipy.special import stdtrit

    problem = posed.problem
    freedom = max(problem.n_runs - problem.coordinates.size, 1)
    allowed = (
        0.5 * float(stdtrit(freedom, 0.5 + level / 2)) ** 2 * deviance_scale(problem, found.phi)
    )
    theta = posed.theta(found.phi)
    view = linear_view(problem, found.phi)
    reach = view.spread * noise_level(problem, found.phi)
    along = view.basis @ view.basis.T
    result: dict[str, Quantity] = {}
    for i, name in enumerate(posed.law.names):
        if name not in problem.coordinates.names:
            result[name] = Quantity(float(theta[i]), np.nan, np.nan, level)
            continue
        k = problem.coordinates.names.index(name)
        known = view.free[k] and 0 < reach[k] < np.inf
        # The other coordinates follow the held one along the ridge of the linear view.
        ridge = along[:, k] / along[k, k] if known else np.eye(len(along))[k]
        step = reach[k] if known else 1e-3
        ends = [_end(problem, found, k, allowed, side * step, ridge) for side in (-1, 1)]
        result[name] = Quantity(float(theta[i]), min(ends), max(ends), level)
    return result


def deviance_scale(problem: Problem, phi: Array) -> float:
    """E[psi^2] / E[psi'], with psi' smoothed over the residuals' own density.

    Enlarged by n / (n - p), as an estimate of variance is: for least squares on a law that is
    linear in its coordinates the intervals are then exactly Student's.

    Few residuals lie in the narrow corner of a Huber cost, so a plain mean of psi' is mostly
    noise; a Gaussian kernel of Silverman's width steadies it.
    """
    residual, weights = problem.residuals(phi[None])[0], problem.weights
    slope = problem.objective.parts(residual)[0]
    width = max(0.9 * noise_level(problem, phi) * problem.n_runs**-0.2, 1e-12)
    # d/dr of the smoothed psi is E[psi(r + h z) z] / h (Stein's identity): no corner to resolve.
    nodes, mass = np.polynomial.hermite_e.hermegauss(61)
    shifted = problem.objective.parts(residual[:, None] + width * nodes)[0]
    bend = shifted @ (mass * nodes) / (mass.sum() * width)
    size = float(np.sum(weights * bend)) / float(np.mean(weights))
    freedom = problem.n_runs / max(problem.n_runs - problem.coordinates.size, 1)
    return freedom * float(np.sum(weights * slope**2)) / max(size, 1e-300)


def _end(
    problem: Problem, found: Found, index: int, allowed: float, step: float, ridge: Array
) -> float:
    """Where the profile has risen by ``allowed``, in the parameter's own unit; a bound if not."""
    where = problem.coordinates
    edge = where.lower[index] if step < 0 else where.upper[index]
    start, target = float(found.phi[index]), math.sqrt(allowed)
    inside, outside, phi = 0.0, step, found.phi
    below, above = -target, 0.0
    for _ in range(DOUBLINGS):
        if (start + outside - edge) * np.sign(step) >= 0:
            outside = float(edge) - start
        rise, moved = _rise(problem, found, index, start + outside, phi, ridge)
        above = math.sqrt(max(rise, 0.0)) - target
        if rise > allowed:
            break
        if outside == float(edge) - start:
            return _natural(problem, index, float(edge))
        inside, below, phi, outside = outside, above, moved, 2 * outside
    else:
        return float(np.copysign(np.inf, step))
    for _ in range(SECANTS):
        # The root of the rise is nearly linear. The cut keeps both ends of the bracket moving.
        share = min(max(below / (below - above), 0.1), 0.9)
        middle = inside + share * (outside - inside)
        rise, moved = _rise(problem, found, index, start + middle, phi, ridge)
        gap = math.sqrt(max(rise, 0.0)) - target
        if abs(gap) <= SHARP * target:
            return _natural(problem, index, start + middle)
        if gap > 0:
            outside, above = middle, gap
        else:
            inside, below, phi = middle, gap, moved
    return _natural(problem, index, start + 0.5 * (inside + outside))


def _rise(
    problem: Problem, found: Found, index: int, value: float, phi: Array, ridge: Array
) -> tuple[float, Array]:
    """How much the objective rises with one coordinate held, and the other coordinates there."""
    where = problem.coordinates
    lower, upper = where.lower.copy(), where.upper.copy()
    lower[index] = upper[index] = value
    held = replace(problem, coordinates=replace(where, lower=lower, upper=upper))
    solution = solve(held, (phi + (value - phi[index]) * ridge)[None], Newton(damping=0.1))
    return float(solution.objective[0]) - found.objective, solution.phi[0]


def _natural(problem: Problem, index: int, value: float) -> float:
    where = problem.coordinates
    log = bool(where.log[int(np.flatnonzero(where.source == index)[0])])
    return float(np.exp(value) if log else value)
