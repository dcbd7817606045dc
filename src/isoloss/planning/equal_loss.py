"""Which runs reach a given loss? The curve of equal loss, and its cheapest point.

Laws are taken to fall with N and with D, each at fixed other. All functions work on many
parameter vectors at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isoloss.laws.bisection import crossing
from isoloss.laws.optimum import HALVINGS, Surface, chunks, turning

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Runs beyond these are out of reach of any law and any budget.
MOST_PARAMS = 1e20
MOST_TOKENS = 1e30
_FINE = 60  # halvings of 69 e-folds: to the last digit
_ROUGH = 24
_STEP = 0.5  # of log N in the first look


def tokens_at_loss(
    surface: Surface, theta: Array, params: Array, loss: float | Array, halvings: int = _FINE
) -> Array:
    """The tokens at which the law reaches a loss; infinite where none do. Arguments broadcast."""

    def reached(log_tokens: Array) -> Bools:
        return surface.law.value(theta, surface.run(params, np.exp(log_tokens))) <= loss

    return _first(
        reached, np.broadcast_shapes(theta.shape[1:], params.shape), MOST_TOKENS, halvings
    )


def params_at_loss(surface: Surface, theta: Array, tokens: Array, loss: float) -> Array:
    """The size at which the law reaches a loss; infinite where none does. Arguments broadcast."""

    def reached(log_params: Array) -> Bools:
        return surface.law.value(theta, surface.run(np.exp(log_params), tokens)) <= loss

    shape = np.broadcast_shapes(theta.shape[1:], tokens.shape)
    return _first(reached, shape, MOST_PARAMS, _FINE)


def params_at_flop(surface: Surface, per_token: Array) -> Array:
    """The size whose FLOP per token are these."""

    def beyond(log_params: Array) -> Bools:
        return surface.rule.per_token(np.exp(log_params)) >= per_token

    return _first(beyond, per_token.shape, MOST_PARAMS, _FINE)


def _first(
    beyond: Callable[[Array], Bools], shape: tuple[int, ...], most: float, halvings: int
) -> Array:
    """The smallest count from 1 to ``most`` from which on ``beyond`` holds, or infinity."""
    left, right = np.zeros(shape), np.full(shape, np.log(most))
    ever = beyond(right)
    return np.where(ever, np.exp(crossing(beyond, left, right, halvings)), np.inf)


def cheapest(
    surface: Surface, theta: Array, loss: float | Array, low: float
) -> tuple[Array, Array]:
    """The run of least compute that reaches a loss, under each parameter vector.

    Along the curve of equal loss, compute falls with N as long as the loss at equal compute does,
    so the turn is the run that a plan of that compute finds.

    Args:
        surface: law, FLOP per token and unique tokens.
        theta: parameters (P, K).
        loss: the loss to reach, one number or (K,).
        low: smallest N to consider.

    Returns:
        N and D (K,), both infinite where there is no such run.
    """
    count = max(2, int(np.ceil(np.log(MOST_PARAMS / low) / _STEP)))
    grid = np.log(low) + np.log(MOST_PARAMS / low) / count * np.arange(count + 1)
    targets = np.broadcast_to(np.asarray(loss, dtype=np.float64), theta.shape[1:])
    parts = [
        _cheapest(surface, theta[:, rows], targets[rows], grid)
        for rows in chunks(theta.shape[1], count)
    ]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _cheapest(surface: Surface, theta: Array, loss: Array, grid: Array) -> tuple[Array, Array]:
    def look(theta: Array, log_params: Array, loss: Array, halvings: int) -> tuple[Array, Array]:
        """The slope of loss at equal compute, and the compute, along the curve of equal loss."""
        params = np.exp(log_params)
        tokens = tokens_at_loss(surface, theta, params, loss, halvings)
        flop = surface.rule.per_token(params) * np.minimum(tokens, MOST_TOKENS)
        return surface.slope(theta, params, flop)[1], np.where(np.isinf(tokens), np.inf, flop)

    slope, flop = look(theta[:, :, None], grid, loss[:, None], _ROUGH)
    turns, since = turning(np.broadcast_to(loss[:, None], slope.shape), slope)
    turns &= np.isfinite(flop[:, 1:])
    chosen = np.argmin(np.where(turns, flop[:, 1:], np.inf), axis=1)
    between = grid[since[np.arange(len(chosen)), chosen]], grid[chosen + 1]
    log_params = crossing(lambda at: look(theta, at, loss, _FINE)[0] >= 0, *between, HALVINGS)
    params = np.exp(log_params)
    tokens = tokens_at_loss(surface, theta, params, loss)
    there = turns.any(axis=1) & np.isfinite(tokens)
    return np.where(there, params, np.inf), np.where(there, tokens, np.inf)
