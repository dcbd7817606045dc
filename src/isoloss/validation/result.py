"""What a backtest found: scores per cut and law, the drift of the answer, a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.errors import GateError
from isoloss.fitting import Quantity
from isoloss.runs import Conventions
from isoloss.showing import Shown
from isoloss.validation.answer import Answer
from isoloss.validation.score import Score
from isoloss.validation.verdict import NOTE, TRUST, Finding, praise, verdict

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl


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
        fit_up_to_flop: the largest compute among the runs of the fit; NaN where none is known.
        n_fit: how many runs.
        answer: None where there was no fit or no optimum.
    """

    fit_up_to_flop: float
    n_fit: int
    answer: Answer | None


@dataclass(frozen=True)
class Backtest(Shown):
    """How well the small runs predict the large ones, and whether the answer stands still.

    Attributes:
        by: what the cuts divide (``tier``, ``params``, ...).
        target_flop: compute at which the answer is followed.
        flop_per_token: what a token costs there, ``6nd`` or ``runs``.
        cuts: scores per cut, ascending.
        drift: per law, the answer per cut and last of all runs.
        findings: per law, what speaks against it.
        notes: what must be said of the runs and the target, whatever the law.
        ci: how the intervals of the fits were made.
        draws: refits per fit.
        seed: of the draws.
        conventions: of the runs.
        data_hash: of the runs.
        n_runs: how many.
    """

    by: str
    target_flop: float
    flop_per_token: str
    cuts: tuple[CutScores, ...]
    drift: Mapping[str, tuple[Drift, ...]]
    findings: Mapping[str, tuple[Finding, ...]]
    notes: tuple[Finding, ...]
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
    def errors(self) -> dict[str, float]:
        """Mean absolute relative error per law, over the cuts that all laws with scores share.

        Without such a cut, over all cuts of the law; infinite for a law without scores.
        """
        scored = {name: [s.mean_abs_rel_error for s in self.scores(name)] for name in self.laws}
        table = np.array(list(scored.values()))
        usable = table[np.isfinite(table).any(axis=1)]
        shared = np.isfinite(usable).all(axis=0)
        weights = np.array([cut.n_held_out for cut in self.cuts], dtype=np.float64)
        return {
            name: _mean(np.array(sizes), weights * (shared if shared.any() else 1.0))
            for name, sizes in scored.items()
        }

    @property
    def best(self) -> str:
        """The law with the smallest of these errors."""
        errors = self.errors
        return min(self.laws, key=lambda name: (errors[name], self.laws.index(name)))

    @property
    def verdict(self) -> str:
        """The verdict on the best law: ``trust``, ``caution`` or ``refuse``."""
        return self.verdict_on(self.best)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in sentences."""
        return self.reasons_for(self.best)

    def verdict_on(self, law: str) -> str:
        """The verdict on one law."""
        return verdict(self.findings[law])

    def reasons_for(self, law: str) -> tuple[str, ...]:
        """Why, in sentences, for one law."""
        if self.verdict_on(law) == TRUST:
            return tuple(praise(law, self.scores(law), self.sizes(law), self.shares))
        return tuple(f.message for f in self.findings[law] if f.severity != NOTE)

    def scores(self, law: str) -> list[Score]:
        """The score of one law at each cut."""
        return [cut.laws[law] for cut in self.cuts]

    def sizes(self, law: str) -> list[Quantity | None]:
        """N* at the target per cut, and last of all runs."""
        return [drift.answer.n_params if drift.answer else None for drift in self.drift[law]]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of all runs that is fitted, per cut and last 1."""
        return np.array([*(cut.n_fit for cut in self.cuts), self.n_runs]) / self.n_runs

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
        said = (*self.notes, *self.findings[self.best])
        return envelope("backtest") | {
            "by": self.by,
            "target_flop": self.target_flop,
            "flop_per_token": self.flop_per_token,
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
            "errors": self.errors,
            "drift": laws[self.best],
            "drift_by_law": laws,
            "verdict": self.verdict,
            "verdicts": {name: self.verdict_on(name) for name in self.laws},
            "reasons": list(self.reasons),
            "findings": {name: [vars(f) for f in found] for name, found in self.findings.items()},
            "notes": [vars(f) for f in self.notes],
            "ci": self.ci,
            "n_draws": self.draws,
            "conventions": self.conventions.to_dict(),
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "seed": self.seed,
            "warnings": [{"code": f.code, "message": f.message} for f in said],
        }

    def to_frame(self, rows: str = "cuts") -> pl.DataFrame:
        """The backtest as a table.

        Args:
            rows: ``cuts`` for one row per cut and law, ``runs`` for one per held-out run, cut and
                law (error against extrapolation factor), ``drift`` for one per answer.
        """
        from isoloss.validation.backtest_tables import frame

        return frame(self, rows)

    def save(self, path: str | Path) -> None:
        """Write the backtest to one JSON file, without loss."""
        from isoloss.validation.backtest_storage import save_backtest

        save_backtest(self, path)

    @staticmethod
    def load(path: str | Path) -> Backtest:
        """Read a backtest that ``save`` wrote.

        Raises:
            InputError: there is no such file, or it does not hold a backtest.
        """
        from isoloss.validation.backtest_storage import load_backtest

        return load_backtest(path)

    def summary(self) -> str:
        """The backtest as a table per law, and the verdict."""
        from isoloss.validation.backtest_tables import summarise

        return summarise(self)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from isoloss.validation.backtest_tables import as_html

        return as_html(self)


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    known = np.isfinite(values) & (weights > 0)
    return float(np.average(values[known], weights=weights[known])) if known.any() else np.inf


def _drift_to_dict(drift: Drift) -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys(("n_params", "tokens", "loss"))
    answer = drift.answer.to_dict() if drift.answer else nothing
    return {"fit_up_to_flop": drift.fit_up_to_flop, "n_fit": drift.n_fit, **answer}
