"""A fit held against runs that it has not seen: errors, distances and coverage by hand."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.errors import EvidenceError
from isoloss.fitting import fit
from isoloss.laws import law_from_formula
from isoloss.validation.score import score, unfitted
from tests.fitting.helpers import sweep


@pytest.fixture(scope="module")
def points():
    return sweep(noise=0.004, shared=0.002)


@pytest.fixture(scope="module")
def below(points):
    return fit(points.take(points.tier < 3), draws=100)


@pytest.fixture(scope="module")
def found(points, below):
    return score(below, points.take(points.tier >= 3), levels=(0.5, 0.9))


def test_errors_are_relative_and_positive_where_runs_did_better(points, below, found):
    held = points.take(points.tier >= 3)
    law = below.law.value(below.estimate, {"N": held.params, "D": held.tokens})
    np.testing.assert_allclose(found.error, law / held.loss - 1, rtol=1e-12)
    assert found.bias == pytest.approx(np.mean(law / held.loss - 1))
    assert found.mean_abs_rel_error == pytest.approx(np.mean(np.abs(law / held.loss - 1)))
    assert found.max_abs_rel_error == np.abs(found.error).max()
    assert found.run_id == held.run_id
    np.testing.assert_array_equal(found.tier, held.tier)
    assert found.estimate == below.estimate


def test_distance_is_compute_over_the_largest_of_the_fit(points, found):
    held, top = points.take(points.tier >= 3), points.flop[points.tier < 3].max()
    np.testing.assert_allclose(found.factor, held.flop / top, rtol=1e-12)
    assert found.factor.min() > 5


def test_coverage_counts_the_intervals_of_new_runs(points, below, found):
    held = points.take(points.tier >= 3)
    loss = below.predict({"N": held.params, "D": held.tokens}).loss
    inside = [q.lo <= actual <= q.hi for q, actual in zip(loss, held.loss, strict=True)]
    assert found.coverage[0.9] == np.mean(inside)
    assert set(found.coverage) == {0.5, 0.9}
    assert found.coverage[0.5] <= found.coverage[0.9]


def test_noise_of_a_run_widens_what_the_law_says(found):
    # The noise that was put in: 0.004 and 0.002, in quadrature.
    noise = np.mean(found.spread**2 - found.law_spread**2)
    assert 0.0015 < np.sqrt(noise) < 0.009


def test_document_has_one_entry_per_run(found):
    document = found.to_dict()
    assert set(document["coverage"]) == {"0.5", "0.9"}
    assert {len(column) for column in document["held_out"].values()} == {len(found.loss)}


def test_a_law_that_gives_no_loss_beyond_has_no_score(points):
    # Falls through zero beyond the runs.
    law = law_from_formula("E - k*log(N*D)", name="falling")
    found = fit(points.take(points.tier < 3), law, draws=30)
    far = points.take(points.tier >= 3)
    far = type(far)(**{**vars(far), "params": far.params * 1e60})
    assert score(found, far).status == "no_value"


def test_a_fit_without_draws_is_refused(points):
    bare = fit(points.take(points.tier < 3), ci="none")
    with pytest.raises(EvidenceError, match="needs intervals") as caught:
        score(bare, points.take(points.tier >= 3))
    assert caught.value.code == "no_draws"


def test_no_fit_no_numbers():
    empty = unfitted("too_few_runs")
    assert np.isnan([empty.bias, empty.mean_abs_rel_error, empty.max_abs_rel_error]).all()
    assert empty.coverage == {}


def test_ends_are_those_that_were_counted(found):
    for level, ends in found.ends.items():
        lo, hi = ends
        assert np.all((lo <= found.expected) & (found.expected <= hi))
        assert np.array_equal((lo <= found.loss) & (found.loss <= hi), found.inside[level])
    document = found.to_dict()["intervals"]
    assert set(document) == {"0.5", "0.9"}
    assert found.miss.shape == found.loss.shape
