"""Which rows meet the user's condition? A predicate in SQL, over the columns of one table only."""

from __future__ import annotations

import re

import polars as pl

from isoloss.errors import InputError, Where

_LONGEST = 10_000
# Whatever stands in quotes is a value or a column name, not a keyword.
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_QUERY = re.compile(
    r"\b(select|table|values|with)\b|\(\s*from\b|\b(read|scan)_\w+\s*\(", re.IGNORECASE
)
# Comments and other ways of quoting would let a query pass as a value, or a value as a query.
_OTHER_QUOTES = re.compile(r"--|/\*|\$|`")


def keep_rows(frame: pl.DataFrame, sql: str, label: str, hidden: str | None = None) -> pl.DataFrame:
    """The rows for which a Polars SQL expression is true; there may be none.

    Args:
        frame: the table.
        sql: for example ``params > 1e8 AND NOT dropped``; no subqueries, no other tables.
        label: the name of the table, for messages.
        hidden: a column that is not the user's.

    Raises:
        InputError: the expression cannot be read or evaluated, or is no condition.
    """
    names = [name for name in frame.columns if name != hidden]
    bare = _QUOTED.sub("''", sql)
    if len(sql) > _LONGEST or _QUERY.search(bare):
        raise _bad(sql, "one condition over the columns is expected, without queries", label, names)
    if _OTHER_QUOTES.search(bare) or "\\'" in sql or '\\"' in sql:
        reason = "comments, backquotes, dollar signs and escaped quotes are not accepted"
        raise _bad(sql, reason, label, names)
    try:
        condition = pl.sql_expr(sql)
        mask = frame.select(names).select(condition.alias("keep")).to_series()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        # The columns are listed in the hint.
        reason = (str(error).splitlines() or ["unreadable"])[0].split("; valid columns")[0]
        raise _bad(sql, reason[:200], label, names) from error
    if mask.dtype != pl.Boolean or len(mask) not in (1, frame.height):
        raise _bad(sql, "it gives values, where yes or no for each row is expected", label, names)
    return frame.filter(pl.lit(mask[0]) if len(mask) == 1 else mask.fill_null(False))


def no_row_meets(sql: str, label: str, names: list[str]) -> InputError:
    """The error for a condition that leaves nothing."""
    return InputError(
        f'no row meets "{sql[:200]}".',
        code="no_rows",
        where=Where(file=label),
        hint=_HELP.format(columns=_listed(names)),
    )


_HELP = (
    "Text values stand in single quotes, column names with spaces in double quotes. "
    "Columns: {columns}."
)


def _bad(sql: str, reason: str, label: str, names: list[str]) -> InputError:
    return InputError(
        f'the condition "{sql[:200]}" cannot be used: {reason}.',
        code="bad_where",
        where=Where(file=label),
        hint=_HELP.format(columns=_listed(names)),
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:60]) + (", ..." if len(names) > 60 else "")
