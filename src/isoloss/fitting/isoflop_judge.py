"""Does a budget show a best size, and what must be said about the optima that were found?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.allocation import Optimum
from isoloss.fitting.frontier import MIN_BUDGETS, Frontier
from isoloss.fitting.isoflop_profile import Profile
from isoloss.fitting.isoflop_refits import Residuals
from isoloss.fitting.quantity import Notice, Quantity
from isoloss.runs import Points, format_quantity

Array = NDArray[np.float64]
WIDEST_EXPONENT = 1.0  # an exponent whose interval is wider than this is not known
BIASED = 0.02  # relative error of a parabola's N* that deserves a notice
OUTLYING = 5.0  # studentised residual
LOST = 0.05  # share of refits without a minimum that deserves a notice


@dataclass(frozen=True)
class Verdict:
    """The flags of an ``Optimum``."""

    curvature: int
    interior: bool
    bracketed: bool
    edge: str
    used: bool
    note: str


def judge(each: Profile, log_n: float, points: Points, shape: str) -> Verdict:
    """Whether a curve's minimum at ``log_n`` may count.

    A minimum outside the sizes that were trained is a guess, and the vertex of a parabola that
    opens downward is a maximum; neither counts.
    """
    log_sizes = np.log(points.params[each.rows])
    losses = points.loss[each.rows]
    lowest = log_sizes[losses.argmin()]
    bracketed = bool(log_sizes.min() < lowest < log_sizes.max())
    if log_sizes.min() < log_n < log_sizes.max():
        note = "" if bracketed else "the lowest measured loss belongs to an outermost size"
        return Verdict(1, True, bracketed, "", True, note)
    edge = "largest" if log_n >= log_sizes.max() else "smallest"
    end = format_quantity(float(np.exp(log_sizes.max() if edge == "largest" else log_sizes.min())))
    if np.isfinite(log_n):
        note = f"the minimum of the curve lies beyond the {edge} size ({end})"
        return Verdict(1, False, bracketed, edge, False, note)
    if shape == "parabola":
        return Verdict(-1, False, bracketed, edge, False, "the parabola opens downward")
    note = f"the curve only falls towards the {edge} size ({end})"
    return Verdict(0, False, bracketed, edge, False, note)


def few_sizes(flop: Array, sizes: int, needed: int) -> Optimum:
    """A budget with too few sizes for a curve."""
    nothing = Quantity(np.nan, np.nan, np.nan)
    return Optimum(
        flop=float(np.exp(np.mean(np.log(flop)))),
        n_params=nothing,
        tokens=nothing,
        loss=nothing,
        n_runs=len(flop),
        n_sizes=sizes,
        curvature=0,
        interior=False,
        bracketed=False,
        edge="",
        used=False,
        note=f"{sizes} size{'s' if sizes > 1 else ''}, where at least {needed} are needed",
    )


def notices_of(
    points: Points,
    optima: Sequence[Optimum],
    frontier: Frontier,
    residuals: Residuals,
    shape: str,
    ratio: tuple[float, float] | None,
    largest: float,
) -> list[Notice]:
    """What the user must know about an answer of approach 2.

    Args:
        points: the runs used.
        optima: all budgets.
        frontier: the power laws.
        residuals: of the curves.
        shape: of the curves.
        ratio: line of log N* by parabola over slices.
        largest: the largest compute of a run.
    """
    found = [*_left_out(optima), *_one_sided(optima)]
    if ratio is not None and shape == "parabola":
        found += _bias(ratio, largest)
    if sum(optimum.used for optimum in optima) == MIN_BUDGETS:
        found.append(
            Notice(
                "few_budgets",
                f"only {MIN_BUDGETS} budgets carry the power laws, so nothing can show whether the "
                "optima follow one; extrapolation rests on that assumption.",
            )
        )
    if residuals.freedom < 1:
        found.append(
            Notice(
                "no_spare_runs",
                "the curves have as many parameters as there are runs, so there are no residuals "
                "and no intervals; train more sizes per budget.",
            )
        )
    else:
        found += _outlying(points, residuals)
    if frontier.lost > LOST:
        found.append(
            Notice(
                "weak_minima",
                f"{frontier.lost:.0%} of the refits' curves have no minimum: the noise is as large "
                "as the bend of the profiles. Train sizes further apart, or more runs.",
            )
        )
    if frontier.scatter > frontier.noise > 0:
        found.append(
            Notice(
                "scattered_optima",
                f"N* scatters by {frontier.scatter:.0%} about its power law beyond what the noise "
                "of the runs explains; the intervals of the exponents include that. Budgets may "
                "differ in more than compute, or the optima may not follow a power law.",
            )
        )
    return found


def status_of(optima: Sequence[Optimum], frontier: Frontier, level: float) -> tuple[str, str]:
    """Status and sentence of an allocation by approach 2 or 1."""
    used = sum(optimum.used for optimum in optima)
    slopes = frontier.draws[:, 1]
    if slopes.size:
        lo, hi = np.quantile(slopes, [(1 - level) / 2, (1 + level) / 2])
        if hi - lo > WIDEST_EXPONENT:
            return "not_identified", (
                f"the exponent of N* lies between {lo:.2f} and {hi:.2f}: these runs do not fix it. "
                "Train more runs per budget, wider sizes, or budgets further apart."
            )
    if used < len(optima):
        return "edge", (
            f"{used} of {len(optima)} budgets have a minimum inside their sizes; the others are "
            "left out."
        )
    return "ok", f"all {used} budgets have a minimum inside their sizes."


def _left_out(optima: Sequence[Optimum]) -> list[Notice]:
    out = [optimum for optimum in optima if not optimum.used]
    if not out:
        return []
    listed = "; ".join(f"{optimum.flop:.3g} FLOP: {optimum.note}" for optimum in out)
    return [Notice("budgets_left_out", f"left out of the power laws: {listed}.")]


def _one_sided(optima: Sequence[Optimum]) -> list[Notice]:
    weak = [optimum for optimum in optima if optimum.used and not optimum.bracketed]
    if not weak:
        return []
    listed = ", ".join(f"{optimum.flop:.3g}" for optimum in weak)
    return [
        Notice(
            "not_bracketed",
            f"at {listed} FLOP the lowest measured loss belongs to the smallest or the largest "
            "size, so one side of the minimum rests on the curve alone; train sizes beyond it.",
        )
    ]


def _bias(ratio: tuple[float, float], largest: float) -> list[Notice]:
    here, beyond = (
        float(np.expm1(ratio[0] + ratio[1] * np.log(flop))) for flop in (largest, 100 * largest)
    )
    if max(abs(here), abs(beyond)) < BIASED:
        return []
    return [
        Notice(
            "parabola_bias",
            f"the parabola puts N* {here:+.1%} off at {largest:.3g} FLOP and {beyond:+.1%} at "
            f"{100 * largest:.3g}, judged by shape='slices', which asymmetry does not bias.",
        )
    ]


def _outlying(points: Points, residuals: Residuals) -> list[Notice]:
    far = np.flatnonzero(np.abs(residuals.studentised) > OUTLYING)
    if not far.size:
        return []
    worst = far[np.argsort(-np.abs(residuals.studentised[far]))][:5]
    listed = ", ".join(f"{points.run_id[i]} ({residuals.value[i]:+.2%})" for i in worst) + (
        f" and {far.size - 5} more" if far.size > 5 else ""
    )
    return [
        Notice(
            "outlying_runs",
            f"off their budget's curve by more than {OUTLYING:g} standard deviations of the other "
            f"runs: {listed}. Least squares follows such runs; look at them, or exclude them.",
        )
    ]
