"""What may be spent? A budget in FLOP, device-hours, wall time or money, from one line of text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from isoloss.errors import InputError, Where
from isoloss.planning.hardware.rate import Rate
from isoloss.runs import parse_quantity

PF_DAY = 8.64e19
_SUFFIXES = "Suffixes are k, M, B and T; for larger numbers write an exponent. "
EXAMPLES = '1e24, "12k H100-hours", "29 days" or "$2M"'

_SIGN = r"(?P<sign>US\$|[$€£])?\s*"
# A suffix stands alone: the B of "12 B200-hours" is not a billion.
_NUMBER = r"(?P<number>[\d._]+(?:[eE][+-]?\d+)?)\s*(?P<suffix>[kKmMbBtT](?![A-Za-z0-9]))?\s*"
_BUDGET = re.compile(rf"{_SIGN}{_NUMBER}(?P<unit>.*)", re.ASCII | re.DOTALL)
_FLOP = re.compile(r"flops?", re.IGNORECASE)
_PREFIXED = re.compile(r"[EPZYG]|(?:[kmgtpezy]|peta|exa|zetta|yotta)flops?", re.IGNORECASE)
_FLOP_RATE = re.compile(r".*flops?(/s| per second)", re.IGNORECASE)
_PF_DAYS = re.compile(r"(?:pf|pflops?|petaflops?(?:/s)?)[-\s]*days?", re.IGNORECASE)
_HOURS = {
    **{"min": 1 / 60, "minute": 1 / 60, "h": 1.0, "hr": 1.0, "hour": 1.0},
    **{"d": 24.0, "day": 24.0, "week": 168.0, "year": 8766.0},
}
_WALL = re.compile(r"(?P<time>min|minute|h|hr|hour|d|day|week|year)s?", re.IGNORECASE)
_DEVICE_TIME = re.compile(
    r"(?P<device>.*?\S)(?:[-\s]+(?P<short>h|hr|d)s?|[-\s]*(?P<time>minute|hour|day|week|year)s?)",
    re.IGNORECASE | re.DOTALL,
)
_ANY_DEVICE = re.compile(r"(?:gpu|device|chip|accelerator|tpu)s?", re.IGNORECASE)
_CURRENCIES = {
    **{"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP"},
    **{"dollar": "USD", "dollars": "USD", "euro": "EUR", "euros": "EUR"},
    **{"pound": "GBP", "pounds": "GBP"},
}


@dataclass(frozen=True)
class Budget:
    """What may be spent.

    Attributes:
        text: as it was given.
        kind: ``flop``, ``device_hours``, ``wall_hours`` (of all devices together) or ``money``.
        amount: FLOP, hours, or money in ``currency``.
        device: the hardware that the text names; None where it names none.
        currency: of money, such as ``USD``.
    """

    text: str
    kind: str
    amount: float
    device: str | None = None
    currency: str | None = None

    def to_flop(self, rate: Rate | None = None, devices: int | None = None) -> float:
        """The compute that it buys.

        Args:
            rate: the device at work; a budget in FLOP needs none.
            devices: how many work at once; only wall time needs them.

        Raises:
            InputError: something is missing, which is named.
        """
        if self.kind == "flop":
            return self.amount
        if rate is None:
            raise missing("hardware", f"of which hardware the budget {self.text!r} is")
        return rate.flop(self.device_hours(rate, devices))

    def device_hours(self, rate: Rate, devices: int | None = None) -> float:
        """The device-hours that it buys.

        Raises:
            InputError: something is missing, which is named.
        """
        if self.kind == "flop":
            return rate.device_hours(self.amount)
        if self.kind == "device_hours":
            return self.amount
        if self.kind == "wall_hours":
            if devices is None:
                raise missing("devices", f"how many devices work for {self.text!r}")
            return self.amount * devices
        if rate.price_per_hour is None:
            raise missing("price", f"what an hour of {rate.device} costs")
        if self.currency != rate.currency:
            raise InputError(
                f"the budget is in {self.currency} and the price in {rate.currency}.",
                code="currency_mismatch",
                where=Where(field="price"),
                hint="Give both in one currency; exchange rates are not built in.",
            )
        return self.amount / rate.price_per_hour


_HINTS = {
    "hardware": "Add --hardware h100 (hardware='h100' in Python); isoloss hardware lists what is "
    "known.",
    "devices": "Add --devices 1024 (devices=1024 in Python).",
    "price": "Add --price 2.5, your price of a device-hour (price=2.5 in Python); prices are not "
    "built in.",
}


def missing(field: str, what: str) -> InputError:
    """The error that names what a budget lacks."""
    return InputError(
        f"it is not said {what}.",
        code=f"missing_{field}",
        where=Where(field=field),
        hint=_HINTS[field],
    )


def parse_budget(budget: str | float | Budget) -> Budget:
    """A budget from a number of FLOP or a text.

    ``1e24``, ``1e24 FLOP`` and ``3 PF-days`` are compute; ``12k H100-hours`` and ``12k GPU-hours``
    device-hours; ``29 days`` and ``12h`` wall time of all devices; ``$2M``, ``2M EUR`` money.

    Raises:
        InputError: it is no such budget, or it is not positive and finite.
    """
    if isinstance(budget, Budget):
        return budget
    if not isinstance(budget, str):
        return Budget(f"{budget:g} FLOP", "flop", parse_quantity(budget))
    text = budget.strip()
    match = _BUDGET.fullmatch(text) if len(text) <= 80 else None
    if match is None:
        raise _no_budget(budget)
    unit = match["unit"].strip()
    if _FLOP_RATE.fullmatch(unit) and not _PF_DAYS.fullmatch(unit):
        raise _no_budget(budget, "FLOP/s is a rate; a budget is an amount, in FLOP. ")
    if _PREFIXED.fullmatch(unit) and not _FLOP.fullmatch(unit):
        raise _no_budget(budget, _SUFFIXES)
    try:
        amount = parse_quantity(match["number"] + (match["suffix"] or ""))
    except InputError as error:
        raise _no_budget(budget, found=error) from None
    return _by_unit(text, amount, match["sign"], unit)


def _by_unit(text: str, amount: float, sign: str | None, unit: str) -> Budget:
    if sign is not None:
        if unit and not re.fullmatch(r"[A-Za-z]{3}", unit):
            raise _no_budget(text)
        return Budget(text, "money", amount, currency=unit.upper() or _CURRENCIES[sign])
    if not unit or _FLOP.fullmatch(unit):
        return Budget(text, "flop", amount)
    if _PF_DAYS.fullmatch(unit):
        return Budget(text, "flop", amount * PF_DAY)
    if wall := _WALL.fullmatch(unit):
        return Budget(text, "wall_hours", amount * _HOURS[wall["time"].lower()])
    if unit.lower() in _CURRENCIES:
        return Budget(text, "money", amount, currency=_CURRENCIES[unit.lower()])
    if re.fullmatch(r"[A-Z]{3}|usd|eur|gbp", unit):
        return Budget(text, "money", amount, currency=unit.upper())
    if one := _DEVICE_TIME.fullmatch(unit):
        device = one["device"].strip(" -")
        hours = amount * _HOURS[(one["time"] or one["short"]).lower()]
        named = None if _ANY_DEVICE.fullmatch(device) else device
        return Budget(text, "device_hours", hours, device=named)
    raise _no_budget(text)


def _no_budget(text: str, why: str = "", found: InputError | None = None) -> InputError:
    shown = text if len(text) <= 60 else text[:57] + "..."
    negative = text.strip().startswith("-") or (found is not None and "positive" in found.message)
    expected = "a positive, finite budget" if negative else "a budget"
    return InputError(
        f'found "{shown}" where {expected} is expected.',
        code="bad_quantity",
        hint=f"{why}Write it like {EXAMPLES}.",
    )
