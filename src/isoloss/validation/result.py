"""What a backtest found: scores per cut and law, the drift of the answer, a verdict."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.document import envelope
from isoloss.errors import GateError
from isoloss.fitting import Quantity
from isoloss.runs import Conventions, format_quantity
from isoloss.validation.cuts import label
from isoloss.validation.score import Score
from isoloss.validation.verdict import TRUST, Finding, verdict

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Answer:
    """The compute-optimal run at the target.

    Attributes:
        n_params: N*.
        tokens: D*.
        loss: of the law there.
    """

    n_params: Quantity
    tokens: Quantity
    loss: Quantity

    def to_dict(self) -> dict[str, Any]:
        """Three quantities."""
        return {name: quantity.to_dict() for name, quantity in vars(self).items()}


@dataclass(frozen=True)
class CutScores:
    """All laws at one cut.

    Attributes:
        at: the largest value below the cut, in the unit of ``by``.
        n_fit: runs below.
        n_held_out: runs above.
        laws: score per law.
    """

    at: float
    n_fit: int
    n_held_out: int
    laws: Mapping[str, Score]


@dataclass(frozen=True)
class Drift:
    """The answer of one law, fitted to the runs up to some compute.

    Attributes:
        fit_up_to_flop: the largest compute among the runs of the fit.
        n_fit: how many runs.
        answer: None where there was no fit or no optimum.
    """

    fit_up_to_flop: float
    n_fit: int
    answer: Answer | None


@dataclass(frozen=True)
class Backtest:
    """How well the small runs predict the large ones, and whether the answer stands still.

    Attributes:
        by: what the cuts divide (``tier``, ``params``, ...).
        target_flop: compute at which the answer is followed.
        cuts: scores per cut, ascending.
        drift: per law, the answer per cut and last of all runs.
        findings: per law, what speaks against it.
        ci: how the intervals of the fits were made.
        draws: refits per fit.
        seed: of the draws.
        conventions: of the runs.
        data_hash: of the runs.
        n_runs: how many.
    """

    by: str
    target_flop: float
    cuts: tuple[CutScores, ...]
    drift: Mapping[str, tuple[Drift, ...]]
    findings: Mapping[str, tuple[Finding, ...]]
    ci: str
    draws: int
    seed: int
    conventions: Conventions
    data_hash: str
    n_runs: int

    @property
    def laws(self) -> tuple[str, ...]:
        """The names of the laws, as they were asked for."""
        return tuple(self.drift)

    @property
    def best(self) -> str:
        """The law with the smallest mean absolute error over the held-out runs of all cuts."""
        return min(self.laws, key=lambda name: (self._size(name), self.laws.index(name)))

    @property
    def verdict(self) -> str:
        """The verdict on the best law: ``trust``, ``caution`` or ``refuse``."""
        return self.verdict_on(self.best)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in sentences."""
        return tuple(finding.message for finding in self.findings[self.best])

    def verdict_on(self, law: str) -> str:
        """The verdict on one law."""
        return verdict(self.findings[law])

    def gate(self) -> None:
        """Let a script stop here.

        Raises:
            GateError: the verdict is not ``trust``.
        """
        if self.verdict != TRUST:
            raise GateError(
                f"the backtest says {self.verdict}: {' '.join(self.reasons)}", code="gate"
            )

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.backtest``."""
        laws = {name: [_drift_to_dict(d) for d in drift] for name, drift in self.drift.items()}
        return envelope("backtest") | {
            "by": self.by,
            "target_flop": self.target_flop,
            "cuts": [
                {
                    "fit_up_to_flop": drift.fit_up_to_flop,
                    "at": cut.at,
                    "n_fit": cut.n_fit,
                    "n_held_out": cut.n_held_out,
                    "laws": {name: score.to_dict() for name, score in cut.laws.items()},
                }
                for cut, drift in zip(self.cuts, self.drift[self.best], strict=False)
            ],
            "best": self.best,
            "drift": laws[self.best],
            "drift_by_law": laws,
            "verdict": self.verdict,
            "verdicts": {name: self.verdict_on(name) for name in self.laws},
            "reasons": list(self.reasons),
            "findings": {name: [vars(f) for f in found] for name, found in self.findings.items()},
            "ci": self.ci,
            "n_draws": self.draws,
            "conventions": self.conventions.to_dict(),
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "seed": self.seed,
            "warnings": [{"code": f.code, "message": f.message} for f in self.findings[self.best]],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per cut and law."""
        import polars as pl

        rows = [
            {
                "at": cut.at,
                "n_fit": cut.n_fit,
                "n_held_out": cut.n_held_out,
                "law": name,
                "status": score.status,
                "bias": score.bias,
                "mean_abs_rel_error": score.mean_abs_rel_error,
                "max_abs_rel_error": score.max_abs_rel_error,
                **{f"coverage_{level:g}": share for level, share in score.coverage.items()},
            }
            for cut in self.cuts
            for name, score in cut.laws.items()
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def summary(self) -> str:
        """The backtest as a table per law, and the verdict."""
        return "\n".join(self._lines())

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"

    def _size(self, law: str) -> float:
        errors = [cut.laws[law].error for cut in self.cuts]
        joined = np.abs(np.concatenate(errors))
        return float(np.mean(joined)) if joined.size else np.inf

    def _lines(self) -> Iterator[str]:
        target = format_quantity(self.target_flop)
        for name in self.laws:
            yield (
                f"{name}: {self.verdict_on(name)}   ({self.n_runs} runs, intervals by {self.ci}, "
                f"{self.draws} draws)"
            )
            yield (
                f"  {'fit on ' + label(self.by) + ' <=':>12}{'runs':>7}{'held out':>10}{'bias':>10}"
                f"{'mean |e|':>10}{'max |e|':>10}{'90 % holds':>12}    N* at C = {target}"
            )
            rows = [*self.cuts, None]
            for cut, drift in zip(rows, self.drift[name], strict=True):
                yield _row(cut, drift, name, self.n_runs)
            for finding in self.findings[name]:
                yield f"  ! {finding.message}"
        yield f"verdict: {self.verdict} ({self.best} predicts the held-out runs best)"


def _row(cut: CutScores | None, drift: Drift, law: str, n_runs: int) -> str:
    answer = "-"
    if drift.answer is not None:
        q = drift.answer.n_params
        answer = (
            f"{format_quantity(q.estimate)} ({format_quantity(q.lo)} to {format_quantity(q.hi)})"
        )
    if cut is None:
        return f"  {'all':>12}{n_runs:>7}{'':>52}    {answer}"
    score = cut.laws[law]
    if not score.error.size:
        return f"  {cut.at:>12.3g}{cut.n_fit:>7}{cut.n_held_out:>10}   not fitted: {score.status}"
    holds = score.coverage.get(0.9, np.nan)
    return (
        f"  {cut.at:>12.3g}{cut.n_fit:>7}{cut.n_held_out:>10}{score.bias:>+10.2%}"
        f"{score.mean_abs_rel_error:>10.2%}{score.max_abs_rel_error:>10.2%}{holds:>12.0%}    {answer}"
    )


def _drift_to_dict(drift: Drift) -> dict[str, Any]:
    answer = (
        drift.answer.to_dict() if drift.answer else dict.fromkeys(("n_params", "tokens", "loss"))
    )
    return {"fit_up_to_flop": drift.fit_up_to_flop, "n_fit": drift.n_fit, **answer}
