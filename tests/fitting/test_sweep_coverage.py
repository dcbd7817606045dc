"""A short simulation: do intervals of the law and of the cells hold the truth?

``benchmarks/sweeps.py`` has the long one. The limits are what a binomial count of so few allows.
"""

from __future__ import annotations

import numpy as np

from isoloss.fitting.sweeps import fit_sweep
from tests.fitting.lr_batch import LAW, changed, law_at, make_sweep

AXES = ("lr", "batch_tokens")


def holds(quantity, value):
    return quantity.lo <= value <= quantity.hi


def test_intervals_cover_when_cells_scatter_about_the_law():
    powers, ahead, alone, shared = [], [], [], []
    for seed in range(30):
        made = make_sweep(noise=0.0007, scatter=0.1, seed=100 + seed)
        fit = fit_sweep(made.points, within=0.01, skew=False, draws=200, seed=seed)
        for i, axis in enumerate(AXES):
            found = fit.need_law().exponents(axis).values()
            powers += [holds(q, t) for q, t in zip(found, LAW[i, 1:], strict=True)]
        rng = np.random.default_rng([seed, 9])
        truth = np.exp(law_at(5e9, 5e11) + rng.normal(0, 0.1, 2))
        said = fit.predict(5e9, 5e11).settings
        ahead += [holds(said[axis], t) for axis, t in zip(AXES, truth, strict=True)]
        for cell, best in zip(fit.cells, made.optima, strict=True):
            for axis, t in zip(AXES, best, strict=True):
                shared.append(holds(cell.pooled[axis], t))
                if cell.status == "ok":
                    alone.append(holds(cell.optimum[axis], t))
    assert 0.82 <= np.mean(powers) <= 0.99
    assert 0.78 <= np.mean(ahead) <= 1.0
    assert 0.84 <= np.mean(shared) <= 0.98
    assert 0.80 <= np.mean(alone) <= 0.98


def test_skew_surfaces_bias_a_quadratic_and_not_the_shared_cubic():
    """Losses that are steeper above the best rate: the cubic terms move the optimum back."""
    made = make_sweep(noise=1e-5)
    runs = made.points
    best = np.repeat(made.optima[:, 0], len(runs) // len(made.optima))
    u = np.log(runs.columns["lr"] / best)
    skewed = changed(runs, loss=runs.loss * np.exp(0.0006 * u**3))
    off = {}
    for skew in (False, True):
        fit = fit_sweep(skewed, within=0.02, skew=skew, draws=10)
        found = [cell.pooled["lr"].estimate for cell in fit.cells]
        off[skew] = np.abs(np.log(found / made.optima[:, 0])).max()
    assert off[True] < 0.02
    assert off[False] > 3 * off[True]
