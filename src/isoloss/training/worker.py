"""One worker of a ladder: takes the next free run, trains it, takes another.

    python -m isoloss.training.worker FOLDER [--core 0] [--device cpu]

A run is taken by a lock on its folder, which the operating system lets go when the worker dies.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from isoloss.atomic import write_text
from isoloss.document import dumps
from isoloss.errors import IsolossError
from isoloss.training.command import CommandFailed, run_command
from isoloss.training.ladder import MOST_ATTEMPTS, Ladder, open_ladder
from isoloss.training.layout import ATTEMPTS, ROW, TRUNKS
from isoloss.training.locks import held, make_folder
from isoloss.training.setting import Setting, Stopped, settle
from isoloss.training.templates import Planned

if TYPE_CHECKING:
    from isoloss.training.corpora import Corpus

Stop = Callable[[], bool]
REFUSED = 3
"""Exit code of a worker that ends with an error made for people; it is on standard output."""


def work(folder: Path, setting: Setting, stop: Stop = lambda: False) -> int:
    """Train what is free in a ladder, until nothing is; returns how many runs were finished.

    Raises:
        Stopped: ``stop`` said so.
    """
    ladder = open_ladder(folder)
    return work_on(ladder, ladder.corpus(), setting, stop)


def work_on(
    ladder: Ladder, corpus: Corpus | None, setting: Setting, stop: Stop = lambda: False
) -> int:
    """Train what is free of these runs; returns how many were finished.

    Raises:
        Stopped: ``stop`` said so.
    """
    done = 0
    for i, planned in enumerate(ladder.runs):
        if stop():
            raise Stopped
        with ExitStack() as locks:
            if not _take(ladder, planned, locks):
                continue
            group = [planned, *_alike(ladder, corpus, i, setting, locks)]
            _train(ladder, corpus, group, setting, stop)
            done += len(group)
    return done


def follow(folder: Path, setting: Setting, stop: Stop) -> None:
    """Train what the leader of the team chooses, until it has nothing left."""
    ladder = open_ladder(folder)
    corpus = ladder.corpus()
    assert setting.team is not None
    while chosen := setting.team.share(list[int]()):
        _built_in(ladder, corpus, [ladder.runs[i] for i in chosen], setting, stop)


def _take(ladder: Ladder, planned: Planned, locks: ExitStack) -> bool:
    """Try to make a run one's own until the locks are let go."""
    home = ladder.home(planned.spec)
    # Looked at first without the lock, so that finished runs cost nothing.
    if ladder.row(planned.spec) is not None:
        return False
    make_folder(home)
    branch = planned.labels.get("branch_of")
    if branch is not None:
        # Runs of one trunk are trained one after the other: each goes on from the one before.
        make_folder(ladder.folder / TRUNKS / branch)
        if not locks.enter_context(held(ladder.folder / TRUNKS / branch / "lock")):
            return False
    return locks.enter_context(held(home / "lock")) and ladder.row(planned.spec) is None


def _alike(
    ladder: Ladder, corpus: Corpus | None, i: int, setting: Setting, locks: ExitStack
) -> list[Planned]:
    """Free runs that train beside run number i, as many as are worth it."""
    first = ladder.runs[i]
    if setting.population == 1 or corpus is None or not _groups(first):
        return []
    from isoloss.training.checkpoints import saved_steps
    from isoloss.training.population import best_size
    from isoloss.training.trainer import likeness

    key = likeness(first.spec)
    others = [
        other
        for other in ladder.runs[i + 1 :]
        if _groups(other) and likeness(other.spec) == key and ladder.row(other.spec) is None
    ]
    most = min(
        setting.population
        or best_size(first.spec, corpus, setting, 1 + len(others), ladder.folder),
        1 + len(others),
    )
    # A run that is half done goes on beside others only from a step that all have kept.
    common = saved_steps(ladder.home(first.spec)) or {0}
    found: list[Planned] = []
    for other in others:
        if len(found) + 1 >= most:
            break
        both = common & (saved_steps(ladder.home(other.spec)) or {0})
        if both and _take(ladder, other, locks):
            common = both
            found.append(other)
    return found


def _groups(planned: Planned) -> bool:
    return not planned.spec.trainer and "branch_of" not in planned.labels


