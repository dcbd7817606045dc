"""The state of a run on disk: two files in turn, each with its own hash.

The newer one is read; if it is damaged, the older one. A kill while one is written harms neither.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.atomic import write_bytes

State = Mapping[str, NDArray[Any]]
_NAMES = ("checkpoint-0.npz", "checkpoint-1.npz")
_DIGEST = 32
_STEP = struct.Struct("<q")


def save_checkpoint(folder: Path, state: State) -> None:
    """Write a state over the older of the two.

    Raises:
        InputError: the disk is full or the folder not writable; the two before are unharmed.
    """
    buffer = io.BytesIO()
    buffer.write(_STEP.pack(int(state["step"])))
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in state.items()}
    np.savez(buffer, **arrays)
    body = buffer.getbuffer()
    steps = [(_claimed_step(folder / name), name) for name in _NAMES]
    write_bytes(folder / min(steps)[1], b"".join((hashlib.sha256(body).digest(), body)))


def load_checkpoint(folder: Path, at_most: int | None = None) -> dict[str, NDArray[Any]] | None:
    """The newest whole state, or None where there is none. A damaged file is passed over.

    Args:
        folder: of the run.
        at_most: the newest up to this step.
    """
    states = [state for name in _NAMES if (state := _read(folder / name)) is not None]
    if at_most is not None:
        states = [state for state in states if int(state["step"]) <= at_most]
    return max(states, key=lambda state: int(state["step"]), default=None)


def saved_steps(folder: Path) -> set[int]:
    """The steps at which there is a whole state."""
    states = (_read(folder / name) for name in _NAMES)
    return {int(state["step"]) for state in states if state is not None}


def drop_checkpoints(folder: Path) -> None:
    """Remove the states of a run that is finished."""
    for name in _NAMES:
        (folder / name).unlink(missing_ok=True)


def _claimed_step(path: Path) -> int:
    """The step in a file's head; whether the rest is whole is asked when it is read."""
    try:
        with path.open("rb") as file:
            head = file.read(_DIGEST + _STEP.size)
    except OSError:
        return -1
    return _STEP.unpack(head[_DIGEST:])[0] if len(head) == _DIGEST + _STEP.size else -1


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, body = content[:_DIGEST], memoryview(content)[_DIGEST:]
    if hashlib.sha256(body).digest() != digest:
        return None
    with np.load(io.BytesIO(body[_STEP.size :]), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
