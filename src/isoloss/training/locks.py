"""Who works here? Locks that the operating system lets go when their holder dies."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from isoloss.errors import InputError, Where
from isoloss.training.setting import Stopped

WAIT_SECONDS = 0.1


@contextmanager
def held(path: Path) -> Generator[bool, None, None]:
    """Try to hold a lock file for the time of the block; yields whether that worked.

    A process that is killed lets go at once, so no lock is ever stale.
    """
    handle = _opened(path)
    try:
        if not _locked(handle):
            yield False
            return
        # Who holds it is told to people only, so a full disk does no harm here.
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
        yield True
    finally:
        os.close(handle)


@contextmanager
def lent(path: Path, stop: Callable[[], bool]) -> Generator[int, None, None]:
    """Wait for a lock file, and lend its number to a process that is started in the block.

    A process that was given the number holds the lock too: it is free when both are gone.

    Raises:
        Stopped: ``stop`` said so while waiting.
    """
    handle = _opened(path)
    try:
        while not _locked(handle):
            if stop():
                raise Stopped
            time.sleep(WAIT_SECONDS)
        yield handle
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise InputError(
            f"it cannot be written ({error.strerror}).",
            code="not_writable",
            where=Where(file=str(path)),
            hint="Choose a folder that belongs to you and has room.",
        ) from None


def _locked(handle: int) -> bool:
    """Whether the lock could be taken.

    Raises:
        InputError: this system has no such locks, or the disk does not.
    """
    try:
        import fcntl
    except ImportError:
        raise InputError(
            "ladders need file locks as Linux and macOS have them.", code="unsupported"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise InputError(
            f"the disk gives no file locks ({error.strerror}).",
            code="unsupported",
            hint="Choose a folder on another disk, such as a local one.",
        ) from None
    return True


@contextmanager
def alone(folder: Path) -> Generator[None, None, None]:
    """Be the only driver of a ladder's folder.

    Raises:
        InputError: another one is at work there, or the folder cannot be written.
    """
    make_folder(folder)
    path = folder / "ladder.lock"
    with held(path) as mine:
        if not mine:
            holder = path.read_text(encoding="utf-8").strip() or "unknown"
            raise InputError(
                f"another ladder is running in this folder (process {holder}).",
                code="locked",
                where=Where(file=str(folder)),
                hint="Wait for it, watch it with isoloss ladder status, or choose another --into.",
            )
        yield


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        InputError: that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder cannot be made ({error.strerror}).",
            code="not_writable",
            where=Where(file=str(folder)),
            hint="Choose another folder, one that belongs to you and is no file.",
        ) from None
