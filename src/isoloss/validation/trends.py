"""Is there structure left in the residuals? A test per variable, and its answer in words.

For each variable the residuals are regressed, robustly, on a line and a bow in its logarithm, from
which everything that the law itself could follow has been taken out (its tangent at the fit). What
is then left cannot be mended by other parameters: it is the law's form. The p-value is for errors
that runs of a compute tier share, each tier's residuals corrected for the tier's own pull (the
jackknife CR3, Bell & McCaffrey 2002), F with as many degrees as there are tiers; over all variables
it is corrected by Holm's method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SIGNIFICANT = 0.05
NOTABLE = 0.25  # of the root mean square residual: a smaller trend is not worth a sentence
HUBER = 1.345  # 95 % efficient for normal noise
FIFTHS = 5
SEEN = 5e-3  # share of a line's length that must be left once the law's own tangent is out
MOST_PULL = 20.0
MIN_TIERS = 4
ORDER = "order"


@dataclass(frozen=True)
class Trend:
    """What the residuals do along one variable.

    Attributes:
        variable: its symbol or column.
        p_value: chance of such a trend if the law has the right form; NaN where it cannot be said.
        p_adjusted: the same, corrected for the number of variables.
        small: mean residual of the fifth of runs with the smallest values, relative to the law.
        middle: of the middle fifth.
        large: of the fifth with the largest values.
        size: the largest of the three in absolute value, with its sign.
        is_systematic: significant after correction, and large enough to matter.
        sentence: ``misses small D by +2.0 %``, or that there is no trend that matters.
    """

    variable: str
    p_value: float
    p_adjusted: float
    small: float
    middle: float
    large: float
    size: float
    is_systematic: bool
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return dict(vars(self))


def find_trends(
    residuals: Array, tangent: Array, groups: Ints, variables: Mapping[str, Array]
) -> tuple[Trend, ...]:
    """Test the residuals along each variable; the most certain trend first.

    Args:
        residuals: log(loss) - log(law) (n,).
        tangent: orthonormal columns that span what the law can follow (n, F).
        groups: number of the group that shares errors, from 0 (n,).
        variables: values (n,) per name; logarithms are taken where all are positive.
    """
    p_values = {
        name: p_of_trend(residuals, tangent, groups, values) for name, values in variables.items()
    }
    adjusted = holm(p_values)
    least = NOTABLE * float(np.sqrt(np.mean(residuals**2)))
    found: list[Trend] = []
    for name, values in variables.items():
        parts = fifths(residuals, values)
        size = max(parts, key=abs)
        systematic = adjusted[name] < SIGNIFICANT and abs(size) >= least
        found.append(
            Trend(
                variable=name,
                p_value=p_values[name],
                p_adjusted=adjusted[name],
                small=parts[0],
                middle=parts[1],
                large=parts[2],
                size=size,
                is_systematic=systematic,
                sentence=in_words(name, parts) if systematic else _quiet(name, adjusted[name]),
            )
        )
    return tuple(sorted(found, key=lambda t: (np.isnan(t.p_value), t.p_value)))


def in_words(name: str, parts: tuple[float, float, float]) -> str:
    """Where the law misses: ``misses small D by +2.0 %``; above zero the runs did worse.

    Args:
        name: of the variable.
        parts: mean residual at its small, middle and large end.
    """
    named = [f"{where} {name}" for where in ("small", "middle", "large")]
    if name == ORDER:
        named = ["early runs", "runs in the middle", "late runs"]
    order = sorted(zip(named, parts, strict=True), key=lambda pair: -abs(pair[1]))
    least = 0.5 * abs(order[0][1])
    return "misses " + " and ".join(
        f"{where} by {_percent(part)}" for where, part in order if abs(part) >= least
    )


def _quiet(name: str, p_value: float) -> str:
    if p_value != p_value:
        return f"{name} cannot be tested"
    return f"no trend with {name}" + (" that matters" if p_value < SIGNIFICANT else "")


def _percent(value: float) -> str:
    return f"{100 * value:+.{1 if abs(value) >= 0.00995 else 2}f} %"


def fifths(residuals: Array, values: Array) -> tuple[float, float, float]:
    """Robust mean of exp(residual) - 1 in the lowest, middle and highest fifth of a variable.

    Runs with the value at which a fifth ends all belong to it.
    """
    ordered = np.sort(values)
    count = len(values)
    width = max(1, count // FIFTHS)
    start = (count - width) // 2
    parts = (
        values <= ordered[width - 1],
        (values >= ordered[start]) & (values <= ordered[start + width - 1]),
        values >= ordered[count - width],
    )
    low, middle, high = (float(np.expm1(robust_mean(residuals[part]))) for part in parts)
    return low, middle, high


def p_of_trend(residuals: Array, tangent: Array, groups: Ints, values: Array) -> float:
    """The p-value of a line and a bow along one variable; NaN where nothing can be said."""
    # A parameter at its bound leaves an empty column.
    tangent = tangent[:, np.sum(tangent**2, axis=0) > 0.5]
    columns = _beyond(tangent, values)
    count = int(groups.max()) + 1
    freedom, spare = columns.shape[1], count - columns.shape[1]
    if freedom == 0 or count < MIN_TIERS or spare < 1:
        return float("nan")
    # The tangent stays in the regression: a robust line then ignores what the law could follow.
    design = np.concatenate([tangent, columns], axis=1)
    slopes, pull, inside = _robust_line(design, residuals)
    curvature = design.T @ (inside[:, None] * design)
    if np.linalg.matrix_rank(curvature) < len(curvature):
        return float("nan")
    scores = np.zeros((count, len(curvature)))
    for group in range(count):
        at = groups == group
        scores[group] = design[at].T @ _unpulled(design[at], pull[at])
    tested = np.linalg.inv(curvature)[-freedom:]
    spread = tested @ (scores.T @ scores) @ tested.T * (count - 1) / count
    if np.linalg.matrix_rank(spread) < freedom:
        return float("nan")
    slopes = slopes[-freedom:]
    wald = float(slopes @ np.linalg.solve(spread, slopes)) / freedom
    return _tail_of_f(wald * spare / (count - 1), freedom, spare)


def _tail_of_f(ratio: float, above: int, below: int) -> float:
    """Chance of a larger ratio under F with these degrees of freedom."""
    from scipy.special import fdtrc

    return float(fdtrc(above, below, ratio))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P-values corrected for their number (Holm 1979); NaN stays and does not count."""
    known = sorted((p, name) for name, p in p_values.items() if p == p)
    adjusted = dict.fromkeys(p_values, float("nan"))
    worst = 0.0
    for rank, (p, name) in enumerate(known):
        worst = max(worst, min(1.0, p * (len(known) - rank)))
        adjusted[name] = worst
    return adjusted


