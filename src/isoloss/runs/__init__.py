"""What was trained? The table of runs: reading, conventions, counts of parameters and FLOP."""

from __future__ import annotations

from isoloss.runs.architecture import Architecture as Architecture
from isoloss.runs.architecture import parse_architecture as parse_architecture
from isoloss.runs.columns import COLUMNS as COLUMNS
from isoloss.runs.columns import Column as Column
from isoloss.runs.conventions import FLOP_CONVENTIONS as FLOP_CONVENTIONS
from isoloss.runs.conventions import LOSS_UNITS as LOSS_UNITS
from isoloss.runs.conventions import PARAM_COUNTS as PARAM_COUNTS
from isoloss.runs.conventions import Conventions as Conventions
from isoloss.runs.coverage import MIN_BUDGETS as MIN_BUDGETS
from isoloss.runs.flops import flop_per_token as flop_per_token
from isoloss.runs.grading import Problem as Problem
from isoloss.runs.points import Points as Points
from isoloss.runs.quantities import format_quantity as format_quantity
from isoloss.runs.quantities import parse_quantity as parse_quantity
from isoloss.runs.reading import read as read
from isoloss.runs.table import Runs as Runs
from isoloss.runs.tiers import compute_tiers as compute_tiers
