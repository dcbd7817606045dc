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
    import fcntl

    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
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
        InputError: another one is at work there.
    """
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
