"""Workers on this machine: one process per core or device, watched and replaced when they die."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.training.ladder import Ladder

POLL_SECONDS = 0.2
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Place:
    """Where one worker runs.

    Attributes:
        device: ``cpu`` or ``cuda:0``.
        core: the core it is pinned to; None on an accelerator.
    """

    device: str = "cpu"
    core: int | None = None


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
    watch: Callable[[Ladder], None] | None = None,
) -> int:
    """Train a ladder to its end on this machine.

    Workers that are killed are replaced; a run whose worker died three times is marked and left.

    Args:
        ladder: what to train.
        where: a worker for each place.
        checkpoint_seconds: how often a run's state is written.
        peak_flop_per_s: of one core or device, for the utilisation.
        watch: called every now and then, for a table of progress.

    Returns:
        How many runs are finished.

    Raises:
        WorkerError: a worker failed by an error of its own; what it said is in its log.
    """
    options = ["--checkpoint-seconds", str(checkpoint_seconds), "--peak", str(peak_flop_per_s)]
    count = min(len(where), max(1, len(list(ladder.waiting()))))
    crew = {i: _start(ladder.folder, i, place, options) for i, place in enumerate(where[:count])}
    finished = -1
    try:
        while crew:
            time.sleep(POLL_SECONDS)
            now = sum(1 for _ in ladder.rows())
            if now != finished:
                finished = now
                ladder.collect()
            if watch is not None:
                watch(ladder)
            for i, process in list(crew.items()):
                if process.poll() is None:
                    continue
                del crew[i]
                if process.returncode < 0:
                    crew[i] = _start(ladder.folder, i, where[i], options)
                elif process.returncode:
                    raise WorkerError(
                        f"a worker failed: {_last_line(_log(ladder.folder, i))}",
                        code="worker_failed",
                        hint=f"Its log is {_log(ladder.folder, i)}.",
                    )
    finally:
        for process in crew.values():
            process.terminate()
        for process in crew.values():
            process.wait()
    return ladder.collect()


def _start(
    folder: Path, number: int, place: Place, options: Sequence[str]
) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "isoloss.training.worker", str(folder)]
    words += ["--device", place.device, *options]
    if place.core is not None:
        words += ["--core", str(place.core)]
    with _log(folder, number).open("ab") as log:
        return subprocess.Popen(
            words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | _ONE_THREAD
        )


def _log(folder: Path, number: int) -> Path:
    return folder / f"worker-{number}.log"


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
