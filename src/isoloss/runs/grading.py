"""Which runs may a law be fitted to? Each of the others is kept, with the reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from isoloss.runs.columns import normalise_name
from isoloss.runs.conventions import Conventions

Severity = Literal["error", "warning", "info"]

FINISHED = ("ok", "finished", "completed", "complete", "done", "success", "succeeded")
UNFINISHED = (
    "excluded",
    "crashed",
    "failed",
    "killed",
    "running",
    "preempted",
    "aborted",
    "unfinished",
    "diverged",
)
OK, EXCLUDED = "ok", "excluded"

# A run counts as finished within this share of its planned steps.
_FINISHED_SHARE = 0.98
# A last learning rate above this share of the peak: the loss is still that of a hot run.
_UNDECAYED = 0.5
_CONSTANT_SCHEDULES = ("constant", "const", "none", "constant_with_warmup")
# A column, while grading: whether the table was graded before and its decisions stand.
DECIDED = "__decided__"
# As the provenance of a table: it says what became of its runs, but not which of them count.
UNGRADED = "ungraded"
# Not part of what makes two rows the same run.
_BOOKKEEPING = ("run_id", "source", "source_uri", "imported_at", "status", "reason", "decided")
_ROW_NUMBERS = ("index", "row", "unnamed_0", "column_1")


@dataclass(frozen=True)
class Problem:
    """One finding about a table of runs.

    Attributes:
        code: a stable word for programs, for example ``diverged``.
        severity: ``error`` (no fit before it is mended), ``warning`` or ``info``.
        message: the finding in one sentence, with the remedy where there is one.
        run_ids: the runs that it is about; empty where it is about the table.
    """

    code: str
    severity: Severity
    message: str
    run_ids: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The four fields by name."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "run_ids": list(self.run_ids),
        }


def grade_rows(
    frame: pl.DataFrame, conventions: Conventions, *, keep_undecayed: bool = False
) -> pl.DataFrame:
    """Set ``status`` and ``reason`` of every run.

    A run is excluded if its loss is not finite or no better than chance, if its N or D is missing,
    if it did not finish, if its learning rate had not decayed, or if it repeats another row value
    for value. The same setting with another seed or another loss stays. Where a table was graded
    before, its decisions stand, but a run without a loss, N or D is never ok.

    Args:
        frame: canonical columns, the user's own, and `DECIDED`.
        conventions: which count is N.
        keep_undecayed: keep runs whose learning rate did not decay.
    """
    rules = [*_unfinished(frame), *([] if keep_undecayed else _undecayed(frame)), _duplicate(frame)]
    if "status" in frame.columns:
        said = pl.col("reason") if "reason" in frame.columns else pl.lit(None, pl.String)
        excluded = pl.col("status").str.to_lowercase() == EXCLUDED
        rules.insert(0, pl.when(excluded).then(said.fill_null("excluded in the input")))
        undecided = ~pl.col(DECIDED) | excluded
    else:
        undecided = ~pl.col(DECIDED)
    graded = pl.when(undecided).then(pl.coalesce(rules))
    reason = pl.coalesce([*_unusable(frame, conventions), graded]).alias("reason")
    # A reason that was given says more than the rule that finds the same run unusable.
    if "status" in frame.columns and "reason" in frame.columns:
        reason = pl.when(reason.is_not_null()).then(pl.col("reason").fill_null(reason))
    frame = frame.with_columns(reason.alias("reason"))
    status = pl.when(pl.col("reason").is_null()).then(pl.lit(OK)).otherwise(pl.lit(EXCLUDED))
    return frame.with_columns(status.alias("status"))


def _unusable(frame: pl.DataFrame, conventions: Conventions) -> list[pl.Expr]:
    """What no decision of the user can mend: there is nothing to fit to."""
    loss = pl.col("loss")
    reasons: list[pl.Expr] = [
        pl.when(loss.is_null()).then(pl.lit("no loss: the run diverged or has not ended")),
        pl.when(loss.is_nan()).then(pl.lit("diverged: the loss is NaN")),
        pl.when(loss.is_infinite()).then(pl.lit("diverged: the loss is infinite")),
    ]
    for name in (conventions.n_column, "tokens"):
        if name in frame.columns:
            missing = pl.col(name).is_null()
            reasons.append(pl.when(missing).then(pl.lit(f"{name} is missing")))
    if "vocab" in frame.columns and conventions.loss_unit in ("nats/token", "bits/token"):
        scale = 1.0 if conventions.loss_unit == "nats/token" else math.log(2)
        chance = pl.col("vocab").log() / scale
        says = pl.format("diverged: the loss is no better than chance ({})", chance.round(2))
        reasons.append(pl.when(loss >= chance).then(says))
    return reasons


def _unfinished(frame: pl.DataFrame) -> list[pl.Expr]:
    reasons: list[pl.Expr] = []
    if "status" in frame.columns:
        word = pl.col("status").str.to_lowercase()
        reasons += [
            pl.when(word == "diverged").then(pl.lit("diverged: the input says so")),
            pl.when(word.is_in(UNFINISHED)).then(pl.format("unfinished: status {}", "status")),
        ]
    if {"steps", "steps_planned"} <= set(frame.columns):
        stopped = pl.col("steps") < _FINISHED_SHARE * pl.col("steps_planned")
        counts = (pl.col(name).round().cast(pl.Int64) for name in ("steps", "steps_planned"))
        reasons.append(pl.when(stopped).then(pl.format("unfinished: {} of {} steps", *counts)))
    return reasons


def undecayed(frame: pl.DataFrame) -> pl.Expr | None:
    """Whether the learning rate was still high at the end; None where the table does not say."""
    high: list[pl.Expr] = []
    if "lr_final_frac" in frame.columns:
        high.append(pl.col("lr_final_frac") > _UNDECAYED)
    elif "lr_schedule" in frame.columns:
        high.append(pl.col("lr_schedule").str.to_lowercase().is_in(_CONSTANT_SCHEDULES))
    return high[0].fill_null(False) if high else None


def _undecayed(frame: pl.DataFrame) -> list[pl.Expr]:
    high = undecayed(frame)
    # Where no run decays, the losses compare with each other; that is a warning, see problems.
    if high is None or frame.select(high.all()).item():
        return []
    return [pl.when(high).then(pl.lit("learning rate not decayed at the end"))]


def _duplicate(frame: pl.DataFrame) -> pl.Expr:
    keys = [
        name
        for name, dtype in frame.schema.items()
        if normalise_name(name) not in (*_BOOKKEEPING, *_ROW_NUMBERS)
        and not dtype.is_nested()
        and dtype != pl.Object
    ]
    first = (
        frame.select(keys)
        .with_row_index("__at__")
        .unique(subset=keys, keep="first")
        .get_column("__at__")
    )
    repeated = np.ones(frame.height, dtype=bool)
    repeated[first.to_numpy()] = False
    return pl.when(pl.lit(pl.Series(repeated))).then(
        pl.lit("duplicate: every value equals those of an earlier run")
    )
