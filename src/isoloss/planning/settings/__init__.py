"""Learning rate and batch: published laws side by side, and carried from one run to another."""

from __future__ import annotations

from isoloss.planning.settings.hparams import advise, hparams
from isoloss.planning.settings.own_sweep import Judged, SweepAdviser, judge_published
from isoloss.planning.settings.result import (
    Advice,
    Adviser,
    Contradiction,
    HParams,
    Rescaled,
    Spread,
)
from isoloss.planning.settings.transfer import transfer_lr
from isoloss.planning.settings.transfer_result import Carried, Transfer

__all__ = [
    "Advice",
    "Adviser",
    "Carried",
    "Contradiction",
    "HParams",
    "Judged",
    "Rescaled",
    "Spread",
    "SweepAdviser",
    "Transfer",
    "advise",
    "hparams",
    "judge_published",
    "transfer_lr",
]
