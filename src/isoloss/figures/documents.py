"""Which result does a file hold? Stored documents by their schema, anything else as runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.runs import Runs


def load_results(
    paths: Sequence[str], read: Callable[[Sequence[str]], Runs] | None = None
) -> list[Any]:
    """The results that files hold: fits, plans, backtests; all other files together are runs.

    Args:
        paths: files; those that are not stored results are read as one table of runs.
        read: how tables are read.

    Raises:
        InputError: a file cannot be read, or holds a document that is not drawn or reported.
    """
    found: list[Any] = []
    tables: list[str] = []
    for path in paths:
        schema = schema_of(path)
        if schema is None:
            tables.append(path)
            continue
        loader = _loaders().get(schema)
        if loader is None:
            raise InputError(
                f"this file holds a {schema}, where a fit, a plan, a backtest or a table of runs "
                "is expected.",
                code="unknown_document",
                where=Where(file=path),
                hint="isoloss figure --list says which figure needs what.",
            )
        found.append(loader(path))
    if tables:
        from isoloss.runs import read as read_runs

        found.append(read(tables) if read is not None else read_runs(*tables))
    return found


def schema_of(path: str) -> str | None:
    """What stands behind ``isoloss.`` in the schema of a document; None for other files."""
    if not path.endswith(".json"):
        return None
    try:
        stored: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(stored, dict):
        return None
    schema = str(cast("dict[str, Any]", stored).get("schema"))
    return schema.removeprefix("isoloss.") if schema.startswith("isoloss.") else None


def _loaders() -> dict[str, Callable[[str], Any]]:
    from isoloss.fitting import Allocation, Fit
    from isoloss.fitting.sweeps import SweepFit
    from isoloss.planning import Plan
    from isoloss.planning.pilot import PilotPlan
    from isoloss.validation import Backtest

    return {
        "sweep_fit": SweepFit.load,
        "fit": Fit.load,
        "plan": Plan.load,
        "pilot": PilotPlan.load,
        "backtest": Backtest.load,
        "allocation": Allocation.load,
    }
