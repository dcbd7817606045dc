"""What every reader hands over: the columns as found, and where each row came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from isoloss.errors import InputError, Where

# A runs table has one row per run; whatever is larger than this is something else.
MAX_BYTES = 2_000_000_000

# Added by the readers: the row's number in its file, 1 for the first row after the header.
ROW = "__row__"

# Text that looks like a number and is a name: 007, or a commit hash such as 12345e67.
_CODE = r"^\s*(0\d|\d{4,}[eE]\d)"
_NULLS = ("", "na", "n/a", "null", "none", "nil", "-", "--", "#n/a")


@dataclass(frozen=True)
class RawTable:
    """One table as found, with column `ROW` added.

    Attributes:
        frame: the columns of the source, typed, and `ROW`.
        label: the file, or what else it is, as the user named it.
        from_file: whether ``label`` is a file.
    """

    frame: pl.DataFrame
    label: str
    from_file: bool

    @property
    def columns(self) -> list[str]:
        """The source's own columns."""
        return [name for name in self.frame.columns if name != ROW]

    def where(self, row: int | None = None, field: str | None = None) -> Where:
        """A place in this table."""
        return Where(file=self.label, row=row, field=field)


def make_table(frame: pl.DataFrame, label: str, *, from_file: bool) -> RawTable:
    """Check the header, number the rows, and drop rows that are empty altogether.

    Raises:
        InputError: no columns, no rows, or two columns of one name.
    """
    check_header(frame.columns, label)
    if frame.height == 0:
        raise InputError(
            "there is a header but no row below it.",
            code="no_rows",
            where=Where(file=label),
            hint="One row per run is expected, with columns such as params, tokens and loss.",
        )
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Struct):
            frame = _flatten(frame, name)
        elif isinstance(dtype, pl.Object):
            # Values of several kinds: kept as text, which shows them and can be written anywhere.
            texts = [None if value is None else str(value) for value in frame[name].to_list()]
            frame = frame.with_columns(pl.Series(name, texts, dtype=pl.String))
    check_header(frame.columns, label)
    numbered = frame.with_row_index(ROW, offset=1)
    filled = ~pl.all_horizontal(pl.all().exclude(ROW).is_null())
    return RawTable(numbered.filter(filled), label, from_file)


def check_header(names: Sequence[str], label: str) -> None:
    """Refuse tables without columns, with nameless ones, or with two of one name.

    Raises:
        InputError: as said.
    """
    where = Where(file=label)
    if not names:
        raise InputError(
            "there are no columns.",
            code="empty_table",
            where=where,
            hint="A header line and one row per run are expected.",
        )
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if name in seen:
            raise InputError(
                f'columns {seen[name]} and {position} are both called "{name}".',
                code="duplicate_column",
                where=Where(file=label, field=name),
                hint="Rename one of them, so that it is clear which one is meant.",
            )
        if name == ROW:
            raise InputError(
                f'the column name "{ROW}" is reserved.',
                code="reserved_column",
                where=where,
                hint="Rename that column.",
            )
        seen[name] = position


def infer_types(frame: pl.DataFrame) -> pl.DataFrame:
    """Give text columns the type that all of their values fit: whole number, number, yes/no.

    Whole columns are looked at, not the first hundred rows, and ``NA``, ``null``, ``-`` and the
    like become missing values.
    """
    names = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    if not names:
        return frame
    # All columns at once; only those with spaces, NA or text among the numbers need a second look.
    text = frame.select(names)
    missing = text.null_count().row(0)
    whole = text.select(pl.all().cast(pl.Int64, strict=False))
    real = text.select(pl.all().cast(pl.Float64, strict=False))
    coded = text.select(pl.all().str.contains(_CODE).any()).row(0)
    typed: list[pl.Series] = []
    for name, nulls, code in zip(names, missing, coded, strict=True):
        if not code and nulls < len(text) and whole[name].null_count() == nulls:
            typed.append(whole[name])
        elif not code and nulls < len(text) and real[name].null_count() == nulls:
            typed.append(real[name])
        else:
            typed.append(_infer(text[name]))
    return frame.with_columns(typed)


def _infer(column: pl.Series) -> pl.Series:
    text = column.str.strip_chars()
    lower = text.str.to_lowercase()
    text = text.set(lower.is_in(_NULLS), None)
    missing = text.null_count()
    if missing == len(text):
        return text
    if not text.str.contains(_CODE).any():
        for dtype in (pl.Int64, pl.Float64):
            cast = text.cast(dtype, strict=False)
            if cast.null_count() == missing:
                return cast
    if lower.filter(text.is_not_null()).is_in(["true", "false"]).all():
        return pl.select(
            pl.when(text.is_not_null()).then(lower == "true").alias(column.name)
        ).to_series()
    return text


def _flatten(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Replace a column of records by one column per field, ``config`` -> ``config.lr``."""
    records = frame[name].struct.unnest()
    records.columns = [f"{name}.{field}" for field in records.columns]
    at = frame.columns.index(name)
    columns = frame.get_columns()
    flat = pl.DataFrame([*columns[:at], *records.get_columns(), *columns[at + 1 :]])
    for child, dtype in records.schema.items():
        if isinstance(dtype, pl.Struct):
            flat = _flatten(flat, child)
    return flat
