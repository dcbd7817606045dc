"""A plan with a backtest: a wider loss, the drift as measured, and what is refused."""

from __future__ import annotations

import pytest

import isoloss as iso
from isoloss.errors import InputError
from isoloss.planning import with_backtest
from isoloss.runs import format_quantity
from tests.validation.simulate import sweep


@pytest.fixture(scope="module")
def fit():
    return iso.fit(sweep("coupled", noise=0.001, shared=0.001), draws=100)


@pytest.fixture(scope="module")
def plan(fit):
    return iso.plan(fit, 1e21)


@pytest.fixture(scope="module")
def tested(fit):
    return iso.backtest(fit, ["chinchilla", "gadre"], target=1e21, draws=20)


def test_the_loss_counts_the_laws_own_error(fit, plan, tested):
    found = with_backtest(plan, fit, tested)
    x = {"N": plan.n_params.estimate, "D": plan.tokens.estimate}
    (point,) = iso.forecast(fit, x, backtest=tested).points
    assert found.loss == point.loss
    assert found.loss.lo < plan.loss.lo < plan.loss.hi < found.loss.hi
    assert found.loss_mean == plan.loss_mean
    assert found.n_params == plan.n_params
    codes = [note.code for note in found.notes]
    assert codes[:2] == ["discrepancy", "drift_measured"]
    assert "drift_not_measured" not in codes
    first, last = (size.estimate for size in (tested.sizes("chinchilla")[i] for i in (0, -1)))
    assert format_quantity(first) in found.notes[1].message
    assert format_quantity(last) in found.notes[1].message
    assert len({warning.code for warning in found.warnings}) == len(found.warnings)


def test_the_verb_takes_the_backtest(fit, tested):
    assert iso.plan(fit, 1e21, backtest=tested) == with_backtest(iso.plan(fit, 1e21), fit, tested)


def test_a_backtest_is_made_where_none_is_given(fit, plan):
    found = with_backtest(plan, fit)
    assert found.loss.hi > plan.loss.hi
    assert "drift_not_measured" in [note.code for note in found.notes]


def test_plan_and_fit_belong_together(plan, tested):
    other = iso.fit(sweep("coupled", noise=0.001, shared=0.001, seed=9), draws=20)
    with pytest.raises(InputError) as caught:
        with_backtest(plan, other, tested)
    assert caught.value.code == "other_fit"


def test_it_is_kept_like_any_plan(fit, plan, tested, tmp_path):
    found = with_backtest(plan, fit, tested)
    found.save(tmp_path / "plan.json")
    assert iso.Plan.load(tmp_path / "plan.json") == found
