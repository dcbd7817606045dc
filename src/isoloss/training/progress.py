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
        seconds_left: that it still needs at this pace.
        flop_done: what it was trained so far, FLOP.
    """

    run_id: str
    step: int
    steps: int
    loss: float
    tokens_per_s: float
    mfu: float
    seconds_left: float
    flop_done: float

    def to_dict(self) -> dict[str, Any]:
        """What a document says of it."""
        return {name: value for name, value in vars(self).items() if name != "flop_done"}

    def words(self) -> list[str]:
        """What is known of it, for people."""
        found = [f"step {self.step} of {self.steps}"]
        if math.isfinite(self.loss):
            found.append(f"training loss {self.loss:.3f}")
        if math.isfinite(self.tokens_per_s):
            found.append(f"{format_quantity(self.tokens_per_s)} tokens/s")
        if math.isfinite(self.seconds_left):
            found.append(f"about {time_text(self.seconds_left)} left at this pace")
        return found


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
        flop_per_second: of one worker, over the finished runs and what was really trained of them;
            NaN before the first.
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
    flop_per_second: float
    active: tuple[Active, ...]

    @property
    def finished(self) -> int:
        """Runs that need no more training."""
        return self.done + sum(self.excluded.values())

    @property
    def worker_seconds_left(self) -> float:
        """Time that one worker would still need at the pace so far; NaN before the first run."""
        begun = sum(one.flop_done for one in self.active)
        return (self.flop_total - self.flop_done - begun) / self.flop_per_second

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
            "active": [one.to_dict() for one in self.active],
        }

    def summary(self) -> str:
        """A few lines."""
        lines = [
            f"{self.name}: {self.finished} of {self.total} runs, "
            f"{self.flop_done:.3g} of {self.flop_total:.3g} FLOP, "
            f"{time_text(self.seconds)} of one worker so far"
        ]
        for reason, count in self.excluded.items():
            lines.append(f"  {count} excluded: {reason}")
        for one in self.active:
            lines.append(f"  {one.run_id}  {', '.join(one.words())}")
        if self.finished < self.total and math.isfinite(self.worker_seconds_left):
            lines.append(f"  about {time_text(self.worker_seconds_left)} of one worker left")
        if self.finished == self.total:
            lines.append(f"  all done: isoloss fit {self.folder}")
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
    flop_done = flop_spent = seconds = 0.0
    done = 0
    active: list[Active] = []
    for planned in ladder.runs:
        spec = planned.spec
        row = ladder.row(spec)
        if row is None:
            active += _active(ladder, spec, peak_flop_per_s)
            continue
        flop_done += run_flop(spec)
        took = max(0.0, _number(row.get("wall_seconds"), 0.0))
        if took > 0:
            seconds += took
            # A branch begins late, and a run that diverged ends early.
            flop_spent += _number(row.get("flop_spent"), _number(row.get("flop"), 0.0))
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
        flop_per_second=flop_spent / seconds if flop_spent > 0 else math.nan,
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
    step, tokens = int(last["step"]), float(last["tokens"])
    seconds, per_token = _number(last.get("seconds")), model_flop_per_token(spec.model)
    pace = tokens / seconds if seconds > 0 else math.nan
    return [
        Active(
            run_id=spec.run_id,
            step=step,
            steps=spec.pacing.steps,
            loss=_number(last.get("train_loss")),
            tokens_per_s=pace,
            mfu=per_token * pace / peak,
            seconds_left=max(0.0, spec.tokens - tokens) / pace if pace > 0 else math.nan,
            flop_done=per_token * min(tokens, spec.tokens),
        )
    ]


def time_text(seconds: float) -> str:
    """A time for people: 40 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _number(found: Any, otherwise: float = math.nan) -> float:
    return float(found) if isinstance(found, int | float) else otherwise
