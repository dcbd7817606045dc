"""Learning rate and batch from the user's own sweep: cells, their law, and what it costs."""

from __future__ import annotations

from isoloss.fitting.sweeps.advice import NextRun
from isoloss.fitting.sweeps.cells import Cell
from isoloss.fitting.sweeps.fit import fit_sweep
from isoloss.fitting.sweeps.law import SweepLaw, SweepPrediction
from isoloss.fitting.sweeps.maps import HeatMap, LawCurves
from isoloss.fitting.sweeps.regret import Regret
from isoloss.fitting.sweeps.result import SweepFit
from isoloss.fitting.sweeps.table import SweepRuns, sweep_runs

__all__ = [
    "Cell",
    "HeatMap",
    "LawCurves",
    "NextRun",
    "Regret",
    "SweepFit",
    "SweepLaw",
    "SweepPrediction",
    "SweepRuns",
    "fit_sweep",
    "sweep_runs",
]
