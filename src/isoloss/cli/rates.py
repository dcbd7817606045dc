"""Options that say on what a model is served, beside those for its training."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from isoloss.cli.means import MeansOptions
from isoloss.cli.options import number, placed
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.planning.hardware import Means, Rate

_MEMORY = re.compile(r"(?P<number>[\d.]+(?:[eE]\+?\d+)?)\s*(?P<unit>[kMGT]?)B?", re.ASCII)
_UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@Parameter(name="*")
@dataclass(frozen=True)
class ServingOptions:
    """Hardware, utilisation and price of serving; those of training where nothing is said."""

    serve_hardware: Annotated[
        str | None, Parameter(help="Accelerator that serves; that of training by default.")
    ] = None
    serve_mfu: Annotated[
        str | None, Parameter(help="Utilisation while serving; that of training by default.")
    ] = None
    serve_price: Annotated[
        str | None, Parameter(help="Price of a serving device-hour; that of training by default.")
    ] = None

    def rates(self, training: Means) -> tuple[Rate | None, Rate | None]:
        """The training and the serving rate; both None where no hardware is given.

        Raises:
            InputError: something is missing or unusable.
        """
        from isoloss.planning.hardware import Means

        given = {name: value for name, value in vars(self).items() if value is not None}
        if training.hardware is None:
            idle = [f"--{name.replace('_', '-')}" for name in given]
            idle += [
                f"--{name}" for name in ("mfu", "price") if getattr(training, name) is not None
            ]
            if idle:
                raise InputError(
                    f"{idle[0]} is given, and the hardware of training is not.",
                    code="missing_hardware",
                    where=Where(field="--hardware"),
                    hint="Add --hardware h100; isoloss hardware lists what is known.",
                )
            return None, None
        with placed("--serve-mfu"):
            mfu = None if self.serve_mfu is None else number(self.serve_mfu, "--serve-mfu")
        other = Means(
            hardware=self.serve_hardware or training.hardware,
            mfu=training.mfu if mfu is None else mfu,
            price=training.price if self.serve_price is None else self.serve_price,
            table=training.table,
        )
        return training.rate(), other.rate()

    def again(self, training: MeansOptions) -> dict[str, object]:
        """The options to type again."""
        return {**vars(training), **vars(self)}


SERVING = ServingOptions()


def memory_of(text: str | None) -> float | None:
    """Bytes from ``80GB``, ``1.5 TB`` or ``8e10``; decimal units.

    Raises:
        InputError: it is no amount of memory.
    """
    if text is None:
        return None
    match = _MEMORY.fullmatch(text.strip())
    try:
        value = float("nan") if match is None else float(match["number"]) * _UNITS[match["unit"]]
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise InputError(
            f'found "{text[:40]}" where an amount of memory is expected.',
            code="bad_quantity",
            where=Where(field="--memory"),
            hint="Write it like 80GB or 1.5TB.",
        )
    return value
