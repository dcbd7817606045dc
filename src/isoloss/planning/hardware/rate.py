"""How much compute does an hour of a device buy, and at what price?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from isoloss.errors import InputError, Where
from isoloss.planning.hardware.devices import Device, get_device

HOUR = 3600.0


@dataclass(frozen=True)
class Rate:
    """A device at work: its peak, the share of it that training reaches, and the user's price.

    Attributes:
        device: the accelerator, or its name.
        mfu: model FLOP utilisation, above 0 and at most 1: model FLOP without recomputation over
            time times dense bf16 peak (Chowdhery et al. 2022, arXiv 2204.02311, appendix B).
        price_per_hour: of one device-hour; by default that of the device in the user's table,
            None where there is none.
        currency: of the price.
        mfu_source: where the MFU comes from: ``given``, ``assumed:...`` or ``fitted:...``.
        mfu_lo: lower end of the interval of the MFU; the MFU itself where it is given.
        mfu_hi: upper end.
        level: nominal coverage of that interval.
    """

    device: Device
    mfu: float
    price_per_hour: float | None = None
    currency: str = ""
    mfu_source: str = "given"
    mfu_lo: float = field(default=math.nan)
    mfu_hi: float = field(default=math.nan)
    level: float = 0.9

    def __post_init__(self) -> None:
        device = get_device(self.device)
        price = device.price_per_hour if self.price_per_hour is None else self.price_per_hour
        if isinstance(self.mfu, bool) or not 0 < self.mfu <= 1:
            hint = f"Write {self.mfu:g} % as {self.mfu / 100:g}." if 1 < self.mfu <= 100 else None
            raise InputError(
                f"found {self.mfu:g} where a model FLOP utilisation is expected, above 0 and at "
                "most 1.",
                code="bad_mfu",
                where=Where(field="mfu"),
                hint=hint or "Good training runs of large models reach 0.3 to 0.5.",
            )
        if price is not None and not (math.isfinite(price) and price > 0):
            raise InputError(
                f"found {price:g} where a price per device-hour is expected, above 0.",
                code="bad_price",
                where=Where(field="price"),
            )
        settled = {
            "device": device,
            "price_per_hour": price,
            "currency": self.currency or device.currency,
            "mfu_lo": self.mfu if math.isnan(self.mfu_lo) else self.mfu_lo,
            "mfu_hi": self.mfu if math.isnan(self.mfu_hi) else self.mfu_hi,
        }
        for name, value in settled.items():
            object.__setattr__(self, name, value)

    @property
    def flop_per_device_hour(self) -> float:
        """Model FLOP that one device does in an hour."""
        return HOUR * self.mfu * self.device.bf16_flop_per_s

    def device_hours(self, flop: float) -> float:
        """Hours of one device for a compute."""
        return flop / self.flop_per_device_hour

    def flop(self, device_hours: float) -> float:
        """The compute that device-hours buy."""
        return device_hours * self.flop_per_device_hour

    def money(self, flop: float) -> float | None:
        """What a compute costs; None where there is no price."""
        return (
            None if self.price_per_hour is None else self.device_hours(flop) * self.price_per_hour
        )

    def with_mfu(self, mfu: float, source: str = "given") -> Rate:
        """The same device at another utilisation, known without an interval."""
        return replace(self, mfu=mfu, mfu_source=source, mfu_lo=math.nan, mfu_hi=math.nan)

    def to_dict(self) -> dict[str, Any]:
        """Device, MFU and price as plain values."""
        return {
            "device": self.device.id,
            "device_name": self.device.name,
            "bf16_flop_per_s": self.device.bf16_flop_per_s,
            "mfu": {
                "estimate": self.mfu,
                "lo": self.mfu_lo,
                "hi": self.mfu_hi,
                "level": self.level,
            },
            "mfu_source": self.mfu_source,
            "flop_per_device_hour": self.flop_per_device_hour,
            "price_per_hour": self.price_per_hour,
            "currency": self.currency if self.price_per_hour is not None else None,
        }
