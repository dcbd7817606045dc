"""Draws: which runs share a fate, and that the same seed gives the same digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isoloss.fitting import Huber, Squared
from isoloss.fitting import resampling as resampling_module
from isoloss.fitting.fit import inputs
from isoloss.fitting.linear import linear_view
from isoloss.fitting.resampling import cases, outside_residuals, wild
from isoloss.fitting.search import find, form
from isoloss.laws import get_law
from tests.fitting.helpers import make_points, sweep


def pose(points, law="chinchilla", objective=None, weights=None):
    law = get_law(law)
    weights = np.ones(len(points)) if weights is None else weights
    posed = form(law, inputs(points, law), points.loss, weights, objective or Huber())
    phi = find(posed).phi
    return posed.problem, phi, linear_view(posed.problem, phi)


@pytest.fixture(scope="module")
def noisy():
    points = sweep(noise=0.005, shared=0.005)
    return points, *pose(points)


# ---------------------------------------------------------------------------- residuals left out


def test_residuals_without_a_group_are_real_refits(noisy):
    points, problem, phi, view = noisy
    found = outside_residuals(problem, phi, view, points.tier)
    for tier in range(5):
        kept = points.tier != tier
        _, theta, _ = pose(points.take(kept))
        expected = problem.residuals(theta[None])[0][~kept]
        np.testing.assert_allclose(found[~kept], expected, atol=2e-4)


@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 3.0, 40)])
def test_many_groups_use_the_linear_form_which_is_exact_for_a_linear_law(monkeypatch, weights):
    points = sweep("power-n", {"A": 30.0, "alpha": 0.1}, noise=0.02)
    problem, phi, view = pose(points, "power-n", Squared(), weights)
    groups = np.arange(40) // 4
    exact = outside_residuals(problem, phi, view, groups)
    monkeypatch.setattr(resampling_module, "MOST_REFITS", 3)
    linear = outside_residuals(problem, phi, view, groups)
    np.testing.assert_allclose(linear, exact, rtol=1e-5, atol=1e-9)


def test_left_out_residuals_are_larger(noisy):
    points, problem, phi, view = noisy
    inside = problem.residuals(phi[None])[0]
    for groups in (points.tier, np.arange(40)):
        outside = outside_residuals(problem, phi, view, groups)
        assert np.sum(outside**2) > np.sum(inside**2)


def test_a_group_that_alone_decides_a_direction_is_not_inflated_without_end():
    # One run far away holds the slope by itself: its leverage is nearly one.
    sizes = np.concatenate([np.geomspace(1e9, 1.001e9, 300), [1e12]])
    rng = np.random.default_rng(0)
    loss = 30 * sizes**-0.1 * np.exp(0.01 * rng.standard_normal(301))
    problem, phi, view = pose(make_points(loss, sizes, sizes), "power-n", Squared())
    found = outside_residuals(problem, phi, view, np.arange(301))  # more groups than refits
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 1.0


def test_one_group_has_no_outside(noisy):
    _, problem, phi, view = noisy
    one = np.zeros(40, dtype=np.int64)
    inside = problem.residuals(phi[None])[0]
    np.testing.assert_allclose(outside_residuals(problem, phi, view, one), inside, atol=1e-12)


# ---------------------------------------------------------------------------- draws


@pytest.mark.parametrize("method", [wild, cases])
def test_the_same_seed_gives_the_same_digits_for_any_number_of_threads(method, noisy, monkeypatch):
    points, problem, phi, view = noisy
    monkeypatch.setattr("isoloss.fitting.solver.CHUNK_CELLS", 40 * 7)
    monkeypatch.setattr(resampling_module, "CHUNK_CELLS", 40 * 16)
    draws = [method(problem, phi, view, points.tier, 40, 5, jobs).phi for jobs in (1, 2, 3)]
    np.testing.assert_array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(draws[0], draws[2])
    other = method(problem, phi, view, points.tier, 40, 6, 1).phi
    assert not np.array_equal(other, draws[0])


@pytest.mark.parametrize("method", [wild, cases])
def test_chunks_are_independent_and_add_up(method, noisy, monkeypatch):
    _, problem, phi, view = noisy
    monkeypatch.setattr(resampling_module, "CHUNK_CELLS", 40 * 16)
    found = method(problem, phi, view, np.arange(40), 50, 0, 1)
    assert found.phi.shape == (50, 5)
    assert len(np.unique(found.phi, axis=0)) == 50  # no chunk repeats another's numbers


def test_more_runs_than_a_chunk_holds(monkeypatch):
    points = sweep("power-n", {"A": 30.0, "alpha": 0.1}, noise=0.02, sizes=300)
    problem, phi, view = pose(points, "power-n")
    monkeypatch.setattr(resampling_module, "CHUNK_CELLS", 1000)
    monkeypatch.setattr("isoloss.fitting.solver.CHUNK_CELLS", 1000)
    found = cases(problem, phi, view, np.arange(1500), 3, 0, 1)
    assert found.phi.shape == (3, 2)
    assert found.failed == 0


def test_without_residuals_wild_draws_are_the_estimate():
    points = sweep()
    problem, phi, view = pose(points)
    found = wild(problem, phi, view, points.tier, 20, 0, 1)
    np.testing.assert_allclose(found.phi, np.repeat(phi[None], 20, 0), rtol=1e-6)
    assert found.failed == 0


def test_wild_draws_move_whole_groups():
    # Two tiers off by opposite amounts: every draw keeps the runs of a tier together, so the
    # spread of the draws is that of tiers, far above that of forty independent runs.
    points = sweep(noise=0.0, shared=0.02)
    problem, phi, view = pose(points, objective=Squared())
    by_tier = wild(problem, phi, view, points.tier, 200, 0, 1).phi.std(axis=0)
    by_run = wild(problem, phi, view, np.arange(40), 200, 0, 1).phi.std(axis=0)
    assert np.all(by_tier > 1.3 * by_run)


def test_case_draws_of_a_linear_law_have_the_spread_of_least_squares():
    points = sweep("power-n", {"A": 30.0, "alpha": 0.1}, noise=0.02, sizes=40)
    problem, phi, view = pose(points, "power-n", Squared())
    found = cases(problem, phi, view, np.arange(200), 1000, 0, 1).phi
    residual = problem.residuals(phi[None])[0]
    expected = view.spread * np.sqrt(np.sum(residual**2) / 198)
    np.testing.assert_allclose(found.std(axis=0), expected, rtol=0.15)
    np.testing.assert_allclose(found.mean(axis=0), phi, atol=0.15 * expected.max())


def test_weights_are_kept_in_case_draws():
    # A run of weight 1e-9 is as good as absent, in every draw.
    points = sweep("power-n", {"A": 30.0, "alpha": 0.1}, noise=0.001)
    spoiled = points.loss.copy()
    spoiled[0] *= 10
    weights = np.ones(40)
    weights[0] = 1e-9
    problem, phi, view = pose(replace(points, loss=spoiled), "power-n", Squared(), weights)
    found = cases(problem, phi, view, np.arange(40), 50, 0, 1).phi
    assert np.abs(found[:, 1] - 0.1).max() < 0.005
