"""The structure test: it names what is there, and is quiet where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isoloss as iso
from isoloss.fitting.fit import inputs
from isoloss.validation.refits import pose
from isoloss.validation.trends import fifths, find_trends, holm, in_words, p_of_trend, robust_mean
from tests.validation.simulate import sweep

N, TIERS = 120, 12


@pytest.fixture(scope="module")
def plain():
    """Axis, tangent of a constant and a line, groups."""
    rng = np.random.default_rng(0)
    axis = np.exp(rng.uniform(0, 5, N))
    lines = np.stack([np.ones(N), np.log(axis)], axis=1)
    tangent = np.linalg.qr(lines)[0]
    return axis, tangent, np.arange(N) % TIERS


def test_bow_that_the_law_cannot_follow_is_found_and_named(plain):
    axis, tangent, groups = plain
    noise = 0.003 * np.random.default_rng(1).standard_normal(N)
    bow = 0.03 * (np.log(axis) / 5 - 0.5) ** 2 * 4 - 0.01
    trend = find_trends(bow + noise, tangent, groups, {"D": axis})[0]
    assert trend.is_systematic
    assert trend.p_value < 1e-6
    assert trend.small == pytest.approx(trend.large, abs=0.006)
    assert trend.middle < -0.005
    assert trend.sentence.startswith("misses ")
    assert "large D by +" in trend.sentence


def test_what_the_law_could_follow_is_no_trend(plain):
    axis, tangent, groups = plain
    noise = 0.003 * np.random.default_rng(2).standard_normal(N)
    slope = 0.02 * np.log(axis)
    alone, with_slope = (
        p_of_trend(residuals, tangent, groups, axis) for residuals in (noise, noise + slope)
    )
    assert with_slope == pytest.approx(alone, rel=1e-5)


def test_outliers_do_not_make_a_trend(plain):
    axis, tangent, groups = plain
    noise = 0.003 * np.random.default_rng(3).standard_normal(N)
    noise[np.argmax(axis)] = 0.5
    assert p_of_trend(noise, tangent, groups, axis) > 0.05


def test_nothing_is_said_where_nothing_can_be(plain):
    axis, tangent, groups = plain
    noise = np.random.default_rng(4).standard_normal(N)
    assert np.isnan(p_of_trend(noise, tangent, groups % 3, axis))
    assert np.isnan(p_of_trend(noise, tangent, groups, np.ones(N)))
    assert np.isnan(p_of_trend(np.zeros(N), tangent, groups, axis))
    found = find_trends(noise, tangent, groups % 3, {"D": axis})[0]
    assert found.sentence == "D cannot be tested"
    assert not found.is_systematic


def test_significant_but_tiny_is_not_called_systematic(plain):
    axis, tangent, groups = plain
    rng = np.random.default_rng(5)
    bow = 1e-5 * np.log(axis) ** 2
    # Large errors in the middle hide nothing of a smooth bow in the others.
    noise = 1e-6 * rng.standard_normal(N)
    noise[::10] = 0.05 * rng.choice([-1, 1], N // 10)
    found = find_trends(bow + noise, tangent, groups, {"D": axis})[0]
    assert found.p_adjusted < 0.05
    assert not found.is_systematic
    assert found.sentence == "no trend with D that matters"


def test_false_alarms_are_rare_for_errors_that_tiers_share():
    """At a nominal 5 % per variable: 35 sweeps with 7 tiers from the law that is fitted."""
    base = iso.fit(sweep(noise=0.0, shared=0.0), ci="none")
    points, law = base.points, base.law.value(base.theta, inputs(base.points, base.law))
    groups = points.clusters("tier")
    axes = {"C": points.flop, "N": points.params, "D": points.tokens}
    rng = np.random.default_rng(6)
    alarms: list[bool] = []
    for _ in range(35):
        error = rng.normal(0, 0.003, len(points)) + rng.normal(0, 0.003, 7)[groups]
        fitted = iso.fit(replace(points, loss=law * np.exp(error)), ci="none", jobs=1)
        rows = pose(fitted).view.rows
        alarms += [p_of_trend(fitted.residuals, rows, groups, v) < 0.05 for v in axes.values()]
    assert np.mean(alarms) < 0.10


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), min_size=1, max_size=6))
def test_holm_keeps_order_and_never_lowers(p_values):
    adjusted = holm(p_values)
    for name, p in p_values.items():
        assert p <= adjusted[name] <= min(1.0, p * len(p_values)) or adjusted[name] >= p
        for other, q in p_values.items():
            assert p > q or adjusted[name] <= adjusted[other]


def test_holm_by_hand():
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": float("nan")})
    assert adjusted["a"] == pytest.approx(0.03)
    assert adjusted["c"] == pytest.approx(0.06)
    assert adjusted["b"] == pytest.approx(0.06)
    assert np.isnan(adjusted["d"])


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ((0.02, -0.001, 0.004), "misses small D by +2.0 %"),
        ((0.0, -0.0042, 0.003), "misses middle D by -0.42 % and large D by +0.30 %"),
        ((-0.031, 0.024, -0.008), "misses small D by -3.1 % and middle D by +2.4 %"),
    ],
)
def test_words(parts, sentence):
    assert in_words("D", parts) == sentence


def test_order_of_runs_has_words_of_its_own():
    assert in_words("order", (0.0, 0.0, 0.013)) == "misses late runs by +1.3 %"


def test_fifths_of_few_values_do_not_depend_on_the_order_of_runs():
    rng = np.random.default_rng(7)
    values, residuals = rng.choice([1.0, 2.0, 3.0], 30), rng.normal(0, 0.01, 30)
    shuffled = rng.permutation(30)
    assert fifths(residuals, values) == pytest.approx(fifths(residuals[shuffled], values[shuffled]))


def test_fifths_and_robust_mean():
    values = np.arange(1.0, 51.0)
    residuals = np.where(values <= 10, np.log(1.02), 0.0)
    small, middle, large = fifths(residuals, values)
    assert small == pytest.approx(0.02)
    assert (middle, large) == (0.0, 0.0)
    assert robust_mean(np.array([1.0, 2.0, 3.0])) == pytest.approx(2.0)
    assert robust_mean(np.array([1.0, 1.1, 0.9, 1.05, 0.95, 50.0])) == pytest.approx(1.0, abs=0.1)
    assert robust_mean(np.zeros(4)) == 0.0
