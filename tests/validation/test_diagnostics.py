"""Diagnostics: known misfits are named, influence is that of real refits."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import isoloss as iso
from isoloss.document import dumps
from isoloss.validation.diagnostics import diagnose, misses
from isoloss.validation.refits import optimal_params, pose
from tests.validation.simulate import BUDGETS, COUPLED, best_of_small_ladder, sweep


@pytest.fixture(scope="module")
def right():
    return diagnose(sweep(lr=0.001))


@pytest.fixture(scope="module")
def wrong():
    return diagnose(sweep("coupled", noise=0.0005, shared=0.0005, sizes=9))


def test_right_law_has_no_structure(right):
    assert right.misses == ()
    assert {trend.variable for trend in right.trends} == {"C", "D/N", "N", "D", "order"}
    assert "trend" not in {notice.code for notice in right.warnings}


def test_wrong_law_is_told(wrong):
    assert wrong.misses
    assert any(sentence.startswith("misses ") for sentence in wrong.misses)
    found = next(notice for notice in wrong.warnings if notice.code == "trend")
    assert found.message.startswith("chinchilla misses ")
    fitted = iso.fit(sweep("coupled", noise=0.0005, shared=0.0005, sizes=9), ci="none")
    assert misses(fitted)
    law = diagnose(sweep("coupled", noise=0.0005, shared=0.0005, sizes=9), "coupled")
    assert law.misses == ()


def test_small_ladder_is_not_additive_and_it_is_named():
    """Residuals of the additive form are 2.2 %, systematic; those of the coupled one 1.0 %."""
    runs = best_of_small_ladder()
    additive, coupled = (diagnose(runs, law) for law in ("chinchilla", "coupled"))
    assert additive.rms_log == pytest.approx(0.0223, abs=5e-4)
    assert coupled.rms_log == pytest.approx(0.0102, abs=5e-4)
    named = {trend.variable for trend in additive.trends if trend.is_systematic}
    assert {"C", "D", "D/N"} <= named
    by_name = {trend.variable: trend for trend in additive.trends}
    assert "misses large D by +1.4 %" in by_name["D"].sentence
    assert "misses middle C by +2.4 % and small C by -2.2 %" in by_name["C"].sentence
    quiet = {trend.variable for trend in coupled.trends if not trend.is_systematic}
    assert {"C", "D", "N", "D/N"} <= quiet


def test_hoffmann_runs(published_data):
    runs = iso.read(published_data / "chinchilla_epoch.csv", where="NOT dropped_by_epoch")
    found = diagnose(runs)
    assert found.misses == ()
    assert len(found.tiers) == 21
    most = max(found.tiers, key=lambda tier: abs(np.log(tier.factor)))
    assert most.flop == pytest.approx(9.3e18, rel=0.02)
    assert most.factor == pytest.approx(0.68, abs=0.02)
    assert {run.run_id for run in found.runs[:3]} == {"6", "11", "12"}
    assert {"influential_tier", "influential_run"} <= {notice.code for notice in found.warnings}


def test_farseer_runs(published_data):
    runs = iso.read(published_data / "farseer.csv", loss_unit="bits/char")
    assert any("D/N" in sentence for sentence in diagnose(runs, "chinchilla").misses)


def test_tier_influence_is_that_of_a_fit_without_it():
    runs = sweep()
    found = diagnose(runs, target=1e22)
    points = runs.points()
    assert found.n_params == pytest.approx(
        float(optimal_params(iso.fit(points, ci="none"), found_theta(points), 1e22)[0])
    )
    for tier in (0, 3, 6):
        without = iso.fit(points.take(points.tier != tier), ci="none")
        assert found.tiers[tier].settled
        for name, value in without.estimate.items():
            assert found.tiers[tier].estimate[name] == pytest.approx(value, rel=1e-4)
        a = without.estimate["beta"] / (without.estimate["alpha"] + without.estimate["beta"])
        assert found.tiers[tier].exponent == pytest.approx(a, rel=1e-4)
        size = float(optimal_params(without, without.theta[None], 1e22)[0])
        assert found.tiers[tier].n_params == pytest.approx(size, rel=1e-3)
        assert found.tiers[tier].factor == pytest.approx(size / found.n_params, rel=1e-3)


def found_theta(points):
    return iso.fit(points, ci="none").theta[None]


def test_tier_that_decides_is_named():
    points = sweep(noise=0.001, shared=0.0).points()
    last = points.tier == 6
    tilt = np.log(points.params / points.params[last].mean())
    odd = replace(points, loss=points.loss * np.exp(np.where(last, 0.02 * tilt, 0.0)))
    found = diagnose(odd, objective=iso.Squared())
    notice = next(n for n in found.warnings if n.code == "influential_tier")
    assert "6 runs at 1e+20 FLOP" in notice.message
    assert found.tiers[-1].is_influential


def test_laws_searched_in_other_parameters_too():
    runs = sweep("coupled", sizes=9, noise=0.0005)
    fitted = iso.fit(runs, "farseer", ci="none")
    posed = pose(fitted)
    assert np.allclose(posed.form.theta(posed.phi), fitted.theta, rtol=1e-6)
    found = diagnose(fitted)
    assert all(np.isnan(tier.exponent) for tier in found.tiers)
    assert len(found.tiers) == 7


def test_law_without_an_optimum_is_diagnosed_as_well():
    n = np.geomspace(1e7, 1e9, 24)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.002, 24))
    found = diagnose(iso.read({"n_total": n, "loss": (1.7 + 90 * n**-0.2) * noise}), "floor-n")
    assert np.isnan(found.n_params)
    assert [strip.variable for strip in found.strips] == ["N", "order"]
    assert "none" in found.summary()


def test_strips_hold_all_runs_and_their_quantiles(wrong):
    strip = wrong.strip("D")
    assert strip.y == pytest.approx(wrong.excess)
    assert sum(np.sum((strip.x >= b.lo) & (strip.x <= b.hi)) for b in strip.bands) == wrong.n_runs
    band = strip.bands[0]
    inside = strip.y[(strip.x >= band.lo) & (strip.x <= band.hi)]
    assert band.p50 == pytest.approx(np.median(inside))
    assert band.p16 <= band.p50 <= band.p84
    quantiles, ordered = wrong.normal_plot()
    assert np.all(np.diff(quantiles) > 0)
    assert ordered == pytest.approx(np.sort(np.log1p(wrong.excess)))


def test_columns_that_say_something_of_their_own():
    lr = np.tile(np.geomspace(1e-4, 1e-2, 6), 7) * np.exp(np.random.default_rng(1).normal(0, 1, 42))
    runs = sweep(lr=lr, seed=4, batch_tokens=5e5, humidity=np.linspace(1, 2, 42))
    found = diagnose(runs, columns=["humidity"])
    names = {strip.variable for strip in found.strips}
    assert "lr" in names
    assert "humidity" in names
    assert "batch_tokens" not in names  # one value
    assert "steps" not in names  # follows D
    with pytest.raises(iso.InputError, match="humdity"):
        diagnose(runs, columns=["humdity"])
    gaps = [1.0, None] * 21
    with pytest.raises(iso.InputError, match="21 of 42 runs have no value"):
        diagnose(sweep(notes=gaps), columns=["notes"])


def test_column_that_spoils_runs_is_named():
    lr = np.exp(np.random.default_rng(2).uniform(-7, -4, 42))
    runs = sweep(lr=lr, noise=0.0005, shared=0.0002)
    points = runs.points()
    spoiled = replace(points, loss=points.loss * (1 + 0.004 * (np.log(lr) + 5.5) ** 2))
    trend = next(t for t in diagnose(spoiled).trends if t.variable == "lr")
    assert trend.is_systematic
    assert "lr by +" in trend.sentence


def test_few_tiers_are_admitted():
    found = diagnose(sweep(budgets=BUDGETS[:4], sizes=8))
    assert "few_tiers" in {notice.code for notice in found.warnings}
    assert "few_tiers" not in {notice.code for notice in diagnose(sweep()).warnings}


def test_weighted_fits_are_refused():
    runs = sweep()
    fitted = iso.fit(runs, weights=np.geomspace(1, 5, len(runs)), ci="none")
    with pytest.raises(iso.InputError, match="different weights"):
        diagnose(fitted)


def test_truth_does_not_depend_on_the_order_of_runs():
    runs = sweep("coupled", values=COUPLED, noise=0.0005)
    shuffled = iso.read(runs.frame.sample(fraction=1.0, shuffle=True, seed=1))
    one, other = diagnose(runs), diagnose(shuffled)
    for trend in one.trends:
        if trend.variable != "order":
            same = next(t for t in other.trends if t.variable == trend.variable)
            assert same.p_value == pytest.approx(trend.p_value, rel=1e-3)


def test_report(wrong):
    text = wrong.summary()
    assert "misses " in text
    assert "without one tier" in text
    document = json.loads(dumps(wrong.to_dict()))
    assert document["schema"] == "isoloss.diagnosis"
    assert len(document["excess"]) == wrong.n_runs
    frame = wrong.to_frame()
    assert frame.height == wrong.n_runs
    assert {"run_id", "excess", "cook", "leverage", "C", "D/N"} <= set(frame.columns)
