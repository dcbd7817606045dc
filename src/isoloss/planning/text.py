"""A plan as text and as HTML, numbers as the field says them."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from isoloss.fitting import Quantity
from isoloss.laws.compute import format_flop
from isoloss.planning.card import Card, CardLine, command_of, line, typed
from isoloss.planning.card import between as between
from isoloss.planning.card import shown as shown
from isoloss.planning.hardware.means import cost_text
from isoloss.planning.published_result import LOSSES, PublishedPlans, PublishedRow
from isoloss.planning.serving.text import sentence

if TYPE_CHECKING:
    from isoloss.planning.answer import Answer
    from isoloss.planning.result import Plan

_NAMES = {
    "flop": "C",
    "n_params": "N",
    "tokens": "D",
    "tokens_per_param": "D/N",
    "loss": "loss",
    "loss_mean": "  of the law",
}


def summarise(plan: Plan) -> str:
    """The plan in a few lines: numbers with intervals, flat region, distance, what may change."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    yield f"{format_flop(plan.flop)} FLOP by {plan.law}   L = {plan.formula}"
    for name, quantity in plan.quantities.items():
        yield f"    {_NAMES[name]:<12} {shown(quantity.estimate):>9}   {between(quantity)}"
    yield from (f"  {sentence}" for sentence in cost_text(plan.cost))
    yield from (f"  {sentence}" for sentence in _facts(plan))
    card = plan.card()
    yield from (f"  = {sentence}" for sentence in card.why)
    yield from (f"  ! {notice.message}" for notice in card.warnings)
    yield from (f"  - {notice.message}" for notice in card.would_change)
    yield f"  again: {card.command}"


def _facts(plan: Plan) -> Iterator[str]:
    flat = [
        f"{shown(r.n_params_lo)} to {shown(r.n_params_hi)} costs at most {r.within_loss:.1%} loss"
        for r in plan.flat_regions
    ]
    if flat:
        yield f"flat region: N {', '.join(flat)}"
    if plan.unique_tokens is not None and plan.epochs is not None:
        yield f"{plan.epochs:.3g} epochs of {shown(plan.unique_tokens)} unique tokens"
    meaning = plan.conventions
    rule = "C = 6 N D" if meaning["flop"] == "6nd" else "C as the runs count it"
    yield f"N: {meaning['n']}; {rule}; loss: {meaning['loss_unit']}"
    yield evidence_of(plan)
    yield f"status {plan.status}: {plan.status_message}"


def evidence_of(plan: Plan) -> str:
    """What a plan rests on, in one line."""
    if plan.n_runs is None:
        return f"published: {plan.source}"
    far = plan.decades_beyond_data
    beyond = "" if math.isnan(far) else f", {far:.1f} decades of compute beyond them"
    how = f"intervals {plan.level:.0%} by {plan.ci}" if plan.ci != "none" else "no intervals"
    return f"{plan.n_runs} runs, {plan.n_tiers} compute tiers{beyond}; {how}"


def card_of(plan: Plan) -> Card:
    """The plan as a decision card."""
    loss = plan.conventions["loss_unit"]
    units = {"n_params": "params", "tokens": "tokens", "tokens_per_param": "tokens/param"}
    return Card(
        title=f"{format_flop(plan.flop)} FLOP by {plan.law}",
        answer=(
            *(
                line(_NAMES[name].strip(), quantity, units.get(name, loss))
                for name, quantity in plan.quantities.items()
            ),
            *_spent(plan.cost),
        ),
        level=plan.level,
        why=(*plan.why, *_served(plan)),
        would_change=plan.notes,
        warnings=plan.warnings,
        evidence=evidence_of(plan),
        command=plan.command or _command(plan),
    )


def _spent(cost: Mapping[str, Any] | None) -> Iterator[CardLine]:
    """Device-hours, days and money, where the plan has them."""
    if cost is None:
        return
    units = {"device_hours": "hours", "days": "days", "money": cost["currency"] or "money"}
    for name, unit in units.items():
        found = cost[name]
        if found is not None:
            numbers = (found["estimate"], found["lo"], found["hi"], found["level"])
            yield line(name.replace("_", "-"), Quantity(*numbers), unit)


def _served(plan: Plan) -> tuple[str, ...]:
    """What serving makes of the plan, one sentence per amount."""
    if plan.serving is None:
        return ()
    unit, asked = plan.serving.terms["unit"], plan.serving.asked
    return tuple(sentence(row, unit, asked) for row in plan.serving.rows)


