"""Where should a fit predict? A table without losses, one row per run that does not exist yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isoloss.cli.options import number, pairs
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from isoloss.fitting import Fit
    from isoloss.runs.normalise import Mapped

FOLLOWS = ("C", "U")
"""Variables that follow from N and D where they are not given; see ``Fit.predict``."""


def read_points(
    path: str, found: Fit, map: list[str], scale: list[str]
) -> dict[str, NDArray[np.float64]]:
    """The variables of a fit's law from a table, one entry per row.

    Raises:
        InputError: the table cannot be read, lacks a variable, or a row has no value for one.
    """
    import numpy as np

    from isoloss.runs.normalise import normalise
    from isoloss.runs.readers import read_source
    from isoloss.runs.request import Request

    request = Request(
        columns=pairs(map, "--map", "my_n=params"),
        scale={
            name: number(text, "--scale")
            for name, text in pairs(scale, "--scale", "tokens=1e9").items()
        },
    )
    tables = read_source(path)
    request.check_names(list(dict.fromkeys(n for t in tables for n in t.columns)), path)
    parts: dict[str, list[NDArray[np.float64]]] = {}
    for table in tables:
        mapped = normalise(table, request)
        wanted = _wanted(found, mapped)
        for name, column in wanted.items():
            parts.setdefault(name, []).append(_values(mapped, column, table.label))
        for name in found.law.variables:
            if name not in wanted and not (name in FOLLOWS and {"N", "D"} <= set(wanted)):
                raise _no_column(found, name, table.columns, table.label)
    if len({sum(len(values) for values in part) for part in parts.values()}) > 1:
        raise InputError(
            "the tables have different columns.",
            code="mixed_tables",
            where=Where(file=path),
            hint="Predict one table at a time.",
        )
    return {name: np.concatenate(part) for name, part in parts.items()}


def _wanted(found: Fit, mapped: Mapped) -> dict[str, str]:
    """Variable -> column, for those of N, D, U, C, S and of the law that the table has."""
    meaning = found.points.conventions
    names = {"N": meaning.n_column, "D": "tokens", "U": "unique_tokens", "C": "flop", "S": "steps"}
    if meaning.n.startswith("column:") and meaning.n[7:] in mapped.frame.columns:
        names["N"] = meaning.n[7:]
    names |= {name: name for name in found.law.variables if name not in names}
    used = {*found.law.variables, "N", "D"}
    present = mapped.frame.columns
    return {name: column for name, column in names.items() if name in used and column in present}


def _values(mapped: Mapped, column: str, label: str) -> NDArray[np.float64]:
    """A column as numbers, without gaps."""
    import numpy as np
    import polars as pl

    from isoloss.runs.readers import ROW

    series = mapped.frame[column].cast(pl.Float64, strict=False)
    usable = series.is_finite().fill_null(False) & (series > 0).fill_null(False)
    if not usable.all():
        row = mapped.frame.filter(~usable)[ROW][0]
        raise InputError(
            f'found "{mapped.frame.filter(~usable)[column][0]}" where a positive number is '
            "expected.",
            code="bad_value",
            where=Where(file=label, row=int(row), field=column),
            hint="Fill it in, or leave the row out.",
        )
    return np.asarray(series.to_numpy(), dtype=np.float64)


def _no_column(found: Fit, name: str, present: list[str], label: str) -> InputError:
    meaning = found.points.conventions.n
    column = {"N": found.points.conventions.n_column, "D": "tokens", "C": "flop", "S": "steps"}
    counted = f" (N counts {meaning} in this fit)" if name == "N" else ""
    wanted = column.get(name, name)
    return InputError(
        f"no column gives {name}{counted}.",
        code="missing_column",
        where=Where(file=label, field=wanted),
        hint=f"Columns are: {', '.join(present[:40])}. Say which one is it with "
        f"--map NAME={wanted}.",
    )
