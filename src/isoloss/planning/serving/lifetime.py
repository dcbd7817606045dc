"""Which run reaches a loss with the least compute over training and serving?

A training token costs 6 N FLOP and a served one 2 N (Sardana et al. 2024, arXiv 2401.00448), so
serving costs as much as training on a third of the served tokens would. Prices and utilisation
only change that third. Everything here therefore minimises ``c(N) (D + S)``, with c the FLOP per
training token and S the served tokens in training tokens.

All functions work on many parameter vectors at once: arrays (K,), or (M, K) with sizes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.laws.bisection import crossing
from isoloss.laws.optimum import Surface, has_closed_form
from isoloss.planning.equal_loss import cheapest, params_at_flop, tokens_at_loss

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Look = Callable[[Array], tuple[Array, Array, Array]]

TRAINING_TOKENS_PER_SERVED = 1.0 / 3.0
"""2 N FLOP over 6 N FLOP: a served token has no backward pass."""

SMALLEST = 1e-6  # of N*: the least size that is looked at
GRID_STEP = 0.1  # of log N, for laws whose cost may have several minima
_ROUGH = 24
_FINE = 60
HALVINGS = 50


def elasticities(
    surface: Surface, theta: Array, params: Array, tokens: Array
) -> tuple[Array, Array]:
    """Slopes of the loss in log N at fixed D and in log D at fixed N; arguments broadcast."""
    x = surface.run(params, tokens)
    grows = surface.rule.slope(params)  # of FLOP per token
    by_n = {"N": 1.0, "D": 0.0, "C": grows, "U": 0.0}
    by_d = {"N": 0.0, "D": 1.0, "C": 1.0, "U": float(surface.unique_tokens is None)}
    with np.errstate(all="ignore"):
        _, *parts = surface.law.compiled.slope(tuple(theta), surface.law.log_variables(x))
        named = list(zip(surface.law.variables, parts, strict=True))
        one = sum(part * by_n[name] for name, part in named)
        other = sum(part * by_d[name] for name, part in named)
    return np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)


@dataclass(frozen=True)
class EqualLoss:
    """The runs that are as good as the compute-optimal one, under each parameter vector.

    Attributes:
        surface: law, FLOP per token and unique tokens.
        theta: parameters (P, K).
        params: N* (K,); not finite and positive where there is none.
        tokens: D* (K,).
    """

    surface: Surface
    theta: Array
    params: Array
    tokens: Array

    @cached_property
    def found(self) -> Bools:
        """Whether there is a compute-optimal run (K,)."""
        positive = (self.params > 0) & (self.tokens > 0)
        return positive & np.isfinite(self.params) & np.isfinite(self.tokens)

    @cached_property
    def _safe(self) -> tuple[Array, Array]:
        return np.where(self.found, self.params, 1.0), np.where(self.found, self.tokens, 1.0)

    @cached_property
    def loss(self) -> Array:
        """The loss of all these runs (K,); NaN where there are none."""
        value = self.surface.law.value(self.theta, self.surface.run(*self._safe))
        return np.where(self.found, value, np.nan)

    def tokens_at(self, params: Array, halvings: int = _FINE) -> Array:
        """The tokens at which models of these sizes are as good; infinite where none are."""
        best_n, best_d = self._safe
        with np.errstate(all="ignore"):
            if self.surface.law.additive is None:
                found = tokens_at_loss(self.surface, self.theta, params, self.loss, halvings)
            else:
                # A/N^alpha + B/D^beta stays what it is at the optimum.
                a, alpha, b, beta = (
                    self.theta[self.surface.law.names.index(name)]
                    for name in self.surface.law.additive
                )
                weight = a * best_n**-alpha / (b * best_d**-beta)
                left = 1.0 - weight * np.expm1(-alpha * np.log(params / best_n))
                found = np.where(left > 0, best_d * left ** (-1.0 / beta), np.inf)
        return np.where(self.found, found, np.inf)

    def cost(self, params: Array, tokens: Array, served: ArrayLike = 0.0) -> Array:
        """FLOP to train such a run and to serve S (in training tokens) with it."""
        return self.surface.rule.per_token(params) * (tokens + np.asarray(served))

    def rising(self, log_params: Array, served: Array, halvings: int = _FINE) -> Bools:
        """Whether the cost of training and serving rises with N there, along equal loss."""
        params = np.exp(log_params)
        tokens = self.tokens_at(params, halvings)
        there = np.isfinite(tokens)
        at = np.where(there, tokens, 1.0)
        by_n, by_d = elasticities(self.surface, self.theta, params, at)
        with np.errstate(all="ignore"):
            slope = self.surface.rule.slope(params) - at / (at + served) * by_n / by_d
        return there & (slope >= 0)


def least_cost(curve: EqualLoss, served: ArrayLike) -> tuple[Array, Array]:
    """The run of a loss that costs least to train and to serve (K,).

    Its elasticities obey ``eps_N / eps_D = 1 + S / D`` (for C = 6 N D), the condition of Sardana
    et al. with S = D_inf / 3; without serving it is the compute-optimal run itself.

    Args:
        curve: the runs of that loss.
        served: S, the served tokens in training tokens; zero or more, a number or (K,).

    Returns:
        N and D (K,), both infinite where the loss has no compute-optimal run.
    """
    amount = np.broadcast_to(np.asarray(served, dtype=np.float64), curve.found.shape)
    best_n = np.where(curve.found, curve.params, 1.0)
    # Serving only ever makes the best model smaller: N* is the upper end.
    right = np.log(best_n)
    left = right + np.log(SMALLEST)
    if not has_closed_form(curve.surface):
        left, right = _lowest_turn(curve, amount, left, right)
    inner = crossing(lambda at: curve.rising(at, amount), left, right, HALVINGS)
    params = np.where(amount > 0, np.exp(inner), best_n)
    tokens = np.where(amount > 0, curve.tokens_at(params), curve.tokens)
    there = curve.found & np.isfinite(tokens)
    return np.where(there, params, np.inf), np.where(there, tokens, np.inf)


def _lowest_turn(curve: EqualLoss, served: Array, left: Array, right: Array) -> tuple[Array, Array]:
    """Between which sizes the cost turns from falling to rising, where it is lowest there."""
    count = int(np.ceil(-np.log(SMALLEST) / GRID_STEP))
    grid = left + np.linspace(0.0, 1.0, count + 1)[:, None] * (right - left)
    rising = curve.rising(grid, served, _ROUGH)
    rising[-1] = True
    params = np.exp(grid)
    cost = curve.cost(params, curve.tokens_at(params, _ROUGH), served)
    turns = ~rising[:-1] & rising[1:]
    depth = np.where(turns, np.fmin(cost[:-1], cost[1:]), np.inf)
    chosen = np.argmin(depth, axis=0)
    rows = np.arange(len(chosen))
    return grid[chosen, rows], grid[chosen + 1, rows]


def lowest_loss(
    surface: Surface, theta: Array, flop: ArrayLike, served: ArrayLike, low: float
) -> tuple[Array, Array]:
    """The run of lowest loss that a compute pays to train and to serve (K,).

    Args:
        surface: law, FLOP per token and unique tokens.
        theta: parameters (P, K).
        flop: compute for training and serving, a number or (K,).
        served: S, the served tokens in training tokens; more than zero, a number or (K,).
        low: smallest N to consider.

    Returns:
        N and D (K,); infinite and zero where the loss has no interior minimum.
    """
    shape = theta.shape[1:]
    budget = np.broadcast_to(np.asarray(flop, dtype=np.float64), shape)
    amount = np.broadcast_to(np.asarray(served, dtype=np.float64), shape)
    most = params_at_flop(surface, budget / amount)  # serving alone takes all
    right = np.log(most) - 1e-9
    left = np.minimum(np.full(shape, np.log(low)), right - GRID_STEP)

    def look(log_params: Array) -> tuple[Array, Array, Array]:
        params = np.exp(log_params)
        tokens = budget / surface.rule.per_token(params) - amount
        by_n, by_d = elasticities(surface, theta, params, np.maximum(tokens, 1e-300))
        with np.errstate(all="ignore"):
            slope = by_n - by_d * surface.rule.slope(params) * (tokens + amount) / tokens
        return params, tokens, slope

    if not has_closed_form(surface):
        left, right = _lowest_loss_turn(surface, theta, look, left, right)
    log_params = crossing(lambda at: look(at)[2] >= 0, left, right, HALVINGS)
    params, tokens, _ = look(log_params)
    there = (look(left)[2] < 0) & (look(right)[2] >= 0) & (tokens > 0)
    return np.where(there, params, np.inf), np.where(there, tokens, 0.0)


def _lowest_loss_turn(
    surface: Surface,
    theta: Array,
    look: Look,
    left: Array,
    right: Array,
) -> tuple[Array, Array]:
    count = max(2, int(np.ceil(float(np.max(right - left)) / GRID_STEP)))
    grid = left + np.linspace(0.0, 1.0, count + 1)[:, None] * (right - left)
    params, tokens, slope = look(grid)
    value = surface.law.value(theta, surface.run(params, np.maximum(tokens, 1e-300)))
    turns = (slope[:-1] < 0) & (slope[1:] >= 0)
    depth = np.where(turns, np.fmin(value[:-1], value[1:]), np.inf)
    chosen = np.argmin(depth, axis=0)
    rows = np.arange(len(chosen))
    return grid[chosen, rows], grid[chosen + 1, rows]


def optimum_of_run(
    surface: Surface, theta: Array, params: Array, tokens: Array, low: float
) -> tuple[Array, Array]:
    """The compute-optimal run that is as good as a given one, under each parameter vector.

    Args:
        surface: law, FLOP per token and unique tokens.
        theta: parameters (P, K).
        params: N of the run, (K,) or a number.
        tokens: its D.
        low: smallest N to consider, for laws without a closed form.

    Returns:
        N* and D* (K,), both infinite where there is none.
    """
    if surface.law.additive is None or not has_closed_form(surface):
        loss = surface.law.value(theta, surface.run(params, tokens))
        return cheapest(surface, theta, np.broadcast_to(loss, theta.shape[1:]), low)
    a, alpha, b, beta = (theta[surface.law.names.index(name)] for name in surface.law.additive)
    with np.errstate(all="ignore"):
        both = a * params**-alpha + b * tokens**-beta
        best_n = (a * (alpha + beta) / (both * beta)) ** (1.0 / alpha)
        best_d = (b * (alpha + beta) / (both * alpha)) ** (1.0 / beta)
    return best_n, best_d
