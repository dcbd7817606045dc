"""What a comparison of two recipes found, over the plane of N and D and along compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.fitting import Fit, Notice, Quantity
from isoloss.validation.report import Report, aligned

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]
SURE = 0.95


@dataclass(frozen=True)
class Plane:
    """The two recipes over sizes and tokens; all arrays (n_sizes, n_tokens) unless said.

    Attributes:
        params: sizes (n_sizes,).
        tokens: token counts (n_tokens,).
        advantage: loss of B over loss of A, minus one: above zero A is better.
        advantage_lo: lower end of its interval; NaN without draws.
        advantage_hi: upper end.
        chance: share of draws in which A is better; NaN without draws.
        factor: compute that B needs at the same D/N to reach the loss of A, over that of A;
            infinite where it never does.
        factor_lo: lower end of its interval.
        factor_hi: upper end.
        inside: within sizes, tokens, compute and D/N of the runs of both.
    """

    params: Array
    tokens: Array
    advantage: Array
    advantage_lo: Array
    advantage_hi: Array
    chance: Array
    factor: Array
    factor_lo: Array
    factor_hi: Array
    inside: NDArray[np.bool_]

    @property
    def winner(self) -> NDArray[np.int64]:
        """1 where A is surely better, -1 where B is, 0 where it is open."""
        sure = (self.chance >= SURE).astype(np.int64)
        return sure - (self.chance <= 1 - SURE)

    def share(self, inside: bool) -> dict[str, float]:
        """Shares of the plane, within the runs or beyond, by who is better; NaN without a cell."""
        cells = self.inside == inside
        if not cells.any():
            return dict.fromkeys(("a_better", "a_surely", "b_surely"), float("nan"))
        winner = self.winner[cells]
        return {
            "a_better": float(np.mean(self.advantage[cells] > 0)),
            "a_surely": np.count_nonzero(winner == 1) / winner.size,
            "b_surely": np.count_nonzero(winner == -1) / winner.size,
        }


@dataclass(frozen=True)
class Multiplier:
    """Compute that B needs for the loss of A, both compute-optimal.

    Attributes:
        flop: compute of A (C = 6 N D).
        factor: compute of B over it; infinite where B does not get there with 10,000 times as much.
        decades_beyond_data: how far the budget lies beyond the largest run that both have.
    """

    flop: float
    factor: Quantity
    decades_beyond_data: float


@dataclass(frozen=True)
class RecipeComparison(Report):
    """Two recipes, one law.

    Attributes:
        names: what A and B are called.
        law: fitted to both.
        formula: the law.
        fits: that of A and that of B.
        plane: who is better where, and by how much compute.
        multipliers: compute factors between the compute-optimal frontiers, ascending in compute.
        level: nominal coverage of intervals.
        warnings: what the user must know.
    """

    names: tuple[str, str]
    law: str
    formula: str
    fits: tuple[Fit, Fit]
    plane: Plane
    multipliers: tuple[Multiplier, ...]
    level: float
    warnings: tuple[Notice, ...]

    def summary(self) -> str:
        """Where A beats B, and the compute that B needs to catch up."""
        a, b = self.names
        sizes = " and ".join(
            f"{name} ({fit.n_runs} runs, rms {fit.residual_summary['rms_log']:.2%})"
            for name, fit in zip(self.names, self.fits, strict=True)
        )
        lines = [f"{a} against {b} by {self.law}: {sizes}"]
        for inside, where in ((True, "within the runs of both"), (False, "beyond them")):
            share = self.plane.share(inside)
            if share["a_better"] == share["a_better"]:
                lines.append(
                    f"  {where}: {a} is better in {share['a_better']:.0%} of the plane of N and D, "
                    f"surely in {share['a_surely']:.0%}; {b} surely in {share['b_surely']:.0%}"
                )
        lines.append(f"  compute that {b} needs for the loss of {a}, both compute-optimal")
        head = ("C, FLOP", "factor", f"{self.level:.0%}", "decades beyond")
        rows = [
            (
                f"{m.flop:.3g}",
                f"{m.factor.estimate:.3g}",
                f"{m.factor.lo:.3g} to {m.factor.hi:.3g}" if m.factor.lo == m.factor.lo else "-",
                f"{m.decades_beyond_data:.1f}" if m.decades_beyond_data > 0 else "inside",
            )
            for m in self.multipliers
        ]
        lines += aligned([head, *rows], ">>>>", 4)
        return "\n".join([*lines, *(f"  ! {notice.message}" for notice in self.warnings)])

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.recipes``."""
        a, b = self.fits
        return envelope("recipes") | {
            "names": list(self.names),
            "law": self.law,
            "formula": self.formula,
            "estimates": [dict(fit.estimate) for fit in self.fits],
            "within_runs": self.plane.share(inside=True),
            "beyond_runs": self.plane.share(inside=False),
            "multipliers": [
                {
                    "flop": m.flop,
                    "factor": m.factor.to_dict(),
                    "decades_beyond_data": m.decades_beyond_data,
                }
                for m in self.multipliers
            ],
            "plane": {name: value for name, value in vars(self.plane).items()}
            | {"winner": self.plane.winner},
            "level": self.level,
            "ci": a.ci,
            "n_draws": min(len(a.draws), len(b.draws)),
            "conventions": a.points.conventions.to_dict() | {"flop": "6nd"},
            "data_hash": a.points.data_hash,
            "data_hash_b": b.points.data_hash,
            "n_runs": a.n_runs,
            "n_runs_b": b.n_runs,
            "seed": a.seed,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per cell of the plane."""
        import polars as pl

        plane = self.plane
        params, tokens = np.meshgrid(plane.params, plane.tokens, indexing="ij")
        cells = {
            name: value.ravel()
            for name, value in vars(plane).items()
            if name not in ("params", "tokens")
        }
        return pl.DataFrame({"params": params.ravel(), "tokens": tokens.ravel(), **cells})
