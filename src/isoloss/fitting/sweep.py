"""Which runs of a sweep count, and which of them were given the same compute?

Approaches 1 and 2 compare sizes at equal compute, each size at its best. Where a size was trained
with several learning rates, only the best setting shows what the size can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting.quantity import Notice
from isoloss.runs import Points, Runs, compute_tiers

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
SIZE_GAP = 0.01
SETTINGS = ("lr", "batch_tokens", "weight_decay", "lr_schedule", "optimizer")


def sweep(
    runs: Runs | Points,
    *,
    n: str | None = None,
    loss: str | None = None,
    tolerance: float | None = None,
    best_of: str | Sequence[str] = (),
) -> tuple[Points, list[Notice]]:
    """The points of a sweep with N, D and C for every run, in tiers, and what must be said.

    Args:
        runs: a table of runs, or points taken from one.
        n: which count is N, where the table has several.
        loss: which column is the loss.
        tolerance: relative gap in compute that separates tiers, in place of the table's tiers.
        best_of: see ``best_runs``.

    Raises:
        InputError: a column is missing, or an argument is unusable.
    """
    points = runs.points(n=n, loss=loss) if isinstance(runs, Runs) else runs
    for name in ("params", "tokens", "flop"):
        if not np.all(np.isfinite(getattr(points, name))):
            raise InputError(
                f"the {name} of every run must be known, and the table does not give them all.",
                code="missing_column",
                where=Where(field=name),
                hint="isoloss runs check shows which columns were found.",
            )
    if tolerance is not None:
        if not 0 < tolerance < 1:
            raise InputError(
                f"found {tolerance:g} where a number between 0 and 1 is expected.",
                code="bad_tolerance",
                where=Where(field="tolerance"),
            )
        tier = compute_tiers(points.flop, points.columns.get("flop_budget"), gap=tolerance)
        points = replace(points, tier=tier)
    kept = best_runs(points, best_of)
    return kept, competing_settings(kept)


def best_runs(points: Points, best_of: str | Sequence[str]) -> Points:
    """Keep, for each size and compute tier, the runs of the setting with the lowest mean loss.

    Args:
        points: the runs.
        best_of: the columns whose values make a setting. ``lr`` compares learning rates by the
            mean loss over seeds and keeps all seeds of the best; ``("lr", "seed")`` keeps the
            single best run. None given (an empty sequence) keeps everything.

    Raises:
        InputError: there is no such column.
    """
    names = (best_of,) if isinstance(best_of, str) else tuple(best_of)
    if not names:
        return points
    cell = _cells(points)
    setting = np.unique(
        np.stack([cell, *(points.clusters(name) for name in names)]), axis=1, return_inverse=True
    )[1].ravel()
    mean = np.bincount(setting, points.loss) / np.bincount(setting)
    lowest = np.full(int(cell.max()) + 1, np.inf)
    np.minimum.at(lowest, cell, mean[setting])
    # Equal settings tie; the first keeps the answer independent of anything but the runs.
    winner = np.full(len(lowest), np.iinfo(np.int64).max)
    tied = mean[setting] == lowest[cell]
    np.minimum.at(winner, cell[tied], setting[tied])
    return points.take(setting == winner[cell])


def near_best(points: Points, within: float | None) -> tuple[Points, list[Notice]]:
    """Keep, in each tier, sizes within a factor of the size with the lowest loss.

    Models far too small or too large for a budget bend away from any smooth curve, and a curve
    follows them at the expense of its minimum.

    Raises:
        InputError: the factor is not above 1.
    """
    if within is None:
        return points, []
    if not within > 1:
        raise InputError(
            f"found {within:g} where a factor above 1 is expected.",
            code="bad_within",
            where=Where(field="within"),
        )
    log_n = np.log(points.params)
    kept = np.zeros(len(points), dtype=np.bool_)
    for tier in np.unique(points.tier):
        rows = np.flatnonzero(points.tier == tier)
        best = log_n[rows[points.loss[rows].argmin()]]
        kept[rows] = np.abs(log_n[rows] - best) <= np.log(within) + 1e-9
    if kept.all():
        return points, []
    message = (
        f"{int((~kept).sum())} runs are left out whose size is more than {within:g} times off the "
        "best of their budget; within=None keeps them."
    )
    return points.take(kept), [Notice("far_sizes", message)]


def competing_settings(points: Points) -> list[Notice]:
    """Say so where runs of one size and tier differ in a setting that nobody chose between."""
    cell = _cells(points)
    differ: list[str] = []
    for name in SETTINGS:
        if name in points.columns or name in points.codes:
            value = points.clusters(name)
            pairs = np.unique(np.stack([cell, value]), axis=1)
            if pairs.shape[1] > int(cell.max()) + 1:
                differ.append(name)
    if not differ:
        return []
    listed = ", ".join(differ)
    return [
        Notice(
            "competing_settings",
            f"runs of one size and budget differ in {listed}; all of them count, the bad settings "
            f"too. To keep the best setting of each size, pass best_of={differ!r}.",
        )
    ]


def size_numbers(params: Array) -> Ints:
    """The number of each run's size, 0 for the smallest; sizes within 1 % are one (digitised N)."""
    order = np.argsort(params, kind="stable")
    log_n, width = np.log(params[order]), np.log1p(SIZE_GAP)
    group = np.concatenate([[0], np.cumsum(np.diff(log_n) > width)])
    # A chain of close sizes is cut into steps, so that no size is wider than the gap.
    start = log_n[np.searchsorted(group, group)]
    step = np.floor((log_n - start) / width + 1e-9)
    numbers = np.empty(len(params), dtype=np.int64)
    numbers[order] = np.unique(np.stack([group, step]), axis=1, return_inverse=True)[1].ravel()
    return numbers


def _cells(points: Points) -> Ints:
    """A number for each pair of compute tier and size."""
    size = size_numbers(points.params)
    pair = points.tier * (int(size.max()) + 1) + size
    return np.unique(pair, return_inverse=True)[1].ravel().astype(np.int64)
