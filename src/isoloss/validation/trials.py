"""One law fitted below one cut and held against the rest: many of these make a backtest.

They are independent of each other, so they run side by side on threads; each alone is the same fit
on one thread, and the digits do not depend on how many there are. ``docs/decisions/
backtest-batching.md`` has the measurements that decided against one batch over all cuts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Fit, Objective, fit
from isoloss.laws import Law
from isoloss.laws.compute import FlopRule
from isoloss.runs import Points
from isoloss.validation.answer import Answer, answer_at
from isoloss.validation.cuts import Cut
from isoloss.validation.score import Score, score, unfitted
from isoloss.validation.spline import one_thread

RUNS_PER_PARAMETER = 3  # below, a law follows its runs too closely for a score to mean anything
MIN_DRAWS = 20  # for the ends of a 90 % interval

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Settings:
    """What every fit of a backtest is given.

    Attributes:
        objective: cost of a residual; None for the default.
        ci: how intervals are made.
        draws: refits.
        seed: of the draws.
        fixed: parameters held at a value.
        tied: pairs of parameters that share one value.
        bounds: allowed ranges.
    """

    objective: Objective | None
    ci: str
    draws: int
    seed: int
    fixed: Mapping[str, float]
    tied: Sequence[tuple[str, str]]
    bounds: Mapping[str, tuple[float, float]]

    def check(self) -> None:
        """Refuse settings without which a backtest cannot be judged.

        Raises:
            InputError: there would be no draws, or too few.
        """
        if self.ci in ("none", "profile"):
            raise InputError(
                f"a backtest counts how often intervals hold, and ci={self.ci} makes no draws.",
                code="no_draws",
                where=Where(field="ci"),
                hint="Use tier, run, tier-cases or column:NAME.",
            )
        if self.draws < MIN_DRAWS:
            raise InputError(
                f"found {self.draws} draws where at least {MIN_DRAWS} are expected.",
                code="bad_draws",
                where=Where(field="draws"),
            )

    def fit(self, points: Points, law: Law) -> Fit:
        """Fit a law on one thread."""
        return fit(points, law, jobs=1, **vars(self))

    def n_free(self, law: Law) -> int:
        """How many parameters of a law are fitted."""
        return len(law.names) - len(self.fixed) - len(self.tied)


@dataclass(frozen=True)
class Target:
    """Where the answer is followed.

    Attributes:
        flop: the compute; NaN where none is known.
        rule: what a token costs there.
    """

    flop: float
    rule: FlopRule


@dataclass(frozen=True)
class Trial:
    """What one law made of some of the runs.

    Attributes:
        score: against the runs above the cut; empty for a fit to all runs.
        answer: at the target.
        fit: to all runs; None for a cut, or where the runs do not allow it.
        refusal: why there is no fit to all runs.
    """

    score: Score
    answer: Answer | None
    fit: Fit | None = None
    refusal: EvidenceError | None = None


def try_below(
    points: Points,
    cut: Cut,
    law: Law,
    settings: Settings,
    levels: Sequence[float],
    target: Target,
) -> Trial:
    """Fit a law to the runs below a cut and score it on those above."""
    if cut.below.sum() < RUNS_PER_PARAMETER * settings.n_free(law):
        return Trial(unfitted("too_few_runs"), None)
    try:
        found = settings.fit(points.take(cut.below), law)
    except EvidenceError as error:
        return Trial(unfitted(error.code), None)
    scored = score(found, points.take(cut.above), levels)
    return Trial(scored, answer_at(found, target.flop, target.rule))


def try_all(points: Points, law: Law, settings: Settings, target: Target) -> Trial:
    """Fit a law to all runs."""
    try:
        found = settings.fit(points, law)
    except EvidenceError as error:
        return Trial(unfitted(error.code), None, refusal=error)
    return Trial(unfitted("ok"), answer_at(found, target.flop, target.rule), found)


def side_by_side(
    work: Callable[[_Task], _Result], tasks: Sequence[_Task], jobs: int | None
) -> list[_Result]:
    """The results of all tasks in their order, on threads.

    Args:
        work: what to do with a task.
        tasks: in any order; the longest first finish soonest.
        jobs: threads; by default one per core, at most eight.
    """
    count = jobs or min(os.cpu_count() or 1, 8)
    # Threads inside the linear algebra would only wait for each other.
    with one_thread():
        if count == 1:
            return [work(task) for task in tasks]
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(work, tasks))


def largest(flop: NDArray[np.float64]) -> float:
    """The largest compute that is known; NaN where none is."""
    known = flop[np.isfinite(flop)]
    return float(known.max()) if known.size else np.nan
