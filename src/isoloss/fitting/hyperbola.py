"""How do steps to a target fall with the batch? The hyperbola of steps and tokens.

``(S / S_min - 1) (E / E_min - 1) = 1`` with S steps and E = B S tokens is the same as
``S = S_min (1 + B_crit / B)`` with ``B_crit = E_min / S_min`` (McCandlish et al. 2018, arXiv
1812.06162; Kaplan et al. 2020, eq. 5.1). It is fitted to the logarithm of steps, where runs of all
batches weigh the same; the batch is known exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting.quantity import Quantity, from_draws

Array = NDArray[np.float64]

MIN_BATCHES = 3
# The critical batch is looked for this far beyond the batches tried; at the ends it counts as open.
WIDER = 1e4
# Beyond this no run lies, and its powers leave the range of floating-point numbers.
LARGEST = 1e30
_GRID = 161
_ITERATIONS = 40


@dataclass(frozen=True)
class Hyperbola:
    """Steps to one target as a function of the batch.

    Attributes:
        target: what was reached, for people; empty where the table has one target.
        steps_min: S_min, the steps that an endless batch would take.
        tokens_min: E_min, the tokens that a tiny batch would take.
        batch_crit: B_crit, the batch that takes twice both.
        batch_tokens: the batches tried, one per run.
        steps: what they took.
        draws: log S_min and log B_crit of the redrawn tables, (draws, 2).
        rms_log: what the curve misses, root mean square of log steps over degrees of freedom.
        level: of the intervals.
        seed: of the draws.
    """

    target: str
    steps_min: Quantity
    tokens_min: Quantity
    batch_crit: Quantity
    batch_tokens: Array
    steps: Array
    draws: Array
    rms_log: float
    level: float
    seed: int

    @property
    def n_runs(self) -> int:
        """How many runs."""
        return len(self.steps)

    def steps_at(self, batch_tokens: float) -> Quantity:
        """Steps to the target at a batch."""
        estimate = self.steps_min.estimate * (1.0 + self.batch_crit.estimate / batch_tokens)
        return from_draws(estimate, self._drawn(batch_tokens), self.level)

    def tokens_at(self, batch_tokens: float) -> Quantity:
        """Tokens to the target at a batch."""
        steps = self.steps_at(batch_tokens)
        lo, hi = batch_tokens * steps.lo, batch_tokens * steps.hi
        return Quantity(batch_tokens * steps.estimate, lo, hi, self.level)

    def _drawn(self, batch_tokens: float) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.exp(self.draws[:, 0]) * (1.0 + np.exp(self.draws[:, 1]) / batch_tokens)


def fit_hyperbola(
    batch_tokens: ArrayLike,
    steps: ArrayLike,
    *,
    target: str = "",
    level: float = 0.9,
    draws: int = 2000,
    seed: int = 0,
) -> Hyperbola:
    """Fit the hyperbola to runs that reached one target at several batches.

    Intervals: tables are drawn anew around the curve with normal noise in log steps, whose own
    spread is drawn too, because few runs do not settle it (scaled inverse chi-square); each is
    fitted again.

    Args:
        batch_tokens: batch of each run, (runs,).
        steps: steps that it took to the target, (runs,).
        target: what was reached, for people.
        level: nominal coverage of the intervals.
        draws: how many tables; 0 for none.
        seed: of the draws.

    Raises:
        InputError: a number is not positive and finite, or the lengths differ.
        EvidenceError: fewer than three batches, or the critical batch lies outside of them.
    """
    batch, taken = (np.asarray(values, dtype=np.float64) for values in (batch_tokens, steps))
    _check(batch, taken)
    named = f" for {target}" if target else ""
    if len(np.unique(batch)) < MIN_BATCHES:
        raise EvidenceError(
            f"{len(np.unique(batch))} different batches{named} are too few: a curve of two numbers "
            f"needs at least {MIN_BATCHES}.",
            code="too_few_batches",
            where=Where(field="batch_tokens"),
            hint="Train at further batches, some well below and some well above the critical one.",
        )
    log_batch, log_steps = np.log(batch), np.log(taken)
    fitted = _fit(log_batch, log_steps[None, :])[0]
    log_min, log_crit = float(fitted[0]), float(fitted[1])
    _require_bracket(log_batch, log_crit, named)
    curve = log_min + np.logaddexp(0.0, log_crit - log_batch)
    freedom = len(batch) - 2
    variance = float(np.sum((log_steps - curve) ** 2)) / freedom
    rng = np.random.default_rng(seed)
    spread = np.sqrt(variance * freedom / rng.chisquare(freedom, size=(draws, 1)))
    drawn = _fit(log_batch, curve + spread * rng.standard_normal((draws, len(batch))))
    low, high = _search(log_batch)
    edge = np.where(drawn[:, 1] >= high, np.inf, np.where(drawn[:, 1] <= low, 0.0, np.nan))
    with np.errstate(over="ignore"):
        steps_drawn, crit_drawn = np.exp(drawn.T)
        tokens_drawn = np.exp(drawn.sum(axis=1))
    crit = np.where(np.isnan(edge), crit_drawn, edge)
    # At an upper end steps fall as 1 / B: only the tokens are known; at a lower end only the steps.
    smallest = np.where(np.isposinf(edge), 0.0, steps_drawn)
    least = np.where(edge == 0.0, 0.0, tokens_drawn)
    return Hyperbola(
        target=target,
        steps_min=from_draws(math.exp(log_min), smallest, level),
        tokens_min=from_draws(math.exp(log_min + log_crit), least, level),
        batch_crit=from_draws(math.exp(log_crit), crit, level),
        batch_tokens=batch,
        steps=taken,
        draws=drawn,
        rms_log=math.sqrt(variance),
        level=level,
        seed=seed,
    )


def _fit(log_batch: Array, log_steps: Array) -> Array:
    """Least squares in log steps for many tables at once.

    Args:
        log_batch: (runs,).
        log_steps: (tables, runs).

    Returns:
        log S_min and log B_crit, (tables, 2). For a given B_crit the best S_min is a mean, so only
        B_crit is searched: on a grid, then by Gauss-Newton steps no wider than the grid's.
    """
    low, high = _search(log_batch)
    grid = np.linspace(low, high, _GRID)
    shapes = np.logaddexp(0.0, grid[:, None] - log_batch)
    shapes -= shapes.mean(axis=1, keepdims=True)
    wanted = log_steps - log_steps.mean(axis=1, keepdims=True)
    misfit = np.sum(shapes**2, axis=1) - 2.0 * wanted @ shapes.T
    start = grid[np.argmin(misfit, axis=1)]
    crit, step = start, (high - low) / (_GRID - 1)
    for _ in range(_ITERATIONS):
        offset = crit[:, None] - log_batch
        rest = wanted - _centred(np.logaddexp(0.0, offset))
        slope = _centred(1.0 / (1.0 + np.exp(-offset)))
        move = np.sum(slope * rest, axis=1) / np.maximum(np.sum(slope**2, axis=1), 1e-300)
        crit = np.clip(crit + np.clip(move, -step, step), low, high)
        if np.all(np.abs(move) < 1e-13):
            break
    better = _misfit(wanted, log_batch, crit) <= _misfit(wanted, log_batch, start)
    crit = np.where(better, crit, start)
    least = np.mean(log_steps - np.logaddexp(0.0, crit[:, None] - log_batch), axis=1)
    return np.stack([least, crit], axis=1)


def _misfit(wanted: Array, log_batch: Array, crit: Array) -> Array:
    """Sum of squares per table."""
    return np.sum((wanted - _centred(np.logaddexp(0.0, crit[:, None] - log_batch))) ** 2, axis=1)


def _centred(values: Array) -> Array:
    return values - values.mean(axis=1, keepdims=True)


def _search(log_batch: Array) -> tuple[float, float]:
    """Where the logarithm of the critical batch is looked for."""
    return float(log_batch.min()) - math.log(WIDER), float(log_batch.max()) + math.log(WIDER)


def _require_bracket(log_batch: Array, log_crit: float, named: str) -> None:
    """Refuse where the runs see one arm of the hyperbola only."""
    from isoloss.runs import format_quantity

    smallest, largest = (format_quantity(math.exp(v)) for v in (log_batch.min(), log_batch.max()))
    if log_crit > log_batch.max():
        raise EvidenceError(
            f"steps{named} fall nearly as 1 / batch up to the largest batch, {largest} tokens: the "
            "critical batch is above it, and how far is not to be seen.",
            code="not_bracketed",
            where=Where(field="batch_tokens"),
            hint="Add runs at larger batches, until doubling the batch no longer halves the steps.",
        )
    if log_crit < log_batch.min():
        raise EvidenceError(
            f"steps{named} hardly fall with the batch from the smallest on, {smallest} tokens: the "
            "critical batch is below it, and how far is not to be seen.",
            code="not_bracketed",
            where=Where(field="batch_tokens"),
            hint="Add runs at smaller batches, until halving the batch doubles the steps.",
        )


def _check(batch: Array, steps: Array) -> None:
    if batch.shape != steps.shape or batch.ndim != 1:
        raise InputError(
            f"found {batch.shape} batches and {steps.shape} steps where one of each per run is "
            "expected.",
            code="bad_shape",
            where=Where(field="steps"),
        )
    for name, values in (("batch_tokens", batch), ("steps", steps)):
        bad = ~((values >= 1.0 / LARGEST) & (values <= LARGEST))
        if bad.any():
            raise InputError(
                f"found {values[bad][0]:g} where a positive number of at most {LARGEST:g} is "
                "expected.",
                code="not_positive",
                where=Where(row=int(np.argmax(bad)) + 1, field=name),
            )
