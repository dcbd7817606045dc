"""What does serving change? Lifetime compute, over-training, and where they break even."""

from __future__ import annotations

from isoloss.planning.serving.overtraining import overtraining
from isoloss.planning.serving.overtraining_result import Curve, Mark, Overtraining
from isoloss.planning.serving.result import Served, ServingPlan
from isoloss.planning.serving.serve import serve
from isoloss.planning.serving.terms import PlainRate, Speed, Terms

__all__ = [
    "Curve",
    "Mark",
    "Overtraining",
    "PlainRate",
    "Served",
    "ServingPlan",
    "Speed",
    "Terms",
    "overtraining",
    "serve",
]
