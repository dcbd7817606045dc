"""What will other runs reach, and how wrong may that be? The verb ``iso.forecast``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import Fit, Notice, Objective, Prediction, Quantity, fit
from isoloss.laws import Law
from isoloss.runs import Points, Runs
from isoloss.validation.backtest import backtest as run_backtest
from isoloss.validation.backtest import points_of
from isoloss.validation.discrepancy import (
    Drift,
    Past,
    Views,
    comparable,
    past_coverage,
    past_drift,
    spread_over_laws,
    widened,
)
from isoloss.validation.forecast_laws import check_same, choose, laws_to_try, name_of
from isoloss.validation.forecast_result import Forecast, ForecastPoint, Parts
from isoloss.validation.noise import Noise, noise
from isoloss.validation.result import Backtest
from isoloss.validation.score import nearest_miss, relative_spread
from isoloss.validation.verdict import NOTE

Array = NDArray[np.float64]

FEW_CUTS = 3


def forecast(
    runs: Runs | Points | Fit,
    x: Mapping[str, ArrayLike],
    *,
    law: str | Law | None = None,
    laws: str | Sequence[str | Law] | None = None,
    backtest: Backtest | None = None,
    n: str | None = None,
    loss: str | None = None,
    objective: Objective | None = None,
    ci: str = "tier",
    draws: int = 200,
    level: float = 0.9,
    seed: int = 0,
    jobs: int | None = None,
) -> Forecast:
    """The loss of other runs, with intervals that hold even if the law is not quite right.

    To the intervals of the fit (for the law, and for a new run with its noise) comes what a
    backtest over compute tiers says of the law's own error beyond its runs.

    Args:
        runs: a fit, whose law, objective and draws are used; or runs, which are fitted here.
        x: one array or number per variable of the law (N, D, ...); plain counts.
        law: the law that forecasts, where runs are given; by default the best of the backtest.
        laws: what the backtest tries beside it, for their spread: laws by name, formula or
            object, or ``all`` that the runs can carry; by default four quick ones of unlike shape.
        backtest: one of these runs over compute tiers, instead of one made here.
        n: which count is N, where the table has several.
        loss: which column is the loss.
        objective: of the fits, where runs are given; Huber(1e-3) by default.
        ci: how their intervals are made.
        draws: refits per law and cut of the backtest, and of the fit where runs are given.
        level: nominal coverage, where runs are given.
        seed: of the draws.
        jobs: threads.

    Raises:
        InputError: an argument is unusable, or the backtest is of other runs.
        EvidenceError: too few compute tiers to learn from, or a fit without draws.
    """
    points = points_of(runs, n, loss)
    given = runs if isinstance(runs, Fit) else None
    if given is not None:
        given.require_draws("a forecast")
    asked: list[str | Law] = []
    if backtest is None:
        asked = laws_to_try(points, given.law if given else law, laws, given)
        tested = run_backtest(
            points if given is None else given,
            asked or None,
            objective=objective,
            ci=ci if given is None else None,
            draws=draws,
            levels=(0.5, 0.8, given.level if given else level),
            seed=seed,
            jobs=jobs,
        )
    else:
        tested = backtest
        check_same(tested, points)
    chosen = choose(tested, given, law)
    found = given or fit(
        points,
        chosen,
        objective=objective,
        ci=ci,
        draws=draws,
        level=level,
        seed=seed,
        jobs=jobs,
    )
    name = name_of(chosen)
    drift = past_drift(tested, name)
    if drift is None:
        raise EvidenceError(
            f"{name} could not be fitted below any cut, so nothing says how wrong it may be "
            "beyond the runs.",
            code="no_scores",
            hint="Forecast by a law with fewer parameters, or add runs.",
        )
    expected = found.predict(x)
    known = {name_of(one): one for one in asked}
    others = {
        other: losses
        for other in comparable(tested, name)
        if (losses := _losses(known.get(other, other), found, expected.x, seed, jobs)) is not None
    }
    return _forecast(found, name, tested, expected, drift, others)


def _losses(
    law: str | Law, found: Fit, x: Mapping[str, Array], seed: int, jobs: int | None
) -> Array | None:
    """The losses that another law expects, fitted to the runs of a fit; None where it has none."""
    try:
        other = fit(found.points, law, objective=found.objective, ci="none", seed=seed, jobs=jobs)
        losses = np.array([q.estimate for q in other.predict(x).loss_mean])
    except (InputError, EvidenceError):  # a name that only its backtest knew, or other variables
        return None
    usable = other.status != "failed" and np.all(np.isfinite(losses) & (losses > 0))
    return losses if usable else None


def _forecast(
    found: Fit,
    law: str,
    tested: Backtest,
    expected: Prediction,
    drift: Drift,
    others: Mapping[str, Array],
) -> Forecast:
    x, decades = expected.x, expected.decades_beyond_data
    if not np.all(np.isfinite(decades)):
        raise EvidenceError(
            "the compute of these points, or of the runs, is not known; how wrong a law becomes is "
            "learned per decade of compute.",
            code="no_compute",
            hint="Give N and D, or the compute.",
        )
    here = np.array([q.estimate for q in expected.loss_mean])
    _, single = found.simulate(x)
    law_draws = found.law.value(found.draws.T[:, :, None], x)
    run_spread, law_spread = (relative_spread(d, here) for d in (single, law_draws))
    views = Views(
        drift.rate * decades,
        spread_over_laws(here, list(others.values())),
        np.abs(nearest_miss(found, _compute(found, x))),
        drift.n_cuts,
    )
    lo, hi = (np.array([getattr(q, end) for q in expected.loss]) for end in ("lo", "hi"))
    low, high = widened(here, lo, hi, views.half_width(found.level))
    run_noise = np.sqrt(np.maximum(run_spread**2 - law_spread**2, 0.0))
    points = tuple(
        ForecastPoint(
            x={name: float(values[i]) for name, values in x.items()},
            loss=Quantity(float(here[i]), float(low[i]), float(high[i]), found.level),
            loss_run=expected.loss[i],
            loss_mean=expected.loss_mean[i],
            parts=Parts(
                law=float(law_spread[i]),
                noise=float(run_noise[i]),
                drift=float(views.drift[i]),
                laws=float(views.laws[i]),
                trend=float(views.trend[i]),
            ),
            by_law={name: float(losses[i]) for name, losses in others.items()},
            decades_beyond_data=float(decades[i]),
        )
        for i in range(len(here))
    )
    said = noise(found)
    past = past_coverage(tested, law)
    return Forecast(
        law=law,
        formula=found.law.formula,
        status=found.status,
        points=points,
        noise=said,
        drift=drift,
        past=past,
        tried=tested.laws,
        loss_unit=expected.loss_unit,
        ci=found.ci,
        level=found.level,
        n_draws=len(found.draws),
        seed=found.seed,
        conventions=found.points.conventions,
        data_hash=found.points.data_hash,
        n_runs=found.n_runs,
        warnings=tuple(_warnings(found, law, tested, drift, said, others, decades, past)),
    )


def _compute(found: Fit, x: Mapping[str, Array]) -> Array:
    """Compute of each point; that of the largest run where only N or D is asked for."""
    if "C" in x:
        return x["C"]
    if {"N", "D"} <= set(x):
        return 6.0 * x["N"] * x["D"]
    return np.full(len(next(iter(x.values()))), found.points.flop.max())


def _warnings(
    found: Fit,
    law: str,
    tested: Backtest,
    drift: Drift,
    said: Noise,
    others: Mapping[str, Array],
    decades: Array,
    past: Sequence[Past],
) -> list[Notice]:
    notices = list(found.warnings)
    if found.status != "ok":
        notices.append(Notice(found.status, found.status_message))
    known = {notice.code for notice in notices}
    notices += [
        Notice(finding.code, finding.message)
        for finding in tested.findings[law]
        if finding.severity != NOTE and finding.code not in known
    ]
    if decades.max() > drift.farthest:
        message = (
            f"the drift was seen up to {drift.farthest:.1f} decades of compute beyond the runs of "
            f"a fit; at {decades.max():.1f} decades it is extrapolated."
        )
        notices.append(Notice("beyond_backtest", message))
    if drift.n_cuts < FEW_CUTS:
        message = f"the drift was learned from {drift.n_cuts} cut(s) only."
        notices.append(Notice("few_cuts", message))
    if not past:
        message = "no cut has an earlier one to learn from: how often such intervals held is open."
        notices.append(Notice("no_past", message))
    if not others:
        message = (
            "no other law that was tried predicts the held-out runs comparably: the spread over "
            "laws is not known, and counts as nothing."
        )
        notices.append(Notice("no_other_law", message))
    if said.exceeds_repeats:
        message = (
            f"the residuals ({said.residuals:.2%}) are larger than repeated runs differ "
            f"({said.repeats.estimate:.2%}): the rest is what the law misses, not luck."
        )
        notices.append(Notice("residuals_exceed_noise", message))
    return notices
