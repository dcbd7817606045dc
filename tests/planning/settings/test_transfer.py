"""A tuned learning rate carried to another run, rule by rule."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.planning.settings import transfer_lr

LONGER = transfer_lr(3e-3, "1.3B", "26B", to_d="260B", batch="500k")


def test_each_rule_by_hand_when_only_tokens_grow():
    expected = {
        "step-law": 10**0.307,
        "horizon": 10**-0.32,
        "horizon-at-size": 10**-0.3171,
        "deepseek": 10**-0.125,
        "ling-moe": 10**-0.1529,
        "step-rule": 10**-0.5,
        "porian": 1.0,
        "kaplan-lr": 1.0,
        "sqrt-batch": 1.0,
    }
    for rule, factor in expected.items():
        one = LONGER[rule]
        assert one.factor == pytest.approx(factor)
        assert one.lr is not None
        assert one.lr.estimate == pytest.approx(3e-3 * factor)
        assert one.assumes
        assert one.source


def test_rules_say_what_they_leave():
    assert LONGER["horizon"].leaves == ()
    assert LONGER["step-rule"].leaves == ()
    assert LONGER["porian"].leaves == ("D",)
    # The batch is held although the law grows it.
    assert LONGER["step-law"].leaves == ("batch",)
    along = transfer_lr(3e-3, "1.3B", "26B", to_d="260B", batch="500k", to_batch=5e5 * 10**0.571)
    assert along["step-law"].is_complete
    assert along["horizon"].leaves == ("batch",)
    free = transfer_lr(3e-3, "1.3B", "26B", to_d="260B")
    assert free["step-law"].is_complete, "nothing is said of the batch"
    assert free["step-rule"].factor is None


def test_the_contradiction_over_tokens_is_named():
    (found,) = LONGER.contradictions
    assert found.measure == "factor"
    assert set(found.rising) == {"step-law"}
    assert {"horizon", "step-rule"} <= set(found.falling)
    text = " ".join(found.reasons)
    assert "D^0.52" in text
    assert "1e-5" in text
    assert transfer_lr(3e-3, "1.3B", "26B", to_n="2.6B").contradictions == ()


def test_mup_by_width_and_depth():
    found = transfer_lr(
        1e-2, "100M", "2B", to_n="1.6B", width=512, to_width=2048, layers=8, to_layers=16
    )
    one = found["mup-width"]
    assert one.factor == pytest.approx(1 / 4)
    assert one.also == {"weight_decay": pytest.approx(4.0)}
    assert one.groups == {"hidden": 0.25, "input, biases, gains": 1.0, "readout": 1.0}
    assert found["depth-mup"].factor == pytest.approx(1 / 4 / math.sqrt(2))
    assert found["completep"].factor == pytest.approx(1 / 4)
    assert found["completep"].groups["residual branch"] == pytest.approx(1 / 2)
    wide = transfer_lr(1e-2, "100M", "2B", to_n="400M", width=512, to_width=1024)
    assert wide["mup-width"].is_complete, "all of N grew by width"
    deep = transfer_lr(1e-2, "100M", "2B", to_n="1.6B", width=512, to_width=1024)
    assert deep["mup-width"].leaves == ("N",)


def test_batch_rules():
    found = transfer_lr(
        1e-3, "1B", "20B", batch="500k", to_batch="2M", critical_batch="1M", to_n="1B"
    )
    assert "above_critical" in [one.code for one in found.warnings]
    assert found["sqrt-batch"].factor == pytest.approx(2.0)
    assert found["linear-batch"].factor == pytest.approx(4.0)
    assert found["noise-scale"].factor == pytest.approx((1 + 2) / (1 + 0.5))
    assert found["step-rule"].factor == pytest.approx(2.0), "a quarter of the steps"
    assert found["step-rule"].also == {
        "weight_decay": pytest.approx(2.0),
        "adam_epsilon": pytest.approx(0.5),
        "one_minus_beta": pytest.approx(4.0),
    }


@given(small=st.floats(1e3, 1e9), factor=st.floats(1.1, 1e3), crit=st.floats(1e3, 1e12))
def test_the_noise_scale_lies_between_a_constant_and_a_proportional_rate(small, factor, crit):
    found = transfer_lr(
        1e-3, "1B", "20B", batch=small, to_batch=small * factor, critical_batch=crit
    )["noise-scale"]
    assert found.factor is not None
    assert 1.0 < found.factor < factor


def test_weight_decay_goes_through_the_timescale():
    found = transfer_lr(
        3e-3, "100M", "2B", to_n="1B", to_d="200B", batch="0.5M", to_batch="4M", weight_decay=0.1
    )
    one = found["step-law"]
    assert one.lr is not None
    assert one.weight_decay is not None
    before = 5e5 / (3e-3 * 0.1 * 2e9)
    after = 4e6 / (one.lr.estimate * one.weight_decay * 2e11)
    assert after / before == pytest.approx((200 / 20) ** -0.52)
    assert transfer_lr(3e-3, "100M", "2B", to_n="1B")["step-law"].weight_decay is None


def test_the_batch_is_carried_too():
    found = transfer_lr(3e-3, "100M", "2B", to_d="20B", batch="500k", loss=3.0, to_loss=2.7)
    factors = {one.law: one.factor for one in found.batches}
    assert factors["step-law"] == pytest.approx(10**0.571)
    assert factors["power-lines"] == pytest.approx(10**0.383)
    assert factors["deepseek"] == pytest.approx(10**0.3271)
    # The factor of MiniCPM's law is not confirmed; a ratio does without.
    assert factors["minicpm"] == pytest.approx((3.0 / 2.7) ** 6.24)
    assert found.batches[0].batch_tokens == pytest.approx(5e5 * 10**0.571)


def test_rules_of_different_changes_combine():
    both = ("mup-width", "step-rule")
    found = transfer_lr(
        1e-2, "100M", "2B", to_n="400M", to_d="8B", batch="500k", width=512, to_width=1024,
        combine=both,
    )  # fmt: skip
    one = found["mup-width + step-rule"]
    assert one.factor == pytest.approx(0.5 * 4**-0.5)
    assert one.is_complete
    assert not found["mup-width"].is_complete
    assert found.rules[0].is_complete, "those that cover everything come first"


@pytest.mark.parametrize(
    ("combine", "code"),
    [
        (("step-law", "horizon"), "counted_twice"),
        (("step-law", "no-such-rule"), "unknown_rule"),
        (("step-law", "mup-width"), "unusable_rule"),
    ],
)
def test_what_cannot_be_combined_is_refused(combine, code):
    with pytest.raises(InputError) as caught:
        transfer_lr(1e-2, "100M", "2B", to_n="1B", to_d="20B", combine=combine)
    assert caught.value.code == code


def test_a_schedule_is_never_carried():
    found = transfer_lr(1e-3, "1B", "20B", to_d="40B", schedule="cosine", to_schedule="WSD")
    assert all("schedule" in one.leaves for one in found.rules if one.factor is not None)
    assert found.spread is None
    assert [one.code for one in found.warnings] == ["incomplete", "schedule_changes"]
    json.dumps(found.move.to.to_dict())


def test_nothing_changes_nothing():
    found = transfer_lr(1e-3, "1B", "20B", batch="1M", width=1024, layers=16, critical_batch="1M")
    assert [one.code for one in found.warnings] == ["nothing_changes"]
    for one in found.rules:
        assert one.factor == pytest.approx(1.0)


@settings(max_examples=40)
@given(
    n=st.floats(1e6, 1e9), d=st.floats(1e8, 1e11), by_n=st.floats(0.1, 10), by_d=st.floats(0.1, 10)
)
def test_there_and_back_again(n, d, by_n, by_d):
    there = transfer_lr(1e-3, n, d, to_n=n * by_n, to_d=d * by_d, batch=1e6)
    for one in there.rules:
        if one.factor is None or one.rule == "horizon-at-size":
            continue
        back = transfer_lr(1e-3 * one.factor, n * by_n, d * by_d, to_n=n, to_d=d, batch=1e6)[
            one.rule
        ]
        assert back.lr is not None
        assert back.lr.estimate == pytest.approx(1e-3)


def test_the_interval_is_that_of_the_way():
    one = transfer_lr(1e-3, "1B", "20B", to_d="40B")["step-law"].lr
    assert one is not None
    assert one.lo == pytest.approx(1e-3 * 2**0.2712)
    assert one.hi == pytest.approx(1e-3 * 2**0.3451)
    assert one.level == 0.95
    horizon = transfer_lr(1e-3, "1B", "20B", to_d="40B")["horizon"].lr
    assert horizon is not None
    assert math.isnan(horizon.lo)


def test_results_are_read_kept_and_shown(tmp_path):
    LONGER.save(tmp_path / "transfer.json")
    assert json.loads((tmp_path / "transfer.json").read_text())["schema"] == "isoloss.lr_transfer"
    assert LONGER.to_frame()["rule"].to_list() == [one.rule for one in LONGER.rules]
    assert "they contradict" in str(LONGER)
    assert LONGER._repr_html_().startswith("<pre>")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"lr": 0.0}, "lr"),
        ({"n": 1e-300}, "n"),
        ({"to_n": 1e300}, "to_n"),
        ({"lr": -1e-3}, "lr"),
        ({"n": "7E"}, "n"),
        ({"to_d": -1.0}, "to_d"),
        ({"to_batch": "1M"}, "batch"),
        ({"to_width": 1024.0}, "width"),
        ({"to_loss": 2.0}, "loss"),
        ({"width": float("nan")}, "width"),
        ({"critical_batch": "x"}, "critical_batch"),
        ({"weight_decay": -0.1}, "weight_decay"),
    ],
)
def test_bad_input_names_the_argument(arguments, field):
    with pytest.raises(InputError) as caught:
        transfer_lr(**({"lr": 1e-3, "n": 1e9, "d": 2e10} | arguments))
    assert caught.value.where.field == field
