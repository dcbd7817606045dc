"""Fit a law of whole loss curves: the multi-power law, from a few runs with different schedules.

The protocol of Luo et al. 2025 (arXiv 2503.12811): fit a constant, a cosine and a two-stage run,
predict runs with other schedules and longer ones. Their objective, the sum of Huber (delta 1e-3) of
log losses, is here followed to its minimum; theirs stopped after 200 steps of AdamW.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.document import envelope
from isoloss.errors import EvidenceError, InputError, Where
from isoloss.laws.multipower import FORMULA, NAMES, Passage, gradient, loss_curve, passage

if TYPE_CHECKING:
    import polars as pl
    from scipy.optimize import OptimizeResult

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

DELTA = 1e-3
NARROWING = (64.0, 16.0, 4.0)  # the Huber corner begins wide: far from the optimum it is flat
STEPS = 30, 400  # on the way, and at the end
SAME = 1e-6  # two optima are the same when their objectives agree to this share
LARGEST_LOG = 60.0  # of a parameter; a search that passes it has run away
NOT_FIXED = 1.0  # an exponent or the logarithm of a scale with a larger standard error


@dataclass(frozen=True)
class LossCurve:
    """One run: its schedule and the losses that were logged.

    Attributes:
        name: of the run.
        lr: learning rate of every step from step 0 on (T,); see ``isoloss.laws.schedules``.
        step: where the loss was logged (m,).
        loss: positive (m,).
    """

    name: str
    lr: Array
    step: Ints
    loss: Array

    def __post_init__(self) -> None:
        """Check that the losses fit the steps."""
        if np.shape(self.loss) != np.shape(self.step) or not len(self.loss):
            raise InputError(
                f"found {np.size(self.loss)} losses at {np.size(self.step)} steps where one loss "
                "per step is expected.",
                code="bad_curve",
                where=Where(field=self.name),
            )
        if not np.all(np.isfinite(self.loss) & (self.loss > 0)):
            raise InputError(
                "found a loss that is not a positive number.",
                code="bad_value",
                where=Where(field=self.name),
                hint="Leave out the steps at which the run had diverged.",
            )


@dataclass(frozen=True)
class CurveScore:
    """How well a predicted curve follows the logged one.

    Attributes:
        name: of the run.
        n_points: losses compared.
        r2: share of the variance of the losses that is predicted.
        mean_abs_error: in the unit of the loss.
        mean_rel_error: mean of the absolute error over the loss.
        max_rel_error: the largest of them.
    """

    name: str
    n_points: int
    r2: float
    mean_abs_error: float
    mean_rel_error: float
    max_rel_error: float


@dataclass(frozen=True)
class CurveFit:
    """A multi-power law fitted to loss curves.

    Attributes:
        estimate: parameters by name.
        status: ``ok``, ``not_identified`` (the curves do not fix a parameter; curves may still be
            predicted well) or ``failed`` (no start reached an optimum).
        status_message: that in a sentence.
        objective_value: sum of Huber(delta) of log losses at the optimum.
        delta: the corner of the Huber cost.
        agreement: share of starts that ended there.
        n_starts: starts followed.
        spread: standard error of the logarithm of each parameter, for independent errors.
        scores: of the curves fitted.
    """

    estimate: Mapping[str, float]
    status: str
    status_message: str
    objective_value: float
    delta: float
    agreement: float
    n_starts: int
    spread: Mapping[str, float]
    scores: tuple[CurveScore, ...]

    def predict(self, lr: ArrayLike, step: ArrayLike) -> Array:
        """The loss at steps (m,) of a run with learning rates ``lr`` (T,).

        Raises:
            InputError: the schedule or a step is unusable.
        """
        return loss_curve(self.estimate, passage(lr, step))

    def score(self, curves: Sequence[LossCurve]) -> tuple[CurveScore, ...]:
        """Hold the law against other runs."""
        return score(self.estimate, curves)

    def to_frame(self) -> pl.DataFrame:
        """One row per fitted curve, with its scores."""
        import polars as pl

        return pl.DataFrame([vars(one) for one in self.scores])

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.curve-fit``."""
        return envelope("curve-fit") | {
            "formula": FORMULA,
            "status": self.status,
            "status_message": self.status_message,
            "objective": self.objective_value,
            "objective_name": f"Huber({self.delta:g})",
            "estimate": dict(self.estimate),
            "spread_log": dict(self.spread),
            "agreement": self.agreement,
            "n_starts": self.n_starts,
            "curves": [vars(one) for one in self.scores],
        }

    def summary(self) -> str:
        """The fit in a few lines of text."""
        points = sum(one.n_points for one in self.scores)
        lines = [
            f"multi-power   {points} losses of {len(self.scores)} curves, Huber({self.delta:g}) on "
            f"log loss, {self.n_starts} starts",
            f"  L = {FORMULA}",
            f"  status {self.status}: {self.status_message}",
            *(
                f"    {name:<6} {value:>12.6g}   +-{self.spread[name]:.0%}"
                for name, value in self.estimate.items()
            ),
            *(
                f"  {one.name}: mean error {one.mean_rel_error:.2%}, worst {one.max_rel_error:.2%}"
                for one in self.scores
            ),
        ]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


