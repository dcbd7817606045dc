"""Many fits of the mixing law at once: a damped Gauss-Newton method on arrays.

For given pulls t the floor c is linear; starts come from a grid of floors below the smallest loss,
each with t by linear regression of log(L - c). The sum of squared residuals of the loss itself is
minimised; ``docs/reproductions/regmix.md`` has the comparison with log loss and a Huber corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from isoloss.laws.mixing import mixing_loss

Array = NDArray[np.float64]
FLOORS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.97)  # of the smallest loss
STEPS = 100
SETTLED = 1e-12  # relative change of the sum of squares
DAMPING = 1e-3
MOST_DAMPING = 1e12
RIDGE = 1e-12


@dataclass(frozen=True)
class Pulls:
    """Fits of the mixing law to one target.

    Attributes:
        floor: c (B,).
        pull: t with log k taken in (B, d).
        cost: sum of squared residuals (B,).
    """

    floor: Array
    pull: Array
    cost: Array


def solve_mixing(shares: Array, losses: Array) -> Pulls:
    """The best fit to one target from all starts (B = 1).

    Args:
        shares: proportions (n, d), rows adding up to one.
        losses: positive (n,).
    """
    floors = np.array(FLOORS) * losses.min()
    logs = np.log(losses - floors[:, None])
    pulls = cast("Array", np.linalg.lstsq(shares, logs.T, rcond=None)[0]).T
    found = refit_mixing(shares, losses, np.ones((len(floors), len(losses))), floors, pulls)
    best = int(np.argmin(found.cost))
    return Pulls(found.floor[[best]], found.pull[[best]], found.cost[[best]])


def refit_mixing(shares: Array, losses: Array, weights: Array, floor: Array, pull: Array) -> Pulls:
    """Minimise from one start per row.

    Args:
        shares: proportions (n, d).
        losses: (n,), or one row per fit (B, n).
        weights: of the runs, one row per fit (B, n); zero leaves a run out.
        floor: where c begins (B,).
        pull: where t begins (B, d).
    """
    size = shares.shape[1]
    products = (shares[:, :, None] * shares[:, None, :]).reshape(len(shares), -1)
    floor, pull = np.maximum(floor, 0.0).copy(), pull.copy()
    cost = _cost(shares, losses, weights, floor, pull)
    damping = np.full(len(floor), DAMPING)
    going = np.ones(len(floor), dtype=np.bool_)
    for _ in range(STEPS):
        matrix, right = _normal(shares, products, losses, weights, floor, pull)
        diagonal = np.einsum("bii->bi", matrix)
        unit = 1.0 / np.sqrt(np.maximum(diagonal, 1e-300))
        scaled = matrix * unit[:, :, None] * unit[:, None, :]
        scaled += (damping[:, None] + RIDGE)[:, :, None] * np.eye(size + 1)
        solved = cast("Array", np.linalg.solve(scaled, (right * unit)[:, :, None]))
        step = solved[:, :, 0] * unit
        new_floor, new_pull = np.maximum(floor + step[:, 0], 0.0), pull + step[:, 1:]
        new_cost = _cost(shares, losses, weights, new_floor, new_pull)
        better = going & (new_cost < cost)
        change = (cost - new_cost) / np.maximum(cost, 1e-300)
        floor = np.where(better, new_floor, floor)
        pull = np.where(better[:, None], new_pull, pull)
        cost = np.where(better, new_cost, cost)
        damping = np.clip(np.where(better, damping * 0.2, damping * 5.0), 1e-12, MOST_DAMPING)
        done = (better & (change < SETTLED)) | (~better & (damping >= MOST_DAMPING))
        going &= ~done
        if not going.any():
            break
    return Pulls(floor, pull, cost)


def _cost(shares: Array, losses: Array, weights: Array, floor: Array, pull: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        residual = losses - mixing_loss(floor, pull, shares)
        cost = np.sum(weights * residual**2, axis=1)
    return np.where(np.isfinite(cost), cost, np.inf)


def _normal(
    shares: Array, products: Array, losses: Array, weights: Array, floor: Array, pull: Array
) -> tuple[Array, Array]:
    """The normal equations (B, d + 1, d + 1) and their right sides."""
    size = shares.shape[1]
    rise = mixing_loss(np.zeros(len(floor)), pull, shares)
    residual = losses - floor[:, None] - rise
    matrix = np.empty((len(floor), size + 1, size + 1))
    matrix[:, 0, 0] = weights.sum(axis=1)
    matrix[:, 0, 1:] = matrix[:, 1:, 0] = (weights * rise) @ shares
    matrix[:, 1:, 1:] = ((weights * rise**2) @ products).reshape(-1, size, size)
    right = np.empty((len(floor), size + 1))
    right[:, 0] = np.sum(weights * residual, axis=1)
    right[:, 1:] = (weights * residual * rise) @ shares
    return matrix, right
