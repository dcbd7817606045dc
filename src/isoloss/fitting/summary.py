"""A fit as text and as HTML, numbers rounded by their own interval."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from isoloss.fitting.quantity import Quantity

if TYPE_CHECKING:
    from isoloss.fitting.result import Fit


def summarise(fit: Fit) -> str:
    """The fit in a few lines: data and method, parameters, exponents, residuals, warnings."""
    return "\n".join(_lines(fit))


def rounded(quantity: Quantity) -> tuple[str, str, str]:
    """Estimate, lower and upper end, to two digits of the interval's width."""
    width = quantity.hi - quantity.lo
    places = 1 - math.floor(math.log10(width)) if 0 < width < math.inf else None
    return (
        _number(quantity.estimate, places),
        _number(quantity.lo, places),
        _number(quantity.hi, places),
    )


def _number(value: float, places: int | None) -> str:
    """A number to some decimal places, and to two digits at least; to six where none are given."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    size = math.floor(math.log10(abs(value)))
    kept = 5 - size if places is None else max(places, 1 - size)
    if -4 <= size < 7:
        return f"{round(value, kept):,.{max(kept, 0)}f}"
    return f"{value:.{max(kept + size, 1)}e}"


def _lines(fit: Fit) -> Iterator[str]:
    convention = fit.points.conventions
    yield (
        f"{fit.law.name}   {fit.n_runs} runs, {fit.n_tiers} compute tiers, {fit.objective.name} on "
        f"log loss, {fit.n_starts} starts, {len(fit.draws)} draws"
    )
    yield f"  L = {fit.law.formula}"
    made = "no intervals" if fit.ci == "none" else f"intervals: {fit.level:.0%} by {fit.ci}"
    yield f"  N: {convention.n}; loss: {convention.loss_unit}; {made}"
    yield f"  status {fit.status}: {fit.status_message}"
    for name, quantity in {**fit.parameters, **_exponents(fit)}.items():
        estimate, lo, hi = rounded(quantity)
        ends = f"{lo} to {hi}" if math.isfinite(quantity.lo) else "no interval"
        if quantity.lo == quantity.hi:
            estimate, ends = f"{quantity.estimate:g}", "fixed"
        yield f"    {name:<12} {estimate:>12}   {ends}"
    left = fit.residual_summary
    yield (
        f"  residuals: median {left['median_abs_log']:.2%}, rms {left['rms_log']:.2%}, "
        f"worst {left['max_abs_log']:.2%}"
    )
    for notice in fit.warnings:
        yield f"  ! {notice.message}"


def _exponents(fit: Fit) -> dict[str, Quantity]:
    names = {"n_opt": "N* ~ C^", "d_opt": "D* ~ C^"}
    return {names[key]: quantity for key, quantity in fit.exponents.items()}


def as_html(fit: Fit) -> str:
    """The same as a small table for notebooks."""
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td>" + "".join(f"<td>{x}</td>" for x in rounded(q)) + "</tr>"
        for name, q in {**fit.parameters, **_exponents(fit)}.items()
    )
    head = html.escape(f"{fit.law.name}: {fit.status}. {fit.status_message}")
    notes = "".join(f"<li>{html.escape(notice.message)}</li>" for notice in fit.warnings)
    return (
        f"<p><b>{head}</b><br><code>{html.escape(fit.law.formula)}</code></p><table>"
        f"<tr><th></th><th>estimate</th><th>low</th><th>high</th></tr>{rows}</table><ul>{notes}</ul>"
    )
