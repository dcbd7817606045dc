"""Mixing: what the loss on one domain becomes when the training data are mixed from several.

``L(r) = c + k exp(t_1 r_1 + ... + t_d r_d)`` for the proportions r of the training domains (Ye et
al. 2024, arXiv 2403.16952). Proportions add up to one, so a constant added to all t is the same as
a factor in k: here k is taken into t, ``L(r) = c + exp(t . r)``, and shown with t of mean zero.

The functions work on many parameter vectors at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def mixing_loss(floor: Array, pull: Array, shares: Array) -> Array:
    """The loss (..., m) on one domain.

    Args:
        floor: c (...,).
        pull: t with log k taken in (..., d).
        shares: proportions of the training domains (m, d), each row adding up to one.
    """
    with np.errstate(over="ignore"):
        return floor[..., None] + np.exp(pull @ shares.T)


def mixing_slope(pull: Array, share: Array) -> Array:
    """How the loss changes with each proportion, all others held (..., d).

    Args:
        pull: t with log k taken in (..., d).
        share: one mixture (d,).
    """
    with np.errstate(over="ignore"):
        return np.exp(pull @ share)[..., None] * pull


def centred(pull: Array) -> tuple[Array, Array]:
    """The law as printed: k (...,), and t of mean zero (..., d)."""
    mean = pull.mean(axis=-1)
    return np.exp(mean), pull - mean[..., None]
