"""Does the shape matter in the user's own runs? Loss against aspect ratio at equal N and D."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError
from isoloss.fitting import Fit, Quantity, from_draws

Array = NDArray[np.float64]

# Runs whose N and D differ by less than this are compared; the law corrects for the rest.
SAME = 0.10
ALPHA = 0.05
MIN_FREE = 3
_DRAWS = 4000


@dataclass(frozen=True)
class ShapeEffect:
    """log loss = group + slope x + curvature x^2 with x = log(d / L), among runs of equal N and D.

    Attributes:
        status: ``optimum`` (a best aspect ratio inside those tried), ``edge`` (the loss falls
            towards an end of them) or ``none`` (no effect beyond noise).
        aspect: the best d / L; NaN unless there is an optimum.
        slope: at x = 0.
        curvature: in log loss per squared log(d / L).
        p_value: of no effect of the shape at all, by an F test.
        swing: by how much the loss differs between the best and the worst d / L tried, relative.
        aspects: smallest and largest d / L compared.
        n_groups: groups of runs of equal N and D that differ in shape.
        n_runs: runs in them, the best of each shape.
        draws: (K, 2) slope and curvature, as unsure as the scatter leaves them.
        level: nominal coverage.
        seed: of the draws.
        data_hash: of the runs.
    """

    status: str
    aspect: Quantity
    slope: float
    curvature: Quantity
    p_value: float
    swing: Quantity
    aspects: tuple[float, float]
    n_groups: int
    n_runs: int
    draws: Array
    level: float
    seed: int
    data_hash: str

    def excess(self, aspect: float) -> float:
        """Loss at an aspect ratio above that at the best one tried, relative; 0 without effect."""
        if self.status == "none":
            return 0.0
        at = _between(self.aspects)
        x = math.log(aspect)
        curve = self.slope * at + self.curvature.estimate * at**2
        return float(self.slope * x + self.curvature.estimate * x**2 - curve.min())

    @property
    def sentence(self) -> str:
        """What the runs say, in one sentence."""
        low, high = self.aspects
        tried = f"d/L {low:.3g} to {high:.3g}, {self.n_runs} runs in {self.n_groups} groups"
        if self.status == "none":
            return (
                f"no effect of the shape seen beyond noise ({tried}; p = {self.p_value:.2f}); a "
                f"difference above {self.swing.hi:.2%} of the loss would have shown."
            )
        if self.status == "edge":
            end = low if self.excess(low) < self.excess(high) else high
            return (
                f"the loss falls towards d/L {end:.3g}, an end of the shapes tried ({tried}; "
                f"p = {self.p_value:.2g}), by {self.swing.estimate:.2%} over all of them."
            )
        return (
            f"the best d/L is {self.aspect.estimate:.3g} ({self.aspect.lo:.3g} to "
            f"{self.aspect.hi:.3g}; {tried}); the worst tried costs {self.swing.estimate:.2%}."
        )

    def to_dict(self) -> dict[str, Any]:
        """The effect as plain values."""
        return {
            "status": self.status,
            "sentence": self.sentence,
            "aspect_ratio": self.aspect.to_dict(),
            "slope": self.slope,
            "curvature": self.curvature.to_dict(),
            "p_value": self.p_value,
            "swing": self.swing.to_dict(),
            "aspect_ratio_lo": self.aspects[0],
            "aspect_ratio_hi": self.aspects[1],
            "n_groups": self.n_groups,
            "n_runs": self.n_runs,
        }


def shape_effect(fit: Fit, *, level: float = 0.9, seed: int = 0) -> ShapeEffect:
    """How the loss depends on width over depth among runs of equal N and D, or a refusal.

    The law of the fit takes out what is left of differences in N and D within a group; a term per
    group takes out what the law misses. Of runs of one shape in a group the best counts.

    Args:
        fit: to runs with columns ``n_layers`` and ``d_model``.
        level: nominal coverage.
        seed: of the draws.

    Raises:
        EvidenceError: the runs have no shapes, or too few that differ at equal N and D.
    """
    x, y, group = _compared(fit)
    n_groups = len(np.unique(group))
    free = len(x) - n_groups - 2
    distinct = len(np.unique(np.round(x, 6)))
    if free < MIN_FREE or distinct < 3:
        raise EvidenceError(
            f"{len(x)} shapes in {n_groups} group(s) of equal N and D are too few to see an effect "
            "of the shape.",
            code="too_few_shapes",
            hint=f"Train at least three aspect ratios at the same N and D, {MIN_FREE} shapes more "
            "than there are groups and two coefficients.",
        )
    design = _within(np.stack([x, x**2], axis=1), group)
    target = _within(y[:, None], group)[:, 0]
    theta, residual_sum = _least_squares(design, target)
    variance = residual_sum / free
    ratio = (float(target @ target) - residual_sum) / 2.0 / max(variance, 1e-300)
    p_value = _upper_f(ratio, 2, free)
    draws = _draw(design, theta, variance, free, seed)
    ends = (float(np.exp(x.min())), float(np.exp(x.max())))
    swing = from_draws(_swing(theta[None], ends)[0], _swing(draws, ends), level)
    best = _best(theta[None])[0]
    inside = theta[1] > 0 and ends[0] < math.exp(best) < ends[1]
    status = "none" if p_value >= ALPHA else "optimum" if inside else "edge"
    nothing = Quantity(math.nan, math.nan, math.nan, level)
    return ShapeEffect(
        status=status,
        aspect=_aspect(best, draws, level) if status == "optimum" else nothing,
        slope=float(theta[0]),
        curvature=from_draws(float(theta[1]), draws[:, 1], level),
        p_value=p_value,
        swing=swing,
        aspects=ends,
        n_groups=n_groups,
        n_runs=len(x),
        draws=draws,
        level=level,
        seed=seed,
        data_hash=fit.points.data_hash,
    )


def _compared(fit: Fit) -> tuple[Array, Array, NDArray[np.int64]]:
    """log(d / L), log loss over the law and group of the best run of each shape in each group."""
    columns = fit.points.columns
    if "n_layers" not in columns or "d_model" not in columns:
        raise EvidenceError(
            "the runs do not say how deep and wide the models were.",
            code="no_shapes",
            hint="Add the columns n_layers and d_model.",
        )
    depth, width = columns["n_layers"], columns["d_model"]
    usable = np.isfinite(depth) & np.isfinite(width)
    index = np.flatnonzero(usable)
    group = _groups(fit.points.params[index], fit.points.tokens[index])
    best: dict[tuple[int, float, float], int] = {}
    for i, g in zip(index, group, strict=True):
        key = (int(g), float(depth[i]), float(width[i]))
        if key not in best or fit.residuals[i] < fit.residuals[best[key]]:
            best[key] = int(i)
    shapes = np.array(list(best.values()), dtype=np.int64)
    of = np.array([key[0] for key in best], dtype=np.int64)
    aspect = np.log(width[shapes] / depth[shapes])
    several = np.array([len(np.unique(np.round(aspect[of == g], 6))) > 1 for g in of], dtype=bool)
    shapes, of, aspect = shapes[several], of[several], aspect[several]
    return aspect, fit.residuals[shapes], of


def _groups(params: Array, tokens: Array) -> NDArray[np.int64]:
    """Groups of runs whose N and D are nearly equal: each joins the first run it is close to."""
    at = np.log(np.stack([params, tokens], axis=1))
    group = np.full(len(at), -1, dtype=np.int64)
    for i in np.lexsort((at[:, 1], at[:, 0])):
        if group[i] < 0:
            near = np.all(np.abs(at - at[i]) <= math.log1p(SAME), axis=1) & (group < 0)
            group[near] = i
    return group


def _within(values: Array, group: NDArray[np.int64]) -> Array:
    """Values less the mean of their group."""
    out = values.copy()
    for g in np.unique(group):
        out[group == g] -= values[group == g].mean(axis=0)
    return out


def _least_squares(design: Array, target: Array) -> tuple[Array, float]:
    theta: Array = np.linalg.lstsq(design, target, rcond=None)[0].astype(np.float64)
    return theta, float(np.sum((target - design @ theta) ** 2))


def _draw(design: Array, theta: Array, variance: float, free: int, seed: int) -> Array:
    """Coefficients as unsure as the scatter leaves them: Student's t with ``free`` degrees."""
    rng = np.random.default_rng(seed)
    covariance = cast("Array", variance * np.linalg.pinv(design.T @ design))
    jitter = 1e-18 * float(np.trace(covariance)) * np.eye(2)
    root = cast("Array", np.linalg.cholesky(covariance + jitter))
    wide = np.sqrt(free / rng.chisquare(free, _DRAWS))
    return theta + wide[:, None] * (rng.standard_normal((_DRAWS, 2)) @ root.T)


