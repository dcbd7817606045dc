"""Allocations as text and as HTML, numbers rounded by their own interval."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from isoloss.fitting.quantity import Quantity
from isoloss.fitting.summary import rounded
from isoloss.runs import format_quantity

if TYPE_CHECKING:
    from isoloss.fitting.allocation import Allocation, Optimum
    from isoloss.fitting.approaches import Approaches

TITLES = {
    "envelope": "approach 1, envelope",
    "isoflop": "approach 2, IsoFLOP profiles",
    "joint": "approach 3, joint fit",
}


def summarise(allocation: Allocation) -> str:
    """The allocation in a few lines: method, exponents, budgets, warnings."""
    return "\n".join(_lines(allocation))


def count(quantity: Quantity) -> str:
    """A number of parameters or tokens with its interval, such as ``1.2B (1.1B to 1.4B)``."""
    if math.isnan(quantity.estimate):
        return "-"
    if math.isnan(quantity.lo):
        return short(quantity.estimate)
    return f"{short(quantity.estimate)} ({short(quantity.lo)} to {short(quantity.hi)})"


def number(quantity: Quantity) -> str:
    """A plain number with its interval."""
    estimate, lo, hi = rounded(quantity)
    return estimate if math.isnan(quantity.lo) else f"{estimate} ({lo} to {hi})"


def short(value: float) -> str:
    """A count in three digits with its suffix; infinity as ``inf``."""
    return format_quantity(value) if 0 < value < math.inf else f"{value:g}"


def _lines(allocation: Allocation) -> Iterator[str]:
    conventions = allocation.conventions
    yield (
        f"{TITLES[allocation.method]} ({allocation.shape})   {allocation.n_runs} runs, "
        f"{len(allocation.optima)} budgets, {len(allocation.draws)} draws"
    )
    yield (
        f"  N: {conventions.n}; FLOP: {conventions.flop}; loss: {conventions.loss_unit}; "
        f"intervals: {allocation.level:.0%} by {allocation.ci}"
    )
    yield f"  status {allocation.status}: {allocation.status_message}"
    for label, law in (("N*", allocation.n_opt), ("D*", allocation.d_opt)):
        yield f"    {label} ~ C^{number(law.exponent)}"
    for optimum in allocation.optima:
        yield "    " + "   ".join(_row(optimum))
    for notice in allocation.warnings:
        yield f"  ! {notice.message}"


def _row(optimum: Optimum) -> tuple[str, ...]:
    head = f"{optimum.flop:<9.3g} FLOP"
    if not optimum.used:
        return head, f"left out: {optimum.note}"
    numbers = f"N* {count(optimum.n_params)}", f"D* {count(optimum.tokens)}"
    loss = f"loss {number(optimum.loss)}"
    return (head, *numbers, loss, *([optimum.note] if optimum.note else []))


def as_html(allocation: Allocation) -> str:
    """The same as a small table for notebooks."""
    head = f"{TITLES[allocation.method]} ({allocation.shape}): {allocation.status}. "
    laws = "".join(
        f"<li>{label} ∝ C<sup>{html.escape(number(law.exponent))}</sup></li>"
        for label, law in (("N*", allocation.n_opt), ("D*", allocation.d_opt))
    )
    rows = "".join(_html_row(optimum) for optimum in allocation.optima)
    notes = "".join(f"<li>{html.escape(notice.message)}</li>" for notice in allocation.warnings)
    return (
        f"<p><b>{html.escape(head + allocation.status_message)}</b></p><ul>{laws}</ul>"
        "<table><tr><th>FLOP</th><th>N*</th><th>D*</th><th>loss</th><th></th></tr>"
        f"{rows}</table><ul>{notes}</ul>"
    )


def _html_row(optimum: Optimum) -> str:
    loss = number(optimum.loss) if optimum.used else "-"
    cells = (f"{optimum.flop:.3g}", count(optimum.n_params), count(optimum.tokens), loss)
    return (
        "<tr>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in (*cells, optimum.note))
        + "</tr>"
    )


def summarise_approaches(approaches: Approaches) -> str:
    """The approaches as a table in text."""
    rows = list(_approach_rows(approaches))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    for name, error in approaches.failures.items():
        lines.append(f"  {TITLES[name]}: {error.message}")
    lines += [f"  ! {notice.message}" for notice in approaches.warnings]
    for name, allocation in approaches.allocations.items():
        own = [notice for notice in allocation.warnings if notice not in approaches.warnings]
        lines += [f"  ! {name}: {notice.message}" for notice in own]
    return "\n".join(lines)


def approaches_as_html(approaches: Approaches) -> str:
    """The same as a table for notebooks."""
    head, *rows = _approach_rows(approaches)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    notes = [error.message for error in approaches.failures.values()]
    notes += [notice.message for notice in approaches.warnings]
    listed = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    titles = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    return f"<table><tr>{titles}</tr>{body}</table><ul>{listed}</ul>"


def _approach_rows(approaches: Approaches) -> Iterator[tuple[str, ...]]:
    target = f"{approaches.target:.3g} FLOP"
    yield "", "N* ~ C^", "D* ~ C^", f"N* at {target}", f"D* at {target}", "status"
    for name, title in TITLES.items():
        if name not in approaches.allocations:
            yield title, "-", "-", "-", "-", "no answer"
            continue
        allocation = approaches.allocations[name]
        split = allocation.at(approaches.target)
        laws = number(allocation.n_opt.exponent), number(allocation.d_opt.exponent)
        yield title, *laws, count(split.n_params), count(split.tokens), allocation.status
