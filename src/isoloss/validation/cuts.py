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
LEAST_SHARE = 0.25  # of the runs below the first cut, where there is a choice
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

    By default the first cut leaves three groups and a quarter of the runs below, and the last
    three runs above, as far as the runs allow it.

    Args:
        points: the runs.
        by: ``tier`` (compute), ``params``, ``tokens`` or ``column:NAME``. Tiers that overlap in
            compute count as one group.
        at: values to cut at, a run at the value itself is below (for tiers: its own compute, even
            if that divides a tier); by default cuts between groups, at most ``most``, spread
            evenly over the runs.
        most: how many cuts at most, where ``at`` is not given.

    Raises:
        EvidenceError: fewer than four groups.
        InputError: no such column, or a cut that leaves no run on one side.
    """
    values, groups = _ordered(points, by)
    count = int(groups.max()) + 1
    if count < MIN_GROUPS:
        raise _too_few(points, by, count)
    if at is not None:
        given = points.flop if by == "tier" else values
        return tuple(_cut_at(given, value, by) for value in sorted({float(v) for v in at}))
    possible = np.arange(MIN_BELOW - 1, count - 1)
    ends = np.array([values[groups <= g].max() for g in possible])
    below = np.array([np.sum(groups <= g) for g in possible])
    early, late = below >= LEAST_SHARE * len(points), len(points) - below >= MIN_ABOVE
    for chosen in (early & late, late):
        if chosen.any():
            ends, below = ends[chosen], below[chosen]
            break
    if len(ends) > most:
        first, last = int(below[0]), int(below[-1])
        wanted = [first + (last - first) * k / max(most - 1, 1) for k in range(most)]
        ends = ends[np.unique([int(np.argmin(np.abs(below - w))) for w in wanted])]
    return tuple(_cut_at(values, float(end), by) for end in ends)


def label(by: str) -> str:
    """The symbol of what is cut, for tables: C, N, D or the column's name."""
    return _LABELS.get(by, by.removeprefix("column:"))


def overlapping(points: Points) -> int:
    """How many compute tiers share compute with one before them, and so no cut can divide them."""
    if not np.all(np.isfinite(points.flop)):
        return 0
    return len(np.unique(points.tier)) - len(np.unique(_tier_tops(points)))


def _tier_tops(points: Points) -> Array:
    """Per run, the largest compute of its tier and of all tiers that overlap with it."""
    tiers = np.unique(points.tier, return_inverse=True)[1]
    count = int(tiers.max()) + 1
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, tiers, points.flop)
    np.maximum.at(high, tiers, points.flop)
    reach, rest = np.maximum.accumulate(high), np.minimum.accumulate(low[::-1])[::-1]
    ends = np.append(rest[1:] > reach[:-1], True)
    # A tier that does not end a group has the top of the next one that does.
    return reach[ends][np.cumsum(np.append(0, ends[:-1]))][tiers]


def _too_few(points: Points, by: str, count: int) -> EvidenceError:
    tiers = len(np.unique(points.tier))
    if by == "tier" and tiers >= MIN_GROUPS:
        return EvidenceError(
            f"{tiers} compute tiers overlap, so that cuts between them leave {count} group(s); a "
            f"backtest fits some groups and predicts the rest, and needs {MIN_GROUPS}.",
            code="overlapping_tiers",
            where=Where(field="by"),
            hint="Cut by params or tokens, or correct the compute budgets of the runs.",
        )
    return EvidenceError(
        f"the runs form {count} group(s) by {by}; a backtest fits some groups and predicts the "
        f"rest, and needs {MIN_GROUPS}.",
        code="too_few_groups",
        where=Where(field="by"),
        hint="Add runs at other budgets, or cut by something else: tier, params, tokens or a "
        "column.",
    )


def _ordered(points: Points, by: str) -> tuple[Array, NDArray[np.int64]]:
    """The value that orders each run, and its group number in that order."""
    if by == "tier":
        known = np.all(np.isfinite(points.flop))
        values = _tier_tops(points) if known else points.flop
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
