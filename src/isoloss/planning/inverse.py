"""What compute for a target loss, what D for a fixed N, what N for a fixed D?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Fit, Notice
from isoloss.laws.compute import parse_flop
from isoloss.laws.optimum import Surface
from isoloss.planning import evidence
from isoloss.planning.answer import Answer
from isoloss.planning.equal_loss import (
    MOST_PARAMS,
    MOST_TOKENS,
    cheapest,
    params_at_flop,
    params_at_loss,
    tokens_at_loss,
)
from isoloss.planning.hardware import Means, cost, settle
from isoloss.planning.hardware.cost import attention_of
from isoloss.planning.plan import conventions, expected_loss, spread, surface_of
from isoloss.runs import parse_quantity

Array = NDArray[np.float64]
Find = Callable[[Array], tuple[Array, Array]]


def flop_for_loss(
    fit: Fit,
    loss: float,
    *,
    unique_tokens: float | str | None = None,
    flop_per_token: str = "6nd",
) -> Answer:
    """The least compute with which the law reaches a loss, and the run that does it.

    Args:
        fit: a fit of a law in N and D.
        loss: the loss to reach, in the unit of the runs.
        unique_tokens: as for ``plan``.
        flop_per_token: as for ``plan``.

    Raises:
        InputError: an argument is unusable.
        EvidenceError: no compute reaches it, or the runs cannot answer.
    """
    target = _target(loss)
    surface = surface_of(fit, unique_tokens, flop_per_token)
    low = max(1.0, float(fit.points.params.min()) / 1e3)

    def answer(theta: Array) -> tuple[Array, Array]:
        return cheapest(surface, theta, target, low)

    return _answer(fit, surface, "flop", answer, target)


def tokens_for(
    fit: Fit,
    n_params: float | str,
    *,
    flop: float | str | None = None,
    loss: float | None = None,
    unique_tokens: float | str | None = None,
    flop_per_token: str = "6nd",
) -> Answer:
    """The tokens that a model of a given size gets for a compute, or needs for a loss.

    Args:
        fit: a fit of a law in N and D.
        n_params: the size, a number or a text such as ``7B``.
        flop: the compute; give this or ``loss``.
        loss: the loss to reach, in the unit of the runs.
        unique_tokens: as for ``plan``.
        flop_per_token: as for ``plan``.

    Raises:
        InputError: an argument is unusable, or not exactly one of ``flop`` and ``loss`` is given.
        EvidenceError: no number of tokens reaches the loss, or the runs cannot answer.
    """
    params = np.asarray(parse_quantity(n_params))
    surface = surface_of(fit, unique_tokens, flop_per_token)
    given, value = _one_of(flop, loss)

    def answer(theta: Array) -> tuple[Array, Array]:
        if given == "flop":
            tokens = value / surface.rule.per_token(params)
        else:
            tokens = tokens_at_loss(surface, theta, params, value)
        return np.broadcast_to(params, theta.shape[1:]), np.broadcast_to(tokens, theta.shape[1:])

    return _answer(fit, surface, "tokens", answer, value)


def params_for(
    fit: Fit,
    tokens: float | str,
    *,
    flop: float | str | None = None,
    loss: float | None = None,
    unique_tokens: float | str | None = None,
    flop_per_token: str = "6nd",
) -> Answer:
    """The size that a compute pays for on given tokens, or that reaches a loss on them.

    Args:
        fit: a fit of a law in N and D.
        tokens: the training tokens, a number or a text such as ``1.4T``.
        flop: the compute; give this or ``loss``.
        loss: the loss to reach, in the unit of the runs.
        unique_tokens: as for ``plan``.
        flop_per_token: as for ``plan``.

    Raises:
        InputError: an argument is unusable, or not exactly one of ``flop`` and ``loss`` is given.
        EvidenceError: no size reaches the loss, or the runs cannot answer.
    """
    count = np.asarray(parse_quantity(tokens))
    surface = surface_of(fit, unique_tokens, flop_per_token)
    given, value = _one_of(flop, loss)

    def answer(theta: Array) -> tuple[Array, Array]:
        if given == "flop":
            params = params_at_flop(surface, value / count)
        else:
            params = params_at_loss(surface, theta, count, value)
        return np.broadcast_to(params, theta.shape[1:]), np.broadcast_to(count, theta.shape[1:])

    return _answer(fit, surface, "n_params", answer, value)


def _target(loss: float) -> float:
    value = float(loss)
    if not (np.isfinite(value) and value > 0):
        raise InputError(
            f"found {value:g} where a loss is expected, a positive number.",
            code="bad_loss",
            where=Where(field="loss"),
        )
    return value


def _one_of(flop: float | str | None, loss: float | None) -> tuple[str, float]:
    if flop is not None and loss is None:
        return "flop", parse_flop(flop)
    if loss is not None and flop is None:
        return "loss", _target(loss)
    raise InputError(
        "give either the compute or the loss to reach, and not both.",
        code="one_of_flop_loss",
        where=Where(field="flop"),
    )


def _answer(fit: Fit, surface: Surface, asked: str, find: Find, demand: float) -> Answer:
    params, tokens = (float(found[0]) for found in find(fit.theta[:, None]))
    drawn_params, drawn_tokens = find(fit.draws.T)
    with np.errstate(all="ignore"):
        drawn_flop = surface.rule.per_token(drawn_params) * drawn_tokens
    unreachable = float(np.mean(np.isinf(drawn_flop))) if len(drawn_flop) else 0.0
    if not np.isfinite(params * tokens):
        raise _out_of_reach(fit, surface, asked, params, tokens, demand, unreachable)
    if min(params, tokens) <= 1:
        raise InputError(
            "that compute does not pay for one parameter on one token.",
            code="too_little_flop",
            where=Where(field="flop"),
        )
    flop = float(surface.rule.per_token(np.asarray(params))) * tokens
    loss, loss_mean = expected_loss(fit, surface, params, tokens)
    decades = float(fit.decades_beyond({"C": np.array([flop])})[0])
    warnings = evidence.warnings(fit, surface, flop, tokens)
    if unreachable > evidence.MANY_WITHOUT:
        message = f"in {unreachable:.0%} of the draws nothing reaches that loss: open intervals."
        warnings.append(Notice("unreachable_in_draws", message))
    return Answer(
        asked=asked,
        flop=spread(flop, drawn_flop, fit.level),
        n_params=spread(params, drawn_params, fit.level),
        tokens=spread(tokens, drawn_tokens, fit.level),
        loss=loss,
        loss_mean=loss_mean,
        unreachable=unreachable,
        decades_beyond_data=decades,
        law=fit.law.name,
        conventions=conventions(fit, surface),
        ci=fit.ci if len(fit.draws) else "none",
        seed=fit.seed,
        data_hash=fit.points.data_hash,
        n_runs=fit.n_runs,
        warnings=tuple(warnings),
    )


def priced(answer: Answer, means: Means) -> Answer:
    """The answer with what it costs in device-hours and money, intervals of both taken along.

    Args:
        answer: of ``flop_for_loss``, ``tokens_for`` or ``params_for``.
        means: hardware, MFU, price and number of devices.

    Raises:
        InputError: something is missing, which is named.
    """
    spend = settle(answer.flop.estimate, means, lambda _: answer.n_params.estimate)
    if spend.rate is None:
        return answer
    found = cost(
        answer.flop,
        spend.rate,
        devices=means.devices,
        flop_convention=answer.conventions["flop"],
        notes=spend.notes,
    )
    if spend.arch is not None:
        found = replace(found, attention=attention_of(spend.arch, answer.conventions["n"]))
    return replace(answer, cost=found.to_dict())


_WHAT = {"flop": "compute", "tokens": "number of tokens", "n_params": "size"}


def _out_of_reach(
    fit: Fit,
    surface: Surface,
    asked: str,
    params: float,
    tokens: float,
    loss: float,
    unreachable: float,
) -> EvidenceError:
    at = np.array([min(params, MOST_PARAMS)]), np.array([min(tokens, MOST_TOKENS)])
    limit = float(fit.law.value(fit.theta, surface.run(*at))[0])
    if limit <= loss:
        return EvidenceError(
            f"no compute-optimal run has a loss of {loss:.6g}: it is outside what the law says of "
            "sizes near the runs.",
            code="no_interior_minimum",
            hint=f"The losses of the runs are {fit.points.loss.min():.4g} to "
            f"{fit.points.loss.max():.4g}.",
        )
    share = f", and nothing does in {unreachable:.0%} of the draws" if len(fit.draws) else ""
    return EvidenceError(
        f"no {_WHAT[asked]} reaches loss {loss:.6g}; the law levels off at {limit:.6g}{share}.",
        code="loss_unreachable",
        hint="Ask for a higher loss, or give more of what is held fixed.",
    )
