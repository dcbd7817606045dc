"""Which N and D reach the lowest loss for a given compute?

Closed form where the law has one, a bounded search along the curve of equal compute otherwise.
All functions work on many parameter vectors at once, so that intervals cost little more than the
estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.errors import EvidenceError
from isoloss.laws import Law
from isoloss.laws.bisection import crossing
from isoloss.laws.compute import FlopRule

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

GRID_STEP = 0.1  # of log N; minima closer to each other than this count as one
FLAT = 1e-12  # a relative slope of loss that is rounding
HALVINGS = 40  # 0.1 / 2^40 is 1e-13
_CHUNK = 1_000_000  # cells of the grid held at a time


@dataclass(frozen=True)
class Surface:
    """A law together with what ties N, D and C.

    Attributes:
        law: a law in N and D (or C).
        rule: FLOP per token.
        unique_tokens: distinct tokens there are, for laws in U; None for as many as wanted.
    """

    law: Law
    rule: FlopRule
    unique_tokens: float | None = None

    def variables(self, params: Array, flop: Array) -> dict[str, Array]:
        """The law's inputs on the curve of equal compute; arguments broadcast."""
        return self._inputs(params, flop / self.rule.per_token(params), flop)

    def run(self, params: Array, tokens: Array) -> dict[str, Array]:
        """The law's inputs for runs of these sizes and tokens; arguments broadcast."""
        return self._inputs(params, tokens, self.rule.per_token(params) * tokens)

    def _inputs(self, params: Array, tokens: Array, flop: Array) -> dict[str, Array]:
        unique = tokens if self.unique_tokens is None else np.asarray(self.unique_tokens)
        known = {"N": params, "D": tokens, "C": flop, "U": unique}
        return {name: known[name] for name in self.law.variables}

    def loss(self, theta: Array, params: Array, flop: Array) -> Array:
        """The loss of models of these sizes; ``theta`` (P, ...) and arguments broadcast."""
        return self.law.value(theta, self.variables(params, flop))

    def slope(self, theta: Array, params: Array, flop: Array) -> tuple[Array, Array]:
        """The loss, and d loss / d log N at fixed compute."""
        x = self.variables(params, flop)
        tokens = -self.rule.slope(params)
        unique = tokens if self.unique_tokens is None else np.zeros(())
        turns = {"N": np.ones(()), "D": tokens, "C": np.zeros(()), "U": unique}
        with np.errstate(all="ignore"):
            value, *parts = self.law.compiled.slope(tuple(theta), self.law.log_variables(x))
            along = sum(p * turns[n] for n, p in zip(self.law.variables, parts, strict=True))
        return np.asarray(value), np.asarray(along)


@dataclass(frozen=True)
class Optimum:
    """The compute-optimal run under each of K parameter vectors.

    Where there is no interior minimum, ``params`` and ``tokens`` are where the loss keeps falling
    to: infinity and zero, or the reverse.

    Attributes:
        params: N* (K,).
        tokens: D* (K,).
        minima: how many interior minima there are (K,); zero for none.
        local: whether the loss at an end of the search is lower still (K,).
    """

    params: Array
    tokens: Array
    minima: Ints
    local: Bools

    @property
    def found(self) -> Bools:
        """Whether there is an interior minimum (K,)."""
        return self.minima > 0


def can_allocate(law: Law) -> bool:
    """Whether a law can weigh size against data: two of N, D, C, and nothing but U besides."""
    names = set(law.variables)
    return len(names & {"N", "D", "C"}) >= 2 and not names - {"N", "D", "C", "U"}


def require_plannable(law: Law) -> None:
    """Refuse a law that cannot weigh size against data.

    Raises:
        EvidenceError: it lacks two of N, D and C, or asks for more than N, D, C and U.
    """
    if not can_allocate(law):
        raise EvidenceError(
            f"law {law.name} is in {' and '.join(law.variables)}; a plan weighs model size N "
            "against training tokens D.",
            code="law_cannot_plan",
            hint="Fit a law in N and D: chinchilla, coupled, farseer; repetition if data repeat.",
        )


def closed_form(
    prefactor_n: Array, alpha: Array, prefactor_d: Array, beta: Array, flop: ArrayLike
) -> tuple[Array, Array]:
    """N* and D* of ``A/N^alpha + B/D^beta`` under 6 N D = flop (Hoffmann et al. 2022, eq. 4).

    Args:
        prefactor_n: A.
        alpha: exponent of N.
        prefactor_d: B.
        beta: exponent of D.
        flop: compute; all arguments broadcast.
    """
    with np.errstate(all="ignore"):
        total = alpha + beta
        log_g = (np.log(alpha * prefactor_n) - np.log(beta * prefactor_d)) / total
        log_nd = np.log(np.asarray(flop, dtype=np.float64) / 6.0)
        params = np.exp(log_g + beta / total * log_nd)
        tokens = np.exp(-log_g + alpha / total * log_nd)
    return params, tokens


def has_closed_form(surface: Surface) -> bool:
    """Whether the optimum follows from four parameters: an additive law and C = 6 N D."""
    return surface.law.additive is not None and surface.rule.name == "6nd"