def _train(
    ladder: Ladder, corpus: Corpus | None, group: Sequence[Planned], setting: Setting, stop: Stop
) -> None:
    """Train runs that are one's own, or mark those that cannot be."""
    able: list[Planned] = []
    for planned in group:
        home = ladder.home(planned.spec)
        count = _attempt(home)
        if count > MOST_ATTEMPTS:
            _give_up(ladder, planned, f"the worker died {MOST_ATTEMPTS} times")
        else:
            able.append(planned)
    if not able:
        return
    try:
        _carry_out(ladder, corpus, able, setting, stop)
    except Stopped:
        for planned in able:
            write_text(ladder.home(planned.spec) / ATTEMPTS, "0")
        raise
    except (MemoryError, RuntimeError) as error:
        # Several processes are started anew; three such deaths end the run.
        if not is_out_of_memory(error) or setting.team is not None:
            raise
        if len(able) == 1:
            _give_up(ladder, able[0], "out of memory")
            return
        # Together they are too large: one after the other.
        for planned in able:
            write_text(ladder.home(planned.spec) / ATTEMPTS, "0")
            _train(ladder, corpus, [planned], setting, stop)


def _carry_out(
    ladder: Ladder, corpus: Corpus | None, group: Sequence[Planned], setting: Setting, stop: Stop
) -> None:
    first = group[0]
    if first.spec.trainer:
        home = ladder.home(first.spec)
        try:
            run_command(first.spec, home, ladder, setting, first.labels, stop)
        except CommandFailed as error:
            _give_up(ladder, first, str(error))
        return
    if setting.team is not None:
        setting.team.share([ladder.runs.index(planned) for planned in group])
    _built_in(ladder, corpus, group, setting, stop)


def _built_in(
    ladder: Ladder, corpus: Corpus | None, group: Sequence[Planned], setting: Setting, stop: Stop
) -> None:
    from isoloss.training.runner import carry_out

    assert corpus is not None
    first = group[0]
    branch = first.labels.get("branch_of")
    carry_out(
        [planned.spec for planned in group],
        corpus,
        [ladder.home(planned.spec) for planned in group],
        setting,
        [planned.labels for planned in group],
        stop=stop,
        trunk=None if branch is None else ladder.folder / TRUNKS / branch,
    )


def _attempt(home: Path) -> int:
    """How often this run was begun since its state was last kept, this time included."""
    try:
        count = int((home / ATTEMPTS).read_text(encoding="utf-8")) + 1
    except (OSError, ValueError):
        count = 1
    write_text(home / ATTEMPTS, str(count))
    return count


def _give_up(ladder: Ladder, planned: Planned, reason: str) -> None:
    write_text(ladder.home(planned.spec) / ROW, dumps(excluded(planned, reason)))


def excluded(planned: Planned, reason: str) -> dict[str, Any]:
    """The row of a run that could not be trained."""
    spec = planned.spec
    return {
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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, on this machine or its device."""
    said = str(error).lower()
    return (
        isinstance(error, MemoryError) or "out of memory" in said or "can't allocate memory" in said
    )


def stop_when_told(*, watched: bool) -> Stop:
    """A question that turns true on SIGTERM or SIGINT, or when the driver is gone.

    Args:
        watched: standard input is a pipe that the driver holds open as long as it lives.
    """
    told = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, tell)

    def wait() -> None:
        while os.read(0, 1):
            continue
        told.set()

    if watched:
        threading.Thread(target=wait, daemon=True).start()
    return told.is_set


def _work_or_follow(folder: Path, setting: Setting, stop: Stop) -> None:
    if setting.team is None:
        work(folder, setting, stop)
        return
    from isoloss.training.team import leave

    if setting.leads:
        work(folder, setting, stop)
        setting.team.share(list[int]())
    else:
        follow(folder, setting, stop)
    leave()


def _peak(folder: Path, told: str, device: str) -> float:
    if told != "measure":
        return float(told)
    from isoloss.training.peak import measured_peak

    return measured_peak(folder, device)


def main() -> int:
    """Work until nothing is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--core", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", default="nan", help="FLOP/s, or measure")
    parser.add_argument("--checkpoint-seconds", type=float, default=30.0)
    parser.add_argument("--population", type=int, default=1)
    parser.add_argument("--watched", action="store_true")
    options = parser.parse_args()
    # What others print goes to the log; standard output is for one document.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    stop = stop_when_told(watched=options.watched)
    if options.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.core})
    team, device = None, options.device
    try:
        if not open_ladder(options.folder).trained_by_commands:
            settle()
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from isoloss.training.team import join

            team, device = join(device)
        setting = Setting(
            device,
            options.device,
            options.checkpoint_seconds,
            _peak(options.folder, options.peak, device),
            options.population,
            team,
        )
        _work_or_follow(options.folder, setting, stop)
    except Stopped:
        return 0
    except IsolossError as error:
        answer.write(json.dumps(error.to_dict()))
        answer.flush()
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
