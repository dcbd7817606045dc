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
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from isoloss.atomic import write_text
from isoloss.document import dumps, plain
from isoloss.errors import InputError, Where
from isoloss.training.corpora import open_corpus
from isoloss.training.counts import model_flop_per_token, param_counts
from isoloss.training.layout import LOG, RESULT, ROW
from isoloss.training.setting import Setting, Stopped
from isoloss.training.spec import RunSpec

if TYPE_CHECKING:
    from isoloss.training.ladder import Ladder

TRIES = 3
POLL_SECONDS = 0.1
GRACE_SECONDS = 10.0
LONGEST_WORDS = 200
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
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
    """
    corpus = ladder.corpus_folder
    values = run_fields(spec, home, corpus, setting.device)
    words = [fill(word, values) for word in split_template(spec.trainer)]
    environment = os.environ | {f"ISOLOSS_{name.upper()}": text for name, text in values.items()}
    if setting.device.startswith("cuda:"):
        environment["CUDA_VISIBLE_DEVICES"] = setting.device.removeprefix("cuda:")
    reason = ""
    for _ in range(TRIES):
        (home / RESULT).unlink(missing_ok=True)
        began = time.monotonic()
        reason = _call(words, environment, home, ladder, stop)
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
        if isinstance(value, dict | list):
            raise InputError(
                f'the column "{name[:60]}" is no single value.',
                code="bad_result",
                where=Where(file=str(path), field=name[:60]),
            )
    return values


def _call(
    words: list[str],
    environment: Mapping[str, str],
    home: Path,
    ladder: Ladder,
    stop: Callable[[], bool],
) -> str:
    """Run the command to its end; returns why it failed, or nothing."""
    log = home / LOG
    try:
        with log.open("wb") as file:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=ladder.trainer_folder,
                start_new_session=True,
            )
    except OSError as error:
        return f"{words[0]} cannot be started ({error.strerror or error})."
    limit = time.monotonic() + ladder.timeout_seconds
    try:
        while process.poll() is None:
            if stop():
                raise Stopped
            if time.monotonic() > limit:
                _end(process)
                return f"it took longer than {ladder.timeout_seconds:g} s; {_said(log)}"
            time.sleep(POLL_SECONDS)
    finally:
        if process.poll() is None:
            _end(process)
    if process.returncode < 0:
        return f"it was ended by signal {-process.returncode}; {_said(log)}"
    return f"it ended with {process.returncode}; {_said(log)}" if process.returncode else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started, kindly at first."""
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            process.wait()
            return
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            continue


def _said(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").strip()
    last = text.splitlines()[-1].strip() if text else ""
    return f"it said last: {last[:LONGEST_WORDS]}" if last else "it said nothing"


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
