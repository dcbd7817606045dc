"""The verb ``iso.train``: from the description of a ladder to its runs, here or on a cluster."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from isoloss.errors import InputError, Where
from isoloss.training.ladder import Ladder, prepare
from isoloss.training.local import Place, places, run_local
from isoloss.training.locks import alone
from isoloss.training.shipped import find_ladder
from isoloss.training.templates import LadderSpec, read_ladder

Watch = Callable[[Ladder], None]
Show = Callable[[Ladder, int | None], AbstractContextManager[Watch | None]]
"""Lends what is called while a ladder (of so many workers, where known) trains."""


class Executor(Protocol):
    """Where runs are trained."""

    @property
    def devices(self) -> tuple[str, ...]:
        """Of this machine, those that must be usable."""
        ...

    @property
    def kind(self) -> str:
        """The kind of device that runs are trained on: ``cpu``, ``cuda``, ..."""
        ...

    def carry_out(self, ladder: Ladder, population: int, show: Show) -> None:
        """Train the runs of a ladder that are not finished."""
        ...


@dataclass(frozen=True)
class Local:
    """Processes of this machine, one run each.

    Attributes:
        workers: how many; by default one per core that this process may use.
        on: accelerators to use instead of cores, such as ``cuda:0``.
        per_run: how many processes, each with a device, train every run together (torchrun).
    """

    workers: int | None = None
    on: tuple[str, ...] = ()
    per_run: int = 1

    @property
    def places(self) -> tuple[Place, ...]:
        """Where each worker runs."""
        found = places(self.workers, self.on)
        if self.per_run > 1:
            return (Place(found[0].device.split(":")[0], None, self.per_run),)
        return found

    @property
    def devices(self) -> tuple[str, ...]:
        """Those of the workers."""
        return tuple(dict.fromkeys(place.device for place in self.places))

    @property
    def kind(self) -> str:
        """That of the first worker."""
        return self.devices[0].split(":")[0]

    def carry_out(self, ladder: Ladder, population: int, show: Show) -> None:
        """Train the waiting runs; see `isoloss.training.local.run_local`."""
        where, built_in = self.places, not ladder.trained_by_commands
        with show(ladder, len(where)) as watch:
            run_local(ladder, where, measure_peak=built_in, population=population, watch=watch)


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster, one task per run; needs the extra ``ray``.

    Attributes:
        address: such as ``10.0.0.1:6379`` or ``auto``; None for a cluster of this machine alone.
        cpus: cores that a task asks for.
        gpus: devices that a task asks for; may be a part of one.
    """

    address: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0

    @property
    def devices(self) -> tuple[str, ...]:
        """None of this machine, but for the processor."""
        return ()

    @property
    def kind(self) -> str:
        """That of its tasks."""
        return "cuda" if self.gpus else "cpu"

    def carry_out(self, ladder: Ladder, population: int, show: Show) -> None:
        """Train the waiting runs; see `isoloss.training.cluster.run_cluster`."""
        from isoloss.training.cluster import run_cluster

        how = {"cpus": self.cpus, "gpus": self.gpus}
        with show(ladder, None) as watch:
            run_cluster(ladder, self.address, **how, population=population, watch=watch)


def train(
    spec: str | Path | LadderSpec,
    into: str | Path = "ladder",
    *,
    on: Executor | None = None,
    population: int | str | None = None,
    retry: bool = False,
    show: Show = lambda _ladder, _workers: nullcontext(),
    say: Callable[[str], None] = lambda _: None,
) -> Ladder:
    """Train the runs of a ladder; called again, it goes on where it stopped.

    Args:
        spec: a TOML file, the name of a ladder that comes with isoloss, or a ladder from
            `isoloss.training.templates.read_ladder`.
        into: the folder of the ladder.
        on: where: `Local` (the default) or `Cluster`.
        population: how many runs that are alike train side by side: a number, ``off``, or ``auto``
            to measure it. By default off on a CPU, where digits would change, and auto elsewhere.
        retry: try again what could not be trained: no memory, failed commands, dead workers.
        show: lends what is called while the ladder trains.
        say: told how many runs are tried again.

    Returns:
        The ladder; `Ladder.table` reads its runs.

    Raises:
        InputError: the ladder cannot be read, a package or device is missing, another process works
            in the folder, or the disk is full.
        WorkerError: a worker failed by an error of its own.
    """
    wanted = spec if isinstance(spec, LadderSpec) else read_ladder(find_ladder(str(spec)))
    where = on or Local()
    together = parse_population(population, where.kind)
    if not wanted.trained_by_commands:
        require_torch()
        for device in where.devices:
            require_device(device)
    with alone(Path(into)):
        ladder = prepare(wanted, into)
        if retry:
            say(f"{ladder.forget()} runs are tried again.")
        if any(ladder.waiting()):
            where.carry_out(ladder, together, show)
        else:
            ladder.collect()
    return ladder


def parse_population(found: int | str | None, device: str) -> int:
    """How many runs train side by side on a device; 0 to measure.

    Raises:
        InputError: it is no number, ``off`` or ``auto``.
    """
    words = {"off": 1, "auto": 0}
    if found is None:
        return words["off" if device == "cpu" else "auto"]
    text = str(found)
    if text in words:
        return words[text]
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise InputError(
        f'found "{text[:60]}" where a number of runs, off or auto is expected.',
        code="bad_option",
        where=Where(field="population"),
    )


def require_torch() -> None:
    """Refuse where PyTorch is missing.

    Raises:
        InputError: it is; the message says which extra to install.
    """
    if importlib.util.find_spec("torch") is None:
        raise InputError(
            "training needs PyTorch, which is not installed.",
            code="missing_package",
            where=Where(field="train"),
            hint="pip install 'isoloss[train]'",
        )


def require_device(device: str) -> None:
    """Refuse a device that PyTorch does not have.

    Raises:
        InputError: it does not have it.
    """
    if device == "cpu":
        return
    import torch

    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f'PyTorch cannot use the device "{device[:60]}" ({str(error).splitlines()[0]}).',
            code="no_device",
            where=Where(field="device"),
            hint="Leave it out to train on the CPU.",
        ) from None
