"""The verb: what it accepts, what it refuses, and what it gives back."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isoloss as iso
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import Huber, Quantile, Squared, StudentT, fit
from isoloss.laws import law_from_formula
from tests.fitting.helpers import CHINCHILLA, grid, make_points, repeated, sweep


@pytest.fixture(scope="module")
def points():
    return sweep(noise=0.01, shared=0.003)


# ---------------------------------------------------------------------------- data of any kind


def test_a_table_and_its_points_give_the_same_fit(points):
    table = {"params": points.params, "tokens": points.tokens, "loss": points.loss}
    runs = iso.read(pl.DataFrame(table))
    one, two = fit(runs, ci="none"), fit(runs.points(), ci="none")
    assert one.estimate == two.estimate == fit(points, ci="none").estimate
    assert one.points.data_hash == runs.data_hash


def test_n_and_loss_choose_columns():
    n, d = grid()
    loss = sweep(noise=0.01).loss
    runs = iso.read(
        pl.DataFrame(
            {"n_total": 2 * n, "n_nonemb": n, "tokens": d, "loss": loss, "loss_code": loss / 2}
        )
    )
    total = fit(runs, ci="none", n="total")
    nonemb = fit(runs, ci="none", n="nonemb")
    assert total.points.conventions.n == "total"
    assert total.estimate["A"] == pytest.approx(
        nonemb.estimate["A"] * 2 ** nonemb.estimate["alpha"], rel=1e-4
    )
    half = fit(runs, ci="none", n="nonemb", loss="loss_code")
    assert half.estimate["E"] == pytest.approx(nonemb.estimate["E"] / 2, rel=1e-5)


def test_read_only_arrays_of_the_caller_are_neither_refused_nor_changed(points):
    arrays = {
        name: getattr(points, name).copy()
        for name in ("params", "tokens", "flop", "loss", "unique_tokens", "tier")
    }
    before = {name: array.copy() for name, array in arrays.items()}
    for array in arrays.values():
        array.flags.writeable = False
    weights = np.linspace(1, 2, 40)
    weights.flags.writeable = False
    fit(replace(points, **arrays), draws=20, weights=weights)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])


def test_single_precision_input_is_computed_in_double(points):
    # float32 keeps 7 digits of the data; arithmetic in float32 would lose the fit altogether.
    table = {"params": points.params, "tokens": points.tokens, "loss": points.loss}
    single = pl.DataFrame({name: values.astype(np.float32) for name, values in table.items()})
    assert single["loss"].dtype == pl.Float32
    found, plain = fit(iso.read(single), ci="none"), fit(points, ci="none")
    assert found.draws.dtype == np.float64
    assert found.residuals.dtype == np.float64
    assert found.gradient_norm < 1e-7
    assert found.objective_value == pytest.approx(plain.objective_value, rel=1e-3)
    for name, value in plain.estimate.items():
        assert found.estimate[name] == pytest.approx(value, rel=1e-3), name


def test_compute_of_large_whole_numbers_does_not_overflow():
    # 6 N D of N = 2.7e9, D = 4.3e12 is beyond 2^63.
    n, d = (np.round(a).astype(np.int64) for a in grid())
    loss = sweep().loss
    runs = iso.read(pl.DataFrame({"params": 100 * n, "tokens": 1000 * d, "loss": loss}))
    found = fit(runs, "power-c", ci="none")
    assert found.points.flop.max() > 2.0**63
    np.testing.assert_allclose(found.points.flop, 6.0 * 1e5 * n * d, rtol=1e-12)


# ---------------------------------------------------------------------------- what it gives


def test_a_fit_describes_itself(points):
    found = fit(points, draws=50, seed=3)
    assert list(found.estimate) == list(found.parameters) == list(found.law.names)
    assert found.draws.shape == (50, 5)
    assert found.theta.tolist() == list(found.estimate.values())
    assert found.n_runs == 40
    assert found.n_tiers == 5
    assert (found.ci, found.level, found.seed) == ("tier", 0.9, 3)
    assert found.objective == Huber(1e-3)
    law = found.law.value(found.estimate, {"N": points.params, "D": points.tokens})
    np.testing.assert_allclose(found.residuals, np.log(points.loss / law), atol=1e-12)
    assert found.objective_value == pytest.approx(
        float(np.sum(Huber(1e-3).value(found.residuals))), rel=1e-9
    )
    summary = found.residual_summary
    assert summary["rms_log"] == pytest.approx(np.sqrt(np.mean(found.residuals**2)))
    assert summary["max_abs_log"] == np.abs(found.residuals).max()


def test_intervals_are_quantiles_of_the_draws(points):
    found = fit(points, draws=200, level=0.8)
    for i, name in enumerate(found.law.names):
        low, high = np.quantile(found.draws[:, i], [0.1, 0.9])
        quantity = found.parameters[name]
        assert quantity.lo == pytest.approx(min(low, quantity.estimate), rel=1e-13)
        assert quantity.hi == pytest.approx(max(high, quantity.estimate), rel=1e-13)
        assert quantity.level == 0.8
    narrow, wide = (fit(points, draws=200, level=level).parameters for level in (0.5, 0.95))
    assert all(wide[n].hi - wide[n].lo > narrow[n].hi - narrow[n].lo for n in narrow)


def test_the_spread_over_starts_is_never_an_interval():
    # Without noise every draw is the estimate, though the starts began all over the place.
    found = fit(sweep(), draws=50)
    assert found.n_starts > 1
    for quantity in found.parameters.values():
        assert quantity.lo == pytest.approx(quantity.estimate, rel=1e-6)
        assert quantity.hi == pytest.approx(quantity.estimate, rel=1e-6)
    # And a fit without draws has no interval at all, however many starts it followed.
    none = fit(sweep(noise=0.01), ci="none")
    assert len(none.draws) == 0
    assert all(np.isnan([q.lo, q.hi]).all() for q in none.parameters.values())


@pytest.mark.parametrize("objective", [Huber(0.01), Squared(), StudentT(0.01, 4.0)])
def test_every_objective_finds_the_truth(points, objective):
    found = fit(points, objective=objective, ci="none")
    assert found.objective == objective
    assert found.estimate["alpha"] == pytest.approx(CHINCHILLA["alpha"], abs=0.08)
    assert found.estimate["beta"] == pytest.approx(CHINCHILLA["beta"], abs=0.08)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_a_quantile_leaves_its_share_of_runs_below(q):
    found = fit(sweep(noise=0.02, sizes=20, budgets=10), objective=Quantile(q, 1e-4), ci="none")
    assert np.mean(found.residuals < 0) == pytest.approx(q, abs=0.035)


def test_fixed_and_tied_parameters(points):
    found = fit(points, fixed={"E": 1.8}, tied=[("alpha", "beta")], draws=30)
    assert found.estimate["E"] == 1.8
    assert found.estimate["alpha"] == found.estimate["beta"]
    assert np.all(found.draws[:, 0] == 1.8)
    np.testing.assert_array_equal(found.draws[:, 3], found.draws[:, 4])
    assert found.parameters["E"].lo == found.parameters["E"].hi == 1.8
    assert found.exponents["n_opt"].lo == found.exponents["n_opt"].hi == 0.5


def test_bounds_hold_for_every_draw(points):
    found = fit(points, bounds={"alpha": (0.30, 0.36), "E": (1.5, 1.85)}, draws=100)
    assert np.all((found.draws[:, 3] >= 0.30) & (found.draws[:, 3] <= 0.36))
    assert np.all((found.draws[:, 0] >= 1.5) & (found.draws[:, 0] <= 1.85))


@settings(max_examples=8)
@given(st.lists(st.integers(1, 4), min_size=40, max_size=40))
def test_whole_weights_are_repeated_runs(times):
    points = sweep(noise=0.01)
    weighted = fit(points, ci="none", weights=times)
    repeated_runs = fit(points.take(np.repeat(np.arange(40), times)), ci="none")
    assert weighted.objective_value == pytest.approx(repeated_runs.objective_value, rel=1e-8)
    for name, value in weighted.estimate.items():
        assert value == pytest.approx(repeated_runs.estimate[name], rel=1e-4), name


def test_a_run_that_is_less_sure_weighs_less():
    # Weights are one over the variance; with the root, or the inverse, the noisy runs would win.
    points, rng = sweep(sizes=20, budgets=10), np.random.default_rng(0)
    width = np.where(np.arange(200) % 2, 0.1, 0.001)
    noisy = replace(points, loss=points.loss * np.exp(width * rng.standard_normal(200)))

    def miss(weights):
        found = fit(noisy, ci="none", objective=Squared(), weights=weights)
        return abs(found.estimate["alpha"] - CHINCHILLA["alpha"])

    assert miss(1 / width**2) < 0.1 * miss(None)
    assert miss(None) < miss(width**2)


def test_the_law_may_be_a_formula(points):
    found = fit(points, "E + A*N**-alpha + B*D**-beta", ci="none")
    named = fit(points, ci="none")
    assert found.objective_value == pytest.approx(named.objective_value, rel=1e-9)
    assert found.law.name == "user formula"


def test_a_law_may_use_any_column():
    rng = np.random.default_rng(0)
    width = rng.uniform(1, 100, 60)
    loss = 2 + 3 / width**0.5
    points = make_points(loss, np.geomspace(1e7, 1e9, 60), columns={"width": width})
    law = law_from_formula("E + A / width**alpha", variables=("width",))
    found = fit(points, law, ci="none")
    assert found.estimate["alpha"] == pytest.approx(0.5, rel=1e-8)


# ---------------------------------------------------------------------------- determinism


def test_the_same_seed_gives_the_same_digits_for_any_number_of_jobs(points):
    one = fit(points, draws=60, seed=7, jobs=1)
    for jobs in (2, 3):
        other = fit(points, draws=60, seed=7, jobs=jobs)
        np.testing.assert_array_equal(other.draws, one.draws)
        assert other.estimate == one.estimate
        assert other.parameters == one.parameters
        np.testing.assert_array_equal(other.outside, one.outside)
    assert not np.array_equal(fit(points, draws=60, seed=8).draws, one.draws)


def test_a_fit_needs_no_second_process():
    # Worker processes that are started by spawn import the caller's script again; threads do not.
    code = (
        "import multiprocessing, os\n"
        "def refuse(*a, **k): raise AssertionError('a process was started')\n"
        "os.fork = refuse\n"
        "multiprocessing.Process.start = refuse\n"
        "from tests.fitting.helpers import sweep\n"
        "from isoloss.fitting import fit\n"
        "print(fit(sweep(noise=0.01), draws=50, jobs=3).status)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "ok", done.stderr


# ---------------------------------------------------------------------------- kinds of intervals


def test_few_tiers_are_said(points):
    two = replace(points, tier=np.repeat([0, 1], 20))
    found = fit(two, draws=30)
    assert [notice.code for notice in found.warnings] == ["few_tiers"]
    assert "2 group" in found.warnings[0].message
    assert "too narrow" in found.warnings[0].message
    assert np.all(np.isfinite(found.draws))
    assert not fit(replace(points, tier=np.repeat([0, 1, 2, 2], 10)), draws=30).warnings


@pytest.mark.parametrize("ci", ["tier", "run", "tier-cases", "profile", "none"])
def test_one_tier_is_enough_for_an_estimate(points, ci):
    one = replace(points, tier=np.zeros(40, dtype=np.int64))
    found = fit(one, ci=ci, draws=20)
    assert found.estimate == fit(points, ci="none").estimate
    assert ("few_tiers" in [n.code for n in found.warnings]) == ci.startswith("tier")


def test_groups_may_come_from_a_column(points):
    family = np.repeat(np.arange(8), 5)
    with_codes = replace(points, codes={"family": family})
    by_family = fit(with_codes, ci="column:family", draws=40)
    by_number = fit(replace(points, columns={"batch": family * 2.5}), ci="column:batch", draws=40)
    np.testing.assert_array_equal(by_family.draws, by_number.draws)
    assert by_family.ci == "column:family"
    as_tiers = fit(replace(points, tier=family), ci="tier", draws=40)
    np.testing.assert_array_equal(as_tiers.draws, by_family.draws)


def test_runs_and_tiers_are_different_units(points):
    kinds = {ci: fit(points, ci=ci, draws=40).draws for ci in ("tier", "run", "tier-cases")}
    assert len({draws.tobytes() for draws in kinds.values()}) == 3


def test_refits_that_do_not_settle_are_said():
    found = fit(sweep(noise=0.05).take(np.arange(0, 40, 7)), draws=30)
    assert "draws_unsettled" in [notice.code for notice in found.warnings]


# ---------------------------------------------------------------------------- refusals

BAD = [
    ({"ci": "tiers"}, "bad_ci", "ci"),
    ({"ci": ""}, "bad_ci", "ci"),
    ({"ci": "column:nothing"}, "unknown_column", None),
    ({"draws": 0}, "bad_draws", "draws"),
    ({"draws": -5}, "bad_draws", "draws"),
    ({"level": 0.0}, "bad_level", "level"),
    ({"level": 1.0}, "bad_level", "level"),
    ({"level": 90}, "bad_level", "level"),
    ({"level": float("nan")}, "bad_level", "level"),
    ({"seed": -1}, "bad_seed", "seed"),
    ({"weights": np.ones(39)}, "bad_weights", "weights"),
    ({"weights": np.ones((40, 1))}, "bad_weights", "weights"),
    ({"weights": np.zeros(40)}, "bad_weights", "weights"),
    ({"weights": np.full(40, np.nan)}, "bad_weights", "weights"),
    ({"weights": ["heavy"] * 40}, "bad_weights", "weights"),
    ({"law": "chinchila"}, "unknown_law", "law"),
    ({"law": "E + A*__import__('os')"}, "bad_formula", "formula"),
    ({"fixed": {"zeta": 1.0}}, "unknown_parameter", "zeta"),
    ({"bounds": {"alpha": (0.5, 0.1)}}, "bad_bounds", "alpha"),
    ({"tied": [("A", "alpha")]}, "bad_tie", "alpha"),
]


@pytest.mark.parametrize(("options", "code", "field"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_unusable_options(points, options, code, field):
    with pytest.raises(InputError) as caught:
        fit(points, **options)
    assert caught.value.code == code
    assert caught.value.exit_code == 2
    assert field is None or caught.value.where.field == field


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_loss_that_is_no_loss(points, value):
    loss = points.loss.copy()
    loss[7] = value
    with pytest.raises(InputError, match="run-7") as caught:
        fit(replace(points, loss=loss))
    assert caught.value.where.field == "loss"


@pytest.mark.parametrize(
    ("law", "field"), [("chinchilla", "D"), ("power-c", "C"), ("kaplan-steps", "S")]
)
def test_a_variable_that_the_table_does_not_give(law, field):
    points = make_points(np.linspace(3, 2, 10), np.geomspace(1e7, 1e9, 10))
    with pytest.raises(InputError) as caught:
        fit(points, law)
    assert caught.value.code == "missing_column"
    assert caught.value.where.field == field


def test_a_size_below_zero(points):
    n = points.params.copy()
    n[0] = -1.0
    with pytest.raises(InputError) as caught:
        fit(replace(points, params=n))
    assert caught.value.code == "not_positive"


def test_too_few_runs(points):
    with pytest.raises(EvidenceError) as caught:
        fit(points.take(np.arange(4)))
    assert caught.value.code == "too_few_runs"
    assert caught.value.exit_code == 3


def test_one_run_can_be_fitted_but_not_resampled(points):
    one = points.take(np.array([3]))
    assert fit(one, "A * N**-0.3", ci="none").residuals[0] == pytest.approx(0, abs=1e-9)
    with pytest.raises(EvidenceError) as caught:
        fit(one, "A * N**-0.3")
    assert caught.value.code == "one_group"


def test_as_many_runs_as_parameters(points):
    found = fit(points.take(np.arange(0, 40, 8)), ci="none")
    assert found.n_runs == 5
    assert found.objective_value < 1e-3
    assert found.status_message


def test_repetition_reads_unique_tokens():
    found = fit(repeated(noise=0.002), "repetition", ci="none")
    assert found.estimate["RD"] == pytest.approx(15.39, rel=0.2)
