"""F2: the runs of each budget over size, the best size of each, and the power laws through them.

After Hoffmann et al. 2022, figure 3, with the intervals that such figures often lack.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from isoloss.figures import context as c
from isoloss.figures.parts import (
    Axis,
    Figure,
    Layer,
    Line,
    Mark,
    Panel,
    Points,
    Scale,
    Text,
    array,
)
from isoloss.fitting import Allocation, Fit, Quantity
from isoloss.fitting.allocation import Optimum
from isoloss.fitting.isoflop_lines import isoflop_lines
from isoloss.fitting.sweep import near_best, sweep
from isoloss.runs import Points as Runs
from isoloss.runs import format_quantity

Array = NDArray[np.float64]
REACH = 30.0
STEPS = 60
WIDEST = 10.0  # a bar that is longer than this factor to a side is cut
FEW = 10  # budgets that are labelled one by one; more get a colour bar
SHAPES = {
    "slices": "e + p N^-α + q D^-β with exponents that all budgets share",
    "cubic": "a cubic in log N",
    "parabola": "a parabola in log N",
}


def isoflop(
    runs: Runs,
    allocation: Allocation,
    fit: Fit | None = None,
    *,
    target: float | None = None,
) -> Figure:
    """IsoFLOP profiles with their minima, and N*(C) and D*(C) through these, to the target.

    Args:
        runs: the runs, with N, D and C.
        allocation: approach 2 on them.
        fit: a law fitted to them, whose slices are drawn instead of the curves of approach 2.
        target: compute that the axes reach; 30 times the largest run by default.

    Raises:
        InputError: the runs lack one of N, D and C.
    """
    points = near_best(sweep(runs)[0], 16.0)[0]
    last = allocation.flop_range[1]
    goal = target or REACH * last
    budgets = np.array([optimum.flop for optimum in allocation.optima])
    scale = Scale(
        "C (FLOP)",
        float(budgets.min()),
        float(max(budgets.max(), 1.01 * budgets.min())),
        True,
        "flop",
        bar=len(budgets) > FEW,
    )
    return Figure(
        key="isoflop",
        title="IsoFLOP profiles and the compute-optimal size and tokens",
        panels=(
            _profiles(points, allocation, fit, scale),
            power_law(allocation, "n_params", points.params, goal, scale),
            power_law(allocation, "tokens", points.tokens, goal, scale),
        ),
        caption=_caption(points, allocation, fit),
        widths=(1.25, 1.0, 1.0),
        heights=(2.5,),
        alt="Loss over size at each compute budget with the minima marked, and two log-log panels "
        "of the best size and the best number of tokens over compute.",
        source={"data_hash": allocation.data_hash},
    )


def _profiles(points: Runs, allocation: Allocation, fit: Fit | None, scale: Scale) -> Panel:
    flop = np.array([_budget(points, allocation, t) for t in points.tier])
    names = tuple(
        f"{name}: {c.flop_words(b)} FLOP, loss {loss:.4g}"
        for name, b, loss in zip(points.run_id, flop, points.loss, strict=True)
    )
    layers: list[Layer] = []
    few = len(allocation.optima) <= FEW
    for params, loss, budget in _curves(points, allocation, fit):
        label = c.flop_words(budget) if few else ""
        layers.append(
            Line(array(params), array(loss), "law", budget, label=label, dashed=fit is None)
        )
    layers.append(Points(array(points.params), array(points.loss), shade=array(flop), names=names))
    for edge in (False, True):
        found = [o for o in allocation.optima if o.used is not edge and o.n_params.estimate > 0]
        found = [o for o in found if math.isfinite(o.n_params.estimate) and o.loss.estimate > 0]
        if found:
            layers.append(_minima(found, edge))
    n_lo, n_hi = c.log_range(points.params)
    l_lo, l_hi = c.log_range(points.loss)
    return Panel(
        Axis(c.n_label(points.conventions), n_lo, n_hi * (1.5 if few else 1.0), True, "params"),
        Axis(c.loss_label(points.conventions), l_lo, l_hi, True, "loss"),
        tuple(layers),
        title="Loss at equal compute",
        scale=scale,
    )


def _curves(
    points: Runs, allocation: Allocation, fit: Fit | None
) -> list[tuple[Array, Array, float]]:
    """Per budget: sizes, losses, compute."""
    if fit is None:
        shape = allocation.shape if allocation.shape in SHAPES else "slices"
        return [(one.params, one.loss, one.flop) for one in isoflop_lines(points, shape)]
    surface = c.surface_of(fit)
    curves: list[tuple[Array, Array, float]] = []
    for tier in np.unique(points.tier):
        here = points.params[points.tier == tier]
        budget = float(np.exp(np.log(points.flop[points.tier == tier]).mean()))
        params = c.geometric(float(here.min()) / 1.15, float(here.max()) * 1.15, STEPS)
        loss = surface.loss(fit.theta[:, None], params, np.full(STEPS, budget))
        curves.append((params, loss, budget))
    return curves


def _budget(points: Runs, allocation: Allocation, tier: int) -> float:
    """The budget of a tier, as the allocation has it."""
    mean = float(np.log(points.flop[points.tier == tier]).mean())
    return min((o.flop for o in allocation.optima), key=lambda flop: abs(math.log(flop) - mean))


def _minima(found: list[Optimum], edge: bool) -> Points:
    sizes = [o.n_params for o in found]
    middle, low, high = (
        np.array([getattr(q, end) for q in sizes]) for end in ("estimate", "lo", "hi")
    )
    low, high = c.whiskers(middle, low, high, WIDEST)
    return Points(
        array(middle),
        array([o.loss.estimate for o in found]),
        "open optimum" if edge else "optimum",
        x_lo=array(low),
        x_hi=array(high),
        names=tuple(f"best N {format_quantity(o.n_params.estimate)} {o.note}" for o in found),
    )


def power_law(
    allocation: Allocation, name: str, seen: Array, goal: float, scale: Scale | None
) -> Panel:
    """The best size or tokens over compute, with the power law and its band to the target.

    Args:
        allocation: one of the three approaches.
        name: ``n_params`` or ``tokens``.
        seen: those of the runs.
        goal: the target, in FLOP.
        scale: shades of the budgets, if they have any.
    """
    last = allocation.flop_range[1]
    letter = "N" if name == "n_params" else "D"
    used = [o for o in allocation.optima if o.used]
    places = np.array([o.flop for o in used])
    quantities = [o.quantities[name] for o in used]
    middle, lo, hi = (
        np.array([getattr(q, end) for q in quantities]) for end in ("estimate", "lo", "hi")
    )
    lo, hi = c.whiskers(middle, lo, hi, WIDEST)
    flop = np.unique(
        np.append(c.geometric(min(float(places.min()), goal), max(goal, last), STEPS), last)
    )
    level, slope = allocation.line[[0, 1]] if letter == "N" else allocation.line[[2, 3]]
    line = np.exp(level + slope * np.log(flop))
    at = 0 if letter == "N" else 2
    drawn = np.exp(allocation.draws[:, [at]] + allocation.draws[:, [at + 1]] * np.log(flop))
    low, high = c.ends(drawn, allocation.level, len(flop))
    layers = c.along(flop, line, low, high, last, "law")
    layers.append(
        Points(
            *(array(places), array(middle), "data"),
            shade=None if scale is None else array(places),
            y_lo=array(lo),
            y_hi=array(hi),
            names=tuple(
                f"{c.flop_words(o.flop)} FLOP: {format_quantity(q.estimate)}"
                for o, q in zip(used, quantities, strict=True)
            ),
        )
    )
    split = allocation.at(goal)
    answer = split.n_params if letter == "N" else split.tokens
    ends = [side for side in (answer.lo, answer.hi) if 0 < side < math.inf]
    exponent = allocation.exponents["n_opt" if letter == "N" else "d_opt"]
    layers += [
        Points(
            *(array([goal]), array([answer.estimate]), "answer"),
            y_lo=array([answer.lo]),
            y_hi=array([answer.hi]),
            names=(f"{letter}* {format_quantity(answer.estimate)}",),
        ),
        Mark(x=goal, y=answer.estimate, role="answer"),
        Text(0.985, 0.1, _exponent(letter, exponent), anchor="lower right", inside=True),
    ]
    axis = c.log_axis(
        c.n_label(allocation.conventions).replace("N (", "N* (")
        if letter == "N"
        else "D* (tokens)",
        "params" if letter == "N" else "tokens",
        *c.log_range(middle, line, [answer.estimate, *ends]),
        seen,
    )
    return Panel(
        c.log_axis("C (FLOP)", "flop", *c.log_range(flop), [flop.min(), last]),
        axis,
        tuple(layers),
        title="Best size" if letter == "N" else "Best tokens",
        scale=scale,
        place=(0, 1 if letter == "N" else 2),
    )


def _exponent(letter: str, exponent: Quantity) -> str:
    interval = "" if math.isnan(exponent.lo) else f"\n{exponent.lo:.2f} to {exponent.hi:.2f}"
    return f"{letter}* ∝ C^{exponent.estimate:.2f}{interval}"


def _caption(points: Runs, allocation: Allocation, fit: Fit | None) -> str:
    curve = (
        f"dashed: {SHAPES.get(allocation.shape, allocation.shape)}, fitted to each budget"
        if fit is None
        else f"lines: slices of {fit.law.name}, L = {fit.law.formula}, fitted to all runs"
    )
    left_out = sum(not o.used for o in allocation.optima)
    out = (
        f" {left_out} of {len(allocation.optima)} budgets have no minimum inside their sizes and "
        "are left out (hollow stars)."
        if left_out
        else ""
    )
    words = c.interval_words(
        allocation.level,
        allocation.ci if len(allocation.draws) else "none",
        len(allocation.draws) or None,
    )
    return (
        f"Approach 2 of Hoffmann et al. 2022 on {allocation.n_runs} runs at "
        f"{len(allocation.optima)} budgets. Dots: runs; {curve}; stars: minima with intervals."
        f"{out} Bars longer than a factor of {WIDEST:g} are cut. Power laws through the minima, "
        f"orange where no run has reached. {c.meaning(points.conventions)} {c.sentence(words)}"
    )