def _command(plan: Plan) -> str:
    """What to type for this plan; the files are not known here."""
    if plan.n_runs is None:
        key = plan.source.partition(":")[0]
        given: dict[str, object] = {"law": plan.law, "key": key, "published": True}
    else:
        given = {"fit": "FIT.json"}
    rule = "runs" if plan.n_runs is not None and plan.conventions["flop"] != "6nd" else None
    serving = plan.serving
    amounts = None if serving is None else ",".join(typed(r.served_tokens) for r in serving.rows)
    if plan.cost is not None:
        given |= {"hardware": plan.cost["device"], "mfu": plan.cost["mfu"]["estimate"]}
        given |= {"price": plan.cost["price_per_hour"], "devices": plan.cost["devices"]}
    given |= {"u": plan.unique_tokens, "flop_per_token": rule, "serve": amounts}
    return command_of("plan", plan.flop, **given)


def as_html(plan: Plan) -> str:
    """The same as a small table for notebooks."""
    rows = "".join(
        f"<tr><td>{html.escape(_NAMES[name])}</td><td>{shown(q.estimate)}</td>"
        f"<td>{html.escape(between(q))}</td></tr>"
        for name, q in plan.quantities.items()
    )
    head = html.escape(f"{format_flop(plan.flop)} FLOP by {plan.law}: {plan.status}")
    sentences = (*cost_text(plan.cost), *_facts(plan))
    facts = "<br>".join(html.escape(sentence) for sentence in sentences)
    remarks = "".join(f"<li>{html.escape(n.message)}</li>" for n in (*plan.warnings, *plan.notes))
    return (
        f"<p><b>{head}</b><br><code>{html.escape(plan.formula)}</code></p><table>"
        f"<tr><th></th><th>estimate</th><th>interval</th></tr>{rows}</table><p>{facts}</p>"
        f"<ul>{remarks}</ul>"
    )


_ASKED = {"flop": "the least compute", "tokens": "the tokens", "n_params": "the size"}


def answer_text(answer: Answer) -> str:
    """The answer to an inverse question in a few lines."""
    lines = [f"{_ASKED[answer.asked]} by {answer.law}"]
    for name, q in answer.quantities.items():
        value = format_flop(q.estimate) if name == "flop" else shown(q.estimate)
        lines.append(f"    {_NAMES[name]:<12} {value:>9}   {between(q)}")
    lines += [f"  {sentence}" for sentence in cost_text(answer.cost)]
    lines += [f"  ! {notice.message}" for notice in answer.warnings]
    return "\n".join(lines)


def answer_html(answer: Answer) -> str:
    """The same as a small table for notebooks."""
    rows = "".join(
        f"<tr><td>{html.escape(_NAMES[name])}</td><td>{shown(q.estimate)}</td>"
        f"<td>{html.escape(between(q))}</td></tr>"
        for name, q in answer.quantities.items()
    )
    head = html.escape(f"{_ASKED[answer.asked]} by {answer.law}")
    remarks = "".join(
        f"<li>{html.escape(sentence)}</li>"
        for sentence in (*cost_text(answer.cost), *(n.message for n in answer.warnings))
    )
    return f"<p><b>{head}</b></p><table>{rows}</table><ul>{remarks}</ul>"


_COLUMNS = ("law", "coefficients", "N", "D", "D/N", "loss", "unit", "N counts", "fitted range")


def published_table(plans: PublishedPlans) -> str:
    """The published laws as aligned text."""
    cells = [_COLUMNS, *(_cells(row) for row in plans.rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(_COLUMNS))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in cells]
    head = f"{format_flop(plans.flop)} FLOP by the published laws, C = 6 N D"
    return "\n".join([head, *(f"  {line.rstrip()}" for line in lines), f"  ! {LOSSES.message}"])


def published_html(plans: PublishedPlans) -> str:
    """The published laws as a table for notebooks."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in _COLUMNS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(row)) + "</tr>"
        for row in plans.rows
    )
    title = html.escape(f"{format_flop(plans.flop)} FLOP by the published laws, C = 6 N D")
    return (
        f"<p><b>{title}</b></p><table><tr>{head}</tr>{rows}</table>"
        f"<p>{html.escape(LOSSES.message)}</p>"
    )


def _cells(row: PublishedRow) -> tuple[str, ...]:
    if row.status == "no_minimum":
        numbers = ("-", "-", "-", "-")
        where = "no interior minimum"
    else:
        numbers = tuple(map(shown, (row.n_params, row.tokens, row.tokens_per_param, row.loss)))
        where = row.distance + (" (local minimum)" if row.status == "local" else "")
    return (row.law, row.key, *numbers, row.loss_unit, row.n_convention, where)
