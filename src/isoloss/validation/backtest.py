"""Fit on the small runs, predict the large ones: the verb ``iso.backtest``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Fit, Objective, Quantity, fit, from_draws
from isoloss.laws import Law, get_law
from isoloss.laws.compute import FlopRule
from isoloss.laws.optimum import Surface, allocate, can_allocate

from isoloss.runs import Points, Runs
from isoloss.validation.cuts import Cut, rolling_cuts
from isoloss.validation.result import Answer, Backtest, CutScores, Drift
from isoloss.validation.score import LEVELS, Score, score, unfitted
from isoloss.validation.verdict import (
    Finding,
    judge_distance,
    judge_drift,
    judge_scores,
    judge_status,
)

Array = NDArray[np.float64]
DEFAULT_REACH = 30.0  # the target, in units of the largest compute of the runs
SIZE_MARGIN = 100.0
RUNS_PER_PARAMETER = 3  # below, a law follows its runs too closely for a score to mean anything


@dataclass(frozen=True)
class _Options:
    """What is passed on to every fit."""

    objective: Objective | None
    ci: str
    draws: int
    seed: int
    jobs: int | None


def backtest(
    runs: Runs | Points,
    laws: str | Law | Sequence[str | Law] = "chinchilla",
    *,
    target: float | None = None,
    by: str = "tier",
    at: Sequence[float] | None = None,
    levels: Sequence[float] = LEVELS,
    n: str | None = None,
    loss: str | None = None,
    objective: Objective | None = None,
    ci: str = "tier",
    draws: int = 200,
    seed: int = 0,
    jobs: int | None = None,
) -> Backtest:
    """How well would these runs have predicted their own largest ones, and does the answer drift?

    Args:
        runs: a table of runs, or points.
        laws: one law or several.
        target: compute (FLOP) at which the answer is followed; 30 times the largest by default.
        by: what orders the runs: ``tier``, ``params``, ``tokens`` or ``column:NAME``.
        at: values to cut at; by default up to eight cuts between groups.
        levels: nominal coverage of the intervals that are counted.
        n: which count is N.
        loss: which column is the loss.
        objective: of the fits; Huber(1e-3) by default.
        ci: how intervals are made.
        draws: refits per law and cut.
        seed: of the draws.
        jobs: threads.

    Raises:
        EvidenceError: too few groups of runs.
        InputError: an argument is unusable.
    """
    points = runs.points(n=n, loss=loss) if isinstance(runs, Runs) else runs
    chosen = [get_law(law) for law in ([laws] if isinstance(laws, str | Law) else laws)]
    if not chosen or len({law.name for law in chosen}) < len(chosen):
        raise InputError(
            "name one or more laws, each once.", code="bad_laws", where=Where(field="laws")
        )
    largest = float(np.nanmax(points.flop)) if np.isfinite(points.flop).any() else np.nan
    flop = DEFAULT_REACH * largest if target is None else float(target)
    options = _Options(objective, ci, draws, seed, jobs)
    cuts = rolling_cuts(points, by, at=at)

    scored: list[CutScores] = []
    answers: dict[str, list[Answer | None]] = {law.name: [] for law in chosen}
    for cut in cuts:
        scores: dict[str, Score] = {}
        for law in chosen:
            scores[law.name], answer = _below(points, cut, law, options, levels, flop)
            answers[law.name].append(answer)
        scored.append(CutScores(cut.at, int(cut.below.sum()), int(cut.above.sum()), scores))

    findings: dict[str, tuple[Finding, ...]] = {}
    for law in chosen:
        final = _fit(points, law, options)
        answers[law.name].append(answer_at(final, flop) if final else None)
        findings[law.name] = _findings(law.name, scored, answers[law.name], final, flop, largest)
    return Backtest(
        by=by,
        target_flop=flop,
        cuts=tuple(scored),
        drift={name: _drift(cuts, points, found) for name, found in answers.items()},
        findings=findings,
        ci=ci,
        draws=draws,
        seed=seed,
        conventions=points.conventions,
        data_hash=points.data_hash,
        n_runs=len(points),
    )


def answer_at(found: Fit, flop: float) -> Answer | None:
    """N*, D* and loss of a fit at a compute, with intervals; None where there is no optimum."""
    if not can_allocate(found.law) or not np.isfinite(flop):
        return None
    surface = Surface(found.law, FlopRule())
    grow = max(1.0, flop / float(np.nanmax(found.points.flop)))
    low = max(1.0, float(found.points.params.min()) / SIZE_MARGIN)
    high = float(found.points.params.max()) * SIZE_MARGIN * grow
    thetas = np.concatenate([found.theta[None], found.draws])
    optimum = allocate(surface, thetas.T, flop, (low, high))
    if not optimum.found[0]:
        return None
    params = np.where(optimum.found, optimum.params, 1.0)
    losses = surface.loss(thetas.T, params, np.asarray(flop))
    parts = (optimum.params, optimum.tokens, losses)
    quantities = [
        from_draws(float(v[0]), np.where(optimum.found, v, np.nan)[1:], found.level) for v in parts
    ]
    return Answer(*quantities)


def _below(
    points: Points,
    cut: Cut,
    law: Law,
    options: _Options,
    levels: Sequence[float],
    flop: float,
) -> tuple[Score, Answer | None]:
    if cut.below.sum() < RUNS_PER_PARAMETER * len(law.names):
        return unfitted("too_few_runs"), None
    try:
        found = fit(points.take(cut.below), law, **vars(options))
    except EvidenceError as error:
        return unfitted(error.code), None
    return score(found, points.take(cut.above), levels), answer_at(found, flop)


def _fit(points: Points, law: Law, options: _Options) -> Fit | None:
    try:
        return fit(points, law, **vars(options))
    except EvidenceError:
        return None


def _findings(
    law: str,
    cuts: Sequence[CutScores],
    answers: Sequence[Answer | None],
    final: Fit | None,
    flop: float,
    largest: float,
) -> tuple[Finding, ...]:
    if final is None:
        message = f"{law} cannot be fitted to these runs."
        return (Finding("refuse", "too_few_runs", message),)
    sizes: list[Quantity | None] = [a.n_params if a else None for a in answers]
    shares = np.array([*(cut.n_fit for cut in cuts), final.n_runs]) / final.n_runs
    drift = judge_drift(law, sizes, shares) if can_allocate(final.law) else []
    return (
        *judge_status(law, final.status),
        *judge_scores(law, [cut.laws[law] for cut in cuts]),
        *drift,
        *judge_distance(float(np.log10(flop / largest)) if largest > 0 else 0.0),
    )


def _drift(
    cuts: Sequence[Cut], points: Points, answers: Sequence[Answer | None]
) -> tuple[Drift, ...]:
    tops = [float(np.nanmax(points.flop[cut.below])) for cut in cuts]
    counts = [int(cut.below.sum()) for cut in cuts]
    rows = zip([*tops, float(np.nanmax(points.flop))], [*counts, len(points)], answers, strict=True)
    return tuple(Drift(top, count, answer) for top, count, answer in rows)
