"""What does approach 2 draw through the runs of each budget? Its curves, ready to plot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.isoflop import budget_profiles
from isoloss.fitting.isoflop_curves import fit_curves
from isoloss.fitting.isoflop_profile import Profile, relative
from isoloss.fitting.sweep import near_best
from isoloss.runs import Points

Array = NDArray[np.float64]
STEPS = 60
WIDER = 1.15  # beyond the smallest and the largest size of the budget


@dataclass(frozen=True)
class ProfileLine:
    """The curve through the runs of one budget.

    Attributes:
        flop: the budget.
        params: sizes along the curve (m,).
        loss: losses there (m,).
    """

    flop: float
    params: Array
    loss: Array


def isoflop_lines(
    points: Points, shape: str = "slices", *, within: float | None = 16.0
) -> tuple[ProfileLine, ...]:
    """The curves that ``isoflop`` puts through the budgets, ascending in compute.

    Args:
        points: with N, D and C of every run.
        shape: ``slices``, ``cubic`` or ``parabola``.
        within: of each budget only sizes within this factor of the best count; None keeps all.

    Raises:
        EvidenceError: fewer than three budgets have enough sizes.
    """
    kept, profiles, _ = budget_profiles(near_best(points, within)[0], shape)
    losses = relative(profiles, kept.loss)
    curves = fit_curves(profiles, losses[None], shape)
    lines = [_line(each, curves.fitted[0], curves.exponents[0], shape) for each in profiles]
    return tuple(sorted(lines, key=lambda line: line.flop))


def _line(each: Profile, fitted: Array, exponents: Array, shape: str) -> ProfileLine:
    """The curve again, from its values at the runs: it is linear in terms that are known."""
    low, high = float(each.log_n.min()) - np.log(WIDER), float(each.log_n.max()) + np.log(WIDER)
    u: Array = low + (high - low) / (STEPS - 1) * np.arange(STEPS, dtype=np.float64)
    here = _terms(each.log_n, each.log_d, exponents, shape)
    there = _terms(u, -each.trade * u, exponents, shape)
    weights = np.linalg.lstsq(here, fitted[each.rows], rcond=None)[0]
    return ProfileLine(each.flop, np.exp(each.centre_n + u), each.scale * (there @ weights))


def _terms(log_n: Array, log_d: Array, exponents: Array, shape: str) -> Array:
    if shape == "slices":
        alpha, beta = exponents
        return np.stack([np.ones_like(log_n), np.exp(-alpha * log_n), np.exp(-beta * log_d)], 1)
    return np.vander(log_n, 3 if shape == "parabola" else 4)
