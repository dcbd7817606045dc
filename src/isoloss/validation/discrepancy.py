"""How wrong may the law itself be, away from its runs? Three views of it, learned from a backtest.

Intervals of a fit hold if the law does. What they leave out is seen in three ways:

- **drift**: held-out tiers that lay further from the law than law and noise explain, per decade of
  compute beyond the cut;
- **laws**: how far other laws, whose held-out errors are comparable, lie from this one;
- **trend**: the mean residual of the runs nearest in compute, which the law already misses.

They are views of one failing, so the largest counts, not their sum. Half widths of independent
parts are added as squares. ``docs/decisions/forecast-intervals.md`` has the measured coverage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.validation.result import Backtest
from isoloss.validation.score import Score
from isoloss.validation.stacking import errors_at, errors_below, held_out

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

COMPARABLE = 2.0  # times the smallest held-out error, up to which a law counts as another view
_MOST = 1e3  # a relative spread beyond which no number means anything


@dataclass(frozen=True)
class Drift:
    """How fast past forecasts went wrong beyond their runs.

    Attributes:
        rate: standard deviation in log loss per decade of compute, beyond law and noise.
        n_cuts: cuts that it was learned from.
        farthest: decades beyond a cut that it was seen over.
    """

    rate: float
    n_cuts: int
    farthest: float


@dataclass(frozen=True)
class Views:
    """How wrong a law may be at some points (m,), as standard deviations in log loss.

    Attributes:
        drift: by past drift.
        laws: by the spread over laws.
        trend: by the residuals nearest to each point.
        n_cuts: cuts behind the drift: degrees of freedom of its Student t.
    """

    drift: Array
    laws: Array
    trend: Array
    n_cuts: int

    @property
    def largest(self) -> Array:
        """The discrepancy: the largest of the three (m,)."""
        return np.max([self.drift, self.laws, self.trend], axis=0)

    def half_width(self, level: float) -> Array:
        """Half the width, in log loss, of an interval for the discrepancy alone (m,)."""
        from scipy.special import ndtri, stdtrit

        student = float(stdtrit(self.n_cuts, (1 + level) / 2))
        normal = float(ndtri((1 + level) / 2))
        return np.max([student * self.drift, normal * self.laws, normal * self.trend], axis=0)


@dataclass(frozen=True)
class Past:
    """What intervals of one nominal level would have held at the cuts of a backtest.

    Attributes:
        level: nominal coverage.
        without: share of held-out runs inside the interval of law and noise.
        within: share inside the interval that contains the discrepancy, learned on earlier cuts.
        width: how much wider that is, median factor.
        n_predictions: held-out runs, counted at each cut that holds them out.
        n_cuts: such cuts: those with an earlier one to learn from.
    """

    level: float
    without: float
    within: float
    width: float
    n_predictions: int
    n_cuts: int

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return dict(vars(self))


def past_drift(backtest: Backtest, law: str, before: int | None = None) -> Drift | None:
    """How fast forecasts of a law went wrong beyond their runs; None where no cut says it.

    Args:
        backtest: over compute tiers.
        law: its name.
        before: only what was known at this cut: earlier cuts, and the runs below this one.
    """
    squares: list[tuple[float, float]] = []
    farthest = 0.0
    for score, kept in _known(backtest, law, before):
        decades = np.log10(np.maximum(score.factor[kept], 1.0))
        error = np.log(score.loss / score.expected)[kept]
        law_spread, spread = (
            np.minimum(part[kept], _MOST) for part in (score.law_spread, score.spread)
        )
        tier = np.unique(score.tier[kept], return_inverse=True)[1]
        count = np.bincount(tier)
        reach, mean, by_law, noise = (
            np.bincount(tier, part) / count
            for part in (decades, error, law_spread**2, np.maximum(spread**2 - law_spread**2, 0.0))
        )
        # A tier's mean error is due to the law's draws, to noise, and for the rest to its form.
        excess = np.maximum(mean**2 - by_law - noise / count, 0.0)
        if np.any(reach > 0):
            squares.append((float(np.mean(excess)), float(np.mean(reach**2))))
            farthest = max(farthest, float(decades.max()))
    if not squares:
        return None
    # Cuts that look far count more: their errors say more of a rate per decade.
    total, reaches = np.sum(squares, axis=0)
    return Drift(float(np.sqrt(total / reaches)), len(squares), farthest)


def comparable(backtest: Backtest, law: str, before: int | None = None) -> tuple[str, ...]:
    """The other laws whose held-out errors are at most twice those of the best.

    Args:
        backtest: of several laws.
        law: the one that forecasts; errors count at the cuts where it has some.
        before: as in ``past_drift``.
    """
    cuts = backtest.cuts[:before]
    if before is None:
        scored = [errors_at(cut) for cut in cuts]
    else:
        held = set(held_out(backtest.cuts[before]))
        scored = [errors_below(cut=cut, held=held) for cut in cuts]
    sizes: dict[str, float] = {}
    for name in backtest.laws:
        errors = [cut[name] for cut in scored if name in cut and law in cut]
        if errors:
            sizes[name] = float(np.mean(np.abs(np.concatenate(errors))))
    if not sizes:
        return ()
    most = COMPARABLE * min(sizes.values())
    return tuple(name for name, size in sizes.items() if name != law and size <= most)


def spread_over_laws(here: Array, others: Sequence[Array]) -> Array:
    """Root mean square distance of other laws' losses from those of this one, in logs (m,)."""
    usable = [other for other in others if np.all(np.isfinite(other) & (other > 0))]
    if not usable:
        return np.zeros(len(here))
    return np.sqrt(np.mean([np.log(other / here) ** 2 for other in usable], axis=0))


