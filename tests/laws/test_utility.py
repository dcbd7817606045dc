"""Utility of pools: the paper's formula by hand, its limits, and how the authors' code differs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.laws.mixing import centred, mixing_loss, mixing_slope
from isoloss.laws.utility import Base, fading, mixed_loss, pool_loss

BASE = Base(scale=3.0, unit=2e7, floor=1.8)


def by_hand(b, tau, pool, tokens, base=BASE, floor_too=False):
    """Pass by pass; with ``floor_too`` later passes multiply d as well."""
    seen, k = min(pool, tokens), 0
    start = base.scale * (seen / base.unit) ** b
    product = 1.0
    while seen < tokens:
        k += 1
        after = min(pool * (k + 1), tokens)
        product *= (after / seen) ** (b * 0.5 ** (k / tau))
        seen = after
    return (base.floor + start) * product if floor_too else base.floor + start * product


@pytest.mark.parametrize("tokens", [1e8, 1e9, 1.5e9, 4e9, 4.25e9, 3e10])
def test_the_formula_by_hand(tokens):
    got = float(pool_loss(BASE, -0.25, 4.0, 1e9, tokens))
    assert got == pytest.approx(by_hand(-0.25, 4.0, 1e9, tokens), rel=1e-13)


def test_the_authors_code_multiplies_the_floor_too():
    """Within the first pass both agree; after it the code shrinks the floor as well."""
    assert by_hand(-0.25, 4.0, 1e9, 9e8, floor_too=True) == by_hand(-0.25, 4.0, 1e9, 9e8)
    paper, code = (by_hand(-0.25, 4.0, 1e9, 3.2e10, floor_too=too) for too in (False, True))
    start = BASE.scale * (1e9 / BASE.unit) ** -0.25
    product = (paper - BASE.floor) / start
    assert paper - code == pytest.approx(BASE.floor * (1 - product), rel=1e-12)
    assert float(pool_loss(BASE, -0.25, 4.0, 1e9, 3.2e10)) == pytest.approx(paper, rel=1e-13)
    assert paper - code > 0.1


def test_two_equal_pools_by_hand():
    """Mean utility of a pass, each with a half-life twice its own."""
    b, tau, pool, tokens = (-0.3, -0.1), (2.0, 6.0), 1e9, 5e9
    total, seen = 2 * pool, 2 * pool
    log_gain = np.mean(b) * np.log(seen / BASE.unit)
    for k in (1, 2):
        after = min(total * (k + 1), tokens)
        mean = np.mean([x * 0.5 ** (k / (2 * t)) for x, t in zip(b, tau, strict=True)])
        log_gain += mean * np.log(after / seen)
        seen = after
    expected = BASE.floor + BASE.scale * np.exp(log_gain)
    got = mixed_loss(BASE, b, tau, (pool, pool), tokens)
    assert float(got) == pytest.approx(float(expected), rel=1e-13)


utilities = st.floats(-0.8, -0.01)
half_lives = st.floats(0.3, 50.0)


@given(utilities, half_lives, st.floats(8, 11), st.floats(0.1, 30.0), st.floats(1.0, 5.0))
def test_more_tokens_and_larger_pools_never_hurt(b, tau, log_pool, epochs, more):
    pool = 10.0**log_pool
    here = float(pool_loss(BASE, b, tau, pool, pool * epochs))
    assert float(pool_loss(BASE, b, tau, pool, pool * epochs * more)) <= here * (1 + 1e-12)
    # The same tokens from a larger pool repeat less.
    assert float(pool_loss(BASE, b, tau, pool * more, pool * epochs)) <= here * (1 + 1e-12)


@given(utilities, st.floats(8, 11), st.floats(0.1, 30.0))
def test_endless_half_life_is_a_power_law_and_none_stops_at_one_pass(b, log_pool, epochs):
    pool = 10.0**log_pool
    fresh = BASE.floor + BASE.scale * (pool * epochs / BASE.unit) ** b
    assert float(pool_loss(BASE, b, 1e12, pool, pool * epochs)) == pytest.approx(fresh, rel=1e-9)
    once = BASE.floor + BASE.scale * (pool * min(epochs, 1.0) / BASE.unit) ** b
    stopped = float(pool_loss(BASE, b, 1e-3, pool, pool * epochs))
    assert stopped == pytest.approx(once, rel=1e-12)


@given(utilities, half_lives, st.floats(0.2, 20.0))
def test_one_pool_is_a_mixture_of_itself(b, tau, epochs):
    alone = float(pool_loss(BASE, b, tau, 1e9, 1e9 * epochs))
    assert float(mixed_loss(BASE, [b], [tau], [1e9], 1e9 * epochs)) == alone


def test_fading_is_a_half_after_one_half_life():
    assert fading(-0.2, 4.0, 4.0) == pytest.approx(-0.1)
    assert fading(-0.2, 4.0, 0.0) == -0.2


def test_mixing_law_slope_by_differences_and_its_printed_form():
    rng = np.random.default_rng(0)
    floor, pull, share = np.array([2.0]), rng.normal(size=(1, 4)), rng.dirichlet(np.ones(4))
    slope = mixing_slope(pull, share)[0]
    for i in range(4):
        step = 1e-6 * np.eye(4)[i]
        ends = [mixing_loss(floor, pull, (share + s * step)[None])[0, 0] for s in (1, -1)]
        assert slope[i] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-7)
    scale, t = centred(pull)
    assert t.mean() == pytest.approx(0.0, abs=1e-15)
    printed = floor[0] + scale[0] * np.exp(t[0] @ share)
    assert printed == pytest.approx(mixing_loss(floor, pull, share[None])[0, 0], rel=1e-13)
