"""Several processes that train one run together: each takes a part of every batch.

Started by ``torchrun`` (`isoloss ladder run --per-run 2` does so). All weights lie in one matrix,
so that one sum over the processes per step is all that is exchanged. The first process, the leader,
chooses the runs and writes all files; the others follow.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Team:
    """One process among those that train together.

    Attributes:
        rank: its number, from 0.
        size: how many there are.
    """

    rank: int
    size: int

    @property
    def leads(self) -> bool:
        """Whether this is the process that chooses and writes."""
        return self.rank == 0

    def average(self, values: torch.Tensor) -> None:
        """Replace values by their mean over the processes, in place."""
        dist.all_reduce(values)
        values.div_(self.size)

    def share(self, value: _Value) -> _Value:
        """What the leader gave, whatever this process gave."""
        found: list[Any] = [value]
        dist.broadcast_object_list(found, src=0)
        return found[0]

    def gather(self, mine: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """What each process gave, in the order of their numbers."""
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, mine)
        return found


def join(device: str) -> tuple[Team, str]:
    """Become one of the processes that ``torchrun`` started.

    Args:
        device: ``cpu`` or ``cuda``.

    Returns:
        The process, and the device that is its own.
    """
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if device != "cpu":
        device = f"{device.split(':')[0]}:{local}"
        torch.cuda.set_device(device)
    dist.init_process_group("gloo" if device == "cpu" else "nccl")
    return Team(dist.get_rank(), dist.get_world_size()), device


def leave() -> None:
    """Be on one's own again."""
    dist.destroy_process_group()
