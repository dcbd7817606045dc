"""From where can runs be read? One file per kind of source; the kind is told by content."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from isoloss.errors import InputError, Where
from isoloss.runs.readers.delimited import read_delimited
from isoloss.runs.readers.frames import read_frame
from isoloss.runs.readers.jsonlines import read_json
from isoloss.runs.readers.parquet import MAGIC, read_parquet
from isoloss.runs.readers.raw import MAX_BYTES, ROW, RawTable

__all__ = ["MAX_BYTES", "ROW", "RawTable", "read_bytes", "read_source"]

TABLE_ENDINGS = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
# A folder with this file is a ladder (isoloss.training): of all its tables one holds runs.
LADDER = "ladder.json"
LADDER_RUNS = "runs.parquet"


def read_source(source: object) -> list[RawTable]:
    """All tables of a source: a path (file, folder or pattern), a table in memory or as read.

    Raises:
        InputError: nothing readable is there; the message says what was found instead.
    """
    if isinstance(source, str | os.PathLike):
        return [_read_file(path) for path in _files(os.fspath(source))]
    if isinstance(source, RawTable):
        return [source]
    return [read_frame(source)]


def _files(name: str | bytes) -> list[Path]:
    text = os.fsdecode(name)
    if not text:
        raise InputError(
            "found an empty path.", code="no_such_file", hint="Give the path of a file or folder."
        )
    if "://" in text:
        raise InputError(
            "isoloss reads local files only.",
            code="not_a_file",
            where=Where(file=text),
            hint="Download it first, then give the path.",
        )
    path = Path(text).expanduser()
    try:
        if path.is_dir():
            return _tables_in(path)
        if path.exists():
            return [path]
        matches = sorted(Path(match) for match in glob.glob(text, recursive=True))
    except (OSError, ValueError) as error:
        raise _cannot_open(error, text) from error
    if matches:
        return [
            file for match in matches for file in (_tables_in(match) if match.is_dir() else [match])
        ]
    raise InputError(
        "there is no file of this name." if not glob.has_magic(text) else "no file matches.",
        code="no_such_file",
        where=Where(file=text),
        hint=f"Looked in {path.parent.absolute()}.",
    )


def _tables_in(folder: Path) -> list[Path]:
    """All tables in a folder and below; of a ladder its runs alone, not curves or texts."""
    found: list[Path] = []
    ladders: list[Path] = []
    for name, folders, files in os.walk(folder):
        home = Path(name)
        if LADDER in files:
            ladders.append(home)
            folders.clear()
            files = [file for file in files if file == LADDER_RUNS]
        folders[:] = [inner for inner in folders if not inner.startswith(".")]
        found += [
            home / file
            for file in files
            if Path(file).suffix.lower() in TABLE_ENDINGS
            and not file.startswith(".")
            and (home / file).is_file()
        ]
    if found:
        return sorted(found)
    if ladders:
        raise InputError(
            "no run of this ladder is finished.",
            code="no_runs",
            where=Where(file=str(ladders[0])),
            hint=f"isoloss ladder status {ladders[0]} says how far it is.",
        )
    raise InputError(
        "this is a folder without tables.",
        code="no_tables",
        where=Where(file=str(folder)),
        hint=f"Give a file, or a folder with files that end in {', '.join(TABLE_ENDINGS)}.",
    )


def _read_file(path: Path) -> RawTable:
    label = str(path)
    try:
        size = path.stat().st_size
        if size >= MAX_BYTES:
            raise InputError(
                f"the file has {size / 1e9:.1f} GB, and the limit is {MAX_BYTES / 1e9:.0f} GB.",
                code="file_too_large",
                where=Where(file=label),
                hint="A runs table has one row per run: reduce training curves to their last "
                "value first.",
            )
        if not path.is_file():
            raise InputError(
                "this is not a regular file.",
                code="not_a_file",
                where=Where(file=label),
                hint="Write it to a file first.",
            )
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise _cannot_open(error, label) from error
    return read_bytes(data, label)


def read_bytes(data: bytes, label: str) -> RawTable:
    """The table in the content of a file.

    Args:
        data: CSV, TSV, Parquet or JSON lines.
        label: what the file is called; its ending says how it is read where the content does not.

    Raises:
        InputError: nothing readable is there.
    """
    ending = Path(label).suffix.lower()
    if data.startswith(MAGIC) or ending == ".parquet":
        return read_parquet(data, label)
    first = data[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if ending in (".jsonl", ".ndjson", ".json") or first in (b"{", b"["):
        return read_json(data, label)
    return read_delimited(data, label)


def _cannot_open(error: Exception, label: str) -> InputError:
    if isinstance(error, PermissionError):
        message, hint = "no permission to read this.", "Check the owner and mode (ls -l)."
    else:
        message, hint = f"this cannot be opened ({error}).", "Check the path."
    return InputError(message, code="cannot_open", where=Where(file=label), hint=hint)
