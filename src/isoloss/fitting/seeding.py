"""Where the search begins: starts from the formula and the runs, never a grid from the user.

Exponents are spread evenly over their ranges. For each choice of them the parameters that enter
linearly follow by non-negative least squares (variable projection); a scale that does not enter
linearly is set so that its term alone makes a given share of the loss. A law that extends a
simpler one also starts from the simpler law's fit.
"""

from __future__ import annotations

from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.problem import Problem
from isoloss.laws.law import Law

Array = NDArray[np.float64]
DEFAULT_RANGE = (0.05, 1.2)
SHARES = (0.15, 0.9)  # of the loss that one term alone may make at the start
ABSENT = 1e-200  # a scale of a term that is left out


def starts(problem: Problem, count: int = 64, keep: int = 12) -> Array:
    """The most promising starts as coordinates (at most ``keep``, F), best first.

    Args:
        problem: one fit (not a batch).
        count: how many choices of the nonlinear parameters to try.
        keep: how many to return.
    """
    law, where = problem.law, problem.coordinates
    theta = _spread(law, count)
    theta = _place_scales(problem, theta)
    theta = _project(problem, theta)
    phi = where.phi(_held(problem, theta))
    return best(problem, phi, keep)


def best(problem: Problem, phi: Array, keep: int) -> Array:
    """The ``keep`` coordinates with the lowest objective, those without a value left out."""
    cost = problem.value(phi)
    order = np.argsort(cost, kind="stable")
    return phi[order[np.isfinite(cost[order])][:keep]]


def _spread(law: Law, count: int) -> Array:
    """Parameters (count, P): evenly spread where a range is known, one elsewhere."""
    theta = np.ones((count, len(law.names)))
    ranged = [i for i, p in enumerate(law.parameters) if p.name not in law.compiled.linear]
    for column, i in zip(even_points(count, len(ranged)).T, ranged, strict=True):
        parameter = law.parameters[i]
        low, high = parameter.start or DEFAULT_RANGE
        theta[:, i] = low + (high - low) * column
    return theta


def even_points(count: int, dimension: int) -> Array:
    """Points (count, dimension) that fill the unit cube evenly: the additive recurrence R_d.

    Source: M. Roberts 2018, a generalisation of the golden-ratio sequence; its constant is the
    positive root of g**(d + 1) = g + 1.
    """
    if dimension == 0:
        return np.empty((count, 0))
    g = 2.0
    for _ in range(50):
        g = (1 + g) ** (1 / (dimension + 1))
    steps = g ** -np.arange(1.0, dimension + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0


def _held(problem: Problem, theta: Array) -> Array:
    """Fixed and tied parameters at the values they must have."""
    where = problem.coordinates
    for i, j in enumerate(where.source):
        if j < 0:
            theta[:, i] = where.fixed[i]
        else:
            theta[:, i] = theta[:, int(np.flatnonzero(where.source == j)[0])]
    return theta


def _place_scales(problem: Problem, theta: Array) -> Array:
    """Set scales that do not enter linearly so that each term alone makes a share of the loss."""
    law, linear = problem.law, set(problem.law.compiled.linear)
    scales = [
        i
        for i, p in enumerate(law.parameters)
        if p.positive and p.name not in linear and p.start is None
    ]
    if not scales:
        return theta
    typical = tuple(np.array([float(np.mean(x))]) for x in problem.log_x)
    level = float(np.exp(np.mean(problem.log_loss)))
    shares = even_points(len(theta), len(scales))
    placed = theta.copy()
    for column, i in zip(shares.T, scales, strict=True):
        alone = theta.copy()
        alone[:, scales] = ABSENT
        for k, name in enumerate(law.names):
            if name in linear:
                alone[:, k] = 0.0
        target = level * (SHARES[0] + (SHARES[1] - SHARES[0]) * column)
        placed[:, i] = _solve_scale(law, alone, i, typical, target)
    return placed


def _solve_scale(
    law: Law, theta: Array, index: int, typical: tuple[Array, ...], target: Array
) -> Array:
    """The value of one scale at which the law gives ``target``, by bisection in its logarithm."""
    low, high = np.full(len(theta), -80.0), np.full(len(theta), 80.0)

    def gap(log_scale: Array) -> Array:
        theta[:, index] = np.exp(log_scale)
        with np.errstate(all="ignore"):
            columns = tuple(theta[:, k, None] for k in range(theta.shape[1]))
            value = law.compiled.value(columns, typical)[0]
        return np.nan_to_num(np.broadcast_to(value, (len(theta), 1))[:, 0] - target)

    rising = gap(high) > gap(low)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = (gap(middle) < 0) == rising
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found = 0.5 * (low + high)
    return np.exp(np.where(np.abs(found) < 79.0, found, 0.0))


def _project(problem: Problem, theta: Array) -> Array:
    """Set the linear parameters by least squares on the relative error, scales and floors >= 0."""
    law, where = problem.law, problem.coordinates
    theta = _held(problem, theta)
    free = [i for i, n in enumerate(law.names) if n in law.compiled.linear and where.source[i] >= 0]
    if not free:
        return theta
    base = theta.copy()
    base[:, free] = 0.0
    columns = tuple(base[:, k, None] for k in range(base.shape[1]))
    with np.errstate(all="ignore"):
        value, *gradient = law.compiled.gradient(columns, problem.log_x)
    loss = np.exp(problem.log_loss)
    shape = (len(theta), problem.n_runs)
    design = np.stack([np.broadcast_to(gradient[i] / loss, shape) for i in free], axis=2)
    target = np.broadcast_to(1.0 - value / loss, shape)
    low = np.array(
        [problem.law.parameters[i].positive or law.parameters[i].bounds[0] >= 0 for i in free]
    )
    with np.errstate(all="ignore"):  # a start that overflows is left out later
        theta[:, free] = _nonnegative(design, target, low, problem.weights)
    return theta


def _nonnegative(design: Array, target: Array, bounded: NDArray[np.bool_], weights: Array) -> Array:
    """Weighted least squares (K, n, m) with some coefficients >= 0, by trying every active set."""
    weighted = design * weights[:, None]
    gram = np.einsum("kni,knj->kij", weighted, design)
    right = np.einsum("kni,kn->ki", weighted, target)
    size = design.shape[2]
    bound = [int(i) for i in np.flatnonzero(bounded)]
    cost = np.zeros(len(design))
    answer = np.zeros((len(design), size))
    sets = [out for k in range(len(bound) + 1) for out in combinations(bound, k)]
    for out in sets:
        if len(out) == size:
            continue
        inside = np.array([i for i in range(size) if i not in out])
        sub, rhs = gram[:, inside[:, None], inside], right[:, inside]
        unit = 1 / np.sqrt(np.maximum(np.einsum("kii->ki", sub), 1e-300))
        scaled = sub * unit[:, :, None] * unit[:, None, :] + 1e-12 * np.eye(inside.size)
        solved = cast("Array", np.linalg.solve(scaled, (rhs * unit)[:, :, None]))
        found = solved[:, :, 0] * unit
        usable = np.all((found > 0) | ~bounded[inside], axis=1)
        gain = np.einsum("ki,ki->k", found, rhs)
        take = usable & (gain > cost)
        cost = np.where(take, gain, cost)
        answer[take] = 0.0
        answer[np.ix_(take, inside)] = found[take]
    return answer
