"""What was trained? The table of runs: reading, conventions, counts of parameters and FLOP.

What needs Polars is loaded when it is first used: counting FLOP of an architecture does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from isoloss.runs.architecture import Architecture as Architecture
from isoloss.runs.architecture import parse_architecture as parse_architecture
from isoloss.runs.conventions import FLOP_CONVENTIONS as FLOP_CONVENTIONS
from isoloss.runs.conventions import LOSS_UNITS as LOSS_UNITS
from isoloss.runs.conventions import PARAM_COUNTS as PARAM_COUNTS
from isoloss.runs.conventions import Conventions as Conventions
from isoloss.runs.flops import flop_per_token as flop_per_token
from isoloss.runs.quantities import format_quantity as format_quantity
from isoloss.runs.quantities import parse_quantity as parse_quantity
from isoloss.runs.tiers import compute_tiers as compute_tiers

if TYPE_CHECKING:
    from isoloss.runs.columns import COLUMNS as COLUMNS
    from isoloss.runs.columns import Column as Column
    from isoloss.runs.coverage import MIN_BUDGETS as MIN_BUDGETS
    from isoloss.runs.grading import Problem as Problem
    from isoloss.runs.points import Points as Points
    from isoloss.runs.reading import read as read
    from isoloss.runs.table import Runs as Runs

_LATER = {
    "COLUMNS": "columns",
    "Column": "columns",
    "MIN_BUDGETS": "coverage",
    "Problem": "grading",
    "Points": "points",
    "read": "reading",
    "Runs": "table",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"isoloss.runs.{_LATER[name]}"), name)
    globals()[name] = value
    return value
