"""Stacking: the best weights, what they may know, what they promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import isoloss as iso
from isoloss.validation.backtest import backtest
from isoloss.validation.stacking import learn, simplex_weights, stack
from tests.validation.simulate import BUDGETS, sweep

LAWS = ("chinchilla", "gadre", "chinchilla-nofloor")

errors = arrays(
    np.float64,
    st.tuples(st.integers(2, 12), st.integers(1, 4)),
    elements=st.floats(-1, 1, width=32),
)


@pytest.fixture(scope="module")
def tested():
    return backtest(sweep(), LAWS, draws=20, at=BUDGETS[2:6])


@given(errors)
def test_weights_are_the_best_on_the_simplex(e):
    weights = simplex_weights(e)
    assert np.all(weights >= 0)
    assert weights.sum() == pytest.approx(1)
    best = np.sum((e @ weights) ** 2)
    # At the optimum no law can take weight from the others to make the sum of squares smaller.
    for k in range(e.shape[1]):
        toward = np.eye(e.shape[1])[k]
        slope = 2 * (e @ weights) @ (e @ (toward - weights))
        assert slope >= -1e-9 * (1 + best)


@given(errors)
def test_stack_is_never_worse_than_the_worst(e):
    rng = np.random.default_rng(0)
    for weights in (simplex_weights(e), rng.dirichlet(np.ones(e.shape[1]))):
        assert np.mean(np.abs(e @ weights)) <= np.max(np.mean(np.abs(e), axis=0)) + 1e-12


def test_errors_that_cancel_are_averaged():
    e = np.array([[0.02, -0.02], [0.01, -0.01], [0.03, -0.03]])
    assert simplex_weights(e) == pytest.approx([0.5, 0.5])


def test_perfect_laws_share():
    assert simplex_weights(np.zeros((3, 2))) == pytest.approx([0.5, 0.5])


def test_later_cuts_count_more_and_difficulty_does_not():
    bad, good = np.full(20, 0.1), np.full(20, 0.01)
    cuts = [{"a": bad, "b": good}, {"a": good, "b": bad}]
    weights = learn(cuts, ["a", "b"])
    assert weights["a"] > 0.6
    # The first cut a hundred times as hard changes nothing.
    hard = [{name: 100 * e for name, e in cuts[0].items()}, cuts[1]]
    assert learn(hard, ["a", "b"]) == pytest.approx(weights)


def test_nothing_known_means_equal_weights():
    assert learn([], ["a", "b"]) == {"a": 0.5, "b": 0.5}


def test_own_backtest_knows_earlier_cuts_and_seen_runs_only(tested):
    found = stack(tested)
    assert [cut.at for cut in found.cuts] == [cut.at for cut in tested.cuts[1:]]
    # Whatever the runs above a cut turn out to be, the weights there are the same.
    for i, cut in enumerate(tested.cuts[1:], start=1):
        above = set(cut.laws["chinchilla"].run_id)
        changed = []
        for earlier in tested.cuts[:i]:
            laws = {}
            for k, (name, score) in enumerate(earlier.laws.items()):
                later = np.array([run in above for run in score.run_id])
                laws[name] = replace(score, loss=np.where(later, 9.0 + k, score.loss))
            changed.append(replace(earlier, laws=laws))
        other = replace(tested, cuts=(*changed, *tested.cuts[i:]))
        assert stack(other).cuts[i - 1].weights == found.cuts[i - 1].weights


def test_stack_lies_between_worst_and_better_than_most(tested):
    found = stack(tested)
    for cut in found.cuts:
        assert cut.mean_abs_rel_error <= cut.worst * (1 + 1e-9)
    total = np.mean([cut.mean_abs_rel_error for cut in found.cuts])
    laws = {n: np.mean([c.laws[n].mean_abs_rel_error for c in tested.cuts[1:]]) for n in LAWS}
    assert total <= np.median(list(laws.values()))
    assert sum(found.weights.values()) == pytest.approx(1)


def test_law_that_fails_at_the_last_cut_has_no_weight(tested):
    last = tested.cuts[-1]
    broken = replace(last.laws["gadre"], expected=np.full(len(last.laws["gadre"].loss), np.nan))
    cuts = (*tested.cuts[:-1], replace(last, laws={**last.laws, "gadre": broken}))
    found = stack(replace(tested, cuts=cuts))
    assert "gadre" not in found.weights
    assert "gadre" not in found.cuts[-1].weights


def test_prediction_is_the_weighted_mean_with_all_that_laws_disagree_on(tested):
    runs = sweep()
    fits = {law: iso.fit(runs, law, draws=100) for law in LAWS}
    found = replace(stack(tested, fits), weights={"chinchilla": 0.25, "chinchilla-nofloor": 0.75})
    x = {"N": [1e9, 1e10], "D": [2e10, 2e11]}
    told = found.predict(x)
    alone = {law: fits[law].predict(x) for law in found.weights}
    for i in range(2):
        one = alone["chinchilla"].loss_mean[i]
        other = alone["chinchilla-nofloor"].loss_mean[i]
        pooled = told.loss_mean[i]
        assert pooled.estimate == pytest.approx(0.25 * one.estimate + 0.75 * other.estimate)
        assert pooled.lo <= max(one.lo, other.lo)
        assert pooled.hi >= min(one.hi, other.hi)
        assert told.loss[i].hi - told.loss[i].lo >= 0.9 * (pooled.hi - pooled.lo)
    # Far out the laws disagree more than either doubts itself.
    far = told.loss_mean[1]
    widths = [a.loss_mean[1].hi - a.loss_mean[1].lo for a in alone.values()]
    assert far.hi - far.lo > max(widths)


def test_weight_on_one_law_is_that_law(tested):
    fits = {"chinchilla": iso.fit(sweep(), draws=50)}
    found = replace(stack(tested, fits), weights={"chinchilla": 1.0})
    told, own = (f.predict({"N": 1e9, "D": 2e10}) for f in (found, fits["chinchilla"]))
    assert told.loss_mean[0].estimate == own.loss_mean[0].estimate
    assert told.loss_mean[0].lo == pytest.approx(own.loss_mean[0].lo, rel=1e-3)
    assert told.loss[0].hi == pytest.approx(own.loss[0].hi, rel=1e-3)


def test_prediction_needs_fits_with_draws(tested):
    with pytest.raises(iso.EvidenceError, match="not fitted"):
        stack(tested).predict({"N": 1e9, "D": 2e10})
    bare = {law: iso.fit(sweep(), law, ci="none") for law in LAWS}
    with pytest.raises(iso.EvidenceError, match="intervals"):
        stack(tested, bare).predict({"N": 1e9, "D": 2e10})


def test_report(tested):
    found = stack(tested)
    text = found.summary()
    assert text.startswith("stacked prediction: ")
    assert len(text.splitlines()) == 2 + len(found.cuts)
    assert found.to_dict()["schema"] == "isoloss.stack"
    assert found.to_frame().height == len(found.cuts)
    assert found._repr_html_().startswith("<pre>")
