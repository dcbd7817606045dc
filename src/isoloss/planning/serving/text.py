"""Serving plans as text and as a card."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from isoloss.fitting import Quantity
from isoloss.laws.compute import format_flop
from isoloss.planning.card import Card, command_of, line, shown, typed
from isoloss.planning.serving.result import Served, ServingPlan
from isoloss.validation.report import aligned, amount

_COLUMNS = ("served", "N", "D", "D/N", "N/N*", "saves", "pays from")


def summarise(plan: ServingPlan) -> str:
    """The runs as an aligned table with what they save."""
    return "\n".join(_lines(plan))


def title(plan: ServingPlan) -> str:
    """What was asked, in a few words."""
    law = plan.facts["law"]
    if plan.asked == "same_loss":
        return f"the loss of {format_flop(plan.flop or 0)} FLOP, trained and served, by {law}"
    if plan.asked == "loss":
        return f"loss {plan.loss:.6g}, trained and served, by {law}"
    return f"a lifetime of {_units(plan.lifetime or 0, plan.terms['unit'])} by {law}"


def _units(value: float, unit: str) -> str:
    return f"{format_flop(value) if unit == 'FLOP' else shown(value)} {unit}"


def _lines(plan: ServingPlan) -> Iterator[str]:
    yield f"{title(plan)}   L = {plan.facts['formula']}"
    best = plan.optimum
    yield (
        f"  compute-optimal without serving: N {amount(best['n_params'])}, "
        f"D {amount(best['tokens'])}, loss {plain_of(best['loss'])}"
    )
    rows = [_COLUMNS, *(_cells(row) for row in plan.rows)]
    if plan.asked == "lifetime":
        rows = [(*r, c) for r, c in zip(rows, ("loss", *map(_loss, plan.rows)), strict=True)]
    yield from aligned(rows, align=">", indent=4)
    card = plan.card()
    yield from (f"  = {sentence}" for sentence in card.why)
    yield f"  {counted(plan)}"
    yield f"  {card.evidence}"
    yield from (f"  ! {notice.message}" for notice in plan.warnings)
    yield from (f"  - {notice.message}" for notice in plan.notes)
    yield f"  again: {card.command}"


def counted(plan: ServingPlan) -> str:
    """What a lifetime is made of, in one line."""
    rule = "6 N D" if plan.facts["conventions"]["flop"] == "6nd" else "FLOP of the runs per token"
    unit = plan.terms["unit"]
    said = f"lifetime: {rule} to train and a third of it per served token, in {unit}"
    if unit == "FLOP":
        return said
    rates = [plan.terms[name] for name in ("train", "serve")]
    speeds = " and ".join(f"{rate['flop_per_device_hour']:.3g}" for rate in rates)
    prices = " and ".join(f"{rate['price_per_hour']:.4g}" for rate in rates if unit == "money")
    at = f" at {prices} per hour" if prices else ""
    return f"{said}; {speeds} FLOP per device-hour{at} (training and serving)"


def _cells(row: Served) -> tuple[str, ...]:
    pays = row.break_even_tokens
    return (
        f"{shown(row.served_tokens)}",
        count_of(row.n_params),
        count_of(row.tokens),
        plain_of(row.tokens_per_param, 3),
        plain_of(row.size_ratio, 3),
        percent_of(row.saving),
        "-" if math.isnan(pays.estimate) else shown(pays.estimate),
    )


def _loss(row: Served) -> str:
    return plain_of(row.loss)


def plain_of(quantity: Quantity, digits: int = 4) -> str:
    """A pure number with its interval."""
    estimate, lo, hi = (
        f"{value:.{digits}g}" for value in (quantity.estimate, quantity.lo, quantity.hi)
    )
    if lo in ("nan", hi):
        return estimate
    return f"{estimate} ({lo} or more)" if hi == "inf" else f"{estimate} ({lo} to {hi})"


def count_of(quantity: Quantity) -> str:
    """A count with its interval; a given one alone."""
    return shown(quantity.estimate) if quantity.lo == quantity.hi else amount(quantity)


def percent_of(quantity: Quantity) -> str:
    """A share with its interval, ``4.6 % (3.1 to 6.2)``."""
    estimate = f"{100 * quantity.estimate:.1f} %"
    if math.isnan(quantity.lo) or quantity.lo == quantity.hi:
        return estimate
    if math.isinf(quantity.hi):
        return f"{estimate} ({100 * quantity.lo:.1f} or more)"
    return f"{estimate} ({100 * quantity.lo:.1f} to {100 * quantity.hi:.1f})"


def sentence(row: Served, unit: str, asked: str) -> str:
    """What an amount of serving makes of the compute-optimal run, in one sentence."""
    if row.served_tokens == 0:
        return "with nothing served the compute-optimal run is the best."
    run = f"{shown(row.n_params.estimate)} on {shown(row.tokens.estimate)}"
    served = f"with {shown(row.served_tokens)} tokens served"
    if asked == "lifetime":
        return (
            f"{served} the lifetime pays for {run}, loss {row.loss.estimate:.4g}, and takes "
            f"{percent_of(row.saving)} less {unit} than the compute-optimal run of that loss."
        )
    loss = "the same loss" if asked == "same_loss" else "that loss"
    return f"{served}: {run} has {loss} and {percent_of(row.saving)} less lifetime {unit}."


def card_of(plan: ServingPlan) -> Card:
    """The plan as a decision card, for the largest amount of serving."""
    row = plan.rows[-1]
    unit = plan.terms["unit"]
    answer = (
        line("N", row.n_params, "params"),
        line("D", row.tokens, "tokens"),
        line("D/N", row.tokens_per_param, "tokens/param"),
        line("loss of law", row.loss, plan.facts["conventions"]["loss_unit"]),
        line("lifetime", row.lifetime, unit),
        line("saving", row.saving, "share of lifetime"),
        line("pays from", row.break_even_tokens, "served tokens"),
    )
    why = [sentence(one, unit, plan.asked) for one in plan.rows]
    if row.served_tokens > 0:
        share = row.served_flop.estimate / row.train_flop.estimate
        why.append(
            f"serving {shown(row.served_tokens)} tokens takes {share:.3g} times the FLOP of "
            "training it."
        )
    return Card(
        title=title(plan),
        answer=answer,
        level=plan.facts["level"],
        why=tuple(why),
        would_change=plan.notes,
        warnings=plan.warnings,
        evidence=evidence_line(plan.facts, plan.decades_beyond_data),
        command=plan.command or _command(plan),
    )


def evidence_line(facts: Mapping[str, Any], decades: float) -> str:
    """What an answer rests on, in one line."""
    if facts["n_runs"] is None:
        return f"published: {facts['source']}; no intervals"
    beyond = "" if math.isnan(decades) else f", up to {decades:.1f} decades of compute beyond them"
    level = facts["level"]
    how = "no intervals" if facts["ci"] == "none" else f"intervals {level:.0%} by {facts['ci']}"
    return f"{facts['n_runs']} runs{beyond}; {how}"


def _command(plan: ServingPlan) -> str:
    """What to type for this plan; the files are not known here."""
    served = ",".join(typed(row.served_tokens) for row in plan.rows)
    given: dict[str, object] = {"served": served, "loss": plan.loss, "lifetime": plan.lifetime}
    words = () if plan.flop is None else (plan.flop,)
    rates = rate_options(plan.terms)
    if rates is None:
        return PYTHON_ONLY
    return command_of("serve", *words, **source_options(plan.facts), **given, **rates)


PYTHON_ONLY = "in Python only, because a speed was given as a number"


def rate_options(terms: Mapping[str, Any]) -> dict[str, object] | None:
    """The options that name training and serving devices; None where they have no name."""
    train, serve = terms["train"], terms["serve"]
    if train is None:
        return {}
    if train["device"] is None or serve["device"] is None:
        return None
    given: dict[str, object] = {
        "hardware": train["device"],
        "mfu": train["mfu"],
        "price": train["price_per_hour"],
    }
    if serve != train:
        given |= {
            "serve_hardware": serve["device"],
            "serve_mfu": serve["mfu"],
            "serve_price": serve["price_per_hour"],
        }
    return given


def source_options(facts: Mapping[str, Any]) -> dict[str, object]:
    """The options that name a fit, or the published coefficients of a law."""
    unique: dict[str, object] = {"u": facts["unique_tokens"]}
    if facts["n_runs"] is None:
        key = str(facts["source"]).partition(":")[0]
        return {"law": facts["law"], "key": key, **unique}
    rule = None if facts["conventions"]["flop"] == "6nd" else "runs"
    return {"fit": "FIT.json", **unique, "flop_per_token": rule}
