"""A carried learning rate as text."""

from __future__ import annotations

from collections.abc import Iterator

from isoloss.planning.settings.move import Run, changes_text
from isoloss.planning.settings.text import (
    contradiction_lines,
    folded,
    rate,
    rate_with_interval,
)
from isoloss.planning.settings.transfer_result import Carried, Transfer
from isoloss.planning.settings.transfer_rules import TUNED
from isoloss.runs import format_quantity
from isoloss.validation.report import aligned


def transfer_text(found: Transfer) -> str:
    """The rules as a table, what each assumes, and what they disagree about."""
    return "\n".join(_lines(found))


def _lines(found: Transfer) -> Iterator[str]:
    since, to = found.move.since, found.move.to
    assert since.lr is not None
    yield f"lr {rate(since.lr)} tuned at {_run(since)}"
    yield f"  to {_run(to)}: {changes_text(found.move.changes)}"
    with_decay = any(one.weight_decay is not None for one in found.rules)
    rows = [("rule", "factor", "lr", *(("weight decay",) if with_decay else ()), "leaves", "range")]
    changes = found.move.changes
    usable = [one for one in found.rules if one.factor is not None and (one.covers or not changes)]
    for one in usable:
        assert one.factor is not None
        decay = ("-" if one.weight_decay is None else f"{one.weight_decay:.3g}",)
        rows.append(
            (
                one.rule,
                f"{one.factor:.3g}",
                rate_with_interval(one.lr),
                *(decay if with_decay else ()),
                ", ".join(one.leaves) or "nothing",
                _distance(one),
            )
        )
    yield from aligned(rows)
    spread = found.spread
    if spread is not None and spread.n_laws > 1:
        yield (
            f"  rules that leave nothing: {rate(spread.lo)} ({spread.law_lo}) to "
            f"{rate(spread.hi)} ({spread.law_hi}), a factor of {spread.ratio:.3g}"
        )
    if found.batches:
        batches = ", ".join(
            f"{format_quantity(one.batch_tokens)} ({one.law})" for one in found.batches
        )
        yield folded(f"the tuned batch, carried by its laws: {batches}", "  ", "    ")
    yield from _assumptions(usable)
    unusable = [one for one in found.rules if one.factor is None and one.covers]
    yield from (folded(f"{one.rule}: {one.missing}.", "  - ", "    ") for one in unusable)
    for one in found.contradictions:
        yield from contradiction_lines(one)
    for notice in found.warnings:
        yield folded(notice.message, "  ! ", "    ")


def _distance(one: Carried) -> str:
    """How far the wanted run is outside the fitted range of a law."""
    factors = [f"{name} {far:,.3g}x" for name, far in one.outside.items()]
    return ", ".join(factors) + " outside" if factors else ""


def _run(run: Run) -> str:
    parts = [f"N {format_quantity(run.n_params)}", f"D {format_quantity(run.tokens)}"]
    if run.batch_tokens is not None:
        parts.append(f"batch {format_quantity(run.batch_tokens)}")
    if run.width is not None:
        parts.append(f"width {run.width:g}")
    if run.layers is not None:
        parts.append(f"{run.layers:g} layers")
    if run.weight_decay is not None:
        parts.append(f"weight decay {run.weight_decay:g}")
    return ", ".join([*parts, *([run.schedule] if run.schedule else [])])


def _assumptions(usable: list[Carried]) -> Iterator[str]:
    yield f"  what each assumes; laws, that {TUNED}"
    for one in usable:
        text = "; ".join(text for text in one.assumes if text != TUNED)
        yield folded(f"{one.rule}: {text} ({one.source}, {one.confidence}).", "    ", "      ")
        for label, factors in (("rates", one.groups), ("also", one.also)):
            if factors:
                shown = ", ".join(f"{name} x {value:.3g}" for name, value in factors.items())
                yield folded(f"{label}: {shown}", "      ")
