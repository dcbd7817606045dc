"""Published laws of learning rate and batch, by the digits of their sources."""

from __future__ import annotations

import math

import pytest

from isoloss.laws.hparams import HPARAM_LAWS, SETTINGS, get_hparam_law, list_hparam_laws
from isoloss.laws.hparams.horizon import EXPONENTS, exponent_near

RATES = [
    # law, key, point, setting, value, relative tolerance
    ("step-law", None, {"N": 1e9, "D": 1e11}, "lr", 1.6325e-3, 1e-4),
    ("step-law", None, {"N": 1e9, "D": 1e11}, "batch_tokens", 1_107_715, 1e-6),
    ("step-law", None, {"N": 7e9, "D": 1.4e12}, "lr", 9.166e-4, 1e-4),
    ("step-law", None, {"N": 7e9, "D": 1.4e12}, "batch_tokens", 4_998_815, 1e-6),
    # The authors' tool averages its 1,000 fits; the printed means give the same to four digits.
    ("step-law", "bootstrap-mean", {"N": 7e9, "D": 1.4e12}, "lr", 9.347e-4, 1e-4),
    ("step-law", "bootstrap-mean", {"N": 7e9, "D": 1.4e12}, "batch_tokens", 4_996_961, 2e-4),
    ("kaplan-lr", None, {"N": 1e6}, "lr", 1.3117e-3, 1e-4),
    ("kaplan-lr", None, {"N": 1e9}, "lr", 3.481e-4, 1e-4),
    ("kaplan-lr", None, {"L": 4.0}, "critical_batch_tokens", 2.717e5, 1e-3),
    ("kaplan-lr", None, {"L": 3.0}, "critical_batch_tokens", 1.069e6, 1e-3),
    ("kaplan-lr", None, {"L": 2.0}, "critical_batch_tokens", 7.371e6, 1e-3),
    ("power-lines", None, {"D": 3e9}, "batch_tokens", 267_171, 1e-3),
    ("power-lines", None, {"D": 4e10}, "batch_tokens", 720_511, 1e-3),
    ("horizon", None, {"N": 7e9, "D": 1e12}, "lr", 1.086e-4, 1e-2),
    ("ling-moe", None, {"C": 1e22}, "lr", 5.009e-4, 1e-3),
    ("ling-moe", None, {"C": 1e22}, "batch_tokens", 7.214e6, 1e-3),
    ("porian", "rounded", {"N": 108e6}, "lr", 0.0047, 1e-9),
    ("porian", "rounded", {"N": 108e6}, "batch_tokens", 160 * 2048, 1e-9),
    ("porian", None, {"N": 1.0}, "batch_tokens", 0.75776, 1e-4),
    ("deepseek", None, {"C": 6 * 7e9 * 1.4e12}, "lr", 4.4e-4, 1e-2),
    ("deepseek", None, {"C": 6 * 7e9 * 1.4e12}, "batch_tokens", 8.2e6, 1e-2),
    ("kaplan-frontier", None, {"C": 8.64e19}, "critical_batch_tokens", 2.0e6, 1e-9),
]


@pytest.mark.parametrize(("name", "key", "x", "setting", "expected", "tolerance"), RATES)
def test_by_digits(name, key, x, setting, expected, tolerance):
    found = get_hparam_law(name).value(setting, x, key)
    assert found == pytest.approx(expected, rel=tolerance)


def test_step_law_in_sequences_of_2048():
    law = get_hparam_law("step-law")
    assert law.value("batch_tokens", {"D": 1e11}) / 2048 == pytest.approx(540.9, abs=0.05)
    assert law.value("batch_tokens", {"D": 1.4e12}) / 2048 == pytest.approx(2440.8, abs=0.05)


def test_power_lines_in_sequences_of_2048():
    law = get_hparam_law("power-lines")
    assert law.value("batch_tokens", {"D": 3e9}) / 2048 == pytest.approx(130.45, rel=1e-3)
    assert law.value("batch_tokens", {"D": 4e10}) / 2048 == pytest.approx(351.8, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "expected"), [("deepseek", 1.0001), ("ling-dense", 0.9994), ("ling-moe", 1.0002)]
)
@pytest.mark.parametrize("flop", [1e17, 1e20, 1e24])
def test_model_times_data_is_the_compute(name, expected, flop):
    law = get_hparam_law(name)
    product = law.value("flop_per_token", {"C": flop}) * law.value("tokens", {"C": flop})
    assert product / flop == pytest.approx(expected, abs=2e-4)