def _best(theta: Array) -> Array:
    """log(d / L) of the minimum; infinite where the curve has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(theta[:, 1] > 0, -theta[:, 0] / (2 * theta[:, 1]), np.inf)


def _aspect(best: float, draws: Array, level: float) -> Quantity:
    """The best d / L; draws without a minimum lie beyond either end."""
    found = _best(draws)
    lost = np.isinf(found)
    # A curve without a minimum says that it is beyond one end or the other: half of them each.
    found[lost] = np.where(np.arange(int(lost.sum())) % 2 == 0, 700.0, -700.0)
    with np.errstate(over="ignore"):
        return from_draws(math.exp(best), np.exp(np.clip(found, -700, 700)), level)


def _swing(theta: Array, ends: tuple[float, float]) -> Array:
    at = _between(ends)
    curve: Array = theta[:, :1] * at + theta[:, 1:] * at**2
    return curve.max(axis=1) - curve.min(axis=1)


def _between(ends: tuple[float, float]) -> Array:
    """log(d / L) from one end to the other, closely."""
    return np.linspace(math.log(ends[0]), math.log(ends[1]), 201)


def _upper_f(ratio: float, top: int, bottom: int) -> float:
    """P(F > ratio) with these degrees of freedom."""
    from scipy.special import betainc

    return float(betainc(bottom / 2, top / 2, bottom / (bottom + top * max(ratio, 0.0))))
