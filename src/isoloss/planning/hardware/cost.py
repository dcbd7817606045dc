"""What does a compute cost in device-hours, days and money?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from isoloss.errors import InputError, Where
from isoloss.fitting import Notice, Quantity
from isoloss.planning.hardware.rate import Rate
from isoloss.runs import PARAM_COUNTS, Architecture, flop_per_token, format_quantity

MFU_CONVENTIONS = {
    "6nd": "C = 6 N D",
    "kaplan": "Kaplan's count, without embeddings",
    "palm": "PaLM's count, attention included",
    "causal": "half of the attention, as causal kernels do it",
    "chinchilla_f": "appendix F of Chinchilla",
    "runs": "FLOP as the runs count them",
    "given": "FLOP as they are given",
}


@dataclass(frozen=True)
class Attention:
    """What the attention of a shape adds to 6 N.

    Attributes:
        share: of the attention matrices in PaLM's FLOP per token.
        palm_to_6nd: PaLM's FLOP per token over 6 N.
        n: which count N is.
    """

    share: float
    palm_to_6nd: float
    n: str

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"share": self.share, "palm_to_6nd": self.palm_to_6nd, "n": self.n}


def attention_of(arch: Architecture, n: str = "total") -> Attention:
    """What the attention of a shape adds to 6 N.

    Args:
        arch: a shape with vocabulary and context.
        n: which count N is; anything but a count of `PARAM_COUNTS` is taken as ``total``.

    Raises:
        InputError: the shape lacks vocabulary or context.
    """
    count = n if n in PARAM_COUNTS else "total"
    palm = flop_per_token(arch, "palm")
    ratio = palm / flop_per_token(arch, "6nd", n=count)
    return Attention(1.0 - 6.0 * arch.n_matmul / palm, ratio, count)


@dataclass(frozen=True)
class Cost:
    """Device-hours, days and money of a compute.

    An interval comes from that of the compute and that of the MFU; where both are known exactly,
    its ends are at the estimate.

    Attributes:
        flop: the compute.
        rate: the device at work.
        device_hours: hours of one device.
        devices: how many work at once; None where that is not said.
        days: days on that many devices, without waiting and restarts; None likewise.
        money: in the currency of the rate; None without a price.
        flop_convention: how the FLOP were counted; MFU must be counted the same way.
        notes: what must be known of these numbers.
        attention: of a known shape, what its attention adds; None without a shape.
    """

    flop: Quantity
    rate: Rate
    device_hours: Quantity
    devices: int | None
    days: Quantity | None
    money: Quantity | None
    flop_convention: str
    notes: tuple[Notice, ...] = ()
    attention: Attention | None = None

    def to_dict(self) -> dict[str, Any]:
        """The object ``cost`` of a plan."""
        return {
            **self.rate.to_dict(),
            "flop": self.flop.to_dict(),
            "flop_convention": self.flop_convention,
            "device_hours": self.device_hours.to_dict(),
            "devices": self.devices,
            "days": None if self.days is None else self.days.to_dict(),
            "money": None if self.money is None else self.money.to_dict(),
            "attention": None if self.attention is None else self.attention.to_dict(),
            "notes": [notice.to_dict() for notice in self.notes],
        }

    def summary(self) -> str:
        """The cost in a few lines."""
        return "\n".join(cost_lines(self.to_dict()))

    def __str__(self) -> str:
        return self.summary()


def cost(
    flop: Quantity | float,
    rate: Rate,
    *,
    devices: int | None = None,
    flop_convention: str = "6nd",
    notes: tuple[Notice, ...] = (),
) -> Cost:
    """What a compute costs.

    Args:
        flop: the compute, a number or a quantity with an interval.
        rate: the device, its MFU and its price.
        devices: how many work at once.
        flop_convention: how the compute was counted.
        notes: to hand on with the numbers.

    Raises:
        InputError: ``devices`` is no whole number above 0.
    """
    if devices is not None and (
        isinstance(devices, bool) or int(devices) != devices or devices < 1
    ):
        raise InputError(
            f"found {devices!r} where a number of devices is expected, a whole number from 1.",
            code="bad_devices",
            where=Where(field="devices"),
        )
    amount = flop if isinstance(flop, Quantity) else Quantity(flop, flop, flop, rate.level)
    peak = rate.flop_per_device_hour / rate.mfu
    hours = Quantity(
        amount.estimate / (peak * rate.mfu),
        amount.lo / (peak * rate.mfu_hi),
        amount.hi / (peak * rate.mfu_lo),
        amount.level,
    )
    price = rate.price_per_hour
    found = [*notes]
    if rate.device.caution:
        found.append(Notice("hardware_caution", rate.device.caution))
    return Cost(
        flop=amount,
        rate=rate,
        device_hours=hours,
        devices=devices,
        days=None if devices is None else times(hours, 1.0 / (24.0 * devices)),
        money=None if price is None else times(hours, price),
        flop_convention=flop_convention,
        notes=tuple(found),
    )


def times(quantity: Quantity, factor: float) -> Quantity:
    """A quantity in another unit."""
    return Quantity(
        quantity.estimate * factor, quantity.lo * factor, quantity.hi * factor, quantity.level
    )


def cost_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The object ``cost`` of a plan as lines of text.

    Args:
        document: what ``Cost.to_dict`` gives.
    """
    mfu, name = document["mfu"]["estimate"], document["device_name"] or document["device"]
    hours = _shown(document["device_hours"], "")
    parts = [f"{hours} {name}-hours at {mfu:.3g} MFU ({document['mfu_source']})"]
    if document["money"] is not None:
        price = f"{document['price_per_hour']:g}"
        parts.append(f"{_shown(document['money'], document['currency'])} at {price}/h")
    if document["days"] is not None:
        parts.append(f"{document['devices']:,} devices: {_shown(document['days'], '')} days")
    yield "; ".join(parts)
    counted = MFU_CONVENTIONS.get(document["flop_convention"], document["flop_convention"])
    yield f"cost counts {counted}; the MFU must count FLOP the same way"
    attention = document.get("attention")
    if attention is not None:
        yield (
            f"attention is {attention['share']:.1%} of PaLM's count of this shape, which is "
            f"{attention['palm_to_6nd']:.3g} times 6 N: with an MFU counted so, as many times the "
            "hours"
        )


_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def _shown(quantity: Mapping[str, Any], currency: str) -> str:
    def one(value: float) -> str:
        sign = _SIGNS.get(currency, f"{currency} " if currency else "")
        return sign + (format_quantity(value) if value >= 1e3 else f"{value:.3g}")

    estimate, lo, hi = quantity["estimate"], quantity["lo"], quantity["hi"]
    if lo is None or hi is None or math.isnan(lo) or math.isnan(hi) or lo == hi:
        return one(estimate)
    return f"{one(estimate)} ({one(lo)} to {one(hi)})"
