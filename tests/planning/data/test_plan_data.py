"""Plans on limited data: published digits, limits, monotony, what binds, what is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.document import dumps
from isoloss.errors import EvidenceError, InputError
from isoloss.laws import get_law, get_published
from isoloss.planning import plan, plan_law
from isoloss.planning.data import judge, plan_data
from isoloss.planning.data.curves import data_curves
from isoloss.planning.data.subject import subject
from isoloss.planning.data.value import best_loss, flop_at_loss, price_per_flop

LAW = get_law("repetition")
VALUES = dict(get_published("repetition").values)


def test_constants_of_the_base_by_digits():
    base = get_published("chinchilla", "muennighoff-c4").values
    assert base["A"] == pytest.approx(520.825, rel=1e-6)
    assert base["B"] == pytest.approx(1487.716, rel=1e-6)
    assert base["E"] == pytest.approx(1.869144, rel=1e-6)
    assert subject("repetition").size_for(1e9) / 1e9 == pytest.approx(0.05098652, rel=1e-6)


def test_unlimited_optimum_by_digits():
    found = plan_data("repetition", 5.76e23, unique_tokens="100T")
    assert found.n_params.estimate == pytest.approx(69_962_173_313, rel=1e-9)
    assert found.tokens.estimate == pytest.approx(1_372_170_066_384, rel=1e-9)
    assert found.binding == "flop"
    assert found.options == ()
    assert found.values == ()
    assert "data_do_not_bind" in {notice.code for notice in found.warnings}


def test_losses_of_the_allocation_test_by_digits():
    by = subject("repetition")
    assert by.value(6.34e9, 242e9, 25e9) == pytest.approx(2.2256440889984477, rel=1e-12)
    assert by.value(8.67e9, 178e9, 25e9) == pytest.approx(2.2269634075087867, rel=1e-12)


def test_their_allocation_is_better_than_chinchillas_and_ours_not_worse():
    found = plan_data("repetition", 9.3e21, unique_tokens="25B")
    assert found.binding == "unique_tokens"
    assert found.loss_mean.estimate <= 2.2256440889984477
    assert found.n_params.estimate < found.option("as_if_new").n_params
    assert found.option("as_if_new").n_params == pytest.approx(8.889e9, rel=1e-3)
    losses = {one.name: one.loss_mean.estimate for one in found.options}
    assert losses["unlimited"] < losses["repeat"] < losses["as_if_new"] < losses["one_epoch"]
    assert losses["repeat"] < losses["small"]
    assert found.option("small").flop < found.flop
    assert found.epochs.estimate == found.tokens.estimate / 25e9


@pytest.mark.parametrize(
    ("params", "tokens", "unique", "formula", "logged", "verdict"),
    [
        (2.81e9, 55e9, 55e9, 2.3541, 2.5741, "ok"),
        (4.2465e9, 84e9, 84e9, 2.2876, 2.4565, "ok"),
        (2.81e9, 55e9, 1.25e9, 2.7012, 3.4228, "refuse"),
    ],
)
def test_where_the_law_misses_what_was_logged(params, tokens, unique, formula, logged, verdict):
    """Its level is off everywhere; where runs overfit it fails, and says so."""
    by = subject("repetition")
    said = by.value(params, tokens, unique)
    assert said == pytest.approx(formula, abs=5e-5)
    assert logged - said > 0.16
    assert by.trust(params, tokens, unique, by.size_for(unique)).verdict == verdict


def test_the_plan_is_refused_where_the_law_fails_and_says_how_far_it_goes():
    with pytest.raises(EvidenceError) as caught:
        plan_data("repetition", "1e24", unique_tokens="10B")
    assert caught.value.code == "law_fails_here"
    assert "305 times" in caught.value.message
    assert "3.1e22 FLOP" in (caught.value.hint or "")
    found = plan_data("repetition", 3.0e22, unique_tokens="10B")
    assert found.epochs.estimate > 16
    assert "near_failure" in {notice.code for notice in found.warnings}


@pytest.mark.parametrize(
    ("epochs", "oversize", "verdict"),
    [(40, 20, "warn"), (40.1, 20.1, "refuse"), (41, 20, "warn"), (16, 10, "ok"), (17, 1, "warn")],
)
def test_verdicts_on_both_sides_of_their_limits(epochs, oversize, verdict):
    assert judge(epochs, oversize, saturates=True).verdict == verdict
    assert judge(epochs, oversize, saturates=False).verdict == "ok"


def test_a_fit_warns_and_refuses_beyond_its_runs():
    inside = judge(20, 5, saturates=False, most_epochs=10, most_oversize=5)
    assert inside.verdict == "ok"
    assert judge(21, 5, saturates=False, most_epochs=10).verdict == "warn"
    beyond = judge(101, 5, saturates=False, most_epochs=10)
    assert beyond.verdict == "refuse"
    assert "10 epochs" in beyond.message


@given(st.floats(20, 23), st.floats(9.5, 12), st.floats(1.0, 3.0))
@settings(max_examples=25)
def test_more_unique_tokens_never_raise_the_loss(log_flop, log_unique, more):
    by = subject("repetition")
    theta = by.theta[:, None]
    budget = np.array([10.0**log_flop])
    less = best_loss(by, theta, budget, 10.0**log_unique)[0][0]
    assert best_loss(by, theta, budget, more * 10.0**log_unique)[0][0] <= less * (1 + 1e-12)


@given(st.floats(20, 22.5), st.floats(10, 12), st.floats(1.01, 5.0))
@settings(max_examples=25)
def test_more_compute_never_raises_the_loss(log_flop, log_unique, more):
    by = subject("repetition")
    theta, unique = by.theta[:, None], 10.0**log_unique
    less = best_loss(by, theta, np.array([10.0**log_flop]), unique)[0][0]
    assert best_loss(by, theta, np.array([more * 10.0**log_flop]), unique)[0][0] <= less


def test_endless_unique_tokens_give_the_plain_plan(repetition_fit):
    limited = plan_data(repetition_fit, 1e21, unique_tokens=1e18)
    plain = plan(repetition_fit, 1e21)
    assert limited.n_params == plain.n_params
    assert limited.loss == plain.loss
    published = plan_law("repetition", 1e21)
    assert plan_data("repetition", 1e21, unique_tokens=1e18).tokens == published.tokens


def test_endless_half_lives_are_chinchilla():
    never = {**VALUES, "RD": 1e9, "RN": 1e9}
    x = {"N": np.array([1e8, 1e10]), "D": np.array([1e11, 1e12]), "U": np.array([1e9, 1e10])}
    base = {name: VALUES[name] for name in ("E", "A", "B", "alpha", "beta")}
    plain = get_law("chinchilla").value(base, x)
    assert LAW.value(never, x) == pytest.approx(plain, rel=1e-6)


def test_flop_at_equal_loss_is_an_inverse():
    by = subject("repetition")
    theta, budget = by.theta[:, None], np.array([9.3e21])
    now = best_loss(by, theta, budget, 25e9)[0]
    less = flop_at_loss(by, theta, now, budget, 50e9)
    assert 0 < less[0] < budget[0]
    assert best_loss(by, theta, less, 50e9)[0][0] == pytest.approx(now[0], rel=1e-9)


def test_value_of_tokens_in_flop_and_money():
    found = plan_data(
        "repetition", 9.3e21, unique_tokens="25B", price_per_hour=2.5, flop_per_second=4e14
    )
    price = 2.5 / 3600 / 4e14
    assert found.price_per_flop == price
    billion, _, enough = found.values
    for one in found.values:
        assert one.money_saved is not None
        assert one.money_saved.estimate == pytest.approx(one.flop_saved.estimate * price)
    assert billion.extra_tokens == 1e9
    assert enough.extra_tokens + 25e9 == pytest.approx(found.option("unlimited").tokens)
    saved = [one.flop_saved.estimate for one in found.values]
    assert saved == sorted(saved)
    per_billion = [one.money_per_billion.estimate for one in found.values if one.money_per_billion]
    assert per_billion == sorted(per_billion, reverse=True)  # the first billion is worth most
    assert enough.loss_saved.estimate == pytest.approx(
        found.loss_mean.estimate - found.option("unlimited").loss_mean.estimate
    )


def test_a_fit_has_intervals_that_hold_its_estimates(repetition_fit):
    found = plan_data(repetition_fit, 9e20, unique_tokens="4B", price_per_1e21_flop=1000.0)
    for name in ("n_params", "tokens", "epochs", "worth", "loss", "loss_mean"):
        quantity = getattr(found, name)
        assert quantity.lo <= quantity.estimate <= quantity.hi, name
    assert found.worth.estimate < found.tokens.estimate
    for one in found.values:
        assert one.flop_saved.lo <= one.flop_saved.estimate <= one.flop_saved.hi
        assert one.flop_saved.lo > 0
    assert found.n_runs == 54
    assert "R_D*" in found.summary()
    assert found.to_frame().height == 5


def test_a_fit_recovers_the_truth_it_was_drawn_from(repetition_fit):
    """Base held: R_D* and R_N* of the simulation are inside their 90 % intervals."""
    for name in ("RD", "RN"):
        interval = repetition_fit.parameters[name]
        assert interval.lo <= VALUES[name] <= interval.hi


def test_the_other_law_plans_too(lovelace_fit):
    found = plan_data(lovelace_fit, 2e21, unique_tokens="20B")
    assert found.binding == "unique_tokens"
    assert found.law == "lovelace"
    assert found.worth.estimate < found.tokens.estimate
    assert all(math.isfinite(one.flop_saved.estimate) for one in found.values)


@pytest.mark.parametrize(
    ("arguments", "options", "code"),
    [
        (("repetition", -1e21), {}, "bad_quantity"),
        (("repetition", "1e21"), {"unique_tokens": "0"}, "bad_quantity"),
        (("repetition", "much"), {}, "bad_quantity"),
        (("nobody", "1e21"), {}, "unknown_law"),
        (("repetition", "1e21"), {"key": "nobody"}, "unknown_published"),
        (("lovelace", "1e21"), {}, "no_published"),
        (("repetition", "1e21"), {"price_per_1e21_flop": -1.0}, "bad_price"),
        (("repetition", "1e21"), {"price_per_hour": 2.0}, "missing_argument"),
        (
            ("repetition", "1e21"),
            {"price_per_1e21_flop": 1.0, "price_per_hour": 2.0, "flop_per_second": 1e14},
            "conflicting_options",
        ),
    ],
)
def test_bad_input(arguments, options, code):
    with pytest.raises(InputError) as caught:
        plan_data(*arguments, **{"unique_tokens": "10B", **options})
    assert caught.value.code == code


def test_a_law_without_unique_tokens_is_refused(chinchilla_fit):
    for source in ("chinchilla", chinchilla_fit):
        with pytest.raises(EvidenceError) as caught:
            plan_data(source, "1e21", unique_tokens="10B")
        assert caught.value.code == "law_without_unique_tokens"


def test_price_of_compute():
    assert price_per_flop(None, None, None) is None
    assert price_per_flop(1700.0, None, None) == 1.7e-18
    assert price_per_flop(None, 3.6, 1e15) == pytest.approx(1e-18)


def test_document_is_strict_json_and_keeps_the_numbers(tmp_path):
    found = plan_data("repetition", 9.3e21, unique_tokens="25B")
    document = json.loads(dumps(found.to_dict()))
    assert document["n_params"]["estimate"] == found.n_params.estimate
    found.save(tmp_path / "plan.json")
    assert json.loads((tmp_path / "plan.json").read_text()) == document
    assert "<pre>" in found._repr_html_()


def test_curves_agree_with_the_plan():
    found = plan_data("repetition", 9.3e21, unique_tokens="25B")
    curves = data_curves("repetition", found)
    assert curves.best == (found.epochs.estimate, found.n_params.estimate)
    assert curves.loss_at_share[0] <= curves.loss_at_share[-1]
    assert np.all(curves.loss >= curves.loss_if_new * (1 - 1e-12))
    at_best = np.interp(np.log(found.tokens.estimate), np.log(curves.tokens), curves.loss)
    assert float(at_best) == pytest.approx(found.loss_mean.estimate, rel=1e-3)
    assert curves.value[0] == 1.0
    assert json.loads(dumps(curves.to_dict()))["grid_loss"][0][0] > 0
