"""F8: what repeated data are worth: loss over the share of new tokens, over epochs, and per token.

After Muennighoff et al. 2023 (arXiv 2305.16264), for any fitted law in unique tokens U.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.figures import context as c
from isoloss.figures.parts import (
    Axis,
    Band,
    Contour,
    Figure,
    Layer,
    Line,
    Panel,
    Points,
    Scale,
    Text,
    array,
)
from isoloss.fitting import Fit
from isoloss.fitting.sweep import size_numbers
from isoloss.planning.data import EpochTable, epoch_table
from isoloss.runs import format_quantity

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
GROUPS = 4
STEPS = 60
CELLS = 48
LEVELS = 20
MOST_EPOCHS = 100.0
LABELLED = (1.0, 4.0, 16.0, 64.0)


def repetition(fit: Fit, table: EpochTable | None = None) -> Figure:
    """Loss over the share of unique tokens, over all tokens, over epochs and size; worth per token.

    Args:
        fit: of a law in U.
        table: worth by epochs; made from the fit by default.

    Raises:
        InputError: the law is not in U.
        EvidenceError: no runs differ in epochs alone.
    """
    if "U" not in fit.law.variables:
        raise InputError(
            f"this figure needs a law in unique tokens U, and {fit.law.name} has none.",
            code="law_without_u",
            where=Where(field="law"),
            hint="Fit repetition, to runs with a column unique_tokens.",
        )
    points = fit.points
    c.require_columns(points, "params", "tokens", "unique_tokens")
    scale = Scale(
        c.n_label(points.conventions),
        *(float(points.params.min()), max(float(points.params.max()), 1.01 * points.params.min())),
        True,
        "params",
    )
    by_share = _groups(points.params, points.tokens, points.unique_tokens)
    by_tokens = _groups(points.params, points.unique_tokens, points.tokens)
    if not by_share and not by_tokens:
        raise EvidenceError(
            "no three runs of one size differ in epochs alone, so there is nothing to compare.",
            code="no_repetition",
            hint="Repeat the data of one run 2, 4, 16 times, or train it on half the tokens.",
        )
    epochs = c.geometric(1.0, MOST_EPOCHS, STEPS)
    made = table if table is not None else epoch_table(fit, epochs=[float(e) for e in epochs])
    panels = (
        _shares(fit, by_share, scale),
        _tokens(fit, by_tokens, scale),
        _plane(fit),
        _worth(made),
    )
    return Figure(
        key="repetition",
        title="What repeated data are worth",
        panels=panels,
        caption=(
            "a: loss over the share of unique tokens at equal N and D; lines: the law, dotted: all "
            "tokens new. b: loss over tokens seen at equal N and U; dotted: if repeats "
            "were new. c: loss over epochs and size for the most frequent U. d: worth of a token "
            "against a new one: on average over the run (black) and of the next one (dashed). "
            f"{c.fit_caption(fit)}"
        ),
        widths=(1.0, 1.0),
        heights=(2.4, 2.4),
        alt="Four panels on repeated data: loss over share of unique tokens, over tokens, over "
        "epochs and size, and the worth of a token over epochs.",
        source={"data_hash": points.data_hash, "law": fit.law.name},
    )


def _groups(first: Array, second: Array, free: Array) -> list[Ints]:
    """Runs of equal first and second variable and at least three values of the free one."""
    pair = np.stack([size_numbers(first), size_numbers(second)])
    group = np.unique(pair, axis=1, return_inverse=True)[1].ravel()
    found: list[Ints] = []
    for number in range(int(group.max()) + 1):
        rows = np.flatnonzero(group == number)
        if len(np.unique(np.round(np.log(free[rows]), 3))) >= 3:
            found.append(rows)
    found.sort(key=lambda rows: -len(rows))
    return sorted(found[:GROUPS], key=lambda rows: float(first[rows].mean()))


def _value(fit: Fit, n: Array | float, d: Array, u: Array | float) -> Array:
    d = np.asarray(d, dtype=np.float64)
    unique = np.minimum(np.broadcast_to(np.asarray(u, dtype=np.float64), d.shape), d)
    n = np.broadcast_to(np.asarray(n, dtype=np.float64), d.shape)
    known = {"N": n, "D": d, "U": unique, "C": 6.0 * n * d}
    return fit.law.value(
        fit.theta.reshape(-1, *(1,) * d.ndim), {name: known[name] for name in fit.law.variables}
    )


def _shares(fit: Fit, groups: list[Ints], scale: Scale) -> Panel:
    points = fit.points
    layers: list[Layer] = []
    shares: list[Array] = [np.array([10.0, 100.0])]
    losses: list[Array] = []
    for rows in groups:
        n, d = (float(np.median(v[rows])) for v in (points.params, points.tokens))
        share = 100 * points.unique_tokens[rows] / points.tokens[rows]
        x = c.geometric(float(share.min()), 100.0, STEPS)
        y = _value(fit, n, np.full(STEPS, d), d * x / 100)
        new = _value(fit, n, np.array([d, d]), np.array([d, d]))
        layers += [
            Line(array([x[0], 100.0]), array(new), "guide"),
            Line(
                *(array(x[::-1]), array(y[::-1]), "law", n),
                label=f"{format_quantity(n)}, {format_quantity(d)}",
            ),
            _dots(fit, rows, share),
        ]
        shares.append(share)
        losses += [y, points.loss[rows]]
    if not losses:
        return _nothing("Share of new tokens", (0, 0))
    lo, hi = c.log_range(*shares)
    return Panel(
        Axis("unique tokens (% of tokens seen)", lo / 2, hi, True, "number", reverse=True),
        Axis(c.loss_label(points.conventions), *c.log_range(*losses), True, "loss"),
        tuple(layers),
        title="Share of new tokens",
        scale=scale,
    )


def _tokens(fit: Fit, groups: list[Ints], scale: Scale) -> Panel:
    points = fit.points
    layers: list[Layer] = []
    spans: list[Array] = []
    losses: list[Array] = []
    for rows in groups:
        n, u = (float(np.median(v[rows])) for v in (points.params, points.unique_tokens))
        tokens = points.tokens[rows]
        x = c.geometric(min(float(tokens.min()), u), float(tokens.max()), STEPS)
        y = _value(fit, n, x, u)
        layers += [
            Line(array(x), array(_value(fit, n, x, x)), "guide"),
            Line(array(x), array(y), "law", n),
            _dots(fit, rows, tokens),
        ]
        for epochs in LABELLED:
            if x[0] <= epochs * u <= x[-1] and rows is groups[-1]:
                at = float(_value(fit, n, np.array([epochs * u]), u)[0])
                layers.append(Text(epochs * u, at, f"{epochs:g} ep.", anchor="above"))
        spans.append(x)
        losses += [y, points.loss[rows]]
    if not losses:
        return _nothing("Epochs", (0, 1))
    return Panel(
        Axis("D (tokens seen)", *c.log_range(*spans), True, "tokens"),
        Axis(c.loss_label(points.conventions), *c.log_range(*losses), True, "loss"),
        tuple(layers),
        title="Epochs of the same tokens",
        scale=scale,
        place=(0, 1),
    )


def _dots(fit: Fit, rows: Ints, x: Array) -> Points:
    points = fit.points
    return Points(
        array(x),
        array(points.loss[rows]),
        "data",
        shade=array(points.params[rows]),
        names=tuple(f"{points.run_id[int(i)]}: loss {points.loss[i]:.4g}" for i in rows),
    )


def _plane(fit: Fit) -> Panel:
    """Loss over epochs and size for the number of unique tokens that most runs have."""
    points = fit.points
    values, counts = np.unique(np.round(np.log(points.unique_tokens), 2), return_counts=True)
    u = math.exp(float(values[int(np.argmax(counts))]))
    rows = np.flatnonzero(np.abs(np.log(points.unique_tokens / u)) < 0.02)
    epochs = points.tokens[rows] / u
    x = c.geometric(1.0, max(8.0, float(epochs.max()) * 1.3), CELLS)
    n_lo, n_hi = c.log_range(points.params[rows], [points.params[rows].min() / 2])
    y = c.geometric(n_lo, n_hi, CELLS)
    d = np.broadcast_to(u * x[None, :], (CELLS, CELLS))
    z = _value(fit, np.broadcast_to(y[:, None], (CELLS, CELLS)), d, u)
    worst = float(np.quantile(z, 0.85))
    levels = array(c.geometric(float(z.min()) * 1.0005, worst, LEVELS))
    low, high = float(levels[0]), float(levels[-1])
    scale = Scale(c.loss_label(points.conventions), low, high, True, "loss", less_is_more=True)
    layers: list[Layer] = [
        Contour(array(x), array(y), array(z), levels),
        Points(
            *(array(epochs), array(points.params[rows]), "data"),
            shade=array(points.loss[rows]),
            names=tuple(f"{points.run_id[int(i)]}: loss {points.loss[i]:.4g}" for i in rows),
        ),
    ]
    row, column = (int(i) for i in np.unravel_index(int(np.argmin(z)), z.shape))
    first = int(np.argmin(z[:, 0]))
    if 0 < first < CELLS - 1:
        layers.append(Points(array([x[0]]), array([y[first]]), "open optimum", label="one epoch"))
    if 0 < row < CELLS - 1 and 0 < column < CELLS - 1:
        layers.append(
            Points(array([x[column]]), array([y[row]]), "optimum", label="best for these tokens")
        )
    return Panel(
        Axis("epochs", float(x[0]) / 1.1, float(x[-1]), True, "number"),
        Axis(c.n_label(points.conventions), n_lo, n_hi, True, "params"),
        tuple(layers),
        title=f"U = {format_quantity(u)} tokens",
        scale=scale,
        place=(1, 0),
    )


def _worth(table: EpochTable) -> Panel:
    rows = [row for row in table.rows if math.isfinite(row.epochs)]
    x = np.array([row.epochs for row in rows])
    layers: list[Layer] = []
    for name, role in (("share", "law"), ("next_token", "path")):
        middle, lo, hi = (
            100 * np.array([getattr(getattr(row, name), end) for row in rows])
            for end in ("estimate", "lo", "hi")
        )
        if np.isfinite(lo).any():
            layers.append(Band(array(x), array(lo), array(hi)))
        layers.append(
            Line(array(x), array(middle), "law", label=_WORTH[name], dashed=role == "path")
        )
    return Panel(
        Axis("epochs", 1.0, float(x.max()) * 1.9, True, "number"),
        Axis("worth of a token (% of a new one)", 0.0, 104.0),
        tuple(layers),
        title="Worth of a token",
        place=(1, 1),
    )


_WORTH = {"share": "average", "next_token": "next"}


def _nothing(title: str, place: tuple[int, int]) -> Panel:
    words = Text(0.5, 0.5, "no runs differ in this alone", anchor="centre", inside=True)
    return Panel(
        Axis("", 0.0, 1.0, quiet=True), Axis("", 0.0, 1.0, quiet=True), (words,), title, place=place
    )
