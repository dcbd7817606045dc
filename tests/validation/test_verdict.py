"""Trust, caution or refuse: each rule on both sides of its limit."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.fitting import Quantity
from isoloss.validation.score import Score, unfitted
from isoloss.validation.verdict import (
    Finding,
    judge_distance,
    judge_drift,
    judge_laws,
    judge_scores,
    judge_status,
    praise,
    verdict,
)


def scored(error, inside=1.0):
    """A score with these relative errors; one share of runs inside for all levels."""
    error = np.asarray(error, dtype=np.float64)
    count = len(error)
    hits = np.arange(count) < round(inside * count)
    loss = np.full(count, 2.0)
    spread = np.full(count, 0.01)
    return Score(
        status="ok",
        estimate={},
        run_id=tuple(map(str, range(count))),
        loss=loss,
        expected=loss * (1 + error),
        spread=spread,
        law_spread=spread,
        factor=np.full(count, 3.0),
        tier=np.zeros(count, dtype=np.int64),
        inside={0.9: hits},
    )


def codes(findings):
    return [finding.code for finding in findings]


def size(estimate, lo=None, hi=None):
    return Quantity(estimate, lo or estimate / 2, hi or estimate * 2)


ALTERNATING = np.array([1.0, -1.0] * 10)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (0.009, []),
        (0.019, []),
        (0.021, ["error"]),
        (0.099, ["error"]),
        (0.101, ["large_error"]),
    ],
)
def test_the_size_of_errors(error, expected):
    assert codes(judge_scores("law", [scored(error * ALTERNATING)])) == expected


def test_large_errors_refuse_and_others_caution():
    assert verdict(judge_scores("law", [scored(0.11 * ALTERNATING)])) == "refuse"
    assert verdict(judge_scores("law", [scored(0.03 * ALTERNATING)])) == "caution"
    assert verdict([]) == verdict([Finding("note", "a", "b")]) == "trust"


def test_bias_is_named_by_its_side():
    (found,) = judge_scores("law", [scored(np.full(5, 0.012))])
    assert found.code == "bias"
    assert "1.2% higher than the larger runs reached" in found.message
    (found,) = judge_scores("law", [scored(np.full(5, -0.012))])
    assert "lower" in found.message
    assert not judge_scores("law", [scored(np.full(5, 0.009))])


def test_coverage_counts_where_errors_matter():
    assert codes(judge_scores("law", [scored(0.005 * ALTERNATING, inside=0.7)])) == ["coverage"]
    assert not judge_scores("law", [scored(0.005 * ALTERNATING, inside=0.8)])
    # An error of one in ten thousand harms nobody, in its interval or not.
    assert not judge_scores("law", [scored(1e-4 * ALTERNATING, inside=0.0)])


def test_the_later_half_of_the_cuts_counts():
    bad, good = scored(0.2 * ALTERNATING), scored(0.001 * ALTERNATING)
    assert not judge_scores("law", [bad, bad, good, good])
    assert codes(judge_scores("law", [good, good, bad, bad])) == ["large_error"]
    # Cuts below which there was no fit do not count as early.
    assert not judge_scores("law", [unfitted("x"), unfitted("x"), bad, good])


def test_a_law_without_scores_is_refused():
    (found,) = judge_scores("law", [unfitted("too_few_runs")])
    assert (found.severity, found.code) == ("refuse", "no_scores")


SHARES = np.array([0.2, 0.4, 0.6, 0.8, 1.0])


def test_drift_beyond_a_factor_of_two():
    still = [size(9e9, 1e9, 9.1e10), size(1.9e10), size(1.2e10), size(1.1e10), size(1e10)]
    assert judge_drift("law", still, SHARES) == []
    moved = [*still[:1], size(2.1e10), *still[2:]]
    (found,) = judge_drift("law", moved, SHARES)
    assert found.code == "drift"
    assert "moved 2.1x" in found.message


def test_fits_to_few_of_the_runs_do_not_count_as_drift():
    early = [size(1e13), size(1e10), size(1e10), size(1e10), size(1e10)]
    assert judge_drift("law", early, SHARES) == []
    assert "drift" in codes(judge_drift("law", early, np.array([0.35, 0.4, 0.6, 0.8, 1.0])))


def test_intervals_that_missed_the_later_answer():
    sure = [size(v, 0.95 * v, 1.05 * v) for v in (2e10, 1.5e10, 1.4e10, 1.3e10, 1e10)]
    assert codes(judge_drift("law", sure, SHARES)) == ["drift_beyond_interval"]
    # A sure answer that hardly moves is no fault.
    sure = [size(v, 0.99 * v, 1.01 * v) for v in (1e10, 1.1e10, 1.1e10, 1.1e10, 1e10)]
    assert judge_drift("law", sure, SHARES) == []


def test_too_few_answers_leave_the_drift_unknown():
    for answers in ([None, size(1e10), size(1e10)], [size(1e10), None, size(1e10)]):
        found = judge_drift("law", answers, np.array([0.5, 0.7, 1.0]))
        assert codes(found) == ["drift_unknown"]
        assert found[0].severity == "caution"


def test_no_answer_with_all_runs_is_refused():
    (found,) = judge_drift("law", [size(1e10), size(1e10), None], np.array([0.5, 0.7, 1.0]))
    assert (found.severity, found.code) == ("refuse", "no_answer")


@pytest.mark.parametrize(
    ("lo", "hi", "wide"),
    [(3e9, 2.9e10, False), (3e9, 3.1e10, True), (3e9, np.inf, True), (0.0, 2e10, True)],
)
def test_an_answer_with_a_wide_interval(lo, hi, wide):
    answers = [size(1e10)] * 4 + [Quantity(1e10, lo, hi)]
    assert codes(judge_drift("law", answers, SHARES)) == (["wide_answer"] if wide else [])


def test_distance():
    assert judge_distance(1e24, 1e22 * 1.01) == []
    (far,) = judge_distance(1e24, 0.99e22)
    assert (far.severity, far.code) == ("caution", "distance")
    (inside,) = judge_distance(1e20, 1e21)
    assert (inside.severity, inside.code) == ("note", "target_inside")
    assert judge_distance(float("nan"), float("nan")) == []


def test_status():
    assert judge_status("law", "ok") == []
    assert judge_status("law", "edge")[0].severity == "caution"
    assert judge_status("law", "not_identified", "why")[0].message.endswith("not_identified: why")
    assert judge_status("law", "failed")[0].severity == "refuse"


def test_laws_that_predict_as_well_must_agree():
    answers = {"a": size(1e10), "b": size(3e10), "c": size(9e10)}
    (found,) = judge_laws("a", {"a": 0.010, "b": 0.012, "c": 0.02}, answers)
    assert found.code == "laws_disagree"
    assert found.message.startswith("b predicts")
    assert "3.0x larger" in found.message
    assert judge_laws("a", {"a": 0.010, "b": 0.013, "c": 0.02}, answers) == []
    assert judge_laws("a", {"a": 0.01, "b": 0.01}, {"a": size(1e10), "b": size(1.9e10)}) == []
    assert judge_laws("a", {"a": 0.01, "b": 0.01}, {"b": size(1e10)}) == []


def test_trust_has_reasons_too():
    said = praise("law", [scored(0.002 * ALTERNATING)], [size(1e10)] * 5, SHARES)
    assert said == [
        "law predicts held-out losses to 0.20% on average.",
        "nominal 90% intervals held 100% of the held-out runs.",
        "its optimum at the target moved 1.00x as larger runs were added.",
    ]
    assert len(praise("law", [scored(0.002 * ALTERNATING)], [None], np.ones(1))) == 2
