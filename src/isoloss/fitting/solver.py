"""Thousands of small fits solved together: a damped Newton method on arrays.

Each row of a batch is one fit. A step solves ``(H + damping * M) step = -gradient``, with H the
exact Hessian and M the metric of iterated least squares, which is positive and majorises robust
costs: little damping is Newton's method, much damping a short, safe step. Where H has a curvature
more negative than M can mend, M takes its place: damping that hides one such direction would
shorten the step in all others, for hundreds of steps.

The parameters of scaling laws are strongly correlated (A with alpha, worse in longer laws), so
derivatives are taken along a basis in which the runs' Jacobian is orthonormal; without it, half
of the digits, and with some laws all of them, are lost when derivatives are multiplied.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController  # pyright: ignore[reportMissingTypeStubs]

from isoloss.fitting.problem import Coordinates, Evaluation, Problem

Array = NDArray[np.float64]
CHUNK_CELLS = 60_000  # runs times fits in work at a time: arrays that stay in the processor's cache
OBJECTIVE_FLOOR = 1e-14  # per run: a fit without noise has converged at the floor of the arithmetic
MIN_DAMPING, MAX_DAMPING = 1e-12, 1e12
MOST_MENDING = 1.0  # damping beyond which a Hessian that is still not positive gives way to M
RANK = 1e-11  # directions weaker than this, relative to the strongest, count as flat
RIDGE, PIVOT = 1e-13, 1e-14
TURN_EVERY = 20  # steps after which the basis of a fit is chosen anew


@dataclass(frozen=True)
class Newton:
    """The solver's settings.

    Attributes:
        tolerance: a fit has converged when its gradient, measured by the metric and relative to
            the objective, is at most this: sqrt(g' M^-1 g / objective).
        max_steps: evaluations allowed per fit.
        damping: of the first step; small where the starts are known to be near.
    """

    tolerance: float = 1e-7
    max_steps: int = 300
    damping: float = 1.0


@dataclass(frozen=True)
class Solution:
    """Where each fit of a batch ended.

    Attributes:
        phi: coordinates (B, F).
        objective: (B,); infinite where the law has no value at the start.
        gradient_norm: (B,), dimensionless, see ``Newton.tolerance``; bounded directions left out.
        converged: (B,).
        steps: evaluations used (B,).
    """

    phi: Array
    objective: Array
    gradient_norm: Array
    converged: NDArray[np.bool_]
    steps: NDArray[np.int64]


def solve(
    problem: Problem,
    starts: Array,
    newton: Newton | None = None,
    *,
    basis: Array | None = None,
    jobs: int = 1,
) -> Solution:
    """Minimise from every start (B, F); row b uses row b of the problem's losses and weights.

    The rows are cut into chunks of a fixed size, so the digits do not depend on ``jobs``.

    Args:
        problem: law, runs and objective.
        starts: one per fit.
        newton: tolerance and limits.
        basis: (F, F) shared by all fits, for refits near a known estimate; by default each fit
            finds its own.
        jobs: threads.
    """
    newton = newton or Newton()
    rows = max(1, CHUNK_CELLS // problem.n_runs)
    pieces = [slice(at, at + rows) for at in range(0, len(starts), rows)]

    def work(piece: slice) -> Solution:
        return _solve_chunk(problem.rows(piece), starts[piece], newton, basis)

    # The matrices are tiny: threads inside the linear algebra would only wait for each other.
    with _linear_algebra().limit(limits=1, user_api="blas"):
        if jobs > 1 and len(pieces) > 1:
            with ThreadPoolExecutor(jobs) as pool:
                parts = list(pool.map(work, pieces))
        else:
            parts = [work(piece) for piece in pieces]
    return Solution(*(np.concatenate([vars(part)[k] for part in parts]) for k in vars(parts[0])))


@cache
def _linear_algebra() -> Any:
    return ThreadpoolController()


def whitening(problem: Problem, phi: Array, free: NDArray[np.bool_]) -> tuple[Array, Array]:
    """A basis in which the free part of the Jacobian is orthonormal, and its condition number.

    Args:
        problem: law and runs.
        phi: coordinates (B, F).
        free: which coordinates may move (B, F).

    Returns:
        basis (B, F, F), whose columns are directions in coordinates, and condition numbers (B,)
        of the Jacobian with columns scaled to unit length.
    """
    jacobian = problem.jacobian(phi) * np.sqrt(problem.weights)[..., None, :]
    jacobian = np.where(free[:, :, None] & np.isfinite(jacobian), jacobian, 0.0)
    length = np.sqrt(np.einsum("bfn,bfn->bf", jacobian, jacobian))
    unit = 1 / np.where(length > 0, length, 1.0)
    triangle = np.linalg.qr((jacobian * unit[:, :, None]).transpose(0, 2, 1), mode="r")
    _, strength, directions = np.linalg.svd(triangle, full_matrices=True)
    strength = np.pad(strength, ((0, 0), (0, phi.shape[1] - strength.shape[1])))
    largest = np.maximum(strength[:, :1], 1e-300)
    kept = strength > RANK * largest
    inverse = np.where(kept, 1 / np.where(kept, strength, 1.0), 0.0)
    basis = unit[:, :, None] * directions.transpose(0, 2, 1) * inverse[:, None, :]
    moving = np.where(strength > 0, strength, np.inf).min(axis=1)
    condition = largest[:, 0] / np.maximum(moving, 1e-300)
    return np.where(free[:, :, None], basis, 0.0), condition


def _solve_chunk(problem: Problem, starts: Array, newton: Newton, shared: Array | None) -> Solution:
    where, count = problem.coordinates, len(starts)
    floor = np.broadcast_to(OBJECTIVE_FLOOR * np.sum(problem.weights, axis=-1), count)
    phi = np.clip(starts, where.lower, where.upper)
    free = np.ones(phi.shape, dtype=np.bool_)
    if shared is None:
        basis, _ = whitening(problem, phi, free)
    else:
        basis = np.repeat(shared[None], count, axis=0)
    state = problem.evaluate(phi, basis)
    damping = np.full(count, newton.damping)
    steps = np.ones(count, dtype=np.int64)
    norm = np.full(count, np.inf)
    alive = np.isfinite(state.objective)
    while alive.any():
        row = np.flatnonzero(alive)
        now_free = _free(where, phi[row], state.pull[row])
        due = (now_free != free[row]).any(axis=1) | (steps[row] % TURN_EVERY == 0)
        if due.any():
            turned = row[due]
            free[turned] = now_free[due]
            part = problem.rows(turned)
            basis[turned], _ = whitening(part, phi[turned], free[turned])
            _put(state, turned, part.evaluate(phi[turned], basis[turned]))
        here = _take(state, row)
        norm[row] = _gradient_norm(here, floor[row])
        alive[row] = norm[row] > newton.tolerance
        here, row = _take(here, alive[row]), row[alive[row]]

        step, damping[row], promised = _step(here, damping[row])
        move = (basis[row] @ step[:, :, None])[:, :, 0]
        trial, share = _within(where, phi[row], move)
        there = problem.rows(row).evaluate(trial, basis[row])
        gained = here.objective - there.objective
        damping[row] *= _damping_factor(gained, promised * share * (2 - share))
        steps[row] += 1
        better = gained > 0
        phi[row[better]] = trial[better]
        _put(state, row[better], _take(there, better))
        alive[row] = (damping[row] < MAX_DAMPING) & (steps[row] < newton.max_steps)
    return Solution(phi, state.objective, norm, norm <= newton.tolerance, steps)


def _take(state: Evaluation, row: NDArray[np.int64] | NDArray[np.bool_]) -> Evaluation:
    return Evaluation(*(part[row] for part in vars(state).values()))


def _put(state: Evaluation, row: NDArray[np.int64], new: Evaluation) -> None:
    for old, part in zip(vars(state).values(), vars(new).values(), strict=True):
        old[row] = part


def _free(where: Coordinates, phi: Array, pull: Array) -> NDArray[np.bool_]:
    """Coordinates that may move: not at a bound that the descent pushes against."""
    low = (phi <= where.lower) & (pull >= 0)
    high = (phi >= where.upper) & (pull <= 0)
    return ~(low | high)


def _within(where: Coordinates, phi: Array, move: Array) -> tuple[Array, Array]:
    """The move up to the first bound it meets, and the share of it that this is.

    Cutting single coordinates off at their bounds would bend the step, and a bent step may climb.
    """
    stays = ((phi <= where.lower) & (move < 0)) | ((phi >= where.upper) & (move > 0))
    move = np.where(stays, 0.0, move)
    wall = np.where(move < 0, where.lower, where.upper)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        room = np.where(move == 0, np.inf, (wall - phi) / move)
    share = np.minimum(room.min(axis=1), 1.0)
    met = room <= share[:, None]
    return np.where(met, wall, phi + share[:, None] * move), share


def _damping_factor(gained: Array, promised: Array) -> Array:
    """Towards Newton where the quadratic model was right, towards short steps where it was not."""
    ratio = gained / np.maximum(promised, 1e-300)
    return np.select([~(gained > 0), ratio > 0.5, ratio > 0.1], [6.0, 0.1, 1.0], 3.0)


def _step(here: Evaluation, damping: Array) -> tuple[Array, Array, Array]:
    """The damped step, the damping used, and the decrease that the quadratic model promises."""
    gradient, metric, unit = _scaled(here)
    model = here.hessian * unit[:, :, None] * unit[:, None, :]
    least = np.maximum(damping, MIN_DAMPING)
    step, used = np.zeros_like(gradient), least.copy()
    row = np.arange(len(gradient))
    while row.size:
        matrix = model[row] + used[row, None, None] * metric[row]
        step[row], solid = solve_positive(matrix, -gradient[row])
        row = row[~solid]
        used[row] = np.maximum(used[row] * 10, 1e-3)
        mended = used[row] <= MOST_MENDING
        rest, row = row[~mended], row[mended]
        model[rest], used[rest] = metric[rest], least[rest]
        matrix = (1 + used[rest])[:, None, None] * metric[rest]
        step[rest], _ = solve_positive(matrix, -gradient[rest])
    bent = np.einsum("bi,bij,bj->b", step, model, step)
    promised = -np.einsum("bi,bi->b", gradient, step) - 0.5 * bent
    return step * unit, used, promised


def _gradient_norm(here: Evaluation, floor: Array) -> Array:
    gradient, metric, _ = _scaled(here)
    natural, solid = solve_positive(metric, gradient)
    square = np.maximum(np.einsum("bi,bi->b", gradient, natural), 0.0)
    # A fit whose runs all weigh nothing has neither objective nor gradient: it is at its optimum.
    size = np.maximum(here.objective + floor, 1e-300)
    return np.where(solid, np.sqrt(square / size), np.inf)


def _scaled(here: Evaluation) -> tuple[Array, Array, Array]:
    """Gradient and metric in units in which the metric's diagonal is one."""
    diagonal = np.einsum("bii->bi", here.metric)
    unit = np.where(diagonal > 0, 1 / np.sqrt(np.maximum(diagonal, 1e-300)), 0.0)
    metric = here.metric * unit[:, :, None] * unit[:, None, :]
    # A direction that is bounded, or that no run depends on, gets a one and so a step of zero.
    np.einsum("bii->bi", metric)[...] = 1.0 + RIDGE
    return here.gradient * unit, metric, unit


def solve_positive(matrix: Array, right: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Solve many small symmetric systems by Cholesky, all at once.

    Args:
        matrix: (B, F, F), with entries of order one.
        right: (B, F).

    Returns:
        the solutions (B, F), zero where the matrix is not positive definite, and which are.
    """
    size = right.shape[1]
    # Copies: both are overwritten, and a transposed batch of one is still contiguous.
    a = np.array(matrix.transpose(1, 2, 0), order="C")
    x = np.array(right.T, order="C")
    solid = np.ones(len(matrix), dtype=np.bool_)
    for i in range(size):
        solid &= a[i, i] > PIVOT
        root = np.sqrt(np.where(solid, a[i, i], 1.0))
        a[i:, i] = np.where(solid, a[i:, i] / root, 0.0)
        a[i, i] = root
        for j in range(i + 1, size):
            a[j:, j] -= a[j:, i] * a[j, i]
    for i in range(size):
        x[i] = (x[i] - np.einsum("kb,kb->b", a[i, :i], x[:i])) / a[i, i]
    for i in reversed(range(size)):
        x[i] = (x[i] - np.einsum("kb,kb->b", a[i + 1 :, i], x[i + 1 :])) / a[i, i]
    return np.where(solid, x, 0.0).T, solid
