"""Which runs a pilot holds: limits kept, groups around their optimum, more is never worse."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isoloss as iso
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import Huber, Squared
from isoloss.planning.pilot.belief import from_fit, from_published, price_of_robustness
from isoloss.planning.pilot.cells import Limits, cells
from isoloss.planning.pilot.design import best_design
from isoloss.planning.pilot.question import ask, variance
from isoloss.planning.pilot.sizes import Recipe, heads, layers_of, sizes
from isoloss.training.spec import Model

RECIPE = Recipe(32_000, 2048, 131_072)
QUICK = Limits(runs=18)


@pytest.fixture(scope="module")
def belief():
    return from_published("chinchilla")


def designed(belief, budget, target, narrow="loss", limits=QUICK, drift=0.005):
    on_offer = cells(belief, RECIPE, sizes(RECIPE, belief.n), limits, budget)
    question = ask(belief, narrow, target, drift=drift)
    return on_offer, question, best_design(belief, question, on_offer, limits, budget)


@settings(deadline=None, max_examples=12)
@given(
    log_budget=st.floats(19.5, 21.5),
    narrow=st.sampled_from(["loss", "size", "exponent"]),
    share=st.floats(0.1, 0.5),
    reserve=st.floats(0.0, 0.3),
)
def test_limits_are_kept(log_budget, narrow, share, reserve):
    belief, budget = from_published("chinchilla"), 10**log_budget
    limits = Limits(runs=18, share=share, reserve=reserve, steps=400)
    on_offer, _, found = designed(belief, budget, 10 * budget, narrow, limits)
    flop = on_offer.flop[found.chosen]
    assert flop.sum() <= (1 - reserve) * budget * (1 + 1e-12)
    assert flop.max() <= share * budget
    assert len(flop) <= 18
    assert np.all(on_offer.tokens[found.chosen] >= 400 * RECIPE.batch_tokens)
    assert np.all(flop <= on_offer.budgets[on_offer.group[found.chosen]])
    assert max(np.unique(found.chosen, return_counts=True)[1]) <= 2


@settings(deadline=None, max_examples=10)
@given(log_budget=st.floats(19.5, 21.0), more=st.floats(1.01, 10.0))
def test_more_budget_never_widens_the_expected_interval(log_budget, more):
    belief, budget = from_published("chinchilla"), 10**log_budget
    errors = [designed(belief, b, 1e23)[2].standard_error for b in (budget, more * budget)]
    assert errors[1] <= errors[0] * (1 + 1e-9)


def test_groups_enclose_their_optimum(belief):
    on_offer, _, found = designed(belief, 1e21, 1e22)
    grid = found.chosen[~found.added]
    groups = np.unique(on_offer.group[grid])
    assert len(groups) >= 3
    for group in groups:
        here = grid[on_offer.group[grid] == group]
        loss = belief.loss(on_offer.params[here], on_offer.tokens[here])
        order = np.argsort(on_offer.params[here])
        assert len(here) == 5
        assert 0 < int(np.argmin(loss[order])) < 4
        assert on_offer.params[here].min() < on_offer.best[group] < on_offer.params[here].max()


def test_order_of_the_runs_that_are_there_does_not_matter(ladder_points):
    fitted = iso.fit(ladder_points, ci="none")
    belief = from_fit(fitted)
    order = np.random.default_rng(1).permutation(len(belief.params))
    turned = replace(
        belief,
        params=belief.params[order],
        tokens=belief.tokens[order],
        flop=belief.flop[order],
    )
    one, other = (designed(b, 1e20, 1e22)[2] for b in (belief, turned))
    assert one.chosen.tolist() == other.chosen.tolist()
    assert one.standard_error == pytest.approx(other.standard_error, rel=1e-9)


def test_runs_that_are_there_narrow_the_answer(ladder_points):
    belief = from_fit(iso.fit(ladder_points, ci="none"))
    question = ask(belief, "size", 1e22)
    known = question.standard_error(question.known(belief))
    alone = replace(belief, params=np.zeros(0), tokens=np.zeros(0), flop=np.zeros(0))
    _, asked, found = designed(belief, 1e20, 1e22, "size", drift=0.0)
    _, _, without = designed(alone, 1e20, 1e22, "size", drift=0.0)
    assert asked.value == question.value
    assert found.standard_error < known
    assert found.standard_error < without.standard_error


def test_slope_is_that_of_the_fit(ladder_points):
    """The first-order error of log N* agrees with the one of ``iso.identify``."""
    fitted = iso.fit(ladder_points, ci="none")
    belief = from_fit(fitted)
    question = ask(belief, "size", 1e22)
    error = question.standard_error(question.known(belief))
    error /= price_of_robustness(belief.objective, belief.noise)
    assert error == pytest.approx(iso.identify(fitted, target=1e22).standard_error, rel=1e-4)


def test_answers_by_hand(belief):
    values = dict(zip(belief.law.names, belief.theta, strict=True))
    exponent = values["beta"] / (values["alpha"] + values["beta"])
    assert ask(belief, "exponent", 1e23).value == pytest.approx(exponent, rel=1e-9)
    size = ask(belief, "size", 1e23)
    assert 6 * size.params * size.tokens == pytest.approx(1e23)
    given_run = ask(belief, "loss", 1e23, params=1e10, tokens=2e11)
    law = values["E"] + values["A"] / 1e10 ** values["alpha"] + values["B"] / 2e11 ** values["beta"]
    assert given_run.value == pytest.approx(law, rel=1e-12)


def test_gradient_of_the_question_by_differences(belief):
    question = ask(belief, "loss", 1e23)
    phi = belief.where.phi(belief.theta)
    for i in range(len(phi)):
        moved = [phi + s * 1e-5 * np.eye(len(phi))[i] for s in (1, -1)]
        ends = [
            ask(replace(belief, theta=belief.where.theta(p)), "loss", 1e23).value for p in moved
        ]
        # At the optimum the move of N* itself does not count (envelope theorem).
        slope = (math.log(ends[0]) - math.log(ends[1])) / 2e-5
        assert question.slope[i] == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_variance_is_open_where_the_runs_are_silent():
    information = np.diag([4.0, 0.0])
    assert variance(information, np.array([1.0, 0.0])) == pytest.approx(0.25)
    assert variance(information, np.array([0.0, 1.0])) == math.inf
    told = np.outer([1.0, 1.0], [1.0, 1.0])
    assert variance(told, np.array([1.0, -1.0])) == math.inf
    assert variance(told, np.array([2.0, 2.0])) == pytest.approx(4.0)


@pytest.mark.parametrize(("noise", "factor"), [(1e-5, 1.0), (1e-3, 1.052), (0.5, 1.2533)])
def test_price_of_robustness(noise, factor):
    """One where the corner is far out, the root of pi / 2 where it is far in (Huber 1964)."""
    assert price_of_robustness(Huber(1e-3), noise) == pytest.approx(factor, rel=2e-3)
    assert price_of_robustness(Squared(), noise) == pytest.approx(1.0, rel=1e-6)


def test_sizes_can_be_trained():
    found = sizes(Recipe(), "matmul")
    params = [one.n_params for one in found]
    assert params == sorted(params)
    assert len(set(params)) == len(params)
    for one in found[:20]:
        model = Model(
            d_model=one.arch.d_model, n_layers=one.arch.n_layers, n_heads=one.arch.n_heads
        )
        assert model.architecture.n_matmul == one.n_params
    assert layers_of(64) == 3
    assert heads(4096) == 32


def test_too_small_a_pilot_says_what_it_would_need():
    with pytest.raises(EvidenceError, match="a batch needs") as caught:
        iso.pilot("1e11", steps=300, noise=0.005)
    assert caught.value.code == "pilot_too_small"
    need = float(caught.value.message.split("needs ")[1].split(" FLOP")[0])
    assert iso.pilot(1.01 * need, steps=300, noise=0.005).runs
    with pytest.raises(EvidenceError):
        iso.pilot(0.95 * need, steps=300, noise=0.005)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"share": 0.0}, "bad_limit"),
        ({"share": 1.5}, "bad_limit"),
        ({"reserve": 0.95}, "bad_limit"),
        ({"smallest": 1e9, "largest": 1e8}, "bad_limit"),
        ({"steps": 0}, "bad_limit"),
        ({"runs": 14}, "bad_limit"),
        ({"decades": 0.1}, "bad_limit"),
        ({"tokens": 0.0}, "bad_limit"),
    ],
)
def test_limits_that_make_no_sense(limits, code):
    with pytest.raises(InputError) as caught:
        Limits(**limits)
    assert caught.value.code == code
