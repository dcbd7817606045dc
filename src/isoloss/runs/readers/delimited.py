"""How is a CSV or TSV table read? As text first, so that every value can be shown as it stands."""

from __future__ import annotations

import csv
import io
import re

import polars as pl

from isoloss.errors import InputError, Where
from isoloss.runs.readers.raw import RawTable, check_header, infer_types, make_table

_DELIMITERS = ",\t;|"
_LONGEST_HEADER = 1_000_000
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_MAGIC = {
    b"\x1f\x8b": ("gzip", "Unpack it first (gunzip)."),
    b"PK\x03\x04": ("zip or Excel", "Unpack it, or export the sheet as CSV."),
    b"\x28\xb5\x2f\xfd": ("zstd", "Unpack it first (zstd -d)."),
    b"\xd0\xcf\x11\xe0": ("old Excel", "Export the sheet as CSV."),
    b"%PDF": ("PDF", "Export the table as CSV."),
    b"\x89PNG": ("image", "Give the table, not its picture."),
}


def read_delimited(data: bytes, label: str) -> RawTable:
    """A CSV or TSV table; the delimiter (comma, tab, semicolon, bar) is read off the header.

    Raises:
        InputError: the bytes are no such table; the message says what they look like.
    """
    text = decode(data, label)
    header_line = text.split("\n", 1)[0]
    _refuse_markup(text, label)
    delimiter = max(_DELIMITERS, key=header_line.count)
    names = _header(text, delimiter, label)
    check_header(names, label)
    if all(_NUMBER.fullmatch(name) for name in names):
        raise InputError(
            f"the first line holds numbers ({header_line.strip()[:60]}) where column names are "
            "expected.",
            code="no_header",
            where=Where(file=label),
            hint="Add a header line such as params,tokens,loss.",
        )
    try:
        frame = pl.read_csv(
            io.BytesIO(text.encode()),
            separator=delimiter,
            infer_schema=False,
            new_columns=names,
            truncate_ragged_lines=False,
        )
    except pl.exceptions.PolarsError as error:
        raise _malformed(text, delimiter, names, label, error) from error
    return make_table(infer_types(frame), label, from_file=True)


def decode(data: bytes, label: str) -> str:
    """The bytes as UTF-8 text.

    Raises:
        InputError: empty, binary, packed, or in another encoding.
    """
    where = Where(file=label)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(
            "the text is in UTF-16, where UTF-8 is expected.",
            code="bad_encoding",
            where=where,
            hint=f"Convert it: iconv -f UTF-16 -t UTF-8 {label!r} > utf8.csv",
        )
    for magic, (kind, remedy) in _MAGIC.items():
        if data.startswith(magic):
            raise InputError(
                f"this is a {kind} file, where a table of text is expected.",
                code="not_a_table",
                where=where,
                hint=remedy,
            )
    if b"\x00" in data:
        raise InputError(
            f"byte {data.index(0) + 1} is zero: this is no text.",
            code="not_a_table",
            where=where,
            hint="Give a CSV, TSV, JSON lines or Parquet file.",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"line {line} holds the byte 0x{data[error.start]:02x}, which is not UTF-8.",
            code="bad_encoding",
            where=where,
            hint=f"If it is Latin-1, convert it: iconv -f LATIN1 -t UTF-8 {label!r} > utf8.csv",
        ) from error
    if not text.strip():
        raise InputError(
            "the file is empty.",
            code="empty_file",
            where=where,
            hint="A header line and one row per run are expected.",
        )
    # Leading blank lines would be taken for the header.
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")


def _refuse_markup(text: str, label: str) -> None:
    start = text[:200].lstrip().lower()
    if start.startswith("<"):
        kind = "a web page" if "html" in start else "markup"
        raise InputError(
            f"this is {kind} ({start[:30]!r}...), where a table is expected.",
            code="not_a_table",
            where=Where(file=label),
            hint="Download the raw file: the link led to a page that shows it, or to a login.",
        )


def _header(text: str, delimiter: str, label: str) -> list[str]:
    try:
        names = next(csv.reader(io.StringIO(text[:_LONGEST_HEADER]), delimiter=delimiter))
    except (csv.Error, StopIteration) as error:
        raise InputError(
            f"the header line cannot be read ({error}).",
            code="not_a_table",
            where=Where(file=label),
            hint="A header line with the names of the columns is expected.",
        ) from error
    # A spreadsheet's index column often has no name.
    return [name.strip() or f"column_{at}" for at, name in enumerate(names, start=1)]


def _malformed(
    text: str, delimiter: str, names: list[str], label: str, error: Exception
) -> InputError:
    """Find the row that the parser stumbled over."""
    try:
        for row, values in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter)):
            if len(values) > len(names):
                return InputError(
                    f"found {len(values)} values where the header names {len(names)} columns.",
                    code="ragged_row",
                    where=Where(file=label, row=row),
                    hint="Put quotes around values that contain the delimiter "
                    f"({delimiter!r}), and write numbers without thousands separators.",
                )
    except csv.Error as found:
        error = found
    return InputError(
        f"the table cannot be read ({str(error).splitlines()[0]}).",
        code="not_a_table",
        where=Where(file=label),
        hint="Check quotes and delimiters, or save it as Parquet.",
    )
