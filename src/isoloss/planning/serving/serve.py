"""Plan a model that will be served: the verb ``iso.serve``.

Sardana et al. 2024, arXiv 2401.00448: the least 6 N D + 2 N D_inf for a loss, or the lowest loss
for such a budget.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Fit, Notice
from isoloss.laws import Law
from isoloss.laws.compute import parse_flop
from isoloss.planning.basis import Basis, basis_of
from isoloss.planning.equal_loss import cheapest
from isoloss.planning.hardware import Budget, Rate
from isoloss.planning.serving.lifetime import (
    TRAINING_TOKENS_PER_SERVED,
    EqualLoss,
    least_cost,
    lowest_loss,
    optimum_of_run,
)
from isoloss.planning.serving.result import Served, ServingPlan
from isoloss.planning.serving.terms import Speed, Terms, flop_of
from isoloss.runs import parse_quantity

Array = NDArray[np.float64]

OVERTRAINED = 100.0  # tokens per param up to which laws are usually fitted


def serve(
    source: Fit | Law | str,
    flop: float | str | Budget | None = None,
    *,
    served: float | str | Sequence[float | str],
    loss: float | None = None,
    lifetime: float | str | None = None,
    train: Speed | None = None,
    serving: Speed | None = None,
    devices: int | None = None,
    key: str | None = None,
    unique_tokens: float | str | None = None,
    flop_per_token: str = "6nd",
) -> ServingPlan:
    """What to train when the model will serve so many tokens.

    Exactly one of three things sets how good it is to be: a training budget (as good as its
    compute-optimal run), a loss, or a budget for training and serving together.

    Args:
        source: a fit of a law in N and D; or a law with published coefficients, or its name.
        flop: training budget whose compute-optimal run sets the loss: FLOP, or device-hours,
            days or money where ``train`` is a ``Rate`` of a device.
        served: tokens to be served, one amount or several, such as ``2T``; zero is none.
        loss: the loss to reach, instead.
        lifetime: budget for training and serving, instead: FLOP, or device-hours or money where
            ``train`` has a speed or a price.
        train: speed and price of the training devices; FLOP are counted without.
        serving: those of the serving devices; the training ones by default.
        devices: how many train at once, where the budget is in days.
        key: with a law, which published coefficients.
        unique_tokens: distinct tokens there are, for laws in U.
        flop_per_token: ``6nd``, or ``runs`` for what the runs of a fit cost per token; serving is
            a third of it.

    Raises:
        InputError: an argument is unusable.
        EvidenceError: the runs cannot answer, no run reaches the loss, or no budget is left.
    """
    budget = None if flop is None else flop_of(flop, train, devices)
    asked, value = _demand(budget, loss, lifetime)
    basis = basis_of(source, key=key, unique_tokens=unique_tokens, flop_per_token=flop_per_token)
    terms = Terms(train, serving)
    amounts = _amounts(served)
    if asked == "lifetime":
        rows, curve = _for_lifetime(basis, terms, amounts, value)
    else:
        curve = _curve(basis, asked, value)
        rows = [_cheapest_row(basis, terms, curve, amount) for amount in amounts]
    most = max(rows, key=lambda row: row.train_flop.estimate)
    at = most.train_flop.estimate, most.n_params.estimate, most.tokens.estimate
    return ServingPlan(
        asked="same_loss" if asked == "flop" else asked,
        flop=value if asked == "flop" else None,
        loss=value if asked == "loss" else None,
        lifetime=value if asked == "lifetime" else None,
        terms=terms.to_dict(),
        optimum={
            "n_params": basis.quantity(curve.params),
            "tokens": basis.quantity(curve.tokens),
            "loss": basis.quantity(curve.loss),
            "flop": basis.quantity(curve.cost(curve.params, curve.tokens)),
        },
        rows=tuple(rows),
        decades_beyond_data=basis.decades_beyond(at[0]),
        facts=basis.facts,
        warnings=basis.warnings(*at),
        notes=tuple(_notes(basis, terms, rows)),
    )


def _demand(
    flop: float | None, loss: float | None, lifetime: float | str | None
) -> tuple[str, float]:
    """What sets how good the model is to be, and its number."""
    given: list[tuple[str, Any]] = [
        (name, value)
        for name, value in (("flop", flop), ("loss", loss), ("lifetime", lifetime))
        if value is not None
    ]
    if len(given) != 1:
        found = " and ".join(name for name, _ in given) or "none of them"
        raise InputError(
            f"one of a training budget, a loss and a lifetime budget is expected; found {found}.",
            code="one_of_flop_loss_lifetime",
            where=Where(field=given[-1][0] if given else "flop"),
            hint="A budget asks for the loss of its compute-optimal run at the least lifetime; a "
            "lifetime asks for the lowest loss that it pays for.",
        )
    name, value = given[0]
    return name, parse_flop(value) if name != "loss" else parse_quantity(value)


def _amounts(served: float | str | Sequence[float | str]) -> list[float]:
    """The served tokens, ascending."""
    several = [served] if isinstance(served, int | float | str) else list(served)
    if not several:
        raise InputError(
            "no amount of served tokens is given.",
            code="missing_argument",
            where=Where(field="served"),
            hint="Give one or several, such as 2T.",
        )
    return sorted({0.0 if _is_zero(one) else parse_quantity(one) for one in several})


def _is_zero(amount: float | str) -> bool:
    try:
        return float(amount) == 0.0
    except ValueError:
        return False


def _curve(basis: Basis, asked: str, value: float) -> EqualLoss:
    """The runs of the loss that is asked for, around their compute-optimal one."""
    if asked == "flop":
        best = basis.optimum(value)
        params, tokens = best.params, best.tokens
    else:
        low = 1.0 if basis.fit is None else max(1.0, float(basis.fit.points.params.min()) / 1e3)
        params, tokens = cheapest(basis.surface, basis.columns, value, low)
        if not np.isfinite(params[0]):
            raise EvidenceError(
                f"no compute reaches loss {value:.6g} by {basis.law.name}.",
                code="loss_unreachable",
                hint="Ask for a higher loss: the law levels off above this one.",
            )
    return EqualLoss(basis.surface, basis.columns, params, tokens)


def _cheapest_row(basis: Basis, terms: Terms, curve: EqualLoss, served: float) -> Served:
    params, tokens = least_cost(curve, terms.in_training_tokens(served))
    return _row(basis, terms, curve, params, tokens, served)


def _for_lifetime(
    basis: Basis, terms: Terms, amounts: Sequence[float], lifetime: float
) -> tuple[list[Served], EqualLoss]:
    """The lowest loss that a lifetime budget pays for, per amount of serving."""
    flop = lifetime / terms.per_train_flop
    bare = basis.optimum(flop)
    curve = EqualLoss(basis.surface, basis.columns, bare.params, bare.tokens)
    low = basis.bounds(flop)[0]
    rows: list[Served] = []
    for served in amounts:
        if served == 0:
            rows.append(_cheapest_row(basis, terms, curve, 0.0))
            continue
        amount = terms.in_training_tokens(served)
        params, tokens = lowest_loss(basis.surface, basis.columns, flop, amount, low)
        if not np.isfinite(params[0]):
            raise EvidenceError(
                f"serving {served:.4g} tokens leaves nothing to train on: a lifetime of "
                f"{lifetime:.4g} {terms.unit} has no best size.",
                code="lifetime_too_small",
                hint="Serve fewer tokens or give more; serving binds, not training.",
            )
        there = np.isfinite(params)
        best = optimum_of_run(
            basis.surface,
            basis.columns,
            np.where(there, params, 1.0),
            np.where(there, tokens, 1.0),
            low,
        )
        n, d = (np.where(there, part, np.inf) for part in best)
        same = EqualLoss(basis.surface, basis.columns, n, d)
        rows.append(_row(basis, terms, same, params, tokens, served))
    return rows, curve


def _row(
    basis: Basis, terms: Terms, curve: EqualLoss, params: Array, tokens: Array, served: float
) -> Served:
    """The numbers of a run of the loss of a curve."""
    rule = basis.surface.rule
    with np.errstate(all="ignore"):
        per_token, per_token_best = rule.per_token(params), rule.per_token(curve.params)
        train, train_best = per_token * tokens, per_token_best * curve.tokens
        third = TRAINING_TOKENS_PER_SERVED
        served_flop = per_token * third * served
        lifetime = terms.amount(train, served_flop)
        other = terms.amount(train_best, per_token_best * third * served)
        fewer = terms.per_served_flop * third * (per_token_best - per_token)
        more = terms.per_train_flop * (train - train_best)
        pays = more / fewer if served > 0 else np.full(train.shape, np.nan)
        ratios = tokens / params, params / curve.params, 1.0 - lifetime / other
    return Served(
        served_tokens=served,
        n_params=basis.quantity(params),
        tokens=basis.quantity(tokens),
        tokens_per_param=basis.quantity(ratios[0]),
        loss=basis.quantity(basis.loss(params, tokens)),
        size_ratio=basis.quantity(ratios[1]),
        train_flop=basis.quantity(train),
        served_flop=basis.quantity(served_flop),
        lifetime=basis.quantity(lifetime),
        saving=basis.quantity(ratios[2]),
        break_even_tokens=basis.quantity(pays),
    )


def _notes(basis: Basis, terms: Terms, rows: Sequence[Served]) -> list[Notice]:
    """What would change the answer."""
    found = [
        Notice(
            "forward_only",
            "a served token is counted as a third of a training token; long contexts, and "
            "generation that waits for memory, cost more: give speeds or prices for serving.",
        )
    ]
    assumed = [
        name
        for name, rate in (("training", terms.train), ("serving", terms.serve))
        if isinstance(rate, Rate) and rate.mfu_source.startswith("assumed")
    ]
    if assumed:
        message = f"the utilisation of {' and '.join(assumed)} is assumed; give --mfu."
        found.append(Notice("assumed_mfu", message))
    highest = max(row.tokens_per_param.estimate for row in rows)
    seen = math.inf if basis.fit is None else _most_tokens_per_param(basis.fit)
    if highest > min(seen, OVERTRAINED):
        runs = "" if basis.fit is None else f"; the runs have at most {seen:.3g}"
        found.append(
            Notice(
                "overtraining",
                f"the answer has up to {highest:.3g} tokens per param{runs}. Laws fitted at low "
                "ratios promise too much at high ones (Sardana et al. 2024, table 1).",
            )
        )
    return found


def _most_tokens_per_param(fit: Fit) -> float:
    return float((fit.points.tokens / fit.points.params).max())
