"""The gradient noise scale: exact cases, units, standard errors, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import noise_scale


@given(
    signal=st.floats(1e-3, 1e3),
    crit=st.floats(1.0, 1e7),
    small=st.floats(1.0, 1e5),
    times=st.floats(2.0, 100.0),
)
def test_exact_norms_give_both_parts(signal, crit, small, times):
    big, noise = small * times, signal * crit
    norms = [math.sqrt(signal + noise / batch) for batch in (small, big)]
    found = noise_scale(small, big, *norms)
    assert found.noise == pytest.approx(noise, rel=1e-6)
    assert found.signal == pytest.approx(signal, rel=1e-6, abs=1e-9 * noise / small)
    assert math.isnan(found.batch_simple.lo)
    assert math.isnan(found.signal_se)


def test_the_formula_by_hand():
    """|G|^2 = (B_big b - B_small a) / (B_big - B_small), tr = (a - b) / (1/B_small - 1/B_big)."""
    found = noise_scale(10, 100, 5.0, 1.4, squared=True)
    assert found.signal == pytest.approx((100 * 1.4 - 10 * 5.0) / 90)
    assert found.noise == pytest.approx((5.0 - 1.4) / (1 / 10 - 1 / 100))
    assert found.batch_simple.estimate == pytest.approx(40.0)


def gradients(seed, batch, repeats, dimensions=400, noise=1000.0):
    """Squared norms of noisy gradients with |G|^2 = 1 and tr(Sigma) = noise."""
    rng = np.random.default_rng((seed, batch))
    drawn = rng.standard_normal((repeats, dimensions)) * math.sqrt(noise / dimensions / batch)
    drawn[:, 0] += 1.0
    return np.sum(drawn**2, axis=1)


def test_intervals_cover_as_often_as_they_say():
    covered = 0
    for seed in range(200):
        norms = (gradients(seed, 32, 16), gradients(seed, 512, 16))
        found = noise_scale(32, 512, *norms, squared=True, draws=400, seed=seed)
        covered += found.batch_simple.lo <= 1000.0 <= found.batch_simple.hi
    assert abs(covered / 200 - 0.9) <= 3.5 * math.sqrt(0.9 * 0.1 / 200)


def test_standard_errors_are_those_of_the_estimates():
    many = [
        noise_scale(
            32, 512, gradients(seed, 32, 16), gradients(seed, 512, 16), squared=True, draws=10
        )
        for seed in range(300)
    ]
    for name in ("signal", "noise"):
        spread = np.std([getattr(one, name) for one in many])
        said = np.mean([getattr(one, f"{name}_se") for one in many])
        assert said == pytest.approx(spread, rel=0.15)


def test_norms_are_squared_before_they_are_averaged():
    norms = np.array([1.0, 3.0])
    one = noise_scale(10, 100, norms, np.array([1.1, 1.2]))
    assert one.noise == pytest.approx((5.0 - (1.21 + 1.44) / 2) / 0.09)
    same = noise_scale(10, 100, norms**2, np.array([1.21, 1.44]), squared=True)
    assert same.batch_simple.estimate == pytest.approx(one.batch_simple.estimate)


@given(unit=st.floats(1e-3, 1e4), size=st.floats(1e-3, 1e3))
def test_units_only_change_units(unit, size):
    small, big = [2.0, 2.1, 1.9], [1.2, 1.25, 1.15]
    one = noise_scale(8, 64, small, big, draws=50)
    other = noise_scale(
        8 * unit, 64 * unit, [size * v for v in small], [size * v for v in big], draws=50
    )
    for end in ("estimate", "lo", "hi"):
        mine, theirs = getattr(one.batch_simple, end), getattr(other.batch_simple, end)
        assert theirs == pytest.approx(unit * mine, rel=1e-9)


def test_a_gradient_that_may_be_zero_has_no_upper_end():
    found = noise_scale(8, 64, [10.0, 12.0, 9.0, 11.0], [1.2, 1.8, 1.3, 1.6], squared=True)
    assert math.isinf(found.batch_simple.hi)
    assert found.batch_simple.lo > 0


@pytest.mark.parametrize(
    ("small", "big", "code"),
    [
        (10.0, 1.0, "negative_gradient"),
        (1.0, 1.0, "negative_noise"),
        (1.0, 2.0, "negative_noise"),
        ([10.0, 12.0], [1.0, 1.1], "negative_gradient"),
    ],
)
def test_what_cannot_be_is_refused(small, big, code):
    with pytest.raises(EvidenceError) as caught:
        noise_scale(8, 64, small, big, squared=True)
    assert caught.value.code == code
    assert caught.value.exit_code == 3
    assert caught.value.hint


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((8, 8, 1.0, 1.0), "batch_big"),
        ((64, 8, 1.0, 1.0), "batch_big"),
        ((0, 8, 1.0, 1.0), "batch_small"),
        ((8, float("inf"), 1.0, 1.0), "batch_big"),
        ((8, 64, -1.0, 1.0), "small"),
        ((8, 64, [1.0, float("nan")], 1.0), "small"),
        ((8, 64, 1.0, []), "big"),
    ],
)
def test_bad_input_names_the_argument(arguments, field):
    with pytest.raises(InputError) as caught:
        noise_scale(*arguments)
    assert caught.value.where.field == field