def robust_mean(values: Array) -> float:
    """The mean with outliers held back (Huber's estimate, 95 % efficient for normal noise)."""
    middle = float(np.median(values))
    for _ in range(50):
        left = values - middle
        limit = HUBER * 1.4826 * float(np.median(np.abs(left)))
        if limit == 0.0:
            return middle
        weights = np.minimum(1.0, limit / np.maximum(np.abs(left), 1e-300))
        middle += float(weights @ left / weights.sum())
    return middle


def _beyond(tangent: Array, values: Array) -> Array:
    """Orthonormal columns of line and bow that the law's own tangent cannot follow (n, q)."""
    axis = np.log(values) if np.all(values > 0) else values
    width = np.ptp(axis)
    if not np.isfinite(width) or width < 1e-9:
        return np.empty((len(values), 0))
    axis = 2.0 * (axis - axis.min()) / width - 1.0
    powers = np.stack([axis, axis**2], axis=1)
    powers -= powers.mean(axis=0)
    left = powers - tangent @ (tangent.T @ powers)
    directions, length, _ = np.linalg.svd(left, full_matrices=False)
    return directions[:, length > SEEN * np.sqrt(len(values))]


def _robust_line(columns: Array, residuals: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Huber regression on orthonormal columns: slopes, clipped residuals, which are not clipped."""
    slopes = columns.T @ residuals
    for _ in range(100):
        left = residuals - columns @ slopes
        limit = HUBER * 1.4826 * max(float(np.median(np.abs(left))), 1e-15)
        clipped = np.clip(left, -limit, limit)
        weights = clipped / np.where(left == 0.0, 1.0, left)
        weights = np.where(left == 0.0, 1.0, weights)
        step = np.linalg.solve(columns.T @ (weights[:, None] * columns), columns.T @ clipped)
        slopes = slopes + step
        if np.max(np.abs(step)) <= 1e-10 * limit:
            break
    left = residuals - columns @ slopes
    limit = HUBER * 1.4826 * max(float(np.median(np.abs(left))), 1e-15)
    return slopes, np.clip(left, -limit, limit), np.abs(left) <= limit


def _unpulled(design: Array, pull: Array) -> Array:
    """A group's residuals as they would be without the group, to first order (CR3)."""
    share, directions = np.linalg.eigh(design.T @ design)
    grow = 1.0 / np.maximum(1.0 - share, 1.0 / MOST_PULL)
    return pull + design @ (((directions * grow) @ directions.T) @ (design.T @ pull))
