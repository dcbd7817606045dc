"""Which runs narrow the answer most? A grid that shows each optimum, and runs added by their worth.

A pilot must not lean on the law that it is to test. So it begins with IsoFLOP groups whose minima
are expected inside (at least three budgets of five sizes), and spends the rest on the runs that
shrink the variance of the answer most for their compute (c-optimal design, Chaloner & Verdinelli
1995; locally, at what is believed of the law). Groups and order of the further runs do not depend
on the budget, which only says how far the list is followed: more of it never widens the interval.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError
from isoloss.planning.pilot.belief import Belief
from isoloss.planning.pilot.cells import PER_DECADE, SPAN, Cells, Limits
from isoloss.planning.pilot.question import Question

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

GROUPS = (3, 4, 5, 6)
APART = (1, 2, 3, 4)  # quarters of a decade between budgets
PER_GROUP = 5
MOST_PLAIN = 100  # runs of a design that is compared with
SEEDS = 2  # how often a cell may be trained
THRIFT = (0.0, 0.5, 1.0)  # power of the compute by which the worth of a run is divided
_VAGUE_LOG, _VAGUE = 3.0, 1.0  # how vague the law is taken to be while runs are chosen


@dataclass(frozen=True)
class Design:
    """Runs of a pilot.

    Attributes:
        chosen: cells, repeated for a second seed (k,).
        added: which of them were added by their worth (k,).
        flop: what they cost together.
        standard_error: of the answer, with the runs that are there.
    """

    chosen: Ints
    added: NDArray[np.bool_]
    flop: float
    standard_error: float


def best_design(
    belief: Belief, question: Question, on_offer: Cells, limits: Limits, budget: float
) -> Design:
    """The design of the smallest standard error among all grids and ways to add to them.

    Raises:
        EvidenceError: three groups of five sizes cannot be trained for the budget.
    """
    spend = (1.0 - limits.reserve) * budget
    rows = question.rows(belief, on_offer.params, on_offer.tokens, on_offer.flop)
    known = question.known(belief)
    best: Design | None = None
    for grid in grids(on_offer, limits.decades):
        cost = float(on_offer.flop[grid].sum())
        if cost > spend or len(grid) > limits.runs:
            continue
        for thrift in THRIFT:
            found = _extended(belief, question, on_offer, rows, known, grid, spend, limits, thrift)
            if best is None or found.standard_error < best.standard_error * (1 - 1e-9):
                best = found
    if best is None:
        raise EvidenceError(
            "the budget cannot hold three IsoFLOP groups of five sizes around the optimum.",
            code="pilot_too_small",
        )
    return best


def least_budget(on_offer: Cells, limits: Limits) -> float:
    """The smallest budget that holds a grid, among runs on offer for much larger ones."""
    found = math.inf
    for grid in grids(on_offer, limits.decades):
        if len(grid) > limits.runs:
            continue
        flop = on_offer.flop[grid]
        top = float(on_offer.budgets[on_offer.group[grid]].max())
        found = min(found, max(float(flop.sum()) / (1.0 - limits.reserve), top / limits.share))
    return found


def grids(on_offer: Cells, decades: float) -> Iterator[Ints]:
    """All IsoFLOP grids: how many budgets, how far apart, and up to which."""
    groups = [spread_out(on_offer, g, PER_GROUP) for g in range(len(on_offer.budgets))]
    for count, apart in itertools.product(GROUPS, APART):
        if (count - 1) * apart > PER_DECADE * decades:
            continue
        for top in range((count - 1) * apart, len(on_offer.budgets)):
            parts = [groups[top - i * apart] for i in reversed(range(count))]
            found = [part for part in parts if part is not None]
            if len(found) == count:
                yield np.concatenate(found)


def spread_out(on_offer: Cells, group: int, count: int) -> Ints | None:
    """Sizes evenly around the best one of a budget; None where they would not enclose it."""
    best = float(on_offer.best[group])
    if not best > 0:
        return None
    inside = on_offer.of_group(group)
    if len(inside) < count:
        return None
    wanted = np.log(best) + np.linspace(-1, 1, count) * math.log(SPAN)
    at = np.log(on_offer.params[inside])
    taken: list[int] = []
    # From the ends inward, so that each end gets its own.
    for i in sorted(range(count), key=lambda i: -abs(2 * i - count + 1)):
        order = np.argsort(np.abs(at - wanted[i]), kind="stable")
        taken.append(next(int(k) for k in order if int(k) not in taken))
    chosen = np.sort(inside[np.array(taken)])
    params = on_offer.params[chosen]
    # Two sizes on either side, so that a minimum a little off is inside as well.
    return chosen if params[1] <= 1.0001 * best and best <= 1.0001 * params[-2] else None


def _extended(
    belief: Belief,
    question: Question,
    on_offer: Cells,
    rows: Array,
    known: Array,
    grid: Ints,
    spend: float,
    limits: Limits,
    thrift: float,
) -> Design:
    """A grid and the runs that are worth most after it, as far as the compute goes."""
    top = float(on_offer.budgets[on_offer.group[grid]].max())
    budgets = on_offer.budgets[on_offer.group]
    least = top / 10**limits.decades * (1 - 1e-6)
    pool = np.flatnonzero((budgets <= top) & (budgets >= least))
    uses = np.zeros(len(on_offer.params), dtype=np.int64)
    np.add.at(uses, grid, 1)
    information = known + rows[:, grid] @ rows[:, grid].T
    covariance = np.linalg.inv(information + _vague(belief))
    moves, price = rows[:, pool], on_offer.flop[pool] ** thrift
    chosen, left = list(grid), spend - float(on_offer.flop[grid].sum())
    while len(chosen) < limits.runs:
        told = covariance @ moves
        gain = (question.slope @ told) ** 2 / (1.0 + np.sum(moves * told, axis=0)) / price
        gain = np.where(uses[pool] < SEEDS, gain, -1.0)
        at = int(np.argmax(gain))
        run = int(pool[at])
        # The list does not depend on what is left: a larger budget follows it further.
        if gain[at] <= 0 or on_offer.flop[run] > left:
            break
        pull = told[:, at]
        covariance = covariance - np.outer(pull, pull) / (1.0 + float(pull @ moves[:, at]))
        left -= float(on_offer.flop[run])
        uses[run] += 1
        chosen.append(np.int64(run))
    index = np.array(chosen, dtype=np.int64)
    information = known + rows[:, index] @ rows[:, index].T
    added = np.arange(len(index)) >= len(grid)
    flop = float(on_offer.flop[index].sum())
    return Design(index, added, flop, question.standard_error(information))


def _vague(belief: Belief) -> Array:
    """A very wide prior, so that runs can be weighed before they fix every parameter."""
    log = [bool(belief.where.log[belief.where.source == i].any()) for i in range(belief.where.size)]
    width = np.where(np.array(log), _VAGUE_LOG, _VAGUE)
    return np.diag(1.0 / width**2)


@dataclass(frozen=True)
class Plain:
    """A design that nobody had to compute, to compare with.

    Attributes:
        name: what it is.
        flop: what it costs.
        standard_error: of the answer.
        chosen: cells, repeated for further seeds.
    """

    name: str
    flop: float
    standard_error: float
    chosen: Ints


def plain_designs(
    belief: Belief, question: Question, on_offer: Cells, limits: Limits, budget: float
) -> tuple[Plain, ...]:
    """Grids that need no law to be chosen, each as large as the budget allows."""
    spend = (1.0 - limits.reserve) * budget
    options = {
        "plain grid, 4 budgets x 7 sizes": _plain_grid(on_offer, 4, 7),
        "plain grid, 3 budgets x 5 sizes": _plain_grid(on_offer, 3, 5),
        "equal spending on 3 budgets": _equal_spending(on_offer, spend),
    }
    made: list[Plain] = []
    for name, grid in options.items():
        fits = [one for one in grid if float(on_offer.flop[one].sum()) <= spend]
        if fits:
            chosen = max(fits, key=lambda one: float(on_offer.flop[one].sum()))
            rows = question.rows(
                belief, on_offer.params[chosen], on_offer.tokens[chosen], on_offer.flop[chosen]
            )
            error = question.standard_error(question.known(belief) + rows @ rows.T)
            made.append(Plain(name, float(on_offer.flop[chosen].sum()), error, chosen))
    return tuple(made)


def _plain_grid(on_offer: Cells, budgets: int, count: int) -> Iterator[Ints]:
    """Budgets half a decade apart, sizes evenly around each optimum."""
    groups = [spread_out(on_offer, g, count) for g in range(len(on_offer.budgets))]
    for top in range(2 * (budgets - 1), len(groups)):
        found = [one for one in groups[top - 2 * (budgets - 1) : top + 1 : 2] if one is not None]
        if len(found) == budgets:
            yield np.concatenate(found)


def _equal_spending(on_offer: Cells, spend: float) -> Iterator[Ints]:
    """Three budgets a quarter of a decade apart, a third of the compute each, then more seeds."""
    for top in range(2, len(on_offer.budgets)):
        parts: list[Ints] = []
        for group in (top - 2, top - 1, top):
            inside = on_offer.of_group(group)
            taken: list[int] = []
            left = spend / 3.0
            while len(inside) and on_offer.flop[inside[len(taken) % len(inside)]] <= left:
                taken.append(int(inside[len(taken) % len(inside)]))
                left -= float(on_offer.flop[taken[-1]])
            if len(set(taken)) >= PER_GROUP:
                parts.append(np.array(taken, dtype=np.int64))
        if len(parts) == 3 and sum(map(len, parts)) <= MOST_PLAIN:
            yield np.concatenate(parts)
