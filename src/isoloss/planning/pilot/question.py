"""What shall the pilot narrow? The loss, the size or the exponent of the big run, as a slope."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError
from isoloss.laws.compute import FlopRule
from isoloss.laws.optimum import Surface, allocate
from isoloss.planning.pilot.belief import Belief

Array = NDArray[np.float64]

NARROWED = {
    "loss": "loss at the target",
    "size": "N* at the target",
    "exponent": "exponent of N* ~ C^a at the target",
}
_STEP = 1e-4
_HALF = 0.5  # of log C: over which an exponent is taken
_REACH = 1e4  # from sqrt(C / 6) to either side, where an optimum is looked for


@dataclass(frozen=True)
class Question:
    """A number that follows from the law, and how it moves with the law's coordinates.

    Attributes:
        narrow: ``loss``, ``size`` or ``exponent``.
        flop: compute of the target.
        params: N there: N*, or as given.
        tokens: D there.
        value: the number itself: a loss, a size or an exponent.
        drift: how far the law is taken to miss per decade of compute below the target, in log
            loss.
        slope: (F,), of log loss or log size (of the exponent itself) by the free coordinates.
    """

    narrow: str
    flop: float
    params: float
    tokens: float
    value: float
    drift: float
    slope: Array

    @property
    def is_relative(self) -> bool:
        """Whether half widths are of the logarithm."""
        return self.narrow != "exponent"

    def errors(self, belief: Belief, flop: Array, *, drift: bool = True) -> Array:
        """What runs of this compute count for: noise, and what the law may miss so far away."""
        decades = np.maximum(np.log10(self.flop / flop), 0.0)
        return np.hypot(belief.error_of_a_run, self.drift * decades if drift else 0.0 * decades)

    def rows(
        self, belief: Belief, params: Array, tokens: Array, flop: Array, *, drift: bool = True
    ) -> Array:
        """What runs (m,) say of the free coordinates, in units of their errors: (F, m)."""
        errors = self.errors(belief, flop, drift=drift)
        return belief.jacobian(params, tokens) / errors

    def known(self, belief: Belief, *, drift: bool = True) -> Array:
        """What the runs that are there say of the free coordinates (F, F)."""
        if not len(belief.params):
            return np.zeros((belief.where.size, belief.where.size))
        rows = self.rows(belief, belief.params, belief.tokens, belief.flop, drift=drift)
        return rows @ rows.T

    def standard_error(self, information: Array) -> float:
        """Standard error of the number under what is known; infinite where that leaves it open."""
        return math.sqrt(variance(information, self.slope))


def ask(
    belief: Belief,
    narrow: str,
    flop: float,
    *,
    params: float | None = None,
    tokens: float | None = None,
    rule: FlopRule | None = None,
    drift: float = 0.0,
) -> Question:
    """The question at a target compute, or at a run of given size and tokens.

    Raises:
        EvidenceError: the law has no optimum at the target.
    """
    surface = Surface(belief.law, rule or FlopRule())
    if params is None or tokens is None:
        best = float(_sizes(surface, belief.theta[:, None], flop)[0])
        if not 0 < best < math.inf:
            raise EvidenceError(
                f"law {belief.law.name} has no interior optimum at {flop:.3g} FLOP, so there is "
                "nothing to aim at.",
                code="no_minimum",
                hint="Choose a target nearer to the runs, or another law.",
            )
        params, tokens = best, flop / float(surface.rule.per_token(np.asarray(best)))
    if narrow == "loss":
        value = float(belief.loss(np.asarray(params), np.asarray(tokens)))
        slope = belief.jacobian(np.array([params]), np.array([tokens]))[:, 0]
        return Question(narrow, flop, params, tokens, value, drift, slope)
    return Question(
        narrow,
        flop,
        params,
        tokens,
        params if narrow == "size" else float(_exponents(surface, belief.theta[:, None], flop)[0]),
        drift,
        _slope(belief, surface, narrow, flop),
    )


def answers(belief: Belief, question: Question, draws: Array, rule: FlopRule) -> Array:
    """The number under each of many parameter vectors (K, P); NaN where there is none."""
    if not len(draws):
        return np.zeros(0)
    surface = Surface(belief.law, rule)
    if question.narrow == "exponent":
        return _exponents(surface, draws.T, question.flop)
    size = _sizes(surface, draws.T, question.flop)
    if question.narrow == "size":
        return size
    with np.errstate(all="ignore"):
        usable = np.where(size > 0, size, 1.0)
        loss = surface.loss(draws.T, usable, np.asarray(question.flop))
    return np.where(size > 0, loss, np.nan)


def _slope(belief: Belief, surface: Surface, narrow: str, flop: float) -> Array:
    """Change of log N*, or of the exponent, with each free coordinate, by central differences."""
    phi = belief.where.phi(belief.theta)
    step = _STEP * np.eye(belief.where.size)
    found: list[Array] = []
    for sign in (1.0, -1.0):
        theta = belief.where.theta(phi + sign * step).T
        if narrow == "size":
            found.append(np.log(_sizes(surface, theta, flop)))
        else:
            found.append(_exponents(surface, theta, flop))
    slope = (found[0] - found[1]) / (2 * _STEP)
    if not np.all(np.isfinite(slope)):
        raise EvidenceError(
            f"N* by law {belief.law.name} does not follow smoothly from its parameters at "
            f"{flop:.3g} FLOP.",
            code="no_minimum",
            hint="Narrow the loss instead, or choose another law.",
        )
    return np.where(belief.free, slope, 0.0)


def _sizes(surface: Surface, theta: Array, flop: float) -> Array:
    """N* under each parameter vector (P, K); NaN where there is none."""
    middle = math.sqrt(flop / 6.0)
    best = allocate(surface, theta, flop, (max(1.0, middle / _REACH), middle * _REACH))
    return np.where(best.found, best.params, np.nan)


def _exponents(surface: Surface, theta: Array, flop: float) -> Array:
    """D log N* / d log C at a compute, under each parameter vector (P, K)."""
    ends = [np.log(_sizes(surface, theta, flop * math.exp(s * _HALF))) for s in (1.0, -1.0)]
    return (ends[0] - ends[1]) / (2 * _HALF)


def variance(information: Array, slope: Array) -> float:
    """The variance of a number with this slope; infinite where the runs leave it open."""
    scale = np.sqrt(np.diag(information))
    silent = scale <= 0
    if np.any(silent & (slope != 0)):
        return math.inf
    kept = ~silent
    if not kept.any():
        return 0.0 if not np.any(slope) else math.inf
    unit = 1.0 / scale[kept]
    strength, axes = np.linalg.eigh(information[np.ix_(kept, kept)] * np.outer(unit, unit))
    along = axes.T @ (slope[kept] * unit)
    flat = strength <= 1e-11 * strength[-1]
    if np.any(np.abs(along[flat]) > 1e-6 * np.linalg.norm(along)):
        return math.inf
    return float(np.sum(along[~flat] ** 2 / strength[~flat]))
