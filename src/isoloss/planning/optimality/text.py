"""Types of optimality and strategies as text and as a card."""

from __future__ import annotations

from collections.abc import Iterator

from isoloss.laws.compute import format_flop
from isoloss.planning.card import Card, command_of, line, shown
from isoloss.planning.optimality.limits import BF16_BYTES
from isoloss.planning.optimality.result import Choice, Optima
from isoloss.planning.serving.text import (
    PYTHON_ONLY,
    count_of,
    evidence_line,
    rate_options,
    source_options,
)
from isoloss.validation.report import aligned

_COLUMNS = ("", "N", "D", "D/N", "loss", "regret", "same loss for", "binds")


def summarise(found: Optima) -> str:
    """Both tables as aligned text."""
    return "\n".join(_lines(found))


def _lines(found: Optima) -> Iterator[str]:
    yield f"{format_flop(found.flop)} FLOP by {found.facts['law']}   L = {found.facts['formula']}"
    criteria = [row for row in found.rows if row.kind == "criterion"]
    extra = _extra_columns(criteria)
    head = (*_COLUMNS, *extra)
    yield "  types of optimality"
    yield from aligned([head, *(_cells(row, extra) for row in criteria)], _ALIGN, 4)
    for row in criteria:
        yield f"    {row.name}: {row.rule}"
    yield "  strategies, scored by this law"
    rules = [row for row in found.rows if row.kind == "strategy"]
    rows = [(*_cells(row, ())[:-1], row.rule + _counted(row, found)) for row in rules]
    yield from aligned([(*_COLUMNS[:-1], "rule"), *rows], _ALIGN, 4)
    for one in found.not_asked:
        yield f"  not asked: {one}"
    card = found.card()
    yield from (f"  = {sentence}" for sentence in card.why)
    yield f"  {card.evidence}"
    yield from (f"  ! {notice.message}" for notice in found.warnings)
    yield from (f"  - {notice.message}" for notice in found.notes)
    yield f"  again: {card.command}"


_ALIGN = "<>>>>>><>>>"


def _extra_columns(rows: list[Choice]) -> tuple[str, ...]:
    names = {"lifetime_flop": "lifetime FLOP", "days": "days", "money": "money"}
    return tuple(title for name, title in names.items() if getattr(rows[0], name) is not None)


def _cells(row: Choice, extra: tuple[str, ...]) -> tuple[str, ...]:
    named = {"lifetime FLOP": row.lifetime_flop, "days": row.days, "money": row.money}
    more = [named[title] for title in extra]
    return (
        row.name,
        count_of(row.n_params),
        count_of(row.tokens),
        f"{row.tokens_per_param.estimate:.3g}",
        f"{row.loss.estimate:.4f}",
        _percent(row),
        _needed(row),
        row.binds,
        *("-" if one is None else shown(one.estimate) for one in more),
    )


def _percent(row: Choice) -> str:
    regret = row.regret
    estimate = f"{regret.estimate:+.2%}"
    lo, hi = f"{regret.lo:+.2%}", f"{regret.hi:+.2%}"
    return estimate if lo in (hi, "+nan%") else f"{estimate} ({lo} to {hi})"


def _needed(row: Choice) -> str:
    needed = row.flop_needed.estimate
    return "-" if needed != needed else f"{needed:.0%} of its FLOP"


def _counted(row: Choice, found: Optima) -> str:
    counts = row.n_convention
    return f" (N: {counts})" if counts not in ("", found.facts["conventions"]["n"]) else ""


def card_of(found: Optima) -> Card:
    """The compute-optimal run among the others, as a decision card."""
    best = found.rows[0]
    rules = [row for row in found.rows if row.kind == "strategy"]
    why = [
        f"{row.name}: {shown(row.n_params.estimate)} on {shown(row.tokens.estimate)}, "
        f"{row.regret.estimate:+.2%} loss; what binds: {row.binds}."
        for row in found.rows[1:]
        if row.kind == "criterion"
    ]
    why.append(
        f"of {len(rules)} rules that people use, {rules[0].name} comes closest "
        f"({shown(rules[0].n_params.estimate)}, {rules[0].regret.estimate:+.2%} loss) and "
        f"{rules[-1].name} is farthest ({rules[-1].regret.estimate:+.2%})."
    )
    return Card(
        title=f"what is optimal at {format_flop(found.flop)} FLOP by {found.facts['law']}",
        answer=(
            line("N", best.n_params, "params"),
            line("D", best.tokens, "tokens"),
            line("D/N", best.tokens_per_param, "tokens/param"),
            line("loss of law", best.loss, found.facts["conventions"]["loss_unit"]),
        ),
        level=found.facts["level"],
        why=tuple(why),
        would_change=found.notes,
        warnings=found.warnings,
        evidence=evidence_line(found.facts, found.decades_beyond_data),
        command=found.command or _command(found),
    )


def _command(found: Optima) -> str:
    """What to type for this table; the files are not known here."""
    limits = found.limits
    names = {"n": "n_params", "d": "tokens", "served": "served_tokens", "days": "deadline_days"}
    names |= {"devices": "devices", "money": "money"}
    given: dict[str, object] = {option: limits[name] for option, name in names.items()}
    memory, each = limits["memory_bytes"], limits["bytes_per_param"]
    given |= {
        "memory": None if memory is None else f"{memory!r}",
        "bytes_per_param": None if each == BF16_BYTES else each,
    }
    rates = rate_options(found.terms)
    if rates is None:
        return PYTHON_ONLY
    return command_of("optima", found.flop, **source_options(found.facts), **given, **rates)
