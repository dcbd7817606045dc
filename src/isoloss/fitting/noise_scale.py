"""How noisy is a gradient? The noise scale from gradient norms at two batch sizes.

The squared norm of a gradient over a batch B is on average ``|G|^2 + tr(Sigma) / B``. Two batches
give both parts, and their ratio ``B_simple = tr(Sigma) / |G|^2`` is near the critical batch
(McCandlish et al. 2018, arXiv 1812.06162).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting.hyperbola import LARGEST
from isoloss.fitting.quantity import Quantity, from_draws

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NoiseScale:
    """The noise scale of a gradient, in the unit of the batches.

    Attributes:
        batch_simple: tr(Sigma) / |G|^2; its upper end is infinite where |G|^2 may be zero.
        signal: |G|^2, the squared norm of the true gradient.
        noise: tr(Sigma), the variance of a gradient over a batch of one.
        signal_se: standard error of ``signal``; NaN for single measurements.
        noise_se: standard error of ``noise``; likewise.
        batch_small: the smaller batch.
        batch_big: the larger one.
        n_small: measurements at the smaller.
        n_big: measurements at the larger.
        level: of the interval.
        seed: of its draws.
    """

    batch_simple: Quantity
    signal: float
    noise: float
    signal_se: float
    noise_se: float
    batch_small: float
    batch_big: float
    n_small: int
    n_big: int
    level: float
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {**vars(self), "batch_simple": self.batch_simple.to_dict()}


def noise_scale(
    batch_small: float,
    batch_big: float,
    small: ArrayLike,
    big: ArrayLike,
    *,
    squared: bool = False,
    level: float = 0.9,
    draws: int = 4000,
    seed: int = 0,
) -> NoiseScale:
    """The noise scale from gradient norms measured at two batch sizes, at the same weights.

    Norms are squared before they are averaged: the mean of norms would be biased. With repeated
    measurements, standard errors and an interval follow from their scatter; means are drawn anew
    with Student's t for the number of repetitions, and a draw with no gradient left counts as an
    infinite noise scale.

    Args:
        batch_small: the smaller batch; tokens or sequences, as the larger.
        batch_big: the larger batch.
        small: norms |G| at the smaller batch, one or several.
        big: norms at the larger batch.
        squared: the norms are squared already.
        level: nominal coverage of the interval.
        draws: how many.
        seed: of the draws.

    Raises:
        InputError: a number is not positive and finite, or the batches are not in order.
        EvidenceError: |G|^2 or the noise comes out negative.
    """
    for name, value in (("batch_small", batch_small), ("batch_big", batch_big)):
        _require_positive([value], name)
    if batch_small >= batch_big:
        raise InputError(
            f"found batches {batch_small:g} and {batch_big:g} where the second must be larger.",
            code="bad_order",
            where=Where(field="batch_big"),
        )
    norms = [np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (small, big)]
    for name, values in (("small", norms[0]), ("big", norms[1])):
        _require_positive([float(value) for value in values], name)
    low, high = norms if squared else [values**2 for values in norms]
    means = np.array([low.mean(), high.mean()])
    errors = np.array([_standard_error(low), _standard_error(high)])
    to_signal, to_noise = _weights(batch_small, batch_big)
    signal, noise = float(to_signal @ means), float(to_noise @ means)
    signal_se, noise_se = (float(np.sqrt(np.sum((w * errors) ** 2))) for w in (to_signal, to_noise))
    _require_signal(signal, signal_se, noise, noise_se)
    drawn = np.empty(0)
    if min(len(low), len(high)) > 1:
        rng = np.random.default_rng(seed)
        noisy = [rng.standard_t(len(values) - 1, draws) for values in (low, high)]
        around = means[:, None] + errors[:, None] * np.stack(noisy)
        signals, noises = to_signal @ around, np.maximum(to_noise @ around, 0.0)
        drawn = np.where(signals > 0, noises / np.where(signals > 0, signals, 1.0), np.inf)
    return NoiseScale(
        batch_simple=from_draws(noise / signal, drawn, level),
        signal=signal,
        noise=noise,
        signal_se=signal_se,
        noise_se=noise_se,
        batch_small=float(batch_small),
        batch_big=float(batch_big),
        n_small=len(low),
        n_big=len(high),
        level=level,
        seed=seed,
    )


def _weights(small: float, big: float) -> tuple[Array, Array]:
    """What |G|^2 and tr(Sigma) take from the two mean squared norms."""
    signal = np.array([-small, big]) / (big - small)
    noise = np.array([1.0, -1.0]) / (1.0 / small - 1.0 / big)
    return signal, noise


def _standard_error(values: Array) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def _require_signal(signal: float, signal_se: float, noise: float, noise_se: float) -> None:
    if noise <= 0:
        raise EvidenceError(
            f"the gradient does not shrink from the smaller to the larger batch: the noise comes "
            f"out as {noise:.3g}{_plus_minus(noise_se)}, which cannot be negative.",
            code="negative_noise",
            hint="Measure more gradients at the same weights, or batches further apart.",
        )
    if signal <= 0:
        raise EvidenceError(
            f"the squared gradient |G|^2 comes out as {signal:.3g}{_plus_minus(signal_se)}, which "
            "cannot be negative: at these batches the norms are nearly all noise.",
            code="negative_gradient",
            hint="Measure more gradients, or a larger second batch.",
        )


def _plus_minus(error: float) -> str:
    return "" if math.isnan(error) else f" (standard error {error:.2g})"


def _require_positive(values: Sequence[float], field: str) -> None:
    if not values:
        raise InputError("no norm is given.", code="missing_argument", where=Where(field=field))
    for row, value in enumerate(values, start=1):
        if not 1.0 / LARGEST <= value <= LARGEST:
            raise InputError(
                f"found {value:g} where a positive number of at most {LARGEST:g} is expected.",
                code="not_positive",
                where=Where(row=row if len(values) > 1 else None, field=field),
            )
