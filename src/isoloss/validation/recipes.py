"""Which of two training recipes is better, where, and what is it worth in compute?

The same law is fitted to the runs of each, and the two surfaces are compared over the whole plane
of model size and tokens, draw by draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting import Fit, Notice, Objective, Quantity, fit, from_draws
from isoloss.laws import Law
from isoloss.laws.bisection import crossing
from isoloss.laws.compute import FlopRule
from isoloss.laws.optimum import Surface, allocate, require_plannable
from isoloss.runs import Points, Runs
from isoloss.validation.diagnostics import misses
from isoloss.validation.recipe_comparison import Multiplier, Plane, RecipeComparison
from isoloss.validation.refits import WIDER

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

AXIS = 25  # sizes, and token counts, of the plane
BUDGETS = 9
FRONTIER = 61  # budgets at which the frontier of B is known; between them a first guess is made
FARTHEST = np.log(1e6)  # of a compute factor
MARGIN = 1e4  # beyond the budgets, where a frontier is still looked for
SECANT = 1.01
HALVINGS = 40


def compare_recipes(
    a: Runs | Points,
    b: Runs | Points,
    law: str | Law = "chinchilla",
    *,
    names: tuple[str, str] = ("A", "B"),
    beyond: float = 10.0,
    n: str | None = None,
    loss: str | None = None,
    objective: Objective | None = None,
    ci: str = "tier",
    draws: int = 200,
    level: float = 0.9,
    seed: int = 0,
    jobs: int | None = None,
) -> RecipeComparison:
    """Where does recipe A beat recipe B, and how much compute does B need to catch up?

    Args:
        a: runs of the one recipe.
        b: runs of the other.
        law: the law fitted to both, in N and D.
        names: what to call the two.
        beyond: how far the plane goes beyond the largest sizes and tokens, as a factor.
        n: which count is N.
        loss: which column is the loss.
        objective: of the fits; Huber(1e-3) by default.
        ci: how intervals are made.
        draws: refits per recipe.
        level: nominal coverage of the intervals.
        seed: of the draws.
        jobs: threads.

    Raises:
        InputError: the losses are in different units, or on different evaluation sets or
            tokenizers, or N counts different things.
        EvidenceError: a law that cannot weigh size against data, or too few runs.
    """
    if not 1 <= beyond < 1e6:
        raise InputError(
            f"found {beyond:g} where a factor of at least 1 is expected.",
            code="bad_value",
            where=Where(field="beyond"),
        )
    notices = _same_losses(a, b, names)
    tables = [runs.points(n=n, loss=loss) if isinstance(runs, Runs) else runs for runs in (a, b)]
    _same_meaning(tables, names)
    # Different seeds: the errors of the two recipes have nothing to do with each other.
    fits = [
        fit(
            points,
            law,
            objective=objective,
            ci=ci,
            draws=draws,
            level=level,
            seed=seed + i,
            jobs=jobs,
        )
        for i, points in enumerate(tables)
    ]
    require_plannable(fits[0].law)
    notices += [
        Notice(f.status, f"{name}: {f.status_message}")
        for name, f in zip(names, fits, strict=True)
        if f.status != "ok"
    ]
    plane = _plane(fits[0], fits[1], beyond, level)
    for name, fitted in zip(names, fits, strict=True):
        missed = misses(fitted)
        if missed:
            listed = "; ".join(sentence.removeprefix("misses ") for sentence in missed)
            message = (
                f"{fitted.law.name} misses {listed} on the runs of {name}: differences of that "
                "size between the recipes may be the law's."
            )
            notices.append(Notice("law_misses", message))
    if not plane.inside.any():
        message = f"{names[0]} and {names[1]} have no sizes, tokens and compute in common."
        notices.append(Notice("no_overlap", message))
    return RecipeComparison(
        names=names,
        law=fits[0].law.name,
        formula=fits[0].law.formula,
        fits=(fits[0], fits[1]),
        plane=plane,
        multipliers=_multipliers(fits[0], fits[1], beyond, level),
        level=level,
        warnings=tuple(notices),
    )


def multiplier_at(found: RecipeComparison, params: float, tokens: float) -> Quantity:
    """The factor of compute that B needs, at the same D/N, to reach the loss of A at N and D.

    Infinite where B never reaches it, zero where B is there with less than a millionth.

    Args:
        found: the comparison.
        params: N of A.
        tokens: D of A.
    """
    a, b = found.fits
    thetas = [_paired_draws(fit, min(len(a.draws), len(b.draws))) for fit in (a, b)]
    factors = _ray(a.law, thetas[0], thetas[1], np.asarray(params), np.asarray(tokens))
    return _open_quantity(factors, found.level)


def _same_losses(a: Runs | Points, b: Runs | Points, names: tuple[str, str]) -> list[Notice]:
    """Refuse losses that do not compare; say where nobody knows."""
    unknown: list[str] = []
    for column, what in (("eval_set", "evaluation set"), ("tokenizer", "tokenizer")):
        found = [_values(runs, column) for runs in (a, b)]
        if found[0] and found[1] and found[0] != found[1]:
            said = [", ".join(sorted(values)) for values in found]
            raise InputError(
                f"the {what} of {names[0]} is {said[0]}, that of {names[1]} is {said[1]}; their "
                "losses do not compare.",
                code=f"different_{column}s",
                where=Where(field=column),
                hint="Evaluate both on the same data, in bits per byte if tokenizers differ.",
            )
        if not (found[0] and found[1]):
            unknown.append(what)
    if not unknown:
        return []
    message = (
        f"the runs do not say that both recipes share one {' and one '.join(unknown)}; if they do "
        "not, nothing here holds."
    )
    return [Notice("unknown_evaluation", message)]


def _values(runs: Runs | Points, column: str) -> set[str]:
    if isinstance(runs, Points) or column not in runs.frame.columns:
        return set()
    ok = runs.ok().frame[column]
    return {str(value) for value in ok.drop_nulls().unique().to_list()}


def _same_meaning(tables: Sequence[Points], names: tuple[str, str]) -> None:
    one, other = (points.conventions for points in tables)
    for field, mine, its, hint in (
        (
            "loss_unit",
            one.loss_unit,
            other.loss_unit,
            "Bring both to one unit; bits per byte compares across tokenizers.",
        ),
        ("n", one.n, other.n, "Say which count is N with n (--n), the same for both."),
    ):
        if mine != its:
            raise InputError(
                f"{field} is {mine} for {names[0]} and {its} for {names[1]}.",
                code=f"different_{field}",
                where=Where(field=field),
                hint=hint,
            )


def _paired_draws(fit: Fit, count: int) -> Array:
    """The estimate and its first draws as columns (P, 1 + count)."""
    return np.concatenate([fit.theta[None], fit.draws[:count]]).T


def _plane(a: Fit, b: Fit, beyond: float, level: float) -> Plane:
    axes: list[Array] = []
    for field in ("params", "tokens"):
        values: Array = np.concatenate([getattr(fit.points, field) for fit in (a, b)])
        axes.append(_spread(float(values.min()), float(values.max()) * beyond, AXIS))
    params, tokens = np.meshgrid(*axes, indexing="ij")
    count = min(len(a.draws), len(b.draws))
    thetas = [_paired_draws(fit, count) for fit in (a, b)]
    x = Surface(a.law, FlopRule()).run(params[None], tokens[None])
    losses = [a.law.value(theta[:, :, None, None], x) for theta in thetas]
    gain = losses[1] / losses[0] - 1.0
    factors = _ray(a.law, thetas[0], thetas[1], params, tokens)
    low, high = _ends(gain[1:], level)
    factor_low, factor_high = _ends(factors[1:], level)
    chance = np.mean(gain[1:] > 0, axis=0) if count else np.full(params.shape, np.nan)
    return Plane(
        params=axes[0],
        tokens=axes[1],
        advantage=gain[0],
        advantage_lo=np.minimum(low, gain[0]),
        advantage_hi=np.maximum(high, gain[0]),
        chance=chance,
        factor=factors[0],
        factor_lo=np.minimum(factor_low, factors[0]),
        factor_hi=np.maximum(factor_high, factors[0]),
        inside=_inside(a.points, params, tokens) & _inside(b.points, params, tokens),
    )


def _spread(low: float, high: float, count: int) -> Array:
    return np.exp(np.linspace(math.log(low), math.log(high), count))


def _ends(draws: Array, level: float) -> tuple[Array, Array]:
    """Quantiles over the first axis, infinite ones included; NaN without draws."""
    if not len(draws):
        empty = np.full(draws.shape[1:], np.nan)
        return empty, empty
    ordered = np.sort(draws, axis=0)
    last = len(draws) - 1
    low, high = (ordered[round(q * last)] for q in ((1 - level) / 2, (1 + level) / 2))
    return low, high


def _inside(points: Points, params: Array, tokens: Array) -> Bools:
    """Within the sizes, tokens, compute and D/N of the runs."""
    seen = (points.params, points.tokens)
    inside = np.ones(params.shape, dtype=bool)
    for power in ((1, 0), (0, 1), (1, 1), (-1, 1)):
        runs = seen[0] ** power[0] * seen[1] ** power[1]
        here = params ** power[0] * tokens ** power[1]
        inside &= (here >= runs.min() * (1 - 1e-9)) & (here <= runs.max() * (1 + 1e-9))
    return inside


def _ray(law: Law, a: Array, b: Array, params: Array, tokens: Array) -> Array:
    """Compute factors (K, ...) with which B, at the same D/N, has the loss of A."""
    surface = Surface(law, FlopRule())
    wide = (slice(None), slice(None), *(None,) * params.ndim)
    goal = np.broadcast_to(
        law.value(a[wide], surface.run(params[None], tokens[None])), (a.shape[1], *params.shape)
    )

    def reached(log_factor: Array) -> Bools:
        grow = np.exp(0.5 * log_factor)
        return law.value(b[wide], surface.run(params * grow, tokens * grow)) <= goal

    ends = np.full(goal.shape, -FARTHEST), np.full(goal.shape, FARTHEST)
    factor = np.exp(crossing(reached, *ends, HALVINGS))
    factor = np.where(reached(ends[1]), factor, np.inf)
    return np.where(reached(ends[0]), 0.0, factor)


def _open_quantity(factors: Array, level: float) -> Quantity:
    low, high = _ends(factors[1:], level)
    estimate = float(factors[0])
    if len(factors) < 2:
        return Quantity(estimate, np.nan, np.nan, level)
    return Quantity(estimate, min(float(low), estimate), max(float(high), estimate), level)


def _multipliers(a: Fit, b: Fit, beyond: float, level: float) -> tuple[Multiplier, ...]:
    """Compute factors between the two frontiers, at budgets inside the runs and beyond."""
    flop = np.concatenate([6.0 * f.points.params * f.points.tokens for f in (a, b)])
    largest = min(float(np.max(6.0 * f.points.params * f.points.tokens)) for f in (a, b))
    low, high = float(flop.min()), float(flop.max()) * beyond
    budgets = _spread(low, high, BUDGETS)
    known = _spread(low / MARGIN, high * MARGIN, FRONTIER)
    count = min(len(a.draws), len(b.draws))
    thetas = [_paired_draws(fit, count) for fit in (a, b)]
    bounds = _sizes(a, b, known)
    goals = _frontier(a.law, thetas[0], np.tile(budgets, (count + 1, 1)), bounds)
    curves = _frontier(b.law, thetas[1], np.tile(known, (count + 1, 1)), bounds)
    found = np.stack(
        [_catch_up(goal, curve, known) for goal, curve in zip(goals, curves, strict=True)]
    )
    factors = _refined(b.law, thetas[1], found, goals, bounds) / budgets
    return tuple(
        Multiplier(
            flop=float(budget),
            factor=_frontier_quantity(factors[:, i], level),
            decades_beyond_data=max(0.0, float(np.log10(budget / largest))),
        )
        for i, budget in enumerate(budgets)
    )


def _frontier_quantity(factors: Array, level: float) -> Quantity:
    if np.isnan(factors[0]):
        return Quantity(np.nan, np.nan, np.nan, level)
    if np.isinf(factors).any():
        return _open_quantity(factors[~np.isnan(factors)], level)
    return from_draws(float(factors[0]), factors[1:], level)


def _sizes(a: Fit, b: Fit, flop: Array) -> tuple[float, float]:
    """The N among which optima are looked for: all that the budgets of the frontier may ask for."""
    params = np.concatenate([fit.points.params for fit in (a, b)])
    spread = np.sqrt(flop[-1] / flop[0])
    return max(1.0, float(params.min()) / WIDER / spread), float(params.max()) * WIDER * spread


def _frontier(law: Law, theta: Array, flop: Array, bounds: tuple[float, float]) -> Array:
    """The lowest loss at computes (K, C) under parameters (P, K); NaN without an optimum."""
    surface = Surface(law, FlopRule())
    every, budget = np.repeat(theta, flop.shape[1], axis=1), flop.ravel()
    best = allocate(surface, every, budget, bounds)
    params = np.where(best.found, best.params, 1.0)
    value = np.where(best.found, surface.loss(every, params, budget), np.nan)
    return value.reshape(flop.shape)


def _refined(
    law: Law, theta: Array, flop: Array, goals: Array, bounds: tuple[float, float]
) -> Array:
    """Computes (K, C) moved by a secant step each, from interpolation to the frontier itself."""
    usable = np.isfinite(flop) & (flop > 0)
    here = np.where(usable, flop, 1.0)
    near = [np.log(_frontier(law, theta, here * grow, bounds)) for grow in (1.0, SECANT)]
    with np.errstate(all="ignore"):
        step = (np.log(goals) - near[0]) / (near[1] - near[0]) * np.log(SECANT)
    # A frontier that has levelled off has no slope to follow.
    small = np.isfinite(step) & (np.abs(step) < 1.0) & usable
    return flop * np.exp(np.where(small, step, 0.0))


def _catch_up(goal: Array, curve: Array, known: Array) -> Array:
    """The compute at which a frontier has these losses; infinite where it never does."""
    usable = np.isfinite(curve)
    if usable.sum() < 2:
        return np.full(goal.shape, np.nan)
    # Where a frontier has levelled off to its last digits, the first compute counts.
    falling = np.minimum.accumulate(curve[usable])
    first = np.concatenate([[True], np.diff(falling) < 0])
    found = np.exp(np.interp(-np.log(goal), -np.log(falling[first]), np.log(known[usable][first])))
    found = np.where(goal < falling[-1], np.inf, np.where(goal > falling[0], 0.0, found))
    return np.where(np.isfinite(goal), found, np.nan)
