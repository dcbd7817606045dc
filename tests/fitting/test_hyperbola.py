"""The hyperbola of steps and tokens: exact cases, symmetries, coverage, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import fit_hyperbola

BATCHES = 2.0 ** np.arange(14, 22)


def steps_of(batch, steps_min=1000.0, crit=2.0**17, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    clean = steps_min * (1 + crit / batch)
    return clean * np.exp(noise * rng.standard_normal(len(batch)))


def test_mccandlish_by_digits():
    """S_min 1000 and E_min 1e6 give 11000, 2000 and 1100 steps; and back."""
    batch, steps = np.array([100.0, 1000.0, 10_000.0]), np.array([11_000.0, 2000.0, 1100.0])
    found = fit_hyperbola(batch, steps)
    assert found.steps_min.estimate == pytest.approx(1000.0, rel=1e-9)
    assert found.tokens_min.estimate == pytest.approx(1e6, rel=1e-9)
    assert found.batch_crit.estimate == pytest.approx(1000.0, rel=1e-9)
    for b, s, e in zip(batch, steps, (1.1e6, 2e6, 1.1e7), strict=True):
        assert found.steps_at(b).estimate == pytest.approx(s)
        assert found.tokens_at(b).estimate == pytest.approx(e)
        product = (s / found.steps_min.estimate - 1) * (e / found.tokens_min.estimate - 1)
        assert product == pytest.approx(1.0, abs=1e-8)


@settings(max_examples=50, deadline=None)
@given(
    least=st.floats(10, 1e6),
    place=st.floats(0.05, 0.95),
    unit=st.floats(1e-3, 1e6),
    faster=st.floats(0.1, 10),
)
def test_units_of_batch_and_steps_only_change_units(least, place, unit, faster):
    crit = math.exp(np.log(BATCHES[0]) + place * np.log(BATCHES[-1] / BATCHES[0]))
    steps = steps_of(BATCHES, least, crit, noise=0.02)
    one = fit_hyperbola(BATCHES, steps, draws=0)
    other = fit_hyperbola(unit * BATCHES, faster * steps, draws=0)
    assert other.batch_crit.estimate == pytest.approx(unit * one.batch_crit.estimate, rel=1e-6)
    assert other.steps_min.estimate == pytest.approx(faster * one.steps_min.estimate, rel=1e-6)
    clean = fit_hyperbola(BATCHES, steps_of(BATCHES, least, crit), draws=0)
    assert clean.batch_crit.estimate == pytest.approx(crit, rel=1e-7)
    assert math.isnan(clean.batch_crit.lo), "without draws there is no interval"


def test_it_is_the_least_squares_solution():
    from scipy.optimize import least_squares

    steps = steps_of(BATCHES, noise=0.1, seed=3)
    found = fit_hyperbola(BATCHES, steps, draws=0)
    direct = least_squares(
        lambda p: p[0] + np.log1p(np.exp(p[1]) / BATCHES) - np.log(steps),
        [7.0, 11.0],
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
    )
    assert math.log(found.steps_min.estimate) == pytest.approx(direct.x[0], abs=1e-6)
    assert math.log(found.batch_crit.estimate) == pytest.approx(direct.x[1], abs=1e-6)
    assert found.rms_log**2 == pytest.approx(2 * direct.cost / (len(steps) - 2), rel=1e-6)


def test_the_order_of_runs_and_repeats_do_not_matter():
    batch = np.repeat(BATCHES, 2)
    steps = steps_of(batch, noise=0.05)
    order = np.random.default_rng(1).permutation(len(batch))
    one = fit_hyperbola(batch, steps, draws=0)
    other = fit_hyperbola(batch[order], steps[order], draws=0)
    assert other.batch_crit.estimate == pytest.approx(one.batch_crit.estimate, rel=1e-9)
    again = fit_hyperbola(batch, steps, draws=50)
    assert again.batch_crit == fit_hyperbola(batch, steps, draws=50).batch_crit


@pytest.mark.parametrize(
    ("batches", "noise", "laplace"),
    [(8, 0.03, False), (8, 0.1, False), (5, 0.05, False), (8, 0.05, True)],
)
def test_intervals_cover_as_often_as_they_say(batches, noise, laplace):
    """90 % of 200 tables, +- 3.5 standard errors; benchmarks/batch_coverage.py has more."""
    batch = np.geomspace(2**14, 2**21, batches)
    truth = np.array([1000.0, 1000.0 * 2**17, 2.0**17])
    covered, tried = np.zeros(3), 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        normal, other = rng.standard_normal(batches), rng.laplace(0, math.sqrt(0.5), batches)
        steps = steps_of(batch) * np.exp(noise * (other if laplace else normal))
        found = fit_hyperbola(batch, steps, draws=300, seed=seed)
        quantities = (found.steps_min, found.tokens_min, found.batch_crit)
        covered += [q.lo <= t <= q.hi for q, t in zip(quantities, truth, strict=True)]
        tried += 1
    assert np.all(covered / tried >= 0.90 - 3.5 * math.sqrt(0.9 * 0.1 / tried))
    assert np.all(covered / tried <= 0.90 + 3.5 * math.sqrt(0.9 * 0.1 / tried))


@pytest.mark.parametrize(
    ("batch", "steps", "code", "word"),
    [
        (BATCHES[:2], steps_of(BATCHES[:2]), "too_few_batches", "at least 3"),
        (np.full(9, 1e6), np.full(9, 1e3), "too_few_batches", "1 different"),
        (BATCHES, steps_of(BATCHES, crit=2.0**30), "not_bracketed", "above it"),
        (BATCHES, steps_of(BATCHES, crit=2.0**5), "not_bracketed", "below it"),
        (BATCHES, 1e3 * BATCHES, "not_bracketed", "below it"),
        (BATCHES, np.full(8, 1e3), "not_bracketed", "below it"),
    ],
)
def test_what_the_runs_cannot_show_is_refused(batch, steps, code, word):
    with pytest.raises(EvidenceError) as caught:
        fit_hyperbola(batch, steps)
    assert caught.value.code == code
    assert word in caught.value.message
    assert caught.value.hint


def test_an_interval_without_an_end_is_open():
    batch = np.array([2.0**16, 2.0**17, 2.0**18])
    steps = np.array([3300.0, 1600.0, 1480.0])
    found = fit_hyperbola(batch, steps, draws=500)
    assert found.batch_crit.hi > found.batch_crit.estimate > found.batch_crit.lo >= 0.0
    assert math.isinf(found.batch_crit.hi)
    assert found.steps_min.lo == 0.0


@pytest.mark.parametrize(
    ("batch", "steps", "field"),
    [
        ([1e5, -1.0, 1e6], [1e3, 1e3, 1e3], "batch_tokens"),
        ([1e5, 2e5, 1e6], [1e3, 0.0, 1e3], "steps"),
        ([1e5, 2e5, 1e6], [1e3, float("nan"), 1e3], "steps"),
        ([1e5, 2e5, float("inf")], [1e3, 1e3, 1e3], "batch_tokens"),
        ([1e5, 2e5], [1e3, 1e3, 1e3], "steps"),
    ],
)
def test_bad_input_names_the_column(batch, steps, field):
    with pytest.raises(InputError) as caught:
        fit_hyperbola(np.array(batch), np.array(steps))
    assert caught.value.where.field == field
