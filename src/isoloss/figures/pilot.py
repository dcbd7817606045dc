"""F14: the runs of a pilot over size and tokens, and what each does to the interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.figures import context as c
from isoloss.figures.parts import Axis, Figure, Layer, Line, Panel, Points, array
from isoloss.figures.plane import diagonals
from isoloss.planning.pilot import PilotPlan
from isoloss.runs import format_quantity

Array = NDArray[np.float64]

OPEN = 3.0  # half widths beyond a factor of twenty are not drawn


def pilot(plan: PilotPlan) -> Figure:
    """Planned runs among those that are there, and the expected half width over what is spent."""
    added = sum(run.group == "added" for run in plan.runs)
    panels = [_plane(plan)]
    spent = np.cumsum([run.flop for run in plan.runs])
    half = np.array([run.half_width for run in plan.runs])
    shown = half < OPEN
    if shown.any():
        panels.append(_width(plan, spent[shown], half[shown]))
    return Figure(
        key="plane",
        title="The runs of a pilot",
        panels=tuple(panels),
        widths=(1.0, 1.0)[: len(panels)],
        heights=(2.6,),
        caption=(
            f"{len(plan.runs)} planned runs (diamonds), {added} of them added by their worth; "
            f"{len(plan.existing['tokens'])} that are there (dots). "
            f"Star: the target. Dotted: equal compute, C = 6 N D. Half of the {plan.level:.0%} "
            f"interval of the {plan.narrow}, expected if the law ({plan.law}: {plan.source}) is "
            f"right. N: {plan.conventions['n']}; loss: {plan.conventions['loss_unit']}."
        ).replace("%", " %"),
        alt="Planned runs over size and tokens, and the expected interval over compute spent.",
        source={} if plan.data_hash is None else {"data_hash": plan.data_hash},
    )


def _plane(plan: PilotPlan) -> Panel:
    runs, target = plan.runs, plan.target
    size, tokens = (np.array([getattr(r, name) for r in runs]) for name in ("n_params", "tokens"))
    there = [np.array(plan.existing[name]) for name in ("n_params", "tokens")]
    x = c.log_axis(
        c.n_label(plan.conventions),
        "params",
        *c.log_range(size, there[0], [target["n_params"]]),
        np.concatenate([size, there[0]]),
    )
    y = c.log_axis(
        "D (tokens)",
        "tokens",
        *c.log_range(tokens, there[1], [target["tokens"]]),
        np.concatenate([tokens, there[1]]),
    )
    layers: list[Layer] = [*diagonals(x, y)]
    if len(there[0]):
        layers.append(Points(array(there[0]), array(there[1]), "faded"))
    said = tuple(
        f"{run.shape}: N {format_quantity(run.n_params)}, D {format_quantity(run.tokens)}"
        for run in runs
    )
    layers.append(Points(array(size), array(tokens), "answer", names=said))
    layers.append(Points(array([target["n_params"]]), array([target["tokens"]]), "optimum"))
    return Panel(x, y, tuple(layers), title="Which runs")


def _width(plan: PilotPlan, spent: Array, half: Array) -> Panel:
    relative = plan.narrow != "exponent"
    shown = 100 * half if relative else half
    label = "half width (% of the answer, in log)" if relative else "half width"
    x = c.log_axis("spent (FLOP)", "flop", *c.log_range(spent))
    y = Axis(label, *c.log_range(shown), True, "number")
    line = Line(array(spent), array(shown), "answer")
    return Panel(x, y, (line,), title="What they buy", place=(0, 1))
