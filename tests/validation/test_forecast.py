"""Forecasts: parts that add up, a discrepancy that is learned, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isoloss as iso
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import fit
from isoloss.laws import get_law
from isoloss.validation import backtest, forecast, past_coverage
from isoloss.validation.discrepancy import (
    Views,
    comparable,
    past_drift,
    spread_over_laws,
    widened,
)
from isoloss.validation.score import nearest_miss
from tests.validation.simulate import CHINCHILLA, COUPLED, sweep

FAR = {"N": [2e9, 4e9], "D": [4e10, 1e11]}
LAWS = ("chinchilla", "gadre")


@pytest.fixture(scope="module")
def runs():
    return sweep(seed=3)


@pytest.fixture(scope="module")
def fitted(runs):
    return fit(runs, draws=200)


@pytest.fixture(scope="module")
def tested(runs):
    return backtest(runs, LAWS, draws=40)


@pytest.fixture(scope="module")
def expected(fitted, tested):
    return forecast(fitted, FAR, backtest=tested)


# --------------------------------------------------------------------------------- the answer


def test_three_intervals_one_inside_the_other(fitted, expected):
    plain = fitted.predict({name: np.array(v) for name, v in FAR.items()})
    for i, point in enumerate(expected.points):
        assert point.loss_run == plain.loss[i]
        assert point.loss_mean == plain.loss_mean[i]
        assert point.loss.estimate == point.loss_mean.estimate
        assert point.loss.lo < point.loss_run.lo < point.loss_mean.lo < point.loss.estimate
        assert point.loss.hi > point.loss_run.hi > point.loss_mean.hi > point.loss.estimate
        assert point.decades_beyond_data == pytest.approx(float(plain.decades_beyond_data[i]))


def test_parts_add_up_as_squares(expected):
    for point in expected.points:
        parts = point.parts
        assert parts.discrepancy == max(parts.drift, parts.laws, parts.trend)
        squares = parts.law**2 + parts.noise**2 + parts.discrepancy**2
        assert parts.total == pytest.approx(np.sqrt(squares))
        assert parts.drift == pytest.approx(expected.drift.rate * point.decades_beyond_data)
        (other,) = point.by_law.values()
        assert parts.laws == pytest.approx(abs(np.log(other / point.loss.estimate)))


def test_a_law_that_holds_has_little_discrepancy_and_a_wrong_one_has_more():
    quiet = {"noise": 0.0005, "shared": 0.0, "seed": 4}
    right, found = (
        forecast(fit(sweep(law, **quiet), draws=50), FAR, laws=["gadre"], draws=20)
        for law in ("chinchilla", "coupled")
    )
    assert found.points[1].parts.discrepancy > 3 * right.points[1].parts.discrepancy


def test_simulated_coverage():
    """Chinchilla's form forecasts runs of the coupled law one decade beyond; nominal 90 %."""
    law, hits = get_law("coupled"), []
    x = {"N": np.array([4e9]), "D": np.array([1e21 / 6 / 4e9])}
    for seed in range(10):
        rng = np.random.default_rng([5, seed])
        found = fit(sweep("coupled", shared=0.001, noise=0.001, seed=seed), draws=60)
        tested = backtest(found, LAWS, at=[3e18, 1e19, 3e19], draws=20)
        (point,) = forecast(found, x, backtest=tested).points
        new = float(law.value(COUPLED, x)[0] * np.exp(rng.normal(0, 0.001 * np.sqrt(2))))
        hits.append([q.lo <= new <= q.hi for q in (point.loss_run, point.loss)])
    without, within = np.mean(hits, axis=0)
    assert without < 0.7
    assert within >= 0.8


def test_published_runs_are_held_more_often(published_data):
    """Farseer's runs by Chinchilla's form: the intervals of the fit fail, those of a forecast do
    not."""
    runs = iso.read(published_data / "farseer.csv")
    past = past_coverage(backtest(runs, ["chinchilla", "coupled"], draws=20), "chinchilla")
    nominal = past[-1]
    assert nominal.level == 0.9
    assert nominal.n_predictions == 903
    assert nominal.without == pytest.approx(0.21, abs=0.03)
    assert nominal.within > 0.9
    assert nominal.width > 2


def test_a_table_and_a_document(expected, tmp_path):
    frame = expected.to_frame()
    assert frame["n_params"].to_list() == FAR["N"]
    assert frame["loss_hi"].to_list() == [point.loss.hi for point in expected.points]
    expected.save(tmp_path / "forecast.json")
    text = expected.summary()
    for part in ("forecast 90%", "if the law holds 90%", "discrepancy", "noise of a run"):
        assert part in text
    assert "<pre>" in expected._repr_html_()


