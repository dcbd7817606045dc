"""Where am I against the optimum? The verb ``iso.overtraining``.

How much more compute a model of another size needs for the same loss: for an additive law
``k_N (1 - (k_N^-alpha - 1) beta / alpha)^(-1/beta)`` with k_N = N / N*, the same at every budget;
for other laws along their curve of equal loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting import Fit, Notice, Quantity
from isoloss.laws import Law
from isoloss.laws.bisection import crossing
from isoloss.laws.compute import parse_flop
from isoloss.planning.basis import Basis, basis_of
from isoloss.planning.known_models import KNOWN_MODELS
from isoloss.planning.serving.lifetime import (
    HALVINGS,
    SMALLEST,
    TRAINING_TOKENS_PER_SERVED,
    EqualLoss,
    optimum_of_run,
)
from isoloss.planning.serving.overtraining_result import Curve, Mark, Overtraining
from isoloss.planning.serving.terms import Speed, Terms
from isoloss.runs import parse_quantity

Array = NDArray[np.float64]

SIZES = np.geomspace(0.1, 10.0, 121)
MULTIPLES = (1.0, 5.0, 20.0)


def overtraining(
    source: Fit | Law | str,
    flop: float | str | None = None,
    *,
    n_params: float | str | None = None,
    tokens: float | str | None = None,
    multiples: Sequence[float] = MULTIPLES,
    train: Speed | None = None,
    serving: Speed | None = None,
    key: str | None = None,
    unique_tokens: float | str | None = None,
    flop_per_token: str = "6nd",
) -> Overtraining:
    """What another size costs at the same loss, and where a run stands on that curve.

    Args:
        source: a fit of a law in N and D; or a law with published coefficients, or its name.
        flop: training budget whose compute-optimal run sets the loss; give this or a run.
        n_params: size of the run in question, with ``tokens``; its own loss then counts.
        tokens: its training tokens.
        multiples: of the compute-optimal D / N that are marked on the curve.
        train: speed and price of the training devices, for the tokens at which a size pays.
        serving: those of the serving devices.
        key: with a law, which published coefficients.
        unique_tokens: distinct tokens there are, for laws in U.
        flop_per_token: ``6nd``, or ``runs``.

    Raises:
        InputError: an argument is unusable, or neither or both of a budget and a run are given.
        EvidenceError: the runs cannot answer, or there is no compute-optimal run of that loss.
    """
    basis = basis_of(source, key=key, unique_tokens=unique_tokens, flop_per_token=flop_per_token)
    terms = Terms(train, serving)
    _check_multiples(multiples)
    here = None
    if n_params is None and tokens is None and flop is not None:
        best = basis.optimum(parse_flop(flop))
        curve = EqualLoss(basis.surface, basis.columns, best.params, best.tokens)
        at = float(best.params[0]), float(best.tokens[0])
    elif n_params is not None and tokens is not None and flop is None:
        at = parse_quantity(n_params), parse_quantity(tokens)
        curve = _through(basis, *at)
        here = _mark(basis, terms, curve, "here", np.asarray(at[0]), np.asarray(at[1]))
    else:
        raise InputError(
            "a budget, or a size with its tokens, is expected, and not more than that.",
            code="one_of_flop_run",
            where=Where(field="flop"),
            hint="Give a budget such as 1e24, or n_params and tokens of a run.",
        )
    spent = float(basis.surface.rule.per_token(np.asarray(at[0]))) * at[1]
    return Overtraining(
        flop=None if flop is None else parse_flop(flop),
        optimum=_optimum(basis, curve),
        curve=_curve(basis, terms, curve),
        marks=tuple(_multiple(basis, terms, curve, multiple) for multiple in multiples),
        here=here,
        known=_known(basis, terms),
        terms=terms.to_dict(),
        decades_beyond_data=basis.decades_beyond(spent),
        facts=basis.facts,
        warnings=basis.warnings(spent, *at),
        notes=(
            Notice(
                "far_from_optimum",
                "the curve is the law's; runs far from the compute-optimal ratio say whether it "
                "holds there.",
            ),
        ),
    )


def _check_multiples(multiples: Sequence[float]) -> None:
    for multiple in multiples:
        if not (np.isfinite(multiple) and multiple > 0):
            raise InputError(
                f"found {multiple:g} where a multiple of D*/N* is expected, a positive number.",
                code="bad_multiple",
                where=Where(field="multiples"),
            )


def _through(basis: Basis, params: float, tokens: float) -> EqualLoss:
    """The runs of the loss of a given run, around their compute-optimal one."""
    flop = float(basis.surface.rule.per_token(np.asarray(params))) * tokens
    bounds = basis.bounds(flop)
    best = optimum_of_run(
        basis.surface, basis.columns, np.asarray(params), np.asarray(tokens), bounds[0]
    )
    curve = EqualLoss(basis.surface, basis.columns, *best)
    if not curve.found[0]:
        basis.optimum(flop)  # says why, where the budget of the run has no optimum either
        raise InputError(
            "no compute-optimal run has the loss of this run.",
            code="no_interior_minimum",
            where=Where(field="n_params"),
            hint="Ask for a run nearer to those behind the law.",
        )
    return curve


def _optimum(basis: Basis, curve: EqualLoss) -> dict[str, Quantity]:
    with np.errstate(all="ignore"):
        ratio = curve.tokens / curve.params
        flop = curve.cost(curve.params, curve.tokens)
    return {
        "n_params": basis.quantity(curve.params),
        "tokens": basis.quantity(curve.tokens),
        "tokens_per_param": basis.quantity(ratio),
        "loss": basis.quantity(curve.loss),
        "flop": basis.quantity(flop),
    }


def _curve(basis: Basis, terms: Terms, curve: EqualLoss) -> Curve:
    """Compute overhead and break-even along the curve of equal loss."""
    with np.errstate(all="ignore"):
        params = SIZES[:, None] * np.where(curve.found, curve.params, 1.0)
        tokens = curve.tokens_at(params)
        overhead, pays = _against(basis, terms, curve, params, tokens)
    spreads = [basis.quantity(row) for row in overhead]
    return Curve(
        size_ratio=SIZES.copy(),
        n_params=params[:, 0],
        tokens=tokens[:, 0],
        overhead=overhead[:, 0],
        overhead_lo=np.array([one.lo for one in spreads]),
        overhead_hi=np.array([one.hi for one in spreads]),
        break_even_tokens=pays[:, 0],
    )


def _against(
    basis: Basis, terms: Terms, curve: EqualLoss, params: Array, tokens: Array
) -> tuple[Array, Array]:
    """Extra compute as a share of the optimum's, and the served tokens that make up for it."""
    rule = basis.surface.rule
    with np.errstate(all="ignore"):
        spent, least = rule.per_token(params) * tokens, curve.cost(curve.params, curve.tokens)
        # Rounding must not make the optimum look cheaper than itself.
        overhead = np.maximum(spent / least - 1.0, 0.0)
        fewer = rule.per_token(curve.params) - rule.per_token(params)
        third = TRAINING_TOKENS_PER_SERVED * terms.per_served_flop
        pays = terms.per_train_flop * (spent - least) / (third * fewer)
    return overhead, np.where(params < curve.params * (1 - 1e-9), pays, np.nan)


