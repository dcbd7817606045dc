from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.runs import compute_tiers


def spans(flop, tiers):
    return [flop[tiers == t].max() / flop[tiers == t].min() for t in range(tiers.max() + 1)]


def test_close_budgets_that_round_alike_stay_apart():
    flop = np.repeat([1.5e19, 2.4e19, 1e20], 4)
    assert compute_tiers(flop).tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_scatter_within_a_budget_is_one_tier():
    rng = np.random.default_rng(0)
    budgets = np.repeat([1e18, 3e18, 1e19], 8)
    flop = budgets * rng.uniform(0.98, 1.02, budgets.size)
    assert compute_tiers(flop).tolist() == np.repeat([0, 1, 2], 8).tolist()


def test_two_budgets_closer_than_the_width_stay_apart():
    assert compute_tiers(np.repeat([1e19, 1.3e19], 5)).max() == 1


def test_single_runs_join_a_neighbour_within_the_width():
    flop = np.array([1e19, 1.2e19, 1.45e19, 1e20, 1e20, 1e20])
    assert compute_tiers(flop).tolist() == [0, 0, 0, 1, 1, 1]


def test_chinchilla(published_data):
    table = pl.read_csv(published_data / "chinchilla_epoch.csv")
    flop = table.filter(~pl.col("dropped_by_epoch"))["flops"].to_numpy()
    tiers = compute_tiers(flop)
    assert 16 <= tiers.max() + 1 <= 22
    assert max(spans(flop, tiers)) <= 1.5


def test_given_budgets_are_the_tiers():
    flop = np.array([0.9e19, 1.2e19, 2.6e19, 2.2e19])
    budget = np.array([1e19, 1e19 * (1 + 1e-9), 2e19, 2e19])
    assert compute_tiers(flop, budget).tolist() == [0, 0, 1, 1]


def test_runs_without_a_budget_are_grouped_among_themselves():
    flop = np.array([1e19, 1e19, 5e19, 5.1e19, 4e20, 4e20])
    budget = np.array([1e19, 1e19, np.nan, np.nan, 4e20, 4e20])
    assert compute_tiers(flop, budget).tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(("flop", "tiers"), [([], []), ([3e18], [0]), ([2e18, 2e18], [0, 0])])
def test_few_runs(flop, tiers):
    assert compute_tiers(np.array(flop, dtype=float)).tolist() == tiers


@given(
    st.lists(st.floats(1e15, 1e25), min_size=1, max_size=60),
    st.floats(0.01, 0.3),
    st.floats(0.3, 2.0),
    st.randoms(use_true_random=False),
)
def test_width_order_and_scale(values, gap, width, random):
    flop = np.array(values)
    tiers = compute_tiers(flop, gap=gap, width=width)
    assert max(spans(flop, tiers)) <= (1 + width) * (1 + 1e-9)
    assert sorted(set(tiers.tolist())) == list(range(tiers.max() + 1))
    order = np.argsort(flop)
    assert (np.diff(tiers[order]) >= 0).all()
    shuffled = list(range(len(flop)))
    random.shuffle(shuffled)
    assert compute_tiers(flop[shuffled], gap=gap, width=width).tolist() == tiers[shuffled].tolist()
    if decided(flop, gap, width):
        assert (compute_tiers(flop * 2.0**40, gap=gap, width=width) == tiers).all()


def decided(flop, gap, width):
    """Whether no two distances are equal, and none is a limit, to the last digits of a log."""
    logs = np.unique(np.log(flop))
    spans = np.sort((logs[:, None] - logs)[np.triu_indices(len(logs), 1)[::-1]])
    limits = np.log1p([gap, width])
    near = np.abs(spans[:, None] - limits).min(initial=np.inf)
    return min(near, np.diff(spans).min(initial=np.inf)) > 1e-10


def test_many_runs_without_gaps():
    flop = np.exp(np.random.default_rng(1).uniform(40, 55, 30_000))
    tiers = compute_tiers(flop)
    assert max(spans(flop, tiers)) <= 1.5
    # Fifteen natural logs cannot be covered by fewer tiers, and need not take twice as many.
    assert 15 / np.log(1.5) <= tiers.max() + 1 <= 2 * 15 / np.log(1.5)
