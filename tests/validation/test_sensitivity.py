"""Sensitivity: each row is the fit that it says it is."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isoloss as iso
from isoloss.document import dumps
from isoloss.validation.sensitivity import sensitivity
from tests.validation.simulate import BUDGETS, sweep

TARGET = 3e21
SHAPES = {"n_layers": 12.0, "seq_len": 2048.0, "vocab": 32000.0, "tied": False}


def shaped() -> iso.Runs:
    """Runs of models with shapes, so that counts and FLOP follow from them."""
    width = np.tile(64.0 * np.array([4, 6, 8, 12, 16, 24]), 5)
    flop = np.repeat(np.geomspace(1e18, 1e20, 5), 6)
    table = {**{name: [v] * 30 for name, v in SHAPES.items()}, "d_model": width}
    bare = iso.read({**table, "flop_budget": flop, "loss": [3.0] * 30})
    n = bare.frame["n_total"].to_numpy()
    d = flop / (6 * n)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.002, 30))
    loss = (1.8 + 480 / n**0.35 + 2100 / d**0.37) * noise
    return iso.read({**table, "tokens": d, "loss": loss}, n="total")


@pytest.fixture(scope="module")
def found():
    runs = sweep(sizes=5, budgets=BUDGETS[:6])
    return sensitivity(runs, target=TARGET, laws=["gadre", "chinchilla"], draws=30)


def rows(found, group):
    return [choice for choice in found.choices if choice.group == group]


def test_first_row_is_the_fit_itself(found):
    fitted = iso.fit(sweep(sizes=5, budgets=BUDGETS[:6]), draws=30)
    base = found.choices[0]
    assert base.group == "as fitted"
    assert base.exponent.estimate == pytest.approx(fitted.exponents["n_opt"].estimate)
    assert base.exponent.lo == pytest.approx(fitted.exponents["n_opt"].lo)
    plan = iso.plan(fitted, TARGET)
    assert base.n_params.estimate == pytest.approx(plan.n_params.estimate)
    assert base.n_params.hi == pytest.approx(plan.n_params.hi)
    assert base.tokens.estimate == pytest.approx(plan.tokens.estimate)
    assert base.loss.estimate == pytest.approx(plan.loss_mean.estimate)


def test_one_choice_is_changed_at_a_time(found):
    runs = sweep(sizes=5, budgets=BUDGETS[:6])
    objectives = {row.label for row in rows(found, "objective")}
    assert objectives == {"Huber(0.0001)", "Huber(0.01)", "Huber(0.1)", "squared"}
    squared = iso.fit(runs, objective=iso.Squared(), ci="none")
    last = next(row for row in rows(found, "objective") if row.label == "squared")
    assert last.exponent.estimate == pytest.approx(squared.exponents["n_opt"].estimate)
    tiers = rows(found, "tier")
    assert len(tiers) == 6
    assert all(row.n_runs == 25 for row in tiers)
    points = runs.points()
    without = iso.fit(points.take(points.tier != 0), ci="none")
    assert tiers[0].exponent.estimate == pytest.approx(without.exponents["n_opt"].estimate)
    assert [row.label for row in rows(found, "law")] == ["gadre"]
    # Gadre's form has equal exponents: N* grows as the root of compute.
    assert rows(found, "law")[0].exponent.estimate == pytest.approx(0.5, abs=1e-6)


def test_intervals_hold_their_estimates(found):
    for row in found.choices:
        for quantity in (row.exponent, row.n_params, row.tokens, row.loss):
            assert quantity.lo <= quantity.estimate <= quantity.hi


def test_counts_of_n_and_flop_are_choices_where_shapes_are_known():
    runs = shaped()
    found = sensitivity(runs, target=TARGET, laws=(), draws=20)
    counts = {row.label: row for row in rows(found, "N")}
    assert set(counts) == {"N = nonemb", "N = matmul"}
    other = iso.fit(runs, n="nonemb", ci="none")
    exponent = other.exponents["n_opt"].estimate
    assert counts["N = nonemb"].exponent.estimate == pytest.approx(exponent)
    flop = {row.label for row in rows(found, "FLOP")}
    assert flop == {"as in the runs (palm)", "kaplan", "causal", "chinchilla_f"}
    # A token costs more than 6 N by every one of them here, so less N is bought.
    base = found.choices[0]
    dearest = next(row for row in rows(found, "FLOP") if row.label == "chinchilla_f")
    assert dearest.n_params.estimate < base.n_params.estimate
    assert dearest.tokens.estimate < base.tokens.estimate


def test_points_have_neither():
    found = sensitivity(shaped().points(), target=TARGET, laws=(), draws=20)
    assert rows(found, "N") == []
    assert {row.label for row in rows(found, "FLOP")} == {"as in the runs (palm)"}


def test_refusals_of_single_choices_are_rows():
    # Without any one tier four runs are left, too few for five parameters.
    runs = sweep(budgets=BUDGETS[:3], sizes=2)
    found = sensitivity(runs, target=TARGET, laws=(), draws=20)
    tiers = rows(found, "tier")
    assert {row.status for row in tiers} == {"too_few_runs"}
    assert all(np.isnan(row.n_params.estimate) for row in tiers)
    assert "too_few_runs" in found.summary()


def test_choices_that_move_the_answer_are_named(found):
    runs = sweep("coupled", noise=0.0005, shared=0.0002, sizes=8)
    wide = sensitivity(runs, target=1e23, laws=["chinchilla-nofloor"], draws=30)
    notice = next(n for n in wide.warnings if n.code == "outside_interval")
    assert "law: chinchilla-nofloor" in notice.message


def test_bad_requests():
    runs = sweep(budgets=BUDGETS[:4])
    with pytest.raises(iso.EvidenceError, match="weighs model size"):
        sensitivity(runs, "floor-n")
    with pytest.raises(iso.InputError, match="target"):
        sensitivity(runs, target=-1.0)
    with pytest.raises(iso.InputError, match="no law"):
        sensitivity(runs, laws=["nope"], draws=20)


def test_report(found):
    text = found.summary()
    assert text.splitlines()[1].startswith("  choice")
    assert "N* at 3e+21 FLOP" in text
    assert "without 5 runs at 1e+18 FLOP" in text
    document = json.loads(dumps(found.to_dict()))
    assert document["schema"] == "isoloss.sensitivity"
    assert document["choices"][0]["group"] == "as fitted"
    frame = found.to_frame()
    assert frame.height == len(found.choices)
    assert {"exponent", "exponent_lo", "exponent_hi", "n_params"} <= set(frame.columns)
