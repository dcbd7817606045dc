"""What a fit found, with everything needed to judge it, use it and find it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.document import envelope
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting.objectives import Objective
from isoloss.fitting.quantity import Notice, Quantity, from_draws
from isoloss.fitting.search import Constraints
from isoloss.laws import Law
from isoloss.runs import Points
from isoloss.showing import Shown

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """Losses that a fit expects, for other runs.

    Attributes:
        x: the variables that were asked for, each (m,).
        loss: for one new run, noise included, (m,) quantities.
        loss_mean: of the law itself, (m,) quantities.
        decades_beyond_data: log10 of compute beyond the largest run of the fit; zero inside.
        loss_unit: unit of the losses.
    """

    x: Mapping[str, Array]
    loss: tuple[Quantity, ...]
    loss_mean: tuple[Quantity, ...]
    decades_beyond_data: Array
    loss_unit: str


@dataclass(frozen=True)
class Fit(Shown):
    """A law fitted to runs.

    Attributes:
        law: the law.
        estimate: parameter values, in the units of the runs.
        status: ``ok``, ``edge`` (a parameter sits at its bound), ``not_identified`` (the runs do
            not fix a parameter) or ``failed`` (no start reached an optimum).
        status_message: that in a sentence, with what to do.
        objective: what was minimised.
        objective_value: its sum over runs at the optimum.
        gradient_norm: dimensionless; see ``isoloss.fitting.solver.Newton``.
        agreement: share of starts that ended at this optimum.
        n_starts: starts followed.
        condition_number: of the Jacobian; above about 1e6 parameters trade against each other.
        spread: standard error of each free coordinate for noise of 1 in log loss, by name.
        draws: refitted parameters (n_draws, P) in the order of ``law.names``.
        ci: how intervals were made (``tier``, ``run``, ...).
        level: their nominal coverage.
        parameters: intervals of the parameters.
        points: the runs used.
        residuals: log(loss) - log(law), (n,).
        outside: the same under the law fitted without the run's tier, (n,): the noise of a new
            run. Equal to ``residuals`` in a fit without draws.
        leverage: (n,), share of each run's own loss in its prediction.
        cook: (n,), how far each run alone moves the law.
        constraints: what was fixed, tied or bounded.
        seed: of the draws.
        warnings: what the user must know.
        reading: how the runs were read, as words of a command (files, then options); empty where
            it is not known.
    """

    law: Law
    estimate: Mapping[str, float]
    status: str
    status_message: str
    objective: Objective
    objective_value: float
    gradient_norm: float
    agreement: float
    n_starts: int
    condition_number: float
    spread: Mapping[str, float]
    draws: Array
    ci: str
    level: float
    parameters: Mapping[str, Quantity]
    points: Points
    residuals: Array
    outside: Array
    leverage: Array
    cook: Array
    constraints: Constraints
    seed: int
    warnings: tuple[Notice, ...] = field(default=())
    reading: tuple[str, ...] = ()

    @property
    def n_runs(self) -> int:
        """The number of runs used."""
        return len(self.residuals)

    @property
    def n_tiers(self) -> int:
        """The number of compute tiers among them."""
        return len(np.unique(self.points.tier))

    @property
    def theta(self) -> Array:
        """The estimate as an array (P,)."""
        return np.array([self.estimate[name] for name in self.law.names])

    @property
    def exponents(self) -> dict[str, Quantity]:
        """Exponents of N* ~ C^a and D* ~ C^b where the law has them (Hoffmann 2022, eq. 4)."""
        if self.law.additive is None:
            return {}
        _, alpha, _, beta = self.law.additive
        return {
            "n_opt": self.interval(lambda t: t[beta] / (t[alpha] + t[beta])),
            "d_opt": self.interval(lambda t: t[alpha] / (t[alpha] + t[beta])),
        }

    def interval(self, function: Callable[[Mapping[str, Array]], ArrayLike]) -> Quantity:
        """The interval of any number that follows from the parameters.

        Args:
            function: takes parameters by name, as arrays of any one shape, and returns an array.
        """
        with np.errstate(all="ignore"):
            estimate = np.asarray(function(self._named(self.theta)), dtype=np.float64)
            draws = np.asarray(function(self._named(self.draws)), dtype=np.float64)
        return from_draws(float(estimate), np.atleast_1d(draws), self.level)

    def _named(self, theta: Array) -> dict[str, Array]:
        return {name: theta[..., i] for i, name in enumerate(self.law.names)}

    def predict(self, x: Mapping[str, ArrayLike]) -> Prediction:
        """The loss of other runs, with an interval for the law and one for a single new run.

        Args:
            x: one array or number per variable of the law (N, D, ...); plain counts.

        Raises:
            InputError: a variable is missing, or not positive, or lengths differ.
        """
        arrays = self._complete(x)
        mean, single = self.simulate(arrays)
        draws = self._law_draws(arrays)
        return Prediction(
            x=arrays,
            loss=tuple(from_draws(m, single[:, i], self.level) for i, m in enumerate(mean)),
            loss_mean=tuple(from_draws(m, draws[:, i], self.level) for i, m in enumerate(mean)),
            decades_beyond_data=self.decades_beyond(arrays),
            loss_unit=self.points.conventions.loss_unit,
        )

    def simulate(self, x: Mapping[str, ArrayLike]) -> tuple[Array, Array]:
        """The expected losses (m,) and possible losses of single new runs (n_draws, m).

        Args:
            x: one array or number per variable of the law.

        Raises:
            InputError: a variable is missing, or not positive, or lengths differ.
        """
        arrays = self._complete(x)
        # A new run adds the error of its tier and its own: one residual of a left-out tier.
        picks = np.random.default_rng([self.seed, 1]).integers(0, self.n_runs, len(self.draws))
        noise = np.exp(self.outside[picks])[:, None]
        return self.law.value(self.theta, arrays), self._law_draws(arrays) * noise

    def _law_draws(self, x: Mapping[str, Array]) -> Array:
        shape = (len(self.draws), len(next(iter(x.values()))))
        return np.broadcast_to(self.law.value(self.draws.T[:, :, None], x), shape)

    def _complete(self, x: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Variables as arrays; C = 6 N D and all tokens unique where they are not given."""
        arrays = _aligned(x)
        if "C" in self.law.variables and "C" not in arrays and {"N", "D"} <= set(arrays):
            arrays["C"] = 6.0 * arrays["N"] * arrays["D"]
        if "U" in self.law.variables and "U" not in arrays and "D" in arrays:
            arrays["U"] = arrays["D"]
        return arrays

    def decades_beyond(self, x: Mapping[str, Array]) -> Array:
        """How far beyond the largest run, in decades of compute (of N or D where C is unknown)."""
        seen = {"N": self.points.params, "D": self.points.tokens, "C": self.points.flop}
        asked = dict(x)
        if "C" not in asked and {"N", "D"} <= set(asked):
            asked["C"] = 6.0 * asked["N"] * asked["D"]
        name = next((k for k in ("C", "N", "D") if k in asked and np.isfinite(seen[k]).all()), None)
        if name is None:
            return np.full(len(next(iter(asked.values()))), np.nan)
        return np.maximum(0.0, np.log10(asked[name]) - np.log10(seen[name].max()))

    def require_draws(self, purpose: str) -> None:
        """Refuse where intervals are needed and none were made.

        Raises:
            EvidenceError: the fit has no draws.
        """
        if not len(self.draws):
            raise EvidenceError(
                f"{purpose} needs intervals, and this fit was made without (ci={self.ci}).",
                code="no_draws",
                hint="Fit again with --ci tier.",
            )

    @property
    def residual_summary(self) -> dict[str, float]:
        """Size of the residuals in log loss."""
        size = np.abs(self.residuals)
        return {
            "rms_log": float(np.sqrt(np.mean(size**2))),
            "median_abs_log": float(np.median(size)),
            "max_abs_log": float(size.max()),
        }

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.fit``."""
        return envelope("fit") | {
            "law": self.law.name,
            "formula": self.law.formula,
            "status": self.status,
            "status_message": self.status_message,
            "objective": self.objective_value,
            "objective_name": self.objective.name,
            "gradient_norm": self.gradient_norm,
            "estimate": dict(self.estimate),
            "parameters": {name: q.to_dict() for name, q in self.parameters.items()},
            "exponents": {name: q.to_dict() for name, q in self.exponents.items()},
            "agreement": self.agreement,
            "n_starts": self.n_starts,
            "condition_number": self.condition_number,
            "residuals": self.residual_summary,
            "ci": self.ci,
            "n_draws": len(self.draws),
            "fixed": dict(self.constraints.fixed),
            "tied": [list(pair) for pair in self.constraints.tied],
            "conventions": self.points.conventions.to_dict(),
            "data_hash": self.points.data_hash,
            "n_runs": self.n_runs,
            "n_tiers": self.n_tiers,
            "seed": self.seed,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per parameter: name, meaning, estimate, lo, hi."""
        import polars as pl

        rows = [
            {"parameter": p.name, "meaning": p.meaning, **self.parameters[p.name].to_dict()}
            for p in self.law.parameters
        ]
        return pl.DataFrame(rows)

    def save(self, path: str | Path) -> None:
        """Write the fit to one JSON file, draws and runs included, without loss."""
        from isoloss.fitting.storage import save_fit

        save_fit(self, path)

    @staticmethod
    def load(path: str | Path) -> Fit:
        """Read a fit that ``save`` wrote.

        Raises:
            InputError: there is no such file, or it does not hold a fit.
        """
        from isoloss.fitting.storage import load_fit

        return load_fit(path)

    def summary(self) -> str:
        """The fit as a few lines of text."""
        from isoloss.fitting.summary import summarise

        return summarise(self)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from isoloss.fitting.summary import as_html

        return as_html(self)


def _aligned(x: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """Variables as arrays of one length."""
    arrays = {name: np.atleast_1d(np.asarray(v, dtype=np.float64)) for name, v in x.items()}
    size = max((values.size for values in arrays.values()), default=0)
    if any(values.shape not in ((1,), (size,)) for values in arrays.values()):
        shapes = ", ".join(f"{name} of shape {values.shape}" for name, values in arrays.items())
        raise InputError(
            f"found {shapes}, where lists of one length, or single numbers, are expected.",
            code="bad_shape",
        )
    return {name: np.broadcast_to(values, size) for name, values in arrays.items()}
