"""The multi-power law: against a direct sum over all steps, its derivatives, its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.laws.multipower import NAMES, PUBLISHED, gradient, loss_curve, passage
from isoloss.laws.schedules import constant, cosine, exponential_decay, two_stage

THETA = dict(PUBLISHED[0].values)
SCHEDULES = {
    "constant": constant(3e-4, 3000, 300),
    "cosine": cosine(3e-4, 3e-5, 3000, 300),
    "to zero": cosine(3e-4, 0.0, 3000, 300),
    "wsd": exponential_decay(3e-4, 3e-5, 3000, 300, 2000),
    "two stages": two_stage(3e-4, 9e-5, 3000, 300, 1000),
    "up again": np.concatenate([two_stage(3e-4, 9e-5, 2000, 300, 1000), np.full(1000, 3e-4)]),
}
STEPS = np.array([1, 5, 299, 300, 301, 1000, 1001, 1999, 2000, 2001, 2999])


def direct(theta, lr, step):
    """The law as it is written: a sum over every change of the learning rate."""
    spent = np.cumsum(lr)
    loss = theta["L0"] + theta["A"] * spent[step] ** -theta["alpha"]
    for k in range(1, step + 1):
        if lr[k] == lr[k - 1]:
            continue
        with np.errstate(divide="ignore"):
            x = theta["C"] * lr[k] ** -theta["gamma"] * (spent[step] - spent[k - 1])
        gain = 1.0 if lr[k] == 0 else 1 - (1 + x) ** -theta["beta"]
        loss += theta["B"] * (lr[k] - lr[k - 1]) * gain
    return loss


@pytest.mark.parametrize("name", SCHEDULES)
def test_blocks_of_changes_give_the_direct_sum(name):
    lr = SCHEDULES[name]
    expected = [direct(THETA, lr, step) for step in STEPS]
    np.testing.assert_allclose(loss_curve(THETA, passage(lr, STEPS)), expected, atol=1e-6, rtol=0)


def test_narrower_blocks_come_closer():
    lr = SCHEDULES["cosine"]
    exact = np.array([direct(THETA, lr, step) for step in STEPS])
    wide, narrow = (
        np.abs(loss_curve(THETA, passage(lr, STEPS, growth)) - exact).max()
        for growth in (0.1, 0.005)
    )
    assert narrow < wide / 10


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_gradient_is_the_derivative(name):
    way = passage(SCHEDULES[name], STEPS)
    values = np.array([THETA[n] for n in NAMES])
    loss, slopes = gradient(values, way)
    np.testing.assert_array_equal(loss, loss_curve(values, way))
    for i, slope in enumerate(slopes.T):
        shift = 1e-5 * values[i] * np.eye(len(NAMES))[i]
        difference = loss_curve(values + shift, way) - loss_curve(values - shift, way)
        scale = np.abs(slope).max()
        np.testing.assert_allclose(difference / (2 * shift[i]), slope, atol=1e-6 * scale, rtol=1e-6)


def test_a_constant_rate_without_warmup_is_a_power_law_in_steps():
    lr = np.full(1000, 1e-3)
    steps = np.array([9, 99, 999])
    expected = THETA["L0"] + THETA["A"] * (1e-3 * (steps + 1)) ** -THETA["alpha"]
    np.testing.assert_allclose(loss_curve(THETA, passage(lr, steps)), expected, rtol=1e-13)


def test_a_decay_ends_up_saving_b_times_the_rate_given_up():
    lr = two_stage(3e-4, 9e-5, 200_000, 0, 1000)
    slow = {**THETA, "C": 1e9}
    saved = slow["L0"] + slow["A"] * np.cumsum(lr)[-1] ** -slow["alpha"]
    saved -= loss_curve(slow, passage(lr, [199_999]))[0]
    assert saved == pytest.approx(slow["B"] * 2.1e-4, rel=1e-3)


@given(
    final=st.floats(1e-6, 2.9e-4),
    switch=st.integers(10, 400),
    wait=st.integers(1, 500),
)
def test_a_decay_lowers_the_curve_that_the_spent_rate_gives(final, switch, wait):
    lr = two_stage(3e-4, final, 1000, 0, switch)
    step = switch + wait
    power = THETA["L0"] + THETA["A"] * np.cumsum(lr)[step] ** -THETA["alpha"]
    assert loss_curve(THETA, passage(lr, [step]))[0] < power


def test_long_schedules_take_little_memory():
    way = passage(cosine(3e-4, 3e-5, 500_000, 2000), np.arange(2000, 500_000, 5000))
    assert len(way.row) < 100_000


@pytest.mark.parametrize("lr", [[], [0.0, 0.0], [1e-3, -1e-3], [np.nan, 1e-3], [[1e-3]]])
def test_a_schedule_must_be_one(lr):
    with pytest.raises(InputError, match="one learning rate"):
        passage(lr, [0])


@pytest.mark.parametrize("step", [[-1], [1000], [0.5]])
def test_steps_must_be_in_the_schedule(step):
    with pytest.raises(InputError, match="whole numbers from 0 to 999"):
        passage(constant(3e-4, 1000, 10), step)


def test_an_untrained_model_has_no_loss_here():
    with pytest.raises(InputError, match="no learning rate has been spent by step 0"):
        passage(constant(3e-4, 1000, 10), [0, 5])


def test_parameters_must_be_complete():
    way = passage(constant(3e-4, 1000, 10), [500])
    with pytest.raises(InputError, match="a value for gamma"):
        loss_curve({k: v for k, v in THETA.items() if k != "gamma"}, way)
    with pytest.raises(InputError, match="7 numbers"):
        loss_curve([1.0, 2.0], way)
