"""Bring your own trainer: a command is called for each run and leaves one line of JSON.

    trainer = "python train.py --n-layers {n_layers} --width {d_model} --lr {lr} --out {out}"

The template is split into words first, as a shell would split it, and filled in afterwards; no
shell ever sees it, so a value cannot become a second word or command. The same fields are in the
environment as ``ISOLOSS_N_LAYERS`` and so on.
"""

from __future__ import annotations

import json
import math
import os
import platform
import re
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from isoloss.atomic import write_text
from isoloss.document import dumps, plain
from isoloss.errors import InputError, Where
from isoloss.runs.columns import BY_NAME
from isoloss.training.calls import LONGEST_WORDS, call
from isoloss.training.corpora import open_corpus
from isoloss.training.counts import model_flop_per_token, param_counts
from isoloss.training.layout import RESULT, ROW
from isoloss.training.setting import Setting
from isoloss.training.spec import RunSpec

if TYPE_CHECKING:
    from isoloss.training.ladder import Ladder

TRIES = 3
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_COUNTS = ("params", "n_matmul", "n_total", "n_nonemb", "n_active")
_OWN = ("run_id", "status", "reason", "group", "flop_budget", "branch_of")


class CommandFailed(Exception):
    """The command did not leave a loss, however often it was tried; says what it printed last."""


def split_template(template: str) -> list[str]:
    """The words of a command template, not yet filled in.

    Raises:
        InputError: it cannot be split, is empty or holds an unknown placeholder.
    """
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise _bad(template, f"the command cannot be split into words ({error}).") from None
    if not words:
        raise _bad(template, "the command is empty.")
    known = {name: "" for name in field_names()}
    for word in words:
        fill(word, known)
    return words


