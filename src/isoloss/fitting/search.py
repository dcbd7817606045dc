"""Finding the best fit of a law, from all starts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError
from isoloss.fitting.linear import noise_level, relative_weights
from isoloss.fitting.objectives import Objective
from isoloss.fitting.problem import Problem, coordinates
from isoloss.fitting.seeding import even_points, starts
from isoloss.fitting.solver import Newton, solve, whitening
from isoloss.laws import Law, get_law

Array = NDArray[np.float64]
EASY = 1e-2  # tolerance on the way
NARROWING = 4.0
AROUND = 8
SAME = 1e-6  # two optima are the same when their objectives agree to this share


@dataclass(frozen=True)
class Constraints:
    """What the user asks of the parameters.

    Attributes:
        fixed: values that are not fitted.
        tied: pairs of parameters that share one value.
        bounds: allowed ranges in place of the law's own.
    """

    fixed: Mapping[str, float]
    tied: Sequence[tuple[str, str]]
    bounds: Mapping[str, tuple[float, float]]

    @property
    def names(self) -> set[str]:
        """All parameters that are mentioned."""
        return {*self.fixed, *self.bounds, *(name for tie in self.tied for name in tie)}


FREE = Constraints({}, (), {})


@dataclass(frozen=True)
class Form:
    """The law as it is searched: in its own parameters, or in those of ``law.inner``.

    Attributes:
        law: the law that was asked for.
        problem: the problem in the searched parameters.
        reference: logarithm of the typical value of each centred variable.
    """

    law: Law
    problem: Problem
    reference: Mapping[str, float]

    def theta(self, phi: Array) -> Array:
        """The law's own parameters (..., P) from searched coordinates (..., F)."""
        found = self.problem.coordinates.theta(phi)
        if self.problem.law is self.law or self.law.inner is None:
            return found
        by_name = dict(zip(self.problem.law.names, np.moveaxis(found, -1, 0), strict=True))
        outward = self.law.inner.outward(by_name, self.reference)
        return np.stack([outward[name] for name in self.law.names], axis=-1)


def form(
    law: Law,
    x: Mapping[str, Array],
    loss: Array,
    weights: Array,
    objective: Objective,
    constraints: Constraints = FREE,
) -> Form:
    """Pose the problem of fitting a law to runs.

    Args:
        law: the law.
        x: positive arrays (n,), one per variable of the law.
        loss: positive (n,).
        weights: (n,).
        objective: cost of a residual.
        constraints: fixed, tied and bounded parameters.

    Raises:
        InputError: a constraint names no parameter, or contradicts another.
        EvidenceError: fewer runs than free parameters.
    """
    searched, reference = law, dict[str, float]()
    if law.inner is not None and constraints.names <= set(law.inner.law.names):
        searched = law.inner.law
        reference = {name: float(np.mean(np.log(x[name]))) for name in law.inner.centred}
    where = coordinates(
        searched, fixed=constraints.fixed, tied=constraints.tied, bounds=constraints.bounds
    )
    if len(loss) < where.size:
        raise EvidenceError(
            f"{len(loss)} runs cannot fix the {where.size} free parameters of {law.name}.",
            code="too_few_runs",
            hint="Add runs, fix or tie parameters, or choose a law with fewer of them.",
        )
    logs = zip(law.variables, law.log_variables(x), strict=True)
    log_x = tuple(log - reference.get(name, 0.0) for name, log in logs)
    problem = Problem(searched, where, log_x, np.log(loss), weights, objective)
    return Form(law, problem, reference)


@dataclass(frozen=True)
class Found:
    """The best fit.

    Attributes:
        phi: coordinates (F,).
        objective: value there.
        gradient_norm: dimensionless, see ``Newton.tolerance``.
        converged: whether the gradient passed the test.
        agreement: share of starts that ended at this optimum.
        n_starts: how many starts were followed.
    """

    phi: Array
    objective: float
    gradient_norm: float
    converged: bool
    agreement: float
    n_starts: int


