"""What would the published laws do? One plan per law, and all of them in one table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from isoloss.errors import EvidenceError
from isoloss.fitting import Notice
from isoloss.laws import Law, Published, distance_outside, get_law, get_published, list_laws
from isoloss.laws.compute import FlopRule
from isoloss.laws.evaluation import evaluate
from isoloss.laws.optimum import Surface, allocate, require_plannable
from isoloss.planning import evidence
from isoloss.planning.hardware import Budget, Device, Means, MfuCurve, Spend, flop_of, settle
from isoloss.planning.plan import (
    cost_of,
    flat_regions,
    one_budget,
    status_of,
    why,
    without_interval,
)
from isoloss.planning.published_allocations import ALLOCATIONS, Allocation
from isoloss.planning.published_result import PublishedPlans, PublishedRow
from isoloss.planning.result import Plan
from isoloss.runs import Architecture, parse_quantity

BOUNDS = (1e6, 1e14)
# From 1e18 FLOP to far beyond any budget the bounds above hold every sensible optimum; for the
# budgets of toys they follow the square root of compute.
_AROUND = 100.0
LEVEL = 0.9


def published_bounds(flop: float) -> tuple[float, float]:
    """The N among which a published law's optimum is looked for: 1e6 to 1e14, or around sqrt(C)."""
    typical = math.sqrt(flop / 6.0)
    return min(BOUNDS[0], max(1.0, typical / _AROUND)), max(BOUNDS[1], typical * _AROUND)


def plan_law(
    law: str | Law,
    flop: float | str | Budget | None = None,
    *,
    budget: float | str | Budget | None = None,
    key: str | None = None,
    unique_tokens: float | str | None = None,
    served: float | str | Sequence[float | str] | None = None,
    hardware: str | Device | None = None,
    mfu: float | MfuCurve | None = None,
    price: float | str | None = None,
    devices: int | None = None,
    arch: str | Architecture | None = None,
) -> Plan:
    """What a published law would train with a given budget (C = 6 N D); no intervals.

    Args:
        law: a law with published coefficients, or its name.
        flop: the budget; this, ``budget`` and the means of ``plan`` are as there.
        budget: another name for the same.
        key: which coefficients; the law's default ones if None.
        unique_tokens: distinct tokens there are, for laws in U; as many as wanted by default.
        served: as for ``plan``.
        hardware: the accelerator; with it the plan has a cost.
        mfu: model FLOP utilisation.
        price: of a device-hour.
        devices: how many work at once.
        arch: the shape, where it is known.

    Raises:
        InputError: there is no such law or there are no such coefficients; a bad budget.
        EvidenceError: the law is not in N and D, or has no interior minimum at this budget.
    """
    from isoloss.planning.serving import serve  # which plans with this module

    known = get_law(law)
    published = get_published(known, key)
    unique = None if unique_tokens is None else parse_quantity(unique_tokens)
    surface = Surface(known, FlopRule(), unique)
    theta = np.array([published.values[name] for name in known.names])

    def params_at(flop: float) -> float:
        found = allocate(surface, theta[:, None], flop, published_bounds(flop))
        return float(found.params[0])

    means = Means(hardware, mfu, price, devices, arch=arch)
    spend = settle(one_budget(flop, budget), means, params_at)
    made = _plan_law(known, published, surface, spend)
    if served is None:
        return made
    also = serve(known, spend.flop, served=served, key=published.key, unique_tokens=unique)
    return replace(made, serving=also)


