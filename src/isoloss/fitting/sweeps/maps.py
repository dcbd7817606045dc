"""What a figure of a sweep needs, as arrays: the heat map of a cell and the curves of a law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting.sweeps.regret import grids

if TYPE_CHECKING:
    from isoloss.fitting.sweeps.cells import Cell
    from isoloss.fitting.sweeps.result import SweepFit

Array = NDArray[np.float64]

CONTOURS = (0.001, 0.0025, 0.005, 0.01)
"""Shares of the loss above the best at which lines are drawn."""


@dataclass(frozen=True)
class HeatMap:
    """Loss over learning rate and batch in one cell.

    Attributes:
        params: N of the cell.
        tokens: D of the cell.
        lr: (g,) columns of the grid.
        batch_tokens: (g,) rows of the grid.
        loss: (g, g) interpolated between the runs; NaN outside their hull.
        excess: the same as a share above the best run.
        smooth: (g, g) loss by the cell's surface; NaN outside the hull or without a surface.
        contours: shares above the best at which lines are meant to be drawn.
        runs: (n, 3) lr, batch and loss of the runs that did not diverge.
        diverged: (m, 2) lr and batch of those that did.
        best: lr, batch and loss of the best run.
        optimum: lr and batch by the surface; NaN without.
        law: lr and batch by the law; NaN without.
        ellipse: (p, 2) outline of the region that holds the optimum by the law; empty without.
        level: how sure that region is.
        law_costs: regret of the law here, a share of the loss; NaN without.
    """

    params: float
    tokens: float
    lr: Array
    batch_tokens: Array
    loss: Array
    excess: Array
    smooth: Array
    contours: tuple[float, ...]
    runs: Array
    diverged: Array
    best: tuple[float, float, float]
    optimum: tuple[float, float]
    law: tuple[float, float]
    ellipse: Array
    level: float
    law_costs: float


@dataclass(frozen=True)
class LawCurves:
    """The law of one setting against N or D.

    Attributes:
        axis: ``lr`` or ``batch_tokens``.
        along: ``N`` or ``D``.
        x: (p,) N or D.
        held: (f,) the other of the two for each curve.
        curves: (f, p) the law.
        lo: (f, p) lower end of the interval of a new cell.
        hi: (f, p) upper end.
        fan: (f, d, p) the law by some of the draws.
        cells: (C, 2) N and D of the cells.
        optima: (C, 3) estimate, lower and upper end of their optima; NaN where hollow.
        inside: (p,) whether x lies among the cells.
    """

    axis: str
    along: str
    x: Array
    held: Array
    curves: Array
    lo: Array
    hi: Array
    fan: Array
    cells: Array
    optima: Array
    inside: NDArray[np.bool_]


def heat_map(fit: SweepFit, cell: Cell, size: int) -> HeatMap:
    """See ``SweepFit.heat_map``."""
    if len(fit.axes) < 2:
        raise InputError(
            "a map needs learning rate and batch, and the batch was not varied.",
            code="no_batch",
            where=Where(field="batch_tokens"),
        )
    number = fit.cells.index(cell)
    place = grids(fit.runs)[number]
    here = fit.runs.take(fit.runs.cell == number)
    low, high = place.settings.min(axis=0), place.settings.max(axis=0)
    x: Array = np.linspace(float(low[0]), float(high[0]), size)
    y: Array = np.linspace(float(low[1]), float(high[1]), size)
    where = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    over = place.between(where)
    smooth = np.full(len(where), np.nan)
    if cell.surface is not None:
        smooth = np.where(np.isfinite(over), np.exp(cell.surface.value(where)), np.nan)
    alive = np.isfinite(here.loss)
    law = (cell.law["lr"], cell.law["batch_tokens"])
    own = fit.regret("nothing")
    return HeatMap(
        params=cell.params,
        tokens=cell.tokens,
        lr=np.exp(x),
        batch_tokens=np.exp(y),
        loss=(cell.best_loss * np.exp(over)).reshape(size, size),
        excess=np.expm1(over).reshape(size, size),
        smooth=smooth.reshape(size, size),
        contours=CONTOURS,
        runs=np.stack([here.lr, here.batch_tokens, here.loss], axis=1)[alive],
        diverged=np.stack([here.lr, here.batch_tokens], axis=1)[~alive],
        best=(cell.best["lr"], cell.best["batch_tokens"], cell.best_loss),
        optimum=(cell.optimum["lr"].estimate, cell.optimum["batch_tokens"].estimate),
        law=law,
        ellipse=(
            fit.law.ellipse(cell.params, cell.tokens)
            if fit.law is not None and len(fit.law.draws)
            else np.empty((0, 2))
        ),
        level=fit.level,
        law_costs=float(own.interpolated[number]) if own is not None else float("nan"),
    )


def law_curves(fit: SweepFit, axis: str, along: str | None, points: int) -> LawCurves:
    """See ``SweepFit.curves``."""
    law = fit.need_law()
    if axis not in law.axes:
        raise _unknown(axis, law.axes, "axis")
    usual = "N" if axis == "lr" else "D"
    along = along or (usual if usual in law.terms else law.terms[-1])
    if along not in law.terms or along == "1":
        raise _unknown(along, law.terms[1:], "along")
    i = law.axes.index(axis)
    there = np.array([[cell.params, cell.tokens] for cell in fit.cells])
    own, other = (0, 1) if along == "N" else (1, 0)
    known = (law.params_range, law.tokens_range)[own]
    x = np.geomspace(known[0] / 2, known[1] * 10, points)
    others = there[:, other]
    held = np.unique(np.round(np.log(others), 2)) if len(law.terms) > 2 else np.log(others[:1])
    held = np.exp(held)
    shape = (len(held), points)
    curves, lo, hi = np.empty(shape), np.empty(shape), np.empty(shape)
    fan = np.empty((len(held), min(len(law.draws), 30), points))
    tail = (1 - law.level) / 2
    for f, value in enumerate(held):
        for p, at in enumerate(x):
            pair = (at, value) if along == "N" else (value, at)
            curves[f, p] = np.exp(law.log_settings(*(np.array([v]) for v in pair))[0, i])
            lines = law.drawn_settings(*pair, scatter=False)[:, i]
            cells = law.drawn_settings(*pair)[:, i]
            fan[f, :, p] = np.exp(lines[: fan.shape[1]])
            known_ends = len(cells) > 0 and bool(np.isfinite(cells).any())
            ends = np.nanquantile(cells, [tail, 1 - tail]) if known_ends else [np.nan, np.nan]
            lo[f, p], hi[f, p] = np.exp(ends)
    optima = [fit.cells[c].optimum[axis] for c in range(len(fit.cells))]
    return LawCurves(
        axis=axis,
        along=along,
        x=x,
        held=held,
        curves=curves,
        lo=lo,
        hi=hi,
        fan=fan,
        cells=there,
        optima=np.array([[q.estimate, q.lo, q.hi] for q in optima]),
        inside=(x >= known[0]) & (x <= known[1]),
    )


def _unknown(found: str, known: tuple[str, ...], field: str) -> InputError:
    return InputError(
        f'found "{found}" where one of {", ".join(known)} is expected.',
        code=f"unknown_{field}",
        where=Where(field=field),
    )
