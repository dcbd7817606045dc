"""A plan as one JSON file, and back, without loss."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from isoloss.atomic import write_text
from isoloss.document import dumps, read_document, restoring
from isoloss.fitting import Notice, Quantity
from isoloss.planning.result import FlatRegion, Plan
from isoloss.planning.serving.result import QUANTITIES, Served, ServingPlan

_QUANTITIES = ("n_params", "tokens", "tokens_per_param", "loss", "loss_mean")
_AS_WRITTEN = (
    *("flop", "status", "status_message", "law", "formula", "source", "conventions"),
    *("unique_tokens", "ci", "level", "seed", "data_hash", "n_runs", "n_tiers", "cost"),
)


HINT = "A plan is written by isoloss plan BUDGET --fit FIT.json --save FILE."


def save_plan(plan: Plan, path: str | Path) -> None:
    """Write a plan to a JSON file: its document, which holds all of it."""
    write_text(Path(path), dumps(plan.to_dict()))


def load_plan(path: str | Path) -> Plan:
    """Read a plan from a JSON file.

    Raises:
        InputError: the file is missing, not JSON, or not a plan of a version that is understood.
    """
    document = read_document(path, "plan", HINT)
    with restoring("plan", path, HINT):
        return _plan(document)


def _plan(document: dict[str, Any]) -> Plan:
    quantities: dict[str, Any] = {name: _quantity(document[name]) for name in _QUANTITIES}
    return Plan(
        **{name: document[name] for name in _AS_WRITTEN},
        **quantities,
        flat_regions=tuple(
            FlatRegion(
                float(one["within_loss"]), _number(one["n_params_lo"]), _number(one["n_params_hi"])
            )
            for one in document["flat_regions"]
        ),
        decades_beyond_data=_number(document["decades_beyond_data"]),
        warnings=_notices(document["warnings"]),
        notes=_notices(document["notes"]),
        # Plans written before there were cards lack these.
        why=tuple(str(sentence) for sentence in document.get("why", ())),
        command=str(document.get("command", "")),
        serving=None if document.get("serving") is None else _serving(document["serving"]),
    )


def _quantity(stored: dict[str, float | None]) -> Quantity:
    estimate, level = stored["estimate"], stored["level"]
    if estimate is None or level is None:
        raise ValueError("an estimate is missing")
    lo = _number(stored["lo"])
    # JSON has no infinity: an upper end missing beside a lower one is open.
    hi = math.inf if stored["hi"] is None and not math.isnan(lo) else _number(stored["hi"])
    return Quantity(float(estimate), lo, hi, float(level))


def _serving(stored: dict[str, Any]) -> ServingPlan:
    """The serving plan inside a plan."""
    names = ("asked", "flop", "loss", "lifetime", "terms")
    facts = ("law", "formula", "source", "conventions", "unique_tokens", "ci", "level", "seed")
    return ServingPlan(
        **{name: stored[name] for name in names},
        optimum={name: _quantity(one) for name, one in stored["optimum"].items()},
        rows=tuple(
            Served(
                served_tokens=float(row["served_tokens"]),
                **{name: _open_quantity(row[name]) for name in QUANTITIES},
            )
            for row in stored["rows"]
        ),
        decades_beyond_data=_number(stored["decades_beyond_data"]),
        facts={name: stored[name] for name in (*facts, "data_hash", "n_runs")},
        warnings=_notices(stored["warnings"]),
        notes=_notices(stored["notes"]),
        command=str(stored["command"]),
    )


def _open_quantity(stored: dict[str, float | None]) -> Quantity:
    """A quantity whose estimate may be missing, too."""
    if stored["estimate"] is not None:
        return _quantity(stored)
    return Quantity(math.nan, _number(stored["lo"]), _number(stored["hi"]), stored["level"] or 0.9)


def _number(stored: float | None) -> float:
    return math.nan if stored is None else float(stored)


def _notices(stored: list[dict[str, str]]) -> tuple[Notice, ...]:
    return tuple(Notice(one["code"], one["message"]) for one in stored)
