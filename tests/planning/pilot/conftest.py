"""Runs by a known law, at four budgets."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.laws import get_law
from isoloss.runs import Conventions, Points


@pytest.fixture(scope="session")
def ladder_points() -> Points:
    law = get_law("chinchilla")
    theta = np.array([law.published[0].values[name] for name in law.names])
    flop = np.repeat(np.geomspace(1e18, 3e19, 4), 6)
    params = 0.1 * np.sqrt(flop) * np.tile(np.geomspace(0.25, 4, 6), 4)
    tokens = flop / (6 * params)
    noise = np.random.default_rng(0).normal(0, 0.003, len(flop))
    return Points(
        run_id=tuple(f"r{i}" for i in range(len(flop))),
        params=params,
        tokens=tokens,
        flop=flop,
        loss=law.value(theta, {"N": params, "D": tokens}) * np.exp(noise),
        unique_tokens=tokens,
        tier=np.repeat(np.arange(4), 6),
        columns={},
        codes={},
        conventions=Conventions(n="total", flop="6nd", loss_unit="nats/token"),
        data_hash="x" * 64,
    )
