"""What does a token cost? FLOP per training token as a function of model size."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.runs import Points, parse_quantity

Array = NDArray[np.float64]

RULES = ("6nd", "runs")
# Sizes within a factor of two share one value: shapes of nearly equal N may differ in attention and
# head, and following each of them would put steps into the curve.
_BIN = np.log(2.0)
# What comes on top of 6 N is attention and head; both grow with the width, about N^(2/3) against N.
_DECAY = 1.0 / 3.0
_UNIT = re.compile(r"\s*flops?$", re.IGNORECASE)


@dataclass(frozen=True)
class FlopRule:
    """FLOP per training token: 6 N times a ratio that runs may give.

    Attributes:
        name: ``6nd`` (the ratio is 1) or ``runs``.
        log_params: sizes at which the ratio is known (k,), ascending logarithms.
        log_ratio: logarithm of FLOP per token over 6 N there (k,). Between sizes it is
            interpolated; below the smallest it is held; above the largest it dies out as
            N^(-1/3), as attention and head do beside a model that grows in width and depth.
    """

    name: str = "6nd"
    log_params: Array = field(default_factory=lambda: np.zeros(1))
    log_ratio: Array = field(default_factory=lambda: np.zeros(1))

    def per_token(self, params: Array) -> Array:
        """FLOP per token of models of these sizes."""
        return 6.0 * params * np.exp(self._log_ratio(np.log(params)))

    def slope(self, params: Array) -> Array:
        """Its slope in log-log, by a centred difference narrower than any bin."""
        step = 1e-4
        at = np.log(params)
        return 1.0 + (self._log_ratio(at + step) - self._log_ratio(at - step)) / (2 * step)

    def _log_ratio(self, at: Array) -> Array:
        beyond = np.maximum(at - self.log_params[-1], 0.0)
        return np.interp(at, self.log_params, self.log_ratio) * np.exp(-_DECAY * beyond)


def flop_rule(name: str, points: Points | None = None) -> FlopRule:
    """The rule by its name.

    Args:
        name: ``6nd`` for C = 6 N D, or ``runs`` for what the runs themselves cost per token.
        points: the runs, for ``runs``.

    Raises:
        InputError: there is no such rule, or the runs have no C.
    """
    if name == "6nd":
        return FlopRule()
    if name != "runs":
        raise InputError(
            f"found {name!r} where a rule for FLOP per token is expected.",
            code="unknown_flop_rule",
            where=Where(field="flop_per_token"),
            hint=f"Known: {', '.join(RULES)}.",
        )
    ratio = None if points is None else run_ratio(points)
    if points is None or ratio is None:
        raise InputError(
            "the runs do not say what they cost in FLOP.",
            code="no_flop",
            where=Where(field="flop_per_token"),
            hint="Add a column flop to the runs, or plan with 6nd.",
        )
    at = np.log(points.params)
    bins = np.floor((at - at.min()) / _BIN).astype(np.int64)
    groups = [bins == b for b in np.unique(bins)]
    return FlopRule(
        "runs",
        np.array([np.median(at[g]) for g in groups]),
        np.array([np.median(np.log(ratio[g])) for g in groups]),
    )


def run_ratio(points: Points) -> Array | None:
    """C / (6 N D) of each run (n,), or None where N, D or C is unknown."""
    ratio = points.flop / (6.0 * points.params * points.tokens)
    return ratio if np.all(np.isfinite(ratio)) else None


def parse_flop(budget: str | float) -> float:
    """A budget in FLOP from ``1e24``, ``"1e24"`` or ``"1e24 FLOP"``.

    Raises:
        InputError: it is not a positive, finite number of FLOP.
    """
    return parse_quantity(_UNIT.sub("", budget) if isinstance(budget, str) else budget)


def format_flop(value: float) -> str:
    """FLOP the way everybody writes them: ``5.76e23``, never ``576B``."""
    if value < 1e4:
        return f"{value:.3g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
