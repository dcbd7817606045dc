"""Carry a tuned learning rate to another run by every rule: the verb ``iso.transfer_lr``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from isoloss.errors import InputError, Where
from isoloss.fitting import Notice, Quantity
from isoloss.laws.hparams import get_hparam_law
from isoloss.planning.settings.amounts import amount
from isoloss.planning.settings.disagreement import contradictions
from isoloss.planning.settings.hparams import advise
from isoloss.planning.settings.move import Move, Run
from isoloss.planning.settings.result import Contradiction, Spread
from isoloss.planning.settings.transfer_result import Carried, CarriedBatch, Transfer
from isoloss.planning.settings.transfer_rules import LAWS, rules

BATCH_LAWS = ("step-law", "power-lines", "deepseek", "ling-moe", "porian", "minicpm")
# Factors this near to 1 are no direction.
STILL = 0.05


def transfer_lr(
    lr: float,
    n: float | str,
    d: float | str,
    *,
    to_n: float | str | None = None,
    to_d: float | str | None = None,
    batch: float | str | None = None,
    to_batch: float | str | None = None,
    width: float | None = None,
    to_width: float | None = None,
    layers: float | None = None,
    to_layers: float | None = None,
    loss: float | None = None,
    to_loss: float | None = None,
    schedule: str | None = None,
    to_schedule: str | None = None,
    weight_decay: float | None = None,
    critical_batch: float | str | None = None,
    combine: Sequence[str] = (),
) -> Transfer:
    """A learning rate tuned for one run carried to another: by laws, width, batch and steps.

    What is not said of the wanted run stays as it was.

    Args:
        lr: the tuned peak learning rate.
        n: size of the tuned model, such as ``"100M"``.
        d: its tokens.
        to_n: size of the wanted model.
        to_d: its tokens.
        batch: batch of the tuned run, in tokens.
        to_batch: batch of the wanted run.
        width: width of the tuned model, for muP.
        to_width: width of the wanted model.
        layers: layers of the tuned model, for muP in depth.
        to_layers: layers of the wanted model.
        loss: loss of the tuned run in nats per token, for laws in it.
        to_loss: loss that the wanted run is to reach.
        schedule: of the tuned learning rate, in words such as ``"cosine to 0.1"``.
        to_schedule: of the wanted one.
        weight_decay: tuned for AdamW; it is carried through the timescale.
        critical_batch: in tokens, for the rule that knows it.
        combine: rules to apply one after the other, such as ``("mup-width", "step-rule")``.

    Raises:
        InputError: an argument is unusable, or combined rules cover one change twice.
    """
    since = Run(
        n_params=amount(n, "n"),
        tokens=amount(d, "d"),
        batch_tokens=None if batch is None else amount(batch, "batch"),
        width=width,
        layers=layers,
        loss=loss,
        schedule=schedule,
        lr=lr,
        weight_decay=weight_decay,
    )
    to = replace(
        since,
        n_params=since.n_params if to_n is None else amount(to_n, "to_n"),
        tokens=since.tokens if to_d is None else amount(to_d, "to_d"),
        batch_tokens=since.batch_tokens if to_batch is None else amount(to_batch, "to_batch"),
        width=width if to_width is None else to_width,
        layers=layers if to_layers is None else to_layers,
        loss=loss if to_loss is None else to_loss,
        schedule=schedule if to_schedule is None else to_schedule,
        lr=None,
        weight_decay=None,
    )
    _check_sides(since, to)
    move = Move(since, to)
    critical = None if critical_batch is None else amount(critical_batch, "critical_batch")
    known = rules(critical)
    carried = [_with_decay(rule(move), move) for rule in known.values()]
    if combine:
        carried.append(_with_decay(_combined(carried, combine, move), move))
    carried.sort(key=lambda one: (one.factor is None, not one.is_complete))
    return Transfer(
        move=move,
        rules=tuple(carried),
        batches=_batches(move),
        spread=_spread([one for one in carried if one.is_complete]),
        contradictions=_contradictions(carried, move),
        warnings=tuple(_warnings(carried, move, critical)),
    )


def _combined(carried: Sequence[Carried], names: Sequence[str], move: Move) -> Carried:
    """Rules applied one after the other, each to changes of its own."""
    by_name = {one.rule: one for one in carried}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise InputError(
            f"there is no rule named {unknown[0][:60]!r}.",
            code="unknown_rule",
            where=Where(field="combine"),
            hint=f"Known rules: {', '.join(by_name)}.",
        )
    parts = [by_name[name] for name in names]
    absent = [one for one in parts if one.factor is None]
    if absent:
        raise InputError(
            f"the rule {absent[0].rule} cannot be used: {absent[0].missing}.",
            code="unusable_rule",
            where=Where(field="combine"),
        )
    seen: dict[str, str] = {}
    for one in parts:
        for change in one.covers:
            if change in seen:
                raise InputError(
                    f"{seen[change]} and {one.rule} both account for {change}, which would count "
                    "it twice.",
                    code="counted_twice",
                    where=Where(field="combine"),
                    hint="Combine rules of different changes, such as mup-width and step-rule.",
                )
            seen[change] = one.rule
    factor = math.prod(one.factor for one in parts if one.factor is not None)
    leaves = {name for name in parts[0].leaves if all(name in one.leaves for one in parts)}
    assert move.since.lr is not None
    return Carried(
        rule=" + ".join(names),
        factor=factor,
        lr=Quantity(move.since.lr * factor, math.nan, math.nan, 0.9),
        covers=tuple(name for name in move.changes if name in seen),
        leaves=tuple(name for name in move.changes if name in leaves),
        assumes=("the effects multiply", *dict.fromkeys(text for p in parts for text in p.assumes)),
        source="; ".join(dict.fromkeys(one.source for one in parts)),
        confidence="C",
        groups={name: value for one in parts for name, value in one.groups.items()},
        also={name: value for one in parts for name, value in one.also.items()},
    )


def _with_decay(one: Carried, move: Move) -> Carried:
    """The weight decay beside a carried rate, through the timescale B / (lr * wd * D)."""
    since, to = move.since, move.to
    if one.lr is None or since.weight_decay is None or since.lr is None:
        return one
    if since.batch_tokens is None or to.batch_tokens is None:
        return one
    timescale = since.batch_tokens / (since.lr * since.weight_decay * since.tokens)
    timescale *= get_hparam_law("power-lines").ratio("timescale", to.x, since.x)
    return replace(one, weight_decay=to.batch_tokens / (one.lr.estimate * timescale * to.tokens))


def _batches(move: Move) -> tuple[CarriedBatch, ...]:
    """The tuned batch carried by every law of the batch that can say so."""
    if move.since.batch_tokens is None:
        return ()
    found: list[CarriedBatch] = []
    for name in BATCH_LAWS:
        law = get_hparam_law(name)
        if law.needs("batch_tokens", move.since.x) or law.needs("batch_tokens", move.to.x):
            continue
        ratio = law.ratio("batch_tokens", move.to.x, move.since.x)
        source = law.coefficients().source
        found.append(CarriedBatch(name, move.since.batch_tokens * ratio, ratio, source))
    return tuple(found)


def _spread(carried: Sequence[Carried]) -> Spread | None:
    values = {one.rule: one.lr.estimate for one in carried if one.lr is not None}
    if not values:
        return None
    low, high = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
    return Spread(values[low], values[high], low, high, len(values))


def _contradictions(carried: Sequence[Carried], move: Move) -> tuple[Contradiction, ...]:
    """Rules about the same changes that move the rate in opposite directions."""
    rules = [one for one in carried if one.factor is not None and one.covers]
    found: list[Contradiction] = []
    if move.ratio("D") != 1.0:
        about = [one for one in rules if "D" in one.covers]
        rising = {one.rule: one.factor for one in about if one.factor and one.factor > 1 + STILL}
        falling = {
            one.rule: one.factor for one in about if one.factor and one.factor < 1 / (1 + STILL)
        }
        if rising and falling:
            found.append(
                Contradiction(
                    "lr_over_the_way",
                    "the learning rate over this way, by rules about tokens,",
                    rising,
                    falling,
                    tuple(one.rule for one in about if one.rule not in rising | falling),
                    (*_step_reason(move), *_law_reasons(move)),
                    measure="factor",
                )
            )
    return tuple(found)


def _law_reasons(move: Move) -> tuple[str, ...]:
    advice = [advise(get_hparam_law(name), move.to.x) for name in LAWS]
    return tuple(
        reason
        for one in contradictions(advice)
        if one.code == "lr_with_tokens"
        for reason in one.reasons
    )


def _step_reason(move: Move) -> tuple[str, ...]:
    law = get_hparam_law("step-law")
    grown = law.elasticity("batch_tokens", move.to.x)["D"]
    free = law.elasticity("lr", move.to.x)["D"]
    bound = -(1.0 - grown) / 2.0
    return (
        f"Steps: with its own batch Step Law's number of steps grows as D^{1.0 - grown:.2f}, for "
        f"which the step rule says D^{bound:.2f}; Step Law says D^{free:+.2f}. They differ by "
        f"D^{free - bound:.2f}, a square root of the tokens, and no account resolves it.",
    )


def _warnings(carried: Sequence[Carried], move: Move, critical: float | None) -> list[Notice]:
    found: list[Notice] = []
    if critical is not None and (move.to.batch_tokens or 0.0) > critical:
        found.append(
            Notice(
                "above_critical",
                "the wanted batch is above the critical one: there the rate hardly grows with the "
                "batch any more, and the rules of batch and steps end.",
            )
        )
    if not move.changes:
        found.append(Notice("nothing_changes", "both runs are the same: the rate stays."))
    elif not any(one.is_complete for one in carried):
        found.append(
            Notice(
                "incomplete",
                "no rule covers all that changes; combine rules of different changes with combine "
                "(--combine), or tune at the wanted run.",
            )
        )
    if "schedule" in move.changes:
        found.append(
            Notice(
                "schedule_changes",
                "no rule carries a rate to another schedule: tune again under the wanted one, at "
                "the small size.",
            )
        )
    return found


def _check_sides(since: Run, to: Run) -> None:
    """Refuse a wanted value whose tuned counterpart is missing."""
    for name, label in (
        ("batch_tokens", "batch"),
        ("width", "width"),
        ("layers", "layers"),
        ("loss", "loss"),
    ):
        if getattr(since, name) is None and getattr(to, name) is not None:
            raise InputError(
                f"the wanted {label} is given, the tuned run's is not.",
                code="missing_argument",
                where=Where(field=label),
                hint="Give both, so that there is a change to speak of.",
            )
