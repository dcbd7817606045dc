"""Recipes: a known head start is measured, and losses that do not compare are refused."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import isoloss as iso
from isoloss.document import dumps
from isoloss.validation.recipes import compare_recipes, multiplier_at
from tests.validation.simulate import BUDGETS, CHINCHILLA, sweep

GAIN = 1.5
# At equal D/N, A at N and D has the loss of the slower one at N sqrt(1.5) and D sqrt(1.5).
SLOW = CHINCHILLA | {
    "A": CHINCHILLA["A"] * GAIN ** (CHINCHILLA["alpha"] / 2),
    "B": CHINCHILLA["B"] * GAIN ** (CHINCHILLA["beta"] / 2),
}


@pytest.fixture(scope="module")
def exact():
    a, b = (sweep(values=v, noise=0, shared=0, budgets=BUDGETS[:5]) for v in (CHINCHILLA, SLOW))
    return compare_recipes(a, b, draws=20)


@pytest.fixture(scope="module")
def noisy():
    a = sweep(values=CHINCHILLA, seed=1)
    return compare_recipes(a, sweep(values=SLOW, seed=2), names=("new", "old"), draws=60)


def test_head_start_is_found_everywhere(exact):
    assert exact.plane.factor == pytest.approx(np.full((25, 25), GAIN), rel=1e-3)
    for multiplier in exact.multipliers:
        assert multiplier.factor.estimate == pytest.approx(GAIN, rel=1e-3)
    assert multiplier_at(exact, 3e8, 7e9).estimate == pytest.approx(GAIN, rel=1e-3)
    assert np.all(exact.plane.advantage > 0)


def test_intervals_hold_the_truth(noisy):
    inside = [m for m in noisy.multipliers if m.decades_beyond_data == 0]
    assert len(inside) >= 5
    for multiplier in inside:
        assert multiplier.factor.lo < GAIN < multiplier.factor.hi
    at = multiplier_at(noisy, 1e9, 2e10)
    assert at.lo < GAIN < at.hi
    share = noisy.plane.share(inside=True)
    assert share["a_surely"] > 0.9
    assert share["b_surely"] == 0
    assert noisy.plane.winner.max() == 1


def test_the_other_way_round_is_the_inverse(exact):
    a, b = exact.fits
    back = compare_recipes(b.points, a.points, draws=20)
    for there, again in zip(exact.multipliers, back.multipliers, strict=True):
        assert there.factor.estimate * again.factor.estimate == pytest.approx(1, rel=5e-3)


def test_same_runs_are_even():
    runs = sweep()
    found = compare_recipes(runs, runs, draws=30)
    for multiplier in found.multipliers:
        assert multiplier.factor.estimate == pytest.approx(1, rel=1e-5)
        assert multiplier.factor.lo < 1 < multiplier.factor.hi
    assert found.plane.share(inside=True)["a_surely"] == 0


def test_lower_floor_cannot_be_caught_up_with():
    lower = CHINCHILLA | {"E": 1.2}
    higher = CHINCHILLA | {"E": 2.2}
    a, b = (sweep(values=v, noise=0, shared=0, budgets=BUDGETS[:5]) for v in (lower, higher))
    found = compare_recipes(a, b, draws=20, beyond=1e4)
    assert np.isinf(found.multipliers[-1].factor.estimate)
    assert np.isinf(found.plane.factor[-1, -1])
    assert json.loads(dumps(found.to_dict()))["multipliers"][-1]["factor"]["estimate"] is None
    back = compare_recipes(b, a, draws=20, beyond=1e4)
    assert back.multipliers[-1].factor.estimate < 0.01


def test_other_laws_follow_the_frontier_by_search():
    a, b = (sweep(values=v, noise=5e-4, shared=0, budgets=BUDGETS[:5]) for v in (CHINCHILLA, SLOW))
    found = compare_recipes(a, b, "kaplan", draws=20)
    middle = found.multipliers[3].factor
    assert middle.estimate == pytest.approx(GAIN, rel=0.15)


def test_inside_is_where_both_have_runs(exact):
    plane = exact.plane
    n, d = np.meshgrid(plane.params, plane.tokens, indexing="ij")
    for fit in exact.fits:
        points = fit.points
        for here, seen in (
            (n, points.params),
            (d, points.tokens),
            (n * d, points.params * points.tokens),
            (d / n, points.tokens / points.params),
        ):
            assert here[plane.inside].min() >= seen.min() * 0.999
            assert here[plane.inside].max() <= seen.max() * 1.001
    assert plane.inside.any()
    assert not plane.inside.all()


def test_recipes_without_common_ground_are_told():
    small = sweep(budgets=BUDGETS[:4])
    large = sweep(budgets=[1e4 * flop for flop in BUDGETS[:4]])
    found = compare_recipes(small, large, draws=20)
    assert "no_overlap" in {notice.code for notice in found.warnings}
    assert "within the runs" not in found.summary()


def test_wrong_law_is_told():
    a = sweep("coupled", noise=5e-4, shared=5e-4, sizes=9)
    found = compare_recipes(a, sweep(seed=5), draws=20)
    notice = next(n for n in found.warnings if n.code == "law_misses")
    assert "on the runs of A" in notice.message


def test_losses_that_do_not_compare_are_refused():
    frame = sweep().frame
    nats, bits = iso.read(frame, loss_unit="nats/token"), iso.read(frame, loss_unit="bits/byte")
    with pytest.raises(iso.InputError, match="nats/token for A and bits/byte for B"):
        compare_recipes(nats, bits)
    c4, pile = (iso.read(frame.with_columns(eval_set=pl.lit(name))) for name in ("c4", "pile"))
    with pytest.raises(iso.InputError, match="evaluation set of A is c4, that of B is pile"):
        compare_recipes(c4, pile)
    bpe, bytes_ = (iso.read(frame.with_columns(tokenizer=pl.lit(n))) for n in ("bpe", "bytes"))
    with pytest.raises(iso.InputError, match="tokenizer"):
        compare_recipes(bpe, bytes_)
    other = iso.read(frame.rename({"n_total": "n_nonemb"}))
    with pytest.raises(iso.InputError, match="n is total for A and nonemb for B"):
        compare_recipes(sweep(), other)


def test_known_evaluation_needs_no_warning():
    frame = sweep().frame.with_columns(eval_set=pl.lit("c4"), tokenizer=pl.lit("bpe"))
    runs = iso.read(frame)
    told = {n.code for n in compare_recipes(runs, runs, draws=20).warnings}
    assert "unknown_evaluation" not in told
    told = {n.code for n in compare_recipes(sweep(), runs, draws=20).warnings}
    assert "unknown_evaluation" in told


def test_bad_requests():
    runs = sweep()
    with pytest.raises(iso.InputError, match="at least 1"):
        compare_recipes(runs, runs, beyond=0.5)
    with pytest.raises(iso.EvidenceError, match="weighs model size"):
        compare_recipes(runs, runs, "floor-n")


def test_without_draws_there_are_no_intervals():
    found = compare_recipes(sweep(), sweep(values=SLOW, seed=3), ci="none")
    assert np.isnan(found.multipliers[0].factor.lo)
    assert np.all(np.isnan(found.plane.chance))
    assert found.plane.share(inside=True)["a_surely"] == 0
    assert np.isnan(multiplier_at(found, 1e9, 2e10).lo)
    assert found.summary()


def test_report(noisy):
    text = noisy.summary()
    assert text.startswith("new against old by chinchilla")
    assert "compute that old needs for the loss of new" in text
    document = json.loads(dumps(noisy.to_dict()))
    assert document["schema"] == "isoloss.recipes"
    assert len(document["plane"]["advantage"]) == 25
    assert noisy.to_frame().height == 625
