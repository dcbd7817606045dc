"""The fit of a sweep as one JSON file, and back, without loss."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isoloss.atomic import write_text
from isoloss.document import dumps, pack, read_document, restoring, unpack
from isoloss.fitting.quantity import Notice, Quantity
from isoloss.fitting.sweeps.advice import NextRun
from isoloss.fitting.sweeps.cells import Cell
from isoloss.fitting.sweeps.law import SweepLaw
from isoloss.fitting.sweeps.regret import Regret
from isoloss.fitting.sweeps.result import SweepFit
from isoloss.fitting.sweeps.surface import Quadratic
from isoloss.fitting.sweeps.table import SweepRuns
from isoloss.runs import Conventions

HINT = "A fit of a sweep is written by isoloss sweep SWEEP.csv --save FILE."
_RUNS = ("params", "tokens", "lr", "batch_tokens", "loss", "cell")
_LAW = ("theta", "draws", "curvature", "curvature_draws", "scatter")
_SURFACE = ("centre", "coefficients", "covariance")
_COUNTS = ("n_runs", "n_counted", "n_settings", "n_diverged")


def save_sweep_fit(fit: SweepFit, path: str | Path) -> None:
    """Write a fit to a JSON file: its document, plus ``state`` to read it back from."""
    law = fit.law
    state = {
        "runs": {name: pack(getattr(fit.runs, name)) for name in _RUNS},
        "run_notices": [notice.to_dict() for notice in fit.runs.notices],
        "law": None
        if law is None
        else {name: pack(getattr(law, name)) for name in _LAW}
        | {"centre": pack(np.array(law.centre)), "seed": law.seed, "level": law.level},
        "surfaces": [
            None
            if cell.surface is None
            else {name: pack(getattr(cell.surface, name)) for name in _SURFACE}
            | {
                name: getattr(cell.surface, name)
                for name in ("spread", "n_runs", "n_settings", "freedom")
            }
            for cell in fit.cells
        ],
    }
    write_text(Path(path), dumps(fit.to_dict() | {"state": state}))


def load_sweep_fit(path: str | Path) -> SweepFit:
    """Read a fit from a JSON file.

    Raises:
        InputError: the file is missing, not JSON, or not the fit of a sweep.
    """
    document = read_document(path, "sweep_fit", HINT)
    with restoring("fit", path, HINT, "damaged_sweep_fit"):
        return _fit(document)


def _fit(document: dict[str, Any]) -> SweepFit:
    state, axes = document["state"], tuple(document["axes"])
    arrays: dict[str, Any] = {name: unpack(state["runs"][name]) for name in _RUNS}
    runs = SweepRuns(
        **arrays,
        axes=axes,
        conventions=Conventions(**document["conventions"]),
        data_hash=document["data_hash"],
        notices=_notices(state["run_notices"]),
    )
    cells = tuple(
        _cell(stored, surface)
        for stored, surface in zip(document["cells"], state["surfaces"], strict=True)
    )
    return SweepFit(
        axes=axes,
        cells=cells,
        law=None if state["law"] is None else _law(document["law"], state["law"], axes),
        status=document["status"],
        status_message=document["status_message"],
        regrets=tuple(_regret(stored) for stored in document["regrets"]),
        runs=runs,
        within=document["within"],
        skew=document["skew"],
        robust=document["robust"],
        cluster=document["cluster"],
        level=document["level"],
        seed=document["seed"],
        seed_noise=_number(document["seed_noise"]),
        warnings=_notices(document["warnings"]),
    )


def _law(stored: dict[str, Any], state: dict[str, Any], axes: tuple[str, ...]) -> SweepLaw:
    arrays: dict[str, Any] = {name: unpack(state[name]) for name in _LAW}
    centre = unpack(state["centre"])
    return SweepLaw(
        **arrays,
        axes=axes,
        terms=tuple(stored["terms"]),
        centre=(float(centre[0]), float(centre[1])),
        noise=stored["noise"],
        params_range=_pair(stored["params_range"]),
        tokens_range=_pair(stored["tokens_range"]),
        slope=stored["slope"],
        n_cells=stored["n_cells"],
        level=state["level"],
        seed=state["seed"],
    )


def _cell(stored: dict[str, Any], surface: dict[str, Any] | None) -> Cell:
    counts: dict[str, int] = {name: stored[name] for name in _COUNTS}
    best = dict(stored["best"])
    loss = best.pop("loss")
    return Cell(
        **counts,
        params=stored["n_params"],
        tokens=stored["tokens"],
        best=best,
        best_loss=loss,
        lr_diverged=_number(stored["lr_diverged"]),
        optimum=_quantities(stored["optimum"]),
        loss=_quantity(stored["loss"]),
        status=stored["status"],
        edges=tuple(stored["edges"]),
        message=stored["message"],
        pooled=_quantities(stored["pooled"]),
        law=_numbers(stored["law"]),
        cost=_quantities(stored["cost_2x_off"]),
        measured={
            axis: (_number(pair["half"]), _number(pair["twice"]))
            for axis, pair in stored["measured_2x_off"].items()
        },
        next=None if stored["next"] is None else _next(stored["next"]),
        surface=None if surface is None else _surface(surface),
    )


def _surface(state: dict[str, Any]) -> Quadratic:
    arrays: dict[str, Any] = {name: unpack(state[name]) for name in _SURFACE}
    return Quadratic(
        **arrays,
        spread=state["spread"],
        n_runs=state["n_runs"],
        n_settings=state["n_settings"],
        freedom=state["freedom"],
    )


def _next(stored: dict[str, Any]) -> NextRun:
    return NextRun(dict(stored["setting"]), stored["why"], _numbers(stored["shrink"]))


def _regret(stored: dict[str, Any]) -> Regret:
    return Regret(
        held_out=stored["held_out"],
        cells=tuple(stored["cells"]),
        nearest=np.array(stored["nearest_by_cell"], dtype=np.float64),
        interpolated=np.array(stored["interpolated_by_cell"], dtype=np.float64),
        inside=np.array(stored["inside_by_cell"], dtype=np.bool_),
    )


def _quantities(stored: Mapping[str, Any]) -> dict[str, Quantity]:
    return {axis: _quantity(value) for axis, value in stored.items()}


def _quantity(stored: Mapping[str, Any]) -> Quantity:
    estimate, lo, hi = (_number(stored[name]) for name in ("estimate", "lo", "hi"))
    return Quantity(estimate, lo, hi, stored["level"])


def _numbers(stored: Mapping[str, Any]) -> dict[str, float]:
    return {axis: _number(value) for axis, value in stored.items()}


def _number(value: float | None) -> float:
    """Null stands for what is not known."""
    return float("nan") if value is None else float(value)


def _pair(values: list[float]) -> tuple[float, float]:
    low, high = values
    return float(low), float(high)


def _notices(stored: list[dict[str, str]]) -> tuple[Notice, ...]:
    return tuple(Notice(notice["code"], notice["message"]) for notice in stored)
