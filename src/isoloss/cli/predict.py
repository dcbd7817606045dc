"""``isoloss predict``: the loss of other runs, by a fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from isoloss.cli.documents import document
from isoloss.cli.options import OUTPUT, Amount, Output
from isoloss.cli.points import asked_points, usable_fit
from isoloss.cli.text import columns, flop_text, footer

if TYPE_CHECKING:
    from isoloss.fitting import Fit, Prediction, Quantity

FIELDS = {
    "N": "n_params",
    "D": "tokens",
    "U": "unique_tokens",
    "C": "flop",
    "S": "steps",
}
"""Names of the variables in documents."""


def predict(
    fit: str,
    /,
    *,
    points: str | None = None,
    n: Amount | None = None,
    d: Amount | None = None,
    u: Amount | None = None,
    c: Amount | None = None,
    s: Amount | None = None,
    map: list[str] | None = None,
    scale: list[str] | None = None,
    output: Output = OUTPUT,
) -> None:
    """Predict the loss of other runs, with intervals for the law and for one new run.

    Args:
        fit: A fit that isoloss fit --save wrote.
        points: A table with one run per row, with columns such as params and tokens.
        n: Parameters N, such as 7B.
        d: Training tokens D, such as 1.4T.
        u: Distinct tokens U among them; by default all of D.
        c: Compute C in FLOP, for laws in C; by default 6 N D.
        s: Optimiser steps S, for laws in S.
        map: Say what a column of the table is, NAME=CANONICAL; repeatable.
        scale: Multiply a column of the table, NAME=FACTOR; repeatable.
        output: How the answer is written.
    """
    found = usable_fit(fit)
    x, notices = asked_points(
        found, {"N": n, "D": d, "U": u, "C": c, "S": s}, points, map or [], scale or []
    )
    found = replace(found, warnings=(*found.warnings, *notices))
    expected = found.predict(x)
    output.give(
        text=lambda: _text(found, expected), document=lambda: prediction_fields(found, expected)
    )


def prediction_fields(found: Fit, expected: Prediction) -> dict[str, Any]:
    """The document ``isoloss.prediction``."""
    points: list[dict[str, Any]] = []
    for i, (loss, mean) in enumerate(zip(expected.loss, expected.loss_mean, strict=True)):
        point: dict[str, Any] = {"n_params": None, "tokens": None}
        point |= {FIELDS.get(name, name): float(values[i]) for name, values in expected.x.items()}
        point |= {"loss": loss.to_dict(), "loss_mean": mean.to_dict()}
        point["decades_beyond_data"] = float(expected.decades_beyond_data[i])
        points.append(point)
    return document(
        "prediction",
        seed=found.seed,
        conventions=found.points.conventions.to_dict(),
        warnings=_warnings(found, expected),
    ) | {
        "law": found.law.name,
        "formula": found.law.formula,
        "status": found.status,
        "ci": found.ci,
        "data_hash": found.points.data_hash,
        "n_runs": found.n_runs,
        "points": points,
    }


def _warnings(found: Fit, expected: Prediction) -> list[dict[str, str]]:
    warnings = [notice.to_dict() for notice in found.warnings]
    if found.status != "ok":
        warnings.append({"code": found.status, "message": found.status_message})
    if not len(found.draws):
        message = f"the fit was made with --ci {found.ci}, which has no draws: no intervals."
        warnings.append({"code": "no_intervals", "message": message})
    beyond = float(expected.decades_beyond_data.max())
    if beyond > 0:
        message = (
            f"up to {beyond:.1f} decades of compute beyond the largest run; the intervals hold if "
            "the law does."
        )
        warnings.append({"code": "extrapolation", "message": message})
    return warnings


def _text(found: Fit, expected: Prediction) -> str:
    from isoloss.runs import format_quantity

    unit = expected.loss_unit
    said = {name: flop_text if name == "C" else format_quantity for name in expected.x}
    names = [_HEADS.get(name, name) for name in expected.x]
    level = f"{found.level:.0%}"
    rows = [[*names, f"loss ({unit})", f"new run {level}", f"law {level}", "decades beyond data"]]
    for i, (loss, mean) in enumerate(zip(expected.loss, expected.loss_mean, strict=True)):
        decades = float(expected.decades_beyond_data[i])
        rows.append(
            [
                *(said[name](float(values[i])) for name, values in expected.x.items()),
                f"{mean.estimate:.4f}",
                _ends(loss),
                _ends(mean),
                "inside" if decades == 0 else f"{decades:.1f}",
            ]
        )
    meaning = found.points.conventions
    lines = [
        f"{found.law.name} on {found.n_runs} runs, N = {meaning.n}, intervals by {found.ci}",
        columns(rows, align=">" * len(rows[0])),
        *(f"  ! {warning['message']}" for warning in _warnings(found, expected)),
        footer(found.points.data_hash, found.seed),
    ]
    return "\n".join(lines)


_HEADS = {
    "N": "N (params)",
    "D": "D (tokens)",
    "U": "U (tokens)",
    "C": "C (FLOP)",
    "S": "S (steps)",
}


def _ends(quantity: Quantity) -> str:
    return "-" if quantity.lo != quantity.lo else f"{quantity.lo:.4f} to {quantity.hi:.4f}"
