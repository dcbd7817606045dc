"""F6: loss over learning rate and batch in cells of a sweep, with the law's advice.

After figure 2 of Step Law (arXiv 2503.04715), smoothed only between runs and never beyond them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.figures import context as c
from isoloss.figures.parts import (
    Axis,
    Contour,
    Figure,
    Heat,
    Layer,
    Line,
    Panel,
    Points,
    Scale,
    Text,
    array,
)
from isoloss.fitting.sweeps import SweepFit
from isoloss.fitting.sweeps.cells import Cell
from isoloss.runs import format_quantity

Array = NDArray[np.float64]
CELLS = 3
HIGHEST = 2.0  # per cent above the best, the end of the scale
GRID = 44


def lr_batch(
    found: SweepFit, cells: list[Cell] | None = None, seq_len: int | None = None
) -> Figure:
    """Heat maps of some cells with runs, contours, best run and the law with its ellipse.

    Args:
        found: the sweep.
        cells: which cells; by default up to three with most runs, ascending in N and D.
        seq_len: tokens of a sequence, for a second scale of the batch.

    Raises:
        InputError: only the learning rate was varied.
    """
    if cells is None:
        order = sorted(found.cells, key=lambda cell: -cell.n_runs)[:CELLS]
        cells = [cell for cell in found.cells if cell in order]
    scale = Scale("loss above the best (%)", 0.0, HIGHEST, kind="number", less_is_more=True)
    panels = tuple(_panel(found, cell, i, scale, seq_len) for i, cell in enumerate(cells))
    unit = found.runs.conventions.loss_unit
    words = c.interval_words(found.level, found.cluster)
    law = (
        " Diamond: the law of all cells with the region that holds the optimum of a cell."
        if found.law is not None
        else f" No law: {found.status_message}"
    )
    return Figure(
        key="lr-batch",
        title="Loss over learning rate and batch",
        panels=panels,
        caption=(
            f"{found.n_runs} runs in {len(found.cells)} cells, of which {len(panels)} are shown. "
            "Shades: loss above the best run, interpolated between runs only; lines at +0.1, 0.25, "
            f"0.5 and 1 %; dots: runs; rings: diverged; star: best run.{law} Batch in tokens; "
            f"loss in {unit}. {c.sentence(words)}"
        ),
        widths=(1.0,) * len(panels),
        heights=(2.7,),
        width="text" if len(panels) > 1 else "column",
        alt="Heat maps of loss over learning rate and batch with contour lines.",
        source={"data_hash": found.runs.data_hash},
    )


def _panel(found: SweepFit, cell: Cell, column: int, scale: Scale, seq_len: int | None) -> Panel:
    heat = found.heat_map(cell.params, cell.tokens, GRID)
    excess = 100 * heat.excess
    runs, diverged = heat.runs, heat.diverged
    x_lo, x_hi = c.log_range(runs[:, 0], diverged[:, 0])
    y_lo, y_hi = c.log_range(runs[:, 1], diverged[:, 1])
    levels = array([100 * level for level in heat.contours])
    layers: list[Layer] = [
        Heat(array(heat.lr), array(heat.batch_tokens), array(excess)),
        Contour(
            *(array(heat.lr), array(heat.batch_tokens), array(excess), levels),
            labelled=(float(levels[0]), float(levels[-1])),
            shaded=False,
            role="edge",
            suffix=" %",
            signs=True,
        ),
        Points(
            *(array(runs[:, 0]), array(runs[:, 1]), "law"),
            small=True,
            names=tuple(
                f"lr {lr:.3g}, batch {format_quantity(b)}, loss {loss:.4g}" for lr, b, loss in runs
            ),
        ),
    ]
    if len(diverged):
        layers.append(Points(array(diverged[:, 0]), array(diverged[:, 1]), "truth"))
    if len(heat.ellipse):
        layers.append(Line(array(heat.ellipse[:, 0]), array(heat.ellipse[:, 1]), "answer"))
    layers.append(Points(array([heat.best[0]]), array([heat.best[1]]), "best"))
    if np.isfinite(heat.law).all():
        layers.append(Points(array([heat.law[0]]), array([heat.law[1]]), "answer"))
    if np.isfinite(heat.law_costs):
        text = f"law costs {100 * heat.law_costs:+.2f} %"
        layers.append(Text(0.03, 0.98, text, anchor="upper left", inside=True))
    twin = None if seq_len is None else ("batch (sequences)", "number", 1 / seq_len)
    return Panel(
        Axis("peak learning rate", x_lo, x_hi, True, "rate"),
        Axis("batch (tokens)", y_lo, y_hi, True, "tokens", twin=twin, quiet=False),
        tuple(layers),
        title=f"N {format_quantity(cell.params)}, D {format_quantity(cell.tokens)}",
        scale=scale,
        place=(0, column),
    )
