"""How does a file become a table of runs? Read, select, map, derive, grade: in this order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

import polars as pl

from isoloss.errors import InputError, Where
from isoloss.runs.architecture import Architecture, parse_architecture
from isoloss.runs.columns import BY_NAME, canonical_name
from isoloss.runs.conventions import (
    FLOP_CONVENTIONS,
    PARAM_COLUMNS,
    PARAM_COUNTS,
    Conventions,
    check_flop_convention,
    check_loss_unit,
)
from isoloss.runs.derive import derive, first_param_column
from isoloss.runs.grading import DECIDED, UNGRADED, Problem, grade_rows
from isoloss.runs.normalise import Mapped, normalise
from isoloss.runs.readers import ROW, RawTable, read_source
from isoloss.runs.request import Request
from isoloss.runs.select import keep_rows, no_row_meets
from isoloss.runs.table import Runs, make_runs

_VARIABLES = ("tokens", "flop", "flop_budget", *PARAM_COLUMNS)


def read(
    source: object,
    *more: object,
    where: str | None = None,
    n: str | None = None,
    loss: str | None = None,
    columns: Mapping[str, str] | None = None,
    scale: Mapping[str, float] | None = None,
    loss_unit: str | None = None,
    flop_convention: str | None = None,
    architecture: Architecture | str | None = None,
    keep_undecayed: bool = False,
) -> Runs:
    """Read runs, one row per run, from files or from tables in memory.

    Column names in common use are recognised (``params``, ``N``, ``Model Size``; ``tokens``, ``D``;
    ``flops``; ``loss``, ``val_bpb``; ...). What is not given is derived where it can be, and says
    so in ``provenance``. Runs that cannot be used stay in the table, with the reason.

    Args:
        source: a file (CSV, TSV, Parquet, JSON lines), a folder, a glob pattern, a Polars or
            pandas DataFrame, an Arrow table, or a dict of columns.
        more: further sources, put below each other.
        where: a Polars SQL condition over the columns of the input; other rows are not read.
        n: which count is N: ``total``, ``nonemb``, ``matmul``, ``active``, or a column.
        loss: which column is the loss.
        columns: name in the input -> canonical name, where the names are not recognised.
        scale: column -> factor, for example ``{"tokens": 1e9}`` for a column in billions.
        loss_unit: ``nats/token``, ``bits/byte``, ...; default from the table, else nats/token.
        flop_convention: how FLOP are counted, or were counted where they are given.
        architecture: shape of all models, where the table does not say it, for example
            ``L=12 d=768 V=50304 T=1024``.
        keep_undecayed: keep runs whose learning rate did not decay.

    Raises:
        InputError: a source cannot be read or understood; the message names place, value and
            remedy.
    """
    request = Request(
        n,
        loss,
        columns or {},
        scale or {},
        None if loss_unit is None else check_loss_unit(loss_unit),
        None if flop_convention is None else check_flop_convention(flop_convention),
    )
    tables = [table for part in (source, *more) for table in read_source(part)]
    label = ", ".join(dict.fromkeys(table.label for table in tables))
    request.check_names(list(dict.fromkeys(name for t in tables for name in t.columns)), label)
    if where is not None:
        tables = _select(tables, where)
    if isinstance(architecture, str):
        architecture = parse_architecture(architecture)
    mapped = [_with_shape(normalise(table, request), architecture) for table in tables]
    for table, result in zip(tables, mapped, strict=True):
        _check_required(table, result)
    n_column, n_name = _choose_n(mapped, request)
    parts = [
        _prepare(table, result, n_column, request, len(tables) > 1)
        for table, result in zip(tables, mapped, strict=True)
    ]
    frame, provenance = _stack(parts)
    if n_column is None:
        found = first_param_column(frame)
        n_name = (found or "params").removeprefix("n_")
    frame, provenance, notes = _with_units(frame, provenance, request)
    conventions = Conventions(
        n=n_name,
        flop=_flop_convention(frame, provenance, request),
        loss_unit=_first(frame, "loss_unit") or request.loss_unit or "nats/token",
    )
    graded = grade_rows(frame, conventions, keep_undecayed=keep_undecayed).drop(DECIDED)
    provenance |= {name: "derived:grading" for name in ("status", "reason")}
    notes = [*dict.fromkeys(note for result in mapped for note in result.notes), *notes]
    return make_runs(graded, conventions, provenance, label, tuple(notes))


def _select(tables: list[RawTable], where: str) -> list[RawTable]:
    """The tables without the rows that do not meet the condition, and without empty tables."""
    selected = [
        replace(table, frame=keep_rows(table.frame, where, table.label, hidden=ROW))
        for table in tables
    ]
    kept = [table for table in selected if table.frame.height]
    if not kept:
        raise no_row_meets(where, tables[0].label, tables[0].columns)
    return kept


def _with_shape(result: Mapped, architecture: Architecture | None) -> Mapped:
    """Add the columns of a shape that the table does not have."""
    if architecture is None:
        return result
    absent = {
        name: value
        for name, value in asdict(architecture).items()
        if name in BY_NAME
        and name not in result.frame.columns
        and (isinstance(value, bool) or value)
    }
    added = (
        pl.lit(value if isinstance(value, bool) else float(value)).alias(name)
        for name, value in absent.items()
    )
    return replace(
        result,
        frame=result.frame.with_columns(added),
        provenance=result.provenance | dict.fromkeys(absent, "given"),
    )


def _check_required(table: RawTable, result: Mapped) -> None:
    found = ", ".join(table.columns[:40])
    if "loss" not in result.frame.columns:
        raise InputError(
            "no column is recognised as the loss.",
            code="missing_column",
            where=table.where(field="loss"),
            hint=f"Columns are: {found}. Choose one with --loss NAME.",
        )
    shape = {"n_layers", "d_model"} <= set(result.frame.columns)
    if not shape and not any(name in result.frame.columns for name in _VARIABLES):
        raise InputError(
            "no column is recognised as params, tokens or flop.",
            code="missing_column",
            where=table.where(field="params"),
            hint=f"Columns are: {found}. Say which is which with --map NAME=params.",
        )


def _choose_n(mapped: list[Mapped], request: Request) -> tuple[str | None, str]:
    """The column that is N, and the name of its meaning."""
    wanted = request.n or next(
        (name for result in mapped if (name := _first(result.frame, "n_convention"))), None
    )
    if wanted is None:
        in_all = [name for name in PARAM_COLUMNS if all(name in m.frame.columns for m in mapped)]
        column = in_all[0] if in_all else None
        return column, (column or "params").removeprefix("n_")
    canonical = f"n_{wanted}" if wanted in PARAM_COUNTS else canonical_name(wanted)
    if canonical in PARAM_COLUMNS:
        return canonical, canonical.removeprefix("n_")
    return "params", f"column:{wanted.removeprefix('column:')}"


def _prepare(
    table: RawTable, result: Mapped, n_column: str | None, request: Request, several: bool
) -> tuple[pl.DataFrame, dict[str, str]]:
    """One table with its derived columns, run names and source."""
    convention = request.flop_convention or "palm"
    frame, provenance = derive(
        result.frame,
        result.provenance,
        n_column,
        "palm" if convention == "given" else convention,
    )
    if n_column is not None and n_column not in frame.columns:
        raise InputError(
            f'N is chosen as "{request.n}", and there is no column {n_column}.',
            code="missing_column",
            where=table.where(field=n_column),
            hint="Say which column it is with --map NAME=" + n_column + ", or give the shape: "
            "n_layers, d_model, d_ff, vocab.",
        )
    prefix = f"{table.label}:" if several and table.from_file else ""
    row_names = pl.format("{}{}", pl.lit(prefix), ROW)
    if "run_id" not in frame.columns:
        names = frame["name"] if "name" in frame.columns else None
        if names is not None and names.null_count() == 0 and not names.is_duplicated().any():
            frame, how = frame.with_columns(run_id=names), "derived:name"
        else:
            frame, how = frame.with_columns(run_id=row_names), "derived:row"
        provenance["run_id"] = how
    elif frame["run_id"].null_count():
        # A run without a name among others has that of its row.
        frame = frame.with_columns(pl.col("run_id").fill_null(row_names))
    if several and "source_uri" not in frame.columns:
        frame = frame.with_columns(source_uri=pl.lit(table.label))
        provenance["source_uri"] = "derived:file"
    # A table that isoloss wrote carries its own provenance and decisions.
    written = _first(frame, "provenance")
    graded = written is not None or {"status", "reason"} <= set(result.provenance)
    decided = graded and written != UNGRADED
    if written is not None:
        provenance |= _parse_provenance(written, provenance)
    dropped = [name for name in ("provenance", "n_convention") if name in frame.columns]
    for name in dropped:
        provenance.pop(name, None)
    return frame.drop(ROW, *dropped).with_columns(pl.lit(decided).alias(DECIDED)), provenance


def _parse_provenance(text: str, known: dict[str, str]) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split("; "))
    return {
        name: how
        for name, _, how in pairs
        if name in known and how.startswith(("derived:", "assumed:"))
    }


def _stack(
    parts: list[tuple[pl.DataFrame, dict[str, str]]],
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Tables below each other; where they differ, the least certain provenance is kept."""
    frame = pl.concat([part for part, _ in parts], how="diagonal_relaxed")
    certainty = ("given", "derived", "assumed")
    provenance: dict[str, str] = {}
    for _, found in parts:
        for name, how in found.items():
            known = provenance.get(name, how)
            provenance[name] = max(known, how, key=lambda text: certainty.index(text.split(":")[0]))
    repeated = frame["run_id"].is_duplicated()
    if repeated.any():
        count = pl.int_range(1, pl.len() + 1).over("run_id")
        numbered = pl.format("{}#{}", "run_id", count)
        frame = frame.with_columns(
            run_id=pl.when((count > 1) & pl.lit(repeated)).then(numbered).otherwise("run_id")
        )
    return frame, provenance


