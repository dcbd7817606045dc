"""How well did a fit to the small runs predict the large ones?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting import Fit
from isoloss.fitting.fit import inputs
from isoloss.runs import Points

Array = NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.9)


@dataclass(frozen=True)
class Score:
    """One law, fitted below one cut and held against the runs above it.

    Attributes:
        status: of the fit below the cut; ``too_few_runs`` where there was none.
        run_id: the held-out runs.
        error: predicted loss over actual loss, minus one, per held-out run (m,).
        spread: standard error of that prediction, relative, noise of the run included (m,).
        factor: compute of each held-out run over the largest below the cut (m,).
        inside: per nominal level, whether each run's interval holds its loss (m,).
    """

    status: str
    run_id: tuple[str, ...]
    error: Array
    spread: Array
    factor: Array
    inside: Mapping[float, NDArray[np.bool_]]

    @property
    def bias(self) -> float:
        """Mean relative error: above zero, the large runs did better than predicted."""
        return float(np.mean(self.error)) if self.error.size else np.nan

    @property
    def mean_abs_rel_error(self) -> float:
        """Mean absolute relative error."""
        return float(np.mean(np.abs(self.error))) if self.error.size else np.nan

    @property
    def max_abs_rel_error(self) -> float:
        """Largest absolute relative error."""
        return float(np.max(np.abs(self.error))) if self.error.size else np.nan

    @property
    def coverage(self) -> dict[float, float]:
        """Share of held-out runs inside their interval, per nominal level."""
        return {level: float(np.mean(hits)) for level, hits in self.inside.items() if hits.size}

    def to_dict(self) -> dict[str, Any]:
        """The object of the JSON contract, with one entry per held-out run besides."""
        return {
            "status": self.status,
            "bias": self.bias,
            "mean_abs_rel_error": self.mean_abs_rel_error,
            "max_abs_rel_error": self.max_abs_rel_error,
            "coverage": {f"{level:g}": share for level, share in self.coverage.items()},
            "error": self.error,
            "spread": self.spread,
            "factor": self.factor,
        }


def score(fit: Fit, held: Points, levels: Sequence[float] = LEVELS) -> Score:
    """Hold a fit against runs that it has not seen.

    Args:
        fit: with draws.
        held: the other runs.
        levels: nominal coverage of the intervals to count.

    Raises:
        EvidenceError: the fit has no draws.
    """
    fit.require_draws("a backtest")
    mean, single = fit.simulate(inputs(held, fit.law))
    with np.errstate(all="ignore"):
        log_draws = np.log(single)
    error = mean / held.loss - 1
    inside: dict[float, NDArray[np.bool_]] = {}
    for level in levels:
        ends = np.nanquantile(log_draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        inside[level] = (ends[0] <= np.log(held.loss)) & (np.log(held.loss) <= ends[1])
    sixteen, eighty_four = np.nanquantile(log_draws, [0.16, 0.84], axis=0)
    largest = np.nanmax(fit.points.flop) if np.isfinite(fit.points.flop).any() else np.nan
    return Score(
        status=fit.status,
        run_id=held.run_id,
        error=error,
        spread=0.5 * (eighty_four - sixteen),
        factor=held.flop / largest,
        inside=inside,
    )


def unfitted(status: str) -> Score:
    """The score of a law that the runs below a cut cannot carry."""
    empty = np.empty(0)
    return Score(status, (), empty, empty, empty, {})
