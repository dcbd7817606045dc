"""Plans on limited data as text, numbers as the field says them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from isoloss.fitting import Quantity
from isoloss.laws.compute import format_flop
from isoloss.planning.text import between, shown
from isoloss.validation.report import aligned, ends

if TYPE_CHECKING:
    from isoloss.planning.data.result import DataPlan, EpochTable, TokenValue

_NAMES = {
    "n_params": "N",
    "tokens": "D",
    "epochs": "epochs",
    "worth": "new tokens D'",
    "loss": "loss",
    "loss_mean": "  of the law",
}
_OPTIONS = {
    "repeat": "repeat: best for these data",
    "one_epoch": "one epoch, compute into size",
    "as_if_new": "sizes as if all were new",
    "small": "one epoch, best size, spend less",
    "unlimited": "enough new data",
}
_MORE = {"billion": "1B more", "double": "as many again", "enough": "enough"}


def plan_text(plan: DataPlan) -> str:
    """The best run, the other ways, what more data would be worth, and what to mind."""
    return "\n".join(_plan_lines(plan))


def _plan_lines(plan: DataPlan) -> Iterator[str]:
    yield (
        f"{format_flop(plan.flop)} FLOP on {shown(plan.unique_tokens)} unique tokens by {plan.law}"
    )
    what = "unique tokens" if plan.binding == "unique_tokens" else "compute; data do not"
    yield f"  binding: {what}"
    for name, quantity in plan.quantities.items():
        yield f"    {_NAMES[name]:<14} {shown(quantity.estimate):>9}   {_between(quantity)}"
    yield (
        f"  N is {plan.oversize:.3g} times the size that is optimal for one epoch "
        f"({shown(plan.n_params_one_epoch)})"
    )
    if plan.options:
        rows = [["ways to spend it", "N", "D", "epochs", "FLOP", "loss", "law"]]
        rows += [
            [
                _OPTIONS[one.name],
                shown(one.n_params),
                shown(one.tokens),
                f"{one.epochs:.3g}",
                format_flop(one.flop),
                ends(one.loss_mean, 4),
                one.trust,
            ]
            for one in plan.options
        ]
        yield from aligned(rows, "<>>>><<")
    if plan.values:
        rows = [["more unique tokens", "tokens", "saves FLOP", "or loss"]]
        if plan.price_per_flop is not None:
            rows[0] += ["money", "per 1B tokens"]
        rows += [_value_cells(one) for one in plan.values]
        yield from aligned(rows, "<><<<<")
    meaning = plan.conventions
    rule = "C = 6 N D" if meaning["flop"] == "6nd" else "C as the runs count it"
    yield f"  N: {meaning['n']}; {rule}; loss: {meaning['loss_unit']}"
    if plan.n_runs is None:
        yield f"  published: {plan.source}"
    else:
        how = f"intervals {plan.level:.0%} by {plan.ci}" if plan.ci != "none" else "no intervals"
        yield f"  {plan.n_runs} runs; {how}"
    for notice in plan.warnings:
        yield f"  ! {notice.message}"
    for notice in plan.notes:
        yield f"  - {notice.message}"


def _between(quantity: Quantity) -> str:
    return "all draws agree" if quantity.lo == quantity.hi else between(quantity)


def _value_cells(value: TokenValue) -> list[str]:
    cells = [
        _MORE[value.name],
        shown(value.extra_tokens),
        _flop(value.flop_saved),
        ends(value.loss_saved, 2),
    ]
    for money in (value.money_saved, value.money_per_billion):
        if money is not None:
            cells.append(_money(money))
    return cells


def _flop(quantity: Quantity) -> str:
    if math.isnan(quantity.estimate):
        return "-"
    if math.isnan(quantity.lo):
        return f"{quantity.estimate:.2e}"
    return f"{quantity.estimate:.2e} ({quantity.lo:.2e} to {quantity.hi:.2e})"


def _money(quantity: Quantity) -> str:
    if math.isnan(quantity.estimate):
        return "-"
    if math.isnan(quantity.lo):
        return shown(quantity.estimate)
    return f"{shown(quantity.estimate)} ({shown(quantity.lo)} to {shown(quantity.hi)})"


def epochs_text(table: EpochTable) -> str:
    """The worth of repetition, one line per number of epochs."""
    where = (
        ""
        if table.n_params is None
        else f", {shown(table.n_params)} params on {shown(table.unique_tokens or math.nan)} tokens"
    )
    with_loss = table.n_params is not None
    rows = [["epochs", "worth (epochs of new data)", "per token", "next token"]]
    if with_loss:
        rows[0] += ["D", "FLOP", "loss", "law"]
    for row in table.rows:
        cells = [
            "endless" if math.isinf(row.epochs) else f"{row.epochs:g}",
            _ends(row.worth, "{:.4g}"),
            _ends(row.share, "{:.1%}"),
            _ends(row.next_token, "{:.1%}"),
        ]
        if with_loss:
            known = math.isfinite(row.tokens)
            cells += [
                shown(row.tokens) if known else "-",
                format_flop(row.flop) if known else "-",
                _ends(row.loss_mean, "{:.4g}"),
                row.trust or "-",
            ]
        rows.append(cells)
    lines = [f"what repeated tokens are worth by {table.law}{where}"]
    lines += aligned(rows, ">")
    if table.n_runs is None:
        lines.append(f"  published: {table.source}")
    lines += [f"  ! {notice.message}" for notice in table.warnings]
    return "\n".join(lines)


def _ends(quantity: Quantity, form: str) -> str:
    if math.isnan(quantity.estimate):
        return "-"
    if math.isnan(quantity.lo):
        return form.format(quantity.estimate)
    return (
        f"{form.format(quantity.estimate)} "
        f"({form.format(quantity.lo)} to {form.format(quantity.hi)})"
    )
