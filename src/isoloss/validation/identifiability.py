"""What do the runs fix, what do they leave open, and which run would close it?

Near its optimum a fit moves along independent directions, each known to one standard error. A
direction that hardly changes the loss of any run is flat: the runs leave it open. The answer hangs
on some directions more than on others, and a further run is worth what it says about those
(Bayesian linear design, Chaloner & Verdinelli 1995).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting import Fit, Quantity
from isoloss.fitting.linear import noise_level
from isoloss.fitting.profile import deviance_scale, profile_intervals
from isoloss.fitting.search import Found
from isoloss.fitting.solver import solve
from isoloss.fitting.status import NORMAL_90, WIDEST_EXPONENT, WIDEST_LOG
from isoloss.laws.optimum import can_allocate
from isoloss.validation.backtest import DEFAULT_REACH
from isoloss.validation.identification import (
    Direction,
    Identifiability,
    NextRun,
    ParameterWidth,
    ProfileCurve,
)
from isoloss.validation.refits import NEAR, Posed, optimal_params, pose

Array = NDArray[np.float64]

STEP = 0.05  # of a standard error: small enough to be linear, large enough for its digits
GRID = 25
WIDER = 2.0  # beyond the sizes, tokens and D/N of the runs that a candidate may lie
WORTH = 0.01  # share of the standard error that a further run must save
LEADING = 3  # coordinates that are named of a direction
REACH = 3.0  # standard errors that a profile curve shows to either side


def identify(
    fit: Fit,
    *,
    target: float | None = None,
    budget: float | None = None,
    most_runs: int = 3,
    level: float = 0.9,
) -> Identifiability:
    """What do the runs fix of a law, and what further runs would fix the answer best?

    Args:
        fit: the fit.
        target: compute (FLOP) of the answer; 30 times the largest run by default.
        budget: compute (FLOP) for further runs together; by default that of the largest run.
        most_runs: how many further runs to name at most.
        level: nominal coverage of the profile intervals.

    Raises:
        InputError: target or budget is no positive number, or the runs of the fit had weights.
    """
    points = fit.points
    largest = float(np.nanmax(points.flop)) if np.isfinite(points.flop).any() else np.nan
    flop = _positive("target", DEFAULT_REACH * largest if target is None else target)
    allowed = _positive("budget", largest if budget is None else budget)
    posed = pose(fit)
    noise = noise_level(posed.form.problem, posed.phi)
    steps = _directions(posed, noise)
    sizes = optimal_params(fit, _moved(posed, steps, 1.0), flop)
    answer = float(optimal_params(fit, fit.theta[None], flop)[0])
    slopes = _slopes(fit, posed, steps, flop)
    with np.errstate(all="ignore"):
        shares = slopes**2 / np.sum(slopes**2)
    return Identifiability(
        law=fit.law.name,
        status=fit.status,
        status_message=fit.status_message,
        condition_number=posed.view.condition_number,
        noise=noise,
        parameters=_widths(fit, posed, noise, level),
        directions=tuple(
            _described(posed, step, float(shares[k]), float(sizes[k] / answer))
            for k, step in enumerate(steps)
        ),
        target_flop=flop,
        n_params=answer,
        standard_error=float(np.sqrt(np.sum(slopes**2))),
        standard_error_draws=_spread(np.log(optimal_params(fit, fit.draws, flop))),
        budget_flop=allowed,
        next_runs=_next_runs(fit, posed, steps, slopes, noise, allowed, most_runs),
        conventions=points.conventions,
        data_hash=points.data_hash,
        n_runs=fit.n_runs,
        seed=fit.seed,
    )


def profile_curve(fit: Fit, name: str, count: int = 21) -> ProfileCurve:
    """The best fit with one parameter held at values around its estimate.

    Args:
        fit: the fit.
        name: a parameter that is searched itself.
        count: how many values.

    Raises:
        InputError: the parameter is unknown, fixed, or follows from others that are searched.
    """
    posed = pose(fit)
    problem = posed.form.problem
    where = problem.coordinates
    if name not in where.names or name not in fit.law.names:
        raise InputError(
            f"{name!r} is no parameter that the fit of {fit.law.name} searches.",
            code="unknown_parameter",
            where=Where(field=name),
            hint=f"Searched: {', '.join(n for n in where.names if n in fit.law.names)}.",
        )
    k = where.names.index(name)
    reach = REACH * float(posed.view.spread[k]) * noise_level(problem, posed.phi)
    reach = reach if 0 < reach < np.inf else 1.0
    held = np.clip(posed.phi[k] + np.linspace(-reach, reach, count), where.lower[k], where.upper[k])
    scale = deviance_scale(problem, posed.phi)
    rise = np.empty(count)
    # From the estimate outward, each value starts where the one before it ended.
    for side in (range(count // 2, count), range(count // 2 - 1, -1, -1)):
        phi = posed.phi.copy()
        for i in side:
            phi[k] = held[i]
            lower, upper = where.lower.copy(), where.upper.copy()
            lower[k] = upper[k] = held[i]
            fixed = replace(problem, coordinates=replace(where, lower=lower, upper=upper))
            found = solve(fixed, phi[None], NEAR)
            phi = found.phi[0]
            rise[i] = 2.0 * (float(found.objective[0]) - fit.objective_value) / scale
    log = bool(where.log[int(np.flatnonzero(where.source == k)[0])])
    return ProfileCurve(name, np.exp(held) if log else held, rise)


def _positive(field: str, value: float) -> float:
    if not 0 < value < np.inf:
        raise InputError(
            f"found {value:g} FLOP where a positive number is expected.",
            code="bad_value",
            where=Where(field=field),
            hint=f"Give {field} in FLOP; runs without compute have none of their own.",
        )
    return float(value)


def _directions(posed: Posed, noise: float) -> list[Array]:
    """Independent directions in coordinates, each one standard error long, the flattest first."""
    problem = posed.form.problem
    jacobian = problem.jacobian(posed.phi[None])[0]
    length = np.sqrt(np.sum(jacobian**2, axis=1))
    free = posed.view.free & (length > 0)
    unit = np.where(free, 1.0 / np.where(length > 0, length, 1.0), 0.0)
    _, strength, axes = np.linalg.svd((jacobian * unit[:, None]).T, full_matrices=False)
    kept = [i for i in range(len(strength)) if strength[i] > 1e-10 * strength[0]]
    return [noise / strength[i] * unit * axes[i] for i in reversed(kept)]


def _moved(posed: Posed, steps: list[Array], by: float) -> Array:
    """Parameters (K, P) after a move along each direction, kept inside the bounds."""
    where = posed.form.problem.coordinates
    phi = np.clip(posed.phi + by * np.array(steps), where.lower, where.upper)
    return posed.form.theta(phi)


def _slopes(fit: Fit, posed: Posed, steps: list[Array], flop: float) -> Array:
    """Change of log N* along each direction, per standard error (K,)."""
    ends = [np.log(optimal_params(fit, _moved(posed, steps, s * STEP), flop)) for s in (1, -1)]
    return (ends[0] - ends[1]) / (2 * STEP)


def _spread(values: Array) -> float:
    """Half the width of the middle 68 %; NaN where values are missing."""
    usable = values[~np.isnan(values)]
    if 2 * len(usable) <= len(values):
        return float("nan")
    low, high = np.quantile(usable, [0.16, 0.84])
    return float(high - low) / 2


def _described(posed: Posed, step: Array, share: float, factor: float) -> Direction:
    where = posed.form.problem.coordinates
    log = [bool(where.log[int(np.flatnonzero(where.source == i)[0])]) for i in range(where.size)]
    moves = {
        name: float(np.exp(step[i]) if log[i] else step[i]) for i, name in enumerate(where.names)
    }
    factors = tuple(name for i, name in enumerate(where.names) if log[i])
    scaled = np.abs(step) / np.where(np.array(log), 1.0, np.maximum(np.abs(posed.phi), 1e-3))
    order: list[int] = np.argsort(-scaled, kind="stable").tolist()
    leading = tuple(where.names[i] for i in order[:LEADING] if scaled[i] > 0)
    return Direction(moves, factors, leading, share, factor)


def _widths(fit: Fit, posed: Posed, noise: float, level: float) -> tuple[ParameterWidth, ...]:
    """Per parameter: profile interval, interval of the draws, standard error."""
    profiles = _profiles(fit, posed, level)
    names = posed.form.problem.coordinates.names
    rows: list[ParameterWidth] = []
    for parameter in fit.law.parameters:
        name = parameter.name
        searched = name in names
        error = float(posed.view.spread[names.index(name)]) * noise if searched else np.nan
        profile = profiles[name]
        low, high = parameter.bounds
        widest = WIDEST_LOG if parameter.positive else WIDEST_EXPONENT
        unknown = searched and not NORMAL_90 * error <= widest
        open_sides = tuple(
            side
            for side, is_open in (
                ("below", unknown or profile.lo == -np.inf or profile.lo <= low),
                ("above", unknown or profile.hi == np.inf or profile.hi >= high),
            )
            if searched and is_open
        )
        rows.append(
            ParameterWidth(
                name=name,
                profile=profile,
                draws=fit.parameters[name] if len(fit.draws) else None,
                standard_error=error,
                is_factor=parameter.positive,
                is_searched=searched,
                open_sides=open_sides,
            )
        )
    return tuple(rows)


def _profiles(fit: Fit, posed: Posed, level: float) -> dict[str, Quantity]:
    if fit.status == "not_identified":
        # The profile would run along the flat direction for ever, to say what the status says.
        return {name: Quantity(v, np.nan, np.nan, level) for name, v in fit.estimate.items()}
    found = Found(
        phi=posed.phi,
        objective=fit.objective_value,
        gradient_norm=fit.gradient_norm,
        converged=True,
        agreement=fit.agreement,
        n_starts=fit.n_starts,
    )
    return profile_intervals(posed.form, found, level)


def _next_runs(
    fit: Fit,
    posed: Posed,
    steps: list[Array],
    slopes: Array,
    noise: float,
    budget: float,
    most: int,
) -> tuple[NextRun, ...]:
    """The runs that shrink the standard error of log N* most, one after another.

    In units of standard errors along the directions the covariance starts as the identity; a run
    whose loss moves by p along them turns S into S - S p p' S / (noise^2 + p' S p).
    """
    if not can_allocate(fit.law) or not np.all(np.isfinite(slopes)):
        return ()
    params, tokens = _candidates(fit, budget)
    if not len(params):
        return ()
    flop = 6.0 * params * tokens
    x = {"N": params, "D": tokens, "C": flop, "U": tokens}
    x = {name: x[name] for name in fit.law.variables}
    logs = [np.log(fit.law.value(_moved(posed, steps, s * STEP).T[:, :, None], x)) for s in (1, -1)]
    moves = (logs[0] - logs[1]).T / (2 * STEP)
    covariance = np.eye(len(steps))
    chosen: list[NextRun] = []
    before = float(slopes @ slopes)
    left = budget
    while len(chosen) < most and before > 0:
        told = moves @ covariance
        gain = (told @ slopes) ** 2 / (noise**2 + np.sum(told * moves, axis=1))
        gain = np.where(flop <= left, gain, -1.0)
        best = int(np.argmax(gain))
        after = before - float(gain[best])
        if gain[best] <= 0 or 1 - np.sqrt(max(after, 0.0) / before) < WORTH:
            break
        pull = told[best]
        covariance -= np.outer(pull, pull) / (noise**2 + float(pull @ moves[best]))
        left -= float(flop[best])
        chosen.append(
            NextRun(
                n_params=float(params[best]),
                tokens=float(tokens[best]),
                flop=float(flop[best]),
                standard_error=float(np.sqrt(max(after, 0.0))),
                share=float(np.sqrt(max(after, 0.0) / float(slopes @ slopes))),
            )
        )
        before = after
    return tuple(chosen)


def _candidates(fit: Fit, budget: float) -> tuple[Array, Array]:
    """Runs on a grid around those that are there, within the budget."""
    points = fit.points
    axes: list[Array] = [
        np.geomspace(v.min() / WIDER, v.max() * WIDER, GRID) for v in (points.params, points.tokens)
    ]
    params, tokens = (part.ravel() for part in np.meshgrid(*axes, indexing="ij"))
    ratio, seen = tokens / params, points.tokens / points.params
    kept = (
        (ratio >= seen.min() / WIDER)
        & (ratio <= seen.max() * WIDER)
        & (6.0 * params * tokens <= budget)
    )
    return params[kept], tokens[kept]
