"""What was trained? The table of runs, with what its columns mean and which runs count."""

from __future__ import annotations

import hashlib
import html
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoloss.atomic import replacing
from isoloss.errors import InputError, Where
from isoloss.runs.columns import COLUMNS, HASHED
from isoloss.runs.conventions import Conventions
from isoloss.runs.coverage import coverage
from isoloss.runs.grading import EXCLUDED, OK, Problem
from isoloss.runs.points import Points, make_points
from isoloss.runs.problems import find_problems
from isoloss.runs.request import unknown_column
from isoloss.runs.select import keep_rows, no_row_meets
from isoloss.runs.tuned import best_values
from isoloss.showing import Shown

_ENDINGS = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson")
_HTML_ROWS = 50


@dataclass(frozen=True)
class Runs(Shown):
    """Runs, one row each, that carry what their columns mean.

    Excluded runs stay in the table with their reason; `points` and `ok` leave them out.

    Attributes:
        frame: canonical columns first, then the user's own.
        conventions: what N, C and L mean.
        provenance: canonical column -> ``given``, ``derived:<rule>`` or ``assumed:<rule>``.
        source: where the runs were read from.
        problems: findings of the grading, errors first.
        data_hash: SHA-256 of the canonical numbers and statuses, whatever the order of the rows.
        notes: findings of the reading, also part of ``problems``.
    """

    frame: pl.DataFrame
    conventions: Conventions
    provenance: dict[str, str]
    source: str
    problems: tuple[Problem, ...]
    data_hash: str
    notes: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        return self.frame.height

    def ok(self) -> Runs:
        """The runs that count."""
        return self._with(self.frame.filter(pl.col("status") == OK))

    def where(self, sql: str) -> Runs:
        """The runs that meet a condition, a Polars SQL expression over the columns of `frame`.

        Raises:
            InputError: the condition cannot be read, or no run meets it.
        """
        kept = keep_rows(self.frame, sql, self.source)
        if kept.height == 0:
            raise no_row_meets(sql, self.source, self.frame.columns)
        return self._with(kept)

    def exclude(self, run_ids: Iterable[str], why: str) -> Runs:
        """These runs set to ``excluded`` with a reason; they stay in the table.

        Raises:
            InputError: there is no run of that name, or the reason is empty.
        """
        if not why.strip():
            raise InputError(
                "a reason is expected.",
                code="missing_reason",
                hint='Say why, for example "diverged after restart".',
            )
        chosen = self._rows(run_ids)
        return self._decide(chosen, EXCLUDED, why.strip())

    def include(self, run_ids: Iterable[str]) -> Runs:
        """These runs set to ``ok`` again.

        Raises:
            InputError: there is no run of that name, or it has no usable loss, N or D.
        """
        chosen = self._rows(run_ids)
        for name in ("loss", self.conventions.n_column, "tokens"):
            if name in self.frame.columns:
                bad = self.frame.filter(chosen & ~pl.col(name).is_finite().fill_null(False))
                if bad.height:
                    raise InputError(
                        f"run {bad['run_id'][0]} cannot be included: its {name} is {bad[name][0]}.",
                        code="unusable_run",
                        hint="Mend the value in the input and read it again.",
                    )
        return self._decide(chosen, OK, None)

    def best(self, over: str | Sequence[str] = "lr", *, by: Sequence[str] = ()) -> Runs:
        """The runs with the best value of what was tuned, for each model size and length.

        Seeds of one value are averaged; other values are set to excluded with a reason. A column
        ``lr_choice`` says where the best value lies among those tried, and a warning counts the
        settings where that is an edge.

        Args:
            over: what was tuned: ``lr``, ``batch_tokens``, another column, or several together.
            by: further columns in which two settings may differ.

        Raises:
            InputError: there is no such column.
            EvidenceError: no setting was tried with two values.
        """
        names = [over] if isinstance(over, str) else list(over)
        frame, notes = best_values(self.frame, names, by, self.source)
        kept = tuple(note for note in self.notes if note.code != "edge_of_sweep")
        return make_runs(frame, self.conventions, self.provenance, self.source, (*kept, *notes))

    def points(self, *, n: str | None = None, loss: str | None = None) -> Points:
        """The usable runs as arrays, for a fit.

        Args:
            n: another count as N than ``conventions.n``: ``total``, ``nonemb``, ``matmul``,
                ``active``, or a numeric column.
            loss: another column as the loss.

        Raises:
            InputError: nothing usable is left, losses of several units, tokenizers or evaluation
                sets would meet, or a column does not exist or holds unusable values.
        """
        for problem in self.problems:
            if problem.severity == "error" and problem.code.startswith("mixed_"):
                raise InputError(f"{problem.message}.", code=problem.code, where=self._place())
        ok = self.frame.filter(pl.col("status") == OK)
        return make_points(ok, self.conventions, self.provenance, self.data_hash, n=n, loss=loss)

    def coverage(self) -> pl.DataFrame:
        """One row per compute tier of usable runs; see `isoloss.runs.coverage.coverage`."""
        return coverage(self.frame.filter(pl.col("status") == OK), self.conventions)

    def summary(self) -> str:
        """The table in a few lines: size, conventions, what was derived, problems."""
        n_excluded = self.frame.filter(pl.col("status") == EXCLUDED).height
        meaning = self.conventions
        lines = [
            f"{len(self)} runs from {self.source}, {n_excluded} excluded",
            f"  N = {meaning.n}, FLOP = {meaning.flop}, loss in {meaning.loss_unit}",
        ]
        made = [f"{name} {how}" for name, how in self.provenance.items() if how != "given"]
        made = [text for text in made if not text.endswith((":grading", ":row", ":name"))]
        if made:
            lines.append(f"  not given: {', '.join(made)}")
        marks = {"error": "x", "warning": "!", "info": "i"}
        for problem in self.problems:
            shown = ", ".join(problem.run_ids[:5]) + (", ..." if len(problem.run_ids) > 5 else "")
            runs = f" ({shown})" if shown else ""
            lines.append(f"  {marks[problem.severity]} {problem.message}{runs}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()

    def to_frame(self) -> pl.DataFrame:
        """The whole table, excluded runs too."""
        return self.frame

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain Python values, ready for JSON: NaN becomes None."""
        rows = [
            {name: _plain(value) for name, value in row.items()}
            for row in self.frame.iter_rows(named=True)
        ]
        return {
            "source": self.source,
            "n_runs": len(self),
            "n_ok": self.frame.filter(pl.col("status") == OK).height,
            "conventions": self.conventions.to_dict(),
            "provenance": dict(self.provenance),
            "problems": [problem.to_dict() for problem in self.problems],
            "data_hash": self.data_hash,
            "runs": rows,
        }

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.frame.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_cell(value))}</td>" for value in row) + "</tr>"
            for row in self.frame.head(_HTML_ROWS).iter_rows()
        )
        return (
            f"<pre>{html.escape(self.summary())}</pre>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def save(self, path: str | Path) -> None:
        """Write the table; the ending says how: .parquet, .csv, .tsv, .jsonl or .ndjson.

        `isoloss.runs.read` restores the runs, their statuses, conventions and provenance from it.

        Raises:
            InputError: another ending, or the file cannot be written.
        """
        ending = Path(path).suffix.lower()
        if ending not in _ENDINGS:
            raise InputError(
                f'found the ending "{ending}" where one of {", ".join(_ENDINGS)} is expected.',
                code="unknown_format",
                where=Where(file=str(path)),
                hint="Choose one of these endings.",
            )
        frame = self._with_conventions()
        with replacing(path) as temporary:
            if ending == ".parquet":
                frame.write_parquet(temporary)
            elif ending in (".jsonl", ".ndjson"):
                frame.write_ndjson(temporary)
            else:
                flat = frame.with_columns(
                    frame[name].map_elements(_json, return_dtype=pl.String)
                    for name, dtype in frame.schema.items()
                    if dtype.is_nested()
                )
                flat.write_csv(temporary, separator="\t" if ending == ".tsv" else ",")

    def _with_conventions(self) -> pl.DataFrame:
        """The table with its conventions and provenance as columns: no format loses those."""
        made = "; ".join(f"{name}={how}" for name, how in self.provenance.items() if how != "given")
        columns = {"n_convention": self.conventions.n, "provenance": made or "given"}
        for name, value in (
            ("flop_convention", self.conventions.flop),
            ("loss_unit", self.conventions.loss_unit),
        ):
            if name not in self.frame.columns:
                columns[name] = value
        return self.frame.with_columns(pl.lit(value).alias(name) for name, value in columns.items())

    def _rows(self, run_ids: Iterable[str]) -> pl.Series:
        wanted = [run_ids] if isinstance(run_ids, str) else list(run_ids)
        known = set(self.frame["run_id"].to_list())
        for run_id in wanted:
            if run_id not in known:
                raise unknown_column(run_id, sorted(known), "a run")
        return self.frame["run_id"].is_in(wanted)

    def _decide(self, chosen: pl.Series, status: str, reason: str | None) -> Runs:
        mask = pl.lit(chosen)
        return self._with(
            self.frame.with_columns(
                status=pl.when(mask).then(pl.lit(status)).otherwise("status"),
                reason=pl.when(mask).then(pl.lit(reason, pl.String)).otherwise("reason"),
            )
        )

    def _with(self, frame: pl.DataFrame) -> Runs:
        return make_runs(frame, self.conventions, self.provenance, self.source, self.notes)

    def _place(self) -> Where:
        return Where(file=self.source)


def make_runs(
    frame: pl.DataFrame,
    conventions: Conventions,
    provenance: dict[str, str],
    source: str,
    notes: tuple[Problem, ...] = (),
) -> Runs:
    """Runs from a graded table: columns in order, problems found, content hashed."""
    if "loss_unit" in frame.columns:
        units = frame.filter(pl.col("status") == OK)["loss_unit"].drop_nulls().unique().to_list()
        unit = units[0] if len(units) == 1 else "mixed" if units else conventions.loss_unit
        conventions = replace(conventions, loss_unit=unit)
    canonical = [column.name for column in COLUMNS if column.name in frame.columns]
    own = [name for name in frame.columns if name not in set(canonical)]
    frame = frame.select(*canonical, *own)
    problems = (*find_problems(frame, conventions), *notes)
    order = {"error": 0, "warning": 1, "info": 2}
    return Runs(
        frame=frame,
        conventions=conventions,
        provenance={name: provenance[name] for name in canonical},
        source=source,
        problems=tuple(sorted(problems, key=lambda problem: order[problem.severity])),
        data_hash=hash_content(frame),
        notes=notes,
    )


def hash_content(frame: pl.DataFrame) -> str:
    """SHA-256 over the canonical numbers and the statuses, whatever the order of the rows."""
    names = [name for name in HASHED if name in frame.columns]
    numbers = frame.select(
        (pl.col("status") == OK).cast(pl.Float64) if name == "status" else pl.col(name)
        for name in names
    )
    # All that is not finite is hashed as one value: not every file format keeps them apart. Adding
    # zero turns -0.0 into 0.0.
    values = numbers.with_columns(
        pl.when(pl.all().is_finite()).then(pl.all() + 0.0).otherwise(None)
    ).sort(names)
    digest = hashlib.sha256(",".join(names).encode())
    for name in names:
        column = values[name].fill_null(float("nan")).to_numpy()
        digest.update(np.ascontiguousarray(column, dtype="<f8").tobytes())
    return digest.hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | None) else str(value)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _json(value: object) -> str:
    plain = value.to_list() if isinstance(value, pl.Series) else value
    return json.dumps(plain, default=str)
