"""What does a plan stand on? The draws of a fit, or published coefficients, in one shape.

Column 0 of every array is the estimate, the others are the draws, so that an answer and its
interval come out of one computation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting import Fit, Notice, Quantity
from isoloss.laws import Law, Published, get_law, get_published
from isoloss.laws.compute import FlopRule
from isoloss.laws.evaluation import evaluate
from isoloss.laws.optimum import Optimum, Surface, allocate, require_plannable
from isoloss.planning import evidence
from isoloss.planning.plan import conventions, search_bounds, spread, surface_of
from isoloss.planning.published import LEVEL, published_bounds
from isoloss.runs import parse_quantity

Array = NDArray[np.float64]
_OUT_OF_REACH = 1e250


@dataclass(frozen=True)
class Basis:
    """A law with the numbers that it is planned from.

    Attributes:
        surface: the law, FLOP per token and unique tokens.
        columns: parameters (P, 1 + K): the estimate, then the draws.
        fit: the fit; None for published coefficients.
        published: the published coefficients; None for a fit.
    """

    surface: Surface
    columns: Array
    fit: Fit | None
    published: Published | None

    @property
    def law(self) -> Law:
        """The law."""
        return self.surface.law

    @property
    def level(self) -> float:
        """Nominal coverage of the intervals."""
        return LEVEL if self.fit is None else self.fit.level

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The keys that every document shares, and what the numbers come from."""
        fit, published = self.fit, self.published
        return {
            "law": self.law.name,
            "formula": self.law.formula,
            "source": "" if published is None else f"{published.key}: {published.source}",
            "conventions": self.conventions,
            "unique_tokens": self.surface.unique_tokens,
            "ci": "none" if fit is None or not len(fit.draws) else fit.ci,
            "level": self.level,
            "seed": None if fit is None else fit.seed,
            "data_hash": None if fit is None else fit.points.data_hash,
            "n_runs": None if fit is None else fit.n_runs,
        }

    @property
    def conventions(self) -> Mapping[str, str]:
        """What N, C and the loss mean."""
        if self.fit is not None:
            return conventions(self.fit, self.surface)
        assert self.published is not None
        return {"n": self.published.n, "flop": "6nd", "loss_unit": self.published.loss_unit}

    def bounds(self, flop: float) -> tuple[float, float]:
        """The N among which an optimum is looked for."""
        return published_bounds(flop) if self.fit is None else search_bounds(self.fit, flop)

    def optimum(self, flop: float) -> Optimum:
        """The compute-optimal run of a budget, under the estimate and under each draw.

        Raises:
            EvidenceError: the estimate has no interior minimum, or most draws have none.
        """
        bounds = self.bounds(flop)
        found = allocate(self.surface, self.columns, flop, bounds)
        hint = "Plan a budget nearer to the runs, or take a law that has a minimum there."
        evidence.require_minimum(found, self.law.name, flop, bounds, hint)
        rest = slice(1, None)
        evidence.judge_draws(
            Optimum(found.params[rest], found.tokens[rest], found.minima[rest], found.local[rest])
        )
        return found

    def loss(self, params: Array, tokens: Array) -> Array:
        """The loss of the law, (1 + K,); NaN where a run is out of reach."""
        there = (params > 0) & (tokens > 0) & np.isfinite(params) & np.isfinite(tokens)
        x = self.surface.run(np.where(there, params, 1.0), np.where(there, tokens, 1.0))
        return np.where(there, self.law.value(self.columns, x), math.nan)

    def quantity(self, values: Array) -> Quantity:
        """The number whose estimate and draws these are; draws beyond reach open the interval."""
        full = np.broadcast_to(values, self.columns.shape[1:])
        found = spread(float(full[0]), full[1:], self.level)
        return replace(found, lo=math.inf) if found.lo > _OUT_OF_REACH else found

    def decades_beyond(self, flop: float) -> float:
        """How far a compute lies beyond what the law was fitted to, in decades; NaN if unknown."""
        if self.fit is not None:
            return float(self.fit.decades_beyond({"C": np.array([flop])})[0])
        assert self.published is not None
        stated = self.published.range.get("C")
        return math.nan if stated is None else max(0.0, math.log10(flop / stated[1]))

    def warnings(self, flop: float, params: float, tokens: float) -> tuple[Notice, ...]:
        """What the user must know of a run of this size."""
        if self.fit is not None:
            return tuple(evidence.warnings(self.fit, self.surface, flop, tokens))
        assert self.published is not None
        found = [Notice("no_intervals", "published coefficients carry no draws: no intervals.")]
        x = {"N": params, "D": tokens}
        if "U" in self.law.variables:
            unique = self.surface.unique_tokens
            x["U"] = tokens if unique is None else min(unique, tokens)
        at = evaluate(self.law, self.published.key, **x)
        return (*found, Notice("outside_range", at.sentence)) if at.outside else tuple(found)


def basis_of(
    source: Fit | Law | str,
    *,
    key: str | None = None,
    unique_tokens: float | str | None = None,
    flop_per_token: str = "6nd",
) -> Basis:
    """What a fit, or the published coefficients of a law, give to plan from.

    Args:
        source: a fit of a law in N and D; or a law with published coefficients, or its name.
        key: which published coefficients; the law's default ones if None.
        unique_tokens: distinct tokens there are, for laws in U; as many as wanted by default.
        flop_per_token: ``6nd``, or ``runs`` for what the runs of a fit cost per token.

    Raises:
        InputError: an argument is unusable, or there is no such law.
        EvidenceError: the runs cannot carry a plan, or the law cannot weigh size against data.
    """
    if isinstance(source, Fit):
        surface = surface_of(source, unique_tokens, flop_per_token)
        return Basis(surface, np.column_stack([source.theta, source.draws.T]), source, None)
    law = get_law(source)
    require_plannable(law)
    published = get_published(law, key)
    unique = None if unique_tokens is None else parse_quantity(unique_tokens)
    theta = np.array([published.values[name] for name in law.names])
    return Basis(Surface(law, FlopRule(), unique), theta[:, None], None, published)
