"""Where runs are cut: whole groups, in order, and refusals in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import EvidenceError, InputError
from isoloss.validation.cuts import label, overlapping, rolling_cuts
from tests.fitting.helpers import make_points, sweep


def tiers_of(flop, tier):
    """Runs at these amounts of compute, in these tiers."""
    flop = np.asarray(flop, dtype=np.float64)
    n = np.sqrt(flop / 120)
    return make_points(np.full(len(flop), 3.0), n, 20 * n, flop=flop, tier=np.asarray(tier))


def test_cuts_ascend_and_part_all_runs():
    points = sweep(budgets=7)
    cuts = rolling_cuts(points)
    assert len(cuts) == 4  # after three, four, five and six of the seven budgets
    for cut in cuts:
        assert np.array_equal(cut.above, ~cut.below)
        assert set(points.tier[cut.below]).isdisjoint(points.tier[cut.above])
        assert cut.at == points.flop[cut.below].max() < points.flop[cut.above].min()
    below = [cut.below.sum() for cut in cuts]
    assert below == [24, 32, 40, 48]


def test_at_most_eight_cuts_spread_over_the_runs():
    points = sweep(budgets=40)
    cuts = rolling_cuts(points)
    below = np.array([cut.below.sum() for cut in cuts])
    assert len(cuts) == 8
    assert below[0] == 80  # a quarter of the runs
    assert below[-1] == 312
    assert np.ptp(np.diff(below)) <= 8  # one budget
    assert len(rolling_cuts(points, most=3)) == 3


def test_the_last_cut_leaves_three_runs_above_where_it_can():
    flop = np.repeat([1e18, 1e19, 1e20, 1e21, 1e22], [3, 3, 3, 3, 1])
    cuts = rolling_cuts(tiers_of(flop, np.repeat(range(5), [3, 3, 3, 3, 1])))
    assert [cut.above.sum() for cut in cuts] == [4]
    flop = np.repeat([1e18, 1e19, 1e20, 1e21], [3, 3, 3, 1])
    cuts = rolling_cuts(tiers_of(flop, np.repeat(range(4), [3, 3, 3, 1])))
    assert [cut.above.sum() for cut in cuts] == [1]


def test_values_to_cut_at_are_the_users_own():
    points = sweep(budgets=5)
    cuts = rolling_cuts(points, at=[1e20, 2e18, 1e20])
    assert [cut.at for cut in cuts] == [2e18, 1e20]
    assert [cut.below.sum() for cut in cuts] == [8, 24]


@pytest.mark.parametrize("at", [1e17, 1e22, float("nan")])
def test_a_cut_outside_the_runs_is_refused(at):
    with pytest.raises(InputError, match="leaves no run") as caught:
        rolling_cuts(sweep(), at=[at])
    assert caught.value.code == "bad_cut"


def test_by_size_tokens_and_column():
    points = sweep()
    for by, values in (("params", points.params), ("tokens", points.tokens)):
        for cut in rolling_cuts(points, by):
            assert values[cut.below].max() == cut.at < values[cut.above].min()
    order = np.arange(len(points), dtype=np.float64) // 5
    dated = make_points(points.loss, points.params, points.tokens, columns={"month": order})
    for by in ("column:month", "month"):
        assert [cut.at for cut in rolling_cuts(dated, by)] == [2, 3, 4, 5, 6]
    shown = [label(by) for by in ("tier", "params", "tokens", "column:month")]
    assert shown == ["C", "N", "D", "month"]


def test_columns_that_cannot_order_are_refused():
    points = sweep()
    with pytest.raises(InputError, match="no numeric column 'month'") as caught:
        rolling_cuts(points, "month")
    assert caught.value.code == "unknown_column"
    gaps = np.where(np.arange(len(points)) < 3, np.nan, 1.0)
    with pytest.raises(InputError, match="no value") as caught:
        rolling_cuts(make_points(points.loss, columns={"month": gaps}), "month")
    assert caught.value.code == "missing_value"
    with pytest.raises(InputError, match="no value"):  # neither N nor D: no compute
        rolling_cuts(make_points(points.loss))


@pytest.mark.parametrize("budgets", [1, 2, 3])
def test_too_few_groups_are_refused(budgets):
    with pytest.raises(EvidenceError, match=rf"form {budgets} group") as caught:
        rolling_cuts(sweep(budgets=budgets))
    assert (caught.value.code, caught.value.exit_code) == ("too_few_groups", 3)


def test_tiers_that_overlap_are_never_divided():
    # The second tier reaches into the third, so both count as one.
    flop = [1e18, 1.1e18, 3e18, 9e18, 8e18, 2e19, 1e20, 1.2e20, 1e21, 1e21]
    points = tiers_of(flop, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    assert overlapping(points) == 1
    assert overlapping(sweep()) == 0
    for cut in rolling_cuts(points):
        assert points.flop[cut.below].max() < points.flop[cut.above].min()
        assert set(points.tier[cut.below]).isdisjoint(points.tier[cut.above])


def test_a_tier_that_reaches_far_joins_all_that_it_overlaps():
    # The first tier holds one run beyond the third: no cut is possible before it.
    flop = [1e18, 5e20, 3e18, 3e18, 1e19, 1e19, 1e21, 1e21]
    points = tiers_of(flop, [0, 0, 1, 1, 2, 2, 3, 3])
    assert overlapping(points) == 2
    with pytest.raises(EvidenceError, match="4 compute tiers overlap") as caught:
        rolling_cuts(points)
    assert caught.value.code == "overlapping_tiers"


@settings(max_examples=50)
@given(
    st.lists(st.integers(0, 9), min_size=8, max_size=40).filter(lambda t: len(set(t)) >= 4),
    st.integers(1, 12),
)
def test_whatever_the_tiers_cuts_part_them(tiers, most):
    tiers = np.array(tiers)
    points = tiers_of(1e18 * 3.0**tiers, np.unique(tiers, return_inverse=True)[1])
    cuts = rolling_cuts(points, most=most)
    assert 1 <= len(cuts) <= most
    assert all(np.diff([cut.at for cut in cuts]) > 0)
    for cut in cuts:
        assert cut.below.any()
        assert cut.above.any()
        assert len(set(points.tier[cut.below])) >= 3
        assert set(points.tier[cut.below]).isdisjoint(points.tier[cut.above])
