"""A number with its interval, and a remark with its code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Quantity:
    """An estimate and the interval that covers the truth in ``level`` of such studies.

    Attributes:
        estimate: the best value.
        lo: lower end; NaN where no interval was asked for.
        hi: upper end.
        level: nominal coverage.
    """

    estimate: float
    lo: float
    hi: float
    level: float = 0.9

    def to_dict(self) -> dict[str, float]:
        """The object of the JSON contract."""
        return {"estimate": self.estimate, "lo": self.lo, "hi": self.hi, "level": self.level}


@dataclass(frozen=True)
class Notice:
    """Something the user must know about a result.

    Attributes:
        code: a stable word for programs.
        message: a sentence for people.
    """

    code: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """The object of the JSON contract."""
        return {"code": self.code, "message": self.message}


def from_draws(estimate: float, draws: Array, level: float = 0.9) -> Quantity:
    """A quantity whose interval holds the middle ``level`` of its draws, and the estimate.

    Draws that have no value (NaN) are left out; none at all gives an interval of NaN.
    """
    usable = draws[~np.isnan(draws)]
    if not usable.size:
        return Quantity(float(estimate), np.nan, np.nan, level)
    below, above = (1 - level) / 2, (1 + level) / 2
    if np.isfinite(usable).all():
        lo, hi = np.quantile(usable, [below, above])
    else:  # between infinite draws there is nothing to interpolate: the next one outwards
        lo = np.quantile(usable, below, method="lower")
        hi = np.quantile(usable, above, method="higher")
    return Quantity(float(estimate), float(min(lo, estimate)), float(max(hi, estimate)), level)
