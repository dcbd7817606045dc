"""Where should a fit predict? One run, or a table without losses, one row per run to come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from isoloss.cli.options import number, pairs
from isoloss.errors import EvidenceError, InputError, Where

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from isoloss.fitting import Fit, Notice
    from isoloss.runs.normalise import Mapped

FOLLOWS = ("C", "U")
"""Variables that follow from N and D where they are not given; see ``Fit.predict``."""


def usable_fit(path: str) -> Fit:
    """The fit in a file.

    Raises:
        InputError: there is none.
        EvidenceError: it failed.
    """
    from isoloss.fitting import Fit

    found = Fit.load(path)
    if found.status == "failed":
        raise EvidenceError(
            f"the fit has status failed: {found.status_message}",
            code="failed",
            where=Where(file=path),
            hint="Mend the fit first.",
        )
    return found


def asked_points(
    found: Fit,
    typed: Mapping[str, float | None],
    points: str | None,
    map: list[str],
    scale: list[str],
) -> tuple[Mapping[str, Any], list[Notice]]:
    """The variables of a fit's law, from options or from a table, and what must be said of them.

    Args:
        found: the fit.
        typed: what the options say, by variable.
        points: the table, instead.
        map: names of its columns.
        scale: factors of its columns.

    Raises:
        InputError: both or neither are given, or a variable is missing.
    """
    given = {name: value for name, value in typed.items() if value is not None}
    if points is None:
        _check_given(found, given)
        return given, []
    if given:
        raise InputError(
            "a table of points and a single point are given, where one of them is expected.",
            code="conflicting_options",
            where=Where(field="--points"),
            hint="Keep --points, or --n and --d.",
        )
    return read_points(points, found, map, scale)


def _check_given(found: Fit, given: Mapping[str, float]) -> None:
    missing = [
        name
        for name in found.law.variables
        if name not in given and not (name in FOLLOWS and {"N", "D"} <= set(given))
    ]
    if missing:
        flags = " and ".join(f"--{name.lower()}" for name in missing)
        raise InputError(
            f"the law {found.law.name} needs {' and '.join(missing)}.",
            code="missing_argument",
            where=Where(field=f"--{missing[0].lower()}"),
            hint=f"Give {flags}, or a table with --points POINTS.csv.",
        )
    both = {"U", "D"} <= set(given)
    if both and given["U"] > given["D"]:
        raise InputError(
            f"found {given['U']:g} distinct tokens among {given['D']:g}.",
            code="bad_value",
            where=Where(field="--u"),
            hint="U is at most D: what the run sees at least once.",
        )


def read_points(
    path: str, found: Fit, map: list[str], scale: list[str]
) -> tuple[dict[str, NDArray[np.float64]], list[Notice]]:
    """The variables of a fit's law from a table, one entry per row, and what must be said of them.

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
    notices: list[Notice] = []
    for table in tables:
        mapped = normalise(table, request)
        wanted = _wanted(found, mapped)
        for name in found.law.variables:
            if name not in wanted and not (name in FOLLOWS and {"N", "D"} <= set(wanted)):
                raise _no_column(found, name, table.columns, table.label)
        for name, column in wanted.items():
            parts.setdefault(name, []).append(_values(mapped, column, table.label))
        if wanted.get("N") == "params":
            notices += _assumed(found)
    if len({sum(len(values) for values in part) for part in parts.values()}) > 1:
        raise InputError(
            "the tables have different columns.",
            code="mixed_tables",
            where=Where(file=path),
            hint="Predict one table at a time.",
        )
    return {name: np.concatenate(part) for name, part in parts.items()}, notices[:1]


def _wanted(found: Fit, mapped: Mapped) -> dict[str, str]:
    """Variable -> column, for those that the law needs and the table has."""
    meaning = found.points.conventions
    own = [meaning.n.removeprefix("column:")] if meaning.n.startswith("column:") else []
    columns = {
        "N": [*own, meaning.n_column, "params"],
        "D": ["tokens"],
        "U": ["unique_tokens"],
        "C": ["flop"],
        "S": ["steps"],
    }
    present = set(mapped.frame.columns)
    needed = list(found.law.variables)
    if any(name in FOLLOWS and not present & set(columns[name]) for name in needed):
        needed += [name for name in ("N", "D") if name not in needed]
    found_in = {
        name: next((column for column in columns.get(name, [name]) if column in present), None)
        for name in needed
    }
    return {name: column for name, column in found_in.items() if column is not None}


def _assumed(found: Fit) -> list[Notice]:
    """A column called params is the N to use; the fit says what that should count."""
    from isoloss.fitting import Notice

    n = found.points.conventions.n
    if n == "params" or n.startswith("column:"):
        return []
    message = f'N is read from "params" and taken as the fit counts it: {n}.'
    return [Notice("n_assumed", message)]


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