def find(posed: Form, newton: Newton | None = None) -> Found:
    """Follow all starts and keep the best.

    A narrow Huber corner makes the objective nearly piecewise linear, with poor local optima and
    slow steps far away. So the corner starts as wide as the starts' residuals and is narrowed in
    steps; the starts that are then promising are followed to the end, and so are a few points
    around the best of them.

    Raises:
        EvidenceError: the law has no finite value at any start.
    """
    newton = newton or Newton()
    problem, objective = posed.problem, posed.problem.objective
    phi = _all_starts(posed)
    count = len(phi)
    for factor in _widths(problem, phi):
        eased = replace(problem, objective=objective.widened(factor))
        phi = solve(eased, phi, replace(newton, tolerance=EASY, max_steps=25, damping=0.1)).phi
    short = solve(problem, phi, replace(newton, max_steps=40, damping=0.1))
    phi, value, norm = short.phi, short.objective, short.gradient_norm
    open_ends = ~short.converged & (value < 1.5 * value.min())
    if open_ends.any():
        long = solve(problem, phi[open_ends], replace(newton, damping=0.1))
        phi[open_ends], value[open_ends] = long.phi, long.objective
        norm[open_ends] = long.gradient_norm
    near = solve(problem, _around(problem, phi[np.argmin(value)]), replace(newton, damping=0.1))
    ends = np.concatenate([value, near.objective])
    slack = SAME * ends.min() + 1e-14 * float(np.sum(problem.weights))
    same = ends <= ends.min() + slack
    # Among equals the one whose gradient is smallest is the optimum itself.
    norm = np.concatenate([norm, near.gradient_norm])
    best = int(np.argmin(np.where(same, norm, np.inf)))
    return Found(
        phi=np.concatenate([phi, near.phi])[best],
        objective=float(ends[best]),
        gradient_norm=float(norm[best]),
        converged=bool(norm[best] <= newton.tolerance),
        agreement=float(np.sum(same[:count])) / count,
        n_starts=count,
    )


def _around(problem: Problem, phi: Array) -> Array:
    """Coordinates (AROUND, F) about two standard errors from an optimum, bounds left out.

    All starts come by way of a wide corner, which is smooth: where the narrow one has several
    optima close to each other, they have all chosen the same, and it need not be the lowest.
    """
    where = problem.coordinates
    compared = replace(problem, weights=relative_weights(problem))
    basis, _ = whitening(compared, phi[None], np.ones((1, where.size), dtype=np.bool_))
    unit = math.sqrt(12) * (even_points(AROUND, where.size) - 0.5)
    moved = phi + 2 * noise_level(problem, phi) * unit @ basis[0].T
    return np.clip(moved, where.lower, where.upper)


def _all_starts(posed: Form) -> Array:
    problem, law = posed.problem, posed.law
    begin = _extended(posed)
    if problem.law is law or _spreads(problem.law):
        begin = np.concatenate([begin, starts(problem)])
    begin = begin[np.isfinite(problem.value(begin))]
    if not len(begin):
        raise EvidenceError(
            f"law {law.name} gives no positive loss on these runs from any start.",
            code="no_start",
            hint="Give bounds that keep the formula positive, or another formula.",
        )
    return begin


def _spreads(law: Law) -> bool:
    """Whether spread starts know a range for every parameter of an inner form."""
    linear = law.compiled.linear
    return all(p.positive or p.start is not None or p.name in linear for p in law.parameters)


def _widths(problem: Problem, phi: Array) -> list[float]:
    """Factors by which the corner is widened, from the size of the best start's residuals down."""
    size = np.quantile(np.abs(problem.residuals(phi)), 0.75, axis=1)
    ratio = float(np.nanmin(size)) / problem.objective.corner
    count = math.ceil(math.log(ratio, NARROWING)) if ratio > 1 else 0
    return [NARROWING**k for k in range(count, 0, -1)]


def _extended(posed: Form) -> Array:
    """Starts of a law that extends a simpler one, from the simpler law's fit."""
    problem, law = posed.problem, posed.law
    empty = np.empty((0, problem.coordinates.size))
    if law.simpler is None or (law.inner is not None and problem.law is law):
        return empty
    name, extend = law.simpler
    simple = get_law(name)
    known = dict(zip(law.variables, problem.log_x, strict=True))
    x = {v: np.exp(known[v] + posed.reference.get(v, 0.0)) for v in simple.variables}
    loss = np.exp(problem.log_loss)
    if len(loss) < len(simple.names):
        return empty
    below = form(simple, x, loss, problem.weights, problem.objective)
    theta = below.theta(find(below).phi)
    estimate = dict(zip(simple.names, map(float, theta), strict=True))
    typical = {v: float(np.exp(np.mean(np.log(values)))) for v, values in x.items()}
    begun = extend(estimate, typical)
    return problem.coordinates.phi(
        np.array([[start[name] for name in problem.law.names] for start in begun])
    )
