"""Which power laws go through the optima of a few budgets, and how sure are they?

The optima of the budgets err in two ways. The noise of the runs moves each of them; refits show
how far. And the budgets may differ in more than compute (a schedule or a learning rate that suits
some of them better), which moves an optimum as a whole and leaves no trace in the residuals of its
curve. That second part is the scatter of the optima about their line beyond what the noise of the
runs explains, estimated as in a meta-analysis (Paule & Mandel 1982), with one Student-t radius
per draw for the small number of budgets. A budget counts by the inverse of both variances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MIN_BUDGETS = 3  # two points always lie on a line
BISECTIONS = 80


@dataclass(frozen=True)
class Frontier:
    """Lines log N* = log G + a log C and log D* = log H + b log C.

    Attributes:
        line: log G, a, log H, b.
        draws: the same for runs as they could have been (n_draws, 4).
        noise: standard deviation of log N* that the noise of the runs explains, in the middle.
        scatter: standard deviation of log N* between budgets that it does not explain.
        lost: share of optima of the draws that do not exist.
    """

    line: Array
    draws: Array
    noise: float
    scatter: float
    lost: float


@dataclass(frozen=True)
class Optima:
    """Places of the optima of G budgets, and how the noise of the runs moves them.

    Attributes:
        log_c: (G,).
        log_n: log N* (G,).
        log_d: log D* (G,).
        covariance: of log N* by the noise of the runs (G, G); zero where it is unknown.
        own: its variance by the runs of the budget alone (G,).
    """

    log_c: Array
    log_n: Array
    log_d: Array
    covariance: Array
    own: Array


def through(optima: Optima, drawn_n: Array, drawn_d: Array, seed: int) -> Frontier:
    """Lines through optima, by weighted least squares.

    Args:
        optima: of at least three budgets.
        drawn_n: log N* of refits (R, G), infinite where a refit has no minimum; R may be 0.
        drawn_d: log D* of the refits.
        seed: of the draws.
    """
    log_c = optima.log_c
    scatter = _scatter(optima)
    variance = optima.own + scatter**2
    # Without noise every budget says the same, and all count alike.
    exact = variance.max() <= 1e-20
    weights = np.ones(len(log_c)) if exact else 1 / np.maximum(variance, 1e-6 * variance.max())
    exists = np.isfinite(drawn_n) & np.isfinite(drawn_d)
    usable = exists.sum(axis=1) >= MIN_BUDGETS
    lost = 1.0 - float(exists.mean()) if exists.size else 0.0
    drawn_n = np.where(exists, drawn_n, np.nan)[usable]
    drawn_d = np.where(exists, drawn_d, np.nan)[usable]
    if scatter > 0:
        rng = np.random.default_rng([seed, 2])
        freedom = len(log_c) - 2
        radius = np.sqrt(freedom / rng.chisquare(freedom, size=(len(drawn_n), 1)))
        shift = scatter * radius * rng.standard_normal(drawn_n.shape)
        # A budget that prefers larger models has fewer tokens left for them.
        drawn_n, drawn_d = drawn_n + shift, drawn_d - shift
    return Frontier(
        line=_lines(log_c, np.stack([optima.log_n, optima.log_d]), weights).ravel(),
        draws=np.concatenate([_lines(log_c, drawn, weights) for drawn in (drawn_n, drawn_d)], 1),
        noise=float(np.sqrt(np.median(np.diag(optima.covariance)))),
        scatter=scatter,
        lost=lost,
    )


def _lines(log_c: Array, values: Array, weights: Array) -> Array:
    """Intercept and slope (R, 2) by weighted least squares; NaN marks what is missing."""
    weight = np.where(np.isfinite(values), weights, 0.0)
    known = np.where(np.isfinite(values), values, 0.0)
    total = weight.sum(axis=1, keepdims=True)
    middle_c = (weight * log_c).sum(axis=1, keepdims=True) / total
    middle = (weight * known).sum(axis=1, keepdims=True) / total
    run = log_c - middle_c
    slope = (weight * run * (known - middle)).sum(axis=1) / (weight * run**2).sum(axis=1)
    return np.stack([middle[:, 0] - slope * middle_c[:, 0], slope], axis=1)


def _scatter(optima: Optima) -> float:
    """The Paule-Mandel estimate: with it, the misfit of the line is as large as expected."""
    freedom = len(optima.log_c) - 2
    centred = optima.log_c - optima.log_c.mean()
    left, _, _ = np.linalg.svd(np.stack([np.ones(len(centred)), centred], axis=1))
    off_line = left[:, 2:]
    noise, directions = np.linalg.eigh(off_line.T @ optima.covariance @ off_line)
    if noise.max() <= 0:
        return 0.0
    noise = np.maximum(noise, 1e-12 * noise.max())
    square = (directions.T @ (off_line.T @ optima.log_n)) ** 2
    if float((square / noise).sum()) <= freedom:
        return 0.0
    low, high = 0.0, float(square.sum())
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        too_small = float((square / (noise + middle)).sum()) > freedom
        low, high = (middle, high) if too_small else (low, middle)
    return float(np.sqrt(high))