def _with_units(
    frame: pl.DataFrame, provenance: dict[str, str], request: Request
) -> tuple[pl.DataFrame, dict[str, str], list[Problem]]:
    """The unit of the loss, from the table, the user, or assumed."""
    unit = request.loss_unit
    if "loss_unit" in frame.columns:
        frame = frame.with_columns(pl.col("loss_unit").str.to_lowercase())
        for found in frame["loss_unit"].drop_nulls().unique().sort().to_list():
            check_loss_unit(found)
            if unit is not None and found != unit:
                raise InputError(
                    f'the loss unit is given as "{unit}", and the table says "{found}".',
                    code="mixed_loss_unit",
                    where=Where(field="loss_unit"),
                    hint="Leave --loss-unit out, or mend the column.",
                )
        filled = pl.col("loss_unit").fill_null(unit or "nats/token")
        return frame.with_columns(filled), provenance, []
    if unit is not None:
        return frame, provenance, []
    typical = frame["loss"].median()
    low = isinstance(typical, float) and typical < 1.2
    doubt = f" (its median {typical:.3g} is low for that)" if low else ""
    note = Problem(
        "loss_unit_assumed",
        "info",
        f"loss is taken as nats/token{doubt}; say --loss-unit if it is another unit",
    )
    return frame, provenance, [note]


def _flop_convention(frame: pl.DataFrame, provenance: dict[str, str], request: Request) -> str:
    given = _first(frame, "flop_convention")
    if request.flop_convention is not None or given is not None:
        return check_flop_convention(request.flop_convention or given or "given")
    rule = provenance.get("flop", "given").split(" ")[0].split(":")[-1]
    return rule if rule in FLOP_CONVENTIONS else "given"


def _first(frame: pl.DataFrame, name: str) -> str | None:
    """The one value of a column that says the same in every row."""
    if name not in frame.columns:
        return None
    values = frame[name].drop_nulls()
    return str(values[0]) if len(values) else None
