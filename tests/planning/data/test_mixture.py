"""The best mixture: recovered from known laws, within its limits, and refused without evidence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.document import dumps
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting.mixture_table import read_mixtures
from isoloss.planning.data import mix_data
from isoloss.planning.data.convex import best_shares, greedy
from isoloss.planning.data.limits import Limits

PULLS = {"loss_a": (2.0, (-2.0, 0.1, 0.4)), "loss_b": (1.5, (0.5, -1.5, 0.2))}


def runs(count=40, noise=0.002, seed=3, order=(0, 1, 2)):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([1.0, 1.0, 1.0], count)
    columns = {f"w_{'abc'[i]}": shares[:, i].tolist() for i in order}
    for name, (floor, pull) in PULLS.items():
        loss = (floor + np.exp(shares @ np.array(pull))) * np.exp(rng.normal(0, noise, count))
        columns[name] = loss.tolist()
    return columns


def truth(floor=0.0):
    """The best mixture of the two targets by a grid on the triangle."""
    steps = np.linspace(0, 1, 401)
    a, b = np.meshgrid(steps, steps)
    keep = a + b <= 1 + 1e-12
    shares = np.column_stack([a[keep], b[keep], 1 - a[keep] - b[keep]])
    shares = shares[shares.min(axis=1) >= floor - 1e-12]
    loss = np.mean([c + np.exp(shares @ np.array(t)) for c, t in PULLS.values()], axis=0)
    return shares[int(np.argmin(loss))], float(loss.min())


def test_the_true_mixture_is_found():
    found = mix_data(runs(noise=0.0), targets=["loss_a", "loss_b"], extrapolate=True, draws=0)
    shares, loss = truth()
    assert [q.estimate for q in found.shares.values()] == pytest.approx(shares, abs=0.004)
    assert found.loss_mean.estimate == pytest.approx(loss, abs=1e-5)
    assert found.gap <= 1e-7 * loss


def test_intervals_hold_the_truth_and_the_estimate():
    found = mix_data(runs(), targets=["loss_a", "loss_b"], draws=60)
    shares, loss = truth()
    for value, quantity in zip(shares, found.shares.values(), strict=True):
        assert quantity.lo - 0.02 <= value <= quantity.hi + 0.02
        assert quantity.lo <= quantity.estimate <= quantity.hi
    assert found.loss_mean.estimate == pytest.approx(loss, rel=2e-3)
    assert found.held_out["loss_a"].law.spearman > 0.98
    assert found.held_out["loss_a"].law.rms < found.held_out["loss_a"].linear.rms
    assert found.observed is not None
    assert found.observed.gain.estimate >= 0
    assert found.linear_loss_mean.estimate >= found.loss_mean.estimate


def test_target_weights_move_the_mixture():
    much = mix_data(runs(), targets={"loss_a": 3.0, "loss_b": 1.0}, draws=0)
    little = mix_data(runs(), targets={"loss_a": 1.0, "loss_b": 3.0}, draws=0)
    assert much.shares["a"].estimate > little.shares["a"].estimate
    assert much.target_weights == {"loss_a": 0.75, "loss_b": 0.25}


def test_permuted_domains_permute_the_answer():
    plain = mix_data(runs(), targets=["loss_a", "loss_b"], draws=10)
    other = mix_data(runs(order=(2, 0, 1)), targets=["loss_a", "loss_b"], draws=0)
    for name in "abc":
        assert other.shares[name].estimate == pytest.approx(plain.shares[name].estimate, abs=1e-5)
    assert other.loss_mean.estimate == pytest.approx(plain.loss_mean.estimate, rel=1e-8)


def test_limits_hold_and_the_binding_one_is_named():
    found = mix_data(
        runs(),
        targets=["loss_a", "loss_b"],
        at_least={"c": 0.2},
        pools={"a": "5B"},
        tokens="100B",
        max_epochs=4,
        draws=20,
    )
    assert found.shares["a"].estimate <= 0.2 + 1e-9
    assert found.shares["a"].hi <= 0.2 + 1e-9
    assert found.shares["c"].estimate >= 0.2 - 1e-9
    assert sum(q.estimate for q in found.shares.values()) == pytest.approx(1.0, abs=1e-12)
    named = {one.domain: one for one in found.bindings}
    assert named["a"].reason == "4 epochs of 5B tokens in 100B"
    assert named["c"].side == "low"
    assert named["a"].loss_per_percent > 0
    looser = mix_data(
        runs(),
        targets=["loss_a", "loss_b"],
        at_least={"c": 0.2},
        at_most={"a": 0.21},
        draws=0,
    )
    gained = found.loss_mean.estimate - looser.loss_mean.estimate
    assert gained == pytest.approx(named["a"].loss_per_percent, rel=0.1)


def test_without_extrapolation_no_share_leaves_the_runs():
    table = runs(count=25)
    low = [min(table[f"w_{name}"]) for name in "abc"]
    found = mix_data(table, targets=["loss_a"], draws=0)
    free = mix_data(table, targets=["loss_a"], extrapolate=True, draws=0)
    assert found.shares["c"].estimate >= low[2] - 1e-9
    assert free.shares["a"].estimate == pytest.approx(1.0, abs=1e-6)
    assert found.shares["a"].estimate <= max(table["w_a"]) + 1e-9


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_the_bound_on_the_minimum_holds_for_any_problem(seed):
    rng = np.random.default_rng(seed)
    size, targets = int(rng.integers(2, 7)), int(rng.integers(1, 4))
    high = rng.uniform(1.2 / size, 1.0, size)
    low = rng.uniform(0.0, 0.7 / size, size)
    names = tuple("abcdefg"[:size])
    allowed = Limits(names, low, high, ("",) * size, ("",) * size)
    floor, pull = rng.uniform(0, 3, targets), rng.normal(0, 2, (targets, size))
    weight = rng.dirichlet(np.ones(targets))
    shares, gap = best_shares(floor, pull, weight, allowed)
    assert shares.sum() == pytest.approx(1.0, abs=1e-9)
    assert np.all(shares >= low - 1e-9)
    assert np.all(shares <= high + 1e-9)
    loss = weight @ (floor + np.exp(pull @ shares))
    assert gap <= 1e-6 * loss
    for cost in rng.normal(size=(20, size)):
        corner = greedy(cost, allowed)
        mixed = 0.5 * (corner + shares)
        assert weight @ (floor + np.exp(pull @ mixed)) >= loss - gap - 1e-12


def change(**columns):
    table = runs()
    for name, value in columns.items():
        table[name] = value(table[name]) if callable(value) else value
    return table


@pytest.mark.parametrize(
    ("table", "options", "code"),
    [
        (change(w_a=lambda x: [v + 0.2 for v in x]), {}, "shares_do_not_add_up"),
        (change(w_a=lambda x: [-v for v in x]), {}, "negative_share"),
        (change(w_a=lambda x: ["much", *x[1:]]), {}, "bad_value"),
        (change(loss_a=lambda x: [-1.0, *x[1:]]), {}, "bad_value"),
        (runs(), {"targets": ["loss_z"]}, "missing_column"),
        (runs(), {"targets": []}, "missing_argument"),
        (runs(), {"domains": "v_"}, "missing_column"),
        (runs(), {"domains": ["w_a", "w_a"]}, "repeated_value"),
        (runs(), {"where": "w_a > 2"}, "no_rows"),
        (runs(), {"at_most": {"z": 0.3}}, "unknown_domain"),
        (runs(), {"at_most": {"a": 1.3}}, "bad_share"),
        (runs(), {"at_least": {"a": -0.1}}, "bad_share"),
        (runs(), {"at_least": {"a": 0.5}, "at_most": {"a": 0.3}}, "contradictory_limits"),
        (runs(), {"at_least": {"a": 0.6, "b": 0.6}}, "contradictory_limits"),
        (runs(), {"at_most": {"a": 0.2, "b": 0.2, "c": 0.2}}, "contradictory_limits"),
        (runs(), {"pools": {"a": "4B"}}, "missing_argument"),
        (runs(), {"pools": {"a": "4B"}, "tokens": "1B", "max_epochs": 0.0}, "bad_epochs"),
        (runs(), {"targets": {"loss_a": -1.0}}, "bad_weight"),
        (runs(), {"targets": {"loss_a": 0.0}}, "bad_weight"),
    ],
)
def test_bad_input(table, options, code):
    with pytest.raises(InputError) as caught:
        mix_data(table, **{"targets": ["loss_a"], "draws": 0, **options})
    assert caught.value.code == code


def test_a_contradiction_names_both_sides():
    with pytest.raises(InputError) as caught:
        mix_data(runs(), targets=["loss_a"], at_least={"a": 0.5}, pools={"a": "1B"}, tokens="100B")
    assert '"a" must be 0.5 or more (at least 0.5 asked for)' in caught.value.message
    assert "0.04 or less (4 epochs of 1B tokens in 100B)" in caught.value.message


def constant():
    table = runs()
    rest = [1 - a for a in table["w_a"]]
    return {**table, "w_b": [0.1 * 0 + 0.0 for _ in rest], "w_c": rest}


def together():
    table = runs()
    return {
        **table,
        "w_b": [0.6 * (1 - a) for a in table["w_a"]],
        "w_c": [0.4 * (1 - a) for a in table["w_a"]],
    }


def shuffled():
    table = runs()
    rng = np.random.default_rng(0)
    return {**table, "loss_a": rng.permutation(table["loss_a"]).tolist()}


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({name: values[:5] for name, values in runs().items()}, "too_few_runs"),
        (constant(), "domain_does_not_vary"),
        (together(), "domains_move_together"),
        (shuffled(), "no_skill"),
    ],
)
def test_thin_evidence_is_refused(table, code):
    with pytest.raises(EvidenceError) as caught:
        mix_data(table, targets=["loss_a"], draws=0)
    assert caught.value.code == code


def test_the_rest_is_a_domain_of_its_own():
    table = runs()
    del table["w_c"]
    found = mix_data(table, targets=["loss_a", "loss_b"], domains=["w_a", "w_b"], rest="c", draws=0)
    plain = mix_data(runs(), targets=["loss_a", "loss_b"], draws=0)
    assert list(found.shares) == ["w_a", "w_b", "c"]
    assert found.loss_mean.estimate == pytest.approx(plain.loss_mean.estimate, rel=1e-9)


def test_row_order_and_seed():
    table = runs()
    turned = {name: values[::-1] for name, values in table.items()}
    one = mix_data(table, targets=["loss_a"], draws=10)
    other = mix_data(turned, targets=["loss_a"], draws=0)
    assert one.data_hash == other.data_hash
    assert one.held_out["loss_a"].law.rms == pytest.approx(
        other.held_out["loss_a"].law.rms, rel=1e-6
    )
    assert mix_data(table, targets=["loss_a"], draws=10).to_dict() == one.to_dict()
    assert json.loads(dumps(one.to_dict()))["n_runs"] == 40


def test_further_runs_are_scored():
    test = read_mixtures(runs(seed=9), targets=["loss_a"])
    found = mix_data(runs(), targets=["loss_a"], test=test, draws=0)
    assert found.test["loss_a"].law.spearman > 0.98
    assert "further runs" in found.summary()
    assert found.to_frame().height == 3
    other = read_mixtures(runs(), targets=["loss_b"])
    with pytest.raises(InputError, match="other domains or other losses"):
        mix_data(runs(), targets=["loss_a"], test=other, draws=0)
