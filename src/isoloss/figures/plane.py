"""Where are the runs? The plane of size and tokens, with runs that would say more.

Equal compute is a diagonal. Runs that do not count are pale; runs worth training are in the accent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError
from isoloss.figures import context as c
from isoloss.figures.parts import Axis, Figure, Layer, Line, Panel, Points, Scale, Text, array
from isoloss.figures.ticks import written
from isoloss.runs import Runs, format_quantity

Array = NDArray[np.float64]

DIAGONALS = 8
STEPS = 40


def plane(runs: Runs, further: Iterable[tuple[float, float]] = ()) -> Figure:
    """The runs over size and tokens, in the shades of their loss.

    Args:
        runs: the table, excluded runs too.
        further: N and D of runs worth training, the best first.

    Raises:
        EvidenceError: no run that counts has both N and D.
    """
    column, meaning = runs.conventions.n_column, runs.conventions
    names = [str(name) for name in runs.frame["run_id"]]
    known = {name: _column(runs, name) for name in (column, "tokens", "loss")}
    usable = np.isfinite(known[column]) & np.isfinite(known["tokens"])
    usable &= (known[column] > 0) & (known["tokens"] > 0)
    counts = usable & np.array([status == "ok" for status in runs.frame["status"]])
    if not counts.any():
        raise EvidenceError(
            "no run that counts has both a size and tokens, so there is nothing to show.",
            code="nothing_to_draw",
        )
    size, tokens, loss = known[column], known["tokens"], known["loss"]
    more = np.array(list(further), dtype=np.float64).reshape(-1, 2)
    n_lo, n_hi = c.log_range(size[usable], more[:, 0])
    d_lo, d_hi = c.log_range(tokens[usable], more[:, 1])
    seen = (size[counts], tokens[counts]) if len(more) else (None, None)
    x = c.log_axis(c.n_label(meaning), "params", n_lo, n_hi, seen[0])
    y = c.log_axis("D (tokens)", "tokens", d_lo, d_hi, seen[1])
    scale = Scale(
        c.loss_label(meaning),
        *(float(loss[counts].min()), float(loss[counts].max())),
        log=True,
        kind="loss",
        less_is_more=True,
    )
    out = usable & ~counts
    layers: list[Layer] = [*diagonals(x, y)]
    if out.any():
        said = tuple(f"{names[i]}: does not count" for i in np.flatnonzero(out))
        layers.append(Points(array(size[out]), array(tokens[out]), "faded", names=said))
    said = tuple(f"{names[i]}: loss {loss[i]:.4g}" for i in np.flatnonzero(counts))
    layers.append(
        Points(array(size[counts]), array(tokens[counts]), shade=array(loss[counts]), names=said)
    )
    if len(more):
        told = tuple(f"train: N {format_quantity(n)}, D {format_quantity(d)}" for n, d in more)
        layers.append(Points(array(more[:, 0]), array(more[:, 1]), "answer", names=told))
    further_words = " Diamonds: runs worth training." if len(more) else ""
    out_words = f" Pale: {int(out.sum())} that do not count." if out.any() else ""
    return Figure(
        key="plane",
        title="The runs over size and tokens",
        panels=(Panel(x, y, tuple(layers), scale=scale),),
        caption=(
            f"{int(counts.sum())} runs, shaded by loss.{out_words}{further_words} Dotted: equal "
            f"compute, C = 6 N D. N: {meaning.n}; loss: {meaning.loss_unit}."
        ),
        heights=(2.6,),
        alt="Runs as dots over model size and training tokens, with diagonals of equal compute.",
        source={"data_hash": runs.data_hash},
    )


def _column(runs: Runs, name: str) -> Array:
    if name not in runs.frame.columns:
        return np.full(len(runs), np.nan)
    return runs.frame[name].cast(float).fill_null(np.nan).to_numpy()


def diagonals(x: Axis, y: Axis) -> list[Layer]:
    """Lines of equal compute, C = 6 N D, with their compute beside them."""
    n = np.geomspace(x.lo, x.hi, STEPS)
    low, high = math.log10(6 * x.lo * y.lo), math.log10(6 * x.hi * y.hi)
    every = max(1, round((high - low) / DIAGONALS))
    found: list[Layer] = []
    for exponent in range(math.ceil(low), math.floor(high) + 1, every):
        d = 10.0**exponent / (6 * n)
        seen = (d >= y.lo) & (d <= y.hi)
        if seen.sum() < 4:
            continue
        found.append(Line(array(n[seen]), array(d[seen]), "guide"))
        # Inside the panel: beyond its edge stands the colour bar.
        last = int(np.flatnonzero(seen)[-1])
        words = written(10.0**exponent, "flop")
        found.append(Text(float(n[last]), float(d[last]), words, "guide", anchor="right"))
    return found