def test_runs_are_forecast_by_the_best_law(runs, tested):
    found = forecast(runs, FAR, backtest=tested, draws=20, level=0.8)
    assert found.law == tested.best
    assert found.level == found.points[0].loss.level == 0.8
    named = forecast(runs, FAR, law="gadre", backtest=tested, draws=20)
    assert named.law == "gadre"
    assert named.formula == get_law("gadre").formula


def test_laws_of_ones_own_are_views_too(fitted):
    own = replace(get_law("gadre"), name="mine")
    (mine,) = forecast(fitted, {"N": 2e9, "D": 4e10}, laws=[own], draws=20).points
    (named,) = forecast(fitted, {"N": 2e9, "D": 4e10}, laws="gadre", draws=20).points
    assert mine.by_law == {"mine": named.by_law["gadre"]}
    assert mine.loss == named.loss


def test_past_coverage_is_that_of_the_level_of_the_fit(runs):
    found = forecast(fit(runs, level=0.7, draws=40), FAR, laws=["gadre"], draws=20)
    assert [past.level for past in found.past] == [0.5, 0.7, 0.8, 0.9]
    assert "70% intervals held" in found.summary()


def test_a_fit_with_constraints_keeps_them(runs):
    held = fit(runs, fixed={"E": CHINCHILLA["E"]}, draws=40)
    found = forecast(held, FAR, draws=20)
    assert found.tried == ("chinchilla",)
    assert "no_other_law" in [w.code for w in found.warnings]
    with pytest.raises(InputError) as caught:
        forecast(held, FAR, laws=["gadre"], draws=20)
    assert caught.value.code == "conflicting_options"


def test_the_same_digits_for_any_jobs(fitted):
    one, two = (
        forecast(fitted, FAR, laws=["gadre"], draws=20, jobs=jobs).to_dict() for jobs in (1, 2)
    )
    assert one == two


# -------------------------------------------------------------------------------- the learning


def learned(tested, before=None):
    """The drift of chinchilla, which these runs do show."""
    found = past_drift(tested, "chinchilla", before)
    assert found is not None
    return found


def test_drift_is_what_errors_exceed_law_and_noise_by(tested):
    drift, scores = learned(tested), tested.scores("chinchilla")
    assert drift.n_cuts == len(scores)
    assert drift.farthest == pytest.approx(max(np.log10(s.factor.max()) for s in scores))
    # Errors of exactly 1 % per decade, known without error, are a drift of 1 % per decade.
    assert learned(_changed(tested, _one_percent)).rate == pytest.approx(0.01, rel=1e-6)
    # Where the law's draws, or noise, explain them, nothing is left.
    for name in ("law_spread", "spread"):
        explained = _changed(tested, lambda s, n=name: replace(s, **{n: np.ones(len(s.loss))}))
        assert learned(explained).rate == 0.0


def _changed(tested, change):
    cuts = (
        replace(cut, laws={name: change(score) for name, score in cut.laws.items()})
        for cut in tested.cuts
    )
    return replace(tested, cuts=tuple(cuts))


def _one_percent(score):
    # All runs of a tier get the tier's own distance, so that its mean is exact.
    tiers = np.unique(score.tier, return_inverse=True)[1]
    decades = np.log10(score.factor)
    mean = np.bincount(tiers, decades) / np.bincount(tiers)
    nothing = np.zeros(len(score.loss))
    expected = score.loss * np.exp(-0.01 * mean[tiers])
    return replace(score, expected=expected, spread=nothing, law_spread=nothing)


def test_only_what_was_known_at_a_cut_counts(tested):
    first = learned(tested, before=1)
    assert first.n_cuts == 1
    assert past_drift(tested, "chinchilla", before=0) is None
    # Runs above the cut are not looked at: with other losses the answer is the same.
    cut = tested.cuts[0]
    above = {run for s in tested.cuts[1].laws.values() for run in s.run_id}
    score = cut.laws["chinchilla"]
    unseen = np.array([run in above for run in score.run_id])
    other = replace(score, loss=np.where(unseen, 9.0, score.loss))
    changed = replace(cut, laws={**cut.laws, "chinchilla": other})
    found = replace(tested, cuts=(changed, *tested.cuts[1:]))
    assert learned(found, before=1) == first
    assert learned(found) != learned(tested)


def test_comparable_laws(runs):
    tested = backtest(runs, ["chinchilla", "gadre", "power-c"], draws=20)
    errors = tested.errors
    assert errors["power-c"] > 2 * errors["chinchilla"]
    assert comparable(tested, "chinchilla") == ("gadre",)
    assert set(comparable(tested, "power-c")) == {"chinchilla", "gadre"}


