"""Multi-power law: the loss at every step of a run, from its learning-rate schedule.

``L(t) = L0 + A S(t)^-alpha + B sum_k (lr_k - lr_{k-1}) G(lr_k^-gamma S_k(t))`` with
``G(x) = 1 - (1 + C x)^-beta``, ``S(t)`` the sum of learning rates up to step t and ``S_k(t)`` that
sum from step k on (Luo et al. 2025, arXiv 2503.12811). A power law in the learning rate spent,
lowered by every decrease of the learning rate, more so the longer ago the decrease was.

Steps count from 0 and the warm-up counts: its learning rates are in S(t), and its increases are in
the sum over k, with the opposite sign of a decay. Without them every curve is off by 0.11 to 0.15.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.errors import InputError, Where
from isoloss.laws.law import Parameter, Published

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

GROWTH = 0.02  # width of a block as a share of its distance; the loss is off by less than 1e-6
TURN = 0.05  # and the learning rate changes by at most this factor (log) within one
ROUNDING = 1e-13  # of the peak: a smaller change of the learning rate is rounding
NOTHING = 1e-300
LARGEST = 600.0  # of a logarithm: exp overflows beyond 709

PARAMETERS = (
    Parameter("L0", "irreducible loss", bounds=(0.0, np.inf), unit="loss"),
    Parameter("A", "loss above it after a learning-rate sum of one", positive=True),
    Parameter("alpha", "exponent of the learning-rate sum", bounds=(0.0, 3.0), start=(0.3, 0.7)),
    Parameter("B", "loss that a decay by one learning-rate unit ends up saving", positive=True),
    Parameter("C", "how fast a decay pays", positive=True),
    Parameter("beta", "exponent with which it pays", bounds=(0.0, 3.0), start=(0.3, 0.9)),
    Parameter("gamma", "exponent of the learning rate in it", bounds=(0.0, 3.0), start=(0.3, 0.9)),
)
NAMES = tuple(parameter.name for parameter in PARAMETERS)
FORMULA = (
    "L0 + A * S(t)**-alpha"
    " + B * sum_k((lr_k - lr_(k-1)) * (1 - (1 + C * lr_k**-gamma * S_k(t))**-beta))"
)


def _published(key: str, values: tuple[float, ...]) -> Published:
    return Published(
        key=key,
        values=dict(zip(NAMES, values, strict=True)),
        source="Luo et al. 2025, arXiv 2503.12811, repository MultiPowerLaw (README)",
        confidence="V",
        n="total",
        loss_unit="nats/token",
        range={"S": (2160.0, 24000.0)},
        notes=(
            "Fitted to a cosine, a constant and a two-stage run of 24,000 steps or fewer with peak "
            "learning rate 3e-4 and 2,160 warm-up steps. S is optimiser steps."
        ),
    )


PUBLISHED = (
    _published("25M", (3.04045, 0.52469, 0.50787, 363.788, 2.06561, 0.58279, 0.64142)),
    _published("100M", (2.65145, 0.60115, 0.45296, 437.946, 2.13246, 0.59785, 0.65524)),
    _published("400M", (2.37474, 0.65421, 0.42879, 523.425, 2.02463, 0.59350, 0.63472)),
)


@dataclass(frozen=True)
class Passage:
    """What a schedule has done by the steps that are asked for: all that the law needs of it.

    Changes of the learning rate are gathered into blocks of neighbouring steps, one entry each;
    an increase and a decrease never share a block.

    Attributes:
        step: the steps asked for (m,).
        lr_sum: sum of learning rates up to and with each (m,).
        row: which of these steps a block belongs to (k,).
        change: summed change of the learning rate in the block (k,).
        log_since: logarithm of the sum of learning rates from the block up to the step (k,).
        log_lr: logarithm of the learning rate after the change (k,).
    """

    step: Ints
    lr_sum: Array
    row: Ints
    change: Array
    log_since: Array
    log_lr: Array


def passage(lr: ArrayLike, step: ArrayLike, growth: float = GROWTH) -> Passage:
    """Follow a schedule to the given steps.

    The kernel G bends slowly in ``S_k``, so a block of changes acts from its centre of mass. Blocks
    widen with their distance: work grows with the logarithm of the length, not with the length.

    Args:
        lr: learning rate of every step from step 0 on (T,), not negative; see ``schedules``.
        step: where the loss is wanted (m,), whole numbers from 0 to T - 1.
        growth: width of a block as a share of its distance, both in steps.

    Raises:
        InputError: the schedule is not one of learning rates, or a step is outside of it.
    """
    rates, steps = _checked(lr, step)
    spent = np.cumsum(rates)
    moved = np.diff(rates, prepend=rates[0])
    before = np.concatenate([[0.0], spent[:-1]])
    log_rates = np.log(np.maximum(rates, ROUNDING * rates.max()))
    edges = _edges(steps, log_rates, growth)
    rows: list[Ints] = []
    parts: list[tuple[Array, Array, Array]] = []
    for sign in (1.0, -1.0):
        weight = np.maximum(sign * moved, 0.0)
        totals = [np.cumsum(weight * part) for part in (np.ones_like(weight), before, log_rates)]
        mass, moment, tilt = (total[edges[:, :-1]] - total[edges[:, 1:]] for total in totals)
        row, column = np.nonzero(mass > ROUNDING * rates.max())
        mass = mass[row, column]
        since = np.maximum(spent[steps[row]] - moment[row, column] / mass, NOTHING)
        rows.append(row)
        parts.append((sign * mass, np.log(since), tilt[row, column] / mass))
    change, log_since, log_lr = (np.concatenate(pair) for pair in zip(*parts, strict=True))
    return Passage(
        step=steps,
        lr_sum=spent[steps],
        row=np.concatenate(rows),
        change=change,
        log_since=log_since,
        log_lr=log_lr,
    )


def loss_curve(theta: Mapping[str, float] | ArrayLike, way: Passage) -> Array:
    """The loss at each step of a passage (m,), in the unit that ``theta`` was fitted in.

    Args:
        theta: parameters by name, or in the order of ``NAMES``.
        way: from ``passage``.

    Raises:
        InputError: a parameter is missing.
    """
    level, a, alpha, b, *_ = values = parameters(theta)
    gain, _, _ = _kernel(values, way)
    return level + a * way.lr_sum**-alpha + b * _gather(way, way.change * gain)


def gradient(theta: Mapping[str, float] | ArrayLike, way: Passage) -> tuple[Array, Array]:
    """The loss at each step (m,), and its derivatives by the parameters, as ``NAMES`` (m, 7)."""
    level, a, alpha, b, c, beta, _ = values = parameters(theta)
    gain, log_growth, rise = _kernel(values, way)
    power = way.lr_sum**-alpha
    saved = _gather(way, way.change * gain)
    falling = (1 - gain) * log_growth
    columns = [
        np.ones_like(power),
        power,
        -a * np.log(way.lr_sum) * power,
        saved,
        b / c * _gather(way, way.change * beta * rise),
        b * _gather(way, way.change * falling),
        -b * _gather(way, way.change * beta * rise * way.log_lr),
    ]
    return level + a * power + b * saved, np.stack(columns, axis=1)


def parameters(theta: Mapping[str, float] | ArrayLike) -> Array:
    """Parameters as an array in the order of ``NAMES``.

    Raises:
        InputError: one is missing, or there are too many.
    """
    if isinstance(theta, Mapping):
        missing = [name for name in NAMES if name not in theta]
        if missing:
            raise InputError(
                f"the multi-power law needs a value for {', '.join(missing)}.",
                code="missing_parameter",
                where=Where(field=missing[0]),
                hint=f"Its parameters are {', '.join(NAMES)}.",
            )
        return np.array([float(theta[name]) for name in NAMES])
    values = np.asarray(theta, dtype=np.float64)
    if values.shape != (len(NAMES),):
        raise InputError(
            f"found parameters of shape {values.shape} where {len(NAMES)} numbers are expected.",
            code="bad_parameters",
            where=Where(field="theta"),
            hint=f"In this order: {', '.join(NAMES)}.",
        )
    return values


def _kernel(values: Array, way: Passage) -> tuple[Array, Array, Array]:
    """G of each block, log(1 + C x), and the derivative of G by log x divided by beta."""
    _, _, _, _, c, beta, gamma = values
    x = c * np.exp(np.minimum(way.log_since - gamma * way.log_lr, LARGEST))
    log_growth = np.log1p(x)
    left = np.exp(-beta * log_growth)
    return 1 - left, log_growth, left * x / (1 + x)


def _gather(way: Passage, values: Array) -> Array:
    """Sums over the blocks of each step (m,)."""
    sums = np.bincount(way.row, weights=values, minlength=len(way.step))
    return sums.astype(np.float64)


def _edges(steps: Ints, log_lr: Array, growth: float) -> Ints:
    """Where blocks end, per step asked for, descending (m, edges)."""
    lags, lag = [0], 0
    longest = int(steps.max())
    while lag < longest:
        lag = max(lag + 1, int(lag * (1 + growth)))
        lags.append(lag)
    # Within a block the learning rate may hardly change, however far back the block is.
    level = np.floor(log_lr / TURN)
    turns = np.flatnonzero(np.diff(level) != 0)
    ends = np.concatenate(
        [steps[:, None] - np.array(lags), np.minimum(turns, steps[:, None])], axis=1
    )
    return -np.sort(-np.maximum(ends, 0), axis=1)


def _checked(lr: ArrayLike, step: ArrayLike) -> tuple[Array, Ints]:
    rates = np.asarray(lr, dtype=np.float64)
    if rates.ndim != 1 or not np.all(np.isfinite(rates) & (rates >= 0)) or not np.any(rates > 0):
        raise InputError(
            "a schedule is one learning rate of at least zero per step, some of them positive.",
            code="bad_schedule",
            where=Where(field="lr"),
        )
    given = np.asarray(step)
    steps = np.atleast_1d(given).astype(np.int64)
    if not np.all(steps == np.atleast_1d(given)) or not np.all((steps >= 0) & (steps < len(rates))):
        raise InputError(
            f"steps must be whole numbers from 0 to {len(rates) - 1}, the last of the schedule.",
            code="bad_step",
            where=Where(field="step"),
        )
    if not rates[: int(steps.min()) + 1].any():
        raise InputError(
            f"no learning rate has been spent by step {int(steps.min())}, and the law says nothing "
            "of an untrained model.",
            code="bad_step",
            where=Where(field="step"),
        )
    return rates, steps
