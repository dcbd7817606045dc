"""Sweeps drawn from known laws, and fits of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from isoloss.fitting import Fit, fit
from isoloss.laws import get_law, get_published
from isoloss.runs import Runs, read

BUDGETS = (1e18, 3e18, 1e19, 3e19, 1e20, 3e20)


def _sweep(
    law: str = "chinchilla",
    key: str | None = "epoch",
    *,
    values: Mapping[str, float] | None = None,
    budgets: Sequence[float] = BUDGETS,
    sizes: int = 7,
    noise: float = 0.003,
    flop_factor: float = 1.0,
    seed: int = 0,
) -> Runs:
    """Runs at these budgets, spread by a factor of four around the square root of compute."""
    rng = np.random.default_rng(seed)
    flop = np.repeat(budgets, sizes)
    params = np.sqrt(flop / 120) * np.tile(np.geomspace(0.25, 4, sizes), len(budgets))
    tokens = flop / (6 * params)
    theta = values or get_published(law, key).values
    loss = get_law(law).value(theta, {"N": params, "D": tokens, "U": tokens})
    shared = np.repeat(rng.normal(0, noise / 2, len(budgets)), sizes)
    loss = loss * np.exp(shared + rng.normal(0, noise, len(flop)))
    table = {"n_total": params, "tokens": tokens, "flop": flop * flop_factor, "loss": loss}
    return read(table)


@pytest.fixture(scope="session")
def sweep() -> Callable[..., Runs]:
    return _sweep


@pytest.fixture(scope="session")
def chinchilla_fit() -> Fit:
    return fit(_sweep(), draws=200)


@pytest.fixture(scope="session")
def bare_fit() -> Fit:
    return fit(_sweep(), ci="none")


@pytest.fixture(scope="session")
def coupled_fit() -> Fit:
    return fit(_sweep(), law="coupled", draws=60)
