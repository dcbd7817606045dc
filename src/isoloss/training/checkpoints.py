"""Where does a killed run go on? The last two states of it, each whole and checked by its hash."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.atomic import write_bytes

State = Mapping[str, NDArray[Any]]
_NAMES = ("checkpoint-0.npz", "checkpoint-1.npz")
_DIGEST = 32


def save_checkpoint(folder: Path, state: State) -> None:
    """Write a state over the older of the two.

    Raises:
        InputError: the disk is full or the folder not writable; the two before are unharmed.
    """
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in state.items()}
    np.savez(buffer, **arrays)
    body = buffer.getvalue()
    steps = [(_step(folder / name), name) for name in _NAMES]
    write_bytes(folder / min(steps)[1], hashlib.sha256(body).digest() + body)


def load_checkpoint(folder: Path) -> dict[str, NDArray[Any]] | None:
    """The newest whole state, or None where there is none. A damaged file is passed over."""
    states = [state for name in _NAMES if (state := _read(folder / name)) is not None]
    return max(states, key=lambda state: int(state["step"]), default=None)


def drop_checkpoints(folder: Path) -> None:
    """Remove the states of a run that is finished."""
    for name in _NAMES:
        (folder / name).unlink(missing_ok=True)


def _step(path: Path) -> int:
    state = _read(path)
    return -1 if state is None else int(state["step"])


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, body = content[:_DIGEST], content[_DIGEST:]
    if hashlib.sha256(body).digest() != digest:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
