"""What an identifiability report says: widths, flat directions, the run to train next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.fitting import Quantity
from isoloss.runs import Conventions, format_quantity
from isoloss.validation.report import Report, aligned

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]
SHOWN = 2


@dataclass(frozen=True)
class ParameterWidth:
    """How well one parameter is fixed.

    Attributes:
        name: of the parameter.
        profile: its profile-likelihood interval, runs taken as independent; infinite where open,
            NaN where the parameter is not searched itself.
        draws: its interval from the draws of the fit; None without draws.
        standard_error: of its coordinate (the logarithm, for a factor); NaN where not searched.
        is_factor: a positive scale.
        is_searched: whether the fit searches it itself.
        open_sides: ``below``, ``above``: where the profile runs to infinity or to the bound.
    """

    name: str
    profile: Quantity
    draws: Quantity | None
    standard_error: float
    is_factor: bool
    is_searched: bool
    open_sides: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """How well it is fixed, in words."""
        if not self.is_searched:
            return "follows from others"
        if self.open_sides:
            return f"open {' and '.join(self.open_sides)}"
        if self.is_factor:
            return f"fixed to a factor of {np.exp(self.standard_error):.3g}"
        return f"fixed to +- {self.standard_error:.2g}"

    def to_dict(self) -> dict[str, Any]:
        """One entry of the document."""
        return {
            "name": self.name,
            "profile": self.profile.to_dict(),
            "draws": None if self.draws is None else self.draws.to_dict(),
            "standard_error": self.standard_error,
            "is_factor": self.is_factor,
            "open_sides": list(self.open_sides),
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Direction:
    """A direction in which the law can move by one standard error, independent of the others.

    Attributes:
        moves: per searched coordinate, the change: a factor for those in ``factors``, else added.
        factors: coordinates that are scales.
        leading: the coordinates that move most.
        share: of the variance of log N* at the target; NaN without an optimum.
        n_params_factor: N* after the move, over N*.
    """

    moves: Mapping[str, float]
    factors: tuple[str, ...]
    leading: tuple[str, ...]
    share: float
    n_params_factor: float

    @property
    def sentence(self) -> str:
        """The move in words: ``A x 1.28, alpha +0.013, E +0.02``."""
        return ", ".join(
            f"{name} x {self.moves[name]:.3g}"
            if name in self.factors
            else f"{name} {self.moves[name]:+.2g}"
            for name in self.leading
        )


@dataclass(frozen=True)
class NextRun:
    """A run worth training.

    Attributes:
        n_params: its N.
        tokens: its D.
        flop: 6 N D.
        standard_error: of log N* at the target once it and those before it are there.
        share: that over the present one.
    """

    n_params: float
    tokens: float
    flop: float
    standard_error: float
    share: float


@dataclass(frozen=True)
class ProfileCurve:
    """The profile of one parameter, ready to plot.

    Attributes:
        name: of the parameter.
        values: at which it was held (m,).
        rise: of the deviance there (m,): about 1 at one standard error, 2.71 at the ends of a 90 %
            interval.
    """

    name: str
    values: Array
    rise: Array


@dataclass(frozen=True)
class Identifiability(Report):
    """What the runs fix of a law, and which further runs would fix the answer.

    Attributes:
        law: its name.
        status: of the fit.
        status_message: that in a sentence.
        condition_number: of the runs' Jacobian.
        noise: of a run in log loss.
        parameters: how well each is fixed.
        directions: independent ones, the flattest first.
        target_flop: compute of the answer.
        n_params: N* there; NaN where there is none.
        standard_error: of log N*, to first order and for independent runs.
        standard_error_draws: of log N* by the draws of the fit, which let runs of a tier share
            errors; NaN without draws.
        budget_flop: compute for further runs together.
        next_runs: the runs worth training, one after another; empty where none is.
        conventions: of the runs.
        data_hash: of the runs.
        n_runs: how many.
        seed: of the fit.
    """

    law: str
    status: str
    status_message: str
    condition_number: float
    noise: float
    parameters: tuple[ParameterWidth, ...]
    directions: tuple[Direction, ...]
    target_flop: float
    n_params: float
    standard_error: float
    standard_error_draws: float
    budget_flop: float
    next_runs: tuple[NextRun, ...]
    conventions: Conventions
    data_hash: str
    n_runs: int
    seed: int

    def summary(self) -> str:
        """Widths, the flattest directions and the next runs, in a few lines."""
        level = f"{self.parameters[0].profile.level:.0%}"
        head = ("parameter", "estimate", f"profile {level}", "draws", "")
        rows = [
            (
                p.name,
                f"{p.profile.estimate:.4g}",
                _interval(p.profile),
                "-" if p.draws is None else _interval(p.draws),
                p.sentence,
            )
            for p in self.parameters
        ]
        lines = [
            f"{self.law} on {self.n_runs} runs: {self.status}, condition number "
            f"{self.condition_number:.2g}, noise of a run {self.noise:.2%}",
            *aligned([head, *rows], "<>>><"),
        ]
        for i, direction in enumerate(self.directions[:SHOWN]):
            name = "flattest direction" if i == 0 else "next"
            share = f"{direction.share:.0%} of the variance of log N*"
            lines.append(f"  {name}: {direction.sentence}; {share}")
        if self.n_params > 0:
            error = f"{np.exp(self.standard_error):.3g} if runs are independent"
            if self.standard_error_draws == self.standard_error_draws:
                error += f", {np.exp(self.standard_error_draws):.3g} by the draws"
            lines.append(
                f"  N* at {self.target_flop:.3g} FLOP: {format_quantity(self.n_params)}, standard "
                f"error a factor of {error}"
            )
        for i, run in enumerate(self.next_runs):
            name = "train next" if i == 0 else "then"
            lines.append(
                f"  {name}: N {format_quantity(run.n_params)}, D {format_quantity(run.tokens)} "
                f"({run.flop:.2g} FLOP): standard error to {run.share:.0%} of the present one"
            )
        if self.n_params > 0 and not self.next_runs:
            lines.append(
                f"  no single run within {self.budget_flop:.3g} FLOP saves 1 % of that error"
            )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.identifiability``."""
        return envelope("identifiability") | {
            "law": self.law,
            "status": self.status,
            "status_message": self.status_message,
            "condition_number": self.condition_number,
            "noise": self.noise,
            "parameters": [parameter.to_dict() for parameter in self.parameters],
            "directions": [
                {**vars(direction), "sentence": direction.sentence} for direction in self.directions
            ],
            "target_flop": self.target_flop,
            "n_params": self.n_params,
            "standard_error": self.standard_error,
            "standard_error_draws": self.standard_error_draws,
            "budget_flop": self.budget_flop,
            "next_runs": [vars(run) for run in self.next_runs],
            "conventions": self.conventions.to_dict(),
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "seed": self.seed,
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per parameter."""
        import polars as pl

        rows = [
            {
                "parameter": p.name,
                "estimate": p.profile.estimate,
                "profile_lo": p.profile.lo,
                "profile_hi": p.profile.hi,
                "draws_lo": None if p.draws is None else p.draws.lo,
                "draws_hi": None if p.draws is None else p.draws.hi,
                "standard_error": p.standard_error,
                "fixed": p.sentence,
            }
            for p in self.parameters
        ]
        return pl.DataFrame(rows, infer_schema_length=None)


def _interval(quantity: Quantity) -> str:
    if quantity.lo != quantity.lo:
        return "-"
    return f"{quantity.lo:.4g} to {quantity.hi:.4g}"
