"""Draws of the parameters that runs like these could have given.

Runs of one compute tier share errors (the same schedule, the same batch, one evaluation), so
whole tiers are the unit. There are few of them, and resampling few units as cases is too coarse:
instead the tiers' residuals are given random signs and the law is refitted (wild cluster
bootstrap). Each tier's residuals are first taken from a fit without it (the jackknife correction
CR3, by real refits), and each draw has one Student-t radius for the small number of tiers.
``docs/decisions/intervals.md`` has the measured coverage that decided this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.linear import LinearView, relative_weights, weighted_residuals
from isoloss.fitting.problem import Problem
from isoloss.fitting.solver import Newton, solve

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
CHUNK_CELLS = 4_000_000  # runs times draws held at a time
NEAR = Newton(tolerance=1e-6, max_steps=300, damping=0.1)
FREEDOM_PER_GROUP = 2.0  # of the Student-t radius, by measured coverage; see the decision
MOST_REFITS = 200
MOST_INFLATION = 20.0


@dataclass(frozen=True)
class Draws:
    """Refitted coordinates.

    Attributes:
        phi: (count, F).
        failed: share of refits that did not converge; they are kept where they ended.
    """

    phi: Array
    failed: float


def wild(
    problem: Problem, phi: Array, view: LinearView, groups: Ints, count: int, seed: int, jobs: int
) -> Draws:
    """Refit to the law plus residuals of random sign per group (wild cluster bootstrap).

    Args:
        problem: one fit.
        phi: its optimum (F,).
        view: the linear view there.
        groups: group number of each run, 0 to G - 1.
        count: draws.
        seed: same seed, same draws.
        jobs: threads.
    """
    outside = outside_residuals(problem, phi, view, groups, jobs)
    law = problem.log_loss - problem.residuals(phi[None])[0]
    size = int(groups.max()) + 1
    freedom = FREEDOM_PER_GROUP * (size - 1)

    def pose(rng: np.random.Generator, rows: int) -> Problem:
        signs = rng.integers(0, 2, size=(rows, size)) * 2.0 - 1.0
        radius = np.sqrt(freedom / rng.chisquare(freedom, size=(rows, 1)))
        return replace(problem, log_loss=law + (radius * signs)[:, groups] * outside)

    return _refit(problem, phi, view, pose, count, seed, jobs)


def cases(
    problem: Problem, phi: Array, view: LinearView, groups: Ints, count: int, seed: int, jobs: int
) -> Draws:
    """Refit to groups drawn with replacement (case bootstrap); arguments as for ``wild``."""
    size = int(groups.max()) + 1
    share = np.full(size, 1.0 / size)

    def pose(rng: np.random.Generator, rows: int) -> Problem:
        times = rng.multinomial(size, share, size=rows).astype(np.float64)
        return replace(problem, weights=problem.weights * times[:, groups])

    return _refit(problem, phi, view, pose, count, seed, jobs)


def outside_residuals(
    problem: Problem, phi: Array, view: LinearView, groups: Ints, jobs: int = 1
) -> Array:
    """Residuals (n,) of each run under the law fitted without the run's group.

    With more groups than ``MOST_REFITS`` the refits are replaced by their linear approximation
    (I - H_gg)^-1 r_g (Bell & McCaffrey 2002).
    """
    size = int(groups.max()) + 1
    if size > MOST_REFITS:
        root = np.sqrt(relative_weights(problem))
        return _outside_linear(weighted_residuals(problem, phi), view, groups) / root
    left_out = groups[None, :] != np.arange(size)[:, None]
    posed = replace(problem, weights=problem.weights * left_out)
    found = solve(posed, np.repeat(phi[None], size, axis=0), NEAR, basis=view.basis, jobs=jobs)
    return problem.residuals(found.phi)[groups, np.arange(problem.n_runs)]


def _outside_linear(residual: Array, view: LinearView, groups: Ints) -> Array:
    """The approximation, of residuals that are weighted as the view's rows are."""
    result = residual.copy()
    order = np.argsort(groups, kind="stable")
    ends = np.searchsorted(groups[order], np.arange(int(groups.max()) + 2))
    for start, end in pairwise(ends):
        inside = order[start:end]
        rows = view.rows[inside]
        share, directions = np.linalg.eigh(rows.T @ rows)
        # A group that alone decides a direction has no residual along it to inflate.
        grow = 1.0 / np.maximum(1.0 - share, 1.0 / MOST_INFLATION)
        result[inside] += rows @ (
            ((directions * grow) @ directions.T) @ (rows.T @ residual[inside])
        )
    return result


Pose = Callable[[np.random.Generator, int], Problem]


def _refit(
    problem: Problem, phi: Array, view: LinearView, pose: Pose, count: int, seed: int, jobs: int
) -> Draws:
    found: list[Array] = []
    failed = 0
    for number, rows in _chunks(count, problem.n_runs):
        posed = pose(np.random.default_rng([seed, number]), rows)
        solution = solve(
            posed, np.repeat(phi[None], rows, axis=0), NEAR, basis=view.basis, jobs=jobs
        )
        found.append(solution.phi)
        failed += int(np.sum(~solution.converged))
    return Draws(np.concatenate(found), failed / count)


def _chunks(count: int, n_runs: int) -> Iterator[tuple[int, int]]:
    rows = max(1, CHUNK_CELLS // n_runs)
    for number, at in enumerate(range(0, count, rows)):
        yield number, min(rows, count - at)
