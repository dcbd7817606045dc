"""Where and how runs are carried out. Known without PyTorch."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isoloss.training.team import Team

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP_BYTES = 1 << 30


class Stopped(Exception):
    """The work was asked to end; what is done is kept."""


@dataclass(frozen=True)
class Setting:
    """Where and how runs are carried out; none of it changes a digit of a single run on a CPU.

    Attributes:
        device: ``cpu``, ``cuda``, ...
        device_name: for the table.
        checkpoint_seconds: how often the state is written.
        peak_flop_per_s: of the device, measured; for the utilisation. NaN where it is not known.
        population: how many runs that are alike train side by side; 0 to measure what is fastest.
        team: the processes that train each run together; None for this one alone.
    """

    device: str = "cpu"
    device_name: str = "cpu"
    checkpoint_seconds: float = 30.0
    peak_flop_per_s: float = math.nan
    population: int = 1
    team: Team | None = None

    @property
    def leads(self) -> bool:
        """Whether this process writes the files of its runs."""
        return self.team is None or self.team.leads


def settle() -> None:
    """Make this process a good worker: one thread, memory kept between steps."""
    import torch

    torch.set_num_threads(1)
    try:
        # Freed blocks of half a megabyte would go back to the system and be faulted in again at
        # every step; keeping them saves a tenth to a fifth of the time.
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
    except (AttributeError, OSError, TypeError):
        return  # another C library than GNU's
