"""F7: the best learning rate and batch over size and tokens, with what was published of them.

After Step Law (arXiv 2503.04715) and Power Lines (arXiv 2505.13738), figure 1: hollow optima were
not used in the fit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.figures import context as c
from isoloss.figures.parts import (
    Axis,
    Band,
    Figure,
    Kind,
    Layer,
    Line,
    Panel,
    Points,
    Scale,
    array,
)
from isoloss.fitting.sweeps import SweepFit
from isoloss.laws.hparams import HPARAM_LAWS
from isoloss.runs import format_quantity

Array = NDArray[np.float64]
LABELS = {"lr": "best peak learning rate", "batch_tokens": "best batch (tokens)"}
TITLES = {"lr": "Learning rate", "batch_tokens": "Batch"}


def hparam_laws(found: SweepFit) -> Figure:
    """The optima of the cells, the law through them with a fan of draws, and published laws.

    Args:
        found: a sweep that carries a law.

    Raises:
        EvidenceError: it carries none.
    """
    law = found.need_law()
    panels = tuple(_panel(found, axis, column) for column, axis in enumerate(law.axes))
    hollow = sum(not np.isfinite(cell.optimum[law.axes[0]].estimate) for cell in found.cells)
    left = f" {hollow} of {len(found.cells)} cells show no optimum." if hollow else ""
    return Figure(
        key="hparam-laws",
        title="Best learning rate and batch",
        panels=panels,
        caption=(
            f"Optima of {len(found.cells)} cells ({found.n_runs} runs) with intervals, shaded by "
            "the other variable; lines: the law fitted to all runs; bands: where the optimum of a "
            f"new cell lies, for the outermost lines.{left} Dotted: published laws at the median "
            "of the other variable, fitted to other recipes. Batch in tokens; loss in "
            f"{found.runs.conventions.loss_unit}. "
            f"{c.sentence(c.interval_words(found.level, found.cluster))}"
        ),
        widths=(1.0,) * len(panels),
        heights=(2.8,),
        width="text" if len(panels) > 1 else "column",
        alt="Best learning rate over size and best batch over tokens, log-log, with lines.",
        source={"data_hash": found.runs.data_hash},
    )


def _panel(found: SweepFit, axis: str, column: int) -> Panel:
    curves = found.curves(axis)
    own, other = (0, 1) if curves.along == "N" else (1, 0)
    seen, held = curves.cells[:, own], curves.cells[:, other]
    words: dict[str, tuple[str, Kind]] = {
        "N": (c.n_label(found.runs.conventions), "params"),
        "D": ("D (tokens)", "tokens"),
    }
    label, kind = words[curves.along]
    second, second_kind = words["D" if curves.along == "N" else "N"]
    several = float(held.max()) > 1.02 * float(held.min())
    scale = (
        Scale(second, float(held.min()), float(held.max()), True, second_kind) if several else None
    )
    layers: list[Layer] = []
    for f, value in enumerate(curves.held):
        shade = float(value) if several and len(curves.held) > 1 else None
        # The bands of neighbours would cover each other.
        outermost = f in (0, len(curves.held) - 1)
        if outermost and np.isfinite(curves.lo[f]).any():
            layers.append(
                Band(array(curves.x), array(curves.lo[f]), array(curves.hi[f]), "band", shade)
            )
        if len(curves.held) == 1:
            layers += [
                Line(array(curves.x), array(one), "guide", thin=True) for one in curves.fan[f]
            ]
        layers.append(Line(array(curves.x), array(curves.curves[f]), "law", shade))
    middle, lo, hi = curves.optima.T
    usable = np.isfinite(middle)
    layers.append(
        Points(
            *(array(seen[usable]), array(middle[usable]), "data"),
            shade=array(held[usable]) if several else None,
            y_lo=array(lo[usable]),
            y_hi=array(hi[usable]),
            names=tuple(
                f"N {format_quantity(n)}, D {format_quantity(d)}: {v:.3g}"
                for (n, d), v in zip(curves.cells[usable], middle[usable], strict=True)
            ),
        )
    )
    y_lo, y_hi = c.log_range(middle[usable], curves.curves, margin=0.12)
    layers += _published(axis, curves.along, curves.x, float(np.median(held)), (y_lo, y_hi))
    x_lo, x_hi = c.log_range(curves.x, margin=0.0)
    return Panel(
        c.log_axis(label, kind, x_lo, x_hi, seen),
        Axis(LABELS[axis], y_lo, y_hi, True, "rate" if axis == "lr" else "tokens"),
        tuple(layers),
        title=TITLES[axis],
        scale=scale,
        place=(0, column),
    )


def _published(
    axis: str, along: str, x: Array, held: float, shown: tuple[float, float]
) -> list[Layer]:
    """Published laws of this setting that can be evaluated from N and D alone."""
    layers: list[Layer] = []
    for name, law in HPARAM_LAWS.items():
        if axis not in law.formulas:
            continue
        points = [{along: float(at), "D" if along == "N" else "N": held} for at in x]
        points = [one | {"C": 6.0 * one["N"] * one["D"]} for one in points]
        if law.needs(axis, points[0]):
            continue  # a law in the loss or in another run
        y = np.array([law.value(axis, one) for one in points])
        inside = np.isfinite(y) & (y >= shown[0]) & (y <= shown[1])
        if inside.sum() > len(x) // 4:
            layers.append(
                Line(array(x), array(np.where(inside, y, np.nan)), "reference", label=name)
            )
    return layers
