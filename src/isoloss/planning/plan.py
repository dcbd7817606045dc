"""Plan a run from a fit: the verb ``iso.plan``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting import Fit, Quantity, from_draws
from isoloss.laws.compute import flop_rule
from isoloss.laws.optimum import Optimum, Surface, allocate, flat_region
from isoloss.planning import evidence
from isoloss.planning.hardware import Budget, Device, Means, MfuCurve, Spend, settle
from isoloss.planning.hardware.budget import EXAMPLES
from isoloss.planning.result import FlatRegion, Plan
from isoloss.runs import Architecture, parse_quantity
from isoloss.validation import Backtest

Array = NDArray[np.float64]

WITHIN = (0.002, 0.005)
# How far from the sizes of the runs an optimum is looked for, at the compute of the runs.
WIDER = 100.0
_HUGE = 1e300


def plan(
    fit: Fit,
    flop: float | str | Budget | None = None,
    *,
    budget: float | str | Budget | None = None,
    unique_tokens: float | str | None = None,
    flop_per_token: str = "6nd",
    served: float | str | Sequence[float | str] | None = None,
    hardware: str | Device | None = None,
    mfu: float | MfuCurve | None = None,
    price: float | str | None = None,
    devices: int | None = None,
    arch: str | Architecture | None = None,
    backtest: Backtest | None = None,
) -> Plan:
    """What to train with a given budget, with intervals, or a refusal.

    Args:
        fit: a fit of a law in N and D.
        flop: the budget: a number of FLOP, or a text such as ``1e24 FLOP``, ``12k H100-hours``,
            ``29 days`` or ``$2M``.
        budget: another name for the same.
        unique_tokens: distinct tokens there are, for laws in U; as many as wanted by default.
        flop_per_token: ``6nd`` for C = 6 N D, or ``runs`` for what the runs cost per token.
        served: tokens that the model will serve, one amount or several: the plan then also says
            which smaller model of the same loss costs less over its lifetime.
        hardware: the accelerator; with it the plan has a cost.
        mfu: model FLOP utilisation: a number, or a curve of ``fit_mfu``; by default 0.40 where
            N is a billion or more.
        price: your price of a device-hour, a number or a text such as ``2.5 EUR``.
        devices: how many work at once.
        arch: the shape, where it is known, such as ``L=32 d=4096 V=128k T=8192``: what its
            attention adds is said beside the cost.
        backtest: of the same runs by the same law: the interval of the loss then counts the law's
            own error as well, and the plan says how N* moved.

    Raises:
        InputError: an argument is unusable.
        EvidenceError: the runs cannot answer: fewer than three budgets, a parameter that is not
            identified, no interior minimum.
    """
    # These plan with this module.
    from isoloss.planning.serving import serve
    from isoloss.planning.tested import with_backtest

    surface = surface_of(fit, unique_tokens, flop_per_token)

    def params_at(flop: float) -> float:
        found = allocate(surface, fit.theta[:, None], flop, search_bounds(fit, flop))
        return float(found.params[0])

    means = Means(hardware, mfu, price, devices, arch=arch)
    spend = settle(one_budget(flop, budget), means, params_at)
    made = _plan(fit, surface, spend)
    if backtest is not None:
        made = with_backtest(made, fit, backtest)
    if served is None:
        return made
    also = serve(
        fit, spend.flop, served=served, unique_tokens=unique_tokens, flop_per_token=flop_per_token
    )
    return replace(made, serving=also)


def _plan(fit: Fit, surface: Surface, spend: Spend) -> Plan:
    budget = spend.flop
    bounds = search_bounds(fit, budget)

    best = allocate(surface, fit.theta[:, None], budget, bounds)
    hint = "Plan a budget nearer to the runs, add runs of other sizes, or fit a simpler law."
    evidence.require_minimum(best, fit.law.name, budget, bounds, hint)
    params, tokens = float(best.params[0]), float(best.tokens[0])
    draws = allocate(surface, fit.draws.T, budget, bounds)
    lost = evidence.judge_draws(draws)
    with np.errstate(all="ignore"):
        ratios = draws.tokens / draws.params
    loss, loss_mean = expected_loss(fit, surface, params, tokens)
    decades = float(fit.decades_beyond({"C": np.array([budget])})[0])
    status, message = status_of(best, fit)
    return Plan(
        flop=budget,
        n_params=spread(params, draws.params, fit.level),
        tokens=spread(tokens, draws.tokens, fit.level),
        tokens_per_param=spread(tokens / params, ratios, fit.level),
        loss=loss,
        loss_mean=loss_mean,
        flat_regions=flat_regions(surface, fit.theta, params, budget, bounds),
        decades_beyond_data=decades,
        status=status,
        status_message=message,
        law=fit.law.name,
        formula=fit.law.formula,
        source="",
        conventions=conventions(fit, surface),
        unique_tokens=surface.unique_tokens,
        ci=fit.ci if len(fit.draws) else "none",
        level=fit.level,
        seed=fit.seed,
        data_hash=fit.points.data_hash,
        n_runs=fit.n_runs,
        n_tiers=fit.n_tiers,
        warnings=(
            *evidence.warnings(fit, surface, budget, tokens),
            *evidence.warn_of_minimum(status, message),
            *lost,
        ),
        notes=tuple(evidence.notes(fit, surface, draws, params, tokens)),
        why=why(surface, fit.theta, params, budget, bounds),
        cost=cost_of(spend, surface.rule.name, fit.points.conventions.n),
    )


def one_budget(
    flop: float | str | Budget | None, budget: float | str | Budget | None
) -> float | str | Budget:
    """The budget, under whichever of its two names it was given.

    Raises:
        InputError: not exactly one of them is given.
    """
    if flop is not None and budget is None:
        return flop
    if budget is not None and flop is None:
        return budget
    raise InputError(
        "give the budget once, as flop or as budget.",
        code="missing_argument" if flop is None else "conflicting_options",
        where=Where(field="budget"),
        hint=f"Write it like {EXAMPLES}.",
    )


def cost_of(spend: Spend, flop_convention: str, n: str) -> dict[str, Any] | None:
    """The object ``cost`` of a plan; None without hardware."""
    found = spend.cost(flop_convention, n)
    return None if found is None else found.to_dict()


def surface_of(fit: Fit, unique_tokens: float | str | None, flop_per_token: str) -> Surface:
    """The law of a fit with what ties N, D and C, or a refusal.

    Raises:
        InputError: an argument is unusable.
        EvidenceError: the runs cannot carry a plan.
    """
    evidence.require_evidence(fit)
    unique = None if unique_tokens is None else parse_quantity(unique_tokens)
    return Surface(fit.law, flop_rule(flop_per_token, fit.points), unique)


def conventions(fit: Fit, surface: Surface) -> dict[str, str]:
    """What N, C and the loss of a plan mean: as in the runs, but for C = 6 N D."""
    named = fit.points.conventions.to_dict()
    return named | {"flop": "6nd"} if surface.rule.name == "6nd" else named


def search_bounds(fit: Fit, flop: float) -> tuple[float, float]:
    """The N among which an optimum is looked for.

    The sizes of the runs widened a hundredfold, and further in proportion to compute beyond (or
    below) the runs: N* can hardly move faster than the compute itself.
    """
    points = fit.points
    finite = points.flop[np.isfinite(points.flop)]
    grow = max(1.0, flop / finite.max()) if finite.size else 1.0
    shrink = min(1.0, flop / finite.min()) if finite.size else 1.0
    low = max(1.0, float(points.params.min()) / WIDER * shrink)
    return low, max(10.0 * low, float(points.params.max()) * WIDER * grow)


def flat_regions(
    surface: Surface, theta: Array, params: float, flop: float, bounds: tuple[float, float]
) -> tuple[FlatRegion, ...]:
    """The sizes that cost at most 0.2 % and 0.5 % of the loss."""
    return tuple(
        FlatRegion(within, *flat_region(surface, theta, params, flop, within, bounds))
        for within in WITHIN
    )


def why(
    surface: Surface, theta: Array, params: float, flop: float, bounds: tuple[float, float]
) -> tuple[str, ...]:
    """What makes a size the compute-optimal one, in two sentences.

    Args:
        surface: law, FLOP per token and unique tokens.
        theta: one parameter vector (P,).
        params: N*.
        flop: compute.
        bounds: of the search for N*.
    """
    around = params * np.array([0.5, 1.0, 2.0])
    half, best, twice = surface.loss(theta[:, None], around, np.asarray(flop))
    sentences = [
        f"along equal compute the law is lowest here: half of N costs {half / best - 1:+.2%} loss, "
        f"twice N {twice / best - 1:+.2%}."
    ]
    tenfold = allocate(surface, theta[:, None], 10 * flop, (bounds[0], 10 * bounds[1]))
    if tenfold.found[0]:
        more = float(tenfold.params[0]) / params
        data = float(tenfold.tokens[0]) * float(surface.rule.per_token(np.asarray(params))) / flop
        sentences.append(
            f"ten times the compute would go into {more:.3g} times N and {data:.3g} times D."
        )
    return tuple(sentences)


def expected_loss(
    fit: Fit, surface: Surface, params: float, tokens: float
) -> tuple[Quantity, Quantity]:
    """The loss of one new run of this size, noise included, and that of the law itself."""
    x = surface.run(np.array([params]), np.array([tokens]))
    if not len(fit.draws):
        alone = without_interval(float(fit.law.value(fit.theta, x)[0]), fit.level)
        return alone, alone
    found = fit.predict(x)
    return found.loss[0], found.loss_mean[0]


def without_interval(value: float, level: float) -> Quantity:
    """A number of which nobody can say how sure it is."""
    return Quantity(value, math.nan, math.nan, level)


def spread(estimate: float, draws: Array, level: float) -> Quantity:
    """A quantity whose draws may be infinite: the interval is then open on that side."""
    finite = np.where(np.isposinf(draws), _HUGE, draws)
    quantity = from_draws(estimate, finite, level)
    open_end = quantity.hi > 1e-50 * _HUGE
    return Quantity(estimate, quantity.lo, math.inf if open_end else quantity.hi, level)


def status_of(best: Optimum, fit: Fit | None) -> tuple[str, str]:
    """The status of a plan and its sentence."""
    if best.local[0]:
        return "local", (
            "this is a local minimum: the loss is lower still at the end of the search, far from "
            "any run, where the law is not to be believed."
        )
    if best.minima[0] > 1:
        return "several", (
            f"the loss has {best.minima[0]} minima at this compute; the lowest is reported."
        )
    if fit is not None and fit.status == "edge":
        return "edge", fit.status_message
    return "ok", "one interior minimum."
