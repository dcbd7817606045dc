"""``isoloss runs``: grade runs, list them, show one, set some aside."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from isoloss.cli.options import OUTPUT, READING, Output, Reading
from isoloss.cli.text import columns, flop_text
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.runs import Runs

FAILED_CHECK = 1
_MARKS = {"error": "x", "warning": "!", "info": "i"}


def check(*runs: str, reading: Reading = READING, output: Output = OUTPUT) -> int:
    """Grade runs: which are excluded and why, and what the rest covers.

    Exits with 1 if something must be mended before a fit.

    Args:
        runs: Files, folders or patterns: CSV, TSV, Parquet, JSON lines.
        reading: How the table is read.
        output: How the answer is written.
    """
    from isoloss.runs.documents import check_document

    table = reading.read(runs)
    output.give(
        text=lambda: f"{table.summary()}\n\n{_coverage_text(table)}",
        document=lambda: check_document(table),
    )
    failed = any(problem.severity == "error" for problem in table.problems)
    return FAILED_CHECK if failed else 0


def list_runs(
    *runs: str, excluded: bool = False, reading: Reading = READING, output: Output = OUTPUT
) -> None:
    """List runs, one line each, in the order of the table.

    Args:
        runs: Files, folders or patterns: CSV, TSV, Parquet, JSON lines.
        excluded: Only the excluded ones, with their reasons.
        reading: How the table is read.
        output: How the answer is written.
    """
    from isoloss.runs.documents import runs_document

    table = reading.read(runs)
    rows = table.to_dict()["runs"]
    chosen = [row for row in rows if row["status"] != "ok"] if excluded else rows
    output.give(
        text=lambda: _list_text(table, chosen),
        document=lambda: runs_document(table, chosen),
    )


def show(run_id: str, /, *runs: str, reading: Reading = READING, output: Output = OUTPUT) -> None:
    """Show all that is known of one run, and where each number comes from.

    Args:
        run_id: Name of the run, as isoloss runs list has it.
        runs: Files, folders or patterns: CSV, TSV, Parquet, JSON lines.
        reading: How the table is read.
        output: How the answer is written.
    """
    table = reading.read(runs)
    row = _row(table, run_id)
    findings = [problem for problem in table.problems if run_id in problem.run_ids]
    output.give(
        text=lambda: _run_text(table, row, [f.message for f in findings]),
        document=lambda: (
            _document("run", table)
            | {
                "run": row,
                "provenance": dict(table.provenance),
                "problems": [finding.to_dict() for finding in findings],
            }
        ),
    )


def exclude(
    *ids_and_runs: str,
    why: str,
    into: str | None = None,
    in_place: bool = False,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> None:
    """Set runs aside, with a reason, in a new table.

    The runs stay in the table with status excluded; fits leave them out. The input is not touched
    unless --in-place is given.

    Args:
        ids_and_runs: Names of the runs, as isoloss runs list has them; then the table, last.
        why: The reason, for people who ask later.
        into: The table to write: .csv, .tsv, .parquet, .jsonl or .ndjson.
        in_place: Write it over the input.
        reading: How the table is read.
        output: How the answer is written.
    """
    *ids, source = _ids_and_table(ids_and_runs)
    if in_place:
        _keep_input_whole(reading)
    target = _target(source, into, in_place=in_place)
    table = reading.read([source])
    for run_id in ids:
        _row(table, run_id)
    marked = table.exclude(ids, why)
    marked.save(target)
    count = "1 run" if len(set(ids)) == 1 else f"{len(set(ids))} runs"
    n_ok = len(marked.ok())
    output.give(
        text=lambda: f"{count} excluded ({why}); {n_ok} of {len(marked)} count -> {target}",
        document=lambda: (
            _document("exclusion", marked)
            | {"excluded": list(dict.fromkeys(ids)), "why": why, "n_ok": n_ok, "into": target}
        ),
    )


def best(
    *runs: str,
    over: list[str] | None = None,
    by: list[str] | None = None,
    into: str | None = None,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> None:
    """Keep the best learning rate, or other tuned setting, of each size and length.

    Seeds of one value are averaged. The other runs stay in the new table with status excluded;
    the column lr_choice says whether the best value is inside those tried, or at an edge.

    Args:
        runs: Files, folders or patterns: CSV, TSV, Parquet, JSON lines.
        over: Column that was tuned; by default lr. Say it again for another one.
        by: Further column in which two settings may differ.
        into: The table to write: .csv, .tsv, .parquet, .jsonl or .ndjson.
        reading: How the table is read.
        output: How the answer is written.
    """
    target = _new_file(into, "", "Name a new file: --into best.csv.")
    names = over or ["lr"]
    table = reading.read(runs).best(names, by=by or [])
    table.save(target)
    n_ok = len(table.ok())
    findings = [found for found in table.problems if found.code == "edge_of_sweep"]
    output.give(
        text=lambda: "\n".join(
            [
                f"{n_ok} of {len(table)} runs have the best {' and '.join(names)} -> {target}",
                *(f"  {_MARKS[found.severity]} {found.message}" for found in findings),
            ]
        ),
        document=lambda: (
            _document("tuned_runs", table)
            | {
                "over": names,
                "by": by or [],
                "n_ok": n_ok,
                "into": target,
            }
        ),
    )


def _document(schema: str, table: Runs) -> dict[str, Any]:
    from isoloss.runs.documents import document_of

    return document_of(schema, table)


def _ids_and_table(words: Sequence[str]) -> Sequence[str]:
    if len(words) < 2:
        raise InputError(
            "names of runs and then a table are expected.",
            code="missing_argument",
            where=Where(field="RUNS"),
            hint='Write it like: isoloss runs exclude d26-1e19 runs.csv --why "diverged" '
            "--into kept.csv.",
        )
    if not os.path.exists(words[-1]) and os.path.exists(words[0]):
        raise InputError(
            f'found "{words[-1][:80]}" as the table, and there is no such file.',
            code="no_such_file",
            where=Where(field="RUNS"),
            hint=f"The table comes last, after the names of the runs; is {words[0]} it?",
        )
    return words


def _keep_input_whole(reading: Reading) -> None:
    """Refuse to write back what was read in part, or scaled: the input would lose something."""
    for option, value in (("--where", reading.where), ("--scale", reading.scale)):
        if value is not None:
            raise InputError(
                f"{option} changes what is read, so the input cannot be written back.",
                code="conflicting_options",
                where=Where(field=option),
                hint=f"Leave out {option}, also in isoloss.toml, or write a new table with --into.",
            )


def _target(source: str, into: str | None, *, in_place: bool) -> str:
    """The file to write; never one that would be lost by it."""
    if in_place and into is not None:
        raise InputError(
            "--into and --in-place are given, where one of them is expected.",
            code="conflicting_options",
            where=Where(field="--into"),
            hint="Keep one of the two.",
        )
    if in_place:
        if not os.path.isfile(source):
            raise InputError(
                "--in-place needs one file as the table.",
                code="not_a_file",
                where=Where(file=source),
                hint="Name one file, or write a new table with --into kept.csv.",
            )
        return source
    return _new_file(
        into, source, "Name a new file, --into kept.csv, or say --in-place to change the input."
    )


def _new_file(into: str | None, source: str, hint: str) -> str:
    """The file to write, which does not exist yet."""
    if into is None:
        raise InputError(
            "it is not said where to write the table.",
            code="missing_argument",
            where=Where(field="--into"),
            hint=hint,
        )
    if os.path.exists(into):
        same = os.path.isfile(source) and os.path.samefile(source, into)
        raise InputError(
            "this is the input." if same else "this file exists already.",
            code="would_overwrite",
            where=Where(file=into, field="--into"),
            hint="Say --in-place to change the input." if same else "Choose a new name.",
        )
    return into


def _row(table: Runs, run_id: str) -> dict[str, Any]:
    """One run as plain values."""
    import difflib

    for row in table.to_dict()["runs"]:
        if row["run_id"] == run_id:
            return row
    known = [str(name) for name in table.frame["run_id"]]
    close = difflib.get_close_matches(run_id, known, n=3)
    guess = f"Did you mean {' or '.join(close)}? " if close else ""
    raise InputError(
        f'there is no run named "{run_id[:80]}".',
        code="unknown_run",
        where=Where(file=table.source),
        hint=f"{guess}isoloss runs list shows the names.",
    )


def _coverage_text(table: Runs) -> str:
    """One line per compute tier of the usable runs."""
    from isoloss.runs import format_quantity

    tiers = table.coverage().to_dicts()
    if not tiers:
        return "no usable run"
    rows = [("tier", "runs", "FLOP", "N (params)", "best N", "best loss", "")]
    for tier in tiers:
        swept = (tier.get("sizes") or 0) >= 3
        rows.append(
            (
                str(tier["tier"]),
                str(tier["runs"]),
                _range(tier, "flop", flop_text),
                _range(tier, "params", format_quantity),
                format_quantity(tier["best_params"]) if tier.get("best_params") else "-",
                f"{tier['best_loss']:.4g}",
                "optimum at the edge of the sizes tried" if swept and not tier["interior"] else "",
            )
        )
    return columns(rows, align=">>>>>><")


def _range(tier: dict[str, Any], name: str, said: Callable[[float], str]) -> str:
    low, high = tier.get(f"{name}_lo"), tier.get(f"{name}_hi")
    if low is None or high is None:
        return "-"
    same = math.isclose(low, high, rel_tol=5e-3)
    return said(low) if same else f"{said(low)} to {said(high)}"


def _list_text(table: Runs, rows: list[dict[str, Any]]) -> str:
    from isoloss.runs import format_quantity

    meaning = table.conventions
    head = ("run", "status", f"N ({meaning.n})", "D (tokens)", "C (FLOP)", meaning.loss_unit, "")
    lines = [
        (
            str(row["run_id"]),
            str(row["status"]),
            _amount(row.get(meaning.n_column), format_quantity),
            _amount(row.get("tokens"), format_quantity),
            _amount(row.get("flop"), flop_text),
            "-" if row["loss"] is None else f"{row['loss']:.4f}",
            row["reason"] or "",
        )
        for row in rows
    ]
    count = f"{len(table)} runs from {table.source}, {len(table.ok())} of them count"
    return f"{columns([head, *lines], align='<<>>>><')}\n{count}"


def _amount(value: float | None, said: Callable[[float], str]) -> str:
    return "-" if value is None else said(value)


def _run_text(table: Runs, row: dict[str, Any], findings: list[str]) -> str:
    from isoloss.runs import COLUMNS

    meanings = {column.name: column.meaning for column in COLUMNS}
    rows = [
        (name, _value(value), _origin(table, name), meanings.get(name, "a column of yours"))
        for name, value in row.items()
        if value is not None
    ]
    lines = [f"run {row['run_id']} of {table.source}", columns(rows)]
    return "\n".join([*lines, *(f"  ! {finding}" for finding in findings)])


def _value(value: Any) -> str:
    return f"{value:.8g}" if isinstance(value, float) else str(value)


def _origin(table: Runs, name: str) -> str:
    return table.provenance.get(name, "given")
