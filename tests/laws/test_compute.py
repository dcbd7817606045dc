"""Budgets in words, and FLOP per token from runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.laws import get_law, get_published
from isoloss.laws.compute import FlopRule, flop_rule, format_flop, parse_flop
from isoloss.laws.optimum import Surface, search
from isoloss.runs import Runs, read


@pytest.mark.parametrize(
    "text", ["1e24", "1e24 FLOP", "1e24FLOP", " 1e24 flop", "1_000e21 FLOP", 1e24]
)
def test_budgets_in_words(text: str | float) -> None:
    assert parse_flop(text) == 1e24


@pytest.mark.parametrize("text", ["1e24 FLOP/s", "12 hours", "FLOP", "", "-1e24", "nan", "5E", 0.0])
def test_what_is_not_a_budget(text: str | float) -> None:
    with pytest.raises(InputError):
        parse_flop(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e24, "1e24"), (5.76e23, "5.76e23"), (3e12, "3e12"), (1.5e4, "1.5e4"), (120.0, "120")],
)
def test_flop_are_written_with_an_exponent(value: float, text: str) -> None:
    assert format_flop(value) == text


@given(st.floats(3, 30).map(lambda x: 10.0**x))
def test_what_is_written_is_read(value: float) -> None:
    assert parse_flop(format_flop(value)) == pytest.approx(value, rel=5e-3)


def test_six_n_is_the_rule() -> None:
    params = np.array([1e6, 1e9])
    np.testing.assert_allclose(flop_rule("6nd").per_token(params), 6 * params, rtol=1e-15)
    np.testing.assert_allclose(flop_rule("6nd").slope(params), 1.0, rtol=1e-12)


def _runs(excess: float) -> Runs:
    """Runs whose FLOP per token exceed 6 N by a part that falls with size."""
    params = np.repeat(np.geomspace(1e6, 1e9, 25), 3)
    tokens = params * np.tile([10.0, 20.0, 40.0], 25)
    ratio = np.exp(excess * (1e6 / params) ** (1 / 3))
    return read(
        {
            "n_total": params,
            "tokens": tokens,
            "flop": 6 * params * tokens * ratio,
            "loss": 1 + 1e3 / params**0.4,
        }
    )


def test_the_rule_of_the_runs_follows_them() -> None:
    points = _runs(0.4).points()
    rule = flop_rule("runs", points)
    measured = points.flop / points.tokens
    # Sizes within a factor of two share a value.
    np.testing.assert_allclose(rule.per_token(points.params), measured, rtol=0.05)


def test_beyond_the_runs_the_excess_dies_out() -> None:
    rule = flop_rule("runs", _runs(0.4).points())
    far = np.array([1e8, 1e9, 1e10, 1e12, 1e15])
    excess = rule.per_token(far) / (6 * far) - 1
    assert np.all(np.diff(excess) < 0)
    assert 0 < excess[-1] < 1e-3
    small = np.array([1e3, 1e4])
    ratio = rule.per_token(small) / (6 * small)
    assert ratio[0] == pytest.approx(ratio[1], rel=1e-12)


def test_the_slope_of_the_rule() -> None:
    rule = flop_rule("runs", _runs(0.4).points())
    at = np.geomspace(2e6, 1e11, 40)
    step = 1e-3
    measured = np.log(rule.per_token(at * np.exp(step)) / rule.per_token(at * np.exp(-step)))
    # Within a step of a knot the two differences see different sides of it.
    assert np.median(np.abs(rule.slope(at) - measured / (2 * step))) < 1e-6


def test_tokens_that_cost_more_in_small_models_favour_large_ones() -> None:
    values = get_published("chinchilla", "epoch").values
    law = get_law("chinchilla")
    theta = np.array([[values[name]] for name in law.names])
    rule = flop_rule("runs", _runs(0.4).points())
    flop = 6 * 3e7 * 6e8
    plain = search(Surface(law, FlopRule()), theta, flop, (1e3, 1e12))
    with_runs = search(Surface(law, rule), theta, flop, (1e3, 1e12))
    grid = np.geomspace(1e6, 1e9, 200_001)
    losses = Surface(law, rule).loss(theta, grid, np.asarray(flop))
    assert with_runs.params[0] == pytest.approx(grid[np.argmin(losses)], rel=1e-4)
    # Less is bought, but relatively more of what has become cheaper: size.
    assert with_runs.tokens[0] < plain.tokens[0]
    assert with_runs.params[0] / with_runs.tokens[0] > plain.params[0] / plain.tokens[0]


def test_a_constant_factor_is_compute_that_is_not_there() -> None:
    params, tokens = np.geomspace(1e7, 1e9, 8), np.geomspace(2e8, 2e10, 8)
    table = {"n_total": params, "tokens": tokens, "flop": 9 * params * tokens}
    rule = flop_rule("runs", read({**table, "loss": np.linspace(3, 2, 8)}).points())
    inside = np.array([1e8, 1e9])
    np.testing.assert_allclose(rule.per_token(inside), 9 * inside, rtol=1e-12)


def test_unknown_rules_and_runs_without_compute() -> None:
    with pytest.raises(InputError, match="6nd, runs"):
        flop_rule("palm")
    with pytest.raises(InputError, match="FLOP"):
        flop_rule("runs", None)
