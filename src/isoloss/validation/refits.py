"""What would the fit be without some of its runs? Refits from its optimum, all at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError
from isoloss.fitting import Fit
from isoloss.fitting.fit import inputs
from isoloss.fitting.linear import LinearView, linear_view
from isoloss.fitting.search import Form, find, form
from isoloss.fitting.solver import Newton, solve
from isoloss.laws import Law
from isoloss.laws.compute import FlopRule
from isoloss.laws.optimum import Surface, allocate, can_allocate

Array = NDArray[np.float64]
NEAR = Newton(tolerance=1e-6, max_steps=100, damping=0.1)
SAME = 1e-4  # share by which the objective found again may differ from that of the fit
WIDER = 100.0  # how far from the sizes of the runs an optimum is looked for, as in a plan


@dataclass(frozen=True)
class Posed:
    """A fit as the problem that it solved.

    Attributes:
        form: the law as it was searched.
        phi: coordinates of the optimum (F,).
        view: the law seen as linear there.
    """

    form: Form
    phi: Array
    view: LinearView

    def without(self, kept: NDArray[np.bool_], jobs: int = 1) -> tuple[Array, NDArray[np.bool_]]:
        """The parameters from some of the runs only.

        Args:
            kept: which runs count in each refit (B, n).
            jobs: threads.

        Returns:
            Parameters (B, P) in the order of ``law.names``, and which refits settled (B,).
        """
        problem = replace(self.form.problem, weights=kept.astype(np.float64))
        start = np.repeat(self.phi[None], len(kept), axis=0)
        solution = solve(problem, start, NEAR, basis=self.view.basis, jobs=jobs)
        return self.form.theta(solution.phi), solution.converged


def pose(fit: Fit) -> Posed:
    """The problem that a fit solved, at its optimum.

    Raises:
        InputError: the runs of the fit had weights, which a fit does not keep.
    """
    points = fit.points
    total = float(np.sum(fit.objective.value(fit.residuals)))
    if abs(total - fit.objective_value) > SAME * total + 1e-12:
        raise InputError(
            "this fit gave its runs different weights, and diagnostics take them as equal.",
            code="weighted_fit",
            hint="Fit without weights.",
        )
    posed = form(
        fit.law,
        inputs(points, fit.law),
        points.loss,
        np.ones(len(points)),
        fit.objective,
        fit.constraints,
    )
    # Parameters of an inner law do not follow from the law's own; the search finds them again.
    is_inner = posed.problem.law is not fit.law
    phi = find(posed).phi if is_inner else posed.problem.coordinates.phi(fit.theta)
    return Posed(posed, phi, linear_view(posed.problem, phi))


def size_bounds(fit: Fit, flop: float) -> tuple[float, float]:
    """The N among which an optimum is looked for: those of the runs, widened with the compute."""
    points = fit.points
    grow = max(1.0, flop / float(np.max(points.flop)))
    shrink = min(1.0, flop / float(np.min(points.flop)))
    low = max(1.0, float(points.params.min()) / WIDER * shrink)
    return low, float(points.params.max()) * WIDER * grow


def optimal_params(fit: Fit, theta: Array, flop: float, rule: FlopRule | None = None) -> Array:
    """N* at a compute under each parameter vector (K, P); NaN where there is no optimum.

    Args:
        fit: gives the law and the sizes that are searched.
        theta: parameters.
        flop: the compute.
        rule: what a token costs; 6 N by default.
    """
    if not can_allocate(fit.law) or not len(theta):
        return np.full(len(theta), np.nan)
    surface = Surface(fit.law, rule or FlopRule())
    best = allocate(surface, theta.T, flop, size_bounds(fit, flop))
    return np.where(best.found, best.params, np.nan)


def exponents(law: Law, theta: Array) -> Array:
    """The exponent of N* ~ C^a (Hoffmann et al. 2022, eq. 4) under parameters (K, P), or NaN."""
    if law.additive is None:
        return np.full(len(theta), np.nan)
    alpha, beta = (theta[:, law.names.index(name)] for name in law.additive[1::2])
    return beta / (alpha + beta)
