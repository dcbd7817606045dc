"""One worker of a ladder: takes the next free run, trains it, takes another.

    python -m isoloss.training.worker FOLDER [--core 0] [--device cpu]

A run is taken by a lock on its folder, which the operating system lets go when the worker dies.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
from pathlib import Path

from isoloss.atomic import write_text
from isoloss.document import dumps
from isoloss.training.ladder import MOST_ATTEMPTS, Ladder, open_ladder
from isoloss.training.layout import ROW
from isoloss.training.locks import held
from isoloss.training.runner import Setting, carry_out
from isoloss.training.templates import Planned

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP_BYTES = 1 << 30


def work(folder: Path, setting: Setting) -> int:
    """Train what is free in a ladder, until nothing is; returns how many runs were finished."""
    ladder, done = open_ladder(folder), 0
    corpus = ladder.corpus()
    for planned in ladder.runs:
        home = ladder.home(planned.spec)
        home.mkdir(parents=True, exist_ok=True)
        with held(home / "lock") as mine:
            if not mine or ladder.row(planned.spec) is not None:
                continue
            if _attempt(home) > MOST_ATTEMPTS:
                _give_up(ladder, planned, f"the worker died {MOST_ATTEMPTS} times")
                continue
            try:
                carry_out([planned.spec], corpus, [home], setting, [planned.labels])
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                _give_up(ladder, planned, "out of memory")
            done += 1
    return done


def _attempt(home: Path) -> int:
    """How often this run was begun, this time included."""
    file = home / "attempts"
    count = int(file.read_text()) + 1 if file.exists() else 1
    write_text(file, str(count))
    return count


def _give_up(ladder: Ladder, planned: Planned, reason: str) -> None:
    spec = planned.spec
    row = {
        "run_id": spec.run_id,
        "status": "excluded",
        "reason": reason,
        "seed": spec.seed,
        "n_layers": spec.model.n_layers,
        "d_model": spec.model.d_model,
        "steps_planned": spec.pacing.steps,
        "loss": None,
        **planned.labels,
    }
    write_text(ladder.home(spec) / ROW, dumps(row))


def _is_out_of_memory(error: BaseException) -> bool:
    return (
        isinstance(error, MemoryError)
        or "out of memory" in str(error).lower()
        or ("can't allocate memory" in str(error).lower())
    )


def settle(core: int | None) -> None:
    """Make this process a good worker: one thread, one core, memory kept between steps."""
    import torch

    torch.set_num_threads(1)
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    try:
        # Freed blocks of half a megabyte would go back to the system and be faulted in again at
        # every step; keeping them saves a tenth to a fifth of the time.
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
    except (AttributeError, OSError, TypeError):
        return  # another C library than GNU's


def main() -> int:
    """Work until nothing is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--core", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", type=float, default=float("nan"))
    parser.add_argument("--checkpoint-seconds", type=float, default=30.0)
    options = parser.parse_args()
    settle(options.core)
    work(
        options.folder,
        Setting(options.device, options.device, options.checkpoint_seconds, options.peak),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
