"""Where to cut a set of runs: fit on what is below, predict what is above (rolling origin)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.runs import Points

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MIN_GROUPS = 4
MIN_BELOW = 3  # groups below the first cut
MIN_ABOVE = 3  # runs above the last
_LABELS = {"tier": "C", "params": "N", "tokens": "D"}


@dataclass(frozen=True)
class Cut:
    """One cut: the runs below it and the runs above.

    Attributes:
        at: the largest value among the runs below, in the unit of ``by``.
        below: which runs are fitted (n,).
        above: which runs are held out (n,).
    """

    at: float
    below: Mask
    above: Mask


def rolling_cuts(
    points: Points,
    by: str = "tier",
    *,
    at: Sequence[float] | None = None,
    most: int = 8,
) -> tuple[Cut, ...]:
    """Cuts in ascending order, each leaving whole groups on both sides.

    Args:
        points: the runs.
        by: ``tier`` (compute), ``params``, ``tokens`` or ``column:NAME``.
        at: values to cut at, a run at the value itself is below (for tiers: its own compute, even
            if that divides a tier); by default cuts between groups, at most ``most``, spread
            evenly over the runs.
        most: how many cuts at most, where ``at`` is not given.

    Raises:
        EvidenceError: fewer than four groups, or no group left on one side.
        InputError: no such column, or a cut that leaves no run on one side.
    """
    values, groups = _ordered(points, by)
    count = int(groups.max()) + 1
    if count < MIN_GROUPS:
        raise EvidenceError(
            f"the runs form {count} group(s) by {by}; a backtest fits some and predicts the rest, "
            f"and needs {MIN_GROUPS}.",
            code="too_few_groups",
            hint="Add runs at other budgets, or backtest by another column.",
        )
    if at is not None:
        given = points.flop if by == "tier" else values
        return tuple(_cut_at(given, float(value), by) for value in sorted(at))
    possible = range(MIN_BELOW - 1, count - 1)
    possible = [g for g in possible if np.sum(groups > g) >= MIN_ABOVE] or list(possible)
    ends = np.array([values[groups <= g].max() for g in possible])
    below = np.array([np.sum(groups <= g) for g in possible])
    if len(ends) > most:
        wanted = np.linspace(below[0], below[-1], most)
        ends = ends[np.unique([int(np.argmin(np.abs(below - w))) for w in wanted])]
    return tuple(_cut_at(values, float(end), by) for end in ends)


def label(by: str) -> str:
    """The symbol of what is cut, for tables: C, N, D or the column's name."""
    return _LABELS.get(by, by.removeprefix("column:"))


def _ordered(points: Points, by: str) -> tuple[Array, NDArray[np.int64]]:
    """The value that orders each run, and its group number in that order."""
    if by == "tier":
        # A run belongs to the value of its tier, so that no tier is ever divided by a cut.
        tiers = np.unique(points.tier, return_inverse=True)[1]
        tops = np.array([points.flop[tiers == t].max() for t in range(tiers.max() + 1)])
        values = np.maximum.accumulate(tops)[tiers]
    elif by in ("params", "tokens"):
        values = points.params if by == "params" else points.tokens
    else:
        name = by.removeprefix("column:")
        if name not in points.columns:
            raise InputError(
                f"there is no numeric column {name!r} to cut by.",
                code="unknown_column",
                where=Where(field=name),
                hint=f"Numeric columns: {', '.join(sorted(points.columns))}.",
            )
        values = points.columns[name]
    if not np.all(np.isfinite(values)):
        raise InputError(
            f"some runs have no value to cut by {by}.", code="missing_value", where=Where(field=by)
        )
    return values, np.unique(values, return_inverse=True)[1].astype(np.int64)


def _cut_at(values: Array, value: float, by: str) -> Cut:
    below = values <= value
    if below.all() or not below.any():
        side = "above" if below.all() else "below"
        raise InputError(
            f"a cut at {value:g} leaves no run {side} it; {label(by)} runs from {values.min():.3g} "
            f"to {values.max():.3g}.",
            code="bad_cut",
            where=Where(field="at"),
        )
    return Cut(value, below, ~below)