def allocate(
    surface: Surface, theta: Array, flop: ArrayLike, bounds: tuple[float, float]
) -> Optimum:
    """The compute-optimal N and D under each parameter vector.

    Args:
        surface: law, FLOP per token and unique tokens.
        theta: parameters (P, K) in the order of ``law.names``.
        flop: compute, one number or (K,).
        bounds: smallest and largest N of the search; a closed form needs none.

    Raises:
        EvidenceError: the law cannot weigh size against data.
    """
    require_plannable(surface.law)
    if surface.law.additive is None or not has_closed_form(surface):
        return search(surface, theta, flop, bounds)
    a, alpha, b, beta = (theta[surface.law.names.index(name)] for name in surface.law.additive)
    params, tokens = closed_form(a, alpha, b, beta, flop)
    inside = (params >= 1) & (tokens >= 1) & np.isfinite(params) & np.isfinite(tokens)
    return Optimum(params, tokens, inside.astype(np.int64), np.zeros(params.shape, dtype=bool))


def search(surface: Surface, theta: Array, flop: ArrayLike, bounds: tuple[float, float]) -> Optimum:
    """The lowest interior minimum of the loss along the curve of equal compute.

    A grid in log N shows where the slope turns from falling to rising; halving that interval
    gives N* to thirteen digits. Arguments as for ``allocate``.
    """
    budgets = np.broadcast_to(np.asarray(flop, dtype=np.float64), theta.shape[1:])
    grid = np.exp(log_path(*bounds))
    parts = [
        _search(surface, theta[:, rows], budgets[rows], grid)
        for rows in chunks(theta.shape[1], len(grid))
    ]
    return Optimum(
        np.concatenate([p.params for p in parts]),
        np.concatenate([p.tokens for p in parts]),
        np.concatenate([p.minima for p in parts]),
        np.concatenate([p.local for p in parts]),
    )


def log_path(start: float, end: float) -> Array:
    """Logarithms from one size to another, both included, at most ``GRID_STEP`` apart."""
    low, high = np.log(start), np.log(end)
    steps = max(1, int(np.ceil(abs(high - low) / GRID_STEP)))
    return low + (high - low) / steps * np.arange(steps + 1)


def chunks(count: int, width: int) -> Iterator[slice]:
    """Slices of parameter vectors, so that a grid of this width fits in memory."""
    rows = max(1, _CHUNK // width)
    for at in range(0, max(count, 1), rows):
        yield slice(at, at + rows)


def turning(value: Array, slope: Array) -> tuple[Bools, Ints]:
    """Between which points of a path a loss turns from falling to rising.

    Where a law saturates, or nothing but its floor is left, its slope is rounding; such points
    belong to the turn, if there is one, and else count as going on as before.

    Args:
        value: loss along paths (K, M).
        slope: its slope there.

    Returns:
        Whether the loss turns before the next point (K, M - 1), and the point from which on it
        no longer falls, as an index (K, M - 1).
    """
    going: Array = np.where(np.abs(slope) > FLAT * np.abs(value), np.sign(slope), 0.0)
    steps: Ints = np.arange(going.shape[1], dtype=np.int64)
    last = np.maximum.accumulate(np.where(going != 0, steps, 0), axis=1)
    going = np.take_along_axis(going, last, axis=1)
    return (going[:, :-1] < 0) & (going[:, 1:] > 0), last[:, :-1]


def _search(surface: Surface, theta: Array, flop: Array, grid: Array) -> Optimum:
    value, slope = surface.slope(theta[:, :, None], grid, flop[:, None])
    turns, since = turning(value, slope)
    depth = np.where(turns, np.fmin(value[:, :-1], value[:, 1:]), np.inf)
    chosen = np.argmin(depth, axis=1)
    rows = np.arange(len(flop))
    minima = turns.sum(axis=1)

    def rising(log_params: Array) -> Bools:
        return surface.slope(theta, np.exp(log_params), flop)[1] >= 0

    between = np.log(grid[since[rows, chosen]]), np.log(grid[chosen + 1])
    params = np.exp(crossing(rising, *between, HALVINGS))
    ends = np.fmin(value[:, 0], value[:, -1])
    local = ends < depth[rows, chosen]
    # Without a minimum the loss keeps falling towards the lower of the two ends.
    toward = np.where(value[:, -1] <= value[:, 0], np.inf, 0.0)
    params = np.where(minima > 0, params, toward)
    with np.errstate(all="ignore"):
        tokens = np.where(
            minima > 0,
            flop / surface.rule.per_token(np.where(minima > 0, params, 1.0)),
            np.where(toward == 0.0, np.inf, 0.0),
        )
    return Optimum(params, tokens, minima, local & (minima > 0))


def flat_region(
    surface: Surface,
    theta: Array,
    params: float,
    flop: float,
    within: float,
    bounds: tuple[float, float],
) -> tuple[float, float]:
    """The sizes around N* whose loss at the same compute is at most ``within`` above the best.

    Args:
        surface: law, FLOP per token and unique tokens.
        theta: one parameter vector (P,).
        params: N*.
        flop: compute.
        within: allowed excess of loss, relative.
        bounds: how far to look.

    Returns:
        The smallest and the largest such N; NaN where the loss stays within up to the bound.
    """
    budget = np.asarray(flop)
    limit = (1.0 + within) * float(surface.loss(theta, np.asarray(params), budget))

    def above(log_params: Array) -> Bools:
        # A loss that cannot be computed is no reason to go on.
        return ~(surface.loss(theta[:, None], np.exp(log_params), budget) <= limit)

    def edge(end: float) -> float:
        path = log_path(params, end)
        first = int(np.argmax(above(path)))
        if first == 0:
            return float("nan")
        return float(np.exp(crossing(above, path[[first - 1]], path[[first]], HALVINGS))[0])

    return edge(min(bounds[0], params)), edge(max(bounds[1], params))
