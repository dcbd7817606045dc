"""Which files of a folder are the texts? What Hugging Face ``datasets`` leaves on disk, and others.

``Dataset.save_to_disk`` writes Arrow files and lists them in ``state.json``; beside them may lie
leftovers of its cache. ``DatasetDict.save_to_disk`` writes one such folder for each split. Its
cache, and the repositories of its hub, hold one file or more for each split, named after it. Of
several splits ``train`` is read; another one is chosen by naming its folder or its file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from isoloss.errors import InputError, Where
from isoloss.training.texts import LINES, PLAIN, TABLES, is_text, kind_of

TRAIN = "train"
_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_SPLIT = re.compile(r"(?:^|[-_.])(train|validation|valid|val|test|dev)(?=[-_.]|$)", re.IGNORECASE)
_LICENCE = re.compile(r"^license:\s*(.+?)\s*$", re.MULTILINE)
NOT_STATED = "not stated"


@dataclass(frozen=True)
class Selection:
    """The files of a folder that are read.

    Attributes:
        files: in their order.
        licence: as the folder states it.
        note: which split was chosen and what was left out; empty where there was no choice.
    """

    files: tuple[Path, ...]
    licence: str = NOT_STATED
    note: str = ""


def select(folder: Path) -> Selection:
    """The files of texts of a folder.

    Raises:
        InputError: there are none, or the folder is a damaged or an ambiguous data set.
    """
    if (folder / _SPLITS).is_file():
        return _of_splits(folder)
    if (folder / _STATE).is_file() and (found := _saved(folder)) is not None:
        return found
    files = [file for file in _inside(folder) if is_text(file)]
    rows = [file for file in files if kind_of(file) in (*TABLES, *LINES)]
    stated = _licence(folder, rows)
    chosen, note = _train_only(folder, rows)
    if note or (rows and stated != NOT_STATED):
        # A data set: the plain files beside it are its description.
        return Selection(tuple(chosen), stated, note)
    if not files:
        raise InputError(
            "there is no text in it.",
            code="no_text",
            where=Where(file=str(folder)),
            hint=f"Files that are read: {' '.join((*PLAIN, *LINES, *TABLES))}.",
        )
    return Selection(tuple(files), stated)


def _of_splits(folder: Path) -> Selection:
    """One split of several: ``train``, or the only one."""
    splits = [str(name) for name in _document(folder / _SPLITS).get("splits", [])]
    name = splits[0] if len(splits) == 1 else TRAIN
    if name not in splits:
        raise InputError(
            f"this data set has no split train; it has {', '.join(splits) or 'none'}.",
            code="no_such_split",
            where=Where(file=str(folder)),
            hint=f"Name the folder of one split, such as {folder / (splits or ['validation'])[0]}.",
        )
    found = _saved(folder / name)
    if found is None:
        raise _damaged(folder / name / _STATE, "it is missing or lists no files")
    others = [split for split in splits if split != name]
    left = f"; left out: {', '.join(others)}" if others else ""
    return replace(found, note=f"split {name}{left}")


def _saved(folder: Path) -> Selection | None:
    """The files that ``state.json`` lists; None where it is no such file."""
    state = _document(folder / _STATE) if (folder / _STATE).is_file() else {}
    listed = state.get("_data_files")
    if not isinstance(listed, list):
        return None
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise _damaged(
            folder / _STATE, "it keeps a choice of rows apart: flatten_indices() and save it again"
        )
    names = [str(one.get("filename")) for one in cast("list[dict[str, Any]]", listed)]
    files = tuple(folder / name for name in names)
    for file in files:
        if not file.is_file():
            raise _damaged(folder / _STATE, f"it lists {file.name}, which is not there")
    split = state.get("_split")
    return Selection(files, _licence(folder, files), f"split {split}" if split else "")


def _train_only(folder: Path, files: list[Path]) -> tuple[list[Path], str]:
    """The files of ``train``, where files are named after splits, and a word on the others."""
    splits = {file: _split_of(file.relative_to(folder)) for file in files}
    train = [file for file, split in splits.items() if split == TRAIN]
    others = sorted({split or "unnamed" for split in splits.values()} - {TRAIN})
    if not train or not others:
        return files, ""
    return train, f"split train; left out: {', '.join(others)}"


def _split_of(path: Path) -> str | None:
    # The name of the file says more than that of its folder.
    for part in reversed(path.parts):
        found = _SPLIT.search(part)
        if found:
            name = found[1].lower()
            return "validation" if name in ("valid", "val") else name
    return None


def _inside(folder: Path) -> list[Path]:
    """All files below a folder but hidden ones and leftovers of the library's cache."""
    return sorted(
        file
        for file in folder.rglob("*")
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and not (file.name.startswith("cache-") and file.suffix == ".arrow")
        and file.is_file()
    )


def _licence(folder: Path, files: Iterable[Path]) -> str:
    """The licence that a data set states, in ``dataset_info.json`` or its README."""
    homes = [folder, *sorted({file.parent for file in files} - {folder})]
    for home in homes:
        if (home / _INFO).is_file():
            stated = _document(home / _INFO).get("license")
            if isinstance(stated, str) and stated.strip():
                return " ".join(stated.split())[:200]
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return NOT_STATED
    head = text.split("\n---", 1)[0] if text.startswith("---") else ""
    stated = _LICENCE.search(head)
    return stated[1].strip("'\"")[:200] if stated else NOT_STATED


def _document(path: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from None
    if not isinstance(found, dict):
        raise _damaged(path, "it holds no object")
    return cast("dict[str, Any]", found)


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(
        f"this data set cannot be read ({reason}).",
        code="bad_dataset",
        where=Where(file=str(path)),
        hint="Save the data set again (save_to_disk), or name its files.",
    )
