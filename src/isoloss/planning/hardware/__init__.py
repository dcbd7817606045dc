"""What does it cost? Accelerators, utilisation, device-hours, days, money, memory and budgets."""

from __future__ import annotations

from isoloss.planning.hardware.budget import Budget, parse_budget
from isoloss.planning.hardware.cost import Cost, cost
from isoloss.planning.hardware.devices import Device, get_device, list_devices
from isoloss.planning.hardware.means import Means, Spend, flop_of, settle
from isoloss.planning.hardware.memory import memory
from isoloss.planning.hardware.memory_result import MemoryCheck, MemoryNeed, Sharding
from isoloss.planning.hardware.mfu import MfuCurve, fit_mfu
from isoloss.planning.hardware.rate import Rate

__all__ = [
    "Budget",
    "Cost",
    "Device",
    "Means",
    "MemoryCheck",
    "MemoryNeed",
    "MfuCurve",
    "Rate",
    "Sharding",
    "Spend",
    "cost",
    "fit_mfu",
    "flop_of",
    "get_device",
    "list_devices",
    "memory",
    "parse_budget",
    "settle",
]
