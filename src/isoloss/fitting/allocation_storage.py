"""An allocation as one JSON file, and back, without loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.atomic import write_text
from isoloss.document import dumps, pack, restoring, unpack
from isoloss.errors import InputError, Where
from isoloss.fitting.allocation import Allocation, Optimum
from isoloss.fitting.quantity import Notice, Quantity
from isoloss.runs import Conventions

_QUANTITIES = ("n_params", "tokens", "loss")
_FLAGS = ("n_runs", "n_sizes", "curvature", "interior", "bracketed", "edge", "used", "note")
_TEXT = ("method", "shape", "status", "status_message", "ci", "data_hash", "seed", "n_runs")


def save_allocation(allocation: Allocation, path: str | Path) -> None:
    """Write an allocation to a JSON file: its document, plus ``state`` to read it back from."""
    numbers = [
        [[q.estimate, q.lo, q.hi] for q in optimum.quantities.values()]
        for optimum in allocation.optima
    ]
    state: dict[str, Any] = {
        "line": pack(allocation.line),
        "draws": pack(allocation.draws),
        "optima": pack(np.array(numbers).reshape(-1, len(_QUANTITIES), 3)),
        "parabola": None if allocation.parabola is None else pack(np.array(allocation.parabola)),
    }
    write_text(Path(path), dumps(allocation.to_dict() | {"state": state}))


def load_allocation(path: str | Path) -> Allocation:
    """Read an allocation from a JSON file.

    Raises:
        InputError: the file is missing, not JSON, or not an allocation that is understood.
    """
    document = _read(Path(path))
    with restoring("allocation", path, "Compute it again and save it."):
        return _allocation(document)


def _read(path: Path) -> dict[str, Any]:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _not_one(path, f"cannot be read ({error.strerror}).") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise _not_one(path, "is not a JSON document.") from None
    known: dict[str, Any] = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    if known.get("schema") != "isoloss.allocation":
        raise _not_one(path, "is JSON, but not an allocation.")
    if known.get("version") != 1 or "state" not in known:
        version = known.get("version")
        raise _not_one(path, f"holds an allocation of version {version!r} without its state.")
    return known


def _not_one(path: Path, reason: str) -> InputError:
    return InputError(
        f"the file {reason}",
        code="not_an_allocation",
        where=Where(file=str(path)),
        hint="An allocation is written by its method save.",
    )


def _allocation(document: dict[str, Any]) -> Allocation:
    state = document["state"]
    level = float(document["level"])
    numbers = unpack(state["optima"])
    low, high = document["flop_range"]
    stored = state["parabola"]
    ratio = None if stored is None else unpack(stored)
    return Allocation(
        **{name: document[name] for name in _TEXT},
        line=_shaped(unpack(state["line"]), (4,)),
        draws=_shaped(unpack(state["draws"]), (-1, 4)),
        optima=tuple(
            _optimum(given, values, level)
            for given, values in zip(document["optima"], numbers, strict=True)
        ),
        flop_range=(float(low), float(high)),
        parabola=None if ratio is None else (float(ratio[0]), float(ratio[1])),
        level=level,
        conventions=Conventions(**document["conventions"]),
        warnings=tuple(Notice(w["code"], w["message"]) for w in document["warnings"]),
    )


def _optimum(given: dict[str, Any], values: NDArray[Any], level: float) -> Optimum:
    quantities = {
        name: Quantity(float(estimate), float(lo), float(hi), level)
        for name, (estimate, lo, hi) in zip(_QUANTITIES, values, strict=True)
    }
    flags = {name: given[name] for name in _FLAGS}
    return Optimum(flop=float(given["flop"]), **quantities, **flags)


def _shaped(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return array.reshape(shape)
