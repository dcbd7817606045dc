"""What a law of settings can do: ratios, powers, intervals, names."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.laws import get_law
from isoloss.laws.hparams import find_hparam_law, get_hparam_law, list_hparam_laws

# Ten times the largest stays where Kaplan's rate is positive.
sizes = st.floats(1e6, 1e9)
amounts = st.floats(1e8, 1e13)
factors = st.floats(0.1, 10.0)

FULL = [
    (law, setting)
    for law in list_hparam_laws()
    for setting in law.formulas
    if not law.needs(setting, {"N": 1, "D": 1, "C": 1, "L": 1})
]
ids = [f"{law.name} {setting}" for law, setting in FULL]


def at(n: float, d: float, loss: float = 2.5) -> dict[str, float]:
    return {"N": n, "D": d, "C": 6 * n * d, "D/N": d / n, "L": loss}


@pytest.mark.parametrize(("law", "setting"), FULL, ids=ids)
@given(n=sizes, d=amounts, by=factors)
def test_a_ratio_is_the_quotient_of_values_and_needs_no_factor(law, setting, n, d, by):
    here, there = at(n, d), at(n * by, d / by, 2.0)
    ratio = law.ratio(setting, there, here)
    assert ratio > 0
    back = law.ratio(setting, here, there)
    assert ratio * back == pytest.approx(1.0)
    if not law.missing(setting):
        quotient = law.value(setting, there) / law.value(setting, here)
        assert ratio == pytest.approx(quotient)


@pytest.mark.parametrize(("law", "setting"), FULL, ids=ids)
@given(n=sizes, d=amounts)
def test_the_power_is_the_slope_on_log_axes(law, setting, n, d):
    step = 1e-4
    powers = law.elasticity(setting, at(n, d))
    for name in ("N", "D"):
        up, down = (
            at(n * math.exp(s * (name == "N")), d * math.exp(s * (name == "D")))
            for s in (step, -step)
        )
        slope = math.log(law.ratio(setting, up, down)) / (2 * step)
        assert powers[name] == pytest.approx(slope, abs=1e-5 + 1e-5 * abs(slope))


@given(n=sizes, d=amounts, by=factors)
def test_step_law_scales_as_it_is_written(n, d, by):
    law = get_hparam_law("step-law")
    assert law.ratio("lr", at(by * n, d), at(n, d)) == pytest.approx(by**-0.713)
    assert law.ratio("lr", at(n, by * d), at(n, d)) == pytest.approx(by**0.307)
    assert law.ratio("batch_tokens", at(by * n, d), at(n, d)) == pytest.approx(1.0)


@given(n=sizes, d=amounts)
def test_the_horizon_law_is_in_billions(n, d):
    found = get_hparam_law("horizon").value("lr", at(n, d))
    assert found == pytest.approx(1.55e-3 * (n * 1e-9) ** -0.23 * (d * 1e-9) ** -0.32)


@given(n=sizes, d=amounts)
def test_an_interval_holds_its_value_and_opens_with_the_distance(n, d):
    law = get_hparam_law("step-law")
    for setting in ("lr", "batch_tokens"):
        low, high = law.interval(setting, at(n, d))
        assert low <= law.value(setting, at(n, d)) <= high
    middle = math.sqrt(2e9 * 1e11)
    near, far = (law.interval("batch_tokens", {"D": middle * by}) for by in (2.0, 4.0))
    assert math.log(far[1] / far[0]) == pytest.approx(2 * math.log(near[1] / near[0]))
    closed = law.interval("batch_tokens", {"D": middle})
    assert closed[0] == pytest.approx(closed[1])


def test_an_interval_by_hand():
    law, x = get_hparam_law("step-law"), {"N": 7e9, "D": 1.4e12}
    low, high = law.interval("batch_tokens", x)
    far = math.log(1.4e12 / math.sqrt(2e9 * 1e11))
    assert high == pytest.approx(4_998_815 * math.exp(far * (0.6055 - 0.571)), rel=1e-6)
    assert low == pytest.approx(4_998_815 * math.exp(far * (0.5340 - 0.571)), rel=1e-6)
    # The constant cancels in a ratio: the interval is that of the exponents alone.
    low, high = law.ratio_interval("batch_tokens", {"D": 2e10}, {"D": 1e10})
    assert (low, high) == (pytest.approx(2**0.5340), pytest.approx(2**0.6055))


def test_no_interval_where_none_was_published():
    law = get_hparam_law("deepseek")
    assert all(math.isnan(end) for end in law.interval("lr", {"C": 1e20}))
    assert all(math.isnan(end) for end in law.ratio_interval("lr", {"C": 1e20}, {"C": 1e19}))


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("steplaw", "step-law"),
        ("Step Law", "step-law"),
        ("STEP_LAW", "step-law"),
        ("microsoft", "horizon"),
        ("openai", "kaplan-lr"),
        (" ling ", "ling-moe"),
    ],
)
def test_a_law_has_several_names(asked, meant):
    assert get_hparam_law(asked).name == meant


@pytest.mark.parametrize("asked", ["stepp-law", "", "chinchilla", "x" * 5000])
def test_an_unknown_law_is_told_with_the_known_ones(asked):
    assert find_hparam_law(asked) is None
    with pytest.raises(InputError) as caught:
        get_hparam_law(asked)
    assert caught.value.code == "unknown_law"
    assert "step-law" in (caught.value.hint or "")
    assert len(caught.value.message) < 200


def test_unknown_coefficients_are_told_with_the_known_ones():
    with pytest.raises(InputError, match="bootstrap-mean"):
        get_hparam_law("step-law").coefficients("mean")


def test_a_law_of_the_loss_is_expected_for_a_fit():
    with pytest.raises(InputError) as caught:
        get_law("step-law")
    assert "isoloss hparams" in (caught.value.hint or "")
    assert get_law("kaplan").name == "kaplan"
