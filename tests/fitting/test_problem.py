"""What the solver minimises: derivatives of every law, and what constraints do to parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.fitting import Huber, Quantile, Squared, StudentT
from isoloss.fitting.problem import Problem, coordinates
from isoloss.laws import LAWS, get_law, law_from_formula
from isoloss.laws.catalogue import with_inner
from tests.fitting.helpers import CHINCHILLA, grid

LAW = LAWS["chinchilla"]
SMOOTH = [Squared(), StudentT(0.3, 3.0)]


def pose(law, objective=None, *, seed=0, batch=3, weights=None, constraints=None):
    """A problem at random inputs of order one, where no term of any law is negligible."""
    rng = np.random.default_rng(seed)
    n = 12
    log_x = tuple(rng.uniform(-1.0, 1.0, n) for _ in law.variables)
    if law.variables == ("N", "D", "U"):  # away from the kinks of min(U, D) and of min(N, ...)
        log_x = (log_x[0] + 2.0, log_x[1] + 2.0, log_x[1] - rng.uniform(0.5, 1.5, n))
    if law.formula == "c - k * log(N)":  # positive only where the logarithm is small
        log_x = (log_x[0] - 1.0,)
    where = coordinates(law, **(constraints or {}))
    log_loss = rng.uniform(-0.5, 0.5, (batch, n))
    weights = rng.uniform(0.5, 2.0, (batch, n)) if weights is None else weights
    problem = Problem(law, where, log_x, log_loss, weights, objective or StudentT(0.3, 3.0))
    theta = rng.uniform(0.3, 0.9, (batch, len(law.names)))
    return problem, where.phi(theta), rng


def differences(function, phi, step=1e-5):
    """Central differences of a function (B, F) -> (B, ...) by each coordinate, (B, F, ...)."""
    columns = []
    for k in range(phi.shape[1]):
        move = np.zeros(phi.shape)
        move[:, k] = step
        columns.append((function(phi + move) - function(phi - move)) / (2 * step))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("law", with_inner(), ids=lambda law: law.name)
def test_derivatives_of_every_law(law):
    problem, phi, rng = pose(law)
    size = phi.shape[1]
    basis = rng.standard_normal((len(phi), size, size)) + 2 * np.eye(size)
    state = problem.evaluate(phi, basis)
    assert np.isfinite(state.objective).all()
    np.testing.assert_allclose(state.objective, problem.value(phi), rtol=1e-13)

    slope = differences(problem.value, phi)
    size_of = np.abs(slope).max()
    np.testing.assert_allclose(state.pull, slope, rtol=1e-6, atol=1e-7 * size_of)
    np.testing.assert_allclose(
        state.gradient,
        np.einsum("bf,bfk->bk", slope, basis),
        rtol=1e-6,
        atol=1e-6 * size_of,
    )

    def along(at):
        return problem.evaluate(at, np.repeat(np.eye(size)[None], len(phi), 0)).gradient

    bent = differences(along, phi)
    expected = basis.transpose(0, 2, 1) @ bent @ basis
    np.testing.assert_allclose(
        state.hessian, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max()
    )


@pytest.mark.parametrize("law", with_inner(), ids=lambda law: law.name)
def test_jacobian_and_metric_of_every_law(law):
    problem, phi, rng = pose(law)
    jacobian = problem.jacobian(phi)
    expected = differences(lambda at: -problem.residuals(at), phi)
    np.testing.assert_allclose(
        jacobian, expected, rtol=1e-6, atol=1e-8 * max(1.0, np.abs(expected).max())
    )
    size = phi.shape[1]
    basis = rng.standard_normal((len(phi), size, size))
    weight = problem.weights * problem.objective.parts(problem.residuals(phi))[2]
    along = np.einsum("bfn,bfk->bkn", jacobian, basis)
    np.testing.assert_allclose(
        problem.evaluate(phi, basis).metric,
        np.einsum("bin,bn,bjn->bij", along, weight, along),
        rtol=1e-9,
        atol=1e-12,
    )


@settings(max_examples=25)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([Huber(0.05), Quantile(0.2, 0.05), *SMOOTH]),
    st.sampled_from([{}, {"tied": [("alpha", "beta")]}, {"fixed": {"A": 0.7, "E": 0.4}}]),
)
def test_derivatives_under_constraints(seed, objective, constraints):
    problem, phi, _ = pose(LAW, objective, seed=seed, constraints=constraints)
    eye = np.repeat(np.eye(phi.shape[1])[None], len(phi), 0)
    state = problem.evaluate(phi, eye)
    step = 1e-6
    slope = differences(problem.value, phi, step)
    # Where a residual crosses a corner within the step, the cost is still smooth to first order.
    np.testing.assert_allclose(state.gradient, slope, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(state.gradient, state.pull, rtol=1e-12, atol=1e-14)
    crossing = np.abs(np.abs(problem.residuals(phi)) - objective.corner) < 10 * step
    zero = np.abs(problem.residuals(phi)) < 10 * step
    if not (crossing | zero).any():
        bent = differences(lambda at: problem.evaluate(at, eye).gradient, phi, step)
        np.testing.assert_allclose(state.hessian, bent, rtol=1e-4, atol=1e-5)


def test_the_objective_is_a_sum_never_a_mean():
    problem, phi, _ = pose(LAW, Huber(0.05), batch=1, weights=np.ones(12))
    twice = Problem(
        LAW,
        problem.coordinates,
        tuple(np.tile(x, 2) for x in problem.log_x),
        np.tile(problem.log_loss, (1, 2)),
        np.ones(24),
        problem.objective,
    )
    np.testing.assert_allclose(twice.value(phi), 2 * problem.value(phi), rtol=1e-14)
    by_hand = problem.objective.value(problem.residuals(phi)).sum(axis=1)
    np.testing.assert_allclose(problem.value(phi), by_hand, rtol=1e-14)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 5), min_size=12, max_size=12), st.integers(0, 1000))
def test_whole_weights_are_repeated_runs(times, seed):
    problem, phi, _ = pose(LAW, seed=seed, batch=1, weights=np.array(times, dtype=float))
    index = np.repeat(np.arange(12), times)
    repeated = Problem(
        LAW,
        problem.coordinates,
        tuple(x[index] for x in problem.log_x),
        problem.log_loss[:, index],
        np.ones(len(index)),
        problem.objective,
    )
    eye = np.eye(phi.shape[1])[None]
    weighted, plain = problem.evaluate(phi, eye), repeated.evaluate(phi, eye)
    for name in ("objective", "gradient", "hessian", "metric"):
        np.testing.assert_allclose(
            getattr(weighted, name), getattr(plain, name), rtol=1e-10, atol=1e-12
        )


def test_rows_of_a_batch_are_separate_problems():
    problem, phi, _ = pose(LAW, batch=4)
    eye = np.repeat(np.eye(phi.shape[1])[None], 4, 0)
    whole = problem.evaluate(phi, eye)
    for b in range(4):
        alone = problem.rows(np.array([b])).evaluate(phi[b : b + 1], eye[:1])
        np.testing.assert_allclose(alone.hessian[0], whole.hessian[b], rtol=1e-12, atol=1e-14)
        assert alone.objective[0] == pytest.approx(whole.objective[b], rel=1e-14)


def test_a_law_without_a_positive_value_costs_infinitely_much():
    law = law_from_formula("E - A / N**alpha")
    where = coordinates(law)
    n = np.log(np.array([1.0, 2.0, 4.0]))
    problem = Problem(law, where, (n,), np.zeros(3), np.ones(3), Squared())
    phi = where.phi(np.array([[0.1, 50.0, 0.5], [2.0, 0.5, 0.5]]))
    state = problem.evaluate(phi, np.repeat(np.eye(3)[None], 2, 0))
    assert np.isinf(problem.value(phi)[0])
    assert np.isinf(state.objective[0])
    assert np.isfinite(problem.value(phi)[1])
    assert np.isfinite(state.objective[1])


# ---------------------------------------------------------------------------- coordinates


@given(
    st.floats(0.0, 5.0),
    st.floats(1e-100, 1e100),
    st.floats(1e-5, 1e5),
    st.floats(0.0, 3.0),
    st.floats(0.0, 3.0),
)
def test_coordinates_there_and_back(floor, size, data, alpha, beta):
    theta = [floor, size, data, alpha, beta]
    where = coordinates(LAW)
    np.testing.assert_allclose(where.theta(where.phi(np.array(theta))), theta, rtol=1e-13)


def test_phi_stays_within_the_bounds():
    where = coordinates(LAW, bounds={"alpha": (0.2, 0.4), "A": (10.0, 1e3)})
    outside = np.array([-1.0, 1e9, 0.0, 7.0, -2.0])
    theta = where.theta(where.phi(outside))
    assert theta[0] == 0.0
    assert theta[1] == pytest.approx(1e3)
    assert 0 < theta[2] < 1e-290
    assert theta[3:].tolist() == [0.4, 0.0]


def test_fixed_and_tied_parameters_take_no_coordinate():
    where = coordinates(LAW, fixed={"E": 1.8}, tied=[("alpha", "beta")])
    assert where.names == ("A", "B", "alpha")
    theta = where.theta(where.phi(np.array([9.0, 5.0, 6.0, 0.3, 0.7])))
    np.testing.assert_allclose(theta, [1.8, 5.0, 6.0, 0.3, 0.3], rtol=1e-14)


def test_a_tie_is_the_same_in_either_order_and_may_have_three():
    assert coordinates(LAW, tied=[("beta", "alpha")]).size == 4
    law = LAWS["interaction"]
    where = coordinates(law, tied=[("alpha", "beta"), ("gamma", "delta"), ("beta", "gamma")])
    theta = where.theta(np.arange(1.0, 1.0 + where.size) / 10)
    shared = [theta[law.names.index(name)] for name in ("alpha", "beta", "gamma", "delta")]
    assert len(set(shared)) == 1


def test_a_tie_keeps_the_bounds_of_all_its_parameters():
    where = coordinates(
        LAW, tied=[("alpha", "beta")], bounds={"alpha": (0.1, 0.5), "beta": (0.3, 0.9)}
    )
    k = where.names.index("alpha")
    assert (where.lower[k], where.upper[k]) == (0.3, 0.5)


@pytest.mark.parametrize(
    ("constraints", "code", "field"),
    [
        ({"fixed": {"zeta": 1.0}}, "unknown_parameter", "zeta"),
        ({"tied": [("alpha", "zeta")]}, "unknown_parameter", "zeta"),
        ({"bounds": {"zeta": (0.0, 1.0)}}, "unknown_parameter", "zeta"),
        ({"fixed": {"alpha": 0.3}, "tied": [("alpha", "beta")]}, "contradiction", "alpha"),
        ({"fixed": {"beta": 0.3}, "tied": [("alpha", "beta")]}, "contradiction", "beta"),
        ({"fixed": {"alpha": 0.3}, "bounds": {"alpha": (0.1, 0.5)}}, "contradiction", "alpha"),
        ({"tied": [("A", "alpha")]}, "bad_tie", "alpha"),
        ({"tied": [("E", "A")]}, "bad_tie", "A"),
        ({"fixed": {"alpha": float("nan")}}, "bad_fixed", "alpha"),
        ({"fixed": {"alpha": float("inf")}}, "bad_fixed", "alpha"),
        ({"fixed": {"A": -3.0}}, "bad_fixed", "A"),
        ({"bounds": {"alpha": (0.5, 0.1)}}, "bad_bounds", "alpha"),
        ({"bounds": {"alpha": (0.5, 0.5)}}, "bad_bounds", "alpha"),
        ({"bounds": {"alpha": (0.1, float("nan"))}}, "bad_bounds", "alpha"),
        ({"bounds": {"A": (-2.0, -1.0)}}, "bad_bounds", "A"),
        (
            {"tied": [("alpha", "beta")], "bounds": {"alpha": (0.1, 0.2), "beta": (0.3, 0.4)}},
            "bad_bounds",
            "alpha",
        ),
        ({"fixed": CHINCHILLA}, "nothing_free", None),
    ],
)
def test_impossible_constraints(constraints, code, field):
    with pytest.raises(InputError) as caught:
        coordinates(LAW, **constraints)
    assert caught.value.code == code
    assert caught.value.where.field == field


def test_read_only_arrays_are_accepted():
    law = get_law("chinchilla")
    n, d = grid()
    loss = law.value(CHINCHILLA, {"N": n, "D": d})
    arrays = [np.log(n), np.log(d), np.log(loss), np.ones(len(loss))]
    for array in arrays:
        array.flags.writeable = False
    where = coordinates(law)
    problem = Problem(law, where, (arrays[0], arrays[1]), arrays[2], arrays[3], Huber())
    phi = where.phi(np.array([[CHINCHILLA[name] for name in law.names]]))
    phi.flags.writeable = False
    assert problem.evaluate(phi, np.eye(5)[None]).objective[0] < 1e-25
    assert replace(problem, objective=Squared()).value(phi)[0] < 1e-25
