"""A short simulation: do nominal 90 % intervals hold the truth about nine times in ten?

``benchmarks/coverage.py`` has the long one. Here the limits are those that a binomial count of so
few sweeps allows, so that only a method that is wrong fails.
"""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.fitting import fit
from tests.fitting.helpers import CHINCHILLA, sweep

EXPONENT = CHINCHILLA["beta"] / (CHINCHILLA["alpha"] + CHINCHILLA["beta"])


def hits(ci: str, budgets: int, sweeps: int) -> np.ndarray:
    """Whether alpha, beta, E and the exponent of N* were covered, (sweeps, 4)."""
    found = []
    for seed in range(sweeps):
        points = sweep(noise=0.003, shared=0.003, seed=1000 + seed, budgets=budgets)
        made = fit(points, ci=ci, draws=80, jobs=1)
        quantities = [made.parameters[name] for name in ("alpha", "beta", "E")]
        quantities.append(made.exponents["n_opt"])
        truth = [*(CHINCHILLA[name] for name in ("alpha", "beta", "E")), EXPONENT]
        found.append([q.lo <= t <= q.hi for q, t in zip(quantities, truth, strict=True)])
    return np.array(found)


def test_tiers_cover_when_tiers_share_an_error():
    covered = hits("tier", 5, 40)
    assert 0.80 <= covered.mean() <= 0.99
    assert covered.mean(axis=0).min() >= 0.75


@pytest.mark.parametrize("budgets", [3, 4])
def test_three_or_four_tiers_are_enough(budgets):
    assert hits("tier", budgets, 12).mean() >= 0.80
