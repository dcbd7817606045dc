"""One law, one set of runs, one objective: what the solver minimises, for many fits at once.

The solver works in coordinates: the logarithm of a positive parameter, any other parameter as it
is, with fixed and tied parameters taken out. A batch of fits shares the runs' inputs and differs
in weights (resampled runs) or in losses (noise put anew), one row each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting.objectives import Objective
from isoloss.laws.law import Law

Array = NDArray[np.float64]
LOG_LIMIT = 690.0  # exp overflows beyond: the widest range of a scale's logarithm


@dataclass(frozen=True)
class Coordinates:
    """How free coordinates become parameters.

    Attributes:
        log: per parameter, whether its coordinate is its logarithm.
        source: per parameter, the index of its free coordinate, or -1 where it is fixed.
        fixed: per parameter, the fixed value (natural units), NaN where free.
        lower, upper: bounds of the free coordinates.
        names: of the free coordinates (the first parameter of a tie names it).
    """

    log: NDArray[np.bool_]
    source: NDArray[np.int64]
    fixed: Array
    lower: Array
    upper: Array
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """The number of free coordinates."""
        return len(self.names)

    @property
    def selection(self) -> Array:
        """Matrix (parameters, coordinates) of zeros and ones: which coordinate feeds which."""
        return (self.source[:, None] == np.arange(self.size)).astype(np.float64)

    def theta(self, phi: Array) -> Array:
        """Parameters (..., P) from coordinates (..., F)."""
        full = np.where(self.source >= 0, phi[..., self.source], 0.0)
        moved = np.where(self.log, np.exp(np.clip(full, -LOG_LIMIT, LOG_LIMIT)), full)
        return np.where(self.source >= 0, moved, self.fixed)

    def phi(self, theta: Array) -> Array:
        """Coordinates (..., F) from parameters (..., P), moved inside the bounds."""
        with np.errstate(divide="ignore", invalid="ignore"):
            full = np.where(self.log, np.log(np.maximum(theta, 1e-300)), theta)
        first = [int(np.flatnonzero(self.source == i)[0]) for i in range(self.size)]
        return np.clip(full[..., first], self.lower, self.upper)

    def scale(self, theta: Array) -> Array:
        """Derivative of each parameter by its own coordinate."""
        return np.where(self.log, theta, 1.0)


def coordinates(
    law: Law,
    *,
    fixed: Mapping[str, float] | None = None,
    tied: Sequence[tuple[str, str]] = (),
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> Coordinates:
    """The free coordinates of a law under fixed values, ties and bounds.

    Raises:
        InputError: a name is unknown, a parameter is both fixed and tied or bounded, a value or
            a tie makes no sense, bounds are empty, or nothing is left to fit.
    """
    fixed, bounds = dict(fixed or {}), dict(bounds or {})
    for name in (*fixed, *bounds, *(name for tie in tied for name in tie)):
        if name not in law.names:
            raise InputError(
                f"law {law.name} has no parameter {name!r}.",
                code="unknown_parameter",
                where=Where(field=name),
                hint=f"Its parameters are {', '.join(law.names)}.",
            )
    leader = {name: name for name in law.names}
    for left, right in tied:
        old, new = leader[right], leader[left]
        leader = {name: new if lead == old else lead for name, lead in leader.items()}
    ties = {name: [n for n in law.names if leader[n] == leader[name]] for name in law.names}
    for name, value in fixed.items():
        _check_fixed(law, name, value, tied=len(ties[name]) > 1, bounded=name in bounds)
    free = [name for name in law.names if leader[name] == name and name not in fixed]
    if not free:
        raise InputError("every parameter is fixed: nothing is left to fit.", code="nothing_free")
    log = np.array([parameter.positive for parameter in law.parameters])
    limits = [_shared_limits(law, ties[name], bounds) for name in free]
    source = [-1 if n in fixed else free.index(leader[n]) for n in law.names]
    return Coordinates(
        log=log,
        source=np.array(source),
        fixed=np.array([fixed.get(name, np.nan) for name in law.names]),
        lower=np.array([low for low, _ in limits]),
        upper=np.array([high for _, high in limits]),
        names=tuple(free),
    )


def _check_fixed(law: Law, name: str, value: float, *, tied: bool, bounded: bool) -> None:
    if tied or bounded:
        raise InputError(
            f"{name!r} is fixed and {'tied' if tied else 'bounded'} at once.",
            code="contradiction",
            where=Where(field=name),
            hint="Fix all parameters of a tie instead of tying them." if tied else None,
        )
    positive = law.parameters[law.names.index(name)].positive
    if not np.isfinite(value) or (positive and value < 0):
        kind = "number of at least zero" if positive else "finite number"
        raise InputError(
            f"found {name} fixed at {value:g} where a {kind} is expected.",
            code="bad_fixed",
            where=Where(field=name),
        )


def _shared_limits(
    law: Law, names: Sequence[str], bounds: Mapping[str, tuple[float, float]]
) -> tuple[float, float]:
    """Limits of the coordinate that a parameter, or all parameters of a tie, are made from."""
    positive = [law.parameters[law.names.index(name)].positive for name in names]
    if len(set(positive)) > 1:
        name = names[positive.index(not positive[0])]
        raise InputError(
            f"{names[0]!r} and {name!r} cannot be tied: one is a positive scale, fitted through "
            "its logarithm, the other is not.",
            code="bad_tie",
            where=Where(field=name),
            hint="Give a formula that uses one name for both.",
        )
    limits = [_limits(law, name, bounds.get(name)) for name in names]
    low, high = max(low for low, _ in limits), min(high for _, high in limits)
    if not low < high:
        raise InputError(
            f"the bounds of {', '.join(names)} have nothing in common, and they are tied.",
            code="bad_bounds",
            where=Where(field=names[0]),
        )
    return low, high


def _limits(law: Law, name: str, asked: tuple[float, float] | None) -> tuple[float, float]:
    """Limits of a parameter's own coordinate."""
    parameter = law.parameters[law.names.index(name)]
    low, high = asked or parameter.bounds
    if not low < high or (parameter.positive and high <= 0):
        must = "be positive" if low < high else "be above the lower one"
        raise InputError(
            f"found bounds ({low:g}, {high:g}); the upper one must {must}.",
            code="bad_bounds",
            where=Where(field=name),
        )
    if not parameter.positive:
        return low, high
    inner = float(np.log(low)) if low > 0 else -LOG_LIMIT
    outer = float(np.log(high)) if high < np.inf else LOG_LIMIT
    return inner, outer