def score(theta: Mapping[str, float], curves: Sequence[LossCurve]) -> tuple[CurveScore, ...]:
    """Compare the curves that parameters predict with the logged ones.

    Args:
        theta: parameters of the multi-power law by name.
        curves: runs, fitted or not.
    """
    return tuple(
        _score(curve, loss_curve(theta, passage(curve.lr, curve.step))) for curve in curves
    )


def fit_curves(curves: Sequence[LossCurve], *, delta: float = DELTA) -> CurveFit:
    """Fit the multi-power law to the losses of several schedules together.

    Args:
        curves: runs of one model, data and batch size; at least two schedules that differ, one of
            them with a decay, or the law cannot tell spending from decaying.
        delta: corner of the Huber cost, in log loss.

    Raises:
        InputError: a curve is unusable, or delta is not positive.
        EvidenceError: fewer losses than parameters, or a learning rate that never falls.
    """
    if not (np.isfinite(delta) and delta > 0):
        raise InputError(
            f"found {delta:g} where a positive number is expected.",
            code="bad_objective",
            where=Where(field="delta"),
        )
    if sum(len(curve.loss) for curve in curves) <= len(NAMES):
        raise EvidenceError(
            f"the curves have {sum(len(c.loss) for c in curves)} losses; the law has {len(NAMES)} "
            "parameters.",
            code="too_few_losses",
        )
    if not any(np.any(np.diff(curve.lr) < 0) for curve in curves):
        raise EvidenceError(
            "no schedule lowers its learning rate, so nothing shows what a decay saves.",
            code="no_decay",
            hint="Add a run with a cosine, a linear or a two-stage schedule.",
        )
    problem = _Problem(curves)
    found = [problem.follow(start, delta) for start in problem.starts()]
    best = min(found, key=lambda result: float(result.cost))
    agreement = float(np.mean([result.cost <= best.cost * (1 + SAME) for result in found]))
    estimate = dict(zip(NAMES, map(float, _parameters(best.x)), strict=True))
    spread = problem.spread(best.x)
    status, message = _judge(best, spread, agreement, len(found))
    return CurveFit(
        estimate=estimate,
        status=status,
        status_message=message,
        objective_value=float(best.cost),
        delta=delta,
        agreement=agreement,
        n_starts=len(found),
        spread=spread,
        scores=score(estimate, curves),
    )


