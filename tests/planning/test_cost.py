"""Plans that start from device-hours, days or money, and what plans cost."""

from __future__ import annotations

import pytest

from isoloss.errors import InputError
from isoloss.planning import flop_for_loss, plan, plan_law, plan_published, priced
from isoloss.planning.hardware import Means
from isoloss.planning.result import Plan

HOURS = 3600 * 0.4 * 989e12


def test_same_compute_same_plan(chinchilla_fit):
    """12k H100-hours, their money and their days are the same compute."""
    flop = 12_000 * HOURS
    base = plan(chinchilla_fit, flop, mfu=0.4, hardware="h100", price=2.5, devices=100)
    for budget in ("12k H100-hours", "$30k", "5 days"):
        found = plan(
            chinchilla_fit, budget=budget, mfu=0.4, hardware="h100", price=2.5, devices=100
        )
        assert found.flop == pytest.approx(flop, rel=1e-12)
        assert found.n_params.estimate == pytest.approx(base.n_params.estimate, rel=1e-9)
        assert found.cost is not None
        assert found.cost["device_hours"]["estimate"] == pytest.approx(12_000)
        assert found.cost["money"]["estimate"] == pytest.approx(30_000)
        assert found.cost["days"]["estimate"] == pytest.approx(5)


def test_without_hardware_there_is_no_cost(chinchilla_fit):
    assert plan(chinchilla_fit, 1e21).cost is None


def test_cost_names_its_conventions(chinchilla_fit):
    found = plan(chinchilla_fit, 1e23, hardware="h100", arch="L=32 d=4096 V=32000 T=4096")
    assert found.cost is not None
    assert found.cost["flop_convention"] == "6nd"
    assert found.cost["mfu_source"].startswith("assumed")
    attention = found.cost["attention"]
    # 12 L H Q T / (6 n_matmul + 12 L H Q T) of this shape.
    context = 12 * 32 * 4096 * 4096
    matmul = 32 * 12 * 4096**2 + 32000 * 4096
    assert attention["share"] == pytest.approx(context / (6 * matmul + context))
    assert attention["palm_to_6nd"] == pytest.approx((6 * matmul + context) / (6 * matmul))
    assert "attention is" in found.summary()
    assert "assumption for models of 1B" in found.summary()
    assert "702k" not in found.summary()


def test_plan_is_stored_with_its_cost(chinchilla_fit, tmp_path):
    found = plan(chinchilla_fit, "$1M", mfu=0.4, hardware="h100", price="$2.50")
    found.save(tmp_path / "plan.json")
    again = Plan.load(tmp_path / "plan.json")
    assert again.cost == found.cost
    assert again.summary() == found.summary()
    assert "$1M" in found._repr_html_()


def test_cost_of_a_target_has_the_interval_of_its_compute(chinchilla_fit):
    answer = flop_for_loss(chinchilla_fit, 2.2)
    found = priced(answer, Means("h100", 0.4, 2.5))
    assert found.cost is not None
    money = found.cost["money"]
    for end in ("estimate", "lo", "hi"):
        assert money[end] == pytest.approx(getattr(answer.flop, end) / HOURS * 2.5)
    assert "H100 SXM-hours" in found.summary()
    assert priced(answer, Means()) is answer


def test_published_laws_take_any_budget():
    law = plan_law("chinchilla", "12k H100-hours", mfu=0.4)
    assert law.flop == pytest.approx(12_000 * HOURS)
    table = plan_published("12k H100-hours", mfu=0.4)
    assert table.flop == pytest.approx(12_000 * HOURS)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, "missing_argument"),
        ({"flop": 1e21, "budget": 1e21}, "conflicting_options"),
        ({"flop": "$2M"}, "missing_hardware"),
        ({"flop": "$2M", "hardware": "h100", "mfu": 0.4}, "missing_price"),
        ({"flop": "29 days", "hardware": "h100", "mfu": 0.4}, "missing_devices"),
        ({"flop": "12 H100-hours"}, "missing_mfu"),
        ({"flop": 1e22, "hardware": "h10"}, "unknown_hardware"),
        ({"flop": 1e22, "hardware": "h100", "devices": 0}, "bad_devices"),
        ({"flop": 1e22, "hardware": "h100", "arch": "L=2 d=64"}, "bad_architecture"),
        ({"flop": -1e22}, "bad_quantity"),
    ],
)
def test_what_is_missing_or_wrong_is_named(chinchilla_fit, options, code):
    with pytest.raises(InputError) as caught:
        plan(chinchilla_fit, **options)
    assert caught.value.code == code