def _mark(
    basis: Basis,
    terms: Terms,
    curve: EqualLoss,
    label: str,
    params: Array,
    tokens: Array,
    source: str = "",
) -> Mark:
    overhead, pays = _against(basis, terms, curve, params, tokens)
    with np.errstate(all="ignore"):
        ratio, best_ratio = tokens / params, curve.tokens / curve.params
        return Mark(
            label=label,
            n_params=basis.quantity(params),
            tokens=basis.quantity(tokens),
            tokens_per_param=basis.quantity(ratio),
            size_ratio=basis.quantity(params / curve.params),
            ratio_multiple=basis.quantity(ratio / best_ratio),
            overhead=basis.quantity(overhead),
            break_even_tokens=basis.quantity(pays),
            source=source,
        )


def _multiple(basis: Basis, terms: Terms, curve: EqualLoss, multiple: float) -> Mark:
    """The run of this loss whose D / N is so many times the compute-optimal one."""
    best = np.log(np.where(curve.found, curve.params, 1.0))
    with np.errstate(all="ignore"):
        wanted = multiple * curve.tokens / curve.params
    if multiple == 1:
        params = curve.params
        return _mark(basis, terms, curve, "1x", params, curve.tokens)

    def below(log_params: Array) -> NDArray[np.bool_]:
        params = np.exp(log_params)
        return curve.tokens_at(params) / params <= wanted

    far = np.log(SMALLEST)
    log_params = crossing(below, best + far, best - far, HALVINGS)
    params = np.where(curve.found, np.exp(log_params), np.inf)
    tokens = np.where(curve.found, wanted * params, np.inf)
    return _mark(basis, terms, curve, f"{multiple:g}x", params, tokens)


def _known(basis: Basis, terms: Terms) -> tuple[Mark, ...]:
    """Published models against the optimum of their own loss, under the estimate alone."""
    alone = Basis(basis.surface, basis.columns[:, :1], basis.fit, basis.published)
    marks: list[Mark] = []
    for model in KNOWN_MODELS:
        at = np.asarray(model.params), np.asarray(model.tokens)
        best = optimum_of_run(alone.surface, alone.columns, *at, alone.bounds(model.flop)[0])
        curve = EqualLoss(alone.surface, alone.columns, *best)
        if curve.found[0]:
            marks.append(_mark(alone, terms, curve, model.name, *at, model.source))
    return tuple(marks)
