"""F1: loss over compute, size by size, with the lower envelope and the sizes on it.

After Kaplan et al. 2020, figure 1, and approach 1 of Hoffmann et al. 2022.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.figures import context as c
from isoloss.figures.isoflop import power_law
from isoloss.figures.parts import Axis, Figure, Layer, Line, Panel, Points, Scale, array
from isoloss.fitting import Allocation
from isoloss.fitting.envelope import lower_envelope
from isoloss.fitting.sweep import size_numbers
from isoloss.runs import Points as Runs
from isoloss.runs import format_quantity

Array = NDArray[np.float64]
REACH = 30.0


def envelope(
    runs: Runs,
    allocation: Allocation,
    *,
    curves: str | None = None,
    target: float | None = None,
) -> Figure:
    """One curve per size, the lowest at each compute, and power laws through the best sizes.

    Args:
        runs: final losses, or checkpoints after the learning rate has decayed.
        allocation: approach 1 on them.
        curves: column whose values tell curves apart; by default each size is one.
        target: compute that the axes reach; 30 times the largest run by default.

    Raises:
        EvidenceError: no size has runs at two budgets.
    """
    goal = target or REACH * allocation.flop_range[1]
    found, best, inside = lower_envelope(runs, curves)
    lowest = np.where(best >= 0, found.log_loss[best, np.arange(len(best))], np.nan)
    flop = np.exp(found.log_c)
    scale = Scale(
        c.n_label(runs.conventions),
        *(float(found.params.min()), float(found.params.max())),
        True,
        "params",
    )
    changes = np.flatnonzero((np.diff(best) != 0) & (best[1:] >= 0) & (best[:-1] >= 0)) + 1
    layers: list[Layer] = [*_curves(runs)]
    layers += [
        Line(array(flop), array(np.where(inside, np.exp(lowest), np.nan)), "law", heavy=True),
        Line(array(flop), array(np.where(inside, np.nan, np.exp(lowest))), "zero", dashed=True),
        Points(
            array(runs.flop),
            array(runs.loss),
            shade=array(runs.params),
            small=True,
            names=tuple(
                f"{name}: N {format_quantity(n)}, loss {loss:.4g}"
                for name, n, loss in zip(runs.run_id, runs.params, runs.loss, strict=True)
            ),
        ),
        Points(array(flop[changes]), array(np.exp(lowest[changes])), "truth"),
    ]
    words = c.interval_words(
        allocation.level,
        allocation.ci if len(allocation.draws) else "none",
        len(allocation.draws) or None,
    )
    first = Panel(
        Axis("C (FLOP)", *c.log_range(runs.flop), True, "flop"),
        Axis(c.loss_label(runs.conventions), *c.log_range(runs.loss), True, "loss"),
        tuple(layers),
        title="Loss over compute",
        scale=scale,
    )
    return Figure(
        key="envelope",
        title="Loss over compute with its lower envelope",
        panels=(
            first,
            power_law(allocation, "n_params", runs.params, goal, None),
            power_law(allocation, "tokens", runs.tokens, goal, None),
        ),
        caption=(
            f"Approach 1 of Hoffmann et al. 2022 on {allocation.n_runs} runs of "
            f"{len(found.params)} sizes. Thin: runs of one size, interpolated in log C; heavy: the "
            "lowest where a smaller and a larger size can be compared, dashed where not; rings: "
            "where the best size changes. Points from before the learning rate has decayed would "
            f"lie too high and do not count. {c.meaning(runs.conventions)} {c.sentence(words)}"
        ),
        widths=(1.35, 1.0, 1.0),
        heights=(2.5,),
        alt="Loss over compute as one curve per size with the lower envelope, and log-log panels "
        "of the best size and tokens over compute.",
        source={"data_hash": allocation.data_hash},
    )


def _curves(runs: Runs) -> list[Layer]:
    """The runs of each size, in the order of their compute."""
    group = size_numbers(runs.params)
    lines: list[Layer] = []
    for number in range(int(group.max()) + 1):
        rows = np.flatnonzero(group == number)
        rows = rows[np.lexsort((runs.loss[rows], runs.flop[rows]))]
        _, first = np.unique(np.round(np.log(runs.flop[rows]), 9), return_index=True)
        kept = rows[first]
        if len(kept) > 1:
            shade = float(np.exp(np.log(runs.params[rows]).mean()))
            lines.append(Line(array(runs.flop[kept]), array(runs.loss[kept]), "law", shade))
    return lines
