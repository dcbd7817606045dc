"""How does a file reach the disk whole? Written beside its place, then moved over it in one step.

A reader sees the old content or the new one, never a part, even if the process is killed or the
disk fills up. A killed process may leave one hidden file ``.isoloss-*`` behind, never a harmed one.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from isoloss.errors import InputError, Where

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_text(path: str | Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all; line ends stay as they are.

    Raises:
        InputError: the file cannot be written; what was there before is unchanged.
    """
    write_bytes(path, text.encode())


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write bytes, whole or not at all.

    Raises:
        InputError: the file cannot be written; what was there before is unchanged.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(path: str | Path) -> Generator[Path, None, None]:
    """Lend a temporary path in the same folder that becomes ``path`` when the block succeeds.

    The temporary path has the ending of ``path``, so that writers which look at it behave alike.
    If the block fails, the temporary file is removed and ``path`` is as before. The block should
    only write: an ``OSError`` in it is reported as a failure to write ``path``.

    Raises:
        InputError: the file cannot be written (no such folder, no permission, disk full, ...).
    """
    # A link stays a link: the file that it points to is the one to replace.
    target = Path(os.path.realpath(path))
    temporary = target.parent / f".isoloss-{secrets.token_hex(8)}{target.suffix}"
    try:
        mode = _mode_of_existing(target, path)
        temporary.touch(exist_ok=False)
        yield temporary
        if mode is not None:
            temporary.chmod(mode)
        _flush(temporary)
        temporary.replace(target)
    except OSError as error:
        raise _explain(error, path, target.parent) from error
    finally:
        _remove(temporary)


def _mode_of_existing(target: Path, path: str | Path) -> int | None:
    """The permissions to keep, or None where there is no file yet."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise InputError(
            f"this is {kind}, where the name of a file to write is expected.",
            code="not_a_file",
            where=Where(file=str(path)),
            hint="Give the name of a new file, or of one to replace.",
        )
    return stat.S_IMODE(mode)


def _flush(temporary: Path) -> None:
    # Without this a power cut could keep the move but lose the content.
    with temporary.open("r+b") as file:
        os.fsync(file.fileno())


def _remove(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        # The folder is gone or closed to us: the error that led here says so, keep that one.
        return


def _explain(error: OSError, path: str | Path, folder: Path) -> InputError:
    """Say what kept the file from being written, and how to mend it."""
    if error.errno in _FULL:
        code, message = "disk_full", "there is no room left to write this file."
        hint = f"Free some space on the disk of {folder}; what was there before is unchanged."
    elif isinstance(error, FileNotFoundError):
        code, message = "no_such_folder", f"the folder {folder} does not exist."
        hint = f"Create it (mkdir -p '{folder}') or choose another one."
    elif isinstance(error, PermissionError):
        code, message = "not_writable", f"writing to the folder {folder} is not permitted."
        hint = "Choose a folder that belongs to you, or ask its owner for permission."
    else:
        code, message = "write_failed", f"writing failed: {error.strerror or error}."
        hint = "Choose another file name or folder; what was there before is unchanged."
    return InputError(message, code=code, where=Where(file=str(path)), hint=hint)
