"""What the runs pin down near the optimum: the law seen as linear in its coordinates there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.problem import Problem
from isoloss.fitting.solver import RANK, whitening

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearView:
    """The runs' Jacobian at the optimum, in directions that are orthonormal.

    Attributes:
        free: coordinates that may move, not at a bound (F,).
        basis: (F, F), the orthonormal directions in coordinates; flat ones are zero.
        rows: (n, F), what each run says along them, times the root of its weight.
        condition_number: of the Jacobian with columns of unit length.
        spread: (F,), standard error of each coordinate for noise of size one in log loss (of a
            run of average weight);
            infinite where the runs say nothing, zero at a bound.
    """

    free: NDArray[np.bool_]
    basis: Array
    rows: Array
    condition_number: float
    spread: Array

    @property
    def leverage(self) -> Array:
        """Share of each run's own loss in its prediction, 0 to 1."""
        return np.einsum("nf,nf->n", self.rows, self.rows)


def linear_view(problem: Problem, phi: Array) -> LinearView:
    """The linear view of a problem at coordinates (F,)."""
    where, weights = problem.coordinates, relative_weights(problem)
    problem = replace(problem, weights=weights)
    free = (phi > where.lower) & (phi < where.upper)
    basis, condition = whitening(problem, phi[None], free[None])
    jacobian = problem.jacobian(phi[None])[0] * np.sqrt(weights)
    spread = np.sqrt(np.einsum("fk,fk->f", basis[0], basis[0]))
    spread = np.where(_touches_flat(jacobian, free), np.inf, spread)
    return LinearView(free, basis[0], jacobian.T @ basis[0], float(condition[0]), spread)


def relative_weights(problem: Problem) -> Array:
    """Weights (n,) with a mean of one: how the runs compare, whatever unit the weights have."""
    return problem.weights / np.mean(problem.weights)


def weighted_residuals(problem: Problem, phi: Array) -> Array:
    """Residuals (n,) at coordinates (F,), all with the noise of a run of average weight."""
    return problem.residuals(phi[None])[0] * np.sqrt(relative_weights(problem))


def _touches_flat(jacobian: Array, free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Coordinates that take part in a direction along which no run changes."""
    length = np.sqrt(np.einsum("fn,fn->f", jacobian, jacobian))
    unit = np.where(free & (length > 0), 1 / np.where(length > 0, length, 1.0), 0.0)
    triangle = np.linalg.qr((jacobian * unit[:, None]).T, mode="r")
    _, strength, directions = np.linalg.svd(triangle, full_matrices=True)
    strength = np.pad(strength, (0, len(free) - len(strength)))
    flat = directions[strength <= RANK * strength.max()]
    involved = np.abs(flat).max(axis=0, initial=0.0) > 1e-3
    return free & (involved | (length == 0))


def noise_level(problem: Problem, phi: Array) -> float:
    """Width of the residuals in log loss: 1.4826 times their median size.

    A robust fit passes through as many runs as it has parameters; those residuals say nothing
    and are left out, as is usual for such fits (Holland & Welsch 1977).
    """
    residual = np.sort(np.abs(weighted_residuals(problem, phi)))
    silent = min(problem.coordinates.size, problem.n_runs - 1)
    return float(1.4826 * np.median(residual[silent:]))


def cook_distance(problem: Problem, phi: Array, view: LinearView) -> Array:
    """How far each run alone moves the law, in units of its own uncertainty (Cook 1977)."""
    residual = weighted_residuals(problem, phi)
    left = np.maximum(1.0 - view.leverage, 1e-6)
    scale = max(noise_level(problem, phi), 1e-150) ** 2 * problem.coordinates.size
    return residual**2 * view.leverage / (scale * left**2)
