"""A backtest as one JSON file, and back, without loss."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from isoloss.atomic import write_text
from isoloss.document import dumps, pack, read_document, restoring, unpack
from isoloss.fitting import Quantity
from isoloss.runs import Conventions
from isoloss.validation.answer import Answer
from isoloss.validation.result import Backtest, CutScores, Drift
from isoloss.validation.score import Score
from isoloss.validation.verdict import Finding

_ARRAYS = ("loss", "expected", "spread", "law_spread", "factor", "tier", "miss")
_PARTS = ("n_params", "tokens", "loss")


def save_backtest(backtest: Backtest, path: str | Path) -> None:
    """Write a backtest to a JSON file: its document, plus ``state`` from which it is read back."""
    state: dict[str, Any] = {
        "target_flop": backtest.target_flop.hex(),
        "conventions": {f.name: getattr(backtest.conventions, f.name) for f in fields(Conventions)},
        "cuts": [
            {
                "at": float(cut.at).hex(),
                "n_fit": cut.n_fit,
                "n_held_out": cut.n_held_out,
                "laws": {name: _score_to_dict(score) for name, score in cut.laws.items()},
            }
            for cut in backtest.cuts
        ],
        "drift": {
            name: [_drift_to_dict(drift) for drift in drifts]
            for name, drifts in backtest.drift.items()
        },
    }
    write_text(Path(path), dumps(backtest.to_dict() | {"state": state}))


def load_backtest(path: str | Path) -> Backtest:
    """Read a backtest from a JSON file.

    Raises:
        InputError: the file is missing, not JSON, or not a backtest of a known version.
    """
    hint = "A backtest is written by isoloss backtest RUNS --save FILE."
    document = read_document(path, "backtest", hint)
    with restoring("backtest", path, "Make it again with isoloss backtest ... --save FILE."):
        return _backtest(document, document["state"])


def _backtest(document: dict[str, Any], state: dict[str, Any]) -> Backtest:
    return Backtest(
        by=document["by"],
        target_flop=float.fromhex(state["target_flop"]),
        flop_per_token=document["flop_per_token"],
        cuts=tuple(_cut(cut) for cut in state["cuts"]),
        drift={
            name: tuple(_drift(drift) for drift in drifts)
            for name, drifts in state["drift"].items()
        },
        findings={
            name: tuple(Finding(**one) for one in found)
            for name, found in document["findings"].items()
        },
        notes=tuple(Finding(**one) for one in document["notes"]),
        ci=document["ci"],
        draws=document["n_draws"],
        seed=document["seed"],
        conventions=Conventions(**state["conventions"]),
        data_hash=document["data_hash"],
        n_runs=document["n_runs"],
    )


def _score_to_dict(score: Score) -> dict[str, Any]:
    return {
        "status": score.status,
        "estimate": {name: float(value).hex() for name, value in score.estimate.items()},
        "run_id": list(score.run_id),
        "arrays": {name: pack(getattr(score, name)) for name in _ARRAYS},
        "inside": {
            float(level).hex(): pack(hits.astype(np.uint8)) for level, hits in score.inside.items()
        },
        "ends": {float(level).hex(): pack(ends) for level, ends in score.ends.items()},
    }


def _cut(stored: dict[str, Any]) -> CutScores:
    return CutScores(
        float.fromhex(stored["at"]),
        stored["n_fit"],
        stored["n_held_out"],
        {name: _score(score) for name, score in stored["laws"].items()},
    )


def _score(stored: dict[str, Any]) -> Score:
    return Score(
        status=stored["status"],
        estimate={name: float.fromhex(text) for name, text in stored["estimate"].items()},
        run_id=tuple(stored["run_id"]),
        **{name: unpack(packed) for name, packed in stored["arrays"].items()},
        inside={
            float.fromhex(level): unpack(packed).astype(np.bool_)
            for level, packed in stored["inside"].items()
        },
        ends={float.fromhex(level): unpack(packed) for level, packed in stored["ends"].items()},
    )


def _drift_to_dict(drift: Drift) -> dict[str, Any]:
    answer = drift.answer and {part: _hex(getattr(drift.answer, part)) for part in _PARTS}
    return {
        "fit_up_to_flop": float(drift.fit_up_to_flop).hex(),
        "n_fit": drift.n_fit,
        "answer": answer,
    }


def _drift(stored: dict[str, Any]) -> Drift:
    answer = stored["answer"]
    parts = answer and {part: Quantity(*map(float.fromhex, answer[part])) for part in _PARTS}
    return Drift(
        float.fromhex(stored["fit_up_to_flop"]),
        stored["n_fit"],
        Answer(**parts) if parts else None,
    )


def _hex(quantity: Quantity) -> list[str]:
    ends = (quantity.estimate, quantity.lo, quantity.hi, quantity.level)
    return [float(value).hex() for value in ends]
