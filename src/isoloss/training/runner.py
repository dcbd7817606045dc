"""One run, or several of one shape, from the first step to a row of the runs table."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isoloss.atomic import write_text
from isoloss.document import dumps, plain
from isoloss.training.checkpoints import drop_checkpoints, load_checkpoint, save_checkpoint
from isoloss.training.corpora import Corpus
from isoloss.training.counts import model_flop_per_token, param_counts
from isoloss.training.layout import CURVE, ROW
from isoloss.training.schedules import lr_factors
from isoloss.training.spec import RunSpec
from isoloss.training.trainer import Measured, Trainer

LN2 = math.log(2.0)
QUICK_WINDOWS = 64  # of the validation set, at all points of the curve but the last


@dataclass(frozen=True)
class Setting:
    """Where and how runs are carried out; none of it changes a digit on a CPU.

    Attributes:
        device: ``cpu``, ``cuda``, ...
        device_name: for the table.
        checkpoint_seconds: how often the state is written.
        peak_flop_per_s: of the device, measured; for the utilisation. NaN where it is not known.
    """

    device: str = "cpu"
    device_name: str = "cpu"
    checkpoint_seconds: float = 30.0
    peak_flop_per_s: float = math.nan


def carry_out(
    specs: Sequence[RunSpec],
    corpus: Corpus,
    folders: Sequence[Path],
    setting: Setting,
    labels: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Train runs that share a shape to their end, going on where a state is kept.

    Args:
        specs: the runs, alike as `Trainer` wants them.
        corpus: what they read.
        folders: of each run: curve, states and row go there.
        setting: where it happens.
        labels: of each run, for its row: ``group``, ``flop_budget``, ...

    Returns:
        The rows, also written to the folders.
    """
    trainer = Trainer(specs, corpus, setting.device)
    home = folders[0]
    spent, curves = _resume(trainer, home, folders)
    points = _points(specs[0])
    began, kept = time.monotonic(), time.monotonic()
    while not trainer.finished and not trainer.diverged.all():
        target = next(point for point in points if point > trainer.step)
        while trainer.step < target and not trainer.diverged.all():
            trainer.advance(min(target - trainer.step, 50))
            if time.monotonic() - kept > setting.checkpoint_seconds:
                _keep(trainer, home, spent + time.monotonic() - began, curves)
                kept = time.monotonic()
        if trainer.step in points and not trainer.finished:
            _measure(trainer, folders, curves, QUICK_WINDOWS, spent + time.monotonic() - began)
            _keep(trainer, home, spent + time.monotonic() - began, curves)
            kept = time.monotonic()
    seconds = spent + time.monotonic() - began
    final = {name: trainer.evaluate(name) for name in trainer.readers[0].domains}
    rows = [_row(trainer, i, final, seconds, setting, labels[i], corpus) for i in range(len(specs))]
    for folder, row in zip(folders, rows, strict=True):
        write_text(folder / ROW, dumps(row))
    drop_checkpoints(home)
    return rows


def _points(spec: RunSpec) -> list[int]:
    """The steps at which the curve is measured, log-spaced, the last step always."""
    steps = spec.pacing.steps
    found = np.geomspace(max(1, steps / 2 ** (spec.evals - 1)), steps, spec.evals)
    return sorted({*np.ceil(found).astype(int).tolist(), steps})


def _resume(
    trainer: Trainer, home: Path, folders: Sequence[Path]
) -> tuple[float, list[list[dict[str, Any]]]]:
    state = load_checkpoint(home)
    if state is None:
        curves: list[list[dict[str, Any]]] = [[] for _ in folders]
        seconds = 0.0
    else:
        trainer.restore(state)
        seconds = float(state["seconds"])
        curves = json.loads(bytes(state["curves"]).decode())
    # Lines written after the state was kept are written again.
    for folder, curve in zip(folders, curves, strict=True):
        write_text(folder / CURVE, "".join(json.dumps(line) + "\n" for line in curve))
    return seconds, curves


def _keep(trainer: Trainer, home: Path, seconds: float, curves: list[list[dict[str, Any]]]) -> None:
    text = np.frombuffer(json.dumps(curves).encode(), dtype=np.uint8)
    save_checkpoint(home, trainer.state() | {"seconds": np.array(seconds), "curves": text})


