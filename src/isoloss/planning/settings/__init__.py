"""Learning rate and batch: published laws side by side, and carried from one run to another."""

from __future__ import annotations

from isoloss.planning.settings.hparams import advise, hparams
from isoloss.planning.settings.result import (
    Advice,
    Adviser,
    Contradiction,
    HParams,
    Rescaled,
    Spread,
)

__all__ = [
    "Advice",
    "Adviser",
    "Contradiction",
    "HParams",
    "Rescaled",
    "Spread",
    "advise",
    "hparams",
]
