"""Budgets as people write them, and what they buy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.planning.hardware import Means, Rate, get_device, parse_budget, settle

H100 = get_device("h100")


@pytest.mark.parametrize(
    ("text", "kind", "amount", "device", "currency"),
    [
        (1e24, "flop", 1e24, None, None),
        ("1e24", "flop", 1e24, None, None),
        ("6.5e20 FLOP", "flop", 6.5e20, None, None),
        ("3 PF-days", "flop", 3 * 8.64e19, None, None),
        ("1 petaflop/s-day", "flop", 8.64e19, None, None),
        ("12k H100-hours", "device_hours", 12_000, "H100", None),
        ("12 B200-hours", "device_hours", 12, "B200", None),
        ("1.5M H100 SXM-hours", "device_hours", 1.5e6, "H100 SXM", None),
        ("7 H100-days", "device_hours", 168, "H100", None),
        ("5k TPU v5p-hours", "device_hours", 5000, "TPU v5p", None),
        ("12k GPU-hours", "device_hours", 12_000, None, None),
        ("100 H100-h", "device_hours", 100, "H100", None),
        ("29 days", "wall_hours", 696, None, None),
        ("12h", "wall_hours", 12, None, None),
        ("2 weeks", "wall_hours", 336, None, None),
        ("90 min", "wall_hours", 1.5, None, None),
        ("$2M", "money", 2e6, None, "USD"),
        ("$2.5", "money", 2.5, None, "USD"),
        ("2M USD", "money", 2e6, None, "USD"),
        ("€1.5M", "money", 1.5e6, None, "EUR"),
        ("300k CHF", "money", 3e5, None, "CHF"),
        ("2M dollars", "money", 2e6, None, "USD"),
    ],
)
def test_budgets_as_people_write_them(text, kind, amount, device, currency):
    found = parse_budget(text)
    assert (found.kind, found.device, found.currency) == (kind, device, currency)
    assert found.amount == pytest.approx(amount)
    assert parse_budget(found) is found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("300E", "write an exponent"),
        ("3P", "write an exponent"),
        ("1 Z", "write an exponent"),
        ("300 EFLOP", "write an exponent"),
        ("1e15 FLOP/s", "a rate"),
        ("-5 H100-hours", "positive"),
        ("-1e24", "positive"),
        ("0", "positive"),
        ("0 H100-hours", "positive"),
        ("1e999", "positive"),
        (float("nan"), "positive"),
        (-1.0, "positive"),
        ("nan", "expected"),
        ("", "expected"),
        ("12 bananas", "expected"),
        ("5 bread", "expected"),
        ("H100-hours", "expected"),
        ("$2M per hour", "expected"),
        ("1..2", "expected"),
        ("1e24" + " " * 200, "1e24"),
    ],
)
def test_what_is_no_budget(text, part):
    if isinstance(text, str) and text.startswith("1e24 "):
        assert parse_budget(text).amount == 1e24
        return
    with pytest.raises(InputError) as caught:
        parse_budget(text)
    assert caught.value.code == "bad_quantity"
    assert part in str(caught.value)


@given(st.floats(1e18, 1e27), st.floats(0.05, 1), st.floats(0.1, 50), st.integers(1, 10_000))
def test_round_trip_between_units(flop, mfu, price, devices):
    """FLOP -> device-hours, days and money -> the same FLOP."""
    rate = Rate(H100, mfu, price)
    hours = rate.device_hours(flop)
    for text in (
        f"{hours!r} H100-hours",
        f"{hours / devices / 24!r} days",
        f"${hours * price!r}",
        f"{flop!r} FLOP",
    ):
        budget = parse_budget(text)
        assert budget.to_flop(rate, devices) == pytest.approx(flop, rel=1e-9)
        assert budget.device_hours(rate, devices) == pytest.approx(hours, rel=1e-9)


@pytest.mark.parametrize(
    ("budget", "means", "code", "field"),
    [
        ("12k GPU-hours", Means(), "missing_hardware", "hardware"),
        ("29 days", Means(devices=8), "missing_hardware", "hardware"),
        ("29 days", Means("h100", 0.4), "missing_devices", "devices"),
        ("$2M", Means("h100", 0.4), "missing_price", "price"),
        ("1e24", Means(price=2.5), "missing_hardware", "hardware"),
        ("1e24", Means(mfu=0.4), "missing_hardware", "hardware"),
        ("12k h10-hours", Means(mfu=0.4), "unknown_hardware", "hardware"),
        ("12k H100-hours", Means("a100", 0.4), "conflicting_options", "hardware"),
        ("€2M", Means("h100", 0.4, "$2.5"), "currency_mismatch", "price"),
        ("$2M", Means("h100", 0.4, "cheap"), "bad_price", "price"),
        ("$2M", Means("h100", 0.4, "-2"), "bad_price", "price"),
        ("12k H100-hours", Means(mfu=40), "bad_mfu", "mfu"),
    ],
)
def test_what_is_missing_is_named(budget, means, code, field):
    with pytest.raises(InputError) as caught:
        settle(budget, means)
    assert (caught.value.code, caught.value.where.field) == (code, field)


@pytest.mark.parametrize(
    ("price", "value", "currency"),
    [(2.5, 2.5, "USD"), ("$2.50", 2.5, "USD"), ("2.5 EUR", 2.5, "EUR"), ("£3/h", 3.0, "GBP")],
)
def test_prices(price, value, currency):
    rate = Means("h100", 0.4, price).rate()
    assert (rate.price_per_hour, rate.currency) == (value, currency)


def test_default_mfu_is_an_assumption_for_large_models_only():
    found = settle(1e24, Means("h100"), lambda _: 7e9)
    assert found.rate is not None
    assert found.rate.mfu == 0.40
    assert found.rate.mfu_source.startswith("assumed")
    assert [notice.code for notice in found.notes] == ["assumed_mfu"]
    for budget in (1e20, "12 H100-hours"):
        with pytest.raises(InputError) as caught:
            settle(budget, Means("h100"), lambda _: 1e8)
        assert caught.value.code == "missing_mfu"


def test_hours_that_name_their_hardware_twice_alike():
    assert settle("12k H100-hours", Means("NVIDIA H100 80GB HBM3", 0.4)).flop == pytest.approx(
        12_000 * 3600 * 0.4 * 989e12
    )
