"""Data are limited: repeat, buy or mix them?"""

from __future__ import annotations

from isoloss.planning.data.epochs import epoch_table, geometric_worth, worth
from isoloss.planning.data.plan import plan_data
from isoloss.planning.data.result import DataPlan, EpochRow, EpochTable, Option, TokenValue
from isoloss.planning.data.trust import Trust, judge

__all__ = [
    "DataPlan",
    "EpochRow",
    "EpochTable",
    "Option",
    "TokenValue",
    "Trust",
    "epoch_table",
    "geometric_worth",
    "judge",
    "plan_data",
    "worth",
]
