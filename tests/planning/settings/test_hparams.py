"""Learning rate and batch by all laws: values, ranges, spread, contradictions, own laws."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isoloss as iso
from isoloss.errors import InputError
from isoloss.fitting import Quantity
from isoloss.planning.settings import Advice, hparams
from isoloss.runs import PARAM_COUNTS, parse_architecture

FAR = hparams("7B", "1.4T", loss=2.0, batch="4M")


def test_one_entry_per_law_with_its_source():
    names = [one.law for one in FAR.laws]
    assert names == [
        *["step-law", "horizon", "deepseek", "porian", "kaplan-lr", "kaplan-frontier"],
        *["power-lines", "ling-moe", "minicpm", "skaling"],
    ]
    assert all(one.source and one.confidence in ("V", "V2") for one in FAR.laws)


def test_values_and_distances():
    step = FAR["step-law"]
    assert step.lr is not None
    assert step.lr.estimate == pytest.approx(9.166e-4, rel=1e-4)
    assert step.lr.lo < step.lr.estimate < step.lr.hi
    assert step.batch_tokens is not None
    assert step.batch_tokens.estimate == pytest.approx(4_998_815, rel=1e-6)
    assert step.outside == {"N": pytest.approx(7.0), "D": pytest.approx(14.0)}
    assert not step.inside_range
    assert hparams(2e8, 1e10)["step-law"].inside_range
    assert FAR["deepseek"].outside == {"C": pytest.approx(5.88e22 / 2e19)}
    assert FAR["power-lines"].lr is None
    tokens_per_param = hparams("1B", "5B")["power-lines"]
    assert tokens_per_param.outside == {"D/N": pytest.approx(4.0)}


def test_what_has_no_value_says_why():
    assert FAR["minicpm"].batch_tokens is None
    assert "confirmed" in FAR["minicpm"].missing["batch_tokens"]
    assert "F is not defined" in FAR["skaling"].missing["lr"]
    assert not FAR["minicpm"].inside_range, "no range is stated"
    without = hparams("7B", "1.4T")
    assert "loss" in without["kaplan-lr"].missing["critical_batch_tokens"]
    assert FAR["kaplan-lr"].critical_batch_tokens is not None
    assert FAR["kaplan-lr"].critical_batch_tokens.estimate == pytest.approx(7.371e6, rel=1e-3)
    huge = hparams("100B", "1T")["kaplan-lr"]
    assert huge.lr is None
    assert "positive" in huge.missing["lr"]


def test_compute_may_be_given():
    own = hparams("7B", "1.4T", flop="1e23", law="deepseek")
    same = hparams(1e9, 1e23 / 6e9, law="deepseek")["deepseek"].lr
    assert own["deepseek"].lr is not None
    assert same is not None
    assert own["deepseek"].lr.estimate == pytest.approx(same.estimate)
    assert own.flop_convention == "given"


def test_with_an_architecture_each_law_gets_its_own_count():
    shape = parse_architecture("L=12 d=768 V=50304 T=1024")
    found = hparams(shape, "10B")
    assert found.n_counts == {name: shape.count(name) for name in PARAM_COUNTS}
    for law, n in (("step-law", shape.n_nonemb), ("porian", shape.n_matmul)):
        mine, same = found[law].lr, hparams(n, "10B", law=law)[law].lr
        assert mine is not None
        assert same is not None
        assert mine.estimate == same.estimate
    # DeepSeek's M is 72 n_layer d^2 + 12 n_layer d seq for this shape.
    compute = (72 * 12 * 768**2 + 12 * 12 * 768 * 1024) * 1e10
    assert found.flop == pytest.approx(compute)
    lr = found["deepseek"].lr
    assert lr is not None
    assert lr.estimate == pytest.approx(0.3118 * compute**-0.125)
    assert found.flop_convention == "m_d"
    bare = hparams(parse_architecture("L=12 d=768"), "10B")
    assert "no_vocabulary" in [one.code for one in bare.warnings]
    assert "N by what it counts" in str(found)


def test_a_rate_is_carried_to_the_wanted_batch():
    at = FAR["horizon"].lr_at_batch
    assert at is not None
    assert at.since == 5e5
    lr = FAR["horizon"].lr
    assert lr is not None
    assert at.square_root == pytest.approx(lr.estimate * math.sqrt(8))
    assert at.linear == pytest.approx(lr.estimate * 8)
    step = FAR["step-law"].lr_at_batch
    assert step is not None
    assert step.since == pytest.approx(4_998_815, rel=1e-6)
    assert hparams("7B", "1.4T")["step-law"].lr_at_batch is None


def test_the_spread_is_that_of_the_table():
    rates = [one.lr.estimate for one in FAR.laws if one.lr is not None]
    spread = FAR.spread["lr"]
    assert (spread.lo, spread.hi, spread.n_laws) == (min(rates), max(rates), len(rates))
    assert spread.ratio == max(rates) / min(rates)
    assert FAR[spread.law_hi].lr == FAR["porian"].lr


def test_contradictions_are_named_with_what_is_known_of_the_reason():
    rate, batch = FAR.contradictions
    assert rate.code == "lr_with_tokens"
    assert rate.rising == {"step-law": pytest.approx(0.307)}
    assert set(rate.falling) == {"horizon", "deepseek", "ling-moe"}
    assert rate.falling["horizon"] == pytest.approx(-0.32)
    assert set(rate.flat) == {"porian", "kaplan-lr"}
    text = " ".join(rate.reasons)
    for word in ("1e-5", "0.5M", "D^-0.03", "D^+0.25", "grow together"):
        assert word in text
    assert batch.code == "batch_with_size"
    assert set(batch.rising) == {"deepseek", "porian", "ling-moe"}
    assert set(batch.flat) == {"step-law", "power-lines"}


def test_laws_that_agree_do_not_contradict():
    assert hparams("1B", "20B", law=["horizon", "deepseek"]).contradictions == ()
    assert hparams("1B", "20B", law="step-law").contradictions == ()


class Own:
    """A law of one's own with as little as the protocol asks for."""

    def advise(self, params: float, tokens: float) -> Advice:
        rate = 1e-3 * (params / 1e9) ** -0.5
        return Advice("fitted", Quantity(rate, rate / 2, rate * 2), None, True, "sweep.csv")


