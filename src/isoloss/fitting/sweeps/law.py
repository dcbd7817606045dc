"""Where should learning rate and batch be for another size and number of tokens?

lr* = c N^a D^b and batch* = d N^e D^f, with the cost of missing them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting.quantity import Quantity, from_draws
from isoloss.runs import parse_quantity

Array = NDArray[np.float64]

ON_PATH = 0.35
"""Decades of D off the line that the cells lie on, beyond which the law says nothing."""


@dataclass(frozen=True)
class SweepPrediction:
    """The best setting of a run that does not exist yet.

    Attributes:
        params: N.
        tokens: D.
        settings: by axis (``lr``, ``batch_tokens``) the optimum of a new cell: the law's interval
            and the scatter of cells about it.
        law: by axis the law itself, without that scatter.
        cost: what trusting the law is expected to cost, as a share of the loss.
        inside_range: whether N and D both lie among the cells.
        decades_beyond: by name (``N``, ``D``), log10 of the distance to the nearest cell; 0 inside.
        on_path: whether N and D keep the relation of the cells, where those lie on one line.
    """

    params: float
    tokens: float
    settings: Mapping[str, Quantity]
    law: Mapping[str, Quantity]
    cost: Quantity
    inside_range: bool
    decades_beyond: Mapping[str, float]
    on_path: bool = True

    def to_dict(self) -> dict[str, Any]:
        """In plain values."""
        return {
            "n_params": self.params,
            "tokens": self.tokens,
            "settings": {name: q.to_dict() for name, q in self.settings.items()},
            "law": {name: q.to_dict() for name, q in self.law.items()},
            "expected_cost": self.cost.to_dict(),
            "inside_range": self.inside_range,
            "decades_beyond": dict(self.decades_beyond),
            "on_path": self.on_path,
        }


@dataclass(frozen=True)
class SweepLaw:
    """The law of a sweep, in logs: settings = theta terms.

    Attributes:
        axes: what is set: ``lr`` and, where it was varied, ``batch_tokens``.
        terms: ``1`` and those of ``N`` and ``D`` that the cells tell apart.
        centre: means of log N and log D over the cells.
        theta: (k, t) coefficients of log setting on the terms, N and D about their means.
        draws: (R, k, t) coefficients from cells drawn anew.
        curvature: (k, k) second derivatives of log loss, shared by the cells.
        curvature_draws: (R, k, k).
        scatter: (k,) standard deviation of the cells' optima about the law, in logs.
        noise: standard deviation of log loss that a run which counts fully has.
        params_range: lowest and highest N.
        tokens_range: lowest and highest D.
        slope: d log D / d log N of the cells where they lie on one line, else None.
        n_cells: cells that count.
        level: nominal coverage of the intervals.
        seed: of the draws.
    """

    axes: tuple[str, ...]
    terms: tuple[str, ...]
    centre: tuple[float, float]
    theta: Array
    draws: Array
    curvature: Array
    curvature_draws: Array
    scatter: Array
    noise: float
    params_range: tuple[float, float]
    tokens_range: tuple[float, float]
    slope: float | None
    n_cells: int
    level: float
    seed: int

    def exponents(self, axis: str) -> dict[str, Quantity]:
        """The powers of N and D in the law of one setting, those that are fitted."""
        i = self.axes.index(axis)
        return {
            name: from_draws(float(self.theta[i, j]), self.draws[:, i, j], self.level)
            for j, name in enumerate(self.terms)
            if name != "1"
        }

    def prefactor(self, axis: str) -> Quantity:
        """The factor before the powers: the setting at N = D = 1, far from any run."""
        i = self.axes.index(axis)
        centre = {"N": self.centre[0], "D": self.centre[1]}
        back = np.array([1.0 if name == "1" else -centre[name] for name in self.terms])
        with np.errstate(over="ignore"):
            drawn = np.exp(self.draws[:, i] @ back)
        return from_draws(float(np.exp(self.theta[i] @ back)), drawn, self.level)

    def formula(self, axis: str) -> str:
        """The law of one setting as text: ``1.79 N^-0.713 D^0.307``."""
        powers = [f"{name}^{q.estimate:.3f}" for name, q in self.exponents(axis).items()]
        return " ".join([f"{self.prefactor(axis).estimate:.3g}", *powers])

    def log_settings(self, params: Array, tokens: Array) -> Array:
        """Logs of the best settings (n, k)."""
        return term_columns(np.log(params), np.log(tokens), self.terms, self.centre) @ self.theta.T

    def cost(self, factor: float = 2.0) -> dict[str, Quantity]:
        """What it costs to be ``factor`` off in one setting, as a share of the loss."""
        step = np.log(factor) ** 2 / 2
        found: dict[str, Quantity] = {}
        for i, axis in enumerate(self.axes):
            drawn = np.expm1(step * self.curvature_draws[:, i, i])
            found[axis] = from_draws(np.expm1(step * self.curvature[i, i]), drawn, self.level)
        return found

    def drawn_settings(self, params: float, tokens: float, *, scatter: bool = True) -> Array:
        """Logs of the best settings (R, k) that the draws say, with or without cells' scatter."""
        row = self._row(params, tokens)
        drawn = self.draws @ row
        if scatter:
            rng = np.random.default_rng([self.seed, 1])
            # The scatter is itself known from few cells.
            freedom = max(self.n_cells - self.theta.shape[1], 1)
            radius = np.sqrt(freedom / rng.chisquare(freedom, size=(len(drawn), 1)))
            drawn = drawn + radius * rng.standard_normal(drawn.shape) * self.scatter
        return drawn

    def predict(self, params: float | str, tokens: float | str) -> SweepPrediction:
        """The best learning rate and batch for a size and a number of tokens.

        Raises:
            InputError: a number is unusable.
        """
        size, length = parse_quantity(params), parse_quantity(tokens)
        middle = self._row(size, length) @ self.theta.T
        wide, narrow = (self.drawn_settings(size, length, scatter=s) for s in (True, False))
        missed = wide - middle
        cost = np.expm1(0.5 * np.einsum("ri,rij,rj->r", missed, self.curvature_draws, missed))
        usable = cost[np.isfinite(cost)]
        beyond = {
            "N": _decades_beyond(size, self.params_range),
            "D": _decades_beyond(length, self.tokens_range),
        }
        return SweepPrediction(
            params=size,
            tokens=length,
            settings=self._quantities(middle, wide),
            law=self._quantities(middle, narrow),
            cost=from_draws(float(usable.mean()) if usable.size else np.nan, usable, self.level),
            inside_range=all(value == 0.0 for value in beyond.values()),
            decades_beyond=beyond,
            on_path=self._on_path(size, length),
        )

    def ellipse(self, params: float, tokens: float, points: int = 73) -> Array:
        """The outline (points, 2) of the region that holds the optimum, in lr and tokens.

        It covers ``level`` of the draws of a new cell, as an ellipse in logs.

        Raises:
            InputError: the law has no batch.
        """
        if len(self.axes) < 2:
            raise InputError(
                "an outline needs a law of two settings, and this one has only the learning rate.",
                code="no_batch",
                where=Where(field="batch_tokens"),
            )
        drawn = self.drawn_settings(params, tokens)
        drawn = drawn[np.isfinite(drawn).all(axis=1)]
        middle = self._row(params, tokens) @ self.theta.T
        root = np.linalg.cholesky(np.cov(drawn.T) + 1e-18 * np.eye(2))
        distance = np.linalg.norm(np.linalg.solve(root, (drawn - middle).T), axis=0)
        angle = np.linspace(0, 2 * np.pi, points)
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return np.exp(middle + np.quantile(distance, self.level) * circle @ root.T)

    def _quantities(self, middle: Array, drawn: Array) -> dict[str, Quantity]:
        with np.errstate(over="ignore"):
            return {
                axis: from_draws(float(np.exp(middle[i])), np.exp(drawn[:, i]), self.level)
                for i, axis in enumerate(self.axes)
            }

    def _row(self, params: float, tokens: float) -> Array:
        logs = (np.array([np.log(params)]), np.array([np.log(tokens)]))
        return term_columns(*logs, self.terms, self.centre)[0]

    def _on_path(self, params: float, tokens: float) -> bool:
        if self.slope is None:
            return True
        expected = self.centre[1] + self.slope * (np.log(params) - self.centre[0])
        return bool(abs(np.log(tokens) - expected) <= ON_PATH * np.log(10))


def term_columns(
    log_n: Array, log_d: Array, terms: tuple[str, ...], centre: tuple[float, float]
) -> Array:
    """The terms of the law (n, t)."""
    columns = {"1": np.ones_like(log_n), "N": log_n - centre[0], "D": log_d - centre[1]}
    return np.stack([columns[name] for name in terms], axis=1)


def _decades_beyond(value: float, known: tuple[float, float]) -> float:
    """How far outside a range a number lies, in decades; 1 % counts as inside."""
    low, high = known
    if low / 1.01 <= value <= high * 1.01:
        return 0.0
    return float(np.log10(value / high) if value > high else np.log10(low / value))
