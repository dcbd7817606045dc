"""Comparing laws: the table, paired differences, which laws take part, published runs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import isoloss as iso
from isoloss.document import dumps
from isoloss.laws import get_law
from isoloss.validation import comparison
from isoloss.validation.compare import assemble, compare, paired, why_not
from isoloss.validation.criteria import criteria
from isoloss.validation.stacking import learn
from tests.validation.simulate import BUDGETS, best_of_small_ladder, sweep

LAWS = ("chinchilla", "coupled", "chinchilla-nofloor")
OPTIONS = {"draws": 20, "at": BUDGETS[3:6]}


def why(points, law, most):
    return why_not(points, law, most) or ""


@pytest.fixture(scope="module")
def coupled_runs():
    return sweep("coupled", noise=0.001, shared=0.0005)


@pytest.fixture(scope="module")
def found(coupled_runs):
    return compare(coupled_runs, LAWS, **OPTIONS)


def test_true_law_predicts_best(found):
    assert found.best == "coupled"
    sizes = [row.held_out_error for row in found.rows]
    assert sizes == sorted(sizes)
    assert found.row("chinchilla").to_best.is_clear
    assert found.row("coupled").to_best.mean == 0
    assert found.row("coupled").weight == max(row.weight for row in found.rows)


def test_table_is_that_of_the_backtest(found):
    tested = found.backtest
    for row in found.rows:
        joined = np.concatenate([cut.laws[row.law].error for cut in tested.cuts])
        assert row.held_out_error == pytest.approx(np.mean(np.abs(joined)))
        assert row.bias == pytest.approx(np.mean(joined))
        assert row.to_best.mean == pytest.approx(
            row.held_out_error - found.rows[0].held_out_error, abs=1e-15
        )
        assert row.criteria == criteria(found.fits[row.law])
    assert found.n_pairs == sum(cut.n_held_out for cut in tested.cuts)
    assert {row.law: row.n_params for row in found.rows} == {
        "chinchilla": 5,
        "coupled": 6,
        "chinchilla-nofloor": 4,
    }


def test_stack_has_its_own_score(found):
    score = found.stacked
    assert score.n_cuts == len(found.backtest.cuts) - 1
    errors = np.concatenate([np.abs(cut.error) for cut in found.stack.cuts])
    assert score.held_out_error == pytest.approx(np.mean(errors))
    worst = found.rows[-1]
    its = [c.laws[worst.law].error for c in found.backtest.cuts[1:]]
    assert score.held_out_error <= np.mean(np.abs(np.concatenate(its)))


def test_standard_error_is_for_errors_that_are_shared():
    rng = np.random.default_rng(0)
    tier, cut = np.repeat(np.arange(20), 30), np.tile(np.arange(30), 20)
    alone = rng.normal(0.1, 1, 600)
    plain = paired(alone, tier, cut)
    assert plain.mean == pytest.approx(np.mean(alone))
    assert plain.standard_error == pytest.approx(1 / np.sqrt(600), rel=0.6)
    together = paired(alone + rng.normal(0, 1, 20)[tier], tier, cut)
    assert together.standard_error == pytest.approx(1 / np.sqrt(20), rel=0.5)
    by_cut = paired(alone + rng.normal(0, 1, 30)[cut], tier, cut)
    assert by_cut.standard_error == pytest.approx(1 / np.sqrt(30), rel=0.5)
    assert paired(np.full(600, 0.5), tier, cut).standard_error == 0


def test_laws_are_compared_on_the_cuts_they_share(coupled_runs):
    # Below the first cut there are 12 runs: three per parameter for four parameters, not for five.
    laws = ("chinchilla", "chinchilla-nofloor")
    found = compare(coupled_runs, laws, draws=20, at=(BUDGETS[1], BUDGETS[3], BUDGETS[5]))
    assert found.n_shared_cuts == 2
    assert found.n_pairs == 18 + 6
    assert found.row("chinchilla-nofloor").n_cuts == 3
    assert "fewer_cuts" in {notice.code for notice in found.row("chinchilla").warnings}


def test_law_without_a_score_stands_last_and_says_why(coupled_runs, found):
    points, tested, fits = coupled_runs.points(), found.backtest, found.fits
    last = tested.cuts[-1].laws["chinchilla"]
    empty = {
        f: getattr(last, f)[:0]
        for f in ("run_id", "loss", "expected", "spread", "law_spread", "factor", "tier")
    }
    cuts = tuple(
        replace(cut, laws={**cut.laws, "chinchilla": replace(last, inside={}, **empty)})
        for cut in tested.cuts
    )
    found = assemble(points, replace(tested, cuts=cuts), fits, {})
    assert found.rows[-1].law == "chinchilla"
    assert np.isnan(found.rows[-1].held_out_error)
    assert found.rows[-1].to_best is None
    assert "no_shared_cut" in {notice.code for notice in found.rows[-1].warnings}
    assert json.loads(dumps(found.to_dict()))["laws"][-1]["held_out_error"] is None
    assert "-" in found.summary()
    none = tuple(replace(c, laws={"chinchilla": c.laws["chinchilla"]}) for c in cuts)
    with pytest.raises(iso.EvidenceError, match="any cut"):
        assemble(points, replace(tested, cuts=none), fits, {})


def test_all_means_the_laws_that_the_runs_can_carry():
    points = sweep(steps=1000.0).points()
    reasons = {law.name: why(points, law, 42) for law in iso.list_laws()}
    carried = {name for name, reason in reasons.items() if not reason}
    assert carried >= {"chinchilla", "coupled", "farseer", "gadre"}
    assert "repeat data" in reasons["repetition"]
    assert "N alone" in reasons["kaplan-n"]
    assert "C alone" in reasons["power-c"]
    assert "S to differ" in reasons["kaplan-steps"]
    assert "9 parameters" in why(points, iso.get_law("farseer"), 20)
    bare = sweep().points()
    assert "needs S" in why(bare, iso.get_law("kaplan-steps"), 42)
    batch = replace(bare, columns={"steps": bare.tokens / 1e6})
    assert "batch" in why(batch, iso.get_law("kaplan-steps"), 42)


def test_laws_in_one_variable_where_only_one_varies():
    n = np.geomspace(1e7, 1e9, 20)
    flat = iso.read({"n_total": n, "loss": 1.7 + 90 * n**-0.2})
    points = flat.points()
    assert why(points, iso.get_law("floor-n"), 15) == ""
    assert "needs D" in why(points, iso.get_law("chinchilla"), 15)


def test_all_by_default_and_what_is_left_out():
    runs = sweep(budgets=BUDGETS[:5], sizes=4)
    found = compare(runs, draws=20, at=BUDGETS[3:4])
    assert {"chinchilla", "gadre"} <= set(found.fits)
    assert "farseer" in found.left_out
    assert found.stacked is None
    assert "left out: farseer has 9 parameters" in found.summary()


def test_report_in_text_document_and_table(found):
    text = found.summary()
    assert text.splitlines()[1].split()[:3] == ["law", "params", "held-out"]
    assert "best" in text.splitlines()[2]
    assert "stacked prediction:" in text
    document = json.loads(dumps(found.to_dict()))
    assert document["schema"] == "isoloss.comparison"
    assert [law["law"] for law in document["laws"]] == [row.law for row in found.rows]
    assert document["stack"]["weights"] == found.stack.weights
    frame = found.to_frame()
    assert frame["law"].to_list() == [row.law for row in found.rows]
    assert frame["to_best"][0] == 0
    assert found._repr_html_().startswith("<pre>")


def test_criteria_may_disagree_and_it_is_said(found):
    swapped = replace(found, rows=tuple(reversed(found.rows)))
    assert "criteria_disagree" in {notice.code for notice in swapped.warnings}
    assert "criteria_disagree" not in {notice.code for notice in found.warnings}


def test_bad_requests(coupled_runs):
    with pytest.raises(iso.InputError, match="Did you mean coupled"):
        compare(coupled_runs, ["cupled"])
    with pytest.raises(iso.InputError, match="each once"):
        compare(coupled_runs, ["coupled", "coupled"])
    with pytest.raises(iso.EvidenceError, match="group"):
        compare(sweep(budgets=BUDGETS[:2]))


def test_hoffmann_runs_coupled_fits_better_and_predicts_worse(published_data):
    """k = 0.774 gains 14 in log likelihood, and loses on the runs it has not seen."""
    runs = iso.read(published_data / "chinchilla_epoch.csv", where="NOT dropped_by_epoch")
    found = compare(runs, ["chinchilla", "coupled"], draws=20, at=[3.4e19, 3e20])
    assert found.fits["coupled"].estimate["k"] == pytest.approx(0.774, abs=1e-3)
    assert found.best == "chinchilla"
    assert "criteria_disagree" in {notice.code for notice in found.warnings}
    gain = found.row("chinchilla").criteria.aic - found.row("coupled").criteria.aic
    assert gain == pytest.approx(26.2, abs=0.2)


def test_farseer_runs_ask_for_more_than_chinchilla(published_data):
    runs = iso.read(published_data / "farseer.csv", loss_unit="bits/char")
    laws = ["chinchilla", "coupled", "farseer"]
    found = compare(runs, laws, at=[1.1e20, 6.2e20], draws=20)
    errors = {row.law: row.held_out_error for row in found.rows}
    assert [row.law for row in found.rows] == ["farseer", "coupled", "chinchilla"]
    assert errors["chinchilla"] > 3 * errors["coupled"]
    assert errors["chinchilla"] > 5 * errors["farseer"]
    difference = found.row("chinchilla").to_best
    assert difference is not None
    assert difference.is_clear


def test_small_ladder_is_not_additive():
    runs = best_of_small_ladder()
    found = compare(runs, ["chinchilla", "coupled"], draws=20, at=[1.1e11])
    assert found.best == "coupled"
    assert found.row("chinchilla").held_out_error > 2 * found.row("coupled").held_out_error
    assert found.row("chinchilla").rms_log > 2 * found.row("coupled").rms_log


def test_a_hopeless_law_does_not_spoil_the_weights_of_the_others():
    good, fair = np.array([0.01, -0.01, 0.02]), np.array([0.03, 0.03, 0.02])
    cut = {"good": good, "fair": fair, "lost": np.array([1e24, 1e24, 1e24])}
    weights = learn([cut, cut], list(cut))
    assert weights["lost"] == 0.0
    assert weights == pytest.approx(learn([cut, cut], ["good", "fair"]) | {"lost": 0.0})


def test_one_run_that_repeats_a_little_is_not_enough_for_a_law_of_repetition():
    points = iso.datasets.small_ladder().where("study = 'rep'").points()
    assert why_not(points, get_law("repetition"), 100) is None
    epochs = np.where(np.arange(len(points)) < 1, 4.0, 1.05)
    few = replace(points, unique_tokens=points.tokens / epochs)
    assert why_not(few, get_law("repetition"), 100) == (
        f"needs runs that repeat data, and there are 1 of {len(points)}"
    )


def test_an_absurd_error_is_not_written_out():
    assert comparison._share(1e24) == "> 1000%"
    assert comparison._signed(1e24) == "> 1000%"
    assert comparison._share(0.0123) == "1.23%"
