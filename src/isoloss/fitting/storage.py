"""A fit as one JSON file, and back, without loss."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from isoloss.atomic import write_text
from isoloss.document import dumps, pack, unpack
from isoloss.errors import InputError, Where
from isoloss.fitting.objectives import objective_from_dict, objective_to_dict
from isoloss.fitting.quantity import Notice, Quantity
from isoloss.fitting.result import Fit
from isoloss.fitting.search import Constraints
from isoloss.laws import LAWS, Law, Parameter
from isoloss.runs import Conventions, Points

_ARRAYS = ("draws", "residuals", "outside", "leverage", "cook")
_POINTS = ("params", "tokens", "flop", "loss", "unique_tokens", "tier")


def save_fit(fit: Fit, path: str | Path) -> None:
    """Write a fit to a JSON file: its document, plus ``state`` from which it is read back."""
    points = fit.points
    state: dict[str, Any] = {
        "law": _law_to_dict(fit.law),
        "estimate": {name: value.hex() for name, value in fit.estimate.items()},
        "objective": objective_to_dict(fit.objective),
        "numbers": {
            key: float(getattr(fit, key)).hex()
            for key in (
                "objective_value",
                "gradient_norm",
                "agreement",
                "condition_number",
                "level",
            )
        },
        "spread": {name: float(value).hex() for name, value in fit.spread.items()},
        "parameters": {
            name: [float(x).hex() for x in (q.estimate, q.lo, q.hi)]
            for name, q in fit.parameters.items()
        },
        "bounds": {
            name: [x.hex() for x in map(float, b)] for name, b in fit.constraints.bounds.items()
        },
        "arrays": {name: pack(getattr(fit, name)) for name in _ARRAYS},
        "points": {name: pack(getattr(points, name)) for name in _POINTS},
        "columns": {name: pack(values) for name, values in points.columns.items()},
        "codes": {name: pack(values) for name, values in points.codes.items()},
        "run_id": list(points.run_id),
        "conventions": {f.name: getattr(points.conventions, f.name) for f in fields(Conventions)},
    }
    write_text(Path(path), dumps(fit.to_dict() | {"state": state}))


def load_fit(path: str | Path) -> Fit:
    """Read a fit from a JSON file.

    Raises:
        InputError: the file is missing, not JSON, or not a fit of a version that is understood.
    """
    document = _read(Path(path))
    try:
        return _fit(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"the stored fit is damaged ({type(error).__name__}: {error}).",
            code="damaged_fit",
            where=Where(file=str(path)),
            hint="Write it again with isoloss fit ... --save FILE.",
        ) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"cannot be read ({error.strerror})."
    except (UnicodeDecodeError, json.JSONDecodeError):
        reason = "is not a JSON document."
    else:
        if isinstance(document, dict) and document.get("schema") == "isoloss.fit":
            if document.get("version") == 1 and "state" in document:
                return document
            reason = f"holds a fit of version {document.get('version')!r} without its state."
        else:
            reason = "is JSON, but not a fit."
    raise InputError(
        f"the file {reason}",
        code="not_a_fit",
        where=Where(file=str(path)),
        hint="A fit is written by isoloss fit RUNS --law LAW --save FILE.",
    )


def _fit(document: dict[str, Any]) -> Fit:
    state = document["state"]
    numbers = {key: float.fromhex(text) for key, text in state["numbers"].items()}
    arrays = {name: unpack(packed) for name, packed in state["arrays"].items()}
    points = {name: unpack(packed) for name, packed in state["points"].items()}
    bounds = {name: _pair(pair) for name, pair in state["bounds"].items()}
    return Fit(
        law=_law_from_dict(state["law"]),
        estimate={name: float.fromhex(text) for name, text in state["estimate"].items()},
        status=document["status"],
        status_message=document["status_message"],
        objective=objective_from_dict(state["objective"]),
        **numbers,
        n_starts=document["n_starts"],
        spread={name: float.fromhex(text) for name, text in state["spread"].items()},
        ci=document["ci"],
        parameters={
            name: Quantity(*map(float.fromhex, values), numbers["level"])
            for name, values in state["parameters"].items()
        },
        points=Points(
            run_id=tuple(state["run_id"]),
            **points,
            columns={name: unpack(packed) for name, packed in state["columns"].items()},
            codes={name: unpack(packed) for name, packed in state["codes"].items()},
            conventions=Conventions(**state["conventions"]),
            data_hash=document["data_hash"],
        ),
        **arrays,
        constraints=Constraints(
            document["fixed"], tuple((a, b) for a, b in document["tied"]), bounds
        ),
        seed=document["seed"],
        warnings=tuple(Notice(w["code"], w["message"]) for w in document["warnings"]),
    )


def _pair(texts: list[str]) -> tuple[float, float]:
    return float.fromhex(texts[0]), float.fromhex(texts[1])


def _law_to_dict(law: Law) -> dict[str, Any]:
    parameters = [
        {"name": p.name, "meaning": p.meaning, "positive": p.positive, "unit": p.unit}
        | {"bounds": [x.hex() for x in map(float, p.bounds)]}
        for p in law.parameters
    ]
    return {
        "name": law.name,
        "formula": law.formula,
        "where": dict(law.where),
        "variables": list(law.variables),
        "parameters": parameters,
    }


def _law_from_dict(stored: dict[str, Any]) -> Law:
    """The built-in law where its formula is still the same, else the law as it was stored."""
    known = LAWS.get(stored["name"])
    if known is not None and known.formula == stored["formula"]:
        return known
    parameters = tuple(
        Parameter(**{**p, "bounds": _pair(p["bounds"])}) for p in stored["parameters"]
    )
    return Law(
        name=stored["name"],
        formula=stored["formula"],
        parameters=parameters,
        where=stored["where"],
        variables=tuple(stored["variables"]),
    )
