"""A pilot as one JSON file, and back."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from isoloss.document import read_document, restoring
from isoloss.fitting import Notice, Quantity
from isoloss.planning.pilot.result import PilotPlan, PlannedRun, Rival

HINT = "A pilot is written by isoloss pilot --budget FLOP --save FILE."


def load_pilot(path: str | Path) -> PilotPlan:
    """Read a pilot from a JSON file.

    Raises:
        InputError: the file is missing, not JSON, or not a pilot of a version that is understood.
    """
    document = read_document(path, "pilot", HINT)
    with restoring("pilot", path, HINT):
        return _pilot(document)


def _pilot(stored: dict[str, Any]) -> PilotPlan:
    names = [field.name for field in dataclasses.fields(PilotPlan)]
    values = {name: stored[name] for name in names}
    for name in ("warnings", "notes"):
        values[name] = tuple(Notice(one["code"], one["message"]) for one in values[name])
    values["before"], values["after"] = _quantity(stored["before"]), _quantity(stored["after"])
    # JSON has no infinity: what is open is null.
    values["half_width"] = {k: _open(v) for k, v in stored["half_width"].items()}
    values["runs"] = tuple(PlannedRun(**_opened(one, "half_width")) for one in stored["runs"])
    values["rivals"] = tuple(
        Rival(**_opened(one, "half_width", "gain")) for one in stored["rivals"]
    )
    values["limits"] = {k: _open(v) for k, v in stored["limits"].items()}
    values["optima"] = tuple(stored["optima"])
    values["existing"] = {k: tuple(v) for k, v in stored["existing"].items()}
    return PilotPlan(**values)


def _opened(stored: dict[str, Any], *names: str) -> dict[str, Any]:
    return stored | {name: _open(stored[name]) for name in names}


def _open(value: float | None) -> float:
    return math.inf if value is None else value


def _quantity(stored: dict[str, Any]) -> Quantity:
    lo = 0.0 if stored["lo"] is None else float(stored["lo"])
    return Quantity(float(stored["estimate"]), lo, _open(stored["hi"]), float(stored["level"]))
