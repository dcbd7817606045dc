"""Efficiency leverage of mixtures of experts: the printed value, and how it moves."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.laws.leverage import LING_LEVERAGE


def test_the_value_of_the_paper():
    assert LING_LEVERAGE(0.031, 12, 1e22) == pytest.approx(6.87, abs=0.005)
    assert LING_LEVERAGE(0.031, 12, 1e22) == pytest.approx(7.0, rel=0.05)  # the paper: above 7


@given(share=st.floats(0.005, 1.0), grain=st.floats(1.0, 40.0), decade=st.floats(19.0, 24.0))
def test_sparser_and_larger_mixtures_save_more(share, grain, decade):
    here = LING_LEVERAGE(share, grain, 10**decade)
    assert LING_LEVERAGE(share / 2, grain, 10**decade) > here
    if share < 0.9:  # a saturated share below one
        assert LING_LEVERAGE(share, grain, 10 ** (decade + 1)) > here


def test_the_best_granularity_is_where_the_parabola_turns():
    best = math.exp(-LING_LEVERAGE.beta / (2 * LING_LEVERAGE.gamma))
    assert best == pytest.approx(33.2, abs=0.1)
    top = LING_LEVERAGE(0.03, best, 1e22)
    assert top > LING_LEVERAGE(0.03, best / 1.5, 1e22)
    assert top > LING_LEVERAGE(0.03, best * 1.5, 1e22)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ((0.0, 12, 1e22), "active_share"),
        ((1.2, 12, 1e22), "active_share"),
        ((0.1, 0.5, 1e22), "granularity"),
        ((0.1, 12, -1.0), "flop"),
        ((0.1, 12, math.inf), "flop"),
    ],
)
def test_values_outside_their_range_are_refused(values, field):
    with pytest.raises(InputError) as caught:
        LING_LEVERAGE(*values)
    assert caught.value.where.field == field
