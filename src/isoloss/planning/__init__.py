"""What to do now? Plans from fits, and from published laws where there are no runs."""

from __future__ import annotations

from isoloss.laws.optimum import closed_form
from isoloss.planning.answer import Answer
from isoloss.planning.card import Card, CardLine
from isoloss.planning.hardware import fit_mfu, get_device, list_devices, memory
from isoloss.planning.inverse import flop_for_loss, params_for, priced, tokens_for
from isoloss.planning.optimality import Choice, Optima, optima
from isoloss.planning.plan import plan
from isoloss.planning.published import plan_law, plan_published
from isoloss.planning.published_result import PublishedPlans, PublishedRow
from isoloss.planning.result import FlatRegion, Plan
from isoloss.planning.serving import Overtraining, PlainRate, ServingPlan, overtraining, serve
from isoloss.planning.shapes import shape, shape_effect

__all__ = [
    "Answer",
    "Card",
    "CardLine",
    "Choice",
    "FlatRegion",
    "Optima",
    "Overtraining",
    "PlainRate",
    "Plan",
    "PublishedPlans",
    "PublishedRow",
    "ServingPlan",
    "closed_form",
    "fit_mfu",
    "flop_for_loss",
    "get_device",
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
]
