"""Which runs had the same compute? Tiers found by gaps and width, never by rounding."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BUDGET_TOLERANCE = 1e-6
# Above this many distinct values in one group, neighbours closer than 0.5 % are taken together
# first; the exact clustering would cost seconds and answer the same.
_EXACT_LIMIT = 5_000
_NEIGHBOUR = 5e-3
# A tier of fewer runs joins a neighbour where the width allows it.
_SMALL = 3


def compute_tiers(
    flop: Floats, budget: Floats | None = None, gap: float = 0.10, width: float = 0.5
) -> Ints:
    """The compute tier of each run, 0 for the smallest.

    Sorted by compute, runs are split wherever the next one needs more than ``1 + gap`` times as
    much. A group that then spans more than a factor ``1 + width`` is divided further by complete
    linkage, and a group of one or two runs joins its nearest neighbour, as long as no tier spans
    more than that factor. Rounding is never used: it would join budgets such as 1.5e19 and 2.4e19.

    Args:
        flop: compute of each run in FLOP, positive, shape (n_runs,).
        budget: nominal budget of each run in FLOP, NaN where it has none. Runs with a budget form
            one tier per distinct budget (equal to 1e-6); the others are grouped among themselves.
        gap: relative gap that separates tiers.
        width: largest relative width of a tier.

    Returns:
        tier numbers from 0, shape (n_runs,), ascending with the mean log compute of the tier.
    """
    log_flop = np.log(np.asarray(flop, dtype=np.float64))
    labels = np.full(log_flop.shape, -1, dtype=np.int64)
    nominal = np.zeros(log_flop.shape, dtype=bool) if budget is None else np.isfinite(budget)
    if budget is not None and nominal.any():
        log_budget = np.log(np.asarray(budget, dtype=np.float64)[nominal])
        labels[nominal] = _split_at_gaps(log_budget, np.log1p(_BUDGET_TOLERANCE))
    free = ~nominal
    if free.any():
        start = labels.max(initial=-1) + 1
        labels[free] = start + _tiers_of(log_flop[free], np.log1p(gap), np.log1p(width))
    return _ascending(labels, log_flop)


def _split_at_gaps(values: Floats, gap: float) -> Ints:
    """Group numbers along the sorted values, a new group after each gap."""
    order = np.argsort(values, kind="stable")
    groups = np.zeros(values.shape, dtype=np.int64)
    groups[order[1:]] = np.cumsum(np.diff(values[order]) > gap)
    return groups


def _tiers_of(log_flop: Floats, gap: float, width: float) -> Ints:
    groups = _split_at_gaps(log_flop, gap)
    labels = np.zeros_like(groups)
    n_labels = 0
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    for members in np.split(order, starts[1:]):
        values = log_flop[members]
        if np.ptp(values) <= width:
            parts = np.zeros(len(members), dtype=np.int64)
        else:
            parts = _complete_linkage(values, width)
        labels[members] = n_labels + parts
        n_labels += int(parts.max()) + 1
    return _join_small(labels, log_flop, width)


def _complete_linkage(values: Floats, width: float) -> Ints:
    """Complete-linkage clusters of points on a line, none wider than ``width``."""
    distinct, inverse = np.unique(values, return_inverse=True)
    if len(distinct) > _EXACT_LIMIT:
        cell = np.floor((distinct - distinct[0]) / _NEIGHBOUR)
        seeds = np.cumsum(np.diff(cell, prepend=cell[0]) > 0)
    else:
        seeds = np.arange(len(distinct))
    first = np.flatnonzero(np.diff(seeds, prepend=-1))
    last = np.append(first[1:], len(distinct)) - 1
    clusters = _join_neighbours(distinct[first], distinct[last], np.zeros(len(first)), width)
    return clusters[seeds][inverse]


def _join_small(labels: Ints, log_flop: Floats, width: float) -> Ints:
    """Let groups of fewer than three runs join a neighbour."""
    n_runs = np.bincount(labels)
    low, high = np.full(len(n_runs), np.inf), np.full(len(n_runs), -np.inf)
    np.minimum.at(low, labels, log_flop)
    np.maximum.at(high, labels, log_flop)
    order = np.argsort(low)
    clusters = np.empty_like(order)
    clusters[order] = _join_neighbours(low[order], high[order], n_runs[order], width)
    return clusters[labels]


def _join_neighbours(low: Floats, high: Floats, n_runs: Floats | Ints, width: float) -> Ints:
    """Cluster number of each interval after joining neighbours, narrowest joint width first.

    A pair is joined only if its joint width is at most ``width`` and one side has fewer than three
    runs (give zeros to join all). On a line the closest pair of clusters is always a pair of
    neighbours, so a heap of neighbours is enough: O(n log n).
    """
    n = len(low)
    low, high, size = low.copy(), high.copy(), n_runs.copy()
    left, right = np.arange(-1, n - 1), np.arange(1, n + 1)
    alive = np.ones(n, dtype=bool)
    heap: list[tuple[float, int, int]] = []

    def offer(i: int, j: int) -> None:
        span = float(high[j] - low[i])
        if span <= width and min(size[i], size[j]) < _SMALL:
            heapq.heappush(heap, (span, i, j))

    for i in range(n - 1):
        offer(i, i + 1)
    while heap:
        span, i, j = heapq.heappop(heap)
        # An entry is stale if either side has been joined since it was written.
        if not (alive[i] and alive[j]) or right[i] != j or span != float(high[j] - low[i]):
            continue
        high[i], alive[j] = high[j], False
        size[i] += size[j]
        right[i] = right[j]
        if right[i] < n:
            left[right[i]] = i
            offer(i, int(right[i]))
        if left[i] >= 0:
            offer(int(left[i]), i)
    return np.cumsum(alive) - 1


def _ascending(labels: Ints, log_flop: Floats) -> Ints:
    """Renumber tiers by their mean log compute."""
    if labels.size == 0:
        return labels
    n_labels = int(labels.max()) + 1
    mean = np.bincount(labels, log_flop, n_labels) / np.bincount(labels, minlength=n_labels)
    rank = np.empty(n_labels, dtype=np.int64)
    rank[np.argsort(mean, kind="stable")] = np.arange(n_labels)
    return rank[labels]
