"""Profile intervals against theory where there is one, and against the bootstrap where not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.fitting import Huber, Squared, StudentT, fit
from isoloss.fitting.fit import inputs
from isoloss.fitting.profile import deviance_scale
from isoloss.fitting.search import find, form
from isoloss.laws import get_law
from tests.fitting.helpers import CHINCHILLA, make_points, sweep


def line(count, seed=0, noise=0.02):
    n = np.geomspace(1e7, 1e10, count)
    rng = np.random.default_rng(seed)
    return make_points(30 * n**-0.1 * np.exp(noise * rng.standard_normal(count)), n, 20 * n)


@settings(max_examples=8)
@given(st.integers(4, 40), st.sampled_from([0.5, 0.9, 0.99]), st.integers(0, 1000))
def test_least_squares_of_a_power_law_has_students_intervals(count, level, seed):
    # log L = log A - alpha log N is linear in log A and alpha: the intervals are known exactly.
    from scipy.special import stdtrit

    points = line(count, seed)
    found = fit(points, "power-n", objective=Squared(), ci="profile", level=level)
    design = np.stack([np.ones(count), -np.log(points.params)], axis=1)
    best, square, *_ = np.linalg.lstsq(design, np.log(points.loss), rcond=None)
    error = np.sqrt(square[0] / (count - 2) * np.diag(np.linalg.inv(design.T @ design)))
    half = stdtrit(count - 2, 0.5 + level / 2) * error
    for i, (name, move) in enumerate([("A", np.log), ("alpha", float)]):
        quantity = found.parameters[name]
        assert move(quantity.estimate) == pytest.approx(best[i], rel=1e-7)
        assert move(quantity.lo) == pytest.approx(best[i] - half[i], abs=1e-6 * half[i])
        assert move(quantity.hi) == pytest.approx(best[i] + half[i], abs=1e-6 * half[i])
        assert quantity.level == level


def test_a_mean_has_students_interval():
    from scipy.special import stdtrit

    points = line(12)
    found = fit(points, "A * N**-0.1", objective=Squared(), ci="profile").parameters["A"]
    level = np.log(points.loss) + 0.1 * np.log(points.params)
    half = stdtrit(11, 0.95) * level.std(ddof=1) / np.sqrt(12)
    assert np.log(found.lo) == pytest.approx(level.mean() - half, abs=1e-6 * half)
    assert np.log(found.hi) == pytest.approx(level.mean() + half, abs=1e-6 * half)


@pytest.mark.parametrize("objective", [Huber(1e-3), Squared(), StudentT(0.02, 4.0)])
def test_chinchilla_is_close_to_the_bootstrap_of_runs(objective):
    points = sweep(noise=0.01, sizes=16, budgets=8)
    profile = fit(points, objective=objective, ci="profile")
    draws = fit(points, objective=objective, ci="run", draws=400)
    for name in ("E", "alpha", "beta"):
        one, two = profile.parameters[name], draws.parameters[name]
        width = two.hi - two.lo
        assert one.hi - one.lo == pytest.approx(width, rel=0.3), name
        assert one.lo == pytest.approx(two.lo, abs=0.2 * width), name
        assert one.hi == pytest.approx(two.hi, abs=0.2 * width), name


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_the_unit_of_the_weights_does_not_matter(unit):
    points, weights = line(20), np.linspace(0.5, 2.0, 20)
    one = fit(points, "power-n", ci="profile", weights=weights).parameters
    two = fit(points, "power-n", ci="profile", weights=unit * weights).parameters
    for name in one:
        assert two[name].lo == pytest.approx(one[name].lo, rel=1e-6)
        assert two[name].hi == pytest.approx(one[name].hi, rel=1e-6)


def test_an_interval_stops_at_a_bound():
    points = sweep(noise=0.02)
    found = fit(points, ci="profile", bounds={"alpha": (0.0, 0.36)})
    assert found.parameters["alpha"].hi == 0.36
    assert found.parameters["alpha"].lo < 0.36
    floorless = sweep(theta={**CHINCHILLA, "E": 0.0}, noise=0.02, seed=3)
    found = fit(floorless, ci="profile", objective=Squared(), fixed={"beta": 0.3672})
    assert found.parameters["E"].lo == 0.0
    assert found.parameters["E"].hi > 0.0


def test_what_is_not_searched_has_no_interval():
    points = sweep(noise=0.01)
    found = fit(points, ci="profile", fixed={"E": 1.8}, tied=[("alpha", "beta")]).parameters
    for name in ("E", "beta"):
        assert np.isnan(found[name].lo)
        assert np.isnan(found[name].hi)
    assert found["E"].estimate == 1.8
    assert found["alpha"].lo < found["alpha"].estimate < found["alpha"].hi


def test_the_scale_of_least_squares_is_the_variance():
    points = line(30)
    law = get_law("power-n")
    posed = form(law, inputs(points, law), points.loss, np.ones(30), Squared())
    phi = find(posed).phi
    residual = posed.problem.residuals(phi[None])[0]
    assert deviance_scale(posed.problem, phi) == pytest.approx(np.sum(residual**2) / 28, rel=1e-6)
