"""What a comparison of laws found: one table, sorted by error on held-out runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.document import envelope
from isoloss.fitting import Fit, Notice
from isoloss.runs import Conventions
from isoloss.validation.criteria import Criteria
from isoloss.validation.report import Report, aligned
from isoloss.validation.result import Backtest
from isoloss.validation.stacking import Stack

if TYPE_CHECKING:
    import polars as pl

LARGEST = 10.0  # a relative error beyond that has no digits worth showing
CLEAR = 2.0  # standard errors from which on a difference is one


@dataclass(frozen=True)
class Paired:
    """A difference of mean absolute relative errors, over the same held-out runs.

    Attributes:
        mean: above zero, the other one is better.
        standard_error: for errors that runs of a tier, and runs of a cut, share.
    """

    mean: float
    standard_error: float

    @property
    def is_clear(self) -> bool:
        """Whether it is more than two standard errors from zero."""
        return abs(self.mean) > CLEAR * self.standard_error

    def to_dict(self) -> dict[str, float]:
        """Both numbers."""
        return {"mean": self.mean, "standard_error": self.standard_error}


@dataclass(frozen=True)
class StackScore:
    """How the stacked prediction did, weights learned on earlier cuts each time.

    Attributes:
        held_out_error: mean absolute relative error.
        to_best: that minus the error of the best law, over the same held-out runs.
        n_cuts: cuts at which both have scores.
    """

    held_out_error: float
    to_best: Paired
    n_cuts: int

    def to_dict(self) -> dict[str, Any]:
        """One entry of the document."""
        return {
            "held_out_error": self.held_out_error,
            "difference_to_best": self.to_best.to_dict(),
            "n_cuts": self.n_cuts,
        }


@dataclass(frozen=True)
class LawRow:
    """One law in the table.

    Attributes:
        law: its name.
        formula: the law.
        n_params: free parameters.
        status: of the fit to all runs.
        held_out_error: mean absolute relative error over the cuts that all laws share; NaN if the
            law has no score at one of them.
        bias: mean relative error there; above zero, the larger runs did better than predicted.
        n_cuts: cuts below which the law could be fitted.
        to_best: error minus that of the best law, run by run.
        criteria: information criteria of the fit to all runs.
        rms_log: root mean square residual of the fit to all runs.
        weight: in the stacked prediction.
        verdict: of the backtest.
        warnings: what the user must know.
    """

    law: str
    formula: str
    n_params: int
    status: str
    held_out_error: float
    bias: float
    n_cuts: int
    to_best: Paired | None
    criteria: Criteria
    rms_log: float
    weight: float
    verdict: str
    warnings: tuple[Notice, ...]

    def to_dict(self) -> dict[str, Any]:
        """One entry of the document."""
        return {
            "law": self.law,
            "formula": self.formula,
            "n_params": self.n_params,
            "status": self.status,
            "held_out_error": self.held_out_error,
            "bias": self.bias,
            "n_cuts": self.n_cuts,
            "difference_to_best": None if self.to_best is None else self.to_best.to_dict(),
            "rms_log": self.rms_log,
            "aic": self.criteria.aic,
            "bic": self.criteria.bic,
            "log_likelihood": self.criteria.log_likelihood,
            "stack_weight": self.weight,
            "verdict": self.verdict,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }


@dataclass(frozen=True)
class Comparison(Report):
    """Laws side by side on the same held-out runs.

    Attributes:
        rows: the laws, best first.
        n_pairs: held-out runs over the shared cuts; a run counts at every cut that holds it out.
        n_shared_cuts: cuts at which all laws of the table have scores.
        stack: the stacked prediction.
        stacked: how it did; None where no cut has an earlier one to learn from.
        backtest: everything behind the table.
        fits: the laws fitted to all runs.
        left_out: why other laws are not in the table.
        conventions: of the runs.
        data_hash: of the runs.
        n_runs: how many.
        notes: what must be said of the runs, whatever the law.
    """

    rows: tuple[LawRow, ...]
    n_pairs: int
    n_shared_cuts: int
    stack: Stack
    stacked: StackScore | None
    backtest: Backtest
    fits: Mapping[str, Fit]
    left_out: Mapping[str, str]
    conventions: Conventions
    data_hash: str
    n_runs: int
    notes: tuple[Notice, ...] = ()

    @property
    def best(self) -> str:
        """The law with the smallest held-out error."""
        return self.rows[0].law

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """What the table as a whole does not settle, and the notes."""
        found = list(self.notes)
        close = [
            row.law
            for row in self.rows[1:]
            if row.to_best is not None and not row.to_best.is_clear and row.held_out_error < LARGEST
        ]
        if close:
            message = (
                f"{_listed(close)} cannot be told apart from {self.best} by these held-out runs "
                f"(within {CLEAR:g} standard errors)."
            )
            found.append(Notice("not_told_apart", message))
        likely = min(self.rows, key=lambda row: row.criteria.aic).law
        if likely != self.best:
            message = (
                f"AIC prefers {likely} to {self.best}. It takes runs as independent and asks for "
                "the fit inside the data, not for the prediction beyond."
            )
            found.append(Notice("criteria_disagree", message))
        return tuple(found)

    def row(self, law: str) -> LawRow:
        """The row of one law."""
        return next(row for row in self.rows if row.law == law)

    def summary(self) -> str:
        """The table, the stack, and what they do not settle."""
        lowest = min(row.criteria.aic for row in self.rows), min(r.criteria.bic for r in self.rows)
        head = ("law", "params", "held-out", "bias", "to best +- s.e.", "dAIC", "dBIC", "rms")
        head = (*head, "weight", "status", "verdict", "warnings")
        rows = [
            (
                row.law,
                str(row.n_params),
                _share(row.held_out_error),
                _signed(row.bias),
                _difference(row, self.best),
                f"{row.criteria.aic - lowest[0]:.1f}",
                f"{row.criteria.bic - lowest[1]:.1f}",
                _share(row.rms_log),
                f"{row.weight:.2f}",
                row.status,
                row.verdict,
                ", ".join(dict.fromkeys(notice.code for notice in row.warnings)) or "-",
            )
            for row in self.rows
        ]
        lines = [
            f"{len(self.rows)} laws on {self.n_runs} runs, {self.n_pairs} predictions of held-out "
            f"runs at {self.n_shared_cuts} cuts by {self.backtest.by}",
            *aligned([head, *rows], "<>>>>>>>><<<"),
        ]
        if self.stacked is not None:
            score, paired = self.stacked, self.stacked.to_best
            lines.append(
                f"  stacked: held-out {score.held_out_error:.2%} over {score.n_cuts} cuts, "
                f"{100 * paired.mean:+.2f} +- {100 * paired.standard_error:.2f} % to {self.best}"
            )
        lines.append("  " + self.stack.summary().splitlines()[0])
        lines += [f"  ! {notice.message}" for notice in self.warnings]
        if self.left_out:
            lines += [f"  - left out: {name} {why}" for name, why in self.left_out.items()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.comparison``."""
        return envelope("comparison") | {
            "by": self.backtest.by,
            "best": self.best,
            "n_held_out": self.n_pairs,
            "n_shared_cuts": self.n_shared_cuts,
            "laws": [row.to_dict() for row in self.rows],
            "stack": {
                "weights": dict(self.stack.weights),
                "score": None if self.stacked is None else self.stacked.to_dict(),
                "cuts": self.stack.to_dict()["cuts"],
            },
            "left_out": dict(self.left_out),
            "ci": self.backtest.ci,
            "n_draws": self.backtest.draws,
            "seed": self.backtest.seed,
            "conventions": self.conventions.to_dict(),
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per law, best first."""
        import polars as pl

        rows: list[dict[str, Any]] = []
        for row in self.rows:
            entry = row.to_dict()
            del entry["difference_to_best"]
            entry["to_best"] = np.nan if row.to_best is None else row.to_best.mean
            entry["to_best_se"] = np.nan if row.to_best is None else row.to_best.standard_error
            entry["warnings"] = ", ".join(notice.code for notice in row.warnings)
            rows.append(entry)
        return pl.DataFrame(rows, infer_schema_length=None)


def _share(value: float) -> str:
    if not np.isfinite(value):
        return "-"
    return f"{value:.2%}" if value < LARGEST else f"> {LARGEST:.0%}"


def _signed(value: float) -> str:
    if not np.isfinite(value):
        return "-"
    return f"{value:+.2%}" if value < LARGEST else f"> {LARGEST:.0%}"


def _difference(row: LawRow, best: str) -> str:
    if row.law == best or row.to_best is None:
        return "best" if row.law == best else "-"
    if not abs(row.to_best.mean) < LARGEST:
        return "-"
    return f"{100 * row.to_best.mean:+.2f} +- {100 * row.to_best.standard_error:.2f} %"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
