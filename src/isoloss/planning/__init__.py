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
from isoloss.planning.card import Card, CardLine
from isoloss.planning.hardware import fit_mfu, get_device, list_devices, memory
from isoloss.planning.inverse import flop_for_loss, params_for, priced, tokens_for
from isoloss.planning.optimality import Choice, Optima, optima
from isoloss.planning.plan import plan
from isoloss.planning.published import plan_law, plan_published
from isoloss.planning.published_result import PublishedPlans, PublishedRow
from isoloss.planning.result import FlatRegion, Plan
from isoloss.planning.serving import Overtraining, PlainRate, ServingPlan, overtraining, serve
from isoloss.planning.settings import HParams, Transfer, hparams, transfer_lr
from isoloss.planning.shapes import shape, shape_effect
from isoloss.planning.tested import with_backtest

__all__ = [
    "Answer",
    "Card",
    "CardLine",
    "Choice",
    "CriticalBatch",
    "FlatRegion",
    "HParams",
    "Optima",
    "Overtraining",
    "PlainRate",
    "Plan",
    "PublishedPlans",
    "PublishedRow",
    "ServingPlan",
    "TradeOff",
    "Transfer",
    "batch_from_noise",
    "batch_laws",
    "closed_form",
    "critical_batch",
    "fit_mfu",
    "flop_for_loss",
    "get_device",
    "hparams",
    "list_devices",
    "memory",
    "optima",
    "overtraining",
    "params_for",
    "plan",
    "plan_law",
    "plan_published",
    "priced",
    "serve",
    "shape",
    "shape_effect",
    "tokens_for",
    "trade_off",
    "transfer_lr",
    "with_backtest",
]
