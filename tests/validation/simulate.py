"""Runs with a known truth, for the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

import isoloss as iso
from isoloss.laws import get_law
from isoloss.runs import Runs

CHINCHILLA = {"E": 1.8, "A": 480.0, "alpha": 0.35, "B": 2100.0, "beta": 0.37}
COUPLED = {"E": 1.2, "A": 2300.0, "B": 9900.0, "alpha": 0.5, "beta": 0.5, "k": 0.4}
BUDGETS = tuple(np.geomspace(1e18, 1e20, 7))


def sweep(
    law: str = "chinchilla",
    values: Mapping[str, float] | None = None,
    *,
    budgets: Sequence[float] = BUDGETS,
    sizes: int = 6,
    noise: float = 0.002,
    shared: float = 0.001,
    seed: int = 0,
    **columns: object,
) -> Runs:
    """Runs at these budgets, sizes a factor of five around the square root of compute.

    Args:
        law: the truth.
        values: its parameters.
        budgets: compute of the tiers.
        sizes: runs per tier.
        noise: of a run, in log loss.
        shared: of a tier.
        seed: of the noise.
        columns: more columns, one value or one per run.
    """
    rng = np.random.default_rng(seed)
    flop = np.repeat(np.asarray(budgets), sizes)
    spread = np.tile(np.geomspace(0.2, 5, sizes), len(budgets))
    # Sizes differ a little from tier to tier, as real ones do.
    params = np.sqrt(flop / 120) * spread * np.exp(rng.uniform(-0.1, 0.1, len(flop)))
    tokens = flop / (6 * params)
    theta = values or {"chinchilla": CHINCHILLA, "coupled": COUPLED}[law]
    loss = get_law(law).value(theta, {"N": params, "D": tokens})
    error = rng.normal(0, noise, len(flop)) + np.repeat(rng.normal(0, shared, len(budgets)), sizes)
    table = {"n_total": params, "tokens": tokens, "flop": flop, "loss": loss * np.exp(error)}
    return iso.read({**table, **{name: _column(v, len(flop)) for name, v in columns.items()}})


def best_of_small_ladder() -> Runs:
    """The shipped ladder's best run of each size and budget: 52 runs at 8 budgets."""
    runs = iso.read(iso.datasets.path("small_ladder"), where="study = 'ladder' OR study = 'ci'")
    best = runs.frame.sort("loss").unique(
        subset=["flop_budget", "params"], keep="first", maintain_order=True
    )
    return iso.read(best.sort("flop", "params"))


def _column(value: object, count: int) -> object:
    return [value] * count if isinstance(value, str | int | float) else value
