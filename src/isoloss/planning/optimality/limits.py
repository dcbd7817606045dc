"""What limits a run besides its compute, and which limits cannot hold together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isoloss.errors import InputError, Where
from isoloss.laws.compute import FlopRule, format_flop
from isoloss.planning.serving.terms import Terms
from isoloss.runs import format_quantity

BF16_BYTES = 2.0
HOURS_PER_DAY = 24.0


@dataclass(frozen=True)
class Limits:
    """What is given besides a law.

    Attributes:
        flop: the budget for training.
        n_params: a given size.
        tokens: given training tokens.
        memory_bytes: memory that the weights must fit into.
        bytes_per_param: what a weight takes there; two for bf16.
        served_tokens: tokens that the model will serve.
        deadline_days: days within which it must be trained.
        devices: how many devices train it.
        money: what may be spent, on training and serving.
    """

    flop: float
    n_params: float | None = None
    tokens: float | None = None
    memory_bytes: float | None = None
    bytes_per_param: float = BF16_BYTES
    served_tokens: float | None = None
    deadline_days: float | None = None
    devices: float | None = None
    money: float | None = None

    def __post_init__(self) -> None:
        """Check that everything given is positive.

        Raises:
            InputError: something is not.
        """
        for name, value in vars(self).items():
            if value is not None and not (np.isfinite(value) and value > 0):
                raise InputError(
                    f"found {value:g} where a positive, finite number is expected.",
                    code="bad_limit",
                    where=Where(field=name),
                )

    @property
    def largest(self) -> float | None:
        """The largest N that fits into memory."""
        return None if self.memory_bytes is None else self.memory_bytes / self.bytes_per_param

    def deadline_flop(self, terms: Terms) -> float | None:
        """Compute that the devices do until the deadline.

        Raises:
            InputError: the deadline lacks devices or their speed.
        """
        if self.deadline_days is None:
            return None
        if self.devices is None or terms.train is None:
            lacks = "the number of devices" if self.devices is None else "their speed"
            raise InputError(
                f"a deadline needs devices, and {lacks} is not given.",
                code="missing_devices",
                where=Where(field="devices" if self.devices is None else "train"),
                hint="Give devices, and hardware with its MFU: "
                "--devices 1024 --hardware h100 --mfu 0.4.",
            )
        hours = self.deadline_days * HOURS_PER_DAY * self.devices
        return hours * terms.train.flop_per_device_hour

    def money_flop(self, terms: Terms) -> float | None:
        """Compute that the money buys, were all of it spent on training.

        Raises:
            InputError: money lacks a price.
        """
        if self.money is None:
            return None
        if terms.unit != "money":
            raise InputError(
                "money is given, and the price of a device-hour is not.",
                code="missing_price",
                where=Where(field="price"),
                hint="Give hardware with its MFU and your price: "
                "--hardware h100 --mfu 0.4 --price 2.5.",
            )
        return self.money / terms.per_train_flop

    def check(self, rule: FlopRule, terms: Terms) -> None:
        """Refuse limits that cannot hold together, and name the one that binds.

        Raises:
            InputError: they contradict each other, or one lacks what it needs.
        """
        in_time, for_money = self.deadline_flop(terms), self.money_flop(terms)
        n, d, largest = self.n_params, self.tokens, self.largest
        if n is not None and largest is not None and n > largest:
            assert self.memory_bytes is not None
            raise _contradiction(
                "memory",
                f"N = {format_quantity(n)} takes {n * self.bytes_per_param / 1e9:.4g} GB at "
                f"{self.bytes_per_param:g} bytes per weight, and the memory is "
                f"{self.memory_bytes / 1e9:.4g} GB",
                f"it holds {format_quantity(largest)}",
            )
        spent = {"budget": self.flop, "deadline": in_time, "money": for_money}
        named = {name: flop for name, flop in spent.items() if flop is not None}
        binding = min(named, key=lambda name: named[name])
        least = named[binding]
        if n is not None and d is not None:
            needed = float(rule.per_token(np.asarray(n))) * d
            if needed > least * (1 + 1e-9):
                raise _contradiction(
                    binding,
                    f"N = {format_quantity(n)} on {format_quantity(d)} tokens takes "
                    f"{format_flop(needed)} FLOP, and the {binding} allows {format_flop(least)}",
                    f"it pays for {format_quantity(d * least / needed)} tokens at this size",
                )
        one_token = float(rule.per_token(np.asarray(1.0 if n is None else n)))
        if least < one_token * (1.0 if d is None else d):
            size = "one parameter" if n is None else f"N = {format_quantity(n)}"
            much = "one token" if d is None else f"{format_quantity(d)} tokens"
            raise _contradiction(
                binding,
                f"{size} on {much} takes more than the {format_flop(least)} FLOP that the "
                f"{binding} allows",
                "and nothing can be trained",
            )


def _contradiction(binds: str, found: str, but: str) -> InputError:
    return InputError(
        f"{found}: the {binds} binds, {but}.",
        code="contradictory_limits",
        where=Where(field=binds),
        hint="Give more of it, or ask for less.",
    )
