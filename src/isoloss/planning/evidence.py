"""Can these runs carry a plan, and what would change it? Refusals, warnings and notes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError
from isoloss.fitting import Fit, Notice
from isoloss.laws.compute import format_flop, run_ratio
from isoloss.laws.optimum import Optimum, Surface, require_plannable
from isoloss.runs import format_quantity

Array = NDArray[np.float64]

MIN_TIERS = 3
FEW_TIERS = 5
MANY_WITHOUT = 0.05  # the tail of a 90 % interval
MOST_WITHOUT = 0.5
FAR_DECADES = 1.0
FLOP_DIFFERS = 0.05
HALF = 0.5


def require_evidence(fit: Fit) -> None:
    """Refuse where the runs cannot answer.

    Raises:
        EvidenceError: fewer than three compute tiers, a parameter that the runs do not fix, a fit
            that failed, or a law that cannot weigh size against data.
    """
    require_plannable(fit.law)
    if fit.n_tiers < MIN_TIERS:
        raise EvidenceError(
            f"the runs have {fit.n_tiers} compute tier(s); with fewer than {MIN_TIERS} nothing "
            "says how the optimum moves with compute.",
            code="too_few_budgets",
            hint="Add runs at other budgets, a factor of three or more apart.",
        )
    if fit.status in ("not_identified", "failed"):
        raise EvidenceError(
            f"the fit of {fit.law.name} has status {fit.status}: {fit.status_message}",
            code=fit.status,
            hint="A plan from it would be a guess; mend the fit first.",
        )


def require_minimum(
    optimum: Optimum, law: str, flop: float, bounds: tuple[float, float], nearest: str
) -> None:
    """Refuse where the estimate has no interior minimum.

    Args:
        optimum: of the estimate (K = 1).
        law: its name, with the key of published coefficients.
        flop: the budget.
        bounds: of the search.
        nearest: what to do about it.

    Raises:
        EvidenceError: there is none.
    """
    if optimum.found[0]:
        return
    end = bounds[1] if optimum.params[0] > bounds[0] else bounds[0]
    raise EvidenceError(
        f"at {format_flop(flop)} FLOP the loss of {law} has no interior minimum in N: along "
        f"equal compute it still falls at N = {format_quantity(end)}, an end of the search from "
        f"{format_quantity(bounds[0])} to {format_quantity(bounds[1])}.",
        code="no_interior_minimum",
        hint=nearest,
    )


def judge_draws(optimum: Optimum) -> list[Notice]:
    """What the draws without an interior minimum mean.

    Raises:
        EvidenceError: more than half of the draws have none.
    """
    share = float(np.mean(~optimum.found)) if len(optimum.found) else 0.0
    if share > MOST_WITHOUT:
        raise EvidenceError(
            f"{share:.0%} of the draws have no compute-optimal size at this budget; the runs do "
            "not settle whether there is one.",
            code="no_interior_minimum",
            hint="Add runs that vary N at equal compute, or fit a law with fewer parameters.",
        )
    if share <= MANY_WITHOUT:
        return []
    message = (
        f"{share:.0%} of the draws have no compute-optimal size at this budget; they count as "
        "beyond the end of the interval, which is open where they are too many."
    )
    return [Notice("draws_without_minimum", message)]


def warnings(fit: Fit, surface: Surface, flop: float, tokens: float) -> list[Notice]:
    """What the user must know of a run of this compute and these tokens."""
    found = list(fit.warnings)
    if not len(fit.draws):
        message = f"the fit was made with ci={fit.ci}, which has no draws: there are no intervals."
        found.append(Notice("no_intervals", message))
    if fit.status == "edge":
        found.append(Notice("edge", fit.status_message))
    decades = float(fit.decades_beyond({"C": np.array([flop])})[0])
    if decades > FAR_DECADES:
        message = (
            f"the budget is {decades:.1f} decades of compute beyond the largest run "
            f"({format_flop(float(fit.points.flop.max()))} FLOP); the intervals hold if the "
            "law does."
        )
        found.append(Notice("extrapolation", message))
    ratio = run_ratio(fit.points)
    if surface.rule.name == "6nd" and ratio is not None:
        found.extend(_flop_differs(fit, ratio))
    unique = surface.unique_tokens
    if unique is not None and unique < tokens and "U" not in fit.law.variables:
        message = (
            f"the run reads {format_quantity(unique)} tokens {tokens / unique:.3g} times, and "
            f"{fit.law.name} counts repeated tokens as new; fit repetition to runs that repeat."
        )
        found.append(Notice("repetition_ignored", message))
    return found


def warn_of_minimum(status: str, message: str) -> list[Notice]:
    """A warning where the minimum of a plan is local or not the only one."""
    code = {"local": "local_minimum", "several": "several_minima"}.get(status)
    return [Notice(code, message)] if code else []


def _flop_differs(fit: Fit, ratio: Array) -> list[Notice]:
    if np.all(np.abs(ratio - 1) <= FLOP_DIFFERS):
        return []
    largest = float(np.median(ratio[fit.points.params == fit.points.params.max()]))
    message = (
        f"the runs' own FLOP are {ratio.min():.2f} to {ratio.max():.2f} times 6 N D "
        f"({largest:.2f} at the largest size), and the plan takes C = 6 N D; plan with "
        "flop_per_token=runs to spend FLOP as the runs count them."
    )
    return [Notice("flop_convention", message)]


def notes(
    fit: Fit, surface: Surface, optimum: Optimum, params: float, tokens: float
) -> list[Notice]:
    """What would change the answer."""
    found = [
        Notice(
            "drift_not_measured",
            "whether N* moves as larger budgets are added to the fit was not measured; fit without "
            "the largest budgets and compare.",
        )
    ]
    found.append(
        Notice(
            "law_choice",
            "the interval holds for this law; another that fits the runs as well may plan another "
            "N* beyond them: fit coupled or farseer too, and compare the plans.",
        )
    )
    dominant = dominant_parameter(fit, optimum.params)
    if dominant is not None:
        found.append(Notice("dominant_parameter", _said_dominant(*dominant)))
    if "U" in fit.law.variables and surface.unique_tokens is None:
        message = "unique tokens are taken as unlimited; with fewer than D the optimum moves."
        found.append(Notice("unique_tokens", message))
    if fit.n_tiers < FEW_TIERS:
        message = (
            f"the runs have {fit.n_tiers} compute tiers; one more, larger budget would say more "
            "than more runs in these."
        )
        found.append(Notice("few_tiers", message))
    beyond = [
        f"{name} is {value / seen:.3g} times the largest"
        for name, value, seen in (
            ("N", params, float(fit.points.params.max())),
            ("D", tokens, float(fit.points.tokens.max())),
        )
        if value > seen
    ]
    if beyond:
        found.append(Notice("distance", f"{' and '.join(beyond)} of the runs."))
    counted = fit.points.conventions.n
    meaning = "not said to be one count or another" if counted == "params" else f"N {counted}"
    message = (
        f"the N of the runs is {meaning}; with embeddings counted differently the same runs give "
        "another N* and another exponent, most of all where models are small."
    )
    found.append(Notice("n_convention", message))
    return found


def _said_dominant(name: str, share: float) -> str:
    if share < HALF:
        return (
            "no single parameter decides the spread of N*: they trade against each other (most "
            f"with {name}, {share:.0%} of it among draws)."
        )
    return (
        f"the spread of N* goes with {name} ({share:.0%} of it among draws): what fixes {name} "
        "fixes N*."
    )


def dominant_parameter(fit: Fit, params: Array) -> tuple[str, float] | None:
    """The parameter whose draws go most closely with those of N*.

    The share is the square of Spearman's rank correlation: how much of the spread of N* would go
    if that parameter were known. Parameters trade against each other, so shares of several may add
    up to more than one.

    Returns:
        Its name and the share, or None where nothing varies.
    """
    if len(params) < 3 or not np.ptp(_ranks(params)):
        return None
    shares = {
        name: _rank_correlation(fit.draws[:, i], params) ** 2
        for i, name in enumerate(fit.law.names)
        if np.ptp(fit.draws[:, i]) > 0
    }
    if not shares:
        return None
    name = max(shares, key=lambda key: shares[key])
    return name, shares[name]


def _rank_correlation(a: Array, b: Array) -> float:
    value = float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])
    return value if math.isfinite(value) else 0.0


def _ranks(values: Array) -> Array:
    """Ranks, with ties sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[inverse]
