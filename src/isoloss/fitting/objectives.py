"""How a residual is punished: each objective is a value with its name and its choice of scale.

An objective is always a weighted *sum* over runs, never a mean: with a mean and the usual
tolerances an optimiser stops early, the most repeated bug of the field (Besiroglu et al. 2024).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where

Array = NDArray[np.float64]


class Objective(Protocol):
    """What the solver asks of an objective; residuals are ``log(loss) - log(law)``."""

    @property
    def name(self) -> str:
        """The short name with its scale, as printed in reports."""
        ...

    def value(self, residual: Array) -> Array:
        """The cost of each residual."""
        ...

    def parts(self, residual: Array) -> tuple[Array, Array, Array]:
        """First derivative, second derivative, and a positive majorising curvature."""
        ...

    @property
    def corner(self) -> float:
        """The residual up to which the cost is quadratic; infinite for least squares."""
        ...

    def widened(self, factor: float) -> Objective:
        """The same cost with its corner ``factor`` times wider: smoother, easier to search."""
        ...


@dataclass(frozen=True)
class Huber:
    """Half the square up to ``delta``, then linear (Hoffmann et al. 2022 use delta = 1e-3)."""

    delta: float = 1e-3

    def __post_init__(self) -> None:
        """Check the threshold."""
        _check_positive("delta", self.delta)

    @property
    def name(self) -> str:
        """Huber with its threshold."""
        return f"Huber({self.delta:g})"

    @property
    def corner(self) -> float:
        """The residual up to which the cost is quadratic."""
        return self.delta

    def widened(self, factor: float) -> Objective:
        """The same cost with a wider corner."""
        return Huber(self.delta * factor)

    def value(self, residual: Array) -> Array:
        """The cost of each residual."""
        size = np.abs(residual)
        inner = np.minimum(size, self.delta)
        return inner * (size - 0.5 * inner)

    def parts(self, residual: Array) -> tuple[Array, Array, Array]:
        """First and second derivative, and the weight of iterated least squares."""
        size = np.abs(residual)
        first = np.clip(residual, -self.delta, self.delta)
        second = (size <= self.delta).astype(np.float64)
        return first, second, self.delta / np.maximum(size, self.delta)


@dataclass(frozen=True)
class Squared:
    """Half the square: least squares on log loss."""

    @property
    def name(self) -> str:
        """Least squares."""
        return "squared"

    @property
    def corner(self) -> float:
        """The residual up to which the cost is quadratic."""
        return math.inf

    def widened(self, factor: float) -> Objective:
        """The same cost with a wider corner."""
        return self

    def value(self, residual: Array) -> Array:
        """The cost of each residual."""
        return 0.5 * residual * residual

    def parts(self, residual: Array) -> tuple[Array, Array, Array]:
        """The residual, and one."""
        one = np.ones_like(residual)
        return residual, one, one


@dataclass(frozen=True)
class StudentT:
    """Negative log likelihood of Student's t, up to a constant and times ``scale**2``.

    Attributes:
        scale: width of the noise in log loss.
        dof: degrees of freedom; small means heavy tails.
    """

    scale: float = 5e-3
    dof: float = 4.0

    def __post_init__(self) -> None:
        """Check scale and degrees of freedom."""
        _check_positive("scale", self.scale)
        _check_positive("dof", self.dof)

    @property
    def name(self) -> str:
        """Student-t with its scale and degrees of freedom."""
        return f"StudentT({self.scale:g}, {self.dof:g})"

    @property
    def corner(self) -> float:
        """The residual up to which the cost is quadratic."""
        return self.scale

    def widened(self, factor: float) -> Objective:
        """The same cost with a wider corner."""
        return StudentT(self.scale * factor, self.dof)

    def value(self, residual: Array) -> Array:
        """The cost of each residual."""
        width = self.dof * self.scale**2
        return 0.5 * (1 + 1 / self.dof) * width * np.log1p(residual * residual / width)

    def parts(self, residual: Array) -> tuple[Array, Array, Array]:
        """First and second derivative, and the weight of iterated least squares."""
        width = self.dof * self.scale**2
        weight = (1 + 1 / self.dof) / (1 + residual * residual / width)
        second = weight * (width - residual * residual) / (width + residual * residual)
        return weight * residual, second, weight


@dataclass(frozen=True)
class Quantile:
    """Smoothed quantile loss: ``q`` = 0.1 fits the lower edge, the well-tuned runs.

    Attributes:
        q: share of runs that should lie below the law.
        delta: half width of the smoothed corner.
    """

    q: float = 0.5
    delta: float = 1e-3

    def __post_init__(self) -> None:
        """Check quantile and corner."""
        _check_positive("delta", self.delta)
        if not 0 < self.q < 1:
            raise InputError(
                f"found {self.q:g} where a quantile between 0 and 1 is expected.",
                code="bad_objective",
                where=Where(field="q"),
            )

    @property
    def name(self) -> str:
        """Quantile with its level."""
        return f"Quantile({self.q:g}, {self.delta:g})"

    @property
    def corner(self) -> float:
        """The residual up to which the cost is quadratic."""
        return self.delta

    def widened(self, factor: float) -> Objective:
        """The same cost with a wider corner."""
        return Quantile(self.q, self.delta * factor)

    def value(self, residual: Array) -> Array:
        """The cost of each residual."""
        return self._side(residual) * Huber(self.delta).value(residual)

    def parts(self, residual: Array) -> tuple[Array, Array, Array]:
        """First and second derivative, and the weight of iterated least squares."""
        side = self._side(residual)
        first, second, weight = Huber(self.delta).parts(residual)
        return side * first, side * second, side * weight

    def _side(self, residual: Array) -> Array:
        return np.where(residual > 0, 2 * self.q, 2 * (1 - self.q))


def objective_from_dict(stored: dict[str, Any]) -> Objective:
    """The objective that ``objective_to_dict`` described.

    Raises:
        KeyError: there is no such kind, or a setting is missing.
    """
    kinds = {kind.__name__: kind for kind in (Huber, Squared, StudentT, Quantile)}
    kind = kinds[stored["kind"]]
    return kind(**{field.name: float(stored[field.name]) for field in fields(kind)})


def objective_to_dict(objective: Objective) -> dict[str, Any]:
    """An objective as plain data."""
    return {"kind": type(objective).__name__, **vars(objective)}


def _check_positive(field: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise InputError(
            f"found {value:g} where a positive, finite number is expected.",
            code="bad_objective",
            where=Where(field=field),
        )