@dataclass(frozen=True)
class Evaluation:
    """A batch of objective values with derivatives along the columns of a basis.

    Attributes:
        objective: (B,); infinite where the law has no finite positive value.
        pull: (B, F), the gradient in free coordinates, whatever the basis.
        gradient: (B, F).
        hessian: (B, F, F), exact.
        metric: (B, F, F), the positive curvature of iterated least squares.
    """

    objective: Array
    pull: Array
    gradient: Array
    hessian: Array
    metric: Array


@dataclass(frozen=True)
class Problem:
    """Runs, law and objective.

    Attributes:
        law: the law.
        coordinates: its free coordinates.
        log_x: logarithms of the law's variables, each (n,).
        log_loss: (n,) or (B, n).
        weights: (n,) or (B, n).
        objective: cost of a residual.
    """

    law: Law
    coordinates: Coordinates
    log_x: tuple[Array, ...]
    log_loss: Array
    weights: Array
    objective: Objective

    @property
    def n_runs(self) -> int:
        """The number of runs."""
        return self.log_loss.shape[-1]

    def rows(self, index: NDArray[np.int64] | slice) -> Problem:
        """The same problem for some rows of the batch."""
        return replace(
            self,
            log_loss=self.log_loss if self.log_loss.ndim == 1 else self.log_loss[index],
            weights=self.weights if self.weights.ndim == 1 else self.weights[index],
        )

    def parameters(self, phi: Array) -> tuple[Array, ...]:
        """Parameters as columns (B, 1), ready to broadcast against runs."""
        theta = self.coordinates.theta(phi)
        return tuple(theta[:, i, None] for i in range(theta.shape[1]))

    def residuals(self, phi: Array) -> Array:
        """``log(loss) - log(law)`` (B, n); NaN where the law is not positive."""
        with np.errstate(all="ignore"):
            value = self.law.compiled.value(self.parameters(phi), self.log_x)[0]
            return self.log_loss - np.log(value)

    def value(self, phi: Array) -> Array:
        """The objective (B,); infinite where the law has no finite positive value."""
        with np.errstate(all="ignore"):
            cost = np.sum(self.weights * self.objective.value(self.residuals(phi)), axis=1)
        return np.where(np.isfinite(cost), cost, np.inf)

    def jacobian(self, phi: Array) -> Array:
        """Derivatives of ``log(law)`` by the free coordinates, (B, F, n)."""
        with np.errstate(all="ignore"):
            value, *first = self.law.compiled.gradient(self.parameters(phi), self.log_x)
            natural = self._relative(phi, value, first)
            return self._chain(phi).transpose(0, 2, 1) @ natural

    def evaluate(self, phi: Array, basis: Array) -> Evaluation:
        """Objective, gradient, Hessian and metric at coordinates (B, F), along a basis (B, F, F).

        Derivatives are taken along the basis before they are multiplied with each other: in a
        basis that makes them nearly orthogonal, strongly correlated parameters lose no digits.
        """
        with np.errstate(all="ignore"):
            return self._evaluate(phi, basis)

    def _evaluate(self, phi: Array, basis: Array) -> Evaluation:
        compiled, size = self.law.compiled, len(self.law.names)
        value, *rest = compiled.curvature(self.parameters(phi), self.log_x)
        natural = self._relative(phi, value, rest[:size])
        inverse = 1.0 / np.broadcast_to(value, (len(phi), self.n_runs))
        residual = self.log_loss + np.log(inverse)
        slope, bend, major = (self.weights * part for part in self.objective.parts(residual))
        cost = np.sum(self.weights * self.objective.value(residual), axis=1)

        where = self.coordinates
        chain = self._chain(phi)
        along = (chain @ basis).transpose(0, 2, 1)
        jacobian = along @ natural
        hessian = (jacobian * (bend + slope)[:, None]) @ jacobian.transpose(0, 2, 1)
        metric = (jacobian * major[:, None]) @ jacobian.transpose(0, 2, 1)
        steep = -(natural @ slope[:, :, None])[:, :, 0]

        # What is left of the Hessian: the law's own curvature, and that of the logarithmic
        # coordinates, in which d2 theta / d phi2 = theta.
        curved = np.zeros((len(phi), size, size))
        force = slope * inverse
        for (i, j), part in zip(compiled.second, rest[size:], strict=True):
            entry = np.einsum("bn,bn->b", force, np.broadcast_to(part, force.shape))
            curved[:, i, j] = curved[:, j, i] = -entry
        scale = where.scale(where.theta(phi))
        np.einsum("bii->bi", curved)[...] += np.where(where.log, steep / scale, 0.0)
        hessian += along @ curved @ along.transpose(0, 2, 1)

        gradient = -(jacobian @ slope[:, :, None])[:, :, 0]
        finite = np.isfinite(cost) & np.isfinite(gradient).all(1) & np.isfinite(hessian).all((1, 2))
        pull = np.einsum("bp,bpf->bf", steep, chain)
        return Evaluation(np.where(finite, cost, np.inf), pull, gradient, hessian, metric)

    def _relative(self, phi: Array, value: Array, first: Sequence[Array]) -> Array:
        """Derivatives of ``log(law)`` by the parameters, (B, P, n), from those of the law."""
        natural = np.empty((len(phi), len(first), self.n_runs))
        inverse = 1.0 / np.broadcast_to(value, (len(phi), self.n_runs))
        for i, part in enumerate(first):
            np.multiply(part, inverse, out=natural[:, i])
        return natural

    def _chain(self, phi: Array) -> Array:
        """Derivatives of the parameters by the free coordinates, (B, P, F)."""
        where = self.coordinates
        return where.scale(where.theta(phi))[:, :, None] * where.selection
