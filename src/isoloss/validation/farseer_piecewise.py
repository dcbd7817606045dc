"""Farseer by the paper's own procedure: differences in data first, then the three curves over size.

Stages 1 to 3 of Li et al. 2025 (arXiv 2506.10972, algorithm 2). Differences between neighbouring
D of one N are free of the loss at endless data, so a straight line through their logarithms gives
the data exponent and prefactor of that N alone. Here to be compared with the direct fit of the law,
``isoloss.fit(runs, "farseer")``, which follows all nine coefficients at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.errors import EvidenceError, InputError, Where
from isoloss.laws.farseer import FARSEER
from isoloss.runs import Points, Runs

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

RATIO = 2**0.5  # of neighbouring D, lambda in the paper
RATIO_SLACK = 0.02  # D is a whole number of batches, so the ratio is met to about this
MIN_PAIRS, MIN_SIZES = 5, 3
EXPONENTS, EXPONENT_STEP = (-0.5, 0.5), 1e-4
ENDLESS_STEP = 1e-3


@dataclass(frozen=True)
class PiecewiseFit:
    """The nine coefficients of Farseer and what they were made from.

    Attributes:
        estimate: coefficients by name, for ``get_law("farseer")``.
        params: the sizes that were used, ascending (k,).
        n_pairs: pairs of neighbouring D with a falling loss (k,).
        data_exponent: A_N of each size alone, stage 1 (k,).
        data_term: B_N of each size alone, stage 1 (k,).
        endless: G_N, mean of what the data term leaves of the loss, stage 3 (k,).
        left_out: sizes with too few pairs, or whose differences do not fall with D.
        rounds: how often alpha and beta were chosen.
        n_runs: runs of the sizes used.
        residuals: log(loss) - log(law) of those runs (n_runs,).
    """

    estimate: dict[str, float]
    params: Array
    n_pairs: Ints
    data_exponent: Array
    data_term: Array
    endless: Array
    left_out: tuple[float, ...]
    rounds: int
    n_runs: int
    residuals: Array

    @property
    def rms_log(self) -> float:
        """Root mean square of the residuals."""
        return float(np.sqrt(np.mean(self.residuals**2)))

    def predict(self, params: Array, tokens: Array) -> Array:
        """The loss at sizes and tokens, in the unit of the runs; arguments broadcast."""
        return FARSEER.value(self.estimate, {"N": params, "D": tokens})

    def to_frame(self) -> pl.DataFrame:
        """One row per size: the discrete estimates beside the curves fitted through them."""
        import polars as pl

        exponent, term, endless = _curves(self.estimate, self.params)
        return pl.DataFrame(
            {
                "params": self.params,
                "n_pairs": self.n_pairs,
                "data_exponent": self.data_exponent,
                "data_exponent_curve": exponent,
                "data_term": self.data_term,
                "data_term_curve": term,
                "endless": self.endless,
                "endless_curve": endless,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.farseer-piecewise``."""
        return envelope("farseer-piecewise") | {
            "estimate": self.estimate,
            "rms_log": self.rms_log,
            "n_runs": self.n_runs,
            "rounds": self.rounds,
            "left_out_params": self.left_out,
            "sizes": self.to_frame().to_dicts(),
        }

    def summary(self) -> str:
        """The procedure's outcome in a few lines of text."""
        lines = [
            f"farseer, piecewise   {self.n_runs} runs of {len(self.params)} sizes, "
            f"{int(self.n_pairs.sum())} differences, {self.rounds} rounds",
            f"  L = {FARSEER.formula}",
            *(f"    {name:<6} {value:>12.6g}" for name, value in self.estimate.items()),
            f"  residuals: rms {self.rms_log:.2%}, worst {np.abs(self.residuals).max():.2%}",
        ]
        if self.left_out:
            sizes = ", ".join(f"{size:.3g}" for size in self.left_out)
            lines.append(f"  ! sizes without a usable line of differences were left out: {sizes}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


@dataclass(frozen=True)
class _Differences:
    """Falls of the loss between neighbouring D, all sizes together.

    ``size`` (p,) numbers the size of each pair; ``log_tokens`` is that of the smaller D.
    """

    size: Ints
    log_tokens: Array
    log_fall: Array

    def predicted(self, log_exponent: Array, log_term: Array) -> Array:
        """Logarithms of R of each pair (..., p) for curves over the sizes (..., k)."""
        exponent = np.exp(log_exponent)
        level = log_term + _log_gap(exponent)
        return level[..., self.size] - exponent[..., self.size] * self.log_tokens

    def misfit(self, log_exponent: Array, log_term: Array) -> Array:
        """Summed squares over all pairs, one for each curve."""
        return np.sum((self.log_fall - self.predicted(log_exponent, log_term)) ** 2, axis=-1)


def farseer_piecewise(
    runs: Runs | Points, *, n: str | None = None, loss: str | None = None, rounds: int = 2
) -> PiecewiseFit:
    """Estimate Farseer's coefficients by differences, size by size.

    Stage 1: for each N, ``R(D) = L(D) - L(lambda D)`` with lambda = sqrt 2, and least squares of
    log R on log D give A_N and B_N. Stage 2: ``log A = a1 N^alpha + b1`` and
    ``log B = a2 N^beta + b2`` by least squares for every exponent of a grid, alpha and beta chosen
    in turn by the misfit of all log R. Stage 3: ``G_N = mean(L - B(N) D^-A(N))`` and
    ``log G = a3 N^gamma + b3``, gamma by grid.

    Args:
        runs: a table of runs, or points, on a grid of D whose neighbours differ by sqrt 2.
        n: which count is N; the paper leaves embeddings out.
        loss: which column is the loss.
        rounds: how often alpha and beta are chosen in turn; the paper needs one or two.

    Raises:
        EvidenceError: fewer than three sizes have five pairs whose differences fall with D.
        InputError: rounds is below one, or the runs lack N or D.
    """
    if rounds < 1:
        raise InputError(
            f"found {rounds} rounds where at least 1 is expected.",
            code="bad_rounds",
            where=Where(field="rounds"),
        )
    points = runs.points(n=n, loss=loss) if isinstance(runs, Runs) else runs
    sizes, falls, lines, left_out = _stage_one(points)
    log_exponent, log_term = np.log(lines[:, 0]), np.log(lines[:, 1])

    grid = _grid(EXPONENT_STEP)
    first = _power_curves(sizes, log_exponent, grid)
    second = _power_curves(sizes, log_term, grid)
    # B starts from its estimates of each size alone; afterwards each curve sees the other.
    term = log_term[None]
    best_first = best_second = 0
    for _ in range(rounds):
        best_first = int(np.argmin(falls.misfit(first.fitted, term)))
        best_second = int(np.argmin(falls.misfit(first.fitted[[best_first]], second.fitted)))
        term = second.fitted[[best_second]]
    estimate = {
        **first.named(best_first, ("a1", "alpha", "b1")),
        **second.named(best_second, ("a2", "beta", "b2")),
    }

    exponents, terms = first.fitted[best_first], second.fitted[best_second]
    endless = _endless(points, sizes, np.exp(exponents), np.exp(terms))
    third = _power_curves(sizes, np.log(endless), _grid(ENDLESS_STEP))
    best_third = int(np.argmin(np.sum((np.log(endless) - third.fitted) ** 2, axis=1)))
    estimate |= third.named(best_third, ("a3", "gamma", "b3"))

    used = np.isin(points.params, sizes)
    x = {"N": points.params[used], "D": points.tokens[used]}
    return PiecewiseFit(
        estimate=estimate,
        params=sizes,
        n_pairs=np.bincount(falls.size, minlength=len(sizes)).astype(np.int64),
        data_exponent=lines[:, 0],
        data_term=lines[:, 1],
        endless=endless,
        left_out=left_out,
        rounds=rounds,
        n_runs=int(used.sum()),
        residuals=np.log(points.loss[used]) - np.log(FARSEER.value(estimate, x)),
    )


def _stage_one(points: Points) -> tuple[Array, _Differences, Array, tuple[float, ...]]:
    """Sizes (k,), their differences, A_N and B_N (k, 2), and the sizes left out."""
    kept: list[float] = []
    lines: list[tuple[float, float]] = []
    pairs: list[tuple[Array, Array]] = []
    left_out: list[float] = []
    for size in np.unique(points.params):
        log_tokens, log_fall = _pairs(points, float(size))
        if len(log_tokens) >= MIN_PAIRS:
            slope, level = np.polyfit(log_tokens, log_fall, 1)
            if slope < 0:
                kept.append(float(size))
                lines.append((-slope, float(np.exp(level - _log_gap(np.array(-slope))))))
                pairs.append((log_tokens, log_fall))
                continue
        left_out.append(float(size))
    if len(kept) < MIN_SIZES:
        raise EvidenceError(
            f"{len(kept)} size(s) have {MIN_PAIRS} pairs of neighbouring D at a ratio of sqrt 2 "
            f"whose losses fall; the procedure needs {MIN_SIZES} sizes.",
            code="too_few_sizes",
            hint="Fit the law directly: isoloss fit --law farseer.",
        )
    falls = _Differences(
        size=np.repeat(np.arange(len(kept)), [len(pair[0]) for pair in pairs]),
        log_tokens=np.concatenate([pair[0] for pair in pairs]),
        log_fall=np.concatenate([pair[1] for pair in pairs]),
    )
    return np.array(kept), falls, np.array(lines), tuple(left_out)


def _pairs(points: Points, size: float) -> tuple[Array, Array]:
    """Logarithms of D and of L(D) - L(lambda D) of one size, where the loss falls."""
    rows = np.flatnonzero(points.params == size)
    rows = rows[np.argsort(points.tokens[rows], kind="stable")]
    tokens, loss = points.tokens[rows], points.loss[rows]
    fall = loss[:-1] - loss[1:]
    near = np.abs(np.log(tokens[1:] / (RATIO * tokens[:-1]))) < RATIO_SLACK
    keep = near & (fall > 0)
    return np.log(tokens[:-1][keep]), np.log(fall[keep])


def _log_gap(exponent: Array) -> Array:
    """log(1 - lambda^-A): how much of B D^-A the next D takes away."""
    return np.log(-np.expm1(-exponent * math.log(RATIO)))


def _endless(points: Points, sizes: Array, exponents: Array, terms: Array) -> Array:
    """G_N: the mean of what the data term leaves of the loss (k,)."""

    def left(size: float, exponent: float, term: float) -> float:
        rows = points.params == size
        data = term * np.exp(-exponent * np.log(points.tokens[rows]))
        return float(np.mean(points.loss[rows] - data))

    endless = np.array([left(*one) for one in zip(sizes, exponents, terms, strict=True)])
    if not np.all(endless > 0):
        raise EvidenceError(
            "the data term of some size exceeds its losses, so nothing is left at endless data.",
            code="no_endless_loss",
            hint="Fit the law directly: isoloss fit --law farseer.",
        )
    return endless


@dataclass(frozen=True)
class _PowerCurves:
    """``slope N^power + level`` through one number per size, for every power of a grid (g,)."""

    power: Array
    slope: Array
    level: Array
    fitted: Array

    def named(self, index: int, names: tuple[str, str, str]) -> dict[str, float]:
        parts = (self.slope[index], self.power[index], self.level[index])
        return dict(zip(names, map(float, parts), strict=True))


def _power_curves(sizes: Array, target: Array, powers: Array) -> _PowerCurves:
    """Least squares over the sizes for every power; ``fitted`` is (g, k)."""
    raised = sizes ** powers[:, None]
    middle = raised.mean(axis=1, keepdims=True)
    centred = raised - middle
    slope = centred @ (target - target.mean()) / np.sum(centred**2, axis=1)
    level = target.mean() - slope * middle[:, 0]
    return _PowerCurves(powers, slope, level, slope[:, None] * raised + level[:, None])


def _grid(step: float) -> Array:
    """Powers between the limits, zero left out: there a power curve is a constant."""
    low, high = EXPONENTS
    powers = np.linspace(low, high, round((high - low) / step) + 1)
    return powers[np.abs(powers) > step / 2]


def _curves(estimate: dict[str, float], params: Array) -> tuple[Array, Array, Array]:
    """A(N), B(N) and G(N) of the nine coefficients."""
    log_params = np.log(params)

    def curve(number: int, power: str) -> Array:
        raised = np.exp(estimate[power] * log_params)
        return np.exp(estimate[f"a{number}"] * raised + estimate[f"b{number}"])

    return curve(1, "alpha"), curve(2, "beta"), curve(3, "gamma")
