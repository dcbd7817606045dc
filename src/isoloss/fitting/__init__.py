"""What do these runs say? Fits of laws to runs, with intervals."""

from __future__ import annotations

from isoloss.fitting.allocation import Allocation
from isoloss.fitting.approaches import Approaches, approaches
from isoloss.fitting.envelope import envelope
from isoloss.fitting.fit import fit
from isoloss.fitting.hyperbola import Hyperbola, fit_hyperbola
from isoloss.fitting.isoflop import isoflop
from isoloss.fitting.joint import joint
from isoloss.fitting.noise_scale import NoiseScale, noise_scale
from isoloss.fitting.objectives import Huber, Objective, Quantile, Squared, StudentT
from isoloss.fitting.quantity import Notice, Quantity, from_draws
from isoloss.fitting.result import Fit, Prediction
from isoloss.fitting.search import Constraints

__all__ = [
    "Allocation",
    "Approaches",
    "Constraints",
    "Fit",
    "Huber",
    "Hyperbola",
    "NoiseScale",
    "Notice",
    "Objective",
    "Prediction",
    "Quantile",
    "Quantity",
    "Squared",
    "StudentT",
    "approaches",
    "envelope",
    "fit",
    "fit_hyperbola",
    "from_draws",
    "isoflop",
    "joint",
    "noise_scale",
]
