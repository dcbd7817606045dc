"""A thin-plate spline through values at places in the plane, for any smoothing.

Only what smoothing-spline theory asks for (Wahba 1990, chapter 2), because everything that is done
with a surface here, leaving runs out and drawing errors anew, needs the linear map from the values
and not the surface alone.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

# threadpoolctl ships no types.
from threadpoolctl import ThreadpoolController  # pyright: ignore[reportMissingTypeStubs]

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def one_thread() -> AbstractContextManager[object]:
    """Keep linear algebra on one thread: on matrices of this size, threads wait for each other."""
    controller = _linear_algebra()
    return controller.limit(limits=1, user_api="blas")  # pyright: ignore[reportUnknownMemberType]


@cache
def _linear_algebra() -> ThreadpoolController:
    return ThreadpoolController()


@dataclass(frozen=True)
class Plane:
    """Known places, decomposed once for every smoothing.

    With K the kernel between places and P the planes over them, what a smoother leaves of values is
    ``smoothing * V diag(1 / (strength + smoothing)) V'``, where ``V diag(strength) V'`` is K seen
    across P.

    Attributes:
        known: places in units of their spread (n, 2), so that neither axis rules.
        middle: what was taken off each axis (2,).
        width: what each axis was divided by (2,).
        vectors: V (n, n - 3).
        strength: of each (n - 3,).
    """

    known: Array
    middle: Array
    width: Array
    vectors: Array
    strength: Array

    def bends(self, smoothing: float) -> Array:
        """From values to the weights of the kernels (n, n)."""
        return (self.vectors / (self.strength + smoothing)) @ self.vectors.T

    def residuals(self, values: Array, smoothing: float) -> Array:
        """What a smoother leaves of values (n,)."""
        share = smoothing / (self.strength + smoothing)
        return self.vectors @ (share * (values @ self.vectors))

    def left_out(self, values: Array, smoothing: float, groups: Ints) -> Array:
        """Residuals of each value under the surface without its group, from one surface alone.

        Args:
            values: at the places (n,).
            smoothing: positive.
            groups: numbers from 0 on, equal for values that are left out together (n,).
        """
        share = smoothing / (self.strength + smoothing)
        residual = self.residuals(values, smoothing)
        if groups.max() + 1 == len(groups):
            return residual / (self.vectors**2 @ share)
        for group in range(int(groups.max()) + 1):
            rows = np.flatnonzero(groups == group)
            kept = (self.vectors[rows] * share) @ self.vectors[rows].T
            residual[rows] = np.linalg.solve(kept, residual[rows])
        return residual

    def effective(self, smoothing: float) -> float:
        """How many free numbers the surface amounts to: 3 for a plane, n for one through all."""
        return len(self.known) - float(np.sum(smoothing / (self.strength + smoothing)))

    def scaled(self, places: Array) -> Array:
        """Other places in the same units."""
        return (places - self.middle) / self.width

    def inside(self, places: Array) -> Bools:
        """Which places (m, 2) lie within the convex hull of the known ones."""
        sides = self._hull
        return np.all(self.scaled(places) @ sides[:, :2].T + sides[:, 2] <= 1e-9, axis=1)

    @cached_property
    def _hull(self) -> Array:
        from scipy.spatial import ConvexHull

        return np.asarray(ConvexHull(self.known).equations, dtype=np.float64)


def plane(places: Array) -> Plane:
    """Decompose the kernel between places (n, 2) that do not lie on one line."""
    middle, width = places.mean(axis=0), places.std(axis=0)
    known = (places - middle) / width
    flat = _flat(known)
    across = np.linalg.qr(flat, mode="complete")[0][:, flat.shape[1] :]
    strength, turn = np.linalg.eigh(across.T @ _kernel(known, known) @ across)
    return Plane(known, middle, width, across @ turn, np.maximum(strength, 0.0))


@dataclass(frozen=True)
class Smoother:
    """The linear map from values at known places to a surface of one smoothing.

    Attributes:
        plane: the places.
        bends: to the weights of the kernels (n, n).
        level: to the plane beneath (3, n).
    """

    plane: Plane
    bends: Array
    level: Array

    def weights(self, places: Array) -> Array:
        """What each value contributes to the surface at other places (m, n)."""
        scaled = self.plane.scaled(places)
        return _kernel(scaled, self.plane.known) @ self.bends + _flat(scaled) @ self.level


def smoother(over: Plane, smoothing: float) -> Smoother:
    """The map for one smoothing (positive)."""
    bends = over.bends(smoothing)
    rest = np.eye(len(bends)) - _kernel(over.known, over.known) @ bends - smoothing * bends
    level = np.linalg.lstsq(_flat(over.known), rest, rcond=None)[0]
    return Smoother(over, bends, np.asarray(level, dtype=np.float64))


def _kernel(left: Array, right: Array) -> Array:
    """r^2 log r between places."""
    square = np.sum((left[:, None, :] - right[None, :, :]) ** 2, axis=2)
    return 0.5 * square * np.log(np.maximum(square, 1e-300))


def _flat(places: Array) -> Array:
    """One and the two coordinates (m, 3)."""
    return np.concatenate([np.ones((len(places), 1)), places], axis=1)
