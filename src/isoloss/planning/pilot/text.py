"""A pilot in words: the runs, what they cost, what they are expected to buy."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from isoloss.laws.compute import format_flop
from isoloss.planning.pilot.question import NARROWED
from isoloss.planning.pilot.result import PilotPlan
from isoloss.runs import format_quantity
from isoloss.validation.report import aligned

if TYPE_CHECKING:
    from isoloss.planning.pilot.bought import Bought

WIDTH = 96
LARGE = 0.3  # relative half widths beyond are said as factors
OPEN = 3.0  # half widths beyond a factor of 20 are called open


def summarise(pilot: PilotPlan) -> str:
    """The pilot in lines of text."""
    return "\n".join(_lines(pilot))


def half_width(value: float, narrow: str) -> str:
    """A half width as people say it: ``+-1.2 %``, ``x/ 1.31``, ``+-0.02``, or ``open``."""
    if not value < OPEN:
        return "open"
    if narrow == "exponent":
        return f"+-{value:.2g}"
    if narrow == "size" or value > LARGE:
        return f"x/ {math.exp(value):.3g}"
    return f"+-{100 * value:.2g} %"


def answer_text(value: float, narrow: str) -> str:
    """The number that is narrowed."""
    return format_quantity(value) if narrow == "size" else f"{value:.4g}"


def _lines(pilot: PilotPlan) -> Iterator[str]:
    target = pilot.target
    share = pilot.flop / pilot.budget_flop
    yield (
        f"pilot: {len(pilot.runs)} runs for {format_flop(pilot.flop)} FLOP, {share:.0%} of "
        f"{format_flop(pilot.budget_flop)}; {format_flop(pilot.reserve_flop)} stay in reserve"
    )
    yield (
        f"  target {format_flop(target['flop'])} FLOP ({target['source']}): N "
        f"{format_quantity(target['n_params'])}, D {format_quantity(target['tokens'])}"
    )
    yield f"  law {pilot.law}: {pilot.source}"
    yield f"  noise of a run {pilot.noise:.2%} ({pilot.noise_source})"
    yield from aligned(_table(pilot), "<<>>>>>>>>>")
    yield from _bought(pilot)
    for notice in pilot.warnings:
        yield from _wrapped("! ", notice.message)
    for notice in pilot.notes:
        yield from _wrapped("- ", notice.message)


def _table(pilot: PilotPlan) -> list[tuple[str, ...]]:
    hours = any(run.device_hours is not None for run in pilot.runs)
    money = any(run.money is not None for run in pilot.runs)
    head = ["shape", "group", "FLOP", "N", "D", "steps", "lr", "loss", "then"]
    rows = [[*head, *(["hours"] if hours else []), *(["money"] if money else [])]]
    for run in pilot.runs:
        cells = [
            run.shape + (f" seed {run.seed}" if run.seed else ""),
            run.group,
            format_flop(run.flop),
            format_quantity(run.n_params),
            format_quantity(run.tokens),
            f"{run.steps}",
            f"{run.lr:.3g}",
            f"{run.loss:.3f}",
            half_width(run.half_width, pilot.narrow),
        ]
        cells += [f"{run.device_hours:.3g}"] if hours and run.device_hours is not None else []
        cells += [f"{run.money:.3g}"] if money and run.money is not None else []
        rows.append(cells)
    return [tuple(row) for row in rows]


def _bought(pilot: PilotPlan) -> Iterator[str]:
    width, narrow = pilot.half_width, pilot.narrow
    yield (
        f"  {NARROWED[narrow]}: {answer_text(pilot.after.estimate, narrow)}, {pilot.level:.0%} "
        f"interval {half_width(width['before'], narrow)} now, "
        f"{half_width(width['after'], narrow)} expected if the law is right,"
    )
    yield (
        f"    {half_width(width['drifting'], narrow)} if it misses {pilot.drift:.1%} per decade; "
        f"the target is {pilot.decades_beyond:.1f} decades beyond the largest of these runs"
    )
    for rival in pilot.rivals:
        ratio = f"{rival.gain:.2g} times as wide" if rival.gain < 100 else "leaves it open"
        yield (
            f"  {rival.name} ({rival.n_runs} runs, {format_flop(rival.flop)} FLOP): "
            f"{half_width(rival.half_width, narrow)} with that drift, {ratio}"
        )


def bought_lines(found: Bought) -> Iterator[str]:
    """What runs bought, in lines of text."""
    width, narrow = found.half_width, found.narrow
    yield (
        f"{found.law} on {found.n_runs} runs, {found.n_new} of them new: {found.status}, "
        f"{NARROWED[narrow]} ({format_flop(found.target_flop)} FLOP), {found.level:.0%} intervals"
    )
    value = found.found.estimate
    rows = [
        ("", "answer", "interval", "noise of a run"),
        ("before", "", half_width(width["before"], narrow), ""),
        (
            "expected",
            answer_text(found.expected.estimate, narrow),
            half_width(width["expected"], narrow),
            f"{found.noise['expected']:.2%}",
        ),
        (
            "achieved, by the same rule",
            answer_text(value, narrow),
            half_width(width["achieved"], narrow),
            f"{found.noise['achieved']:.2%}",
        ),
        ("achieved, by the draws", "", half_width(width["draws"], narrow), ""),
    ]
    yield from aligned(rows, "<>>>")
    ratio = width["achieved"] / width["expected"] if width["expected"] > 0 else math.nan
    if math.isfinite(ratio):
        yield f"  the interval is {ratio:.2g} times as wide as expected"
    if found.others:
        said = ", ".join(f"{k} {answer_text(v, narrow)}" for k, v in found.others.items())
        yield f"  by other laws on the same runs: {said}"
    if found.groups:
        yield f"  the lowest loss is inside in {found.minima_inside} of {found.groups} groups"
    if found.status != "ok":
        yield from _wrapped("! ", found.status_message)
    for notice in found.warnings:
        yield from _wrapped("! ", notice.message)


def _wrapped(mark: str, message: str) -> list[str]:
    return textwrap.wrap(
        message, WIDTH, initial_indent=f"  {mark}", subsequent_indent="    ", break_on_hyphens=False
    )
