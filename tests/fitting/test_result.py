"""What a fit can be asked afterwards."""

from __future__ import annotations

import json

import numpy as np
import pytest

from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import Quantity, fit, from_draws
from isoloss.version import __version__
from tests.fitting.helpers import CHINCHILLA, make_points, repeated, sweep


@pytest.fixture(scope="module")
def made():
    return fit(sweep(noise=0.01, shared=0.003), draws=200)


@pytest.fixture(scope="module")
def bare():
    return fit(sweep(noise=0.01), ci="none")


# ---------------------------------------------------------------------------- quantities


def test_a_quantity_holds_the_middle_of_its_draws():
    draws = np.arange(101.0)
    found = from_draws(40.0, draws, 0.9)
    assert (found.estimate, found.level) == (40.0, 0.9)
    assert (found.lo, found.hi) == pytest.approx((5.0, 95.0))


def test_a_quantity_always_holds_its_estimate():
    assert from_draws(-7.0, np.arange(101.0)).lo == -7.0
    assert from_draws(200.0, np.arange(101.0)).hi == 200.0


def test_draws_without_a_value_are_left_out():
    found = from_draws(1.0, np.array([np.nan, 0.0, 1.0, 2.0, np.nan]), 0.5)
    assert (found.lo, found.hi) == (0.5, 1.5)
    none = from_draws(1.0, np.full(3, np.nan))
    assert none.estimate == 1.0
    assert np.isnan([none.lo, none.hi]).all()
    assert np.isnan(from_draws(1.0, np.empty(0)).lo)


def test_draws_may_be_infinite():
    found = from_draws(1.0, np.array([-np.inf, *np.linspace(0, 2, 97), np.inf, np.inf]), 0.9)
    assert 0 < found.lo < found.hi < 2
    assert from_draws(1.0, np.full(20, np.inf)).hi == np.inf


# ---------------------------------------------------------------------------- numbers that follow


def test_exponents_are_those_of_hoffmann(made):
    alpha, beta = made.estimate["alpha"], made.estimate["beta"]
    exponents = made.exponents
    assert exponents["n_opt"].estimate == pytest.approx(beta / (alpha + beta))
    assert exponents["n_opt"].estimate + exponents["d_opt"].estimate == pytest.approx(1.0)
    assert exponents["n_opt"].lo == pytest.approx(1 - exponents["d_opt"].hi)
    assert not fit(sweep(noise=0.01), "kaplan-n", ci="none").exponents


def test_any_function_of_the_parameters_has_an_interval(made):
    size = made.interval(lambda t: t["A"] / 1e9 ** t["alpha"])
    assert size.lo < size.estimate < size.hi
    # A and alpha are strongly correlated: their combination is far better known than A.
    assert size.hi / size.lo < 0.3 * made.parameters["A"].hi / made.parameters["A"].lo
    twice = made.interval(lambda t: 2 * t["E"])
    assert twice.hi == pytest.approx(2 * made.parameters["E"].hi)
    constant = made.interval(lambda t: 7.0)
    assert (constant.estimate, constant.lo, constant.hi) == (7.0, 7.0, 7.0)


def test_a_function_without_a_value_somewhere_warns_nobody(made):
    found = made.interval(lambda t: np.log(t["alpha"] - made.estimate["alpha"] + 1e-9))
    assert np.isfinite(found.estimate)


# ---------------------------------------------------------------------------- predictions


def test_predictions_are_the_law_and_its_draws(made):
    n, d = np.array([1e9, 7e10]), np.array([2e10, 1.4e12])
    found = made.predict({"N": n, "D": d})
    for i in range(2):
        x = {"N": n[i], "D": d[i]}
        mean = found.loss_mean[i]
        assert mean.estimate == pytest.approx(float(made.law.value(made.estimate, x)))
        draws = made.law.value(made.draws.T, x)
        low, high = np.quantile(draws, [0.05, 0.95])
        assert mean.lo == pytest.approx(min(low, mean.estimate))
        assert mean.hi == pytest.approx(max(high, mean.estimate))
    assert found.loss_unit == "nats/token"


def test_a_new_run_is_less_certain_than_the_law(made):
    found = made.predict({"N": 1e9, "D": 2e10})
    one, law = found.loss[0], found.loss_mean[0]
    assert one.estimate == law.estimate
    assert one.hi - one.lo > law.hi - law.lo
    noise = np.std(made.outside)
    assert one.hi - one.lo > 2 * 1.3 * noise * law.estimate


def test_predictions_cover_runs_that_were_not_seen():
    made = fit(sweep(noise=0.01, sizes=16, budgets=6), draws=300)
    new = sweep(noise=0.01, sizes=16, budgets=6, seed=99)
    found = made.predict({"N": new.params, "D": new.tokens})
    inside = [q.lo <= loss <= q.hi for q, loss in zip(found.loss, new.loss, strict=True)]
    assert 0.8 <= np.mean(inside) <= 0.99


def test_a_fit_without_draws_predicts_without_intervals(bare):
    found = bare.predict({"N": [1e9, 2e9, 4e9], "D": 2e10})
    assert len(found.loss) == 3
    assert all(np.isfinite(q.estimate) and np.isnan(q.lo) for q in found.loss_mean + found.loss)
    assert found.x["D"].tolist() == [2e10] * 3


