"""How far is a ladder? Told from its files alone."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from isoloss.document import envelope
from isoloss.runs import format_quantity
from isoloss.training.counts import model_flop_per_token
from isoloss.training.ladder import Ladder, lines
from isoloss.training.layout import CURVE
from isoloss.training.peak import known_peak
from isoloss.training.spec import RunSpec
from isoloss.training.templates import run_flop


@dataclass(frozen=True)
class Active:
    """A run that was begun and is not finished.

    Attributes:
        run_id: its name.
        step: of its last measured point.
        steps: how many it will have.
        loss: the last training loss, nats per token.
        tokens_per_s: from its begin to that point.
        mfu: the share of the device's peak that this is; NaN where the peak is not known.
    """

    run_id: str
    step: int
    steps: int
    loss: float
    tokens_per_s: float
    mfu: float


@dataclass(frozen=True)
class Progress:
    """How far a ladder is.

    Attributes:
        name: of the ladder.
        folder: where it lies.
        done: finished runs that count.
        excluded: finished runs that do not, by reason.
        total: all runs.
        flop_done: training compute of the finished runs, FLOP.
        flop_total: of all runs.
        seconds: spent on the finished runs, summed over workers.
        active: runs in work, or left by a worker that died.
    """

    name: str
    folder: str
    done: int
    excluded: dict[str, int]
    total: int
    flop_done: float
    flop_total: float
    seconds: float
    active: tuple[Active, ...]

    @property
    def finished(self) -> int:
        """Runs that need no more training."""
        return self.done + sum(self.excluded.values())

    @property
    def worker_seconds_left(self) -> float:
        """Time that one worker would still need at the pace so far; NaN before the first run."""
        if not (self.flop_done > 0 and self.seconds > 0):
            return math.nan
        return (self.flop_total - self.flop_done) / (self.flop_done / self.seconds)

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.ladder``."""
        return envelope("ladder") | {
            "name": self.name,
            "folder": self.folder,
            "total": self.total,
            "done": self.done,
            "excluded": self.excluded,
            "flop_done": self.flop_done,
            "flop_total": self.flop_total,
            "worker_seconds": self.seconds,
            "worker_seconds_left": self.worker_seconds_left,
            "active": [vars(one) for one in self.active],
        }

    def summary(self) -> str:
        """A few lines."""
        lines = [
            f"{self.name}: {self.finished} of {self.total} runs, "
            f"{self.flop_done:.3g} of {self.flop_total:.3g} FLOP, "
            f"{self.seconds:.0f} worker s so far"
        ]
        for reason, count in self.excluded.items():
            lines.append(f"  {count} excluded: {reason}")
        for one in self.active:
            lines.append(
                f"  {one.run_id}  step {one.step} of {one.steps}, training loss {one.loss:.3f}, "
                f"{format_quantity(one.tokens_per_s)} tokens/s"
            )
        if self.finished < self.total and math.isfinite(self.worker_seconds_left):
            lines.append(f"  about {self.worker_seconds_left:.0f} worker s left")
        if self.finished == self.total:
            lines.append(f"  all done: isoloss fit {self.folder}/runs.parquet --n matmul")
        return "\n".join(lines)


@dataclass(frozen=True)
class Waiting:
    """The runs of a ladder that are still to be trained.

    Attributes:
        name: of the ladder.
        runs: in their order.
    """

    name: str
    runs: tuple[RunSpec, ...]

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.ladder_next``."""
        return envelope("ladder_next") | {
            "name": self.name,
            "runs": [
                {"run_id": spec.run_id, "flop": run_flop(spec), "spec": spec.to_dict()}
                for spec in self.runs
            ],
        }

    def summary(self) -> str:
        """One line per run."""
        lines = [f"{self.name}: {len(self.runs)} runs to train"]
        for spec in self.runs:
            lines.append(
                f"  {spec.run_id}  {spec.model.kind} {spec.model.d_model}x{spec.model.n_layers}, "
                f"{format_quantity(spec.tokens)} tokens, {run_flop(spec):.3g} FLOP, "
                f"lr {spec.optimization.lr:.3g}, seed {spec.seed}"
            )
        return "\n".join(lines)


def progress(ladder: Ladder, peak_flop_per_s: float = math.nan) -> Progress:
    """How far a ladder is.

    Args:
        ladder: the ladder.
        peak_flop_per_s: of each of its workers; by default what one of them measured last.
    """
    if math.isnan(peak_flop_per_s):
        peak_flop_per_s = known_peak(ladder.folder)
    excluded: Counter[str] = Counter()
    flop_done = seconds = 0.0
    done = 0
    active: list[Active] = []
    for planned in ladder.runs:
        spec = planned.spec
        row = ladder.row(spec)
        if row is None:
            active += _active(ladder, spec, peak_flop_per_s)
            continue
        flop_done += run_flop(spec)
        seconds += row.get("wall_seconds") or 0.0
        if row["status"] == "ok":
            done += 1
        else:
            excluded[str(row["reason"])] += 1
    return Progress(
        name=ladder.name,
        folder=str(ladder.folder),
        done=done,
        excluded=dict(excluded),
        total=len(ladder.runs),
        flop_done=flop_done,
        flop_total=sum(run_flop(planned.spec) for planned in ladder.runs),
        seconds=seconds,
        active=tuple(active),
    )


def waiting(ladder: Ladder) -> Waiting:
    """What is still to be trained."""
    return Waiting(ladder.name, tuple(planned.spec for planned in ladder.waiting()))


def _active(ladder: Ladder, spec: RunSpec, peak: float) -> list[Active]:
    points = list(lines(ladder.home(spec) / CURVE))
    if not points:
        return []
    last = points[-1]
    pace = last["tokens"] / last["seconds"] if last["seconds"] else math.nan
    loss = math.nan if last["train_loss"] is None else float(last["train_loss"])
    share = model_flop_per_token(spec.model) * pace / peak
    return [Active(spec.run_id, last["step"], spec.pacing.steps, loss, pace, share)]
