"""What training needs of a device's memory, part by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isoloss.document import envelope
from isoloss.fitting import Notice
from isoloss.planning.hardware.devices import Device
from isoloss.runs import Architecture
from isoloss.validation.report import Report, aligned


@dataclass(frozen=True)
class Sharding:
    """How many devices share what.

    Attributes:
        data: copies that work on different data.
        tensor: devices that share each matrix.
        pipeline: stages of layers.
        zero: what the copies share: 0 nothing, 1 the optimiser, 2 gradients too, 3 weights too.
    """

    data: int
    tensor: int
    pipeline: int
    zero: int

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return self.data * self.tensor * self.pipeline


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes on the fullest device.

    Attributes:
        weights: of the parameters it holds.
        gradients: of them.
        optimiser: its state of them.
        activations: that are kept for the backward pass, logits included.
        sharding: among how many devices.
    """

    weights: float
    gradients: float
    optimiser: float
    activations: float
    sharding: Sharding

    @property
    def parts(self) -> dict[str, float]:
        """Bytes by part."""
        names = ("weights", "gradients", "optimiser", "activations")
        return {name: getattr(self, name) for name in names}

    @property
    def total(self) -> float:
        """All of them."""
        return sum(self.parts.values())

    @property
    def largest(self) -> str:
        """The part that takes most."""
        return max(self.parts, key=lambda name: self.parts[name])

    def to_dict(self) -> dict[str, Any]:
        """The need as plain values."""
        shared = self.sharding
        return {
            **{f"{name}_bytes": value for name, value in self.parts.items()},
            "total_bytes": self.total,
            "largest": self.largest,
            "data": shared.data,
            "tensor": shared.tensor,
            "pipeline": shared.pipeline,
            "zero": shared.zero,
            "devices": shared.devices,
        }


@dataclass(frozen=True)
class MemoryCheck(Report):
    """Whether training fits, and what binds.

    Attributes:
        arch: the shape.
        device: the accelerator.
        room: bytes of one device that training may use.
        reserve: share of its memory that it may not use.
        precision: of weights, gradients and optimiser.
        checkpointing: what is recomputed.
        micro_batch: sequences that one device works on at a time.
        alone: the need on a single device.
        need: the need as it was asked for, or with the fewest devices that fit.
        searched: whether the sharding was searched and not given.
        warnings: what the user must know.
    """

    arch: Architecture
    device: Device
    room: float
    reserve: float
    precision: str
    checkpointing: str
    micro_batch: int
    alone: MemoryNeed
    need: MemoryNeed
    searched: bool
    warnings: tuple[Notice, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it fits as sharded."""
        return self.need.total <= self.room

    @property
    def devices(self) -> int | None:
        """The fewest devices that fit, or the number given; None where it does not fit."""
        return self.need.sharding.devices if self.fits else None

    @property
    def binding(self) -> str:
        """The part that decides.

        Where it fits, what takes most on a single device, and so asks for more of them; where it
        does not, what takes most on the fullest device however it is sharded.
        """
        return self.alone.largest if self.fits else self.need.largest

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        used, room = _gb(self.need.total), _gb(self.room)
        shared = self.need.sharding
        if self.fits and self.alone.total <= self.room and self.searched:
            return f"fits on one {self.device}: {used} of {room} GB."
        if self.fits:
            count = "at least " if self.searched else ""
            return (
                f"fits on {count}{shared.devices:,} {self.device}: {used} of {room} GB each; "
                f"alone it needs {_gb(self.alone.total)} GB, most of it {self.binding}."
            )
        tried = f"up to {shared.devices:,}" if self.searched else f"{shared.devices:,}"
        return (
            f"does not fit on {tried} {self.device}: {used} of {room} GB on the fullest one, most "
            f"of it {self.binding}."
        )

    @property
    def remedy(self) -> str:
        """What would make it fit; empty where it does."""
        if self.fits:
            return ""
        if self.binding == "activations":
            steps = ["a smaller micro_batch"] if self.micro_batch > 1 else ["a shorter context"]
            steps += [] if self.checkpointing == "full" else ["full checkpointing"]
            steps += ["more tensor parallelism"] if not self.searched else []
            return f"Try {', '.join(steps)}."
        share = "a higher ZeRO stage" if self.need.sharding.zero < 3 else "more copies of data"
        return f"Try {share}, tensor or pipeline parallelism, or precision mixed_8bit."

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.memory``."""
        return envelope("memory") | {
            "architecture": vars(self.arch),
            "n_params": self.arch.n_total,
            "device": self.device.id,
            "memory_bytes": self.device.memory_bytes,
            "room_bytes": self.room,
            "reserve": self.reserve,
            "precision": self.precision,
            "checkpointing": self.checkpointing,
            "micro_batch": self.micro_batch,
            "fits": self.fits,
            "devices": self.devices,
            "searched": self.searched,
            "binding": self.binding,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "alone": self.alone.to_dict(),
            "need": self.need.to_dict(),
            "seed": None,
            "conventions": None,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def summary(self) -> str:
        """The need part by part."""
        rows = [["GB", "one device", "as sharded"]]
        for name in self.alone.parts:
            rows.append([name, _gb(self.alone.parts[name]), _gb(self.need.parts[name])])
        rows.append(["total", _gb(self.alone.total), _gb(self.need.total)])
        shared = self.need.sharding
        many = f"{shared.devices:,} device{'s' if shared.devices > 1 else ''}"
        lines = [
            self.sentence,
            *aligned(rows, "<>>", indent=4),
            f"  {many}: data {shared.data}, tensor {shared.tensor}, pipeline {shared.pipeline}, "
            f"ZeRO {shared.zero}",
            f"  precision {self.precision}, checkpointing {self.checkpointing}, micro-batch "
            f"{self.micro_batch} x {self.arch.seq_len} tokens; {self.reserve:.0%} of "
            f"{_gb(self.device.memory_bytes or 0.0)} GB kept free",
        ]
        lines += [f"  {self.remedy}"] if self.remedy else []
        return "\n".join([*lines, *(f"  ! {notice.message}" for notice in self.warnings)])


def _gb(value: float) -> str:
    size = value / 1e9
    return f"{size:,.0f}" if size >= 100 else f"{size:.3g}"
