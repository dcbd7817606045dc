"""Which law predicts the runs that it has not seen? The verb ``iso.compare``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Fit, Notice, Objective, fit
from isoloss.fitting.fit import inputs
from isoloss.laws import LAWS, Law, get_law
from isoloss.runs import Points, Runs
from isoloss.validation.backtest import RUNS_PER_PARAMETER, backtest
from isoloss.validation.comparison import Comparison, LawRow, Paired, StackScore
from isoloss.validation.criteria import criteria, n_free
from isoloss.validation.cuts import rolling_cuts
from isoloss.validation.result import Backtest
from isoloss.validation.stacking import Stack, stack

Array = NDArray[np.float64]
ALL = "all"
REPEATS = 1.1  # tokens over unique tokens from which on a run repeats data
VARIES = 0.05  # of a logarithm: a variable that moves less is taken as constant


def compare(
    runs: Runs | Points,
    laws: str | Law | Sequence[str | Law] = ALL,
    *,
    by: str = "tier",
    at: Sequence[float] | None = None,
    target: float | None = None,
    n: str | None = None,
    loss: str | None = None,
    objective: Objective | None = None,
    ci: str = "tier",
    draws: int = 200,
    seed: int = 0,
    jobs: int | None = None,
) -> Comparison:
    """Which law predicts held-out runs best, by how much, and what do several say together?

    Every law is fitted below each cut of a backtest and held against the runs above it. The table
    is sorted by the mean absolute relative error over the cuts that all laws have in common.

    Args:
        runs: a table of runs, or points.
        laws: ``all`` for those whose variables the runs have and that the runs can carry, or the
            laws by name, formula or object.
        by: what orders the runs: ``tier``, ``params``, ``tokens`` or ``column:NAME``.
        at: values to cut at; by default up to eight cuts between groups.
        target: compute (FLOP) at which the backtest follows the answer.
        n: which count is N.
        loss: which column is the loss.
        objective: of the fits; Huber(1e-3) by default.
        ci: how intervals are made.
        draws: refits per law and cut.
        seed: of the draws.
        jobs: threads.

    Raises:
        EvidenceError: too few groups of runs, or no law that they can carry.
        InputError: an argument is unusable.
    """
    points = runs.points(n=n, loss=loss) if isinstance(runs, Runs) else runs
    chosen, left_out = choose_laws(points, laws, by, at)
    tested = backtest(
        points,
        chosen,
        target=target,
        by=by,
        at=at,
        objective=objective,
        ci=ci,
        draws=draws,
        seed=seed,
        jobs=jobs,
    )
    fits: dict[str, Fit] = {}
    for law in chosen:
        try:
            fits[law.name] = fit(
                points, law, objective=objective, ci=ci, draws=draws, seed=seed, jobs=jobs
            )
        except EvidenceError as error:
            left_out[law.name] = error.message
    return assemble(points, tested, fits, left_out)


def assemble(
    points: Points, tested: Backtest, fits: Mapping[str, Fit], left_out: Mapping[str, str]
) -> Comparison:
    """A comparison from a backtest and the fits to all runs.

    Args:
        points: the runs of both.
        tested: the backtest.
        fits: per law; laws without a fit are left out of the table.
        left_out: why other laws are not compared.

    Raises:
        EvidenceError: no law could be fitted below any cut.
    """
    found = stack(tested, fits)
    errors = _errors(tested)
    shared = _shared_cuts(errors, list(fits))
    laws = [name for name in fits if all(name in errors[i] for i in shared)]
    groups = dict(zip(points.run_id, points.clusters("tier").tolist(), strict=True))
    where = _places(tested, shared, groups)
    sizes = {n: np.abs(np.concatenate([errors[i][n] for i in shared])) for n in laws}
    biases = {n: float(np.mean(np.concatenate([errors[i][n] for i in shared]))) for n in laws}
    best = min(laws, key=lambda name: float(np.mean(sizes[name])))
    rows: list[LawRow] = []
    for name, found_fit in fits.items():
        scored = sum(name in cut for cut in errors)
        known = name in sizes
        rows.append(
            LawRow(
                law=name,
                formula=found_fit.law.formula,
                n_params=n_free(found_fit),
                status=found_fit.status,
                held_out_error=float(np.mean(sizes[name])) if known else np.nan,
                bias=biases.get(name, np.nan),
                n_cuts=scored,
                to_best=paired(sizes[name] - sizes[best], *where) if known else None,
                criteria=criteria(found_fit),
                rms_log=found_fit.residual_summary["rms_log"],
                weight=found.weights.get(name, 0.0),
                verdict=tested.verdict_on(name),
                warnings=_warnings(found_fit, tested, scored, known=known),
            )
        )
    rows.sort(key=lambda row: (not np.isfinite(row.held_out_error), row.held_out_error))
    return Comparison(
        rows=tuple(rows),
        n_pairs=len(sizes[best]),
        n_shared_cuts=len(shared),
        stack=found,
        stacked=_stacked(found, tested, best, groups),
        backtest=tested,
        fits=dict(fits),
        left_out=dict(left_out),
        conventions=points.conventions,
        data_hash=points.data_hash,
        n_runs=len(points),
    )


def choose_laws(
    points: Points, laws: str | Law | Sequence[str | Law], by: str, at: Sequence[float] | None
) -> tuple[list[Law], dict[str, str]]:
    """The laws to compare, and why others are not.

    Raises:
        EvidenceError: too few groups of runs, or no law that they can carry.
    """
    if laws != ALL:
        asked = [laws] if isinstance(laws, str | Law) else list(laws)
        return [get_law(law) for law in asked], {}
    most = max(int(cut.below.sum()) for cut in rolling_cuts(points, by, at=at))
    reasons = {law.name: why_not(points, law, most) for law in LAWS.values()}
    chosen = [LAWS[name] for name, reason in reasons.items() if reason is None]
    if not chosen:
        raise EvidenceError(
            "no law can be compared on these runs: "
            + "; ".join(f"{name} {reason}" for name, reason in reasons.items()),
            code="no_laws",
            where=Where(field="laws"),
            hint="Add runs, or name the laws to compare.",
        )
    return chosen, {name: reason for name, reason in reasons.items() if reason is not None}


def why_not(points: Points, law: Law, most: int) -> str | None:
    """Why runs cannot carry a law; None if they can."""
    try:
        x = inputs(points, law)
    except InputError as error:
        return f"needs {error.where.field}, which the runs do not have"
    flat = [name for name, v in x.items() if np.ptp(np.log(v)) < VARIES]
    if flat:
        return f"needs {flat[0]} to differ between runs"
    if "S" in x and np.ptp(np.log(x["S"] / points.tokens)) < VARIES:
        return "needs a batch size that differs between runs, for S to be more than D"
    if "U" in x:
        repeating = int(np.sum(points.tokens > REPEATS * points.unique_tokens))
        if repeating < RUNS_PER_PARAMETER * 2:
            found = f"{repeating} of {len(points)}" if repeating else "none"
            return f"needs runs that repeat data, and there are {found}"
    plane = {name for name in law.variables if name in ("N", "D", "C", "S")}
    wide = [v for v in (points.params, points.tokens) if np.isfinite(v).all()]
    if len(wide) == 2 and all(np.ptp(np.log(v)) >= VARIES for v in wide) and len(plane) < 2:
        return f"is in {' and '.join(law.variables)} alone, and both size and data differ here"
    needed = RUNS_PER_PARAMETER * len(law.names)
    if needed > most:
        return f"has {len(law.names)} parameters, which asks for {needed} runs below a cut"
    return None


def _errors(tested: Backtest) -> list[dict[str, Array]]:
    """Per cut, the relative errors of each law that has finite ones."""
    return [
        {
            name: score.error
            for name, score in cut.laws.items()
            if score.error.size and np.all(np.isfinite(score.error))
        }
        for cut in tested.cuts
    ]


def _shared_cuts(errors: Sequence[Mapping[str, Array]], laws: Sequence[str]) -> list[int]:
    """The cuts at which all laws have scores, after leaving out laws with the fewest, if needed."""
    counts = {name: sum(name in cut for cut in errors) for name in laws}
    for least in sorted({count for count in counts.values() if count}):
        kept = [name for name in laws if counts[name] >= least]
        shared = [i for i, cut in enumerate(errors) if all(name in cut for name in kept)]
        if shared:
            return shared
    raise EvidenceError(
        "no law could be fitted below any cut.",
        code="no_scores",
        hint="Compare laws with fewer parameters, or add runs.",
    )


def _places(
    tested: Backtest, cuts: Sequence[int], groups: Mapping[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tier and cut of each held-out run of these cuts."""
    tiers: list[int] = []
    numbers: list[int] = []
    for i in cuts:
        runs = next(score.run_id for score in tested.cuts[i].laws.values() if score.run_id)
        tiers += [groups[run] for run in runs]
        numbers += [i] * len(runs)
    return np.array(tiers), np.array(numbers)


