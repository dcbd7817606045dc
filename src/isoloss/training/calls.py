"""How is a command run to its end? Watched, with a limit, and never twice at once for one run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from isoloss.errors import InputError, Where
from isoloss.training import guard
from isoloss.training.layout import LOG
from isoloss.training.locks import lent
from isoloss.training.setting import Stopped

POLL_SECONDS = 0.1
LONGEST_WORDS = 200


def call(
    words: Sequence[str],
    environment: Mapping[str, str],
    home: Path,
    folder: Path | None,
    seconds: float,
    stop: Callable[[], bool],
) -> str:
    """Run the command to its end; returns why it failed, or nothing.

    Args:
        words: of the command.
        environment: of the command.
        home: the folder of its run; what it prints goes to a log there.
        folder: where it is called; None for where this process is.
        seconds: how long it may take.
        stop: asked every now and then; when it says so the command is ended.

    Raises:
        Stopped: ``stop`` said so.
        InputError: the log cannot be written.
    """
    # A guard ends the command when this process is killed. It holds the lock until then, so that
    # a successor does not call the command beside the one that is still there.
    with lent(home / "trainer.lock", stop) as lock:
        log = home / LOG
        try:
            with log.open("wb") as file:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", guard.__file__, *words],
                    stdin=subprocess.PIPE,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=folder,
                    pass_fds=[lock],
                    start_new_session=True,
                )
        except OSError as error:
            raise InputError(
                f"the trainer cannot be started ({error.strerror or error}).",
                code="no_trainer",
                where=Where(file=str(log)),
                hint="Is there room on the disk, and may this folder be written?",
            ) from None
        limit = time.monotonic() + seconds
        try:
            while process.poll() is None:
                if stop():
                    raise Stopped
                if time.monotonic() > limit:
                    _end(process)
                    return f"it took longer than {seconds:g} s; {_said(log)}"
                time.sleep(POLL_SECONDS)
        finally:
            if process.poll() is None:
                _end(process)
            if process.stdin is not None:
                process.stdin.close()
    if process.returncode < 0:
        return f"it was ended by signal {-process.returncode}; {_said(log)}"
    return f"it ended with {process.returncode}; {_said(log)}" if process.returncode else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started, kindly at first."""
    for number, seconds in ((signal.SIGTERM, guard.GRACE_SECONDS), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            process.wait()
            return
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            continue


def _said(log: Path) -> str:
    try:
        text = log.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        text = ""
    last = text.splitlines()[-1].strip() if text else ""
    return f"it said last: {last[:LONGEST_WORDS]}" if last else "it said nothing"
