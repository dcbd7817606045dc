"""Approach 2: the best size at each compute budget, and the power laws through these optima.

Hoffmann et al. 2022, section 3.2, with three changes. The curve through a budget's losses is by
default one that asymmetry does not bias (``docs/decisions/isoflop-curve.md``). A budget whose curve
has no minimum between its smallest and largest size is not used. And all numbers have intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting.allocation import Allocation, Optimum
from isoloss.fitting.frontier import MIN_BUDGETS, Optima, through
from isoloss.fitting.isoflop_curves import SHAPES, fit_curves
from isoloss.fitting.isoflop_judge import Verdict, few_sizes, judge, notices_of, status_of
from isoloss.fitting.isoflop_profile import Curves, Profile, profile, relative
from isoloss.fitting.isoflop_refits import CI_KINDS, Refits, refit, residuals_of
from isoloss.fitting.quantity import Quantity
from isoloss.fitting.sweep import near_best, size_numbers, sweep
from isoloss.runs import Points, Runs

Array = NDArray[np.float64]
MIN_SIZES = {"slices": 3, "parabola": 3, "cubic": 4}


def isoflop(
    runs: Runs | Points,
    *,
    shape: str = "slices",
    n: str | None = None,
    loss: str | None = None,
    tolerance: float | None = None,
    best_of: str | Sequence[str] = (),
    within: float | None = 16.0,
    ci: str = "run",
    draws: int = 1000,
    level: float = 0.9,
    seed: int = 0,
) -> Allocation:
    """N*(C) and D*(C) from the minima of IsoFLOP profiles (approach 2).

    Budgets are the compute tiers of the runs, found by relative gaps and never by rounding.

    Args:
        runs: a table of runs, or points taken from one.
        shape: ``slices`` (e + p N^-alpha + q D^-beta per budget, exponents shared), ``cubic`` or
            ``parabola`` (in log N, per budget; the parabola is the original and is biased where
            the two sides of a profile differ).
        n: which count is N, where the table has several.
        loss: which column is the loss.
        tolerance: relative gap in compute that separates budgets, in place of the table's tiers.
        best_of: columns whose values compete, such as ``lr``: of each size and budget only the
            setting with the lowest mean loss counts. See ``isoloss.fitting.sweep.best_runs``.
        within: of each budget only sizes within this factor of the best measured one count; None
            keeps all.
        ci: how intervals are made: ``run`` (refits with errors of the pooled size of the
            residuals), ``column:NAME`` (wild bootstrap of the groups of a column, for example
            ``column:params`` where all budgets of a size are checkpoints of one run) or ``none``.
        draws: refits for the intervals.
        level: nominal coverage of the intervals.
        seed: of the draws.

    Raises:
        InputError: an argument is unusable, or N, D or C is missing.
        EvidenceError: fewer than three budgets have a minimum inside their sizes.
    """
    check_options(ci, draws, level, CI_KINDS)
    if shape not in SHAPES:
        raise InputError(
            f"found {shape!r} where {', '.join(SHAPES)} is expected.",
            code="bad_shape",
            where=Where(field="shape"),
        )
    everything, notices = sweep(runs, n=n, loss=loss, tolerance=tolerance, best_of=best_of)
    close, far = near_best(everything, within)
    notices += far
    points, profiles, short = budget_profiles(close, shape)
    losses = relative(profiles, points.loss)
    curves = fit_curves(profiles, losses[None], shape)
    verdicts = [judge(each, curves.log_n[0, g], points, shape) for g, each in enumerate(profiles)]
    used = np.array([verdict.used for verdict in verdicts], dtype=np.bool_)
    if used.sum() < MIN_BUDGETS:
        raise _too_few(profiles, verdicts, short)

    residuals = residuals_of(losses, curves)
    refits = refit(points, profiles, curves, residuals, shape, ci, draws, seed)
    noise = residuals.size**2 if residuals.freedom >= 1 else 0.0
    places = Optima(
        log_c=np.log([each.flop for each in profiles])[used],
        log_n=curves.log_n[0, used],
        log_d=curves.log_d[0, used],
        covariance=noise * curves.covariance[np.ix_(used, used)],
        own=noise * curves.own[used],
    )
    frontier = through(places, refits.log_n[:, used], refits.log_d[:, used], seed)
    found = [
        _optimum(each, verdicts[g], curves, refits, g, level) for g, each in enumerate(profiles)
    ]
    optima = tuple(sorted([*found, *short], key=lambda optimum: optimum.flop))
    ratio = _parabola_over_slices(profiles, losses, points, {shape: curves})
    flop_range = (float(points.flop.min()), float(points.flop.max()))
    notices += notices_of(points, optima, frontier, residuals, shape, ratio, flop_range[1])
    status, message = status_of(optima, frontier, level)
    return Allocation(
        method="isoflop",
        shape=shape,
        status=status,
        status_message=message,
        line=frontier.line,
        draws=frontier.draws,
        optima=optima,
        flop_range=flop_range,
        parabola=ratio,
        ci=ci,
        level=level,
        conventions=points.conventions,
        data_hash=points.data_hash,
        seed=seed,
        n_runs=len(points),
        warnings=tuple(notices),
    )


def check_options(ci: str, draws: int, level: float, known: Sequence[str]) -> None:
    """Refuse settings of the intervals that have no meaning.

    Raises:
        InputError: naming the setting.
    """
    if ci not in known and not (ci.startswith("column:") and "column:NAME" in known):
        raise InputError(
            f"found {ci!r} where one of {', '.join(known)} is expected.",
            code="bad_ci",
            where=Where(field="ci"),
        )
    if draws < 1:
        raise InputError(
            f"found {draws} draws where at least 1 is expected.",
            code="bad_draws",
            where=Where(field="draws"),
            hint="Use ci none for no intervals.",
        )
    if not 0 < level < 1:
        raise InputError(
            f"found level {level:g} where a number between 0 and 1 is expected.",
            code="bad_level",
            where=Where(field="level"),
        )


def budget_profiles(points: Points, shape: str) -> tuple[Points, list[Profile], list[Optimum]]:
    """The points of budgets with enough sizes, their profiles, and the other budgets."""
    enough = np.zeros(len(points), dtype=np.bool_)
    short: list[Optimum] = []
    for tier in np.unique(points.tier):
        rows = np.flatnonzero(points.tier == tier)
        sizes = int(size_numbers(points.params[rows]).max()) + 1
        if sizes >= MIN_SIZES[shape]:
            enough[rows] = True
        else:
            short.append(few_sizes(points.flop[rows], sizes, MIN_SIZES[shape]))
    kept = points.take(enough)
    profiles = [
        profile(np.flatnonzero(kept.tier == t), kept.params, kept.tokens, kept.flop, kept.loss)
        for t in np.unique(kept.tier)
    ]
    if len(profiles) < MIN_BUDGETS:
        raise _too_few(profiles, [], short)
    cells = sum(each.n_sizes for each in profiles)
    unknown = 3 * len(profiles) + 2
    if shape == "slices" and cells < unknown:
        raise EvidenceError(
            f"found {cells} pairs of size and budget, where the curves of {len(profiles)} budgets "
            f"need at least {unknown}.",
            code="few_sizes",
            hint="Train more sizes per budget, or pass shape='parabola', which may be biased.",
        )
    return kept, profiles, short


def _optimum(
    each: Profile, verdict: Verdict, curves: Curves, refits: Refits, g: int, level: float
) -> Optimum:
    def quantity(estimate: float, draws: Array) -> Quantity:
        if not verdict.used:
            return Quantity(np.nan, np.nan, np.nan, level)
        return from_log_draws(estimate, draws, level)

    with np.errstate(invalid="ignore", divide="ignore"):
        log_loss, drawn_loss = np.log(curves.loss[0, g]), np.log(refits.loss[:, g])
    return Optimum(
        flop=each.flop,
        n_params=quantity(curves.log_n[0, g], refits.log_n[:, g]),
        tokens=quantity(curves.log_d[0, g], refits.log_d[:, g]),
        loss=quantity(log_loss, drawn_loss),
        n_runs=len(each.rows),
        n_sizes=each.n_sizes,
        curvature=verdict.curvature,
        interior=verdict.interior,
        bracketed=verdict.bracketed,
        edge=verdict.edge,
        used=verdict.used,
        note=verdict.note,
    )


def from_log_draws(estimate: float, draws: Array, level: float) -> Quantity:
    """A quantity from logarithms, of which some may be infinite; NaN are left out."""
    draws = draws[~np.isnan(draws)]
    point = float(np.exp(estimate))
    if not draws.size:
        return Quantity(point, np.nan, np.nan, level)
    ends = [(1 - level) / 2, (1 + level) / 2]
    # No interpolation: it has no value beside an infinite draw.
    lo, hi = np.exp(np.quantile(draws, ends, method="nearest"))
    return Quantity(point, min(float(lo), point), max(float(hi), point), level)


def _parabola_over_slices(
    profiles: Sequence[Profile], losses: Array, points: Points, known: Mapping[str, Curves]
) -> tuple[float, float] | None:
    """The line of log N* by parabola minus by slices, through the budgets where both have one."""
    if sum(each.n_sizes for each in profiles) < 3 * len(profiles) + 2:
        return None
    both = np.ones(len(profiles), dtype=np.bool_)
    log_n: list[Array] = []
    for shape in ("parabola", "slices"):
        found = (known.get(shape) or fit_curves(profiles, losses[None], shape)).log_n[0]
        both &= [judge(each, found[g], points, shape).used for g, each in enumerate(profiles)]
        log_n.append(np.where(both, found, np.nan))
    if both.sum() < MIN_BUDGETS:
        return None
    log_c = np.log([each.flop for each in profiles])
    slope, intercept = np.polyfit(log_c[both], (log_n[0] - log_n[1])[both], 1)
    return float(intercept), float(slope)


def _too_few(
    profiles: Sequence[Profile], verdicts: Sequence[Verdict], short: Sequence[Optimum]
) -> EvidenceError:
    good = sum(verdict.used for verdict in verdicts)
    reasons = [
        f"{each.flop:.3g} FLOP: {verdict.note}"
        for each, verdict in zip(profiles, verdicts, strict=False)
        if not verdict.used
    ]
    reasons += [f"{optimum.flop:.3g} FLOP: {optimum.note}" for optimum in short]
    total = len(profiles) + len(short)
    can = good if verdicts else len(profiles)
    listed = "; ".join(reasons[:6]) + (f"; and {len(reasons) - 6} more" if len(reasons) > 6 else "")
    return EvidenceError(
        f"{can} of {total} budgets can show a best size, where at least {MIN_BUDGETS} are needed"
        + (f". {listed}." if listed else "."),
        code="few_budgets",
        hint="Train more sizes on the side where the loss still falls, or more budgets; where runs "
        "of equal compute were split, pass a larger tolerance.",
    )
