"""What would more unique tokens be worth? The compute that the same loss then costs less."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting import Quantity
from isoloss.laws.optimum import Optimum, Surface, allocate
from isoloss.planning.data.result import TokenValue
from isoloss.planning.data.subject import Subject
from isoloss.planning.plan import spread

Array = NDArray[np.float64]
BILLION = 1e9
STEPS = 12
HALVINGS = 32
DEEPEST = 12.0  # of log C below the budget
ROUNDING = 1e-9
SETTLED = 1e-10  # relative loss
MOST_DRAWS = 300
LONGEST = 2.0  # of log C in one step


def price_per_flop(
    per_1e21_flop: float | None, per_hour: float | None, flop_per_second: float | None
) -> float | None:
    """The price of one FLOP from a price per 1e21 FLOP, or per hour of a device.

    Args:
        per_1e21_flop: money.
        per_hour: money for a device-hour; needs ``flop_per_second``.
        flop_per_second: what a device does, peak times utilisation.

    Raises:
        InputError: both are given, half of one, or a number that is not positive.
    """
    given = {
        "price_per_1e21_flop": per_1e21_flop,
        "price_per_hour": per_hour,
        "flop_per_second": flop_per_second,
    }
    for name, value in given.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise InputError(
                f"found {value:g} where a positive, finite number is expected.",
                code="bad_price",
                where=Where(field=name),
            )
    if per_1e21_flop is not None and (per_hour is not None or flop_per_second is not None):
        raise InputError(
            "the price of compute is given per 1e21 FLOP and per hour.",
            code="conflicting_options",
            where=Where(field="price_per_hour"),
            hint="Keep one of the two.",
        )
    if (per_hour is None) != (flop_per_second is None):
        missing = "price_per_hour" if per_hour is None else "flop_per_second"
        raise InputError(
            "a price per hour needs what a device computes in a second, and the reverse.",
            code="missing_argument",
            where=Where(field=missing),
            hint="An H100 at 40 % utilisation does about 4e14 FLOP per second.",
        )
    if per_1e21_flop is not None:
        return per_1e21_flop / 1e21
    if per_hour is None or flop_per_second is None:
        return None
    return per_hour / (3600.0 * flop_per_second)


def token_values(
    by: Subject, flop: float, unique_tokens: float, enough: float, price: float | None
) -> tuple[TokenValue, ...]:
    """What a billion more unique tokens, as many again, and enough of them would be worth.

    Args:
        by: the law.
        flop: the budget.
        unique_tokens: what there are.
        enough: what the budget would read once; more than ``unique_tokens``.
        price: of one FLOP.
    """
    theta = np.concatenate([by.theta[None], by.draws[:MOST_DRAWS]]).T
    budget = np.full(theta.shape[1], flop)
    now = best_loss(by, theta, budget, unique_tokens)[0]
    missing = enough - unique_tokens
    extra = {"billion": BILLION, "double": unique_tokens, "enough": missing}
    return tuple(
        _value(by, name, theta, now, budget, unique_tokens, more, price)
        for name, more in extra.items()
        if more <= missing or name == "billion"
    )


def _value(
    by: Subject,
    name: str,
    theta: Array,
    now: Array,
    budget: Array,
    unique_tokens: float,
    extra: float,
    price: float | None,
) -> TokenValue:
    more = unique_tokens + extra
    lower = best_loss(by, theta, budget, more)[0]
    saved = _cleared(budget - flop_at_loss(by, theta, now, budget, more), budget)
    flop_saved = _spread(saved, by.level)
    money = None if price is None else _scaled(flop_saved, price)
    return TokenValue(
        name=name,
        extra_tokens=extra,
        flop_saved=flop_saved,
        loss_saved=_spread(_cleared(now - lower, now), by.level),
        money_saved=money,
        money_per_billion=None if money is None else _scaled(money, BILLION / extra),
    )


def _cleared(difference: Array, of: Array) -> Array:
    """Differences that are rounding, of draws in which data do not bind, become zero."""
    return np.where(np.abs(difference) < ROUNDING * of, 0.0, difference)


def best_loss(
    by: Subject, theta: Array, flop: Array, unique_tokens: float
) -> tuple[Array, Optimum]:
    """The lowest loss (K,) of each budget (K,) under parameters (P, K), and the run that has it.

    Where there is no interior minimum the loss is NaN.
    """
    surface = by.surface(unique_tokens)
    best = allocate(surface, theta, flop, _range(by, flop))
    return _loss_at(surface, theta, best), best


def flop_at_loss(
    by: Subject, theta: Array, loss: Array, flop: Array, unique_tokens: float
) -> Array:
    """The least compute (K,) whose best run reaches a loss (K,), looked for below ``flop``.

    Newton's method in log C. Along the optimum the loss changes with compute as it does with
    tokens at fixed size (the size is best, so moving it changes nothing to first order). Where the
    best run sits at a kink of the law, such as one epoch exactly, halving takes over.
    """
    surface = by.surface(unique_tokens)
    log_flop, top = np.log(flop), np.log(flop)
    found = np.full(loss.shape, np.nan)
    for _ in range(STEPS):
        best = allocate(surface, theta, np.exp(log_flop), _range(by, np.exp(log_flop)))
        gap = _loss_at(surface, theta, best) - loss
        settled = np.abs(gap) <= SETTLED * loss
        found = np.where(settled & np.isnan(found), np.exp(log_flop), found)
        if np.all(settled | np.isnan(gap)):
            break
        slope = _slope_in_tokens(surface, theta, best)
        with np.errstate(all="ignore"):
            step = np.clip(np.where(slope < 0, -gap / slope, 0.0), -LONGEST, LONGEST)
        log_flop = np.minimum(log_flop + np.nan_to_num(step), top)
    left = np.isnan(found)
    if left.any():
        found[left] = _halve(by, theta[:, left], loss[left], flop[left], unique_tokens)
    return found


def _halve(by: Subject, theta: Array, loss: Array, flop: Array, unique_tokens: float) -> Array:
    """The same by halving log C; NaN where ``flop`` itself does not reach the loss."""
    high, low = np.log(flop), np.log(flop) - DEEPEST
    reached = best_loss(by, theta, flop, unique_tokens)[0] <= loss
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        there = best_loss(by, theta, np.exp(middle), unique_tokens)[0] <= loss
        low, high = np.where(there, low, middle), np.where(there, middle, high)
    return np.where(reached, np.exp(high), np.nan)


def _range(by: Subject, flop: Array) -> tuple[float, float]:
    low, high = by.bounds(float(flop.min())), by.bounds(float(flop.max()))
    return min(low[0], high[0]), max(low[1], high[1])


def _loss_at(surface: Surface, theta: Array, best: Optimum) -> Array:
    params = np.where(best.found, best.params, 1.0)
    tokens = np.where(best.found, best.tokens, 1.0)
    value = surface.law.value(theta, surface.run(params, tokens))
    return np.where(best.found, value, np.nan)


def _slope_in_tokens(surface: Surface, theta: Array, best: Optimum) -> Array:
    params = np.where(best.found, best.params, 1.0)
    tokens = np.where(best.found, best.tokens, 1.0)
    logs = surface.law.log_variables(surface.run(params, tokens))
    with np.errstate(all="ignore"):
        _, *parts = surface.law.compiled.slope(tuple(theta), logs)
    return np.asarray(parts[surface.law.variables.index("D")], dtype=np.float64)


def _spread(values: Array, level: float) -> Quantity:
    """The first is the estimate, the others are draws."""
    return spread(float(values[0]), values[1:], level)


def _scaled(quantity: Quantity, factor: float) -> Quantity:
    return Quantity(
        quantity.estimate * factor, quantity.lo * factor, quantity.hi * factor, quantity.level
    )
