"""Data are limited: repeat, buy or mix them?"""

from __future__ import annotations

from isoloss.laws.utility import Base
from isoloss.planning.data.epochs import epoch_table, geometric_worth, worth
from isoloss.planning.data.limits import Limits, limits
from isoloss.planning.data.mixture import best_mixture, mix_data
from isoloss.planning.data.mixture_result import Mixture
from isoloss.planning.data.plan import plan_data
from isoloss.planning.data.pools import plan_known_pools, plan_pools
from isoloss.planning.data.pools_result import PoolPlan
from isoloss.planning.data.result import DataPlan, EpochRow, EpochTable, Option, TokenValue
from isoloss.planning.data.trust import Trust, judge

__all__ = [
    "Base",
    "DataPlan",
    "EpochRow",
    "EpochTable",
    "Limits",
    "Mixture",
    "Option",
    "PoolPlan",
    "TokenValue",
    "Trust",
    "best_mixture",
    "epoch_table",
    "geometric_worth",
    "judge",
    "limits",
    "mix_data",
    "plan_data",
    "plan_known_pools",
    "plan_pools",
    "worth",
]
