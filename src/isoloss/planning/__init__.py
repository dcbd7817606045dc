"""What to do now? Plans from fits, and from published laws where there are no runs."""

from __future__ import annotations

from isoloss.laws.optimum import closed_form
from isoloss.planning.answer import Answer
from isoloss.planning.batch import (
    CriticalBatch,
    TradeOff,
    batch_from_noise,
    batch_laws,
    critical_batch,
    trade_off,
)
from isoloss.planning.inverse import flop_for_loss, params_for, tokens_for
from isoloss.planning.plan import plan
from isoloss.planning.published import plan_law, plan_published
from isoloss.planning.published_result import PublishedPlans, PublishedRow
from isoloss.planning.result import FlatRegion, Plan
from isoloss.planning.settings import HParams, Transfer, hparams, transfer_lr
from isoloss.planning.tested import with_backtest

__all__ = [
    "Answer",
    "CriticalBatch",
    "FlatRegion",
    "HParams",
    "Plan",
    "PublishedPlans",
    "PublishedRow",
    "TradeOff",
    "Transfer",
    "batch_from_noise",
    "batch_laws",
    "closed_form",
    "critical_batch",
    "flop_for_loss",
    "hparams",
    "params_for",
    "plan",
    "plan_law",
    "plan_published",
    "tokens_for",
    "trade_off",
    "transfer_lr",
    "with_backtest",
]
