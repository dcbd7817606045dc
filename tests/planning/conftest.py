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


def _repeated(law: str, values: Mapping[str, float], noise: float = 0.002) -> Runs:
    """Runs at six budgets, three sizes and three numbers of epochs each, by a known law."""
    rng = np.random.default_rng(1)
    flop = np.repeat(np.geomspace(1e19, 3e21, 6), 9)
    params = np.sqrt(flop / 120) * np.tile(np.repeat([0.5, 1.0, 2.0], 3), 6)
    tokens = flop / (6 * params)
    unique = tokens / np.tile([1.0, 5.0, 25.0], 18)
    loss = get_law(law).value(values, {"N": params, "D": tokens, "U": unique})
    loss = loss * np.exp(rng.normal(0, noise, len(flop)))
    table = {"n_total": params, "tokens": tokens, "unique_tokens": unique, "loss": loss}
    return read({**table, "flop": flop})


@pytest.fixture(scope="session")
def repetition_fit() -> Fit:
    values = dict(get_published("repetition").values)
    base = {name: values[name] for name in ("E", "A", "B", "alpha", "beta")}
    return fit(_repeated("repetition", values), "repetition", fixed=base, draws=60)


@pytest.fixture(scope="session")
def lovelace_fit() -> Fit:
    base = get_published("chinchilla", "epoch").values
    values = {**base, "P": 0.05, "delta": 1.2, "kappa": 0.8}
    return fit(_repeated("lovelace", values), "lovelace", fixed=dict(base), draws=40)
