"""IsoFLOP sweeps of surfaces with a known optimum, for the tests of the three approaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.runs import Points
from tests.fitting.helpers import make_points

Array = NDArray[np.float64]
Numbers = float | Sequence[float] | Array


@dataclass(frozen=True)
class Surface:
    """E + A N^-alpha + B D^-beta with FLOP = 6 N^power D."""

    alpha: float = 0.34
    beta: float = 0.28
    a: float = 406.4
    b: float = 410.7
    e: float = 1.69
    power: float = 1.0

    def loss(self, n: Array, d: Array) -> Array:
        return self.e + self.a * n**-self.alpha + self.b * d**-self.beta

    @property
    def exponent(self) -> float:
        return self.beta / (self.alpha + self.beta * self.power)

    def best_size(self, flop: Numbers) -> Array:
        given: Array = np.asarray(flop, dtype=np.float64)
        ratio = self.alpha * self.a / (self.beta * self.power * self.b)
        steep = self.alpha + self.beta * self.power
        return ratio ** (1 / steep) * (given / 6) ** (self.beta / steep)

    def best_tokens(self, flop: Numbers) -> Array:
        given: Array = np.asarray(flop, dtype=np.float64)
        return given / 6 / self.best_size(flop) ** self.power


HOFFMANN = Surface()
ASYMMETRIC = Surface(alpha=0.465, beta=0.155)
SYMMETRIC = Surface(alpha=0.31, beta=0.31)


def isoflop_sweep(
    surface: Surface = HOFFMANN,
    *,
    budgets: Numbers = (1e17, 1e18, 1e19, 1e20, 1e21),
    sizes: int = 15,
    factor: float = 8.0,
    off: Numbers = 1.0,
    noise: float = 0.0,
    spread: float = 0.0,
    seed: int = 0,
    columns: Mapping[str, Array] | None = None,
) -> Points:
    """Runs of equal compute per budget, sizes from best/factor to best*factor (times ``off``).

    ``noise`` is the run's own error in log loss (an error shared by the budget comes on top),
    ``spread`` the relative range of compute within a budget.
    """
    flops: Array = np.asarray(budgets, dtype=np.float64)
    rng = np.random.default_rng(seed)
    tier = np.repeat(np.arange(len(flops)), sizes)
    steps = np.tile(np.linspace(-np.log(factor), np.log(factor), sizes), len(flops))
    middle = surface.best_size(flops) * off
    n = middle[tier] * np.exp(steps)
    flop = flops[tier] * np.exp(spread * rng.uniform(-0.5, 0.5, len(tier)))
    d = flop / 6 / n**surface.power
    loss = surface.loss(n, d)
    if noise:
        shared = 0.005 * rng.standard_normal(len(flops))[tier]
        loss = loss * np.exp(shared + noise * rng.standard_normal(len(tier)))
    return make_points(loss, n, d, flop=flop, tier=tier.astype(np.int64), columns=columns)
