"""Simulated runs with a known truth, and comparison by digits, for the tests of this room."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from isoloss.laws import Law, get_law
from isoloss.runs import Conventions, Points, compute_tiers

Array = NDArray[np.float64]

CHINCHILLA = {"E": 1.8172, "A": 477.8, "B": 2143.0, "alpha": 0.3473, "beta": 0.3672}
COUPLED = {"E": 1.757, "A": 2305.0, "B": 9957.0, "alpha": 0.4244, "beta": 0.4305, "k": 0.774}
REPETITION = {**CHINCHILLA, "RD": 15.39, "RN": 5.31}
KAPLAN = {"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103}


def digits(found: float, certified: float) -> float:
    """How many leading digits of a certified value are met (15 at most)."""
    error = abs(found - certified) / abs(certified)
    return 15.0 if error == 0 else min(15.0, -math.log10(error))


def grid(sizes: int = 8, budgets: int = 5) -> tuple[Array, Array]:
    """N and D of an IsoFLOP sweep: for each budget C = 6 N D, sizes on either side of D/N = 20."""
    flop = np.repeat(np.geomspace(1e18, 1e21, budgets), sizes)
    ratio = np.tile(np.geomspace(1.0, 400.0, sizes), budgets)
    n = np.sqrt(flop / 6 / ratio)
    return n, flop / 6 / n


def make_points(
    loss: Array,
    n: Array | None = None,
    d: Array | None = None,
    *,
    unique: Array | None = None,
    flop: Array | None = None,
    tier: NDArray[np.int64] | None = None,
    columns: Mapping[str, Array] | None = None,
    codes: Mapping[str, NDArray[np.int64]] | None = None,
) -> Points:
    """Points as a table would give them; what is not given is not known (NaN)."""
    unknown = np.full(len(loss), np.nan)
    n = unknown if n is None else n
    d = unknown if d is None else d
    flop = 6 * n * d if flop is None else flop
    if tier is None:
        tier = compute_tiers(flop) if np.isfinite(flop).all() else np.zeros(len(loss), np.int64)
    return Points(
        run_id=tuple(f"run-{i}" for i in range(len(loss))),
        params=n,
        tokens=d,
        flop=flop,
        loss=loss,
        unique_tokens=d if unique is None else unique,
        tier=tier,
        columns=columns or {},
        codes=codes or {},
        conventions=Conventions(),
        data_hash="0" * 64,
    )


def sweep(
    law: str | Law = "chinchilla",
    theta: Mapping[str, float] = CHINCHILLA,
    *,
    noise: float = 0.0,
    shared: float = 0.0,
    seed: int = 0,
    sizes: int = 8,
    budgets: int = 5,
) -> Points:
    """An IsoFLOP sweep of a law in N and D, with noise per run and noise shared by a budget."""
    rng = np.random.default_rng(seed)
    n, d = grid(sizes, budgets)
    loss = get_law(law).value(theta, {"N": n, "D": d})
    error = noise * rng.standard_normal(n.size)
    error += np.repeat(shared * rng.standard_normal(budgets), sizes)
    return make_points(loss * np.exp(error), n, d)


def repeated(theta: Mapping[str, float] = REPETITION, *, noise: float = 0.0) -> Points:
    """A sweep of N, D and U in which data are repeated 1 to 60 times."""
    n, d, epochs = (
        a.ravel()
        for a in np.meshgrid(
            np.geomspace(1e7, 8e9, 6), np.geomspace(3e9, 6e11, 5), np.array([1.0, 3.0, 12.0, 60.0])
        )
    )
    loss = get_law("repetition").value(theta, {"N": n, "D": d, "U": d / epochs})
    error = noise * np.random.default_rng(0).standard_normal(n.size)
    return make_points(loss * np.exp(error), n, d, unique=d / epochs)