def test_a_law_of_ones_own_comes_first():
    found = hparams("1B", "20B", fitted=[Own()])
    assert found.laws[0].law == "fitted"
    assert found["fitted"].lr == Quantity(1e-3, 5e-4, 2e-3)
    assert found.spread["lr"].n_laws == 7
    assert not [one for one in found.warnings if one.code == "not_your_runs"]
    alone = hparams("1B", "20B", law=[], fitted=[Own()])
    assert [one.law for one in alone.laws] == ["fitted"]
    assert json.loads(json.dumps(alone.to_dict()))["laws"][0]["law"] == "fitted"


def test_results_are_read_kept_and_shown(tmp_path):
    document = FAR.to_dict()
    assert document["schema"] == "isoloss.hparams"
    FAR.save(tmp_path / "hparams.json")
    assert (tmp_path / "hparams.json").read_text().startswith("{")
    frame = FAR.to_frame()
    assert frame["law"].to_list() == [one.law for one in FAR.laws]
    assert frame.filter(frame["law"] == "step-law")["lr"][0] == pytest.approx(9.166e-4, rel=1e-4)
    assert "step-law" in str(FAR)
    assert FAR._repr_html_().startswith("<pre>N 7B")
    assert iso.hparams is hparams
    with pytest.raises(KeyError):
        FAR["none"]


@settings(max_examples=40)
@given(n=st.floats(1e6, 1e13), d=st.floats(1e6, 1e15), loss=st.floats(0.5, 12.0))
def test_every_point_has_an_answer_in_plain_numbers(n, d, loss):
    found = hparams(n, d, loss=loss)
    for one in found.laws:
        for quantity in (one.lr, one.batch_tokens, one.critical_batch_tokens):
            assert quantity is None or (quantity.estimate > 0 and math.isfinite(quantity.estimate))
        assert all(far > 1 for far in one.outside.values())
    assert found.summary()


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"n": -1.0, "d": 1e9}, "n"),
        ({"n": 1e300, "d": 1e300}, "n"),
        ({"n": 1e9, "d": 1e9, "flop": 1e300}, "flop"),
        ({"n": "7E", "d": 1e9}, "n"),
        ({"n": 1e9, "d": 0.0}, "d"),
        ({"n": 1e9, "d": float("nan")}, "d"),
        ({"n": 1e9, "d": 1e9, "batch": "-4M"}, "batch"),
        ({"n": 1e9, "d": 1e9, "loss": 0.0}, "loss"),
        ({"n": 1e9, "d": 1e9, "loss": float("inf")}, "loss"),
        ({"n": 1e9, "d": 1e9, "seq_len": 0}, "seq_len"),
        ({"n": 1e9, "d": 1e9, "law": "no-such-law"}, "law"),
        ({"n": 1e9, "d": 1e9, "law": []}, "law"),
    ],
)
def test_bad_input_names_the_argument(arguments, field):
    with pytest.raises(InputError) as caught:
        hparams(**arguments)
    assert caught.value.where.field == field