def test_numbers_and_lists_may_be_mixed(made):
    found = made.predict({"N": [1e9, 2e9], "D": 2e10})
    alone = made.predict({"N": 2e9, "D": 2e10})
    assert found.loss_mean[1] == alone.loss_mean[0]
    with pytest.raises(InputError) as caught:
        made.predict({"N": [1e9, 2e9, 3e9], "D": [1e10, 2e10]})
    assert caught.value.code == "bad_shape"


@pytest.mark.parametrize(
    ("x", "code"),
    [
        ({"N": 1e9}, "missing_variable"),
        ({}, "missing_variable"),
        ({"N": 0, "D": 1}, "not_positive"),
    ],
)
def test_predictions_of_nothing(made, x, code):
    with pytest.raises(InputError) as caught:
        made.predict(x)
    assert caught.value.code == code


def test_all_tokens_are_unique_unless_it_is_said():
    made = fit(repeated(noise=0.002), "repetition", draws=20)
    fresh = made.predict({"N": 1e9, "D": 1e11}).loss_mean[0].estimate
    same = made.predict({"N": 1e9, "D": 1e11, "U": 1e11}).loss_mean[0].estimate
    again = made.predict({"N": 1e9, "D": 1e11, "U": 1e10}).loss_mean[0].estimate
    assert fresh == same < again


def test_compute_follows_from_params_and_tokens():
    made = fit(sweep(noise=0.01), "power-c", draws=20)
    one = made.predict({"N": 1e9, "D": 2e10}).loss_mean[0].estimate
    assert one == made.predict({"C": 1.2e20}).loss_mean[0].estimate


def test_the_distance_from_the_data(made, bare):
    largest = made.points.flop.max()
    n = np.array([1e9, 1e9])
    d = np.array([0.5, 100.0]) * largest / 6e9
    np.testing.assert_allclose(
        made.predict({"N": n, "D": d}).decades_beyond_data, [0.0, 2.0], atol=1e-9
    )
    by_size = fit(make_points(bare.points.loss, bare.points.params), "power-n", ci="none")
    beyond = by_size.predict({"N": 10 * bare.points.params.max()}).decades_beyond_data
    assert beyond[0] == pytest.approx(1.0)


def test_intervals_are_refused_where_there_are_none(made, bare):
    made.require_draws("a plan")
    with pytest.raises(EvidenceError, match=r"a plan needs intervals.*ci=none") as caught:
        bare.require_draws("a plan")
    assert caught.value.exit_code == 3
    assert caught.value.hint


# ---------------------------------------------------------------------------- documents


def test_the_document_keeps_the_contract(made):
    document = made.to_dict()
    contract = {"law", "formula", "status", "status_message", "objective", "estimate", "parameters"}
    contract |= {"exponents", "agreement", "residuals", "warnings"}
    contract |= {"schema", "version", "isoloss", "seed", "conventions", "data_hash", "n_runs"}
    assert contract <= set(document)
    assert document["schema"] == "isoloss.fit"
    assert document["version"] == 1
    assert document["isoloss"] == __version__
    assert set(document["estimate"]) == set(CHINCHILLA) == set(document["parameters"])
    assert set(document["parameters"]["alpha"]) == {"estimate", "lo", "hi", "level"}
    assert set(document["exponents"]) == {"n_opt", "d_opt"}
    assert {"rms_log", "median_abs_log", "max_abs_log"} <= set(document["residuals"])
    assert set(document["conventions"]) == {"n", "flop", "loss_unit"}
    assert document["objective"] == made.objective_value
    from isoloss.document import dumps

    assert json.loads(dumps(document))["n_runs"] == 40


def test_warnings_in_the_document_have_code_and_message():
    one = make_points(
        sweep(noise=0.01).loss,
        *(a for a in (sweep().params, sweep().tokens)),
        tier=np.zeros(40, dtype=np.int64),
    )
    warnings = fit(one, draws=20).to_dict()["warnings"]
    assert [set(w) for w in warnings] == [{"code", "message"}]
    assert warnings[0]["code"] == "few_tiers"


def test_what_is_fixed_and_tied_is_in_the_document():
    document = fit(
        sweep(noise=0.01), ci="none", fixed={"E": 1.8}, tied=[("alpha", "beta")]
    ).to_dict()
    assert document["fixed"] == {"E": 1.8}
    assert document["tied"] == [["alpha", "beta"]]
    assert document["n_draws"] == 0


def test_the_frame_has_a_row_per_parameter(made):
    frame = made.to_frame()
    assert frame.columns == ["parameter", "meaning", "estimate", "lo", "hi", "level"]
    assert frame["parameter"].to_list() == list(made.law.names)
    assert frame["estimate"].to_list() == list(made.estimate.values())
    assert all(frame["meaning"].to_list())


def test_quantities_as_dicts():
    assert Quantity(1.0, 0.5, 2.0, 0.8).to_dict() == {
        "estimate": 1.0,
        "lo": 0.5,
        "hi": 2.0,
        "level": 0.8,
    }
