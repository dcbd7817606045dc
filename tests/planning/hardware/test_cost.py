"""Device-hours, days and money."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.fitting import Quantity
from isoloss.planning.hardware import Device, Rate, cost, get_device

flops = st.floats(1e15, 1e28)
shares = st.floats(0.01, 1.0)
prices = st.floats(0.01, 1e3)
H100 = get_device("h100")


def test_the_known_example_by_digits():
    """1e24 FLOP at 40 % MFU: 702k H100-hours, $1.76M at $2.50/h, 29 days on 1,024 chips."""
    found = cost(1e24, Rate(H100, 0.40, 2.5), devices=1024)
    assert found.device_hours.estimate == pytest.approx(702_168.2956971127, rel=1e-13)
    assert found.money is not None
    assert found.money.estimate == pytest.approx(1_755_420.739242782, rel=1e-13)
    assert found.days is not None
    assert found.days.estimate == pytest.approx(28.5713, abs=1e-4)
    text = found.summary()
    for part in ("702k H100 SXM-hours", "0.4 MFU", "$1.76M at 2.5/h", "1,024 devices: 28.6 days"):
        assert part in text


@given(flops, shares, prices, st.integers(1, 100_000))
def test_scaling(flop, mfu, price, devices):
    base = cost(flop, Rate(H100, mfu, price), devices=devices)
    dearer = cost(flop, Rate(H100, mfu, 3 * price), devices=devices)
    slower = cost(flop, Rate(H100, mfu / 2, price), devices=2 * devices)
    assert base.money
    assert dearer.money
    assert slower.money
    assert base.days
    assert slower.days
    assert dearer.money.estimate == pytest.approx(3 * base.money.estimate)
    assert dearer.device_hours == base.device_hours
    assert slower.money.estimate == pytest.approx(2 * base.money.estimate)
    assert slower.days.estimate == pytest.approx(base.days.estimate)


@given(flops, shares)
def test_hours_and_compute_are_inverse(flop, mfu):
    rate = Rate(H100, mfu)
    assert rate.flop(rate.device_hours(flop)) == pytest.approx(flop)
    assert rate.money(flop) is None


@given(flops, st.floats(1.0, 5.0), shares, st.floats(1.0, 3.0))
def test_intervals_hold_both_sources(flop, spread, mfu, wide):
    rate = Rate(H100, mfu, 2.0, mfu_lo=mfu / wide, mfu_hi=min(1.0, mfu * wide))
    found = cost(Quantity(flop, flop / spread, flop * spread, 0.9), rate, devices=8)
    for quantity in (found.device_hours, found.money, found.days):
        assert quantity is not None
        assert quantity.lo <= quantity.estimate * (1 + 1e-12)
        assert quantity.hi >= quantity.estimate * (1 - 1e-12)
    assert found.device_hours.hi == pytest.approx(
        found.device_hours.estimate * spread * wide, rel=1e-9
    )


def test_without_price_or_devices():
    found = cost(1e22, Rate(H100, 0.4))
    assert found.money is None
    assert found.days is None
    assert "days" not in found.summary()


def test_caution_travels_with_the_cost():
    found = cost(1e22, Rate(get_device("h800"), 0.4))
    assert [notice.code for notice in found.notes] == ["hardware_caution"]


def test_price_of_the_users_table_is_used():
    rate = Rate(Device("x", 1e15, price_per_hour=3.0, currency="EUR"), 0.5)
    assert rate.price_per_hour == 3.0
    assert "€" in cost(1e22, rate).summary()


@pytest.mark.parametrize("mfu", [0.0, -0.4, 1.2, 40, float("nan"), float("inf")])
def test_bad_mfu(mfu):
    with pytest.raises(InputError) as caught:
        Rate(H100, mfu)
    assert caught.value.code == "bad_mfu"
    if mfu == 40:
        assert "0.4" in str(caught.value)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_price(price):
    with pytest.raises(InputError) as caught:
        Rate(H100, 0.4, price)
    assert caught.value.code == "bad_price"


@pytest.mark.parametrize("devices", [0, -8, 2.5])
def test_bad_devices(devices):
    with pytest.raises(InputError) as caught:
        cost(1e22, Rate(H100, 0.4), devices=devices)
    assert caught.value.code == "bad_devices"
