"""How well did a fit to the small runs predict the large ones?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting import Fit
from isoloss.fitting.fit import inputs
from isoloss.runs import Points
from isoloss.validation.trends import FIFTHS, robust_mean

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVELS = (0.5, 0.8, 0.9)
_TOP = 1e300


@dataclass(frozen=True)
class Score:
    """One law, fitted below one cut and held against the runs above it.

    Attributes:
        status: of the fit below the cut; the code of the refusal where there was none.
        estimate: parameters of that fit.
        run_id: the held-out runs.
        loss: their losses (m,).
        expected: what the fit expected (m,).
        spread: standard error of that, relative, noise of a new run included (m,).
        law_spread: the same of the law alone (m,).
        factor: compute of each held-out run over the largest below the cut (m,).
        tier: number of its compute tier (m,).
        inside: per nominal level, whether each run's interval holds its loss (m,).
        ends: per nominal level, lower and upper end of each run's interval (2, m).
        miss: log loss over law, mean of the fifth of the fitted runs nearest in compute (m,): the
            trend that the residuals had where each held-out run begins.
    """

    status: str
    estimate: Mapping[str, float]
    run_id: tuple[str, ...]
    loss: Array
    expected: Array
    spread: Array
    law_spread: Array
    factor: Array
    tier: Ints
    inside: Mapping[float, NDArray[np.bool_]]
    ends: Mapping[float, Array] = field(default_factory=dict[float, Array])
    miss: Array = field(default_factory=lambda: np.empty(0))

    @property
    def error(self) -> Array:
        """Expected loss over actual loss, minus one, per held-out run (m,)."""
        return self.expected / self.loss - 1

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
        """The object of the JSON contract, with lists that have one entry per held-out run."""
        return {
            "status": self.status,
            "bias": self.bias,
            "mean_abs_rel_error": self.mean_abs_rel_error,
            "max_abs_rel_error": self.max_abs_rel_error,
            "coverage": {f"{level:g}": share for level, share in self.coverage.items()},
            "estimate": dict(self.estimate),
            "held_out": {
                "run_id": list(self.run_id),
                "extrapolation_factor": self.factor,
                "loss": self.loss,
                "expected": self.expected,
                "error": self.error,
                "spread": self.spread,
                "law_spread": self.law_spread,
            },
            "intervals": {
                f"{level:g}": {"lo": ends[0], "hi": ends[1]} for level, ends in self.ends.items()
            },
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
    x = inputs(held, fit.law)
    expected, single = fit.simulate(x)
    if not np.all(np.isfinite(expected) & (expected > 0)):
        return unfitted("no_value")
    # The law without the noise of a new run.
    law = fit.law.value(fit.draws.T[:, :, None], x)
    single, law = (np.nan_to_num(d, nan=_TOP, posinf=_TOP, neginf=-_TOP) for d in (single, law))
    inside: dict[float, NDArray[np.bool_]] = {}
    ends: dict[float, Array] = {}
    for level in levels:
        lo, hi = np.quantile(single, [(1 - level) / 2, (1 + level) / 2], axis=0)
        inside[level] = (lo <= held.loss) & (held.loss <= hi)
        ends[level] = np.stack([np.minimum(lo, expected), np.maximum(hi, expected)])
    known = fit.points.flop[np.isfinite(fit.points.flop)]
    return Score(
        status=fit.status,
        estimate=dict(fit.estimate),
        run_id=held.run_id,
        loss=held.loss,
        expected=expected,
        spread=relative_spread(single, expected),
        law_spread=relative_spread(law, expected),
        factor=held.flop / known.max() if known.size else np.full(len(held), np.nan),
        tier=held.tier,
        inside=inside,
        ends=ends,
        miss=nearest_miss(fit, held.flop),
    )


def nearest_miss(fit: Fit, flop: Array) -> Array:
    """Mean residual of the fifth of a fit's runs that is nearest in compute (m,).

    Args:
        fit: a fit.
        flop: compute of other runs (m,).
    """
    seen, count = fit.points.flop, fit.n_runs
    if not np.all(np.isfinite(seen)):
        return np.full(len(flop), np.nan)
    order = np.argsort(seen, kind="stable")
    width = max(1, count // FIFTHS)
    # Fifths that overlap by half, the smallest and the largest runs among them.
    starts = np.unique([*range(0, count - width, max(1, width // 2)), count - width])
    parts = [order[at : at + width] for at in starts]
    middles = np.array([np.mean(np.log(seen[part])) for part in parts])
    means = np.array([robust_mean(fit.residuals[part]) for part in parts])
    return means[np.argmin(np.abs(np.log(flop)[:, None] - middles), axis=1)]


def unfitted(status: str) -> Score:
    """The score of a law that the runs below a cut cannot carry."""
    none = np.empty(0)
    return Score(status, {}, (), none, none, none, none, none, np.empty(0, dtype=np.int64), {})


def relative_spread(draws: Array, expected: Array) -> Array:
    """Half the width of the middle 68 % of the draws, relative."""
    lo, hi = np.quantile(draws, [0.16, 0.84], axis=0)
    return np.broadcast_to(0.5 * (hi - lo) / expected, expected.shape)
