"""The rules by which people choose N without a law of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.laws.bisection import crossing
from isoloss.laws.compute import FlopRule
from isoloss.planning.known_models import KNOWN_MODELS, KnownModel
from isoloss.planning.published_allocations import ALLOCATIONS

Array = NDArray[np.float64]

CHINCHILLA_RATIO = 20.0
BEFORE_CHINCHILLA = ("GPT-3", "Gopher", "MT-NLG")
_FAR = 60.0  # of log N
_HALVINGS = 60


@dataclass(frozen=True)
class Strategy:
    """A rule that turns a budget into a size.

    Attributes:
        name: what it is called.
        rule: what it does, in words.
        params: the N that it takes for the budget.
        n_convention: what its N counts; empty where it does not say.
        source: where it comes from.
    """

    name: str
    rule: str
    params: float
    n_convention: str
    source: str


def strategies(flop: float, rule: FlopRule) -> tuple[Strategy, ...]:
    """What each rule would train with a budget.

    Args:
        flop: the budget.
        rule: FLOP per token.
    """
    return (
        _ratio("20 tokens per param", CHINCHILLA_RATIO, "a rule of thumb", flop, rule),
        *(
            _ratio(f"ratio of {model.name}", model.tokens / model.params, model.source, flop, rule)
            for model in KNOWN_MODELS
            if model.name in BEFORE_CHINCHILLA
        ),
        *(
            Strategy(
                f"allocation {one.key}",
                f"N = {one.prefactor:.4g} C^{one.exponent:.4g}",
                one.optimum(flop)[0],
                one.n,
                one.source,
            )
            for one in ALLOCATIONS
        ),
        _nearest(flop),
    )


def _ratio(name: str, ratio: float, source: str, flop: float, rule: FlopRule) -> Strategy:
    """The size whose share of tokens per param uses up the budget."""

    def beyond(log_params: Array) -> NDArray[np.bool_]:
        params = np.exp(log_params)
        return rule.per_token(params) * ratio * params >= flop

    params = np.exp(crossing(beyond, np.zeros(()), np.full((), _FAR), _HALVINGS))
    return Strategy(name, f"D = {ratio:.3g} N", float(params), "", source)


def _nearest(flop: float) -> Strategy:
    """The size of the published model that was trained with the most similar compute."""

    def distance(model: KnownModel) -> float:
        return abs(math.log(model.flop / flop))

    model = min(KNOWN_MODELS, key=distance)
    return Strategy(
        "nearest published model",
        f"N of {model.name} ({model.flop:.2g} FLOP)",
        model.params,
        "total",
        model.source,
    )
