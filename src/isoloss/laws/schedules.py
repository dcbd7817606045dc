"""What is the learning rate at each step? The schedules of the field, one value per step.

Every schedule begins with a linear warm-up from zero (step 0) to the peak (the last warm-up step)
and has ``total_steps`` values. Learning rates are peak-scaled plain numbers, steps whole numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where

Array = NDArray[np.float64]


def constant(peak: float, total_steps: int, warmup_steps: int) -> Array:
    """The peak, held to the end (total_steps,).

    Raises:
        InputError: the peak is not positive, or the steps are out of order.
    """
    return _begin(peak, peak, total_steps, warmup_steps)


def cosine(peak: float, final: float, total_steps: int, warmup_steps: int) -> Array:
    """Half a cosine from the peak towards the final learning rate (Loshchilov and Hutter 2017).

    Raises:
        InputError: a learning rate is negative, or the steps are out of order.
    """
    lr = _begin(peak, final, total_steps, warmup_steps)
    share = _share(warmup_steps, total_steps)
    lr[warmup_steps:] = final + 0.5 * (peak - final) * (1 + np.cos(np.pi * share))
    return lr


def exponential_decay(
    peak: float, final: float, total_steps: int, warmup_steps: int, decay_start_step: int
) -> Array:
    """The peak until ``decay_start_step``, then geometrically towards ``final`` (WSD).

    Raises:
        InputError: a learning rate is not positive, or the steps are out of order.
    """
    lr = _begin(peak, final, total_steps, warmup_steps, decay_start_step)
    if not final > 0:
        raise _bad("final", final, "a positive learning rate")
    lr[decay_start_step:] = peak * (final / peak) ** _share(decay_start_step, total_steps)
    return lr


def linear_decay(
    peak: float, final: float, total_steps: int, warmup_steps: int, decay_start_step: int
) -> Array:
    """The peak until ``decay_start_step``, then in a straight line towards ``final``.

    Raises:
        InputError: a learning rate is negative, or the steps are out of order.
    """
    lr = _begin(peak, final, total_steps, warmup_steps, decay_start_step)
    lr[decay_start_step:] = peak - (peak - final) * _share(decay_start_step, total_steps)
    return lr


def two_stage(
    peak: float, final: float, total_steps: int, warmup_steps: int, second_start_step: int
) -> Array:
    """The peak until ``second_start_step``, then ``final`` at once.

    Raises:
        InputError: a learning rate is negative, or the steps are out of order.
    """
    lr = _begin(peak, final, total_steps, warmup_steps, second_start_step)
    lr[second_start_step:] = final
    return lr


def _begin(
    peak: float, final: float, total_steps: int, warmup_steps: int, change: int | None = None
) -> Array:
    """Warm-up and the peak to the end, with everything checked."""
    if not (np.isfinite(peak) and peak > 0):
        raise _bad("peak", peak, "a positive learning rate")
    if not (np.isfinite(final) and final >= 0):
        raise _bad("final", final, "a learning rate of at least zero")
    change = warmup_steps if change is None else change
    if not 0 <= warmup_steps <= change < total_steps:
        raise InputError(
            f"found warm-up {warmup_steps}, change at {change} and total {total_steps} steps where "
            "0 <= warm-up <= change < total is expected.",
            code="bad_schedule",
            where=Where(field="warmup_steps"),
        )
    lr = np.full(total_steps, float(peak))
    lr[:warmup_steps] = np.linspace(0.0, peak, warmup_steps)
    return lr


def _share(start: int, end: int) -> Array:
    """How much of a decay has passed at each of its steps, from 0 to just below 1."""
    return np.arange(end - start) / (end - start)


def _bad(field: str, value: float, expected: str) -> InputError:
    return InputError(
        f"found {value:g} where {expected} is expected.",
        code="bad_schedule",
        where=Where(field=field),
    )
