"""What is the best run? It depends on what is scarce: compute, data, memory, time or money."""

from __future__ import annotations

from isoloss.planning.optimality.limits import Limits
from isoloss.planning.optimality.optima import optima
from isoloss.planning.optimality.result import Choice, Optima
from isoloss.planning.optimality.strategies import Strategy, strategies

__all__ = ["Choice", "Limits", "Optima", "Strategy", "optima", "strategies"]
