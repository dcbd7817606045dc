"""How is a file of texts read? Plain text, JSON lines, Parquet and Arrow, a piece at a time.

No file is held in memory as a whole but a plain text, which is one document.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from isoloss.errors import InputError, Where

TEXT_FIELDS = ("text", "content", "document", "body")
PLAIN = (".txt", ".md", ".rst", ".py", ".c", ".h", ".html", ".tex", ".text", ".pod")
LINES = (".jsonl", ".ndjson")
TABLES = (".parquet", ".arrow")
PACKED = ".gz"
_ROWS = 4096  # of a table at a time
_FILE_FORMAT = b"ARROW1"


def kind_of(path: Path) -> str:
    """The ending that says how a file is read: ``.txt``, also of ``a.txt.gz``."""
    ending = path.suffix.lower()
    return Path(path.stem).suffix.lower() if ending == PACKED else ending


def is_text(path: Path) -> bool:
    """Whether a file is one that can be read; Parquet and Arrow are packed in themselves."""
    if path.suffix.lower() == PACKED:
        return kind_of(path) in (*PLAIN, *LINES)
    return kind_of(path) in (*PLAIN, *LINES, *TABLES)


def read_texts(path: Path, column: str | None = None) -> Iterator[str]:
    """The documents of a file.

    Args:
        path: plain text is one document; each line of JSON lines and each row of a table is one.
        column: which holds the text; by default the first there is of `TEXT_FIELDS`.

    Raises:
        InputError: the file cannot be read, or holds no text there.
    """
    ending = kind_of(path)
    with _explained(path):
        if ending in LINES:
            yield from _lines(path, column)
        elif ending == ".parquet":
            yield from _parquet(path, column)
        elif ending == ".arrow":
            yield from _arrow(path, column)
        elif column is not None:
            raise InputError(
                f'plain text has no column "{column[:60]}".',
                code="no_such_column",
                where=Where(file=str(path)),
                hint="A column is for JSON lines, Parquet and Arrow.",
            )
        else:
            with _opened(path) as file:
                yield file.read()


@contextmanager
def _explained(path: Path) -> Generator[None, None, None]:
    """Say of what cannot be read which file that is."""
    try:
        yield
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"it cannot be read ({reason}).", code="unreadable", where=Where(file=str(path))
        ) from None


def _opened(path: Path) -> IO[str]:
    if path.suffix.lower() == PACKED:
        return gzip.open(path, "rt", encoding="utf-8", errors="replace")
    return path.open(encoding="utf-8", errors="replace")


def _lines(path: Path, column: str | None) -> Iterator[str]:
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                found: Any = json.loads(line)
            except (ValueError, RecursionError):
                raise InputError(
                    "this line is no JSON.", code="bad_jsonl", where=Where(str(path), number)
                ) from None
            row = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
            name = _column(list(row), column, Where(str(path), number))
            if not isinstance(row[name], str):
                raise _no_text(name, type(row[name]).__name__, Where(str(path), number))
            yield row[name]


def _parquet(path: Path, column: str | None) -> Iterator[str]:
    import polars as pl

    try:
        table = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        schema = table.collect_schema()
    except Exception as error:
        raise _bad_table(path, error) from None
    name = _column(schema.names(), column, Where(str(path)))
    if not isinstance(schema[name], pl.String | pl.Categorical):
        raise _no_text(name, str(schema[name]), Where(str(path)))
    batches = table.select(pl.col(name).cast(pl.String)).collect_batches(
        chunk_size=_ROWS, maintain_order=True
    )
    try:
        for batch in batches:
            yield from (text for text in batch[name] if text)
    except pl.exceptions.PolarsError as error:
        raise _bad_table(path, error) from None


def _arrow(path: Path, column: str | None) -> Iterator[str]:
    """The texts of an Arrow file, stream or file format, a batch of rows at a time."""
    try:
        import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError:
        raise InputError(
            "Arrow files are read by the library pyarrow, which is not installed.",
            code="missing_package",
            where=Where(file=str(path)),
            hint="pip install pyarrow, or write the texts as Parquet or JSON lines.",
        ) from None
    arrow: Any = pa  # its own types are not whole
    try:
        with path.open("rb") as file:
            is_file = file.read(len(_FILE_FORMAT)) == _FILE_FORMAT
        source = arrow.memory_map(str(path))
        reader = arrow.ipc.open_file(source) if is_file else arrow.ipc.open_stream(source)
    except arrow.ArrowInvalid as error:
        raise _bad_table(path, error) from None
    with source:
        schema = reader.schema
        name = _column(list(schema.names), column, Where(str(path)))
        kind = schema.field(name).type
        if "string" not in str(kind):
            raise _no_text(name, str(kind), Where(str(path)))
        count = reader.num_record_batches if is_file else None
        try:
            batches = map(reader.get_batch, range(count)) if count is not None else reader
            for batch in batches:
                values = batch.column(name)
                for start in range(0, len(values), _ROWS):
                    yield from (text for text in values.slice(start, _ROWS).to_pylist() if text)
        except (arrow.ArrowInvalid, OSError) as error:
            raise _bad_table(path, error) from None


def _column(there: Sequence[str], wanted: str | None, where: Where) -> str:
    """The column of texts, as named or the first that usually is."""
    for name in TEXT_FIELDS if wanted is None else (wanted,):
        if name in there:
            return name
    asked = f'"{wanted[:60]}"' if wanted is not None else " or ".join(TEXT_FIELDS)
    listed = ", ".join(name[:60] for name in there[:20]) or "none"
    raise InputError(
        f"there is no column {asked}; it has {listed}.",
        code="no_text",
        where=where,
        hint='Name the column of texts behind the file or folder: "FOLDER#COLUMN".',
    )


def _no_text(name: str, kind: str, where: Where) -> InputError:
    return InputError(
        f'the column "{name[:60]}" holds {kind}, where text is expected.',
        code="no_text",
        where=where,
        hint='Name another column behind the file or folder: "FOLDER#COLUMN".',
    )


def _bad_table(path: Path, error: Exception) -> InputError:
    return InputError(
        f"it cannot be read ({str(error).splitlines()[0]}).",
        code="bad_table",
        where=Where(file=str(path)),
    )
