"""How are JSON lines (JSONL, NDJSON) and JSON arrays of records read?"""

from __future__ import annotations

import json
from typing import Any, cast

import polars as pl

from isoloss.errors import InputError, Where
from isoloss.runs.readers.delimited import decode
from isoloss.runs.readers.raw import RawTable, infer_types, make_table


def read_json(data: bytes, label: str) -> RawTable:
    """One run per line as a JSON object, or one JSON array of such objects.

    Records inside a record become columns ``outer.inner``; a key that is missing in some runs is a
    missing value there.

    Raises:
        InputError: a line is no JSON object; the message says which.
    """
    text = decode(data, label).strip()
    records = _array(text, label) if text.startswith("[") else _lines(text, label)
    names = dict.fromkeys(name for record in records for name in record)
    try:
        frame = pl.DataFrame(
            [pl.Series(name, [r.get(name) for r in records], strict=False) for name in names]
        )
    except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        raise InputError(
            f"the values cannot be arranged in columns ({str(error).splitlines()[0][:200]}).",
            code="not_a_table",
            where=Where(file=label),
            hint="Each key should hold the same kind of value in every run.",
        ) from error
    return make_table(infer_types(frame), label, from_file=True)


def _array(text: str, label: str) -> list[dict[str, Any]]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_json(str(error), label, None) from error
    return [_record(value, label, row) for row, value in enumerate(values, start=1)]


def _lines(text: str, label: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for row, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _no_json(str(error), label, row) from error
        records.append(_record(value, label, row))
    return records


def _record(value: object, label: str, row: int) -> dict[str, Any]:
    if isinstance(value, dict):
        return cast(dict[str, Any], value)
    raise _no_json(f"found {json.dumps(value)[:40]}", label, row)


def _no_json(found: str, label: str, row: int | None) -> InputError:
    return InputError(
        f"a JSON object is expected here ({found}).",
        code="bad_json",
        where=Where(file=label, row=row),
        hint='One run per line is expected, like {"params": 1e8, "tokens": 2e9, "loss": 3.1}.',
    )