def _measure(
    trainer: Trainer,
    folders: Sequence[Path],
    curves: list[list[dict[str, Any]]],
    most: int,
    seconds: float,
) -> None:
    found = {name: trainer.evaluate(name, most) for name in trainer.readers[0].domains}
    for i, folder in enumerate(folders):
        spec = trainer.specs[i]
        line: dict[str, Any] = {
            "step": trainer.step,
            "tokens": trainer.step * spec.batch_tokens,
            "lr": spec.optimization.lr * float(lr_factors(spec)[trainer.step - 1]),
            "train_loss": float(trainer.last_loss[i]),
            "seconds": round(seconds, 3),
        }
        line |= {f"loss_{name}": measured[i].loss for name, measured in found.items()}
        line = plain(line)
        curves[i].append(line)
        with (folder / CURVE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _row(
    trainer: Trainer,
    i: int,
    final: Mapping[str, list[Measured]],
    seconds: float,
    setting: Setting,
    labels: Mapping[str, Any],
    corpus: Corpus,
) -> dict[str, Any]:
    """One line of the runs table, in its canonical columns and some of its own."""
    spec = trainer.specs[i]
    model, how, pace = spec.model, spec.optimization, spec.pacing
    reader = trainer.readers[i]
    tokens = trainer.step * spec.batch_tokens
    flop = model_flop_per_token(model) * tokens
    mean = _mixed(final, i, spec, reader.domains)
    diverged = bool(trainer.diverged[i])
    per_byte = corpus.tokenizer == "bytes"
    mixed_bytes = sum(corpus.bytes_per_token(name) for name in reader.domains)
    factors = lr_factors(spec)
    row: dict[str, Any] = {
        "run_id": spec.run_id,
        "status": "excluded" if diverged else "ok",
        "reason": "diverged" if diverged else None,
        "seed": spec.seed,
        "n_layers": model.n_layers,
        "d_model": model.d_model,
        "n_heads": model.n_heads,
        "n_kv_heads": model.n_kv_heads,
        "d_ff": model.d_ff,
        "vocab": model.vocab,
        "seq_len": model.seq_len,
        "tied": model.tied,
        "gated": model.gated,
    }
    row |= {f"n_{name}": count for name, count in param_counts(model).items()}
    row |= {
        "tokens": tokens,
        "unique_tokens": reader.seen_tokens,
        "steps": trainer.step,
        "steps_planned": pace.steps,
        "batch_tokens": spec.batch_tokens,
        "batch_sequences": pace.batch_sequences,
        "flop": flop,
        "flop_convention": "palm",
        "lr": how.lr,
        "lr_schedule": pace.schedule,
        "lr_final": how.lr * float(factors[-1]),
        "warmup_tokens": round(pace.warmup * pace.steps) * spec.batch_tokens,
        "weight_decay": how.weight_decay,
        "optimizer": how.name,
        "dataset": f"corpus {corpus.digest}",
        "tokenizer": corpus.tokenizer,
        "eval_set": "+".join(f"{name}/valid" for name in reader.domains),
        "loss": mean.loss,
        "loss_unit": "nats/byte" if per_byte else "nats/token",
        "loss_kind": "final",
        "loss_se": mean.standard_error,
        "bits_per_byte": mean.loss / LN2 * len(reader.domains) / mixed_bytes,
        "device": setting.device_name,
        "n_devices": 1,
        "wall_seconds": round(seconds, 3),
        "mfu": flop / seconds / setting.peak_flop_per_s if seconds > 0 else None,
        "architecture": model.kind,
        "parametrization": how.parametrization,
        "token_shift": model.token_shift,
        "train_loss_last": float(trainer.last_loss[i]),
    }
    row |= {f"loss_{name}": measured[i].loss for name, measured in final.items()}
    row |= {f"share_{name}": share for name, share in spec.data.mixture.items()}
    return plain(row | dict(labels))


def _mixed(
    final: Mapping[str, list[Measured]], i: int, spec: RunSpec, domains: Sequence[str]
) -> Measured:
    """The loss over all domains that the run reads, each counting the same."""
    parts = [final[name][i] for name in domains]
    return Measured(
        sum(part.loss for part in parts) / len(parts),
        math.sqrt(sum(part.standard_error**2 for part in parts)) / len(parts),
    )