def _plan_law(known: Law, published: Published, surface: Surface, spend: Spend) -> Plan:
    budget, unique = spend.flop, surface.unique_tokens
    theta = np.array([published.values[name] for name in known.names])
    bounds = published_bounds(budget)
    best = allocate(surface, theta[:, None], budget, bounds)
    hint = "Plan a smaller budget, or take a law with a minimum there, such as chinchilla."
    named = f"{known.name} ({published.key})"
    evidence.require_minimum(best, named, budget, bounds, hint)
    params, tokens = float(best.params[0]), float(best.tokens[0])
    status, message = status_of(best, None)
    loss = float(surface.loss(theta, np.asarray(params), np.asarray(budget)))
    return Plan(
        flop=budget,
        n_params=without_interval(params, LEVEL),
        tokens=without_interval(tokens, LEVEL),
        tokens_per_param=without_interval(tokens / params, LEVEL),
        loss=without_interval(loss, LEVEL),
        loss_mean=without_interval(loss, LEVEL),
        flat_regions=flat_regions(surface, theta, params, budget, bounds),
        decades_beyond_data=_decades(published, budget),
        status=status,
        status_message=message,
        law=known.name,
        formula=known.formula,
        source=f"{published.key}: {published.source}",
        conventions={"n": published.n, "flop": "6nd", "loss_unit": published.loss_unit},
        unique_tokens=unique,
        ci="none",
        level=LEVEL,
        seed=None,
        data_hash=None,
        n_runs=None,
        n_tiers=None,
        warnings=(
            *_warnings(known, published, params, tokens, unique),
            *evidence.warn_of_minimum(status, message),
        ),
        notes=(Notice("published", published.notes),) if published.notes else (),
        why=why(surface, theta, params, budget, bounds),
        cost=cost_of(spend, "6nd", published.n),
    )


def _decades(published: Published, flop: float) -> float:
    """Decades beyond the largest C that the source states; NaN where it states none."""
    stated = published.range.get("C")
    return math.nan if stated is None else max(0.0, math.log10(flop / stated[1]))


def _warnings(
    law: Law, published: Published, params: float, tokens: float, unique: float | None
) -> list[Notice]:
    found = [Notice("no_intervals", "published coefficients carry no draws: no intervals.")]
    x = {"N": params, "D": tokens}
    if unique is not None and "U" in law.variables:
        x["U"] = min(unique, tokens)
    at = evaluate(law, published.key, **x)
    if at.outside:
        found.append(Notice("outside_range", at.sentence))
    return found


def plan_published(
    flop: float | str | Budget,
    *,
    hardware: str | Device | None = None,
    mfu: float | MfuCurve | None = None,
    price: float | str | None = None,
    devices: int | None = None,
) -> PublishedPlans:
    """What every published law and allocation would train with a given budget (C = 6 N D).

    Args:
        flop: the budget; it and the means of ``plan`` are as there, but that each law has its own
            N, so the MFU must be a number.
        hardware: the accelerator.
        mfu: model FLOP utilisation.
        price: of a device-hour.
        devices: how many work at once.

    Raises:
        InputError: the budget is unusable, or something is missing, which is named.
    """
    budget = flop_of(flop, Means(hardware, mfu, price, devices))
    rows = [
        _row(law, published, budget)
        for law in list_laws()
        if _plannable(law)
        for published in law.published
    ]
    return PublishedPlans(budget, (*rows, *(_allocation(one, budget) for one in ALLOCATIONS)))


def _plannable(law: Law) -> bool:
    try:
        require_plannable(law)
    except EvidenceError:
        return False
    return True


def _row(law: Law, published: Published, flop: float) -> PublishedRow:
    try:
        plan = plan_law(law, flop, key=published.key)
    except EvidenceError:
        status, params, tokens, loss = "no_minimum", math.nan, math.nan, math.nan
        outside: Mapping[str, float] = {}
    else:
        status, loss = plan.status, plan.loss.estimate
        params, tokens = plan.n_params.estimate, plan.tokens.estimate
        outside = distance_outside(published, {"N": params, "D": tokens})
    return PublishedRow(
        law=law.name,
        key=published.key,
        status=status,
        n_params=params,
        tokens=tokens,
        tokens_per_param=tokens / params,
        loss=loss,
        loss_unit=published.loss_unit,
        n_convention=published.n,
        range_stated=bool(published.range),
        outside=outside,
        source=published.source,
        confidence=published.confidence,
    )


def _allocation(one: Allocation, flop: float) -> PublishedRow:
    params, tokens = one.optimum(flop)
    low, high = one.range.get("C", (flop, flop))
    far = max(flop / high, low / flop)
    return PublishedRow(
        law="allocation",
        key=one.key,
        status="ok",
        n_params=params,
        tokens=tokens,
        tokens_per_param=tokens / params,
        loss=math.nan,
        loss_unit="",
        n_convention=one.n,
        range_stated=bool(one.range),
        outside={"C": far} if far > 1 else {},
        source=one.source,
        confidence=one.confidence,
    )