def paired(difference: Array, tier: NDArray[np.int64], cut: NDArray[np.int64]) -> Paired:
    """A mean difference, with a standard error for errors shared by a tier and by a cut.

    Two-way clustering (Cameron, Gelbach & Miller 2011), never less than by either alone.
    """
    center = difference - np.mean(difference)
    both = np.unique(np.stack([tier, cut]), axis=1, return_inverse=True)[1]
    one, other, cell = (_between(center, groups) for groups in (tier, cut, both))
    variance = max(one + other - cell, one, other)
    return Paired(float(np.mean(difference)), float(np.sqrt(variance)) / len(difference))


def _between(center: Array, groups: NDArray[np.int64]) -> float:
    sums = np.bincount(np.unique(groups, return_inverse=True)[1].ravel(), center)
    count = len(sums)
    return float(np.sum(sums**2)) * count / (count - 1) if count > 1 else 0.0


def _stacked(
    found: Stack, tested: Backtest, best: str, groups: Mapping[str, int]
) -> StackScore | None:
    """The error of the stack where the best law has a score too, and the difference to it."""
    errors = {cut.at: cut.laws[best].error for cut in tested.cuts}
    cuts = [cut for cut in found.cuts if len(errors[cut.at]) == len(cut.error)]
    if not cuts:
        return None
    mine = np.concatenate([np.abs(cut.error) for cut in cuts])
    its = np.concatenate([np.abs(errors[cut.at]) for cut in cuts])
    tier = np.array([groups[run] for cut in cuts for run in cut.run_id])
    number = np.repeat(np.arange(len(cuts)), [len(cut.error) for cut in cuts])
    return StackScore(float(np.mean(mine)), paired(mine - its, tier, number), len(cuts))


def _warnings(fit: Fit, tested: Backtest, scored: int, *, known: bool) -> tuple[Notice, ...]:
    found = [Notice(f.code, f.message) for f in tested.findings[fit.law.name]]
    if fit.status != "ok" and fit.status not in {notice.code for notice in found}:
        found.append(Notice(fit.status, fit.status_message))
    if not known:
        message = f"{fit.law.name} has no score at the cuts that the other laws share."
        found.append(Notice("no_shared_cut", message))
    elif scored < len(tested.cuts):
        message = f"{fit.law.name} could be fitted below {scored} of {len(tested.cuts)} cuts."
        found.append(Notice("fewer_cuts", message))
    return (*found, *fit.warnings)
