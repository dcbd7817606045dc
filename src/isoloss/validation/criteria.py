"""How likely are the runs under a law? Information criteria from the fit's own objective.

An objective rho, summed over runs and minimised, is the likelihood of independent errors with the
density ``exp(-rho(r) / s) / Z(s)`` of the residual r in log loss, for any scale s > 0: squared
error gives the normal law, Huber a normal core with Laplace tails (the density of Besiroglu et al.
2024). The optimum does not depend on s, so the scale is profiled: s is where the likelihood of the
residuals is largest.

Runs of one tier share errors, and these criteria take runs as independent: they favour the larger
law too much. The error on held-out runs is the judge; these are the usual second opinion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError
from isoloss.fitting import Fit, Objective

Array = NDArray[np.float64]
_U = np.linspace(-45.0, 45.0, 18001)
_SINH, _COSH = np.sinh(_U), np.cosh(_U)


@dataclass(frozen=True)
class Criteria:
    """Information criteria of one fit; smaller is better.

    Attributes:
        log_likelihood: of the residuals in log loss, natural logarithm.
        scale: s, profiled; the square of the standard deviation for least squares.
        n_free: free parameters of the law; the scale counts as one more.
        n_runs: runs.
    """

    log_likelihood: float
    scale: float
    n_free: int
    n_runs: int

    @property
    def aic(self) -> float:
        """Akaike's criterion (Akaike 1974)."""
        return 2.0 * (self.n_free + 1) - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """The Bayesian criterion (Schwarz 1978)."""
        return float(np.log(self.n_runs)) * (self.n_free + 1) - 2.0 * self.log_likelihood

    def to_dict(self) -> dict[str, float]:
        """The numbers by name."""
        return {**vars(self), "aic": self.aic, "bic": self.bic}


@dataclass(frozen=True)
class RatioTest:
    """Does a larger law fit better than one inside it, beyond chance?

    Attributes:
        statistic: twice the gain in log likelihood.
        freedom: how many parameters more.
        p_value: chance of such a gain if the smaller law holds and runs are independent.
    """

    statistic: float
    freedom: int
    p_value: float


def criteria(fit: Fit) -> Criteria:
    """The information criteria of a fit, every run counting the same."""
    log_likelihood, scale = profile_likelihood(fit.objective, fit.residuals)
    return Criteria(log_likelihood, scale, n_free(fit), fit.n_runs)


def n_free(fit: Fit) -> int:
    """How many parameters of a fit the runs decide: fixed ones and the second of a tie do not."""
    leader = {name: name for name in fit.law.names}
    for left, right in fit.constraints.tied:
        old, new = leader[right], leader[left]
        leader = {name: new if lead == old else lead for name, lead in leader.items()}
    return len({leader[name] for name in fit.law.names if name not in fit.constraints.fixed})


def likelihood_ratio(smaller: Fit, larger: Fit) -> RatioTest:
    """The likelihood-ratio test of a law against a larger one that contains it.

    Whether it is contained is for the caller to know: chinchilla is coupled with k = 1.

    Raises:
        InputError: the fits differ in runs or objective, or the larger has no parameter more.
    """
    from scipy.special import chdtrc

    freedom = n_free(larger) - n_free(smaller)
    same = np.array_equal(smaller.points.loss, larger.points.loss)
    if not same or smaller.objective != larger.objective or freedom < 1:
        raise InputError(
            "a likelihood-ratio test needs two fits to the same runs by the same objective, the "
            "second with more free parameters.",
            code="not_nested",
        )
    statistic = 2.0 * (criteria(larger).log_likelihood - criteria(smaller).log_likelihood)
    p_value = float(chdtrc(freedom, max(statistic, 0.0)))
    return RatioTest(statistic, freedom, p_value)


def profile_likelihood(objective: Objective, residuals: Array) -> tuple[float, float]:
    """The largest log likelihood of residuals over the scale s, and that s.

    Args:
        objective: the cost of a residual.
        residuals: in log loss (n,).
    """
    from scipy.optimize import minimize_scalar

    count = len(residuals)
    total = float(np.sum(objective.value(residuals)))
    # A cost that grows as the square has s = 2 total / n, one that grows as the size has total / n.
    middle = np.log(max(total / count, 1e-300))

    def cost(log_scale: float) -> float:
        scale = np.exp(log_scale)
        return total / scale + count * log_normaliser(objective, scale)

    found = minimize_scalar(
        cost, bounds=(middle - 5.0, middle + 5.0), method="bounded", options={"xatol": 1e-10}
    )
    return -float(found.fun), float(np.exp(found.x))


def log_normaliser(objective: Objective, scale: float) -> float:
    """Logarithm of Z(s), the integral of ``exp(-rho(r) / s)`` over all residuals r.

    By the trapezoidal rule in u with r = c sinh(u), c the narrower of corner and noise: a core and
    tails of any two sizes are resolved alike.
    """
    width = min(objective.corner, float(np.sqrt(scale)))
    with np.errstate(over="ignore"):
        density = np.exp(-objective.value(width * _SINH) / scale)
    return float(np.log(width * np.sum(density * _COSH) * (_U[1] - _U[0])))
