"""Options that say with what is trained, shared by the commands that take a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from isoloss.cli.options import Devices, number, placed

if TYPE_CHECKING:
    from isoloss.planning.hardware import Means, MfuCurve


@Parameter(name="*")
@dataclass(frozen=True)
class MeansOptions:
    """Hardware, utilisation and price."""

    hardware: Annotated[
        str | None, Parameter(help="Accelerator, such as h100; isoloss hardware lists them.")
    ] = None
    mfu: Annotated[
        str | None,
        Parameter(help="Model FLOP utilisation, such as 0.4, or a curve of isoloss mfu --save."),
    ] = None
    price: Annotated[
        str | None, Parameter(help="Your price of a device-hour, such as 2.5 or '2.5 EUR'.")
    ] = None
    devices: Annotated[Devices | None, Parameter(help="How many devices work at once.")] = None
    hardware_table: Annotated[
        str | None, Parameter(help="A TOML file with [hardware.ID] tables of your own.")
    ] = None

    def means(self) -> Means:
        """What there is to train with.

        Raises:
            InputError: there is no such hardware, or the MFU is neither a number nor a stored
                curve.
        """
        from isoloss.planning.hardware import Means, get_device

        device = None
        if self.hardware is not None:
            device = get_device(self.hardware, self.hardware_table)
        return Means(
            hardware=device,
            mfu=None if self.mfu is None else self._mfu(self.mfu),
            price=self.price,
            devices=self.devices,
            table=self.hardware_table,
        )

    @staticmethod
    def _mfu(text: str) -> float | MfuCurve:
        from isoloss.planning.hardware import MfuCurve

        if text.endswith(".json"):
            return MfuCurve.load(text)
        with placed("--mfu"):
            return number(text, "--mfu")


MEANS = MeansOptions()
