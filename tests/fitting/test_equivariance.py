"""What must not change when only names, units or the order of runs do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.fitting import Fit, Huber, Squared, StudentT, fit
from tests.fitting.helpers import make_points, sweep

FEW = settings(max_examples=5)
SEEDS = st.integers(0, 1000)
FACTORS = st.floats(-3, 3).map(lambda x: 10.0**x)
OBJECTIVES = st.sampled_from([Huber(1e-3), Squared(), StudentT(5e-3, 4.0)])


def plain(points, **options) -> Fit:
    return fit(points, ci="none", **options)


def assert_close(found, expected, rel=1e-5):
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=rel), name


@FEW
@given(SEEDS, FACTORS, OBJECTIVES)
def test_counting_params_in_another_unit_changes_their_prefactor_alone(seed, unit, objective):
    points = sweep(noise=0.01, seed=seed)
    one = plain(points, objective=objective)
    two = plain(replace(points, params=unit * points.params), objective=objective)
    expected = {**one.estimate, "A": one.estimate["A"] * unit ** one.estimate["alpha"]}
    assert_close(two.estimate, expected)
    assert two.objective_value == pytest.approx(one.objective_value, rel=1e-9)
    assert two.status == one.status


@FEW
@given(SEEDS, FACTORS)
def test_counting_tokens_in_another_unit_changes_their_prefactor_alone(seed, unit):
    points = sweep(noise=0.01, seed=seed)
    one = plain(points)
    two = plain(replace(points, tokens=unit * points.tokens))
    assert_close(
        two.estimate, {**one.estimate, "B": one.estimate["B"] * unit ** one.estimate["beta"]}
    )


@FEW
@given(SEEDS, FACTORS, OBJECTIVES)
def test_another_unit_of_the_loss_scales_what_has_that_unit(seed, unit, objective):
    points = sweep(noise=0.01, seed=seed)
    one = plain(points, objective=objective)
    two = plain(replace(points, loss=unit * points.loss), objective=objective)
    scaled = {name: unit * one.estimate[name] for name in ("E", "A", "B")}
    assert_close(two.estimate, {**one.estimate, **scaled})
    np.testing.assert_allclose(two.residuals, one.residuals, atol=1e-7)


@FEW
@given(SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_the_runs_does_not_matter(seed, random):
    points = sweep(noise=0.01, seed=seed)
    order = np.arange(40)
    random.shuffle(order)
    one, two = plain(points), plain(points.take(order))
    assert two.objective_value == pytest.approx(one.objective_value, rel=1e-9)
    assert_close(two.estimate, one.estimate, rel=1e-6)
    np.testing.assert_allclose(two.residuals, one.residuals[order], atol=1e-9)
    np.testing.assert_allclose(two.leverage, one.leverage[order], atol=1e-6)


@FEW
@given(SEEDS, OBJECTIVES)
def test_params_and_tokens_may_change_places(seed, objective):
    points = sweep(noise=0.01, seed=seed)
    one = plain(points, objective=objective)
    two = plain(replace(points, params=points.tokens, tokens=points.params), objective=objective)
    swapped = {"A": "B", "B": "A", "alpha": "beta", "beta": "alpha", "E": "E"}
    assert_close(two.estimate, {other: one.estimate[name] for name, other in swapped.items()})


@FEW
@given(SEEDS, st.integers(2, 6))
def test_every_run_several_times_is_the_same_fit(seed, times):
    points = sweep(noise=0.01, seed=seed)
    one, many = plain(points), plain(points.take(np.tile(np.arange(40), times)))
    assert many.objective_value == pytest.approx(times * one.objective_value, rel=1e-9)
    assert_close(many.estimate, one.estimate)


@FEW
@given(SEEDS, st.floats(-6, 6).map(lambda x: 10.0**x))
def test_the_unit_of_the_weights_changes_the_objective_alone(seed, unit):
    points = sweep(noise=0.01, seed=seed)
    weights = np.random.default_rng(seed).uniform(0.5, 2.0, 40)
    one, two = plain(points, weights=weights), plain(points, weights=unit * weights)
    assert two.objective_value == pytest.approx(unit * one.objective_value, rel=1e-9)
    assert_close(two.estimate, one.estimate)
    assert_close(two.spread, one.spread, rel=1e-4)
    assert two.status_message == one.status_message


def test_intervals_follow_the_units_too():
    points = sweep(noise=0.01, shared=0.005)
    one = fit(points, draws=100)
    scaled = replace(points, loss=1000 * points.loss, params=1e-6 * points.params)
    two = fit(scaled, draws=100)
    for name in ("alpha", "beta"):
        np.testing.assert_allclose(
            two.draws[:, one.law.names.index(name)],
            one.draws[:, one.law.names.index(name)],
            rtol=1e-3,
        )
    np.testing.assert_allclose(two.draws[:, 0], 1000 * one.draws[:, 0], rtol=1e-3)


@pytest.mark.parametrize("law", ["coupled", "farseer", "kaplan"])
def test_other_laws_do_not_mind_the_unit_of_the_loss_either(law):
    points = sweep(noise=0.01, sizes=10, budgets=6)
    one, two = plain(points, law=law), plain(replace(points, loss=points.loss / 4), law=law)
    assert two.objective_value == pytest.approx(one.objective_value, rel=1e-6)
    np.testing.assert_allclose(two.residuals, one.residuals, atol=1e-5)


def test_a_law_in_one_variable_does_not_look_at_the_others():
    points = sweep(noise=0.01)
    alone = make_points(points.loss, points.params)
    assert_close(plain(points, law="floor-n").estimate, plain(alone, law="floor-n").estimate, 1e-12)
