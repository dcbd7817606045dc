"""Workers on this machine: one process per core or device, watched and replaced when they die."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from isoloss.errors import InputError, IsolossError, Where
from isoloss.training.ladder import MOST_ATTEMPTS, Ladder
from isoloss.training.layout import ATTEMPTS

POLL_SECONDS = 0.2
COLLECT_SECONDS = 2.0
END_SECONDS = 60.0
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Place:
    """Where one worker runs.

    Attributes:
        device: ``cpu`` or ``cuda:0``.
        core: the core it is pinned to; None on an accelerator.
        processes: how many train each run together.
    """

    device: str = "cpu"
    core: int | None = None
    processes: int = 1


class WorkerError(IsolossError):
    """A worker ended with an error that is not about the user's input."""

    exit_code = 1


def places(workers: int | None = None, devices: Sequence[str] = ()) -> tuple[Place, ...]:
    """One place per device, or per core of this machine.

    Args:
        workers: how many; by default one per core that this process may use.
        devices: accelerators to use instead, such as ``cuda:0``.
    """
    if devices:
        return tuple(Place(device) for device in devices)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    count = workers or len(cores) or os.cpu_count() or 1
    return tuple(Place("cpu", cores[i % len(cores)] if cores else None) for i in range(count))


def run_local(
    ladder: Ladder,
    where: Sequence[Place],
    *,
    checkpoint_seconds: float = 30.0,
    peak_flop_per_s: float = math.nan,
    measure_peak: bool = False,
    population: int = 1,
    watch: Callable[[Ladder], None] | None = None,
) -> int:
    """Train a ladder to its end on this machine.

    Workers that are killed are replaced; a run whose worker died three times without getting
    further is marked and left. When this process ends, however it ends, its workers keep the state
    of their runs and end too.

    Args:
        ladder: what to train.
        where: a worker for each place.
        checkpoint_seconds: how often a run's state is written.
        peak_flop_per_s: of one core or device, for the utilisation.
        measure_peak: every worker measures that of its own device before it begins.
        population: how many runs that are alike train side by side; 0 to measure.
        watch: called every now and then, for a table of progress.

    Returns:
        How many runs are finished.

    Raises:
        InputError: the disk is full, or a run asks for what the corpus does not have.
        WorkerError: a worker failed by an error of its own; what it said is in its log.
    """
    options = ["--checkpoint-seconds", str(checkpoint_seconds), "--peak"]
    options += ["measure" if measure_peak else str(peak_flop_per_s)]
    options += ["--population", str(population)]
    count = min(len(where), len(list(ladder.waiting())))
    crew: dict[int, _Worker] = {}
    table = Table(ladder)
    try:
        for i in range(count):
            crew[i] = _Worker(ladder.folder, i, where[i], options)
        while crew:
            time.sleep(POLL_SECONDS)
            table.write_now_and_then()
            if watch is not None:
                watch(ladder)
            for i, member in list(crew.items()):
                if member.ended():
                    del crew[i]
                    if member.died():
                        crew[i] = member.replaced()
    finally:
        for member in crew.values():
            member.tell_to_end()
        for member in crew.values():
            member.wait()
    return ladder.collect()


class Table:
    """Writes the tables of a ladder when runs were finished, but not at every single one."""

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder
        self._written = -1
        self._next = 0.0

    def write_now_and_then(self) -> None:
        """Collect what is new, unless that was done a moment ago."""
        began = time.monotonic()
        if began < self._next:
            return
        finished = len(self._ladder.rows())
        if finished != self._written:
            self._written = finished
            self._ladder.collect()
        took = time.monotonic() - began
        # However large the ladder, its tables take at most a twentieth of this process.
        self._next = began + max(COLLECT_SECONDS, 20.0 * took)


class _Worker:
    """One worker process, which ends when this process does."""

    def __init__(
        self, folder: Path, number: int, place: Place, options: Sequence[str], barren: int = 0
    ) -> None:
        self._place, self._options, self._barren = place, options, barren
        self._folder, self._number = folder, number
        self._tries = _tries(folder)
        words = [sys.executable, "-m"]
        if place.processes > 1:
            count = str(place.processes)
            words += ["torch.distributed.run", "--standalone", "--nproc-per-node", count, "-m"]
        words += ["isoloss.training.worker", str(folder), "--watched"]
        words += ["--device", place.device, *options]
        if place.core is not None:
            words += ["--core", str(place.core)]
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    words,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=os.environ | _ONE_THREAD,
                    # Ctrl-C goes to this process alone, which then tells the workers.
                    start_new_session=True,
                )
        except OSError as error:
            raise InputError(
                f"a worker cannot be started ({error.strerror or error}).",
                code="disk_full" if error.errno == errno.ENOSPC else "no_worker",
                where=Where(file=str(self._log)),
                hint="Free some room on the disk, or ask for fewer --workers.",
            ) from None

    @property
    def _log(self) -> Path:
        return self._folder / f"worker-{self._number}.log"

    def ended(self) -> bool:
        """Whether the process is over."""
        return self._process.poll() is not None

    def died(self) -> bool:
        """Whether it was killed, and so needs a successor.

        Raises:
            InputError: it ended with an error made for people.
            WorkerError: it failed.
        """
        code = self._process.returncode
        said = b"" if self._process.stdout is None else self._process.stdout.read()
        self._close()
        if code == 0:
            return False
        if said:
            found, _ = json.JSONDecoder().raw_decode(said.decode())
            raise InputError(
                found["message"],
                code=found["code"],
                where=Where(**found["where"]),
                hint=found["hint"],
            )
        if code > 0 and self._place.processes == 1:
            raise WorkerError(
                f"a worker failed: {_last_line(self._log)}",
                code="worker_failed",
                hint=f"Its log is {self._log}.",
            )
        # Killed before it began a run, again and again: no run is to blame.
        self._barren = self._barren + 1 if _tries(self._folder) == self._tries else 0
        if self._barren >= MOST_ATTEMPTS:
            raise WorkerError(
                f"workers end with code {code} before they begin a run: {_last_line(self._log)}.",
                code="worker_failed",
                hint=f"Is there enough memory for so many --workers? The log is {self._log}.",
            )
        return True

    def replaced(self) -> _Worker:
        """A successor at the same place."""
        return _Worker(self._folder, self._number, self._place, self._options, self._barren)

    def tell_to_end(self) -> None:
        """Ask it to keep its state and end."""
        self._process.terminate()

    def wait(self) -> None:
        """Wait until it has, or end it."""
        try:
            self._process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def _tries(folder: Path) -> frozenset[tuple[int, int]]:
    """Something that changes whenever a run is begun, whatever the clock says."""
    found = (file.stat() for file in folder.glob(f"runs/*/{ATTEMPTS}"))
    return frozenset((one.st_ino, one.st_mtime_ns) for one in found)


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
