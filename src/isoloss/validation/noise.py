"""How far does one run lie from the next? Noise by the residuals, and by runs repeated with seeds.

Residuals hold everything that the law does not: luck, and where the law is wrong. Runs that differ
in nothing but their seed hold luck alone (the pure error of an analysis of variance). Where the
first is clearly larger than the second, the law is wrong by the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting import Fit, Quantity
from isoloss.runs import Points

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SEED = "seed"
OUTCOMES = 0.5  # a column with more distinct values per run than this tells what came out
CHANCE = 0.05
MIN_REPEATS = 5  # degrees of freedom below which a spread of repeats says little


@dataclass(frozen=True)
class Noise:
    """The noise of a run, relative to its loss, as standard deviations.

    Attributes:
        residuals: half the middle 68 % of the log residuals, each under the law fitted without the
            run's tier.
        repeats: pooled standard deviation of log loss among runs that differ in their seed alone;
            NaN in all three parts where there are too few.
        n_groups: how many such groups of runs.
        freedom: their runs beyond the first of each group.
        p_value: chance of residuals as large if noise were all of them (F test); NaN without.
    """

    residuals: float
    repeats: Quantity
    n_groups: int
    freedom: int
    p_value: float

    @property
    def exceeds_repeats(self) -> bool:
        """Whether the residuals are larger than noise alone, beyond chance."""
        return self.p_value < CHANCE

    @property
    def sentence(self) -> str:
        """Both estimates in words."""
        text = f"noise of a run: {self.residuals:.2%} by the residuals"
        if self.repeats.estimate != self.repeats.estimate:
            if not self.freedom:
                return f"{text}; no runs are repeated with other seeds to check it by"
            return f"{text}; {self.freedom} repeated run(s) are too few to check it by"
        beside = (
            f"{self.repeats.estimate:.2%} ({self.repeats.lo:.2%} to {self.repeats.hi:.2%}) by "
            f"{self.freedom} runs repeated with other seeds"
        )
        return f"{text}, {beside}"

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        known = self.repeats.estimate == self.repeats.estimate
        return {
            "residuals": self.residuals,
            "repeats": self.repeats.to_dict() if known else None,
            "n_groups": self.n_groups,
            "freedom": self.freedom,
            "p_value": self.p_value,
        }


def noise(fit: Fit) -> Noise:
    """The noise of the runs of a fit, in two ways.

    Args:
        fit: with draws, so that each residual is that of a fit without the run's tier.
    """
    from scipy.special import chdtri, fdtrc

    lo, hi = np.quantile(fit.outside, [0.16, 0.84])
    by_residuals = 0.5 * float(hi - lo)
    groups = repeats(fit.points)
    logs = np.log(fit.points.loss)
    sizes = np.bincount(groups[groups >= 0])
    count, freedom = len(sizes), int(sizes.sum()) - len(sizes)
    if freedom < MIN_REPEATS:
        nothing = Quantity(np.nan, np.nan, np.nan, fit.level)
        return Noise(by_residuals, nothing, count, freedom, np.nan)
    inside = groups >= 0
    means = np.bincount(groups[inside], logs[inside]) / sizes
    total = float(np.sum((logs[inside] - means[groups[inside]]) ** 2))
    variance = total / freedom
    # A variance of repeats follows chi square: these are its exact limits for normal noise.
    below, above = (1 - fit.level) / 2, (1 + fit.level) / 2
    lo, hi = (float(np.sqrt(total / float(chdtri(freedom, q)))) for q in (below, above))
    repeated = Quantity(float(np.sqrt(variance)), lo, hi, fit.level)
    spare = max(fit.n_runs - len(fit.law.names), 1)
    ratio = by_residuals**2 / variance if variance > 0 else np.inf
    return Noise(by_residuals, repeated, count, freedom, float(fdtrc(spare, freedom, ratio)))


def repeats(points: Points) -> Ints:
    """Group number of each run that was repeated with another seed, -1 for all others (n,).

    Runs belong together when size, tokens, unique tokens, compute and every other column that says
    how a run was made agree, and their seeds differ. A column with a value of its own for most
    runs (a name, a time, another loss) says what came out, and does not count.
    """
    seeds = points.columns.get(SEED, points.codes.get(SEED))
    alone = np.full(len(points), -1, dtype=np.int64)
    if seeds is None:
        return alone
    made = [points.params, points.tokens, points.unique_tokens, points.flop]
    for name, values in {**points.columns, **points.codes}.items():
        if name != SEED and len(np.unique(values)) <= OUTCOMES * len(points):
            made.append(values.astype(np.float64))
    table = np.nan_to_num(np.stack(made, axis=1), nan=-1.0)
    same = np.unique(table, axis=0, return_inverse=True)[1].ravel()
    pairs = np.unique(np.stack([same, np.nan_to_num(seeds, nan=-1.0)], axis=1), axis=0)
    several = np.bincount(pairs[:, 0].astype(np.int64), minlength=int(same.max()) + 1) > 1
    kept = several[same]
    alone[kept] = np.unique(same[kept], return_inverse=True)[1]
    return alone
