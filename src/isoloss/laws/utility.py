"""Utility of a data pool, and how it fades as the pool is read again.

``y_K = a n_1^b1 (n_2/n_1)^b2 ... (n_K/n_(K-1))^bK + d`` with ``b_(k+1) = b (1/2)^(k/tau)`` after k
passes, at a fixed size of model (Goyal et al. 2024, arXiv 2404.07177). n_j are the tokens seen by
the end of pass j, in units of ``unit`` tokens, where all pools start from the same loss a + d; b is
negative, and more so for better data; tau is the number of passes after which it is halved.

The authors' code multiplies d by the product of later passes as well; here it stays outside, as in
the paper's formula.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Base:
    """What all pools share.

    Attributes:
        scale: a, loss above the floor at one unit.
        unit: tokens of one unit.
        floor: d.
    """

    scale: float
    unit: float
    floor: float


def fading(utility: ArrayLike, half_life: ArrayLike, passes: ArrayLike) -> Array:
    """The utility b of a pool after so many passes over it."""
    halved = np.asarray(passes, dtype=np.float64) / np.asarray(half_life, dtype=np.float64)
    return np.asarray(utility, dtype=np.float64) * 0.5**halved


def pool_loss(
    base: Base, utility: ArrayLike, half_life: ArrayLike, pool: ArrayLike, tokens: ArrayLike
) -> Array:
    """The loss after training on tokens of one pool; arguments broadcast.

    Args:
        base: what all pools share.
        utility: b.
        half_life: tau, in passes.
        pool: its tokens.
        tokens: seen in training; more than ``pool`` reads it again, the last time in part.
    """
    b, tau, size = (np.asarray(x, dtype=np.float64)[None] for x in (utility, half_life, pool))
    return mixed_loss(base, b, tau, size, tokens)


def mixed_loss(
    base: Base,
    utility: ArrayLike,
    half_life: ArrayLike,
    pools: ArrayLike,
    tokens: ArrayLike,
) -> Array:
    """The loss after training on the union of pools, each token as likely as any other.

    The utility of a pass is the mean over pools of ``b_i (1/2)^(k / tau_i')``, each with the
    half-life ``tau_i' = tau_i / share_i``; p pools of one size give tau' = p tau, as in the paper.
    Unequal sizes weigh pools by their share, which the paper does not treat.

    Args:
        base: what all pools share.
        utility: b, one per pool along the first axis.
        half_life: tau, likewise.
        pools: tokens of the pools, likewise.
        tokens: seen in training; broadcasts with what follows the first axis.
    """
    b, tau, sizes = (np.asarray(x, dtype=np.float64) for x in (utility, half_life, pools))
    seen = np.asarray(tokens, dtype=np.float64)
    total = sizes.sum(axis=0)
    share = sizes / total
    read = seen / total
    first = np.minimum(seen, total) / base.unit
    log_gain = np.sum(share * b, axis=0) * np.log(first)
    most = int(np.ceil(np.max(read)))
    for passes in range(1, most):
        effective = np.sum(share * fading(b, tau / share, passes), axis=0)
        log_gain = log_gain + effective * np.log(np.clip(read, passes, passes + 1) / passes)
    return base.floor + base.scale * np.exp(log_gain)
