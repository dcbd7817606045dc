"""Schedules: their values at the steps that matter, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.errors import InputError
from isoloss.laws.schedules import constant, cosine, exponential_decay, linear_decay, two_stage

PEAK, FINAL, TOTAL, WARM = 3e-4, 3e-5, 1000, 100


def test_every_schedule_warms_up_in_a_straight_line():
    for lr in (
        constant(PEAK, TOTAL, WARM),
        cosine(PEAK, FINAL, TOTAL, WARM),
        exponential_decay(PEAK, FINAL, TOTAL, WARM, 800),
        linear_decay(PEAK, FINAL, TOTAL, WARM, 800),
        two_stage(PEAK, FINAL, TOTAL, WARM, 800),
    ):
        assert lr.shape == (TOTAL,)
        assert lr[0] == 0
        assert lr[WARM - 1] == PEAK
        np.testing.assert_allclose(np.diff(lr[:WARM]), PEAK / (WARM - 1), rtol=1e-12)


def test_a_constant_stays():
    assert np.all(constant(PEAK, TOTAL, WARM)[WARM:] == PEAK)


def test_a_cosine_is_halfway_in_the_middle():
    lr = cosine(PEAK, FINAL, TOTAL, WARM)
    assert lr[WARM] == PEAK
    assert lr[WARM + 450] == pytest.approx((PEAK + FINAL) / 2, rel=1e-12)
    assert FINAL < lr[-1] < 1.0001 * FINAL


def test_an_exponential_decay_is_at_the_geometric_mean_in_the_middle():
    lr = exponential_decay(PEAK, FINAL, TOTAL, WARM, 800)
    assert lr[800] == PEAK
    assert lr[900] == pytest.approx(np.sqrt(PEAK * FINAL), rel=1e-12)


def test_a_linear_decay_is_at_the_mean_in_the_middle():
    lr = linear_decay(PEAK, FINAL, TOTAL, WARM, 800)
    assert lr[800] == PEAK
    assert lr[900] == pytest.approx((PEAK + FINAL) / 2, rel=1e-12)


def test_two_stages_have_one_step_between_them():
    lr = two_stage(PEAK, FINAL, TOTAL, WARM, 800)
    assert lr[799] == PEAK
    assert np.all(lr[800:] == FINAL)


def test_without_warmup_the_first_step_has_the_peak():
    assert np.all(constant(PEAK, 5, 0) == PEAK)


@pytest.mark.parametrize("peak", [0.0, -1e-4, np.inf, np.nan])
def test_a_peak_must_be_positive(peak):
    with pytest.raises(InputError, match="positive learning rate"):
        constant(peak, TOTAL, WARM)


@pytest.mark.parametrize(("total", "warm"), [(100, 100), (100, 101), (100, -1)])
def test_steps_must_be_in_order(total, warm):
    with pytest.raises(InputError, match="warm-up <= change < total"):
        constant(PEAK, total, warm)


def test_a_decay_may_not_begin_in_the_warmup():
    with pytest.raises(InputError, match="change at 50"):
        linear_decay(PEAK, FINAL, TOTAL, WARM, 50)


def test_an_exponential_cannot_reach_zero():
    with pytest.raises(InputError, match='"final"'):
        exponential_decay(PEAK, 0.0, TOTAL, WARM, 800)
