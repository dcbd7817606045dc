"""What is believed of the law before any pilot run: a fit, printed coefficients, or a guess."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Fit, Huber, Objective
from isoloss.fitting.linear import noise_level
from isoloss.fitting.problem import Coordinates, coordinates
from isoloss.laws import Law, Published, get_law, get_published
from isoloss.laws.optimum import require_plannable
from isoloss.runs.problems import FEWEST_STEPS
from isoloss.validation.refits import pose

Array = NDArray[np.float64]

ASSUMED_NOISE = 0.005  # of a run, relative, where nobody measured it
SHIPPED_LAW = "rosenfeld"
"""What predicted the largest budget of the reference ladder best, see docs/reference-ladder.md."""
_NODES = np.linspace(-8.0, 8.0, 16001)


@dataclass(frozen=True)
class Belief:
    """A law with the numbers that it is taken to have, and what the runs so far say of them.

    Attributes:
        law: the law.
        theta: its parameters (P,).
        where: which of them further runs decide, as coordinates.
        free: coordinates that may move, not at a bound (F,).
        noise: of a run in log loss.
        noise_source: where that number comes from.
        objective: with which the runs will be fitted.
        source: where the parameters come from.
        kind: ``fit``, ``published``, ``shipped`` or ``guess``.
        n: what N counts.
        loss_unit: unit of the loss.
        params: N of the runs that are there (n,).
        tokens: D of them.
        flop: C of them.
        largest_flop: compute up to which the numbers are known to hold; NaN where nobody says.
        data_hash: of those runs; None without.
        seed: of the fit; None without.
        published: the printed coefficients, for their range.
    """

    law: Law
    theta: Array
    where: Coordinates
    free: NDArray[np.bool_]
    noise: float
    noise_source: str
    objective: Objective
    source: str
    kind: str
    n: str
    loss_unit: str
    params: Array
    tokens: Array
    flop: Array
    largest_flop: float
    data_hash: str | None = None
    seed: int | None = None
    published: Published | None = None

    @property
    def error_of_a_run(self) -> float:
        """What a run counts for: its noise, times what the objective makes of it."""
        return self.noise * price_of_robustness(self.objective, self.noise)

    def jacobian(self, params: Array, tokens: Array) -> Array:
        """Change of log loss with each free coordinate, at runs (m,): (F, m)."""
        params, tokens = np.broadcast_arrays(params, tokens)
        x = {"N": params, "D": tokens, "C": 6.0 * params * tokens, "U": tokens}
        logs = self.law.log_variables({name: x[name] for name in self.law.variables})
        with np.errstate(all="ignore"):
            value, *slopes = self.law.compiled.gradient(tuple(self.theta), logs)
        rows = np.array([np.broadcast_to(slope, params.shape) for slope in slopes])
        rows = rows * self.where.scale(self.theta)[:, None] / np.asarray(value)
        return np.where(self.free[:, None], self.where.selection.T @ rows, 0.0)

    def loss(self, params: Array, tokens: Array) -> Array:
        """The loss that is expected of runs."""
        x = {"N": params, "D": tokens, "C": 6.0 * params * tokens, "U": tokens}
        return self.law.value(self.theta, {name: x[name] for name in self.law.variables})


def price_of_robustness(objective: Objective, noise: float) -> float:
    """How much wider an objective makes intervals than least squares, for normal noise.

    The root of E[psi^2] / E[psi']^2 over the variance (Huber 1964): 1.25 where the corner lies
    far below the noise, as that of absolute differences.
    """
    if not noise > 0:
        return 1.0
    weight = np.exp(-0.5 * _NODES**2)
    weight /= weight.sum()
    pull = objective.parts(noise * _NODES)[0]
    # E[psi'] times the noise is E[psi z] (Stein), which has no corner to miss.
    return math.sqrt(float(np.sum(weight * pull**2))) / float(np.sum(weight * pull * _NODES))


def from_fit(fit: Fit, noise: float | None = None) -> Belief:
    """What a fit says, with its runs.

    Raises:
        EvidenceError: the law cannot weigh size against data, or the fit failed.
        InputError: the runs of the fit had weights.
    """
    require_plannable(fit.law)
    if fit.status == "failed":
        raise EvidenceError(
            f"the fit failed: {fit.status_message}",
            code="fit_failed",
            hint="Design from published coefficients: --law chinchilla.",
        )
    posed = pose(fit)
    measured = noise_level(posed.form.problem, posed.phi)
    where = coordinates(
        fit.law,
        fixed=fit.constraints.fixed,
        tied=fit.constraints.tied,
        bounds=fit.constraints.bounds,
    )
    points = fit.points
    return _belief(
        fit.law,
        fit.theta,
        where,
        measured if noise is None else noise,
        f"residuals of {fit.n_runs} runs" if noise is None else "given",
        objective=fit.objective,
        source=f"fit to {fit.n_runs} runs, {fit.n_tiers} compute tiers",
        kind="fit",
        n=points.conventions.n,
        loss_unit=points.conventions.loss_unit,
        params=points.params,
        tokens=points.tokens,
        flop=points.flop,
        largest_flop=float(np.max(points.flop)),
        data_hash=points.data_hash,
        seed=fit.seed,
    )


def from_published(law: str | Law, key: str | None = None, noise: float | None = None) -> Belief:
    """What was printed of a law, with an assumed noise.

    Raises:
        InputError: there is no such law, or it has no such coefficients.
        EvidenceError: the law cannot weigh size against data.
    """
    known = get_law(law)
    published = get_published(known, key)
    require_plannable(known)
    stated = published.range.get("C")
    return _belief(
        known,
        np.array([published.values[name] for name in known.names]),
        coordinates(known),
        ASSUMED_NOISE if noise is None else noise,
        "assumed" if noise is None else "given",
        source=f"published coefficients {published.key} ({published.source})",
        kind="published",
        n=published.n,
        loss_unit=published.loss_unit,
        largest_flop=math.nan if stated is None else stated[1],
        published=published,
    )


def from_guess(
    law: str | Law, values: Mapping[str, float], noise: float | None = None, n: str = "total"
) -> Belief:
    """The user's own numbers, over published ones where those exist.

    Raises:
        InputError: a name is no parameter, or one has no value.
        EvidenceError: the law cannot weigh size against data.
    """
    known = get_law(law)
    require_plannable(known)
    for name in values:
        if name not in known.names:
            raise InputError(
                f"law {known.name} has no parameter {name[:60]!r}.",
                code="unknown_parameter",
                where=Where(field="guess"),
                hint=f"Its parameters are {', '.join(known.names)}.",
            )
    printed = dict(known.published[0].values) if known.published else {}
    full = {**printed, **values}
    missing = [name for name in known.names if name not in full]
    if missing:
        raise InputError(
            f"the guess has no value for {', '.join(missing)}.",
            code="missing_parameter",
            where=Where(field="guess"),
            hint="Give one for every parameter, such as --guess alpha=0.34.",
        )
    theta = np.array([float(full[name]) for name in known.names])
    taken = [name for name in known.names if name not in values]
    return _belief(
        known,
        theta,
        coordinates(known),
        ASSUMED_NOISE if noise is None else noise,
        "assumed" if noise is None else "given",
        source="a guess" + (f", {', '.join(taken)} as published" if taken else ""),
        kind="guess",
        n=n,
        loss_unit="nats/token",
        largest_flop=math.nan,
    )


def from_shipped(law: str | Law = SHIPPED_LAW, noise: float | None = None) -> Belief:
    """What the reference ladder says of byte-level models: a guess for another text, not runs."""
    from isoloss.datasets import reference
    from isoloss.fitting import fit

    runs = reference().where(f"flop_budget > 0 AND steps >= {FEWEST_STEPS}").best("lr")
    found = from_fit(fit(runs, law, ci="none"), noise)
    return _belief(
        found.law,
        found.theta,
        found.where,
        found.noise,
        found.noise_source if noise is not None else f"{found.noise_source} of the ladder",
        source=f"the reference ladder of byte-level models ({len(runs.ok())} runs)",
        kind="shipped",
        n="matmul",
        loss_unit=found.loss_unit,
        largest_flop=found.largest_flop,
    )


def _belief(
    law: Law,
    theta: Array,
    where: Coordinates,
    noise: float,
    noise_source: str,
    *,
    source: str,
    kind: str,
    n: str,
    loss_unit: str,
    largest_flop: float,
    objective: Objective | None = None,
    params: Array | None = None,
    tokens: Array | None = None,
    flop: Array | None = None,
    data_hash: str | None = None,
    seed: int | None = None,
    published: Published | None = None,
) -> Belief:
    if not (0 < noise < 1):
        raise InputError(
            f"found {noise:g} where the noise of a run is expected, above 0 and below 1.",
            code="bad_noise",
            where=Where(field="noise"),
            hint="It is relative: --noise 0.005 for half a percent of the loss.",
        )
    phi = where.phi(theta)
    none = np.zeros(0)
    return Belief(
        law=law,
        theta=theta,
        where=where,
        free=(phi > where.lower) & (phi < where.upper),
        noise=float(noise),
        noise_source=noise_source,
        objective=objective or Huber(),
        source=source,
        kind=kind,
        n=n,
        loss_unit=loss_unit,
        params=none if params is None else params,
        tokens=none if tokens is None else tokens,
        flop=none if flop is None else flop,
        largest_flop=largest_flop,
        data_hash=data_hash,
        seed=seed,
        published=published,
    )
