"""What to do now? Plans from fits, and from published laws where there are no runs."""

from __future__ import annotations

from isoloss.laws.optimum import closed_form
from isoloss.planning.answer import Answer
from isoloss.planning.inverse import flop_for_loss, params_for, tokens_for
from isoloss.planning.plan import plan
from isoloss.planning.published import plan_law, plan_published
from isoloss.planning.published_result import PublishedPlans, PublishedRow
from isoloss.planning.result import FlatRegion, Plan
from isoloss.planning.tested import with_backtest

__all__ = [
    "Answer",
    "FlatRegion",
    "Plan",
    "PublishedPlans",
    "PublishedRow",
    "closed_form",
    "flop_for_loss",
    "params_for",
    "plan",
    "plan_law",
    "plan_published",
    "tokens_for",
    "with_backtest",
]
