"""How large may the batch be, and what does a larger one buy?"""

from __future__ import annotations

from isoloss.planning.batch.critical_batch import batch_from_noise, batch_laws, critical_batch
from isoloss.planning.batch.result import CriticalBatch
from isoloss.planning.batch.trade_off import TradeOff, TradeOffRow, trade_off

__all__ = [
    "CriticalBatch",
    "TradeOff",
    "TradeOffRow",
    "batch_from_noise",
    "batch_laws",
    "critical_batch",
    "trade_off",
]