def fill(word: str, values: Mapping[str, str]) -> str:
    """A word with its {placeholders} replaced; {{ and }} stand for braces.

    Raises:
        InputError: a placeholder is unknown, or a brace stands alone.
    """

    def one(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        name = found[1]
        if name is None:
            raise _bad(word, f'the brace "{found[0]}" stands alone; write it twice to mean it.')
        if name not in values:
            raise _bad(word, f'there is no field "{name[:60]}".')
        return values[name]

    return _PLACEHOLDER.sub(one, word)


def field_names() -> tuple[str, ...]:
    """The fields that a template may name, sorted."""
    return tuple(sorted(_of_spec(RunSpec()) | dict.fromkeys(("out", "home", "corpus", "device"))))


def run_fields(spec: RunSpec, home: Path, corpus: Path | None, device: str) -> dict[str, str]:
    """What a command is told about a run, as text.

    Args:
        spec: the run.
        home: its folder, for states of the trainer's own.
        corpus: the folder of the corpus; None where the ladder has none.
        device: ``cpu``, ``cuda:0``, ...
    """
    told = _of_spec(spec) | {
        "out": str((home / RESULT).resolve()),
        "home": str(home.resolve()),
        "corpus": "" if corpus is None else str(corpus.resolve()),
        "device": device,
    }
    return {name: _text(value) for name, value in told.items()}


def run_command(
    spec: RunSpec,
    home: Path,
    ladder: Ladder,
    setting: Setting,
    labels: Mapping[str, Any],
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Have a run trained by its command, up to three times.

    Returns:
        Its row, also written to its folder.

    Raises:
        CommandFailed: it left no loss.
        Stopped: ``stop`` said so; the command was ended.
        InputError: the folder that it is called in is missing here.
    """
    folder, corpus = ladder.trainer_folder, ladder.corpus_folder
    if folder is not None and not folder.is_dir():
        raise InputError(
            f"the trainer is called in this folder, and {platform.node()} does not have it.",
            code="no_trainer_folder",
            where=Where(file=str(folder)),
            hint="Put the folder of the ladder's file at the same place on every machine.",
        )
    values = run_fields(spec, home, corpus, setting.device)
    words = [fill(word, values) for word in split_template(spec.trainer)]
    environment = os.environ | {f"ISOLOSS_{name.upper()}": text for name, text in values.items()}
    if setting.device.startswith("cuda:"):
        environment["CUDA_VISIBLE_DEVICES"] = setting.device.removeprefix("cuda:")
    reason = ""
    for _ in range(TRIES):
        (home / RESULT).unlink(missing_ok=True)
        began = time.monotonic()
        reason = call(words, environment, home, folder, ladder.timeout_seconds, stop)
        if reason:
            continue
        try:
            found = _of_corpus(spec, corpus) | read_result(home / RESULT)
        except InputError as error:
            reason = error.message
            continue
        row = _row(spec, found, time.monotonic() - began, setting, labels)
        write_text(home / ROW, dumps(row))
        return row
    raise CommandFailed(f"the trainer failed {TRIES} times: {reason}")


def _of_corpus(spec: RunSpec, folder: Path | None) -> dict[str, Any]:
    """What the row says of the texts, where the ladder has any."""
    if folder is None:
        return {}
    corpus = open_corpus(folder)
    named = [name for name, share in spec.data.mixture.items() if share > 0]
    return corpus.columns(named or list(corpus.domains))


def read_result(path: Path) -> dict[str, Any]:
    """The last line of a result: an object with ``loss`` and any further plain columns.

    Raises:
        InputError: there is no such line; the message says what there is.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    if not lines:
        raise InputError(
            "it ended well but wrote no result.", code="no_result", where=Where(file=str(path))
        )
    try:
        found: Any = json.loads(lines[-1])
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(
            f"found {lines[-1][:LONGEST_WORDS]!r} where a line of JSON with a loss is expected.",
            code="bad_result",
            where=Where(file=str(path)),
        )
    values = cast("dict[str, Any]", found)
    loss = values.get("loss")
    if isinstance(loss, bool) or not isinstance(loss, int | float):
        raise InputError(
            f"found {loss!r} where the loss of the run is expected.",
            code="bad_result",
            where=Where(file=str(path), field="loss"),
        )
    for name, value in values.items():
        column = BY_NAME.get(name)
        if isinstance(value, dict | list):
            message = f'the column "{name[:60]}" is no single value.'
        elif column is not None and column.core and not isinstance(value, int | float | None):
            message = f"found {value!r:.60} where {name} ({column.meaning}) is expected."
        else:
            continue
        raise InputError(message, code="bad_result", where=Where(file=str(path), field=name[:60]))
    return values


def _row(
    spec: RunSpec,
    found: Mapping[str, Any],
    seconds: float,
    setting: Setting,
    labels: Mapping[str, Any],
) -> dict[str, Any]:
    """What was planned, overridden by what the command reports."""
    finite = math.isfinite(found["loss"])
    told = {name: value for name, value in found.items() if name not in _OWN}
    of_spec = _of_spec(spec)
    if told.get("tokens"):
        of_spec["flop"] *= told["tokens"] / spec.tokens
    row: dict[str, Any] = {"run_id": spec.run_id}
    row |= {"status": "ok" if finite else "excluded", "reason": None if finite else "diverged"}
    kept = ("seed", "n_layers", "d_model", "n_heads", "n_kv_heads", "d_ff", "vocab", "seq_len")
    kept += ("tied", "gated", "n_total", "n_nonemb", "n_matmul", "n_active", "tokens", "steps")
    kept += ("batch_tokens", "batch_sequences", "flop", "lr", "weight_decay", "optimizer")
    row |= {name: of_spec[name] for name in kept}
    row |= {
        "lr_schedule": spec.pacing.schedule,
        "flop_convention": "palm",
        "loss_kind": "final",
        "loss_unit": "nats/token",
        "device": setting.device_name,
        "wall_seconds": round(seconds, 3),
        "architecture": spec.model.kind,
        "parametrization": spec.optimization.parametrization,
        # N is the count that the trainer gives, where it gives one.
        "n_convention": next((name.removeprefix("n_") for name in _COUNTS if told.get(name)), None),
    }
    return plain(row | told | dict(labels))


def _of_spec(spec: RunSpec) -> dict[str, Any]:
    """All fields of a run in one flat table, and what follows from them."""
    parts = spec.to_dict()
    flat: dict[str, Any] = {"seed": spec.seed, "evals": spec.evals, "run_id": spec.run_id}
    flat |= parts["model"] | parts["pacing"] | parts["optimization"]
    flat["optimizer"] = flat.pop("name")
    flat |= {name: parts["data"][name] for name in ("mixture", "unique_tokens")}
    flat |= {f"n_{name}": count for name, count in param_counts(spec.model).items()}
    flat["tokens"], flat["batch_tokens"] = spec.tokens, spec.batch_tokens
    flat["flop"] = model_flop_per_token(spec.model) * spec.tokens
    return flat


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True)
    # Floats to their last digit.
    return repr(value) if isinstance(value, float) else str(value)


def _bad(found: str, message: str) -> InputError:
    return InputError(
        message,
        code="bad_trainer",
        where=Where(field="trainer"),
        hint=f'In "{found[:LONGEST_WORDS]}". Fields: {", ".join(field_names())}.',
    )
