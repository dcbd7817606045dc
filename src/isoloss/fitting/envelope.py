"""Approach 1: which size has the lowest loss at each compute, read off the runs themselves.

Hoffmann et al. 2022, section 3.1: each size's loss against compute, interpolated; at 1500 budgets
the size with the lowest loss; a power law through these sizes. No model of the loss is needed, but
the sizes must be many and each needs runs or checkpoints at several budgets. A checkpoint from
before the learning rate has decayed has a higher loss than a run that ends there, and does not
count; Hoffmann et al. used four schedules per size for that reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting.allocation import Allocation, Optimum
from isoloss.fitting.isoflop import check_options
from isoloss.fitting.quantity import Notice, Quantity
from isoloss.fitting.sweep import size_numbers, sweep
from isoloss.runs import Points, Runs, format_quantity

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
MIN_SIZES = 3
CHUNK_CELLS = 20_000_000  # draws times sizes times budgets held at a time
LOST = 0.05
WIDEST_EXPONENT = 1.0


@dataclass(frozen=True)
class Curves:
    """Loss against compute of each size, on common budgets.

    Attributes:
        log_c: (M,).
        params: N of each size (K,), ascending.
        log_loss: (K, M), infinite outside the compute of a size's own runs.
        log_d: (K, M).
        n_runs: per size (K,).
    """

    log_c: Array
    params: Array
    log_loss: Array
    log_d: Array
    n_runs: tuple[int, ...]


def envelope(
    runs: Runs | Points,
    *,
    curves: str | None = None,
    n_flop: int = 1500,
    n: str | None = None,
    loss: str | None = None,
    best_of: str | Sequence[str] = (),
    ci: str = "sizes",
    draws: int = 1000,
    level: float = 0.9,
    seed: int = 0,
) -> Allocation:
    """N*(C) and D*(C) from the lower envelope of the sizes' losses (approach 1).

    Between its runs or checkpoints, a size's log loss is interpolated along log C; outside them it
    does not take part. Where the smallest or the largest size that takes part is the best, the true
    optimum may lie beyond it, and the budget is left out.

    Args:
        runs: a table of runs or of checkpoints, or points taken from one.
        curves: column whose values tell curves apart, such as a run's name; by default all runs of
            one size make a curve, the best where several have the same compute.
        n_flop: budgets, evenly spaced in log C.
        n: which count is N, where the table has several.
        loss: which column is the loss.
        best_of: columns whose values compete; see ``isoloss.fitting.sweep.best_runs``.
        ci: ``sizes`` (sizes drawn with replacement) or ``none``.
        draws: envelopes for the intervals.
        level: nominal coverage of the intervals.
        seed: of the draws.

    Raises:
        InputError: an argument is unusable, or N, D or C is missing.
        EvidenceError: fewer than three sizes are ever the best while a smaller and a larger one
            were there to compare.
    """
    check_options(ci, draws, level, known=("sizes", "none"))
    if n_flop < 10:
        raise InputError(
            f"found {n_flop} budgets where at least 10 are expected.",
            code="bad_n_flop",
            where=Where(field="n_flop"),
        )
    points, notices = sweep(runs, n=n, loss=loss, best_of=best_of)
    found, singles = _curves(points, curves, n_flop)
    if singles:
        notices.append(_singles(singles))
    everyone = np.ones((1, len(found.params)), dtype=np.bool_)
    best, inside = (part[0] for part in _lowest(found, everyone))
    treads = np.unique(best[inside])
    if len(treads) < MIN_SIZES:
        raise _too_few(found, best, inside)
    line = _lines(found, best[None], inside[None])[0]
    drawn = _drawn(found, draws, seed) if ci == "sizes" else np.empty((0, 4))
    lost = 1 - len(drawn) / draws if ci == "sizes" else 0.0
    if lost > LOST:
        notices.append(_lost(lost))
    status, message = _status(best, inside, drawn, level)
    places = sorted(
        (_optimum(found, best, inside, int(k), level) for k in np.unique(best[best >= 0])),
        key=lambda optimum: optimum.flop,
    )
    return Allocation(
        method="envelope",
        shape="minimum",
        status=status,
        status_message=message,
        line=line,
        draws=drawn,
        optima=tuple(places),
        flop_range=(float(points.flop.min()), float(points.flop.max())),
        parabola=None,
        ci=ci,
        level=level,
        conventions=points.conventions,
        data_hash=points.data_hash,
        seed=seed,
        n_runs=int(sum(found.n_runs)),
        warnings=tuple(notices),
    )


def _curves(points: Points, column: str | None, n_flop: int) -> tuple[Curves, int]:
    """The curves, and the number of curves left out for having one budget only."""
    group = size_numbers(points.params)
    if column is not None:
        pairs = np.stack([group, points.clusters(column)])
        group = np.unique(pairs, axis=1, return_inverse=True)[1].ravel().astype(np.int64)
    log_c = np.log(points.flop)
    grid: Array = np.linspace(float(log_c.min()), float(log_c.max()), n_flop)
    params: list[float] = []
    losses: list[Array] = []
    tokens: list[Array] = []
    counts: list[int] = []
    singles = 0
    for number in range(int(group.max()) + 1):
        rows = np.flatnonzero(group == number)
        rows = rows[np.lexsort((points.loss[rows], log_c[rows]))]
        # Of several runs at one compute the best comes first.
        _, first = np.unique(np.round(log_c[rows], 9), return_index=True)
        kept = rows[first]
        if len(kept) < 2:
            singles += 1
            continue
        covered = (grid >= log_c[kept[0]] - 1e-9) & (grid <= log_c[kept[-1]] + 1e-9)
        curve = np.interp(grid, log_c[kept], np.log(points.loss[kept]))
        params.append(float(np.exp(np.log(points.params[rows]).mean())))
        losses.append(np.where(covered, curve, np.inf))
        tokens.append(np.interp(grid, log_c[kept], np.log(points.tokens[kept])))
        counts.append(len(rows))
    if not params:
        raise EvidenceError(
            "no size has runs at two budgets, so no loss can be followed along compute.",
            code="no_curves",
            hint="Approach 1 needs checkpoints, or every size trained at several budgets.",
        )
    order: list[int] = np.argsort(params, kind="stable").tolist()
    return Curves(
        log_c=grid,
        params=np.array(params)[order],
        log_loss=np.array(losses)[order],
        log_d=np.array(tokens)[order],
        n_runs=tuple(counts[k] for k in order),
    ), singles


def _lowest(found: Curves, taking_part: Bools) -> tuple[NDArray[np.int64], Bools]:
    """The best curve at each budget (R, M), -1 where none is, and whether it counts (R, M).

    It counts where both a smaller and a larger size take part.
    """
    count, n_curves = taking_part.shape
    best = np.full((count, len(found.log_c)), -1, dtype=np.int64)
    lowest = np.full(best.shape, np.inf)
    smallest, largest = np.full(best.shape, np.inf), np.full(best.shape, -np.inf)
    for k in range(n_curves):
        there = taking_part[:, k, None] & np.isfinite(found.log_loss[k])
        better = there & (found.log_loss[k] < lowest)
        best[better] = k
        lowest = np.where(better, found.log_loss[k], lowest)
        smallest = np.where(there, np.minimum(smallest, found.params[k]), smallest)
        largest = np.where(there, np.maximum(largest, found.params[k]), largest)
    size = np.where(best >= 0, found.params[best], np.nan)
    return best, (smallest < size) & (size < largest)


def _lines(found: Curves, best: NDArray[np.int64], inside: Bools) -> Array:
    """Lines log G, a, log H, b of envelopes (R, 4), by least squares over budgets that count."""
    count = inside.sum(axis=1, keepdims=True)
    log_c = np.where(inside, found.log_c, 0.0)
    centred = np.where(inside, found.log_c - log_c.sum(axis=1, keepdims=True) / count, 0.0)
    middle = log_c.sum(axis=1) / count[:, 0]
    spread = (centred**2).sum(axis=1)
    columns: list[Array] = []
    log_n = np.log(found.params)[best]
    log_d = found.log_d[best, np.arange(len(found.log_c))]
    for values in (log_n, log_d):
        mean = np.where(inside, values, 0.0).sum(axis=1) / count[:, 0]
        slope = (centred * np.where(inside, values, 0.0)).sum(axis=1) / spread
        columns += [mean - slope * middle, slope]
    return np.stack(columns, axis=1)


def _drawn(found: Curves, draws: int, seed: int) -> Array:
    """Lines of envelopes of sizes drawn with replacement; fewer than three sizes give none."""
    rng = np.random.default_rng([seed, 3])
    sizes, size_of = np.unique(found.params, return_inverse=True)
    rows = max(1, CHUNK_CELLS // (len(found.params) * len(found.log_c)))
    parts: list[Array] = []
    for at in range(0, draws, rows):
        many = min(rows, draws - at)
        picked = rng.integers(0, len(sizes), (many, len(sizes)))
        there = np.zeros((many, len(sizes)), dtype=np.bool_)
        there[np.arange(many)[:, None], picked] = True
        best, inside = _lowest(found, there[:, size_of.ravel()])
        treads = np.array([len(np.unique(b[i])) for b, i in zip(best, inside, strict=True)])
        good = treads >= MIN_SIZES
        parts.append(_lines(found, best[good], inside[good]))
    return np.concatenate(parts)


def _optimum(
    found: Curves, best: NDArray[np.int64], inside: Bools, k: int, level: float
) -> Optimum:
    """The stretch of budgets at which one size is the best, at its middle."""
    here = np.flatnonzero(best == k)
    counts = bool(inside[here].any())
    here = np.flatnonzero((best == k) & inside) if counts else here
    middle = here[len(here) // 2]
    edge = ""
    if not counts:
        there = found.params[np.isfinite(found.log_loss[:, middle])]
        edge = "smallest" if found.params[k] <= there.min() else "largest"
    low, high = np.exp(found.log_c[here[[0, -1]]])
    note = f"best from {low:.3g} to {high:.3g} FLOP"
    if edge:
        note += f", as the {edge} size there: the optimum may lie beyond it"
    return Optimum(
        flop=float(np.exp(found.log_c[middle])),
        n_params=Quantity(float(found.params[k]), np.nan, np.nan, level),
        tokens=Quantity(float(np.exp(found.log_d[k, middle])), np.nan, np.nan, level),
        loss=Quantity(float(np.exp(found.log_loss[k, middle])), np.nan, np.nan, level),
        n_runs=found.n_runs[k],
        n_sizes=1,
        curvature=int(counts),
        interior=counts,
        bracketed=counts,
        edge=edge,
        used=counts,
        note=note,
    )


def _status(best: NDArray[np.int64], inside: Bools, drawn: Array, level: float) -> tuple[str, str]:
    sizes = len(np.unique(best[inside]))
    share = float(inside.mean())
    if len(drawn):
        lo, hi = np.quantile(drawn[:, 1], [(1 - level) / 2, (1 + level) / 2])
        if hi - lo > WIDEST_EXPONENT:
            return "not_identified", (
                f"the exponent of N* lies between {lo:.2f} and {hi:.2f}: these sizes do not fix "
                "it. Train more sizes, each at several budgets."
            )
    message = f"{sizes} sizes are the best in turn over {share:.0%} of the range of compute"
    if np.any(~inside & (best >= 0)):
        return "edge", message + "; where an outermost size is the best, budgets are left out."
    return "ok", message + "."


def _singles(count: int) -> Notice:
    who = "1 size has" if count == 1 else f"{count} sizes have"
    return Notice(
        "single_budget",
        f"{who} runs at one budget only, so there is no curve to interpolate; left out.",
    )


def _lost(share: float) -> Notice:
    return Notice(
        "few_sizes",
        f"{share:.0%} of the draws of sizes had fewer than {MIN_SIZES} on the envelope and were "
        "left out; the intervals are too narrow. Train more sizes.",
    )


def _too_few(found: Curves, best: NDArray[np.int64], inside: Bools) -> EvidenceError:
    treads = [format_quantity(float(found.params[k])) for k in np.unique(best[inside])]
    listed = f" ({', '.join(treads)})" if treads else ""
    return EvidenceError(
        f"{len(treads)} of {len(found.params)} sizes{listed} are the best at some compute while a "
        f"smaller and a larger one can be compared, where at least {MIN_SIZES} are needed.",
        code="few_sizes",
        hint="Train more sizes over a wider range of compute, or use approach 2 or 3.",
    )


def lower_envelope(
    points: Points, curves: str | None = None, n_flop: int = 1500
) -> tuple[Curves, NDArray[np.int64], Bools]:
    """The curves that approach 1 compares, and which is the lowest, ready to plot.

    Args:
        points: with N, D and C of every run.
        curves: column whose values tell curves apart; see ``envelope``.
        n_flop: budgets, evenly spaced in log C.

    Returns:
        The curves; the number of the lowest at each budget (M,), -1 where there is none; and
        whether it counts (M,), because a smaller and a larger size could be compared.

    Raises:
        EvidenceError: no size has runs at two budgets.
    """
    found, _ = _curves(points, curves, n_flop)
    best, inside = _lowest(found, np.ones((1, len(found.params)), dtype=np.bool_))
    return found, best[0], inside[0]
