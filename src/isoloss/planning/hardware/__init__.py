"""What does it cost? Accelerators, utilisation, device-hours, days, money, memory and budgets."""

from __future__ import annotations

from isoloss.planning.hardware.cost import Cost, cost
from isoloss.planning.hardware.devices import Device, get_device, list_devices
from isoloss.planning.hardware.rate import Rate

__all__ = [
    "Cost",
    "Device",
    "Rate",
    "cost",
    "get_device",
    "list_devices",
]
