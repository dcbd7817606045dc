"""In what is a lifetime counted? FLOP, device-hours or money, with training and serving apart.

A served FLOP is seldom as cheap as a trained one: generation keeps the devices less busy, and they
may be others. The objective is FLOP / (FLOP per device-hour) x price, summed over both phases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.planning.hardware import Budget, Means, Rate, parse_budget
from isoloss.planning.serving.lifetime import TRAINING_TOKENS_PER_SERVED

Array = NDArray[np.float64]


class Speed(Protocol):
    """What a device does in an hour, and what the hour costs."""

    @property
    def flop_per_device_hour(self) -> float:
        """FLOP that a device does in an hour: peak times utilisation times 3600."""
        ...

    @property
    def price_per_hour(self) -> float | None:
        """Money per device-hour, in any currency; None where it is not said."""
        ...


@dataclass(frozen=True)
class PlainRate:
    """A speed given as numbers.

    Attributes:
        flop_per_device_hour: FLOP that a device does in an hour, utilisation included.
        price_per_hour: money per device-hour; None where it is not said.
    """

    flop_per_device_hour: float
    price_per_hour: float | None = None

    def __post_init__(self) -> None:
        """Check that both are positive.

        Raises:
            InputError: one is not.
        """
        for name in ("flop_per_device_hour", "price_per_hour"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(
                    f"found {value:g} where a positive, finite number is expected.",
                    code="bad_rate",
                    where=Where(field=name),
                )


@dataclass(frozen=True)
class Terms:
    """What training and serving are counted in.

    Attributes:
        train: speed and price of the training devices; None to count FLOP.
        serve: those of the serving devices; the training ones by default.
    """

    train: Speed | None = None
    serve: Speed | None = None

    def __post_init__(self) -> None:
        """Check that both phases are counted in the same unit.

        Raises:
            InputError: only one phase has a price, or only serving has a speed.
        """
        if self.train is None and self.serve is not None:
            raise InputError(
                "a speed is given for serving, and none for training.",
                code="missing_rate",
                where=Where(field="train"),
                hint="Give both, or none to count FLOP.",
            )
        if self.train is not None and self.serve is not None:
            priced = [rate.price_per_hour is not None for rate in (self.train, self.serve)]
            if priced[0] != priced[1]:
                named = ("training", "serving") if priced[0] else ("serving", "training")
                raise InputError(
                    f"{named[0]} has a price per hour, and {named[1]} has none.",
                    code="missing_price",
                    where=Where(field="price_per_hour"),
                    hint="Give both prices, or none to count device-hours.",
                )

    @property
    def unit(self) -> str:
        """``FLOP``, ``device-hours`` or ``money``."""
        if self.train is None:
            return "FLOP"
        return "device-hours" if self.train.price_per_hour is None else "money"

    @property
    def per_train_flop(self) -> float:
        """What a FLOP of training costs, in ``unit``."""
        return _per_flop(self.train)

    @property
    def per_served_flop(self) -> float:
        """What a FLOP of serving costs, in ``unit``."""
        return _per_flop(self.train if self.serve is None else self.serve)

    def in_training_tokens(self, served: float) -> float:
        """S: training on so many tokens costs what serving these does, at any N."""
        return self.per_served_flop / self.per_train_flop * served * TRAINING_TOKENS_PER_SERVED

    def amount(self, train_flop: Array, served_flop: Array) -> Array:
        """The lifetime of a model in ``unit``."""
        return self.per_train_flop * train_flop + self.per_served_flop * served_flop

    def to_dict(self) -> dict[str, Any]:
        """The object ``terms`` in documents."""
        return {
            "unit": self.unit,
            "train": _rate(self.train),
            "serve": _rate(self.train if self.serve is None else self.serve),
        }


def flop_of(budget: float | str | Budget, train: Speed | None, devices: int | None) -> float:
    """The compute of a budget in FLOP, or in hours, days or money of a device at work.

    Raises:
        InputError: the budget is unusable, something is missing, or it names another device.
    """
    found = parse_budget(budget)
    rate = train if isinstance(train, Rate) else None
    if rate is not None:
        Means(hardware=rate.device).naming(found)
    return found.to_flop(rate, devices)


def _per_flop(rate: Speed | None) -> float:
    if rate is None:
        return 1.0
    price = 1.0 if rate.price_per_hour is None else rate.price_per_hour
    return price / rate.flop_per_device_hour


def _rate(rate: Speed | None) -> dict[str, Any] | None:
    if rate is None:
        return None
    known = rate if isinstance(rate, Rate) else None
    return {
        "device": None if known is None else known.device.id,
        "mfu": None if known is None else known.mfu,
        "flop_per_device_hour": rate.flop_per_device_hour,
        "price_per_hour": rate.price_per_hour,
    }
