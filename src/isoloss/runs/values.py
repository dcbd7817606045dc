"""Is every value what its column promises? Numbers are read here, and refused with their place."""

from __future__ import annotations

import polars as pl

from isoloss.errors import InputError
from isoloss.runs.columns import Column
from isoloss.runs.quantities import format_quantity, parse_quantity
from isoloss.runs.readers import ROW, RawTable

# Counts below this are counts in millions or billions: nobody fits laws to smaller models.
_SMALLEST_COUNT = 1e3
_SMALLEST_FLOP = 1e6
# Nobody counts further, and products of counts stay numbers.
_LARGEST_COUNT = 1e40
# What is smaller is a harmed file, not a measurement.
_SMALLEST_POSITIVE = 1e-100
_MANY_TEXTS = 10_000
_MODEL_COUNTS = (
    "params",
    "n_total",
    "n_nonemb",
    "n_matmul",
    "n_active",
    "tokens",
    "unique_tokens",
)
_EXPECTED = {
    "count": "a count (a positive number such as 7e9 or 7B)",
    "positive": "a positive number",
    "loss": "a loss (a positive number, or NaN where the run diverged)",
    "nonnegative": "a number, zero or above,",
    "number": "a number",
    "flag": "yes or no",
    "text": "text",
}
_FLAG_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_values(
    table: RawTable, source: str, column: Column, scale: float | None = None
) -> pl.Series:
    """The values of one canonical column: Float64, Boolean or String, missing values as null.

    Only a loss keeps NaN and infinity, which say that the run diverged; elsewhere NaN is a missing
    value. Text such as ``70B`` counts as a number.

    Args:
        table: the table as found.
        source: the name of the column there.
        column: what it is to become.
        scale: factor to multiply with; None where the user chose none.

    Raises:
        InputError: values that the column cannot hold, with the first rows where they stand.
    """
    series = table.frame[source].alias(column.name)
    if column.kind == "text":
        return _texts(series, table, source, column)
    if column.kind == "flag":
        return _flags(series, table, source, column)
    numbers = _numbers(series, table, source, column)
    if scale is not None:
        numbers = numbers * scale
    if column.kind != "loss":
        numbers = numbers.fill_nan(None)
        _refuse(numbers.is_infinite(), table, source, column)
    if column.kind in ("count", "positive", "loss"):
        _refuse((numbers < _SMALLEST_POSITIVE) & numbers.is_not_nan(), table, source, column)
    if column.kind == "count":
        _refuse(numbers > _LARGEST_COUNT, table, source, column)
    if column.kind == "nonnegative":
        _refuse(numbers < 0, table, source, column)
    if scale is None:
        _refuse_small(numbers, table, source, column)
    return numbers


def _texts(series: pl.Series, table: RawTable, source: str, column: Column) -> pl.Series:
    if series.dtype.is_nested():
        _refuse(series.is_not_null(), table, source, column)
    return series.cast(pl.String, strict=False)


def _flags(series: pl.Series, table: RawTable, source: str, column: Column) -> pl.Series:
    if series.dtype == pl.Boolean:
        return series
    words = series.cast(pl.String, strict=False).str.to_lowercase()
    flags = words.replace_strict(_FLAG_WORDS, default=None, return_dtype=pl.Boolean)
    _refuse(flags.is_null() & series.is_not_null(), table, source, column)
    return flags


def _numbers(series: pl.Series, table: RawTable, source: str, column: Column) -> pl.Series:
    if series.dtype.is_numeric():
        return series.cast(pl.Float64)
    if series.dtype == pl.Null:
        return series.cast(pl.Float64)
    if not isinstance(series.dtype, pl.String | pl.Categorical | pl.Enum):
        _refuse(series.is_not_null(), table, source, column)
    texts = series.cast(pl.String).str.strip_chars()
    numbers = texts.cast(pl.Float64, strict=False)
    rest = texts.filter(numbers.is_null()).drop_nulls().unique()
    known = {text: _quantity(text) for text in rest.head(_MANY_TEXTS).to_list()}
    if known:
        parsed = texts.replace_strict(known, default=None, return_dtype=pl.Float64)
        numbers = numbers.fill_null(parsed)
    _refuse(numbers.is_null() & texts.is_not_null(), table, source, column)
    return numbers


def _quantity(text: str) -> float | None:
    try:
        return parse_quantity(text)
    except InputError:
        return None


def _refuse(bad: pl.Series, table: RawTable, source: str, column: Column) -> None:
    """Raise for the rows where ``bad`` is true: the first in full, the others by number."""
    bad = bad.fill_null(False)
    if not bad.any():
        return
    rows = table.frame[ROW].filter(bad).to_list()
    found = table.frame[source].filter(bad)[0]
    shown = str(found) if len(str(found)) <= 60 else str(found)[:57] + "..."
    others = f" (also in rows {', '.join(map(str, rows[1:4]))}" if len(rows) > 1 else ""
    others += f" and {len(rows) - 4} more)" if len(rows) > 4 else ")" if others else ""
    raise InputError(
        f'found "{shown}" where {_EXPECTED[column.kind]} is expected{others}.',
        code="bad_value",
        where=table.where(rows[0], source),
        hint=_hint(shown, column),
    )


def _hint(shown: str, column: Column) -> str:
    if "," in shown:
        return "Write numbers without thousands separators and with a decimal point."
    if column.kind == "loss":
        return "Leave the loss empty, or NaN, where the run diverged or did not end."
    return "Mend it, leave it empty if it is not known, or leave the row out with --where."


def _refuse_small(numbers: pl.Series, table: RawTable, source: str, column: Column) -> None:
    """Counts in billions by mistake, throughout the column or in single rows."""
    name = column.name
    if name == "flop" or name == "flop_budget":
        smallest, expected = _SMALLEST_FLOP, "FLOP are expected (1e6 or more)"
        question = f"Is it in PF-days? Then pass --scale {name}=8.64e19."
    elif name in _MODEL_COUNTS:
        what = "tokens" if "tokens" in name else "parameters"
        smallest, expected = _SMALLEST_COUNT, f"{what} are expected (a count, 1000 or more)"
        question = f"Is it in billions? Then pass --scale {name}=1e9 (in millions: {name}=1e6)."
    else:
        return
    small = (numbers < smallest).fill_null(False)
    if not small.any():
        return
    known = numbers.drop_nulls().to_numpy()
    low, high = float(known.min()), float(known.max())
    if high < 1e3 * smallest:
        spread = f"The values of this column are between {low:.6g} and {high:.6g}."
    else:
        spread = f"Other values of this column go up to {format_quantity(high)}."
        question = "Are the units mixed? Write all of them as plain counts."
    found = table.frame[source].filter(small)[0]
    raise InputError(
        f'found "{found}" where {expected}. {spread}',
        code="suspicious_scale",
        where=table.where(int(table.frame[ROW].filter(small)[0]), source),
        hint=f"{question} If the values are meant as they stand, pass --scale {name}=1.",
    )
