"""May this file be written? Asked before the work, so that nothing is lost after it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from isoloss.errors import InputError, Where


def check_target(path: str, schema: str, inputs: Sequence[str] = ()) -> None:
    """Refuse to write a document over anything but an older one of its kind.

    Args:
        path: the file to write.
        schema: of the document, for example ``isoloss.fit``.
        inputs: files that are read.

    Raises:
        InputError: the file is an input or something else, or its folder does not exist.
    """
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise InputError(
            f"the folder {folder} does not exist.",
            code="no_such_folder",
            where=Where(file=path, field="--save"),
            hint="Create it, or choose another one.",
        )
    if not os.path.exists(path):
        return
    is_input = any(os.path.isfile(name) and os.path.samefile(name, path) for name in inputs)
    if is_input or _schema(path) != schema:
        raise InputError(
            f"this file exists and is no {schema}, so it is not overwritten.",
            code="would_overwrite",
            where=Where(file=path, field="--save"),
            hint="Choose a new name.",
        )


def _schema(path: str) -> object:
    try:
        stored = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stored.get("schema") if isinstance(stored, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