class _Problem:
    """All curves together, in the logarithms of the parameters (all are positive)."""

    def __init__(self, curves: Sequence[LossCurve]) -> None:
        self.ways: list[Passage] = [passage(curve.lr, curve.step) for curve in curves]
        self.loss = np.concatenate([curve.loss for curve in curves])

    def residuals(self, phi: Array) -> Array:
        theta = _parameters(phi)
        with np.errstate(over="ignore", invalid="ignore"):
            curve = np.concatenate([loss_curve(theta, way) for way in self.ways])
        return np.log(self._usable(curve) / self.loss)

    def jacobian(self, phi: Array) -> Array:
        theta = _parameters(phi)
        with np.errstate(over="ignore", invalid="ignore"):
            parts = [gradient(theta, way) for way in self.ways]
            curve = np.concatenate([part[0] for part in parts])
            slopes = np.concatenate([part[1] for part in parts]) * theta
        slopes[~np.isfinite(slopes)] = 0.0
        return slopes / self._usable(curve)[:, None]

    def _usable(self, curve: Array) -> Array:
        # A decay may take more than there is on the way, and a step may go far astray; neither
        # must end the search.
        return np.clip(np.nan_to_num(curve, nan=np.inf), 1e-6 * self.loss, 1e6 * self.loss)

    def starts(self) -> list[Array]:
        """Plausible exponents, with L0, A and B by non-negative least squares."""
        from scipy.optimize import nnls

        begin: list[Array] = []
        for beta, gamma in product((0.4, 0.7), (0.4, 0.7)):
            theta = np.array([0.0, 1.0, 0.5, 1.0, 2.0, beta, gamma])
            slopes = np.concatenate([gradient(theta, way)[1] for way in self.ways])[:, [0, 1, 3]]
            found, _ = nnls(slopes / self.loss[:, None], np.ones(len(self.loss)))
            theta[[0, 1, 3]] = np.maximum(found, 1e-3)
            begin.append(np.log(theta))
        return begin

    def follow(self, phi: Array, delta: float) -> OptimizeResult:
        from scipy.optimize import least_squares

        for widening in (*NARROWING, 1.0):
            # A flat valley may send a step far away, beyond the squares of numbers.
            with np.errstate(over="ignore", invalid="ignore"):
                result = least_squares(
                    self.residuals,
                    phi,
                    jac=self.jacobian,  # pyright: ignore[reportArgumentType]  (stub: a literal)
                    loss="huber",
                    f_scale=delta * widening,
                    x_scale="jac",
                    max_nfev=STEPS[widening == 1.0],
                    ftol=1e-12,
                    xtol=1e-12,
                    gtol=1e-12,
                )
            phi = np.clip(result.x, -LARGEST_LOG, LARGEST_LOG)
        return result  # pyright: ignore[reportPossiblyUnboundVariable]  (the loop runs)

    def spread(self, phi: Array) -> dict[str, float]:
        """Standard errors of the logarithms of the parameters, for independent errors."""
        noise = 1.4826 * float(np.median(np.abs(self.residuals(phi))))
        jacobian = self.jacobian(phi)
        length: Array = np.linalg.norm(jacobian, axis=0)
        unit = jacobian / np.maximum(length, 1e-300)
        # The ridge makes a parameter that no loss depends on very uncertain, not an error.
        identity = np.eye(len(NAMES))
        variance = np.linalg.solve(unit.T @ unit + 1e-14 * identity, identity)
        error = noise * np.sqrt(np.diagonal(variance)) / np.maximum(length, 1e-300)
        return dict(zip(NAMES, map(float, error), strict=True))


def _parameters(phi: Array) -> Array:
    """Parameters from their logarithms; a search that runs away stays within numbers."""
    return np.exp(np.clip(phi, -LARGEST_LOG, LARGEST_LOG))


def _judge(
    best: OptimizeResult, spread: Mapping[str, float], agreement: float, count: int
) -> tuple[str, str]:
    if best.status <= 0:
        return "failed", f"none of {count} starts reached an optimum within {STEPS[1]} steps."
    loose = [name for name, error in spread.items() if error > NOT_FIXED]
    if loose:
        return "not_identified", (
            f"the curves do not fix {', '.join(loose)} to within a factor of e; curves like these "
            "may be predicted, others need a schedule that differs more."
        )
    return "ok", f"{agreement:.0%} of {count} starts agree on this optimum."


def _score(curve: LossCurve, predicted: Array) -> CurveScore:
    error = predicted - curve.loss
    relative = np.abs(error) / curve.loss
    centred = curve.loss - curve.loss.mean()
    variance = float(centred @ centred)
    return CurveScore(
        name=curve.name,
        n_points=len(curve.loss),
        r2=1 - float(error @ error) / variance if variance > 0 else float("nan"),
        mean_abs_error=float(np.mean(np.abs(error))),
        mean_rel_error=float(np.mean(relative)),
        max_rel_error=float(np.max(relative)),
    )
