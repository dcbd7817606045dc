"""What does a law miss, and which runs decide it? The verb ``iso.diagnose``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting import Fit, Notice, Objective, fit
from isoloss.laws import Law
from isoloss.runs import Points, Runs
from isoloss.validation.backtest import DEFAULT_REACH
from isoloss.validation.diagnosis import (
    BITING,
    Band,
    Diagnosis,
    RunInfluence,
    Strip,
    TierInfluence,
)
from isoloss.validation.refits import Posed, exponents, optimal_params, pose
from isoloss.validation.trends import ORDER, Trend, find_trends

Array = NDArray[np.float64]

USUAL = (
    "lr",
    "batch_tokens",
    "steps",
    "epochs",
    "warmup_tokens",
    "weight_decay",
    "n_layers",
    "d_model",
    "seq_len",
)
ALIKE = 0.99  # correlation of logarithms from which on a column says nothing that N, D or C do not
FEW_TIERS = 6
BANDS = 8
BAND_RUNS = 8  # at least, per band


def diagnose(
    source: Fit | Runs | Points,
    law: str | Law = "chinchilla",
    *,
    columns: Sequence[str] = (),
    target: float | None = None,
    n: str | None = None,
    loss: str | None = None,
    objective: Objective | None = None,
    seed: int = 0,
    jobs: int | None = None,
) -> Diagnosis:
    """Is there structure in the residuals of a law, and which runs and tiers decide its answer?

    Args:
        source: a fit; or runs, which are fitted here.
        law: the law to fit, where runs are given.
        columns: numeric columns to test beside compute, D/N, N, D, order and the usual
            hyper-parameters.
        target: compute (FLOP) of the answer that tiers are judged by; 30 times the largest run by
            default.
        n: which count is N, where runs are given.
        loss: which column is the loss, likewise.
        objective: of the fit, likewise.
        seed: of the fit, likewise.
        jobs: threads.

    Raises:
        InputError: no such column, or a run without a value in it.
        EvidenceError: fewer runs than parameters.
    """
    if isinstance(source, Fit):
        found = source
    else:
        found = fit(
            source, law, n=n, loss=loss, objective=objective, ci="none", seed=seed, jobs=jobs
        )
    points = found.points
    posed = pose(found)
    largest = float(np.nanmax(points.flop)) if np.isfinite(points.flop).any() else np.nan
    flop = DEFAULT_REACH * largest if target is None else float(target)
    variables = _variables(points, columns)
    groups = points.clusters("tier")
    trends = find_trends(found.residuals, posed.view.rows, groups, variables)
    tiers, answer = _tiers(found, posed, groups, flop, jobs or 1)
    return Diagnosis(
        law=found.law.name,
        formula=found.law.formula,
        status=found.status,
        rms_log=found.residual_summary["rms_log"],
        strips=tuple(_strip(name, v, found.residuals) for name, v in variables.items()),
        trends=trends,
        runs=_runs(found),
        tiers=tiers,
        target_flop=flop,
        n_params=answer,
        exponent=exponents(found.law, found.theta[None])[0],
        run_id=points.run_id,
        excess=np.expm1(found.residuals),
        warnings=_warnings(found, trends, tiers, int(groups.max()) + 1),
        conventions=points.conventions,
        data_hash=points.data_hash,
        n_runs=found.n_runs,
        seed=found.seed,
    )


def misses(fit: Fit) -> tuple[str, ...]:
    """Where a law misses its runs systematically, in words; empty where it does not."""
    groups = fit.points.clusters("tier")
    trends = find_trends(fit.residuals, pose(fit).view.rows, groups, _plane(fit.points))
    return tuple(trend.sentence for trend in trends if trend.is_systematic)


def _plane(points: Points) -> dict[str, Array]:
    plane = {
        "C": points.flop,
        "D/N": points.tokens / points.params,
        "N": points.params,
        "D": points.tokens,
    }
    return {name: values for name, values in plane.items() if _is_usable(values)}


def _variables(points: Points, asked: Sequence[str]) -> dict[str, Array]:
    """What residuals are held against: C, D/N, N, D, order, hyper-parameters, asked columns."""
    found = _plane(points)
    found[ORDER] = np.arange(1.0, len(points) + 1.0)
    usual = {name: points.columns[name] for name in USUAL if name in points.columns}
    usual["U"] = points.unique_tokens
    for name, values in usual.items():
        if _is_usable(values) and not any(_is_alike(values, v) for v in found.values()):
            found[name] = values
    for name in asked:
        if name not in points.columns:
            raise InputError(
                f"there is no numeric column {name!r}.",
                code="unknown_column",
                where=Where(field=name),
                hint=f"Numeric columns: {', '.join(sorted(points.columns))}.",
            )
        values = points.columns[name]
        if not np.all(np.isfinite(values)):
            raise InputError(
                f"{int(np.sum(~np.isfinite(values)))} of {len(points)} runs have no value of "
                f"{name}.",
                code="missing_value",
                where=Where(field=name),
                hint=f"Leave them out: --where '\"{name}\" IS NOT NULL'.",
            )
        found[name] = values
    return found


def _is_usable(values: Array) -> bool:
    return bool(np.all(np.isfinite(values)) and np.all(values > 0) and np.ptp(np.log(values)) > 0)


def _is_alike(values: Array, other: Array) -> bool:
    return abs(float(np.corrcoef(np.log(values), np.log(other))[0, 1])) > ALIKE


def _strip(name: str, values: Array, residuals: Array) -> Strip:
    """The residuals along one variable, with the middle 68 % of runs of similar value."""
    order = np.argsort(values, kind="stable")
    parts = np.array_split(order, max(1, min(BANDS, len(values) // BAND_RUNS)))
    excess = np.expm1(residuals)
    bands = tuple(
        Band(
            float(values[part].min()),
            float(values[part].max()),
            *map(float, np.quantile(excess[part], [0.16, 0.5, 0.84])),
        )
        for part in parts
    )
    return Strip(name, values, excess, bands)


def _runs(found: Fit) -> tuple[RunInfluence, ...]:
    points = found.points
    order: list[int] = np.argsort(-found.cook, kind="stable").tolist()
    return tuple(
        RunInfluence(
            run_id=points.run_id[i],
            cook=float(found.cook[i]),
            leverage=float(found.leverage[i]),
            excess=float(np.expm1(found.residuals[i])),
            n_params=float(points.params[i]),
            tokens=float(points.tokens[i]),
        )
        for i in order
    )


def _tiers(
    found: Fit, posed: Posed, groups: NDArray[np.int64], flop: float, jobs: int
) -> tuple[tuple[TierInfluence, ...], float]:
    """What each tier decides, and N* with all of them."""
    count = int(groups.max()) + 1
    kept = groups[None, :] != np.arange(count)[:, None]
    enough = kept.sum(axis=1) >= len(posed.phi)
    thetas, settled = posed.without(kept, jobs)
    every = np.concatenate([found.theta[None], thetas])
    sizes = optimal_params(found, every, flop) if np.isfinite(flop) else np.full(len(every), np.nan)
    slopes = exponents(found.law, every)
    return tuple(
        TierInfluence(
            flop=float(np.median(found.points.flop[groups == tier])),
            n_runs=int(np.sum(groups == tier)),
            n_params=float(sizes[tier + 1]) if enough[tier] else np.nan,
            factor=float(sizes[tier + 1] / sizes[0]) if enough[tier] else np.nan,
            exponent=float(slopes[tier + 1]) if enough[tier] else np.nan,
            estimate=dict(zip(found.law.names, map(float, thetas[tier]), strict=True)),
            settled=bool(settled[tier]),
        )
        for tier in range(count)
    ), float(sizes[0])


def _warnings(
    found: Fit, trends: Sequence[Trend], tiers: Sequence[TierInfluence], count: int
) -> tuple[Notice, ...]:
    name = found.law.name
    notices = [
        Notice("trend", f"{name} {t.sentence} (p = {t.p_adjusted:.1g}).")
        for t in trends
        if t.is_systematic
    ]
    if count < FEW_TIERS:
        message = (
            f"the runs form {count} tier(s), too few to tell a wrong law from errors that the runs "
            "of a tier share: a trend may be there and not be called one."
        )
        notices.append(Notice("few_tiers", message))
    moved = [t for t in tiers if t.is_influential]
    if moved:
        most = max(moved, key=lambda t: abs(np.log(t.factor)))
        message = (
            f"without the {most.n_runs} runs at {most.flop:.2g} FLOP the optimum at the target is "
            f"{most.factor:.2g} times as large."
        )
        notices.append(Notice("influential_tier", message))
    biting = [run for run in _runs(found) if run.cook > BITING]
    if biting:
        listed = ", ".join(run.run_id for run in biting[:5])
        message = f"{len(biting)} run(s) alone move the law by more than its own error: {listed}."
        notices.append(Notice("influential_run", message))
    if found.status != "ok":
        notices.append(Notice(found.status, found.status_message))
    return tuple(notices)
