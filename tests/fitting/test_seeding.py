"""Where the search begins: evenly, from the formula, and near the optimum already."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.fitting import Huber, Squared
from isoloss.fitting.problem import Problem, coordinates
from isoloss.fitting.seeding import best, even_points, starts
from isoloss.laws import LAWS, law_from_formula
from tests.fitting.helpers import CHINCHILLA, grid, make_points, sweep

LAW = LAWS["chinchilla"]


def pose(law, points, **constraints):
    known = {"N": points.params, "D": points.tokens, "C": points.flop}
    log_x = tuple(np.log(known[name]) for name in law.variables)
    where = coordinates(law, **constraints)
    return Problem(law, where, log_x, np.log(points.loss), np.ones(len(points)), Huber())


@given(st.integers(1, 6), st.integers(1, 200))
def test_even_points_fill_the_unit_cube(dimension, count):
    points = even_points(count, dimension)
    assert points.shape == (count, dimension)
    assert np.all((points >= 0) & (points < 1))
    # Along each axis no gap is much wider than that of an equally spaced grid.
    for column in points.T:
        gaps = np.diff(np.sort(np.concatenate([[0.0], column, [1.0]])))
        assert gaps.max() <= 4.0 / count**0.5


def test_even_points_of_no_dimension():
    assert even_points(5, 0).shape == (5, 0)


def test_the_additive_recurrence_of_one_dimension_is_the_golden_one():
    golden = (np.sqrt(5) - 1) / 2
    np.testing.assert_allclose(
        even_points(9, 1)[:, 0], (0.5 + np.arange(1, 10) * golden) % 1, rtol=1e-12
    )


def test_linear_parameters_are_projected():
    # With the true exponents, variable projection alone finds E, A and B of runs without noise.
    points = sweep()
    problem = pose(LAW, points, fixed={"alpha": CHINCHILLA["alpha"], "beta": CHINCHILLA["beta"]})
    theta = problem.coordinates.theta(starts(problem, count=1)[0])
    np.testing.assert_allclose(theta, list(CHINCHILLA.values()), rtol=1e-4)


def test_starts_are_already_near():
    problem = pose(LAW, sweep(noise=0.005))
    residuals = np.abs(problem.residuals(starts(problem, keep=1)))
    assert np.median(residuals) < 0.03


def test_starts_are_ordered_distinct_and_few():
    problem = pose(LAW, sweep(noise=0.01))
    phi = starts(problem, count=64, keep=12)
    value = problem.value(phi)
    assert phi.shape == (12, 5)
    assert np.all(np.diff(value) >= 0)
    assert len(np.unique(value)) == 12
    np.testing.assert_array_equal(phi, starts(problem, count=64, keep=12))


@settings(max_examples=20)
@given(st.floats(0.05, 0.5), st.floats(0.6, 2.0), st.integers(0, 1000))
def test_projection_never_gives_a_negative_scale_or_floor(low, high, seed):
    n, d = grid()
    loss = np.exp(np.random.default_rng(seed).normal(size=40))  # no law: any sign may come out
    problem = pose(LAW, make_points(loss, n, d), bounds={"alpha": (low, high)})
    theta = problem.coordinates.theta(starts(problem))
    assert np.all(theta[:, :3] >= 0)
    assert np.all((theta[:, 3] >= low) & (theta[:, 3] <= high))


def test_projection_is_non_negative_least_squares():
    from scipy.optimize import nnls

    n, d = grid()
    loss = np.exp(np.random.default_rng(1).normal(size=40))
    problem = pose(LAW, make_points(loss, n, d), fixed={"alpha": 0.2, "beta": 0.6})
    theta = problem.coordinates.theta(starts(problem, count=1)[0])
    design = np.stack([np.ones(40), n**-0.2, d**-0.6], axis=1) / loss[:, None]
    expected = nnls(design, np.ones(40))[0]
    np.testing.assert_allclose(theta[:3], expected, rtol=1e-4, atol=1e-6)


def test_scales_inside_a_power_are_placed_where_each_term_matters():
    law = LAWS["kaplan"]  # N_c and D_c do not enter linearly
    points = sweep("kaplan", LAWS["kaplan"].published[0].values)
    problem = pose(law, points)
    phi = starts(problem)
    assert len(phi) == 12
    level = np.exp(problem.log_loss).mean()
    values = np.exp(problem.log_loss - problem.residuals(phi))
    assert np.all((values.mean(axis=1) > 0.1 * level) & (values.mean(axis=1) < 10 * level))


# Laws with an inner form are searched in its parameters; see test_search.
@pytest.mark.parametrize("name", [n for n, law in LAWS.items() if law.inner is None])
def test_every_law_has_starts(name):
    law = LAWS[name]
    points = sweep(noise=0.01)
    known = {"N": points.params, "D": points.tokens, "C": points.flop, "U": points.tokens / 4}
    known["S"] = points.tokens / 1e6
    problem = Problem(
        law,
        coordinates(law),
        tuple(np.log(known[v]) for v in law.variables),
        np.log(points.loss),
        np.ones(40),
        Squared(),
    )
    phi = starts(problem)
    assert len(phi) >= 1
    assert np.isfinite(problem.value(phi)).all()


def test_starts_without_a_value_are_left_out():
    law = law_from_formula("E - A / N**alpha")
    points = sweep()
    problem = pose(law, points)
    phi = problem.coordinates.phi(np.array([[0.1, 1e9, 0.1], [3.0, 0.1, 0.5]]))
    assert len(best(problem, phi, 5)) == 1
