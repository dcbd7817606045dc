"""The fit of a sweep as text and as HTML."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from isoloss.fitting.quantity import Quantity
from isoloss.fitting.summary import rounded
from isoloss.runs import format_quantity

if TYPE_CHECKING:
    from isoloss.fitting.sweeps.cells import Cell
    from isoloss.fitting.sweeps.regret import Regret
    from isoloss.fitting.sweeps.result import SweepFit

NAMES = {"lr": "lr", "batch_tokens": "batch"}
HELD_OUT = {
    "cell": "each cell left out",
    "size": "each size left out",
    "tokens": "each D left out",
    "larger": "from smaller sizes only",
    "nothing": "nothing left out",
}
MARKS = {"ok": "", "edge": "edge", "not_identified": "hollow", "thin": "thin"}


def summarise(fit: SweepFit) -> str:
    """The fit in lines: law, cost, cells, regrets, warnings."""
    return "\n".join(_lines(fit))


def percent(share: float) -> str:
    """A share of the loss with two digits: ``0.061 %``."""
    if math.isnan(share):
        return "-"
    value = 100 * share
    places = 2 if value == 0 else max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(places, 4)}f} %"


def setting(axis: str, value: float) -> str:
    """A learning rate as 1.63e-03, a batch as 1.11M."""
    if math.isnan(value):
        return "-"
    return f"{value:.2e}" if axis == "lr" else format_quantity(value)


def _lines(fit: SweepFit) -> Iterator[str]:
    meaning = fit.runs.conventions
    gone = int(np.isinf(fit.runs.loss).sum())
    what = " and ".join(NAMES[axis] for axis in fit.axes)
    yield f"best {what}   {fit.n_runs} runs in {len(fit.cells)} cells of N and D, {gone} diverged"
    count = "all runs count" if fit.within is None else f"runs within {percent(fit.within)} count"
    count += ", skew surface" if fit.skew else ""
    made = "no intervals" if fit.cluster == "none" else f"by leaving out a {fit.cluster} at a time"
    yield f"  N: {meaning.n}; loss: {meaning.loss_unit}; intervals: {fit.level:.0%} {made}; {count}"
    if not math.isnan(fit.seed_noise):
        yield f"  seeds of one setting differ by {percent(fit.seed_noise)} (s.d.)"
    yield f"  {fit.status_message}"
    yield from _law_lines(fit)
    yield from table(_cell_rows(fit))
    if any(cell.status in ("not_identified", "thin") for cell in fit.cells) and fit.law is not None:
        yield "  in brackets: the cell alone has no sure minimum; with the curvature of all cells"
    if fit.regrets:
        yield "  what such a law costs on cells it was not fitted to (loss over the best run):"
        yield from table(_regret_rows(fit.regrets))
    for notice in fit.warnings:
        yield f"  ! {notice.message}"


def _law_lines(fit: SweepFit) -> Iterator[str]:
    law = fit.law
    if law is None:
        return
    cost = law.cost()
    for i, axis in enumerate(law.axes):
        powers = ", ".join(f"{name} {_between(q)}" for name, q in law.exponents(axis).items())
        yield f"    {NAMES[axis]:<5} = {law.formula(axis)}{'' if axis == 'lr' else ' tokens'}"
        yield f"            powers: {powers}"
        around = f"x {math.exp(law.scatter[i]):.2f}"
        yield (f"            cells scatter about it by {around}; 2x off costs {_cost(cost[axis])}")


def _between(quantity: Quantity) -> str:
    estimate, lo, hi = rounded(quantity)
    return estimate if math.isnan(quantity.lo) else f"{estimate} ({lo} to {hi})"


def _cost(quantity: Quantity) -> str:
    if math.isnan(quantity.estimate):
        return "-"
    if math.isnan(quantity.lo):
        return percent(quantity.estimate)
    low, high = percent(quantity.lo), percent(quantity.hi)
    return f"{percent(quantity.estimate)} ({low.removesuffix(' %')} to {high.removesuffix(' %')})"


def _cell_rows(fit: SweepFit) -> list[list[str]]:
    head = ["N", "D", "runs"]
    for axis in fit.axes:
        name = NAMES[axis]
        head += [f"{name}*", f"{fit.level:.0%}", "law", "2x off"]
    head += ["next: " + " x ".join(NAMES[axis] for axis in fit.axes), ""]
    return [head, *(_cell_row(fit, cell) for cell in fit.cells)]


def _cell_row(fit: SweepFit, cell: Cell) -> list[str]:
    row = [format_quantity(cell.params), format_quantity(cell.tokens), str(cell.n_runs)]
    for axis in fit.axes:
        alone = cell.status in ("ok", "edge")
        found = cell.optimum[axis] if alone else cell.pooled[axis]
        shown = setting(axis, found.estimate)
        ends = "-" if math.isnan(found.lo) else f"{_end(axis, found.lo)}-{_end(axis, found.hi)}"
        row += [shown if alone else f"({shown})", ends, setting(axis, cell.law[axis])]
        row += [percent(cell.cost[axis].estimate) if alone else "-"]
    if cell.next is None:
        row.append("-")
    else:
        row.append(" x ".join(setting(axis, cell.next.setting[axis]) for axis in fit.axes))
    return [*row, ", ".join(cell.edges) or MARKS[cell.status]]


def _end(axis: str, value: float) -> str:
    return f"{value:.1e}" if axis == "lr" else format_quantity(value)


def _regret_rows(regrets: Sequence[Regret]) -> list[list[str]]:
    head = ["", "cells", "nearest run: mean", "max", "between runs: mean", "max", "outside"]
    rows = [
        [
            HELD_OUT[regret.held_out],
            str(len(regret.cells)),
            percent(float(regret.nearest.mean())),
            percent(float(regret.nearest.max())),
            percent(float(regret.interpolated.mean())),
            percent(float(regret.interpolated.max())),
            str(int((~regret.inside).sum())),
        ]
        for regret in regrets
    ]
    return [head, *rows]


def table(rows: list[list[str]], indent: int = 4) -> Iterator[str]:
    """Rows as aligned lines."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield (" " * indent + cells).rstrip()


def as_html(fit: SweepFit) -> str:
    """The same as tables for notebooks."""
    head = html.escape(f"{fit.status}: {fit.status_message}")
    laws = "".join(f"<li>{html.escape(line.strip())}</li>" for line in _law_lines(fit))
    notes = "".join(f"<li>{html.escape(notice.message)}</li>" for notice in fit.warnings)
    regrets = _html_table(_regret_rows(fit.regrets)) if fit.regrets else ""
    return (
        f"<p><b>{head}</b></p><ul>{laws}</ul>{_html_table(_cell_rows(fit))}{regrets}"
        f"<ul>{notes}</ul>"
    )


def _html_table(rows: list[list[str]]) -> str:
    head, *body = rows
    titles = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in body
    )
    return f"<table><tr>{titles}</tr>{lines}</table>"
