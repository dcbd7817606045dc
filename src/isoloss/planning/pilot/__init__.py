"""Which small runs first? A pilot: the runs that narrow the answer most for their compute."""

from __future__ import annotations

from isoloss.planning.pilot.bought import Bought, bought
from isoloss.planning.pilot.pilot import pilot
from isoloss.planning.pilot.result import PilotPlan, PlannedRun, Rival

__all__ = ["Bought", "PilotPlan", "PlannedRun", "Rival", "bought", "pilot"]