def widened(estimate: Array, lo: Array, hi: Array, half: Array) -> tuple[Array, Array]:
    """An interval with one more independent part: half widths in log loss, added as squares.

    An end that is open or without a value stays as it is.
    """
    with np.errstate(all="ignore"):
        lower = estimate * np.exp(-np.hypot(np.log(estimate / lo), half))
        upper = estimate * np.exp(np.hypot(np.log(hi / estimate), half))
    return np.where(lo > 0, lower, lo), np.where(np.isfinite(hi), upper, hi)


def past_coverage(backtest: Backtest, law: str) -> tuple[Past, ...]:
    """How often intervals of a law would have held, before and after the discrepancy.

    At each cut the discrepancy is that of earlier cuts, by the runs below this one only.

    Args:
        backtest: over compute tiers.
        law: its name.

    Returns:
        One entry per nominal level; empty where no cut has an earlier one to learn from.
    """
    trials = [trial for i in range(1, len(backtest.cuts)) if (trial := _at_cut(backtest, law, i))]
    if not trials:
        return ()
    found: list[Past] = []
    for level in trials[0][0].ends:
        hits: list[tuple[Mask, Mask, Array]] = []
        for score, views in trials:
            lo, hi = score.ends[level]
            low, high = widened(score.expected, lo, hi, views.half_width(level))
            hits.append(
                (
                    (lo <= score.loss) & (score.loss <= hi),
                    (low <= score.loss) & (score.loss <= high),
                    np.log(high / low) / np.log(hi / lo),
                )
            )
        without, within, width = (np.concatenate(part) for part in zip(*hits, strict=True))
        found.append(
            Past(
                level,
                float(np.mean(without)),
                float(np.mean(within)),
                float(np.median(width)),
                len(without),
                len(trials),
            )
        )
    return tuple(found)


def _at_cut(backtest: Backtest, law: str, number: int) -> tuple[Score, Views] | None:
    """The score of a law at a cut, and the discrepancy as it was known there."""
    scores = backtest.cuts[number].laws
    score = scores[law]
    drift = past_drift(backtest, law, before=number)
    if drift is None or law not in errors_at(backtest.cuts[number]):
        return None
    others = (scores[name] for name in comparable(backtest, law, before=number))
    return score, Views(
        drift.rate * np.log10(np.maximum(score.factor, 1.0)),
        spread_over_laws(score.expected, [other.expected for other in others if other.run_id]),
        np.abs(score.miss),
        drift.n_cuts,
    )


def _known(backtest: Backtest, law: str, before: int | None) -> Iterator[tuple[Score, Mask]]:
    """The scores of a law, and which of their runs count."""
    held: set[str] = set() if before is None else set(held_out(backtest.cuts[before]))
    for cut in backtest.cuts[:before]:
        score = cut.laws[law]
        kept = np.array([run not in held for run in score.run_id], dtype=np.bool_)
        if kept.any() and law in errors_at(cut):
            yield score, kept
