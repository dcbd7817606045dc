"""The batched Newton method against NumPy, against SciPy, and at its limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.fitting import Huber, Squared, StudentT
from isoloss.fitting import solver as solver_module
from isoloss.fitting.problem import Problem, coordinates
from isoloss.fitting.seeding import starts
from isoloss.fitting.solver import Newton, solve, solve_positive, whitening
from isoloss.laws import LAWS
from tests.fitting.helpers import CHINCHILLA, sweep

LAW = LAWS["chinchilla"]
NEAR = np.array([1.9, 600.0, 1500.0, 0.36, 0.35])  # within the valley that holds the optimum
FAR = np.array([1.0, 100.0, 300.0, 0.25, 0.45])  # the loss is 60 % off, the data term is nothing


def pose(points, objective=None, **constraints):
    where = coordinates(LAW, **constraints)
    log_x = (np.log(points.params), np.log(points.tokens))
    weights = np.ones(len(points))
    return Problem(LAW, where, log_x, np.log(points.loss), weights, objective or Huber())


def batch(problem, count):
    return replace(problem, weights=np.ones((count, problem.n_runs)))


# ---------------------------------------------------------------------------- small systems


@settings(max_examples=50)
@given(st.integers(1, 9), st.integers(1, 6), st.floats(0.0, 6.0), st.integers(0, 10_000))
def test_solve_positive_is_numpys(size, count, decades, seed):
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.standard_normal((count, size, size)))[0]
    strength = 10 ** -rng.uniform(0, decades, (count, size))
    matrix = np.einsum("bij,bj,bkj->bik", turn, strength, turn)
    right = rng.standard_normal((count, size))
    found, solid = solve_positive(matrix, right)
    assert solid.all()
    expected = np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    # Two backward-stable solutions differ by the condition number times the precision.
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=1e-14 * 10**decades * size * np.abs(expected).max()
    )


@settings(max_examples=50)
@given(st.integers(2, 8), st.integers(0, 10_000))
def test_solve_positive_says_what_is_not_positive(size, seed):
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.standard_normal((size, size)))[0]
    good = turn @ np.diag(rng.uniform(0.1, 1, size)) @ turn.T
    saddle = turn @ np.diag(np.r_[-0.1, rng.uniform(0.1, 1, size - 1)]) @ turn.T
    flat = turn @ np.diag(np.r_[0.0, rng.uniform(0.1, 1, size - 1)]) @ turn.T
    found, solid = solve_positive(
        np.stack([good, saddle, flat - 1e-9 * np.eye(size)]), np.ones((3, size))
    )
    assert solid.tolist() == [True, False, False]
    assert np.all(found[1:] == 0)
    np.testing.assert_allclose(good @ found[0], 1.0, rtol=1e-9)


@pytest.mark.parametrize(("count", "size"), [(1, 3), (3, 1), (1, 1), (2, 4)])
def test_solve_positive_leaves_its_arguments_alone(count, size):
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((count, size, size))
    matrix = factor @ factor.transpose(0, 2, 1) + np.eye(size)
    right = rng.standard_normal((count, size))
    before = matrix.copy(), right.copy()
    solve_positive(matrix, right)
    np.testing.assert_array_equal(matrix, before[0])
    np.testing.assert_array_equal(right, before[1])


# ---------------------------------------------------------------------------- whitening


def test_whitening_makes_the_jacobian_orthonormal():
    problem = pose(sweep(noise=0.01))
    phi = problem.coordinates.phi(np.array([list(CHINCHILLA.values())]))
    basis, condition = whitening(problem, phi, np.ones((1, 5), dtype=bool))
    along = problem.jacobian(phi)[0].T @ basis[0]
    np.testing.assert_allclose(along.T @ along, np.eye(5), atol=1e-11)
    columns = problem.jacobian(phi)[0].T
    assert condition[0] == pytest.approx(
        np.linalg.cond(columns / np.linalg.norm(columns, axis=0)), rel=1e-9
    )


def test_whitening_leaves_bounded_and_flat_directions_out():
    points = sweep(noise=0.01)
    points = replace(points, params=np.full(len(points), 1e9))  # then E, A and alpha act alike
    problem = pose(points)
    phi = problem.coordinates.phi(np.array([list(CHINCHILLA.values())]))
    free = np.array([[True, True, True, True, False]])
    basis, _ = whitening(problem, phi, free)
    assert np.all(basis[0, 4] == 0)
    assert np.linalg.matrix_rank(basis[0]) == 2


# ---------------------------------------------------------------------------- optima


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from([0.001, 0.01, 0.05]))
def test_least_squares_agrees_with_scipy(seed, noise):
    from scipy.optimize import least_squares

    problem = pose(sweep(noise=noise, seed=seed), Squared())
    where = problem.coordinates
    found = solve(problem, where.phi(NEAR[None]))
    other = least_squares(
        lambda phi: problem.residuals(phi[None])[0],
        where.phi(NEAR[None])[0],
        jac=lambda phi: -problem.jacobian(phi[None])[0].T,
        bounds=(where.lower, where.upper),
        x_scale="jac",
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
    )
    assert found.converged[0]
    assert found.objective[0] <= other.cost * (1 + 1e-10)
    np.testing.assert_allclose(found.phi[0], other.x, rtol=1e-4, atol=1e-4)


@settings(max_examples=5)
@given(
    st.integers(0, 10_000),
    st.sampled_from([Huber(1e-2), Huber(1e-3), StudentT(5e-3, 4.0)]),
)
def test_robust_fits_are_never_worse_than_scipys(seed, objective):
    from scipy.optimize import minimize

    problem = pose(sweep(noise=0.01, seed=seed), objective)
    where = problem.coordinates
    start = where.phi(np.array([list(CHINCHILLA.values())]))
    found = solve(problem, start)

    def value_and_slope(phi):
        state = problem.evaluate(phi[None], np.eye(5)[None])
        return float(state.objective[0]) * 1e4, state.pull[0] * 1e4

    other = minimize(
        value_and_slope,
        start[0],
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(where.lower, where.upper, strict=True)),
        options={"maxiter": 20_000, "maxfun": 50_000, "ftol": 1e-16, "gtol": 1e-12},
    )
    assert found.converged[0]
    assert found.objective[0] <= other.fun / 1e4 * (1 + 1e-9)


def test_scipy_finds_nothing_lower_near_the_optimum():
    from scipy.optimize import minimize

    problem = pose(sweep(noise=0.01), Huber(1e-3))
    found = solve(problem, problem.coordinates.phi(FAR[None]))
    scale = np.abs(found.phi[0]) * 1e-3

    def value(z):
        return float(problem.value((found.phi[0] + z * scale)[None])[0])

    other = minimize(value, np.zeros(5), method="Nelder-Mead", options={"maxiter": 4000})
    assert found.objective[0] <= other.fun * (1 + 1e-9)


def test_a_problem_that_is_quadratic_takes_one_step():
    # log L = log A - 0.5 log N is linear in log A: least squares is solved by the first step.
    from isoloss.laws import law_from_formula

    law = law_from_formula("A * N**-0.5")
    points = sweep(noise=0.05)
    where = coordinates(law)
    log_n = np.log(points.params)
    problem = Problem(law, where, (log_n,), np.log(points.loss), np.ones(40), Squared())
    found = solve(problem, np.array([[3.0]]), Newton(damping=1e-12))
    assert found.steps[0] <= 3
    assert found.phi[0, 0] == pytest.approx(np.mean(np.log(points.loss) + 0.5 * log_n), rel=1e-11)


def test_converged_means_that_the_gradient_is_small_for_the_objective():
    problem = pose(sweep(noise=0.01))
    start = problem.coordinates.phi(FAR[None])
    for tolerance in (1e-2, 1e-5, 1e-8):
        found = solve(problem, start, Newton(tolerance=tolerance))
        assert found.converged[0]
        assert found.gradient_norm[0] <= tolerance
    short = solve(problem, start, Newton(max_steps=2))
    assert not short.converged[0]
    assert short.steps[0] == 2
    assert short.gradient_norm[0] > 1e-7


def test_the_objective_never_rises():
    problem = batch(pose(sweep(noise=0.02)), 12)
    begin = starts(pose(sweep(noise=0.02)))
    before = problem.value(begin)
    for steps in (2, 5, 20, 80):
        after = solve(problem, begin, Newton(max_steps=steps)).objective
        assert np.all(after <= before * (1 + 1e-12))
        before = after


def test_starts_without_a_value_stay_where_they_are():
    problem = batch(pose(sweep()), 2)
    begin = problem.coordinates.phi(np.stack([FAR, FAR]))
    begin[1, 1] = 689.0  # A / N**alpha overflows the logarithm of no loss, but not the float
    begin[1, 0] = np.inf
    found = solve(problem, begin)
    assert found.converged.tolist() == [True, False]
    assert np.isinf(found.objective[1])


def test_a_fit_whose_runs_weigh_nothing_stays_where_it_is():
    problem = replace(pose(sweep(noise=0.01)), weights=np.stack([np.zeros(40), np.ones(40)]))
    begin = problem.coordinates.phi(np.stack([NEAR, NEAR]))
    found = solve(problem, begin)
    np.testing.assert_array_equal(found.phi[0], begin[0])
    assert found.converged.all()


# ---------------------------------------------------------------------------- bounds


def test_a_hessian_that_is_not_positive_does_not_slow_the_descent():
    # Far away the data term is nearly absent, and the Hessian along it hugely negative: damping
    # that covers it needs more than 3,000 steps, the metric in its place 44.
    problem = pose(sweep(noise=0.01), Squared())
    found = solve(problem, problem.coordinates.phi(FAR[None]), Newton(max_steps=100))
    near = solve(problem, problem.coordinates.phi(NEAR[None]))
    assert found.converged[0]
    assert found.objective[0] == pytest.approx(near.objective[0], rel=1e-9)


def test_an_optimum_at_a_bound_is_the_optimum_of_the_others():
    points = sweep(noise=0.01)
    held = pose(points, Squared(), bounds={"E": (0.0, 1.5)})
    found = solve(held, held.coordinates.phi(NEAR[None]))
    assert found.converged[0]
    assert held.coordinates.theta(found.phi)[0, 0] == 1.5
    fixed = pose(points, Squared(), fixed={"E": 1.5})
    same = solve(fixed, fixed.coordinates.phi(NEAR[None]))
    assert same.objective[0] == pytest.approx(found.objective[0], rel=1e-10)
    np.testing.assert_allclose(same.phi[0], found.phi[0, 1:], rtol=1e-6)


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_it_never_leaves_the_bounds(seed):
    rng = np.random.default_rng(seed)
    low, width = rng.uniform(0.0, 0.6), rng.uniform(0.01, 0.3)
    problem = pose(sweep(noise=0.02), bounds={"beta": (low, low + width), "A": (10.0, 300.0)})
    where = problem.coordinates
    found = solve(batch(problem, 4), starts(problem, keep=4))
    assert np.all(found.phi >= where.lower)
    assert np.all(found.phi <= where.upper)
    assert found.converged[np.argmin(found.objective)]


def test_it_leaves_a_bound_that_it_started_on():
    problem = pose(sweep(noise=0.005))
    start = problem.coordinates.phi(np.array([[0.0, 477.0, 2143.0, 0.0, 0.0]]))
    free = solve(problem, problem.coordinates.phi(FAR[None]))
    found = solve(problem, start)
    assert found.converged[0]
    assert found.objective[0] == pytest.approx(free.objective[0], rel=1e-9)


# ---------------------------------------------------------------------------- batches


def test_each_row_is_solved_as_if_it_were_alone():
    problem = pose(sweep(noise=0.02))
    rng = np.random.default_rng(3)
    weights = rng.multinomial(40, np.full(40, 1 / 40), size=7).astype(float)
    start = problem.coordinates.phi(np.repeat(FAR[None], 7, 0))
    together = solve(replace(problem, weights=weights), start)
    for b in range(7):
        alone = solve(replace(problem, weights=weights[b]), start[:1])
        assert alone.objective[0] == pytest.approx(together.objective[b], rel=1e-9)
        np.testing.assert_allclose(alone.phi[0], together.phi[b], rtol=1e-5)


@pytest.mark.parametrize("jobs", [2, 3])
def test_threads_do_not_change_a_digit(monkeypatch, jobs):
    monkeypatch.setattr(solver_module, "CHUNK_CELLS", 40 * 5)
    problem = pose(sweep(noise=0.02))
    rng = np.random.default_rng(3)
    weights = rng.multinomial(40, np.full(40, 1 / 40), size=23).astype(float)
    posed = replace(problem, weights=weights)
    start = problem.coordinates.phi(np.repeat(FAR[None], 23, 0))
    one, more = solve(posed, start), solve(posed, start, jobs=jobs)
    for name in vars(one):
        np.testing.assert_array_equal(getattr(one, name), getattr(more, name))


def test_the_chunk_size_changes_no_more_than_rounding(monkeypatch):
    problem = pose(sweep(noise=0.02))
    start = problem.coordinates.phi(np.repeat(FAR[None], 9, 0))
    rng = np.random.default_rng(3)
    posed = replace(problem, log_loss=problem.log_loss + 0.01 * rng.standard_normal((9, 40)))
    whole = solve(posed, start)
    monkeypatch.setattr(solver_module, "CHUNK_CELLS", 1)  # one fit at a time, whatever its size
    single = solve(posed, start)
    np.testing.assert_allclose(single.objective, whole.objective, rtol=1e-9)
    np.testing.assert_allclose(single.phi, whole.phi, rtol=1e-5)


def test_a_shared_basis_finds_the_same_optima():
    problem = pose(sweep(noise=0.01))
    best = solve(problem, problem.coordinates.phi(FAR[None])).phi
    basis, _ = whitening(problem, best, np.ones((1, 5), dtype=bool))
    rng = np.random.default_rng(1)
    posed = replace(problem, log_loss=problem.log_loss + 0.01 * rng.standard_normal((20, 40)))
    start = np.repeat(best, 20, 0)
    own, shared = solve(posed, start), solve(posed, start, basis=basis[0])
    assert shared.converged.all()
    np.testing.assert_allclose(shared.objective, own.objective, rtol=1e-9)
