"""The critical batch from tables and laws, and the trade-off of other batches."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import Quantity
from isoloss.planning.batch import batch_from_noise, batch_laws, critical_batch, trade_off
from isoloss.planning.batch.critical_batch import merged

BATCHES = [2**power for power in range(14, 22)]


def table(steps_min=1000.0, crit=2.0**17, noise=0.02, **columns):
    rng = np.random.default_rng(5)
    steps = [steps_min * (1 + crit / b) * math.exp(noise * rng.standard_normal()) for b in BATCHES]
    return {"batch_tokens": BATCHES, "steps": steps, **columns}


def test_from_a_table_of_steps():
    found = critical_batch(table())
    assert found.batch_crit is not None
    assert found.batch_crit.lo < 2**17 < found.batch_crit.hi
    assert found.n_runs == 8
    assert found.warnings == ()
    (one,) = found.to_dict()["targets"]
    assert one["batch_at_20_percent"]["estimate"] == 0.2 * one["batch_crit"]["estimate"]
    assert len(found.to_dict()["data_hash"]) == 64


def test_steps_or_tokens_or_sequences_say_the_same():
    plain = table()
    steps = plain.pop("steps")
    by_tokens = {**plain, "tokens": [s * b for s, b in zip(steps, BATCHES, strict=True)]}
    sequences = {"batch_sequences": [b // 2048 for b in BATCHES], "updates": steps}
    expected = critical_batch(table(), draws=0).batch_crit
    assert expected is not None
    others = [
        critical_batch(by_tokens, draws=0),
        critical_batch(sequences, seq_len=2048, columns={"updates": "steps"}, draws=0),
        critical_batch({**sequences, "seq_len": [2048] * 8}, columns={"updates": "steps"}, draws=0),
        critical_batch({**table(), "batch_tokens": [b / 1e3 for b in BATCHES]},
                       scale={"batch_tokens": 1e3}, draws=0),
    ]  # fmt: skip
    for other in others:
        assert other.batch_crit is not None
        assert other.batch_crit.estimate == pytest.approx(expected.estimate, rel=1e-9)


def test_each_target_has_its_own_curve():
    first, second = table(), table(steps_min=3000.0, crit=2.0**19)
    both = {name: [*first[name], *second[name]] for name in first}
    both["loss"] = [3.2] * 8 + [2.9] * 8
    found = critical_batch(both)
    assert [one.target for one in found.hyperbolas] == ["loss 3.2", "loss 2.9"]
    low, high = (one.batch_crit.estimate for one in found.hyperbolas)
    assert high / low == pytest.approx(4.0, rel=0.2)
    assert found.batch_crit == found.hyperbolas[-1].batch_crit
    only = critical_batch(both, target="3.2")
    assert [one.target for one in only.hyperbolas] == ["loss 3.2"]
    assert found.to_frame()["target"].to_list() == ["loss 3.2", "loss 2.9"]
    both["loss"][-6:] = [2.0] * 6
    left = critical_batch(both)
    assert list(left.refused) == ["loss 2.9"]
    assert left.warnings[0].code == "refused"
    with pytest.raises(InputError, match="no run has the target"):
        critical_batch(both, target="1.0")


def test_the_hash_forgets_the_order_of_rows():
    plain = table()
    turned = {name: list(values)[::-1] for name, values in plain.items()}
    assert critical_batch(plain).data_hash == critical_batch(turned).data_hash
    assert critical_batch(plain).data_hash != critical_batch(table(noise=0.03)).data_hash


def test_a_trade_off_by_hand():
    found = trade_off("2M", "500k", "100k", seconds_per_step=2.0)
    by_batch = {one.batch_tokens: one for one in found.rows}
    base, double = by_batch[5e5], by_batch[1e6]
    assert base.steps.estimate == pytest.approx(1e5)
    assert double.steps.estimate == pytest.approx(6e4)
    assert double.tokens_factor.estimate == pytest.approx(1.2)
    assert double.days_scaled is not None
    assert double.days_scaled.estimate == pytest.approx(6e4 * 2 / 86_400)
    assert double.days_same is not None
    assert double.days_same.estimate == pytest.approx(6e4 * 4 / 86_400)
    assert "twice the batch saves 40% of the steps and takes 20% more tokens" in str(found)
    assert found.to_frame()["steps"].to_list() == sorted(found.to_frame()["steps"], reverse=True)


@given(crit=st.floats(1e3, 1e9), batch=st.floats(1e3, 1e9), steps=st.floats(1, 1e7))
def test_a_larger_batch_takes_fewer_steps_and_more_tokens(crit, batch, steps):
    rows = trade_off(crit, batch, steps).rows
    for small, large in pairwise(rows):
        assert large.steps.estimate <= small.steps.estimate
        assert large.tokens.estimate >= small.tokens.estimate * (1 - 1e-12)
        halved = large.steps.estimate / small.steps.estimate
        assert halved >= 0.5 - 1e-12, "twice the batch saves at most half of the steps"
    least = steps / (1 + crit / batch)
    for one in rows:
        product = (one.steps.estimate / least - 1) * (one.tokens.estimate / (least * crit) - 1)
        assert product == pytest.approx(1.0, rel=1e-6)


def test_a_fitted_trade_off_has_intervals():
    found = critical_batch(table(), batch="262144", seconds_per_step=1.0).trade_off
    assert found is not None
    same = next(one for one in found.rows if one.batch_tokens == 262144)
    assert same.steps_factor == Quantity(1.0, 1.0, 1.0, 0.9)
    far = found.rows[-1]
    assert far.steps.lo < far.steps.estimate < far.steps.hi
    assert far.days_scaled is not None
    assert far.days_scaled.lo < far.days_scaled.hi


def test_from_gradient_norms():
    rng = np.random.default_rng(3)
    batch = [2**15] * 12 + [2**19] * 12
    norms = [0.2 * math.sqrt((1 + 6e5 / b) * math.exp(0.05 * rng.standard_normal())) for b in batch]
    found = batch_from_noise({"batch_tokens": batch, "grad_norm": norms})
    assert found.batch_crit is not None
    assert found.batch_crit.lo < 6e5 < found.batch_crit.hi
    squared = batch_from_noise({"batch_tokens": batch, "grad_norm_sq": [v * v for v in norms]})
    assert squared.batch_crit == found.batch_crit
    assert found.n_runs == 24
    single = batch_from_noise({"batch_tokens": [8, 64], "grad_norm": [2.0, 1.2]})
    assert single.warnings[0].code == "no_interval"


def test_by_the_published_laws():
    found = batch_laws("7B", "1.4T", loss=2.0)
    by_name = {one.law: one for one in found.laws}
    assert set(by_name) == {"kaplan-lr", "kaplan-frontier", "power-lines"}
    crit = by_name["kaplan-lr"].critical_batch_tokens
    assert crit is not None
    assert crit.estimate == pytest.approx(7.371e6, rel=1e-3)
    frontier = by_name["kaplan-frontier"].critical_batch_tokens
    assert frontier is not None
    assert frontier.estimate == pytest.approx(2e6 * (5.88e22 / 8.64e19) ** 0.24)
    assert by_name["power-lines"].critical_batch_tokens is None
    assert by_name["power-lines"].powers["critical_batch_tokens"]["D"] == 0.47
    assert "the power of D (+0.47)" in " ".join(str(found).split())


def test_answers_are_joined_kept_and_shown(tmp_path):
    found = merged([critical_batch(table()), batch_laws("1B", "20B")])
    assert found.hyperbolas
    assert found.laws
    found.save(tmp_path / "batch.json")
    assert json.loads((tmp_path / "batch.json").read_text())["schema"] == "isoloss.critical_batch"
    assert "critical batch" in str(found)
    assert found._repr_html_().startswith("<pre>")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"steps": None}, "missing_column", "steps"),
        ({"batch_tokens": None}, "missing_column", "batch_tokens"),
        ({"steps": [1e3] * 7 + [None]}, "bad_value", "steps"),
        ({"steps": [1e3] * 7 + [-1.0]}, "bad_value", "steps"),
        ({"tokens": [1e9] * 8}, "inconsistent_tokens", "tokens"),
    ],
)
def test_bad_tables_name_the_column(change, code, field):
    columns = {**table(), **change}
    with pytest.raises(InputError) as caught:
        critical_batch({name: values for name, values in columns.items() if values is not None})
    assert caught.value.code == code
    assert caught.value.where.field == field


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"batch_tokens": [8, 64]}, "missing_column"),
        ({"batch_tokens": [8, 64, 512], "grad_norm": [3.0, 2.0, 1.0]}, "not_two_batches"),
        ({"batch_tokens": [8, 8], "grad_norm": [3.0, 2.0]}, "not_two_batches"),
        ({"batch_sequences": [8, 64], "grad_norm": [3.0, 2.0]}, "missing_column"),
        ({"batch_tokens": [8, 64], "grad_norm": [3.0, 0.0]}, "bad_value"),
    ],
)
def test_bad_norms_are_explained(columns, code):
    with pytest.raises(InputError) as caught:
        batch_from_noise(columns)
    assert caught.value.code == code


def test_no_target_that_can_be_fitted_is_a_refusal():
    with pytest.raises(EvidenceError) as caught:
        critical_batch(table(crit=2.0**40))
    assert caught.value.code == "not_bracketed"


@pytest.mark.parametrize("bad", [{"seconds_per_step": -1.0}, {"batch": "-1"}])
def test_bad_arguments_are_named(bad):
    with pytest.raises(InputError) as caught:
        critical_batch(table(), **bad)
    assert caught.value.where.field == next(iter(bad))
