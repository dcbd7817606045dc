"""A table of runs as JSON documents: what every surface hands over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isoloss.document import envelope
from isoloss.runs.table import Runs


def document_of(schema: str, table: Runs) -> dict[str, Any]:
    """What every document about a table says: conventions, warnings, source, hash."""
    return envelope(schema) | {
        "seed": None,
        "conventions": table.conventions.to_dict(),
        "warnings": [
            {"code": problem.code, "message": problem.message}
            for problem in table.problems
            if problem.severity != "info"
        ],
        "source": table.source,
        "n_runs": len(table),
        "data_hash": table.data_hash,
    }


def check_document(table: Runs) -> dict[str, Any]:
    """The document ``isoloss.check``: problems, coverage, where the numbers come from."""
    return document_of("check", table) | {
        "n_ok": len(table.ok()),
        "problems": [problem.to_dict() for problem in table.problems],
        "coverage": table.coverage().to_dicts(),
        "provenance": dict(table.provenance),
    }


def runs_document(table: Runs, rows: Sequence[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The document ``isoloss.runs``: the runs, all or those given."""
    listed = table.to_dict()["runs"] if rows is None else list(rows)
    return document_of("runs", table) | {"n_ok": len(table.ok()), "runs": listed}