def test_kaplans_critical_batch_doubles_per_13_percent_of_loss():
    law = get_hparam_law("kaplan-lr")
    fall = 1 - 2 ** -law.coefficients().values["alpha_B"]
    assert fall == pytest.approx(0.135, abs=5e-4)
    # The paper says 13 %.
    assert law.ratio("critical_batch_tokens", {"L": 1 - fall}, {"L": 1.0}) == pytest.approx(2.0)


def test_kaplans_rate_ends_where_it_would_turn_negative():
    law = get_hparam_law("kaplan-lr")
    end = math.exp(0.003239 / 0.0001395)
    assert 1e10 < end < 1.3e10
    assert law.value("lr", {"N": 0.99 * end}) > 0
    assert math.isnan(law.value("lr", {"N": 1.01 * end}))
    assert math.isnan(law.ratio("lr", {"N": 1.01 * end}, {"N": 1e9}))


def test_no_unconfirmed_number_is_shipped():
    """Constants that were only remembered are named, have no value, and give none."""
    unconfirmed = {
        (law.name, name)
        for law in list_hparam_laws()
        for one in law.published
        for name in one.unconfirmed
    }
    assert unconfirmed == {
        ("minicpm", "b"),
        ("power-lines", "tau_1"),
        ("power-lines", "b_crit"),
    }
    assert math.isnan(get_hparam_law("minicpm").value("batch_tokens", {"L": 2.0}))
    powers = get_hparam_law("power-lines")
    assert math.isnan(powers.value("timescale", {"N": 1e9, "D": 2e10}))
    assert math.isnan(powers.value("critical_batch_tokens", {"D": 2e10}))
    remembered = {1.084, 1.21e9, 93.20, 22.91, 0.0471, 1.3192e-5}
    for law in list_hparam_laws():
        for one in law.published:
            assert not remembered & set(one.values.values())


@pytest.mark.parametrize("law", list_hparam_laws(), ids=lambda law: law.name)
def test_laws_explain_themselves(law):
    assert law.title
    assert law.summary
    assert law.reference
    assert set(law.formulas) <= set(SETTINGS)
    names = [parameter.name for parameter in law.parameters]
    assert len(names) == len(set(names)), "coefficients are told apart by name"
    assert all(parameter.meaning for parameter in law.parameters)
    for one in law.published:
        assert one.confidence in ("V", "V2", "C")
        assert set(one.values) | set(one.unconfirmed) == set(names)
        assert not set(one.values) & set(one.unconfirmed)
        assert set(one.intervals) <= set(one.values)
        for name, (low, high) in one.intervals.items():
            assert low < one.values[name] < high
        assert one.source
        assert one.notes
        assert one.n
        if "lr" in law.formulas:
            assert one.batch
            assert one.schedule
        if "C" in law.variables:
            assert one.compute


def test_latex_has_the_symbols_of_the_settings():
    expected = r"\eta = c D^{\beta} N^{\alpha},\quad B = d D^{\gamma}"
    assert get_hparam_law("step-law").latex() == expected
    assert get_hparam_law("minicpm").latex().startswith("B = ")


def test_the_exponents_of_the_horizon_by_size():
    assert list(EXPONENTS.values()) == [0.7029, 0.6531, 0.3799, 0.3155, 0.3171, 0.4184]
    assert exponent_near(7e9) == (2.7e9, 0.4184)
    assert exponent_near(1e6) == (50e6, 0.7029)
    # The joint law's exponent lies among those of the three sizes that it was fitted to.
    joint = -get_hparam_law("horizon").coefficients().values["beta"]
    assert 0.3155 <= joint <= 0.4184


def test_names_are_known_once():
    names = [*HPARAM_LAWS, *(alias for law in list_hparam_laws() for alias in law.aliases)]
    assert len(names) == len(set(names))
