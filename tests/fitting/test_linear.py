"""The linear view of a fit against ordinary least squares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isoloss.fitting import Squared
from isoloss.fitting.fit import inputs
from isoloss.fitting.linear import cook_distance, linear_view, noise_level
from isoloss.fitting.search import FREE, Constraints, find, form
from isoloss.laws import get_law
from tests.fitting.helpers import make_points, sweep

SIZES = np.geomspace(1e7, 1e10, 30)


def pose(law, points, weights=None, constraints=FREE):
    law = get_law(law)
    weights = np.ones(len(points)) if weights is None else weights
    return form(law, inputs(points, law), points.loss, weights, Squared(), constraints)


def line(seed=0, weights=None):
    """A power law: linear in log A and alpha, so that ordinary least squares is exact."""
    rng = np.random.default_rng(seed)
    loss = 30 * SIZES**-0.1 * np.exp(0.02 * rng.standard_normal(30))
    posed = pose("power-n", make_points(loss, SIZES, 20 * SIZES), weights)
    design = np.stack([np.ones(30), -np.log(SIZES)], axis=1)
    return posed, find(posed).phi, design


@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 3.0, 30)])
def test_standard_errors_and_leverage_are_those_of_least_squares(weights):
    posed, phi, design = line(weights=weights)
    view = linear_view(posed.problem, phi)
    relative = np.ones(30) if weights is None else weights / weights.mean()
    weighted = design * np.sqrt(relative)[:, None]
    inverse = np.linalg.inv(weighted.T @ weighted)
    np.testing.assert_allclose(view.spread, np.sqrt(np.diag(inverse)), rtol=1e-9)
    hat = weighted @ inverse @ weighted.T
    np.testing.assert_allclose(view.leverage, np.diag(hat), rtol=1e-9)
    assert view.leverage.sum() == pytest.approx(2.0)
    scaled = weighted / np.linalg.norm(weighted, axis=0)
    assert view.condition_number == pytest.approx(np.linalg.cond(scaled), rel=1e-9)


@pytest.mark.parametrize("unit", [1e-30, 1e-4, 1e8])
def test_the_unit_of_the_weights_does_not_matter(unit):
    weights = np.linspace(0.5, 3.0, 30)
    views = []
    for factor in (1.0, unit):
        posed, phi, _ = line(weights=factor * weights)
        view = linear_view(posed.problem, phi)
        noise = noise_level(posed.problem, phi)
        cook = cook_distance(posed.problem, phi, view)
        views.append(np.concatenate([view.spread, view.leverage, [noise], cook]))
    np.testing.assert_allclose(*views, rtol=1e-6)


def test_cook_distance_is_how_far_a_run_moves_the_fit():
    posed, phi, design = line()
    problem = posed.problem
    view = linear_view(problem, phi)
    noise = noise_level(problem, phi)
    for run in (0, 7, 29):
        kept = np.arange(30) != run
        without = np.linalg.lstsq(design[kept], problem.log_loss[kept], rcond=None)[0]
        shift = design @ (without - np.array([phi[0], phi[1]]))
        expected = shift @ shift / (2 * noise**2)
        assert cook_distance(problem, phi, view)[run] == pytest.approx(expected, rel=1e-5)


def test_an_outlier_at_the_edge_has_the_most_influence():
    loss = 30 * SIZES**-0.1 * np.exp(0.002 * np.random.default_rng(0).standard_normal(30))
    loss[29] *= 1.05
    posed = pose("power-n", make_points(loss, SIZES, 20 * SIZES))
    phi = find(posed).phi
    cook = cook_distance(posed.problem, phi, linear_view(posed.problem, phi))
    assert np.argmax(cook) == 29
    assert cook[29] > 4 * np.sort(cook)[-2]


def test_noise_level_finds_the_noise():
    rng = np.random.default_rng(0)
    points = sweep(sizes=40, budgets=10)
    loss = points.loss * np.exp(0.01 * rng.standard_normal(400))
    loss[:40] *= 1.5  # a tenth of the runs diverged: the median does not care
    posed = pose("chinchilla", replace(points, loss=loss))
    truth = find(pose("chinchilla", points)).phi
    assert noise_level(posed.problem, truth) == pytest.approx(0.011, rel=0.12)


def test_a_bounded_coordinate_has_no_spread_and_a_flat_one_has_no_end():
    points = sweep(noise=0.01)
    held = pose("chinchilla", points, constraints=Constraints({}, (), {"E": (0.0, 1.5)}))
    view = linear_view(held.problem, find(held).phi)
    assert not view.free[0]
    assert view.spread[0] == 0.0
    assert np.all(view.spread[1:] > 0)

    constant = replace(points, params=np.full(40, 1e9))
    flat = pose("chinchilla", constant)
    spread = linear_view(flat.problem, find(flat).phi).spread
    names = flat.problem.coordinates.names
    assert {n for n, s in zip(names, spread, strict=True) if np.isinf(s)} == {"E", "A", "alpha"}


def test_a_perfect_fit_at_a_bound_has_no_noise_and_no_influence():
    # E = 0 is the truth: all residuals are rounding, and nothing may be divided by zero.
    from tests.fitting.helpers import CHINCHILLA

    posed = pose("chinchilla", sweep(theta={**CHINCHILLA, "E": 0.0}))
    phi = find(posed).phi
    cook = cook_distance(posed.problem, phi, linear_view(posed.problem, phi))
    assert np.isfinite(cook).all()


def test_the_noise_of_a_fit_through_most_runs_is_that_of_the_others():
    from isoloss.fitting import Huber

    rng = np.random.default_rng(1)
    points = sweep(sizes=8, budgets=1, noise=0.0)
    loss = points.loss * np.exp(0.05 * rng.standard_normal(8))
    law = get_law("chinchilla")
    held = Constraints({"E": 1.8}, (), {})
    points = replace(points, loss=loss)
    posed = form(law, inputs(points, law), loss, np.ones(8), Huber(1e-5), held)
    phi = find(posed).phi
    size = np.sort(np.abs(posed.problem.residuals(phi[None])[0]))
    assert noise_level(posed.problem, phi) == pytest.approx(1.4826 * np.median(size[4:]))
    assert size[2] < 1e-3 < size[4]
