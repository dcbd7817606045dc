"""What a forecast says: losses with three intervals, and what each of them is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.laws.compute import format_flop
from isoloss.runs import Conventions, format_quantity
from isoloss.validation.discrepancy import Drift, Past
from isoloss.validation.noise import Noise
from isoloss.validation.report import Report, aligned

if TYPE_CHECKING:
    import polars as pl

_FIELDS = {"N": "n_params", "D": "tokens", "U": "unique_tokens", "C": "flop", "S": "steps"}
_HEADS = {"N": "N (params)", "D": "D (tokens)", "U": "U (tokens)", "C": "C (FLOP)"}


@dataclass(frozen=True)
class Parts:
    """What an interval is made of: standard deviations of the loss, relative to it.

    Attributes:
        law: of the law's parameters, half the middle 68 % of the draws.
        noise: of one run.
        drift: the law's own error by past drift.
        laws: the same by the spread over laws.
        trend: the same by the residuals nearest in compute.
    """

    law: float
    noise: float
    drift: float
    laws: float
    trend: float

    @property
    def discrepancy(self) -> float:
        """How wrong the law may be: the largest of the three views of it."""
        return max(self.drift, self.laws, self.trend)

    @property
    def total(self) -> float:
        """Law, noise and discrepancy together, as squares."""
        return float(np.hypot(np.hypot(self.law, self.noise), self.discrepancy))

    def to_dict(self) -> dict[str, float]:
        """All of it by name."""
        return {**vars(self), "discrepancy": self.discrepancy, "total": self.total}


@dataclass(frozen=True)
class ForecastPoint:
    """The loss of one run that does not exist yet.

    Attributes:
        x: its variables.
        loss: with the interval for one new run that counts the law's own error.
        loss_run: the same if the law holds: parameters and noise.
        loss_mean: of the law alone.
        parts: what the interval is made of.
        by_law: the losses that comparable laws expect.
        decades_beyond_data: log10 of compute beyond the largest run; zero inside.
    """

    x: Mapping[str, float]
    loss: Quantity
    loss_run: Quantity
    loss_mean: Quantity
    parts: Parts
    by_law: Mapping[str, float]
    decades_beyond_data: float

    def to_dict(self) -> dict[str, Any]:
        """One entry of the document."""
        named = {_FIELDS.get(name, name): value for name, value in self.x.items()}
        return {
            **dict.fromkeys(("n_params", "tokens")),
            **named,
            "loss": self.loss.to_dict(),
            "loss_run": self.loss_run.to_dict(),
            "loss_mean": self.loss_mean.to_dict(),
            "parts": self.parts.to_dict(),
            "by_law": dict(self.by_law),
            "decades_beyond_data": self.decades_beyond_data,
        }


@dataclass(frozen=True)
class Forecast(Report):
    """Losses of other runs, with intervals that count the law's own error.

    Attributes:
        law: the law that forecasts.
        formula: the law.
        status: of its fit to all runs.
        points: the runs that were asked for.
        noise: of one run, by residuals and by repeated seeds.
        drift: how fast past forecasts went wrong.
        past: what such intervals would have held at the cuts of the backtest, per level.
        tried: the laws of the backtest.
        loss_unit: unit of the losses.
        ci: how the intervals of the fit were made.
        level: nominal coverage of the intervals.
        n_draws: refits behind them.
        seed: of the draws.
        conventions: of the runs.
        data_hash: of the runs.
        n_runs: how many.
        warnings: what the user must know.
    """

    law: str
    formula: str
    status: str
    points: tuple[ForecastPoint, ...]
    noise: Noise
    drift: Drift
    past: tuple[Past, ...]
    tried: tuple[str, ...]
    loss_unit: str
    ci: str
    level: float
    n_draws: int
    seed: int
    conventions: Conventions
    data_hash: str
    n_runs: int
    warnings: tuple[Notice, ...] = ()

    def summary(self) -> str:
        """Intervals per point, their parts, and how such intervals did in the past."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield (
            f"{self.law} on {self.n_runs} runs, N = {self.conventions.n}, intervals by {self.ci}, "
            f"backtest of {len(self.tried)} law(s) at {self.drift.n_cuts} cuts"
        )
        first = self.points[0].x
        heads = [_HEADS.get(name, name) for name in first]
        level = f"{self.level:.0%}"
        columns = (f"forecast {level}", f"if the law holds {level}", f"law {level}", "beyond data")
        rows = [[*heads, f"loss ({self.loss_unit})", *columns]]
        for point in self.points:
            decades = point.decades_beyond_data
            rows.append(
                [
                    *(_said(name, value) for name, value in point.x.items()),
                    f"{point.loss.estimate:.4f}",
                    *(_ends(q) for q in (point.loss, point.loss_run, point.loss_mean)),
                    f"{decades:.1f} decades" if decades > 0 else "inside",
                ]
            )
        yield from aligned(rows, ">" * len(rows[0]))
        yield "  standard deviations; the largest of drift, laws and trend is the discrepancy"
        names = ("law", "noise", "drift", "laws", "trend", "discrepancy", "total")
        parts = [point.parts.to_dict() for point in self.points]
        cells = [[f"{part[name]:.2%}" for name in names] for part in parts]
        asked = [[_said(n, v) for n, v in p.x.items()] for p in self.points]
        body = [[*a, *c] for a, c in zip(asked, cells, strict=True)]
        yield from aligned([[*heads, *names], *body], ">" * (len(heads) + len(names)))
        yield f"  {self.noise.sentence}"
        yield (
            f"  drift {self.drift.rate:.2%} per decade of compute, seen up to "
            f"{self.drift.farthest:.1f} decades"
        )
        for past in self.past:
            if past.level == self.level:
                yield (
                    f"  at {past.n_cuts} past cuts, {past.n_predictions} predictions: "
                    f"{past.level:.0%} intervals held {past.within:.0%}, and {past.without:.0%} "
                    f"without the discrepancy"
                )
        yield from (f"  ! {notice.message}" for notice in self.warnings)

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.forecast``."""
        return envelope("forecast") | {
            "law": self.law,
            "formula": self.formula,
            "status": self.status,
            "points": [point.to_dict() for point in self.points],
            "noise": self.noise.to_dict(),
            "drift": dict(vars(self.drift)),
            "past": [past.to_dict() for past in self.past],
            "laws": list(self.tried),
            "ci": self.ci,
            "level": self.level,
            "n_draws": self.n_draws,
            "seed": self.seed,
            "conventions": self.conventions.to_dict(),
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per point: its variables, three intervals, and their parts."""
        import polars as pl

        rows: list[dict[str, Any]] = []
        for point in self.points:
            row: dict[str, Any] = {_FIELDS.get(n, n): v for n, v in point.x.items()}
            row["loss_estimate"] = point.loss.estimate
            for name in ("loss", "loss_run", "loss_mean"):
                quantity: Quantity = getattr(point, name)
                row |= {f"{name}_lo": quantity.lo, f"{name}_hi": quantity.hi}
            row |= point.parts.to_dict()
            row["decades_beyond_data"] = point.decades_beyond_data
            rows.append(row)
        return pl.DataFrame(rows, infer_schema_length=None)


def _said(name: str, value: float) -> str:
    return format_flop(value) if name == "C" else format_quantity(value)


def _ends(quantity: Quantity) -> str:
    return f"{quantity.lo:.4f} to {quantity.hi:.4f}"
