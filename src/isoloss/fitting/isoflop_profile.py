"""The runs of one compute budget, and what any curve through their losses says.

Losses are divided by the mean of their budget, so that errors of all budgets count alike. Many
sets of losses of the same runs are fitted at once: arrays are (draws, runs) and (draws, budgets).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.sweep import size_numbers

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
FLAT = 1e-12  # a bend of relative losses that is rounding
RANK = 1e-9  # directions weaker than this, relative to the strongest, are not fixed by the runs


@dataclass(frozen=True)
class Profile:
    """The runs of one budget.

    Attributes:
        rows: which runs.
        flop: the budget, geometric mean of the runs.
        log_n: (n,) minus ``centre_n``.
        log_d: (n,) minus ``centre_d``.
        centre_n: mean log N.
        centre_d: log D at ``centre_n`` on the budget.
        trade: on the budget log D = centre_d - trade * (log N - centre_n); 1 where C = 6 N D.
        scale: mean loss.
    """

    rows: Ints
    flop: float
    log_n: Array
    log_d: Array
    centre_n: float
    centre_d: float
    trade: float
    scale: float

    @property
    def n_sizes(self) -> int:
        """The number of distinct sizes."""
        return int(size_numbers(np.exp(self.log_n)).max()) + 1


def profile(rows: Ints, params: Array, tokens: Array, flop: Array, loss: Array) -> Profile:
    """The profile of the runs ``rows``; the other arrays hold all runs."""
    log_n, log_d, log_c = (np.log(values[rows]) for values in (params, tokens, flop))
    centre_n, centre_c = float(log_n.mean()), float(log_c.mean())
    u = log_n - centre_n
    # The tokens that each run would have had at exactly the budget.
    level = log_d - (log_c - centre_c)
    spread = float(u @ u)
    trade = -float(u @ level) / spread if spread > 0 else 1.0
    centre_d = float(level.mean())
    return Profile(
        rows=rows,
        flop=float(np.exp(centre_c)),
        log_n=u,
        log_d=log_d - centre_d,
        centre_n=centre_n,
        centre_d=centre_d,
        trade=trade,
        scale=float(loss[rows].mean()),
    )


@dataclass(frozen=True)
class Curves:
    """Fitted profiles of many sets of losses.

    Attributes:
        fitted: (draws, runs), in units of each budget's mean loss.
        log_n: log N at the minimum (draws, budgets), wherever it lies; without a minimum, plus or
            minus infinity on the side where the curve ends lower.
        log_d: log D there.
        loss: at the minimum (draws, budgets), in the unit of the runs; NaN without a minimum.
        jacobian: of the first set of losses (runs, parameters).
        sensitivity: how log N* of the first set moves with the parameters (budgets, parameters).
        height: how the loss at the minimum of the first set moves with them (budgets, parameters),
            in units of each budget's mean loss.
        own: for unit errors of the losses, the variance of log N* that comes from the budget's own
            runs, exponents held (budgets,).
        exponents: alpha and beta of each set of losses (draws, 2); NaN for polynomials.
    """

    fitted: Array
    log_n: Array
    log_d: Array
    loss: Array
    jacobian: Array
    sensitivity: Array
    height: Array
    own: Array
    exponents: Array

    @property
    def leverage(self) -> Array:
        """The share of each run's own loss in its fitted value, of the first set (runs,)."""
        left, _, _ = self._decomposed()
        return np.einsum("ij,ij->i", left, left)

    @property
    def covariance(self) -> Array:
        """For unit errors of the losses, the covariance of log N* between budgets."""
        _, strength, directions = self._decomposed()
        spread = self.sensitivity @ directions / strength
        return spread @ spread.T

    def directions(self) -> Array:
        """Orthonormal directions of the runs' losses to which the first set's curves give way."""
        return self._decomposed()[0]

    def moved(self, errors: Array) -> tuple[Array, Array]:
        """Linear changes of log N* and of the relative loss there (draws, budgets).

        Args:
            errors: of the losses along ``directions`` (draws, directions).
        """
        _, strength, parameters = self._decomposed()
        change = (errors / strength) @ parameters.T
        return change @ self.sensitivity.T, change @ self.height.T

    def _decomposed(self) -> tuple[Array, Array, Array]:
        """The Jacobian's directions of runs, strengths and directions of parameters."""
        length = np.sqrt(np.einsum("ij,ij->j", self.jacobian, self.jacobian))
        unit = 1 / np.where(length > 0, length, np.inf)
        left, strength, right = np.linalg.svd(self.jacobian * unit, full_matrices=False)
        kept = strength > RANK * strength[0]
        return left[:, kept], strength[kept], unit[:, None] * right[kept].T


def relative(profiles: Sequence[Profile], loss: Array) -> Array:
    """Losses in units of their budget's mean."""
    result = np.empty_like(loss)
    for each in profiles:
        result[..., each.rows] = loss[..., each.rows] / each.scale
    return result


def place(profiles: Sequence[Profile], u: Array) -> tuple[Array, Array]:
    """Places along the budgets as log N and log D."""
    centre_n, centre_d, trade = (
        np.array([getattr(each, name) for each in profiles])
        for name in ("centre_n", "centre_d", "trade")
    )
    return centre_n + u, centre_d - trade * u


def variance(basis: Array, sensitivity: Array) -> float:
    """The variance of a linear function of least-squares coefficients, for unit errors."""
    spread = sensitivity @ np.linalg.pinv(basis)
    return float(spread @ spread)
