"""Which runs could a pilot hold? Sizes times budgets, within what can be trained and afforded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.planning.pilot.belief import Belief
from isoloss.planning.pilot.sizes import Recipe, Size
from isoloss.runs.problems import FEWEST_STEPS

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

PER_DECADE = 4  # budgets of groups; ratios between groups are powers of 10^(1/4)
SPAN = 4.0  # sizes of a group lie within this factor of its optimum


@dataclass(frozen=True)
class Limits:
    """What a pilot may not pass.

    Attributes:
        smallest: N.
        largest: N.
        tokens: D of a run; as many as wanted where infinite.
        steps: fewest updates of a run.
        share: of the budget that one run may cost.
        decades: of compute between the smallest and the largest group: a law is only asked to
            hold over these.
        runs: how many.
        reserve: share of the budget that is kept for runs that fail.
    """

    smallest: float = 0.0
    largest: float = math.inf
    tokens: float = math.inf
    steps: int = FEWEST_STEPS
    share: float = 0.2
    decades: float = 2.0
    runs: int = 40
    reserve: float = 0.05

    def __post_init__(self) -> None:
        for name, low, high in (("share", 0.0, 1.0), ("reserve", -1e-9, 0.9)):
            value = getattr(self, name)
            if not low < value <= high:
                raise _bad(name, f"{value:g}", f"a share above 0 and at most {high:g}")
        if not self.smallest < self.largest:
            raise _bad("largest", f"{self.largest:g}", f"more than the smallest, {self.smallest:g}")
        if not 0.5 <= self.decades <= 10:
            raise _bad("decades", f"{self.decades:g}", "0.5 to 10")
        if not self.tokens > 0:
            raise _bad("tokens", f"{self.tokens:g}", "a positive count")
        if self.steps < 1:
            raise _bad("steps", str(self.steps), "at least 1")
        if not 15 <= self.runs <= 500:
            raise _bad("runs", str(self.runs), "15 (three groups of five) to 500 runs")


@dataclass(frozen=True)
class Cells:
    """All runs on offer, as arrays (m,) of cells of size and budget.

    Attributes:
        sizes: the sizes on offer.
        budgets: compute of the groups (b,), ascending.
        best: the size with the lowest expected loss at each budget (b,); NaN where the lowest is
            at an end of what is allowed.
        size: index of the size.
        group: index of the budget.
        params: N.
        tokens: D, whole updates.
        flop: what it costs, never above the budget of its group.
    """

    sizes: tuple[Size, ...]
    budgets: Array
    best: Array
    size: Ints
    group: Ints
    params: Array
    tokens: Array
    flop: Array

    def of_group(self, group: int, span: float = SPAN) -> Ints:
        """The cells of a budget within a factor of its best size, the smallest first."""
        near = np.abs(np.log(self.params / self.best[self.group])) <= math.log(span) + 1e-9
        return np.flatnonzero((self.group == group) & near)


def cells(
    belief: Belief, recipe: Recipe, offered: tuple[Size, ...], limits: Limits, budget: float
) -> Cells:
    """The runs on offer for pilot budgets up to one.

    Budgets of groups lie on a fixed grid, so that a larger pilot can always do what a smaller one
    does.

    Raises:
        InputError: no size is within the limits.
    """
    allowed = tuple(one for one in offered if limits.smallest <= one.n_params <= limits.largest)
    if not allowed:
        raise InputError(
            f"no size lies between {limits.smallest:g} and {limits.largest:g} parameters.",
            code="no_sizes",
            where=Where(field="smallest"),
            hint="Widen the limits, or give --shapes.",
        )
    params = np.array([one.n_params for one in allowed])
    cost = np.array([one.flop_per_token for one in allowed])
    batch = recipe.batch_tokens
    low = float(cost.min()) * limits.steps * batch
    budgets = _grid(low, limits.share * budget)
    best = np.array([_best(belief, params, cost, flop) for flop in budgets])
    steps = np.floor(budgets[:, None] / (cost * batch) * (1 + 1e-12))
    tokens = steps * batch
    usable = (steps >= limits.steps) & (tokens <= limits.tokens)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(np.log(params[None, :] / best[:, None]))
    usable &= distance <= math.log(SPAN) + 1e-9
    group, size = np.nonzero(usable)
    return Cells(
        allowed,
        budgets,
        best,
        size,
        group,
        params[size],
        tokens[group, size],
        tokens[group, size] * cost[size],
    )


def _grid(low: float, high: float) -> Array:
    """Powers of 10^(1/4) from one compute to another, two digits each."""
    first, last = math.ceil(PER_DECADE * math.log10(low)), PER_DECADE * math.log10(high)
    found = [float(f"{10 ** (k / PER_DECADE):.1e}") for k in range(first, math.floor(last) + 1)]
    return np.array([flop for flop in found if flop <= high])


def _best(belief: Belief, params: Array, cost: Array, flop: float) -> float:
    """The size of lowest expected loss for a compute, between the sizes on offer by a parabola."""
    loss = belief.loss(params, flop / cost)
    at = int(np.argmin(loss))
    if at in (0, len(loss) - 1):
        return math.nan
    x, y = np.log(params[at - 1 : at + 2]), loss[at - 1 : at + 2]
    if len(set(x.tolist())) < 3:
        return float(params[at])
    left, right = x[0] - x[1], x[2] - x[1]
    down, up = y[0] - y[1], y[2] - y[1]
    # The vertex of the parabola through three points.
    off = 0.5 * (down * right**2 - up * left**2) / (down * right - up * left)
    return float(params[at] * np.exp(off))


def _bad(name: str, found: str, expected: str) -> InputError:
    return InputError(
        f"found {found} where {expected} is expected.", code="bad_limit", where=Where(field=name)
    )