def test_past_coverage_counts_cuts_with_an_earlier_one(tested):
    past = past_coverage(tested, "chinchilla")
    assert [p.level for p in past] == [0.5, 0.8, 0.9]
    later = tested.scores("chinchilla")[1:]
    assert {p.n_cuts for p in past} == {len(later)}
    assert {p.n_predictions for p in past} == {sum(len(s.loss) for s in later)}
    for p in past:
        inside = np.concatenate([s.inside[p.level] for s in later])
        assert p.without == pytest.approx(float(np.mean(inside)))
        assert p.within >= p.without
        assert p.width >= 1


@given(
    st.floats(0.5, 5),
    st.floats(0.01, 1),
    st.floats(0.01, 1),
    st.floats(0, 1),
)
def test_widening_adds_squares(estimate, below, above, half):
    lo, hi = estimate * np.exp(-below), estimate * np.exp(above)
    low, high = widened(*(np.array([v]) for v in (estimate, lo, hi, half)))
    assert np.log(estimate / low[0]) == pytest.approx(np.hypot(below, half))
    assert np.log(high[0] / estimate) == pytest.approx(np.hypot(above, half))


def test_open_ends_stay_open():
    values = (np.array([2.0]), np.array([0.0]), np.array([np.inf]), np.array([0.1]))
    low, high = widened(*values)
    assert (low[0], high[0]) == (0.0, np.inf)


def test_the_largest_view_counts_each_with_its_own_quantile():
    some = np.array([0.01, 0.0, 0.0]), np.array([0.0, 0.01, 0.0]), np.array([0.0, 0.0, 0.01])
    views = Views(*some, n_cuts=2)
    assert views.largest.tolist() == [0.01] * 3
    student, normal, again = views.half_width(0.9)
    assert student == pytest.approx(0.029200, abs=1e-6)  # t with two degrees of freedom
    assert normal == again == pytest.approx(0.0164485, abs=1e-7)


def test_spread_over_laws():
    here = np.array([2.0, 2.0])
    others = [here * np.exp([0.01, 0.0]), here * np.exp([-0.03, 0.0]), np.array([np.nan, 2.0])]
    assert spread_over_laws(here, others) == pytest.approx([np.sqrt(5e-4), 0.0])
    assert spread_over_laws(here, []).tolist() == [0.0, 0.0]


def test_the_trend_is_that_of_the_nearest_runs(fitted):
    flop = fitted.points.flop
    bent = replace(fitted, residuals=np.where(flop == flop.max(), 0.05, 0.0))
    near = nearest_miss(bent, np.array([flop.min() / 10, flop.max() * 100]))
    assert near[0] == 0.0
    assert near[1] > 0.02


# --------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"data_hash": "0" * 64}, "other_runs"),
        ({"n_runs": 7}, "other_runs"),
        ({"by": "tokens"}, "backtest_by"),
    ],
)
def test_a_backtest_of_something_else(fitted, tested, change, code):
    with pytest.raises(InputError) as caught:
        forecast(fitted, FAR, backtest=replace(tested, **change))
    assert (caught.value.code, caught.value.exit_code) == (code, 2)


def test_a_law_that_was_not_tested(runs, tested):
    for ask in (
        lambda: forecast(fit(runs, "coupled", draws=20), FAR, backtest=tested),
        lambda: forecast(runs, FAR, law="coupled", backtest=tested),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        assert caught.value.code == "not_tested"


def test_no_draws(runs):
    with pytest.raises(EvidenceError) as caught:
        forecast(fit(runs, ci="none"), FAR)
    assert (caught.value.code, caught.value.exit_code) == ("no_draws", 3)


def test_too_few_tiers():
    with pytest.raises(EvidenceError) as caught:
        forecast(fit(sweep(budgets=(1e18, 1e19, 1e20)), draws=20), FAR)
    assert caught.value.code == "too_few_groups"


def test_a_law_that_no_cut_can_carry():
    few = fit(sweep(budgets=(1e18, 3e18, 1e19, 3e19), sizes=4), "farseer", draws=20)
    with pytest.raises(EvidenceError) as caught:
        forecast(few, FAR, laws=["chinchilla"], draws=20)
    assert caught.value.code == "no_scores"


def test_far_and_few_are_said(runs):
    few = sweep(budgets=(1e18, 3e18, 1e19, 3e19), sizes=8)
    found = forecast(fit(few, draws=20), {"N": 1e12, "D": 1e14}, draws=20)
    codes = [warning.code for warning in found.warnings]
    assert {"beyond_backtest", "few_cuts", "no_past"} <= set(codes)
    assert found.past == ()
