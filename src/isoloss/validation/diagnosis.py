"""What the diagnostics of a fit found: residuals as strips, trends in words, influence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.fitting import Notice
from isoloss.runs import Conventions, format_quantity
from isoloss.validation.report import Report, aligned, percent
from isoloss.validation.trends import Trend

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]

BITING = 1.0  # Cook's distance of a run that moves the law by its own standard error
MOVED = 1.25  # factor of the answer from which on a tier is called influential
SHOWN = 5


@dataclass(frozen=True)
class Band:
    """The residuals of runs with similar values of one variable.

    Attributes:
        lo: smallest value of the variable.
        hi: largest.
        p16: quantile of loss over law, minus one.
        p50: likewise.
        p84: likewise.
    """

    lo: float
    hi: float
    p16: float
    p50: float
    p84: float


@dataclass(frozen=True)
class Strip:
    """The residuals along one variable, ready to plot.

    Attributes:
        variable: its symbol or column.
        x: its values (n,).
        y: loss over law, minus one (n,).
        bands: the middle 68 % along the variable.
    """

    variable: str
    x: Array
    y: Array
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class RunInfluence:
    """How much one run decides.

    Attributes:
        run_id: its name.
        cook: how far it alone moves the law, in units of the law's own uncertainty (Cook 1977).
        leverage: share of its own loss in its prediction.
        excess: loss over law, minus one.
        n_params: its N.
        tokens: its D.
    """

    run_id: str
    cook: float
    leverage: float
    excess: float
    n_params: float
    tokens: float


@dataclass(frozen=True)
class TierInfluence:
    """What the fit would be without one tier.

    Attributes:
        flop: median compute of the tier.
        n_runs: its runs.
        n_params: N* at the target without it; NaN where there is no optimum.
        factor: that over N* with all runs.
        exponent: a of N* ~ C^a without it; NaN for laws without one.
        estimate: the parameters without it.
        settled: whether the refit converged.
    """

    flop: float
    n_runs: int
    n_params: float
    factor: float
    exponent: float
    estimate: Mapping[str, float]
    settled: bool

    @property
    def is_influential(self) -> bool:
        """Whether the answer moves by more than a quarter without it."""
        return bool(self.factor > 0 and abs(np.log(self.factor)) > np.log(MOVED))


@dataclass(frozen=True)
class Diagnosis(Report):
    """What a law misses, and what decides it.

    Attributes:
        law: its name.
        formula: the law.
        status: of the fit.
        rms_log: root mean square residual.
        strips: residuals along each variable.
        trends: tests of structure, the most certain first.
        runs: influence of the runs, the largest first.
        tiers: influence of the tiers, ascending in compute.
        target_flop: compute of the answer.
        n_params: N* there with all runs; NaN where there is none.
        exponent: a of N* ~ C^a; NaN for laws without one.
        run_id: the runs, in the order of all arrays.
        excess: loss over law, minus one (n,).
        warnings: the findings in sentences.
        conventions: of the runs.
        data_hash: of the runs.
        n_runs: how many.
        seed: of the fit.
    """

    law: str
    formula: str
    status: str
    rms_log: float
    strips: tuple[Strip, ...]
    trends: tuple[Trend, ...]
    runs: tuple[RunInfluence, ...]
    tiers: tuple[TierInfluence, ...]
    target_flop: float
    n_params: float
    exponent: float
    run_id: tuple[str, ...]
    excess: Array
    warnings: tuple[Notice, ...]
    conventions: Conventions
    data_hash: str
    n_runs: int
    seed: int

    @property
    def misses(self) -> tuple[str, ...]:
        """The systematic trends in words; empty where there is none."""
        return tuple(trend.sentence for trend in self.trends if trend.is_systematic)

    def strip(self, variable: str) -> Strip:
        """The residuals along one variable."""
        return next(strip for strip in self.strips if strip.variable == variable)

    def normal_plot(self) -> tuple[Array, Array]:
        """Normal quantiles (n,) and the sorted log residuals that belong to them."""
        from scipy.special import ndtri

        ranks = (np.arange(self.n_runs) + 0.5) / self.n_runs
        return ndtri(ranks), np.sort(np.log1p(self.excess))

    def summary(self) -> str:
        """Trends, influence and findings in a few lines."""
        head = ("along", "small", "middle", "large", "p", "p corrected", "")
        trends = [
            (
                t.variable,
                percent(t.small, 2),
                percent(t.middle, 2),
                percent(t.large, 2),
                _p(t.p_value),
                _p(t.p_adjusted),
                t.sentence,
            )
            for t in self.trends
        ]
        lines = [
            f"{self.law} on {self.n_runs} runs: residuals rms {self.rms_log:.2%}, "
            f"worst {np.abs(self.excess).max():.2%}",
            "  mean of loss / law - 1 in fifths of the runs",
            *aligned([head, *trends], "<>>>>><", 4),
            f"  N* at {self.target_flop:.3g} FLOP without one tier (with all: {_size(self)})",
            *aligned(
                [
                    ("tier, FLOP", "runs", "N*", "factor", "exponent"),
                    *(
                        (
                            f"{t.flop:.3g}",
                            str(t.n_runs),
                            format_quantity(t.n_params) if t.n_params > 0 else "-",
                            f"{t.factor:.2f}" if t.factor > 0 else "-",
                            f"{t.exponent:.3f}" if t.exponent == t.exponent else "-",
                        )
                        for t in self.tiers
                    ),
                ],
                ">>>>>",
                4,
            ),
            "  runs that decide most",
            *aligned(
                [
                    ("run", "Cook", "leverage", "loss / law - 1"),
                    *(
                        (r.run_id, f"{r.cook:.2f}", f"{r.leverage:.2f}", percent(r.excess, 2))
                        for r in self.runs[:SHOWN]
                    ),
                ],
                "<>>>",
                4,
            ),
        ]
        return "\n".join([*lines, *(f"  ! {notice.message}" for notice in self.warnings)])

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.diagnosis``."""
        return envelope("diagnosis") | {
            "law": self.law,
            "formula": self.formula,
            "status": self.status,
            "rms_log": self.rms_log,
            "misses": list(self.misses),
            "trends": [trend.to_dict() for trend in self.trends],
            "strips": [
                {
                    "variable": strip.variable,
                    "x": strip.x,
                    "bands": [vars(band) for band in strip.bands],
                }
                for strip in self.strips
            ],
            "run_id": list(self.run_id),
            "excess": self.excess,
            "runs": [vars(run) for run in self.runs],
            "tiers": [vars(tier) for tier in self.tiers],
            "target_flop": self.target_flop,
            "n_params": self.n_params,
            "exponent": self.exponent,
            "conventions": self.conventions.to_dict(),
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "seed": self.seed,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per run: name, loss over law minus one, influence, and all variables."""
        import polars as pl

        by_run = {run.run_id: run for run in self.runs}
        ordered = [by_run[name] for name in self.run_id]
        return pl.DataFrame(
            {
                "run_id": self.run_id,
                "excess": self.excess,
                "cook": [run.cook for run in ordered],
                "leverage": [run.leverage for run in ordered],
                **{strip.variable: strip.x for strip in self.strips},
            }
        )


def _p(value: float) -> str:
    return "-" if value != value else f"{value:.2g}"


def _size(found: Diagnosis) -> str:
    exponent = f", exponent {found.exponent:.3f}" if found.exponent == found.exponent else ""
    return f"{format_quantity(found.n_params)}{exponent}" if found.n_params > 0 else "none"
