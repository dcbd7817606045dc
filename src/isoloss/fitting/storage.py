"""A fit as one JSON file, and back, without loss."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from isoloss.atomic import write_text
from isoloss.document import dumps, pack, read_document, unpack
from isoloss.errors import InputError, Where
from isoloss.fitting.objectives import objective_from_dict, objective_to_dict
from isoloss.fitting.quantity import Notice, Quantity
from isoloss.fitting.result import Fit
from isoloss.fitting.search import Constraints
from isoloss.laws import LAWS, Law, Parameter
from isoloss.runs import Conventions, Points

_ARRAYS = ("draws", "residuals", "outside", "leverage", "cook")
_POINTS = ("params", "tokens", "flop", "loss", "unique_tokens", "tier")


HINT = "A fit is written by isoloss fit RUNS --law LAW --save FILE."


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
        "reading": list(fit.reading),
        "conventions": {f.name: getattr(points.conventions, f.name) for f in fields(Conventions)},
    }
    write_text(Path(path), dumps(fit.to_dict() | {"state": state}))


def load_fit(path: str | Path) -> Fit:
    """Read a fit from a JSON file.

    Raises:
        InputError: the file is missing, not JSON, or not a fit of a version that is understood.
    """
    document = read_document(path, "fit", HINT)
    try:
        fit = _fit(document)
        _check(fit)
    except InputError as error:  # of the stored formula
        raise _damaged(path, error.message) from None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise _damaged(path, f"{type(error).__name__}: {str(error)[:200]}") from None
    return fit


def _damaged(path: str | Path, reason: str) -> InputError:
    return InputError(
        f"the stored fit is damaged ({reason}).",
        code="damaged_fit",
        where=Where(file=str(path)),
        hint=HINT,
    )


def _check(fit: Fit) -> None:
    """Whether the parts of a fit that was read belong together.

    Raises:
        ValueError: a name, a length or a kind of value is not what the others ask for.
    """
    names, points, count = fit.law.names, fit.points, len(fit.points.run_id)
    vectors = [fit.residuals, fit.outside, fit.leverage, fit.cook]
    vectors += [getattr(points, name) for name in _POINTS]
    vectors += [*points.columns.values(), *points.codes.values()]
    lengths = {vector.shape for vector in vectors}
    texts: list[Any] = [fit.status_message, fit.ci, points.data_hash, *points.run_id]
    texts += fit.reading
    texts += [text for notice in fit.warnings for text in (notice.code, notice.message)]
    wholes: list[Any] = [fit.n_starts, fit.seed]
    for belongs, what in (
        (tuple(fit.estimate) == names and tuple(fit.parameters) == names, "parameters"),
        (fit.draws.ndim == 2 and fit.draws.shape[1] == len(names), "draws"),
        (lengths == {(count,)}, "runs"),
        (fit.status in ("ok", "edge", "not_identified", "failed"), "status"),
        (0 < fit.level < 1, "level"),
        (all(type(whole) is int and whole >= 0 for whole in wholes), "seed or number of starts"),
        (all(isinstance(text, str) for text in texts), "text"),
        (fit.constraints.names <= set(names), "constraints"),
    ):
        if not belongs:
            raise ValueError(f"its {what} do not fit the rest")


def _fit(document: dict[str, Any]) -> Fit:
    state = document["state"]
    numbers: dict[str, Any] = {k: float.fromhex(text) for k, text in state["numbers"].items()}
    arrays: dict[str, Any] = {name: unpack(packed) for name, packed in state["arrays"].items()}
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
            name: Quantity(*(float.fromhex(text) for text in texts), level=numbers["level"])
            for name, texts in state["parameters"].items()
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
            {name: float(value) for name, value in document["fixed"].items()},
            tuple((a, b) for a, b in document["tied"]),
            bounds,
        ),
        seed=document["seed"],
        warnings=tuple(Notice(w["code"], w["message"]) for w in document["warnings"]),
        # Fits of before have none.
        reading=tuple(state.get("reading", ())),
    )


def _pair(texts: list[str]) -> tuple[float, float]:
    return float.fromhex(texts[0]), float.fromhex(texts[1])


def _hexes(pair: tuple[float, float]) -> list[str]:
    return [float(x).hex() for x in pair]


def _law_to_dict(law: Law) -> dict[str, Any]:
    parameters = [
        {"name": p.name, "meaning": p.meaning, "positive": p.positive, "unit": p.unit}
        | {"bounds": _hexes(p.bounds), "start": _hexes(p.start) if p.start else None}
        for p in law.parameters
    ]
    return {
        "name": law.name,
        "formula": law.formula,
        "where": dict(law.where),
        "variables": list(law.variables),
        "additive": list(law.additive) if law.additive else None,
        "parameters": parameters,
    }


def _law_from_dict(stored: dict[str, Any]) -> Law:
    """The built-in law where its formula is still the same, else the law as it was stored."""
    known = LAWS.get(stored["name"])
    parameters = tuple(_parameter(p) for p in stored["parameters"])
    names = tuple(p.name for p in parameters)
    # In another order its parameters would not be those that the draws are stored for.
    if known is not None and (known.formula, known.names) == (stored["formula"], names):
        return known
    additive = stored.get("additive")
    return Law(
        name=stored["name"],
        formula=stored["formula"],
        parameters=parameters,
        where=stored["where"],
        variables=tuple(stored["variables"]),
        additive=tuple(additive) if additive else None,
    )


def _parameter(stored: dict[str, Any]) -> Parameter:
    return Parameter(
        name=stored["name"],
        meaning=stored["meaning"],
        positive=stored["positive"],
        bounds=_pair(stored["bounds"]),
        start=_pair(stored["start"]) if stored.get("start") else None,
        unit=stored["unit"],
    )
