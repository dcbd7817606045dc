"""One run, or several of one shape, from the first step to a row of the runs table."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isoloss.atomic import write_text
from isoloss.document import dumps, plain
from isoloss.training.checkpoints import (
    drop_checkpoints,
    load_checkpoint,
    save_checkpoint,
    saved_steps,
)
from isoloss.training.corpora import Corpus
from isoloss.training.counts import model_flop_per_token, param_counts
from isoloss.training.layout import ATTEMPTS, CURVE, ROW
from isoloss.training.schedules import lr_factors
from isoloss.training.setting import Setting, Stopped
from isoloss.training.spec import RunSpec
from isoloss.training.trainer import Measured, Trainer

LN2 = math.log(2.0)
QUICK_WINDOWS = 64  # of the validation set, at all points of the curve but the last
STRIDE = 50  # steps between looks at the clock, the loss and the wish to stop


def carry_out(
    specs: Sequence[RunSpec],
    corpus: Corpus,
    folders: Sequence[Path],
    setting: Setting,
    labels: Sequence[Mapping[str, Any]],
    *,
    stop: Callable[[], bool] = lambda: False,
    trunk: Path | None = None,
) -> list[dict[str, Any]]:
    """Train runs that share a shape to their end, going on where a state is kept.

    Args:
        specs: the runs, alike as `Trainer` wants them.
        corpus: what they read.
        folders: of each run: curve, states and row go there.
        setting: where it happens.
        labels: of each run, for its row: ``group``, ``flop_budget``, ...
        stop: asked every few steps; when it says so the state is kept and the work ends.
        trunk: the folder of the stable run that this one, of schedule ``wsd``, branches from.

    Returns:
        The rows, also written to the folders.

    Raises:
        Stopped: ``stop`` said so.
        InputError: the disk is full.
    """
    work = _Work(specs, corpus, folders, setting, trunk)
    trainer, points = work.trainer, _points(specs[0])
    fork = _decay_start(specs[0]) if trunk is not None else -1
    halts = sorted({*points, fork} - {-1, 0})
    while True:
        if trainer.step == fork and trunk is not None and not trainer.diverged.any():
            work.keep_trunk(trunk)
        if trainer.finished or trainer.diverged.all():
            break
        if trainer.step in points and not work.measured:
            work.measure(QUICK_WINDOWS)
            work.keep()
        if stop() if setting.team is None else setting.team.share(stop()):
            work.keep()
            raise Stopped
        if time.monotonic() - work.kept > setting.checkpoint_seconds:
            work.keep()
        target = next(point for point in halts if point > trainer.step)
        trainer.advance(min(target - trainer.step, STRIDE))
    work.keep()
    domains = sorted({name for reader in trainer.readers for name in reader.domains})
    alive = not trainer.diverged.all()
    final = {name: trainer.evaluate(name) for name in domains if alive}
    rows = [_row(work, i, final, labels[i]) for i in range(len(specs))]
    for folder, row in zip(folders, rows, strict=True):
        if not setting.leads:
            continue
        write_text(folder / ROW, dumps(row))
        drop_checkpoints(folder)
    return rows


class _Work:
    """Runs in training, their curves and their time so far."""

    def __init__(
        self,
        specs: Sequence[RunSpec],
        corpus: Corpus,
        folders: Sequence[Path],
        setting: Setting,
        trunk: Path | None,
    ) -> None:
        self.trainer = Trainer(specs, corpus, setting.device, setting.team)
        self.corpus, self.folders, self.setting = corpus, folders, setting
        self.curves: list[list[dict[str, Any]]] = [[] for _ in folders]
        self.begun_at = 0
        self._spent = 0.0
        self._began = self.kept = time.monotonic()
        states = self._found(trunk)
        if states:
            self.trainer.restore(states)
            if "curves" in states[0]:
                self._spent = float(states[0]["seconds"])
                self.begun_at = int(states[0]["begun_at"])
                self.curves = [json.loads(bytes(state["curves"]).decode()) for state in states]
            else:
                self.begun_at = self.trainer.step
        # Lines written after the state was kept are written again.
        for i in range(len(folders)):
            self._write_curve(i)

    def _found(self, trunk: Path | None) -> list[dict[str, Any]]:
        """The state of every run to go on from, their own or that of the trunk; none at first."""
        states: list[dict[str, Any]] = []
        if self.setting.leads:
            common = common_steps(self.folders)
            if common:
                found = [load_checkpoint(folder, max(common)) for folder in self.folders]
                states = [state for state in found if state is not None]
            elif trunk is not None:
                state = load_checkpoint(trunk, _decay_start(self.trainer.specs[0]))
                states = [] if state is None else [state]
        return states if self.setting.team is None else self.setting.team.share(states)

    def _write_curve(self, i: int) -> None:
        if self.setting.leads:
            text = "".join(json.dumps(point) + "\n" for point in self.curves[i])
            write_text(self.folders[i] / CURVE, text)

    @property
    def seconds(self) -> float:
        """Time of each run: those that train side by side share it."""
        share = (time.monotonic() - self._began) / len(self.folders)
        return self._spent + share

    @property
    def measured(self) -> bool:
        """Whether the curves have a point at this step, as after a stop right there."""
        return all(curve and curve[-1]["step"] == self.trainer.step for curve in self.curves)

    def keep(self) -> None:
        """Write the state of every run; from here on deaths of its worker count anew."""
        self.kept = time.monotonic()
        if not self.setting.leads:
            return
        for folder, curve, state in zip(
            self.folders, self.curves, self.trainer.states(), strict=True
        ):
            text = np.frombuffer(json.dumps(curve).encode(), dtype=np.uint8)
            own = {
                "seconds": np.array(self.seconds),
                "begun_at": np.array(self.begun_at),
                "curves": text,
            }
            save_checkpoint(folder, state | own)
            if (folder / ATTEMPTS).exists():
                write_text(folder / ATTEMPTS, "0")

    def keep_trunk(self, trunk: Path) -> None:
        """Write the state from which longer runs of the same trunk go on."""
        if self.setting.leads:
            save_checkpoint(trunk, self.trainer.states()[0])

    def measure(self, most: int) -> None:
        """Add a point to each curve."""
        trainer = self.trainer
        domains = sorted({name for reader in trainer.readers for name in reader.domains})
        found = {name: trainer.evaluate(name, most) for name in domains}
        for i, spec in enumerate(trainer.specs):
            line: dict[str, Any] = {
                "step": trainer.step,
                "tokens": trainer.step * spec.batch_tokens,
                "lr": spec.optimization.lr * float(lr_factors(spec)[trainer.step - 1]),
                "train_loss": float(trainer.last_loss[i]),
                "seconds": round(self.seconds, 3),
            }
            line |= {f"loss_{name}": found[name][i].loss for name in trainer.readers[i].domains}
            line = plain(line)
            if self.curves[i] and self.curves[i][-1]["step"] == trainer.step:
                continue  # kept from another company
            self.curves[i].append(line)
            self._write_curve(i)


def common_steps(folders: Sequence[Path]) -> set[int]:
    """The steps at which every one of these runs has a whole state."""
    return set[int].intersection(*(saved_steps(folder) for folder in folders))


def _decay_start(spec: RunSpec) -> int:
    """The first step of a ``wsd`` run at which the rate is below its peak."""
    factors = lr_factors(spec)
    warm = round(spec.pacing.warmup * spec.pacing.steps)
    return int(warm + np.argmax(factors[warm:] < 1.0))


def _points(spec: RunSpec) -> list[int]:
    """The steps at which the curve is measured, log-spaced, the last step always."""
    steps = spec.pacing.steps
    found = np.geomspace(max(1, steps / 2 ** (spec.evals - 1)), steps, spec.evals)
    return sorted({*np.ceil(found).astype(int).tolist(), steps})


def _row(
    work: _Work, i: int, final: Mapping[str, list[Measured]], labels: Mapping[str, Any]
) -> dict[str, Any]:
    """One line of the runs table, in its canonical columns and some of its own."""
    trainer, corpus, setting = work.trainer, work.corpus, work.setting
    spec = trainer.specs[i]
    model, how, pace = spec.model, spec.optimization, spec.pacing
    reader = trainer.readers[i]
    diverged = bool(trainer.diverged[i])
    steps = int(trainer.left_at[i]) if diverged else trainer.step
    tokens = steps * spec.batch_tokens
    flop = model_flop_per_token(model) * tokens
    spent = flop * (steps - work.begun_at) / steps
    seconds = work.seconds
    devices = 1 if setting.team is None else setting.team.size
    peak = setting.peak_flop_per_s * devices
    unknown = Measured(math.nan, math.nan)
    mean = unknown if diverged else _mixed(final, i, reader.domains)
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
        "steps": steps,
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
        **corpus.columns(reader.domains),
        "tokenizer": corpus.tokenizer,
        "bytes_per_token": mixed_bytes / len(reader.domains),
        "eval_set": "+".join(f"{name}/valid" for name in reader.domains),
        "loss": mean.loss,
        "loss_unit": "nats/byte" if per_byte else "nats/token",
        "loss_kind": "final",
        "loss_se": mean.standard_error,
        "bits_per_byte": mean.loss / LN2 * len(reader.domains) / mixed_bytes,
        "device": setting.device_name,
        "n_devices": devices,
        "wall_seconds": round(seconds, 3),
        "mfu": spent / seconds / peak if seconds > 0 else None,
        "flop_spent": spent,
        "architecture": model.kind,
        "parametrization": how.parametrization,
        "token_shift": model.token_shift,
        "train_loss_last": float(trainer.last_loss[i]),
    }
    if not diverged:
        row |= {f"loss_{name}": final[name][i].loss for name in reader.domains}
    row |= {f"share_{name}": share for name, share in spec.data.mixture.items()}
    return plain(row | dict(labels))


def _mixed(final: Mapping[str, list[Measured]], i: int, domains: Sequence[str]) -> Measured:
    """The loss over all domains that the run reads, each counting the same."""
    parts = [final[name][i] for name in domains]
    return Measured(
        sum(part.loss for part in parts) / len(parts),
        math.sqrt(sum(part.standard_error**2 for part in parts)) / len(parts),
    )
