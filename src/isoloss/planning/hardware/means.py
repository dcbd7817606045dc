"""With what is it trained, and what does a budget buy with that? Budget, device, MFU and price."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Notice, Quantity
from isoloss.laws.compute import format_flop
from isoloss.planning.hardware.budget import Budget, missing, parse_budget
from isoloss.planning.hardware.cost import Cost, attention_of, cost
from isoloss.planning.hardware.devices import Device, get_device
from isoloss.planning.hardware.mfu import DEFAULT, DEFAULT_FROM, MfuCurve
from isoloss.planning.hardware.rate import Rate
from isoloss.runs import (
    Architecture,
    format_quantity,
    parse_architecture,
    parse_quantity,
)

_ROUNDS = 100
_PRICE = re.compile(r"(?P<sign>US\$|[$€£])?\s*(?P<number>[\d.]+)\s*(?P<code>[A-Za-z]{3})?(?:/h)?")
_CURRENCIES = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP"}


@dataclass(frozen=True)
class Means:
    """What there is to train with.

    Attributes:
        hardware: a device or its name; None where nothing is said.
        mfu: a number, a curve MFU(N), or None for 0.40 with a billion parameters or more.
        price: of a device-hour: a number, or a text such as ``$2.50`` or ``2.5 EUR``.
        devices: how many work at once.
        table: a file of hardware, as for ``get_device``.
        arch: the shape of the model, where it is known: its attention is then said beside the cost.
    """

    hardware: str | Device | None = None
    mfu: float | MfuCurve | None = None
    price: float | str | None = None
    devices: int | None = None
    table: str | Path | None = None
    arch: str | Architecture | None = None

    def naming(self, budget: Budget) -> Means:
        """These means with the hardware that a budget names.

        Raises:
            InputError: both name hardware, and not the same.
        """
        if budget.device is None:
            return self
        named = get_device(budget.device, self.table)
        if self.hardware is not None and get_device(self.hardware, self.table).id != named.id:
            raise InputError(
                f"the budget {budget.text!r} is in hours of {named}, and the hardware given is "
                f"{get_device(self.hardware, self.table)}.",
                code="conflicting_options",
                where=Where(field="hardware"),
                hint="Name the hardware once.",
            )
        return replace(self, hardware=named)

    def rate(self, params: float | None = None) -> Rate:
        """The device at work on a model of this size.

        Args:
            params: N; without it the MFU must not depend on it.

        Raises:
            InputError: hardware or MFU is missing or unusable.
        """
        if self.hardware is None:
            raise missing("hardware", "which hardware is used")
        device = get_device(self.hardware, self.table)
        price, currency = parse_price(self.price)
        if isinstance(self.mfu, MfuCurve):
            if params is None:
                raise _no_mfu("a curve MFU(N) needs the size of the model")
            at = self.mfu.at(params)
            return Rate(
                device,
                at.estimate,
                price,
                currency,
                f"fitted:{self.mfu.n_runs} runs",
                at.lo,
                at.hi,
                at.level,
            )
        if self.mfu is not None:
            return Rate(device, self.mfu, price, currency)
        if params is not None and params < DEFAULT_FROM:
            raise _no_mfu(
                f"{DEFAULT:.2f} is assumed for a billion parameters and more, and the model has "
                f"{format_quantity(params)}"
            )
        return Rate(device, DEFAULT, price, currency, f"assumed:{DEFAULT:.2f} for N of 1B and more")


@dataclass(frozen=True)
class Spend:
    """What a budget buys.

    Attributes:
        budget: as given.
        flop: the compute.
        rate: the device at work; None where the budget is in FLOP and no hardware was given.
        devices: how many work at once.
        notes: what must be known of it.
    """

    budget: Budget
    flop: float
    rate: Rate | None
    devices: int | None
    notes: tuple[Notice, ...] = ()
    arch: Architecture | None = None

    def cost(self, flop_convention: str, n: str = "total") -> Cost | None:
        """What it costs; None without hardware.

        Args:
            flop_convention: how the compute was counted.
            n: which count N is.
        """
        if self.rate is None:
            return None
        attention = None if self.arch is None else attention_of(self.arch, n)
        return replace(self._cost(self.rate, flop_convention), attention=attention)

    def _cost(self, rate: Rate, flop_convention: str) -> Cost:
        flop = Quantity(self.flop, self.flop, self.flop, rate.level)
        found = cost(
            flop, rate, devices=self.devices, flop_convention=flop_convention, notes=self.notes
        )
        if self.budget.kind == "flop":
            return found
        # The hours are given; what an uncertain MFU makes uncertain is the compute that they buy.
        share = [rate.mfu_lo / rate.mfu, rate.mfu_hi / rate.mfu]
        exact = {
            name: None if q is None else Quantity(q.estimate, q.estimate, q.estimate, q.level)
            for name, q in (
                ("device_hours", found.device_hours),
                ("days", found.days),
                ("money", found.money),
            )
        }
        bought = Quantity(self.flop, self.flop * share[0], self.flop * share[1], rate.level)
        notes = found.notes
        if share[0] < share[1]:
            message = (
                f"with an MFU of {rate.mfu_lo:.2g} to {rate.mfu_hi:.2g} the budget buys "
                f"{format_flop(bought.lo)} to {format_flop(bought.hi)} FLOP; the plan is for "
                f"{format_flop(self.flop)}."
            )
            notes = (*notes, Notice("uncertain_mfu", message))
        assert exact["device_hours"] is not None
        return Cost(
            bought,
            rate,
            exact["device_hours"],
            self.devices,
            exact["days"],
            exact["money"],
            flop_convention,
            notes,
        )


def settle(
    budget: float | str | Budget,
    means: Means = Means(),
    params_at: Callable[[float], float] | None = None,
) -> Spend:
    """The compute that a budget buys, at the utilisation of the model that it trains.

    Where the MFU depends on N, N on the compute and the compute on the MFU, the three are brought
    to agree by repetition.

    Args:
        budget: see ``parse_budget``.
        means: hardware, MFU, price and number of devices.
        params_at: the N that would be trained with a compute; None where it is not known.

    Raises:
        InputError: the budget is unusable, or something is missing, which is named.
        EvidenceError: MFU, N and compute do not come to agree.
    """
    found = parse_budget(budget)
    means = means.naming(found)
    if means.hardware is None:
        idle = {"MFU": means.mfu, "price": means.price, "number of devices": means.devices}
        given = [name for name, value in idle.items() if value is not None]
        if found.kind != "flop":
            raise missing("hardware", f"on which hardware {found.text!r} is spent")
        if given:
            raise missing("hardware", f"of which hardware the {given[0]} is")
        return Spend(found, found.amount, None, None)
    if found.kind == "flop":
        params = None if params_at is None else params_at(found.amount)
        return _spend(found, found.amount, means, params)
    if not isinstance(means.mfu, MfuCurve):
        # Look at the size only to know whether the default may be assumed.
        flop = found.to_flop(means.rate(), means.devices)
        if means.mfu is not None or params_at is None:
            return _spend(found, flop, means, None)
        return _spend(found, flop, means, params_at(flop))
    if params_at is None:
        raise _no_mfu("a curve MFU(N) needs the size of the model")
    flop = found.to_flop(means.rate(float(means.mfu.params.max())), means.devices)
    for _ in range(_ROUNDS):
        params = params_at(flop)
        again = found.to_flop(means.rate(params), means.devices)
        if abs(again / flop - 1) < 1e-12:
            return _spend(found, again, means, params)
        flop = again
    raise EvidenceError(
        "the size, its utilisation and the compute do not come to agree.",
        code="mfu_not_settled",
        hint="Give the MFU as a number.",
    )


def flop_of(budget: float | str | Budget, means: Means) -> float:
    """The compute that a budget buys where no model is at hand, so that no MFU may be assumed.

    Args:
        budget: see ``parse_budget``.
        means: hardware, MFU, price and number of devices.

    Raises:
        InputError: the budget is unusable, or something is missing, the MFU too.
    """
    found = parse_budget(budget)
    if found.kind != "flop" and means.mfu is None:
        raise _no_mfu(f"{DEFAULT:.2f} is assumed only where the size of the model is known")
    return settle(found, means).flop


def _spend(budget: Budget, flop: float, means: Means, params: float | None) -> Spend:
    rate = means.rate(params)
    notes: list[Notice] = []
    if rate.mfu_source.startswith("assumed"):
        message = (
            f"the MFU of {rate.mfu:.2f} is an assumption for models of 1B parameters and more; "
            "time a few steps of yours and give --mfu."
        )
        notes.append(Notice("assumed_mfu", message))
    if isinstance(means.mfu, MfuCurve):
        notes.extend(_curve_notes(means.mfu, rate, params))
    arch = parse_architecture(means.arch) if isinstance(means.arch, str) else means.arch
    return Spend(budget, flop, rate, means.devices, tuple(notes), arch)


def _curve_notes(curve: MfuCurve, rate: Rate, params: float | None) -> list[Notice]:
    notes = list(curve.warnings)
    if curve.device and curve.device != rate.device.id:
        message = f"the MFU was measured on {curve.device}, and is used for {rate.device.id}."
        notes.append(Notice("other_hardware", message))
    if params is not None and (beyond := curve.decades_beyond(params)) > 0:
        message = f"N is {beyond:.1f} decades beyond the runs that the MFU was measured on."
        notes.append(Notice("mfu_extrapolated", message))
    return notes


def parse_price(price: float | str | None) -> tuple[float | None, str]:
    """A price and its currency, the currency empty where it is not said.

    Raises:
        InputError: it is no positive number.
    """
    if price is None:
        return None, ""
    if not isinstance(price, str):
        return float(price), ""
    match = _PRICE.fullmatch(price.strip())
    try:
        value = None if match is None else parse_quantity(match["number"])
    except InputError:
        value = None
    if match is None or value is None:
        raise InputError(
            f'found "{price[:40]}" where a price per device-hour is expected, above 0.',
            code="bad_price",
            where=Where(field="price"),
            hint='Write it like 2.5, "$2.50" or "2.5 EUR".',
        )
    code = (match["code"] or "").upper() or _CURRENCIES.get(match["sign"] or "", "")
    return value, code


def _no_mfu(why: str) -> InputError:
    return InputError(
        f"the MFU is missing: {why}.",
        code="missing_mfu",
        where=Where(field="mfu"),
        hint="Measure it: isoloss mfu RUNS fits it to the throughput of runs; or give --mfu 0.3.",
    )


def cost_text(found: Mapping[str, Any] | None) -> list[str]:
    """Lines for a plan, with the notes of its cost marked as what must be known."""
    from isoloss.planning.hardware.cost import cost_lines

    if found is None:
        return []
    return [*cost_lines(found), *(f"! {note['message']}" for note in found["notes"])]
