"""F3: lines of equal loss over compute and size, runs in the same shades, the efficient frontier.

After Hoffmann et al. 2022, figure 4. A run whose shade differs from the lines around it is a
residual. The second view has size and tokens, where equal compute is a diagonal.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.figures import context as c
from isoloss.figures.parts import (
    Axis,
    Contour,
    Figure,
    Layer,
    Line,
    Mark,
    Panel,
    Points,
    Role,
    Scale,
    array,
)
from isoloss.figures.ticks import written
from isoloss.fitting import Fit, Quantity
from isoloss.laws.optimum import Surface
from isoloss.runs import format_quantity

if TYPE_CHECKING:
    from isoloss.planning import Plan

Array = NDArray[np.float64]

CELLS = 72
LEVELS = 24
LABELLED = 5  # every so many lines have their loss written on them
BUDGETS = 48
REACH = 30.0  # beyond the largest run, where no plan says how far
SLICES = 9
WIDE = 3.0  # ratio of losses from which on lines are even in the logarithm


def iso_loss(fit: Fit, plan: Plan | None = None, *, target: float | None = None) -> Figure:
    """Lines of equal loss with the runs and the frontier, and the plan if there is one.

    Args:
        fit: of a law in N and D, to runs with N, D and C.
        plan: whose answer is marked.
        target: compute that the axes reach, without a plan; 30 times the largest run by default.

    Raises:
        InputError: the law is not in N and D, or the runs lack one of N, D and C.
    """
    points = fit.points
    c.require_columns(points, "params", "tokens", "flop")
    surface = c.surface_of(fit, plan)
    last = float(points.flop.max())
    goal = plan.flop if plan is not None else target or REACH * last
    flop = np.exp(
        np.linspace(math.log(min(points.flop.min(), goal)), math.log(max(goal, last)), BUDGETS)
    )
    flop = np.unique(np.append(flop, last))
    bounds = (
        max(1.0, points.params.min() / 100 * min(1.0, goal / points.flop.min())),
        points.params.max() * 100 * max(1.0, goal / last),
    )
    sizes, low_n, high_n, tokens, _, _ = c.frontier(fit, surface, flop, bounds)
    if plan is not None:
        at = int(np.argmin(np.abs(np.log(flop / plan.flop))))
        sizes[at], tokens[at] = plan.n_params.estimate, plan.tokens.estimate
    n_lo, n_hi = c.log_range(points.params, sizes, _ends(plan, "n_params"))
    d_lo, d_hi = c.log_range(points.tokens, tokens, _ends(plan, "tokens"))
    c_lo, c_hi = c.log_range(points.flop, flop)
    meaning = points.conventions
    axes = {
        "C": c.log_axis("C (FLOP)", "flop", c_lo, c_hi, points.flop),
        "N": c.log_axis(c.n_label(meaning), "params", n_lo, n_hi, points.params),
        "D": c.log_axis("D (tokens)", "tokens", d_lo, d_hi, points.tokens),
    }
    over_c = _grid(axes["C"], axes["N"])
    over_n = _grid(axes["N"], axes["D"])
    z_c = surface.loss(fit.theta[:, None, None], over_c[1][:, None], over_c[0][None, :])
    x_n = surface.run(*np.broadcast_arrays(over_n[0][None, :], over_n[1][:, None]))
    z_n = fit.law.value(fit.theta[:, None, None], x_n)
    levels = _levels(fit, surface, flop, sizes, points.loss)
    scale = Scale(
        c.loss_label(meaning), float(levels[0]), float(levels[-1]), True, "loss", less_is_more=True
    )
    runs = [f"{name}: loss {y:.4g}" for name, y in zip(points.run_id, points.loss, strict=True)]
    panels = (
        Panel(
            axes["C"],
            axes["N"],
            (
                *(Mark(x=float(b), role="guide") for b in _slices(c.tier_budgets(points))),
                _contour(over_c, z_c, levels),
                _runs(points.flop, points.params, points.loss, runs),
                *c.along(flop, sizes, low_n, high_n, last, "path", dashed=True),
                *_answer(plan, "n_params"),
            ),
            title="Loss over compute and size",
            scale=scale,
        ),
        Panel(
            axes["N"],
            axes["D"],
            (
                *_diagonals(surface, axes["N"], axes["D"]),
                _contour(over_n, z_n, levels),
                _runs(points.params, points.tokens, points.loss, runs),
                *_path(flop, sizes, tokens, last),
                *_answer(plan, None),
            ),
            title="Loss over size and tokens",
            scale=scale,
            place=(0, 1),
        ),
    )
    return Figure(
        key="iso-loss",
        title="Lines of equal loss and the efficient frontier",
        panels=panels,
        caption=_caption(fit, plan, "6nd" if surface.rule.name == "6nd" else None),
        widths=(1.0, 1.0),
        heights=(2.75,),
        alt="Two contour plots of loss, over compute and size and over size and tokens, with the "
        "runs as dots and the path of compute-optimal sizes.",
        source={"data_hash": points.data_hash, "law": fit.law.name},
    )


def _caption(fit: Fit, plan: Plan | None, flop: str | None) -> str:
    answer = ""
    if plan is not None:
        n, d = (format_quantity(q.estimate) for q in (plan.n_params, plan.tokens))
        answer = (
            f" Diamond: the plan for {c.flop_words(plan.flop)} FLOP, N {n}, D {d}, with its "
            "intervals."
        )
    return (
        "Lines of equal loss by the fitted law; dots are runs in the same shades, so a dot that "
        "stands out is a residual. Dashed: the compute-optimal size, with its band; orange where "
        f"no run has reached. Dotted: equal compute.{answer} {c.fit_caption(fit, flop)}"
    )


def _ends(plan: Plan | None, name: str) -> list[float]:
    if plan is None:
        return [math.nan]
    quantity: Quantity = getattr(plan, name)
    return [quantity.estimate, quantity.lo, quantity.hi]


def _grid(x: Axis, y: Axis) -> tuple[Array, Array]:
    return (
        array(c.geometric(x.lo, x.hi, CELLS)),
        array(c.geometric(y.lo, y.hi, CELLS)),
    )


def _levels(fit: Fit, surface: Surface, flop: Array, sizes: Array, losses: Array) -> Array:
    """Losses of the lines, from the best at the target to the worst of the runs: round numbers.

    Where the losses span a large factor, the lines are even in the logarithm.
    """
    known = np.isfinite(sizes)
    best = losses.min()
    if known.any():
        along = surface.loss(fit.theta[:, None], sizes[known], flop[known])
        best = min(best, float(np.nanmin(along)))
    # The worst runs are few and far from all that matters.
    worst = float(np.quantile(losses, 0.98))
    if worst > WIDE * best:
        return array(c.geometric(best, worst, LEVELS))
    step = c.round_step((worst - best) / LEVELS)
    return array(step * np.arange(math.ceil(best / step), math.floor(worst / step) + 1))


def _contour(grid: tuple[Array, Array], z: Array, levels: Array) -> Contour:
    ranks: NDArray[np.int64] = np.rint(levels / np.diff(levels)[0]).astype(np.int64)
    even = np.allclose(np.diff(levels), np.diff(levels)[0])
    chosen = levels[ranks % LABELLED == 0] if even else levels[2::LABELLED]
    labelled = tuple(float(v) for v in chosen)
    return Contour(grid[0], grid[1], array(z), levels, labelled)


def _runs(x: Array, y: Array, loss: Array, names: list[str]) -> Points:
    return Points(array(x), array(y), "data", shade=array(loss), names=tuple(names))


def _slices(budgets: Array) -> Array:
    """At most so many budgets, evenly spread."""
    if len(budgets) <= SLICES:
        return budgets
    return budgets[np.linspace(0, len(budgets) - 1, SLICES).astype(np.int64)]


def _path(flop: Array, sizes: Array, tokens: Array, last: float) -> list[Layer]:
    """N* and D* against each other."""
    parts: tuple[tuple[Any, Role], ...] = (
        (flop <= last * (1 + 1e-12), "path"),
        (flop >= last * (1 - 1e-12), "answer"),
    )
    return [
        Line(array(sizes[seen]), array(tokens[seen]), role, dashed=True)
        for seen, role in parts
        if seen.sum() > 1
    ]


def _diagonals(surface: Surface, x: Axis, y: Axis) -> list[Layer]:
    """Lines of equal compute at powers of ten."""
    n = c.geometric(x.lo, x.hi, 40)
    per_token = surface.rule.per_token(n)
    low, high = math.log10(per_token[0] * y.lo), math.log10(per_token[-1] * y.hi)
    every = max(1, round((high - low) / 8))
    layers: list[Layer] = []
    for exponent in range(math.ceil(low), math.floor(high) + 1, every):
        d = 10.0**exponent / per_token
        seen = (d >= y.lo) & (d <= y.hi)
        if seen.sum() < 4:
            continue
        # The upper edge is full of numbers; the right one has room.
        label = written(10.0**exponent, "flop") if d[-1] > y.lo and d[-1] < y.hi else ""
        layers.append(Line(array(n[seen]), array(d[seen]), "guide", label=label))
    return layers


def _answer(plan: Plan | None, across: str | None) -> list[Layer]:
    if plan is None:
        return []
    n, d = plan.n_params, plan.tokens
    if across is not None:
        at = Points(
            *(array([plan.flop]), array([n.estimate]), "answer"),
            y_lo=array([n.lo]),
            y_hi=array([n.hi]),
            names=(f"plan: N {format_quantity(n.estimate)}",),
        )
        return [Mark(x=plan.flop, y=n.estimate, role="answer"), at]
    at = Points(
        *(array([n.estimate]), array([d.estimate]), "answer"),
        x_lo=array([n.lo]),
        x_hi=array([n.hi]),
        y_lo=array([d.lo]),
        y_hi=array([d.hi]),
        names=(f"plan: N {format_quantity(n.estimate)}, D {format_quantity(d.estimate)}",),
    )
    return [Mark(x=n.estimate, y=d.estimate, role="answer"), at]
