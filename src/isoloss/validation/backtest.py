"""Fit on the small runs, predict the large ones: the verb ``iso.backtest``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from isoloss.errors import InputError, Where
from isoloss.fitting import Fit, Objective, Quantity
from isoloss.laws import Law, get_law
from isoloss.laws.compute import flop_rule, parse_flop
from isoloss.laws.optimum import can_allocate
from isoloss.runs import Points, Runs
from isoloss.validation.answer import Answer
from isoloss.validation.cuts import Cut, overlapping, rolling_cuts
from isoloss.validation.result import Backtest, CutScores, Drift
from isoloss.validation.score import LEVELS
from isoloss.validation.trials import (
    RUNS_PER_PARAMETER as RUNS_PER_PARAMETER,
)
from isoloss.validation.trials import (
    Settings,
    Target,
    Trial,
    largest,
    side_by_side,
    try_all,
    try_below,
)
from isoloss.validation.verdict import (
    LEVEL,
    NOTE,
    REFUSE,
    Finding,
    judge_distance,
    judge_drift,
    judge_laws,
    judge_scores,
    judge_status,
)

DEFAULT_REACH = 30.0  # the target, in units of the largest compute of the runs


def backtest(
    runs: Runs | Points | Fit,
    laws: str | Law | Sequence[str | Law] | None = None,
    *,
    target: float | str | None = None,
    by: str = "tier",
    at: Sequence[float] | None = None,
    levels: Sequence[float] = LEVELS,
    flop_per_token: str = "6nd",
    n: str | None = None,
    loss: str | None = None,
    objective: Objective | None = None,
    ci: str | None = None,
    draws: int = 200,
    fixed: Mapping[str, float] | None = None,
    tied: Sequence[tuple[str, str]] = (),
    bounds: Mapping[str, tuple[float, float]] | None = None,
    seed: int = 0,
    jobs: int | None = None,
) -> Backtest:
    """How well would these runs have predicted their own largest ones, and does the answer drift?

    Args:
        runs: a table of runs, points, or a fit, whose runs, law, objective and ``ci`` are then
            taken where nothing else is asked for; with its law come its constraints.
        laws: one law or several, by name, formula or object; ``chinchilla`` by default.
        target: compute at which the answer is followed, a number or a text such as
            ``1e24 FLOP``; 30 times the largest compute of the runs by default.
        by: what orders the runs: ``tier``, ``params``, ``tokens`` or ``column:NAME``.
        at: values to cut at; by default up to eight cuts between groups.
        levels: nominal coverage of the intervals that are counted; 0.9 is always among them.
        flop_per_token: what a token costs at the target: ``6nd``, or ``runs`` as the runs count.
        n: which count is N, where the table has several.
        loss: which column is the loss.
        objective: of the fits; Huber(1e-3) by default.
        ci: how intervals are made: ``tier`` by default, ``run``, ``tier-cases``, ``column:NAME``.
        draws: refits per law and cut.
        fixed: parameters held at a value, in all laws.
        tied: pairs of parameters that share one value.
        bounds: allowed ranges in place of the laws' own.
        seed: of the draws; same runs, seed and version give the same digits for any ``jobs``.
        jobs: threads; by default one per core, at most eight.

    Raises:
        EvidenceError: too few groups of runs, or groups that overlap.
        InputError: an argument is unusable, or the table lacks a column that a law needs.
    """
    fitted = runs if isinstance(runs, Fit) else None
    points = points_of(runs, n, loss)
    chosen = _laws(laws, fitted)
    held = fitted.constraints if fitted and laws is None else None
    settings = Settings(
        objective=objective or (fitted.objective if fitted else None),
        ci=ci or (fitted.ci if fitted else "tier"),
        draws=draws,
        seed=seed,
        fixed=fixed or (held.fixed if held else {}),
        tied=tied or (held.tied if held else ()),
        bounds=bounds or (held.bounds if held else {}),
    )
    settings.check()
    levels = _levels(levels)
    cuts = rolling_cuts(points, by, at=at)
    top = largest(points.flop)
    aim = Target(_flop(target, top), flop_rule(flop_per_token, points))

    def work(task: tuple[Law, Cut | None]) -> Trial:
        law, cut = task
        if cut is None:
            return try_all(points, law, settings, aim)
        return try_below(points, cut, law, settings, levels, aim)

    tasks = [(law, cut) for law in chosen for cut in (*cuts, None)]
    # The fits to most runs take longest: they go first.
    order = sorted(range(len(tasks)), key=lambda i: -_size(tasks[i][1], len(points)))
    done = dict(zip(order, side_by_side(work, [tasks[i] for i in order], jobs), strict=True))
    width = len(cuts) + 1
    trials = {law.name: [done[k * width + i] for i in range(width)] for k, law in enumerate(chosen)}
    result = Backtest(
        by=by,
        target_flop=aim.flop,
        flop_per_token=flop_per_token,
        cuts=tuple(_cut_scores(cut, i, trials) for i, cut in enumerate(cuts)),
        drift={
            name: _drift(cuts, points, [trial.answer for trial in tried])
            for name, tried in trials.items()
        },
        findings={name: () for name in trials},
        notes=tuple(_notes(points, by, aim.flop, top)),
        ci=settings.ci,
        draws=draws,
        seed=seed,
        conventions=points.conventions,
        data_hash=points.data_hash,
        n_runs=len(points),
    )
    return _judged(result, {name: tried[-1] for name, tried in trials.items()}, chosen, top)


def points_of(runs: Runs | Points | Fit, n: str | None = None, loss: str | None = None) -> Points:
    """The runs as points.

    Raises:
        InputError: a fit is given, and another N or loss is asked for.
    """
    if isinstance(runs, Runs):
        return runs.points(n=n, loss=loss)
    if n is not None or loss is not None:
        raise InputError(
            "N and loss are settled where points or a fit are given.",
            code="conflicting_options",
            where=Where(field="n" if n is not None else "loss"),
            hint="Give the table of runs instead.",
        )
    return runs.points if isinstance(runs, Fit) else runs


def _laws(laws: str | Law | Sequence[str | Law] | None, fitted: Fit | None) -> list[Law]:
    if laws is None:
        return [fitted.law if fitted else get_law("chinchilla")]
    chosen = [_named(law) for law in ([laws] if isinstance(laws, str | Law) else laws)]
    if not chosen or len({law.name for law in chosen}) < len(chosen):
        raise InputError(
            "name one or more laws, each once.", code="bad_laws", where=Where(field="laws")
        )
    return chosen


def _named(law: str | Law) -> Law:
    """A law by its name; a formula is named by its text, so that several can be told apart."""
    found = get_law(law)
    return replace(found, name=law.strip()) if isinstance(law, str) else found


def _levels(levels: Sequence[float]) -> list[float]:
    bad = [level for level in levels if not 0 < level < 1]
    if bad:
        raise InputError(
            f"found level {bad[0]:g} where a number between 0 and 1 is expected.",
            code="bad_level",
            where=Where(field="levels"),
        )
    return sorted({*map(float, levels), LEVEL})


def _flop(target: float | str | None, top: float) -> float:
    if target is None:
        return DEFAULT_REACH * top
    try:
        return parse_flop(target)
    except InputError as error:
        raise InputError(
            error.message, code=error.code, where=Where(field="target"), hint=error.hint
        ) from None


def _size(cut: Cut | None, n_runs: int) -> int:
    return n_runs if cut is None else int(cut.below.sum())


def _cut_scores(cut: Cut, number: int, trials: Mapping[str, Sequence[Trial]]) -> CutScores:
    scores = {name: tried[number].score for name, tried in trials.items()}
    return CutScores(cut.at, int(cut.below.sum()), int(cut.above.sum()), scores)


def _drift(
    cuts: Sequence[Cut], points: Points, answers: Sequence[Answer | None]
) -> tuple[Drift, ...]:
    tops = [*(largest(points.flop[cut.below]) for cut in cuts), largest(points.flop)]
    counts = [*(int(cut.below.sum()) for cut in cuts), len(points)]
    return tuple(Drift(*row) for row in zip(tops, counts, answers, strict=True))


def _notes(points: Points, by: str, flop: float, top: float) -> Iterator[Finding]:
    joined = overlapping(points) if by == "tier" else 0
    if joined:
        message = f"{joined} compute tier(s) overlap with others; no cut divides them."
        yield Finding(NOTE, "overlapping_tiers", message)
    yield from (f for f in judge_distance(flop, top) if f.severity == NOTE)


def _judged(
    result: Backtest, final: Mapping[str, Trial], laws: Sequence[Law], top: float
) -> Backtest:
    """The same with what speaks against each law."""
    distance = [f for f in judge_distance(result.target_flop, top) if f.severity != NOTE]
    findings: dict[str, list[Finding]] = {}
    for law in laws:
        trial = final[law.name]
        if trial.fit is None:
            reason = trial.refusal.message if trial.refusal else "it has no fit."
            message = f"{law.name} cannot be fitted to these runs: {reason}"
            findings[law.name] = [Finding(REFUSE, "no_fit", message)]
            continue
        follows = can_allocate(law) and result.target_flop > 0
        sizes = result.sizes(law.name)
        findings[law.name] = [
            *judge_status(law.name, trial.fit.status, trial.fit.status_message),
            *judge_scores(law.name, result.scores(law.name)),
            *(judge_drift(law.name, sizes, result.shares) if follows else ()),
            *distance,
        ]
    sizes = {name: trial.answer.n_params for name, trial in final.items() if trial.answer}
    findings[result.best] += judge_laws(result.best, result.errors, _usable(sizes, result))
    return replace(result, findings={name: tuple(found) for name, found in findings.items()})


def _usable(sizes: Mapping[str, Quantity], result: Backtest) -> dict[str, Quantity]:
    return {name: size for name, size in sizes.items() if result.errors[name] < float("inf")}
