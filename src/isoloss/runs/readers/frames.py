"""How is a table read that is already in memory: Polars, pandas, Arrow, or a dict of columns?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import polars as pl

from isoloss.errors import InputError
from isoloss.runs.readers.raw import RawTable, check_header, infer_types, make_table


def read_frame(source: object) -> RawTable:
    """A Polars or pandas DataFrame, an Arrow table, or a dict of columns.

    Raises:
        InputError: it is none of these, or its columns do not fit together.
    """
    label = type(source).__name__
    try:
        frame = _to_polars(source, label)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"the {label} cannot be read as a table ({(str(error).splitlines() or [''])[0]}).",
            code="not_a_table",
            hint="Give columns of equal length, one row per run.",
        ) from error
    return make_table(infer_types(frame), label, from_file=False)


def _to_polars(source: object, label: str) -> pl.DataFrame:
    if isinstance(source, pl.DataFrame):
        return source
    if isinstance(source, pl.LazyFrame):
        return source.collect()
    if isinstance(source, Mapping):
        columns = cast(Mapping[object, Any], source)
        return pl.DataFrame({str(name): values for name, values in columns.items()}, strict=False)
    if type(source).__module__.split(".")[0] == "pandas":
        return _from_pandas(source, label)
    if hasattr(source, "__arrow_c_stream__"):
        return pl.DataFrame(cast(Any, source))
    raise InputError(
        f"found a {label} where a path or a table is expected.",
        code="not_a_table",
        hint="Give a path, a Polars or pandas DataFrame, an Arrow table or a dict of columns.",
    )


def _from_pandas(source: Any, label: str) -> pl.DataFrame:
    # By column and without Arrow, so that pandas alone is enough. Values are copied: pandas hands
    # out read-only views.
    names = [str(name) for name in source.columns]
    check_header(names, label)
    series: list[pl.Series] = []
    for at, name in enumerate(names):
        column = source.iloc[:, at]
        if column.dtype.kind in "iufb" and not hasattr(column.dtype, "na_value"):
            series.append(pl.Series(name, column.to_numpy(copy=True)))
        else:
            values = column.astype(object).where(column.notna(), None).tolist()
            series.append(pl.Series(name, values, strict=False))
    return pl.DataFrame(series)
