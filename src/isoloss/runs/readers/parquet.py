"""How is a Parquet table read?"""

from __future__ import annotations

import io

import polars as pl

from isoloss.errors import InputError, Where
from isoloss.runs.readers.raw import RawTable, make_table

MAGIC = b"PAR1"


def read_parquet(data: bytes, label: str) -> RawTable:
    """A Parquet table.

    Raises:
        InputError: the file is truncated or harmed.
    """
    if not data.endswith(MAGIC) or len(data) < 12:
        raise InputError(
            "the Parquet file is truncated: its last four bytes are not PAR1.",
            code="truncated_file",
            where=Where(file=label),
            hint="Copy or write it again; the writer may still have it open.",
        )
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    # The reader panics on some harmed files; a panic is no Exception.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InputError(
            f"the Parquet file cannot be read ({(str(error).splitlines() or [''])[0][:200]}).",
            code="truncated_file",
            where=Where(file=label),
            hint="Copy or write it again.",
        ) from error
    return make_table(frame, label, from_file=True)
