"""Who works here? Locks that the operating system lets go when their holder dies."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from isoloss.errors import InputError, Where


@contextmanager
def held(path: Path) -> Generator[bool, None, None]:
    """Try to hold a lock file for the time of the block; yields whether that worked.

    A process that is killed lets go at once, so no lock is ever stale.
    """
    try:
        import fcntl
    except ImportError:
        raise InputError(
            "ladders need file locks as Linux and macOS have them.", code="unsupported"
        ) from None
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise InputError(
            f"it cannot be written ({error.strerror}).",
            code="not_writable",
            where=Where(file=str(path)),
            hint="Choose a folder that belongs to you and has room.",
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield True
    finally:
        os.close(handle)


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
