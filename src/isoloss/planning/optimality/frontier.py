"""How much compute do compute-optimal runs need for a loss?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isoloss.laws.optimum import allocate, has_closed_form
from isoloss.planning.basis import Basis
from isoloss.planning.serving.lifetime import optimum_of_run

Array = NDArray[np.float64]

# Budgets around the one in question, for laws without a closed form: steps of a factor of 1.26,
# between which log loss is nearly straight in log compute.
_DECADES = np.linspace(-2.4, 0.6, 31)


@dataclass(frozen=True)
class Frontier:
    """The compute-optimal runs around a budget.

    Attributes:
        basis: the law with its draws.
        flop: the budget.
    """

    basis: Basis
    flop: float

    def flop_needed(self, params: Array, tokens: Array, loss: Array) -> Array:
        """The compute with which a compute-optimal run is as good as a given one (1 + K,).

        NaN where none is, or where it is more than 250 times below the budget.
        """
        surface, theta = self.basis.surface, self.basis.columns
        if has_closed_form(surface):
            there = np.isfinite(params) & (params > 0) & np.isfinite(tokens) & (tokens > 0)
            n, d = np.where(there, params, 1.0), np.where(there, tokens, 1.0)
            best_n, best_d = optimum_of_run(surface, theta, n, d, 1.0)
            return np.where(there, surface.rule.per_token(best_n) * best_d, np.nan)
        losses, budgets = self._losses
        found = np.full(loss.shape, np.nan)
        for k in range(len(loss)):
            known = losses[:, k][::-1]  # ascending loss, descending compute
            if np.isfinite(known).all() and np.all(np.diff(known) > 0):
                at = (float(loss[k]), known, np.log(budgets[::-1]))
                found[k] = np.exp(np.interp(*at, left=np.nan, right=np.nan))
        return found

    @cached_property
    def _losses(self) -> tuple[Array, Array]:
        """Losses of compute-optimal runs (B, 1 + K) and their budgets (B,)."""
        budgets = self.flop * 10.0**_DECADES
        rows: list[Array] = []
        for flop in budgets:
            best = allocate(
                self.basis.surface, self.basis.columns, flop, self.basis.bounds(float(flop))
            )
            rows.append(self.basis.loss(best.params, best.tokens))
        return np.array(rows), budgets
