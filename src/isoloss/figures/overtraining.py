"""F12: what a model of another size costs at the same loss, and from which served tokens it pays.

After De Vries 2023 (the critical size) and Sardana et al. 2024 (arXiv 2401.00448), with published
models as dots, each against the optimum of its own loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.figures import context as c
from isoloss.figures.parts import (
    Axis,
    Band,
    Figure,
    Layer,
    Line,
    Mark,
    Panel,
    Points,
    Text,
    array,
)
from isoloss.fitting import Quantity
from isoloss.planning.serving.overtraining_result import Mark as Run
from isoloss.planning.serving.overtraining_result import Overtraining
from isoloss.runs import format_quantity

Array = NDArray[np.float64]
HIGHEST = 2.0  # overhead, as a share, that is shown at least up to
APART = 0.05  # share of a panel below which two models share one label


def overtraining(found: Overtraining) -> Figure:
    """Compute overhead over size, and the served tokens from which a smaller model is cheaper.

    Args:
        found: the curve, its marks and the published models.
    """
    curve = found.curve
    ratio = curve.size_ratio
    overhead = 100 * curve.overhead
    top = 100 * max(HIGHEST, found.here.overhead.estimate if found.here is not None else 0.0)
    seen = np.isfinite(overhead) & (overhead <= 1.5 * top)
    x_axis = Axis("N / N* at the same loss", *c.log_range(ratio[seen]), True, "number")
    y_axis = Axis("extra training compute (%)", -0.04 * top, top, kind="number")
    layers: list[Layer] = []
    lo, hi = 100 * curve.overhead_lo, 100 * curve.overhead_hi
    if np.isfinite(lo).any():
        layers.append(Band(array(ratio), array(lo), array(np.nan_to_num(hi, posinf=10 * top))))
    layers.append(Line(array(ratio), array(np.where(seen, overhead, np.nan)), "law", heavy=True))
    layers.append(Mark(y=0.0, role="zero"))
    for mark in found.marks:
        if mark.size_ratio.estimate > 0 and math.isfinite(mark.size_ratio.estimate):
            layers.append(
                Mark(x=mark.size_ratio.estimate, role="guide", label=mark.label.replace("x", "×"))
            )
    layers += _models(found.known, x_axis, y_axis)
    if found.here is not None:
        layers.append(_here(found.here))
    optimum = found.optimum
    panels = [Panel(x_axis, y_axis, tuple(layers), title="The price of another size")]
    pays = _pays(found, x_axis)
    if pays is not None:
        panels.append(pays)
    return Figure(
        key="overtraining",
        title="What another size costs at the same loss",
        panels=tuple(panels),
        caption=_caption(found, optimum, pays is not None),
        widths=(1.0,) * len(panels),
        heights=(2.7,),
        width="text" if len(panels) > 1 else "column",
        alt="Extra training compute over relative model size, with published models, and the "
        "served tokens from which a smaller model is cheaper.",
        source={"law": str(found.facts.get("law", ""))},
    )


def _models(known: tuple[Run, ...], x_axis: Axis, y_axis: Axis) -> list[Layer]:
    """Published models that lie within the panel."""
    inside = [
        run
        for run in known
        if x_axis.lo <= run.size_ratio.estimate <= x_axis.hi
        and run.overhead.estimate * 100 <= y_axis.hi
    ]
    groups: list[list[Run]] = []
    for run in sorted(inside, key=lambda run: run.size_ratio.estimate):
        beside = groups[-1][-1] if groups else None
        close = beside is not None and all(
            abs(axis.share(one) - axis.share(other)) < APART
            for axis, one, other in (
                (x_axis, run.size_ratio.estimate, beside.size_ratio.estimate),
                (y_axis, 100 * run.overhead.estimate, 100 * beside.overhead.estimate),
            )
        )
        if close:
            groups[-1].append(run)
        else:
            groups.append([run])
    return [
        Points(
            array([run.size_ratio.estimate for run in group]),
            array([100 * run.overhead.estimate for run in group]),
            "reference",
            names=tuple(
                f"{run.label}: N {format_quantity(run.n_params.estimate)}, {run.source}"
                for run in group
            ),
            label=", ".join(run.label for run in group),
        )
        for group in groups
    ]


def _here(run: Run) -> Points:
    def ends(q: Quantity, scale: float = 1.0) -> tuple[Array, Array]:
        return array([scale * q.lo]), array([scale * q.hi])

    x_lo, x_hi = ends(run.size_ratio)
    y_lo, y_hi = ends(run.overhead, 100.0)
    return Points(
        *(array([run.size_ratio.estimate]), array([100 * run.overhead.estimate]), "answer"),
        x_lo=x_lo,
        x_hi=x_hi,
        y_lo=y_lo,
        y_hi=y_hi,
        names=(f"you are here: N {format_quantity(run.n_params.estimate)}",),
        label="you are here",
    )


def _pays(found: Overtraining, x_axis: Axis) -> Panel | None:
    """Served tokens at which a size is as cheap as N* over its life."""
    curve = found.curve
    tokens = curve.break_even_tokens
    seen = np.isfinite(tokens) & (tokens > 0) & (curve.size_ratio >= x_axis.lo)
    if seen.sum() < 3:
        return None
    x, y = curve.size_ratio[seen], tokens[seen]
    layers: list[Layer] = [
        Line(array(x), array(y), "law", heavy=True),
        Text(0.97, 0.96, "smaller is cheaper", anchor="upper right", inside=True),
        Text(0.03, 0.04, "N* is cheaper", anchor="lower left", inside=True),
    ]
    here = found.here
    if here is not None and np.isfinite(here.break_even_tokens.estimate):
        layers.append(
            Points(
                *(
                    array([here.size_ratio.estimate]),
                    array([here.break_even_tokens.estimate]),
                    "answer",
                ),
                label="you are here",
            )
        )
    return Panel(
        Axis("N / N* at the same loss", *c.log_range(x), True, "number"),
        Axis("tokens served", *c.log_range(y), True, "tokens"),
        tuple(layers),
        title="From when it pays",
        place=(0, 1),
    )


def _caption(found: Overtraining, optimum: Mapping[str, Quantity], pays: bool) -> str:
    facts: Mapping[str, Any] = found.facts
    n, d = (format_quantity(optimum[name].estimate) for name in ("n_params", "tokens"))
    known = (
        f" Crosses: published models, each against the optimum of its own loss by {facts['law']}."
    )
    served = (
        " b: served tokens from which the smaller model costs less over its life, training "
        "included."
        if pays
        else ""
    )
    words = c.interval_words(float(facts["level"]), str(facts["ci"]))
    runs = f"{facts['n_runs']} runs; " if facts.get("n_runs") else f"{facts.get('source', '')}; "
    return (
        f"Extra compute that a model of N needs for the loss of N* = {n}, D* = {d}."
        f"{known}{served} {runs}{facts['law']}, L = {facts['formula']}. "
        f"{c.meaning(facts['conventions'])} {c.sentence(words)}"
    )
