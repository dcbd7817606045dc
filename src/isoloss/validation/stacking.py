"""One prediction from several laws, weighted by how well each predicted held-out runs.

The relative error of a weighted mean of laws is the weighted mean of their relative errors, so
the weights follow from a backtest alone: non-negative, summing to one, least squared error
(stacking, Wolpert 1992; Breiman 1996). Cuts differ in difficulty, so each cut's errors are divided
by those of the median law there and each cut counts the same, but for one thing: a cut counts half
as much as the next later one, because a fit to more runs is more like the fit that is used.

By convexity the stack is never worse than the worst of its laws at any cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.document import envelope
from isoloss.errors import EvidenceError
from isoloss.fitting import Fit, Prediction, Quantity
from isoloss.validation.report import Report, aligned, percent
from isoloss.validation.result import Backtest, CutScores

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]
HOPELESS = 1e4  # times the error of the best law at a cut
FADE = 0.5  # weight of a cut's squared errors relative to the next later cut; measured, see docs


@dataclass(frozen=True)
class StackCut:
    """The stack at one cut, with weights from earlier cuts and runs below this one only.

    Attributes:
        at: the largest value below the cut, in the unit of the backtest.
        weights: per law.
        run_id: the held-out runs.
        error: predicted over actual loss, minus one, per held-out run (m,).
        best: mean absolute relative error of the law that was best at this very cut.
        worst: of the worst law with a score at this cut and at an earlier one.
    """

    at: float
    weights: Mapping[str, float]
    run_id: tuple[str, ...]
    error: Array
    best: float
    worst: float

    @property
    def mean_abs_rel_error(self) -> float:
        """Mean absolute relative error."""
        return float(np.mean(np.abs(self.error)))

    @property
    def bias(self) -> float:
        """Mean relative error."""
        return float(np.mean(self.error))


@dataclass(frozen=True)
class Stack(Report):
    """A weighted mean of laws, and its own backtest.

    Attributes:
        weights: per law, from all cuts: for use now.
        cuts: how the stack would have done, weights learned earlier each time.
        fits: the laws fitted to all runs; empty where only the weights were asked for.
        level: nominal coverage of intervals.
    """

    weights: Mapping[str, float]
    cuts: tuple[StackCut, ...]
    fits: Mapping[str, Fit]
    level: float = 0.9

    def predict(self, x: Mapping[str, ArrayLike]) -> Prediction:
        """The loss of other runs by the stack.

        Intervals hold the middle of the laws' own draws, each law counting by its weight: what the
        laws disagree on is part of them.

        Args:
            x: one array or number per variable; plain counts.

        Raises:
            EvidenceError: a law has no fit to all runs, or no draws.
        """
        used = [(self.fits[name], weight) for name, weight in self._used() if name in self.fits]
        if len(used) < len(self._used()):
            raise EvidenceError("the laws of this stack are not fitted.", code="no_fits")
        for fit, _ in used:
            fit.require_draws("a stacked prediction")
        first = used[0][0].predict(x)
        arrays = dict(first.x)
        for fit, _ in used[1:]:
            arrays |= fit.predict(x).x
        means, singles = zip(*(fit.simulate(arrays) for fit, _ in used), strict=True)
        weights = np.array([weight for _, weight in used])
        middle = np.tensordot(weights, np.stack(means), axes=1)
        laws = [
            fit.law.value(fit.draws.T[:, :, None], {v: arrays[v] for v in fit.law.variables})
            for fit, _ in used
        ]
        return Prediction(
            x=first.x,
            loss=_pool(middle, singles, weights, self.level),
            loss_mean=_pool(middle, laws, weights, self.level),
            decades_beyond_data=first.decades_beyond_data,
            loss_unit=first.loss_unit,
        )

    def summary(self) -> str:
        """Weights, and the stack beside the best and the worst law at each cut."""
        parts = (f"{name} {weight:.2f}" for name, weight in self._used())
        lines = [f"stacked prediction: {', '.join(parts)}"]
        if self.cuts:
            head = ("cut", "held out", "bias", "mean |e|", "best law", "worst law")
            rows = [
                (
                    f"{cut.at:.3g}",
                    str(len(cut.error)),
                    percent(cut.bias, 2),
                    f"{cut.mean_abs_rel_error:.2%}",
                    f"{cut.best:.2%}",
                    f"{cut.worst:.2%}",
                )
                for cut in self.cuts
            ]
            lines += aligned([head, *rows], ">>>>>>")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.stack``."""
        return envelope("stack") | {
            "weights": dict(self.weights),
            "cuts": [
                {
                    "at": cut.at,
                    "weights": dict(cut.weights),
                    "n_held_out": len(cut.error),
                    "bias": cut.bias,
                    "mean_abs_rel_error": cut.mean_abs_rel_error,
                    "best_law_error": cut.best,
                    "worst_law_error": cut.worst,
                    "run_id": list(cut.run_id),
                    "error": cut.error,
                }
                for cut in self.cuts
            ],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per cut."""
        import polars as pl

        rows = [
            {
                "at": cut.at,
                "n_held_out": len(cut.error),
                "bias": cut.bias,
                "mean_abs_rel_error": cut.mean_abs_rel_error,
                "best_law_error": cut.best,
                "worst_law_error": cut.worst,
                **{f"weight_{name}": cut.weights.get(name, 0.0) for name in self.weights},
            }
            for cut in self.cuts
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def _used(self) -> list[tuple[str, float]]:
        """The laws that count, heaviest first."""
        pairs = [(name, weight) for name, weight in self.weights.items() if weight > 0]
        return sorted(pairs, key=lambda pair: -pair[1])


def stack(backtest: Backtest, fits: Mapping[str, Fit] | None = None, level: float = 0.9) -> Stack:
    """Weights from a backtest, and how weights learned that way would have done.

    Args:
        backtest: of two or more laws.
        fits: the laws fitted to all runs, for predictions.
        level: nominal coverage of intervals.

    Raises:
        EvidenceError: no law has a score at any cut.
    """
    cuts = backtest.cuts
    past: list[StackCut] = []
    for i, cut in enumerate(cuts):
        held = set(held_out(cut))
        # Only runs that the fits of this cut have seen may teach its weights.
        seen = [errors_below(cut=earlier, held=held) for earlier in cuts[:i]]
        known = {name for scores in seen for name in scores}
        now = {name: e for name, e in errors_at(cut).items() if name in known}
        if not now:
            continue
        weights = learn(seen, list(now))
        size = {name: float(np.mean(np.abs(error))) for name, error in now.items()}
        error = np.sum([weights[name] * error for name, error in now.items()], axis=0)
        past.append(
            StackCut(cut.at, weights, held_out(cut), error, min(size.values()), max(size.values()))
        )
    scored = [errors_at(cut) for cut in cuts]
    # A law that fails at the last cut is no part of what is used now.
    latest = next((scores for scores in reversed(scored) if scores), None)
    if latest is None:
        raise EvidenceError(
            "no law could be fitted below any cut, so there is nothing to weigh.",
            code="no_scores",
            hint="Compare laws with fewer parameters, or add runs.",
        )
    fitted = {name: fit for name, fit in (fits or {}).items() if name in latest}
    return Stack(learn(scored, list(latest)), tuple(past), fitted, level)


def learn(scores: Sequence[Mapping[str, Array]], laws: Sequence[str]) -> dict[str, float]:
    """Weights of these laws from their errors at successive cuts.

    Args:
        scores: per cut, ascending, the relative errors of each law; a law may be missing.
        laws: the laws to weigh.
    """
    usable = [s for s in scores if all(name in s and s[name].size for name in laws)]
    if not usable:
        return dict.fromkeys(laws, 1.0 / len(laws))
    sane = [name for name in laws if not _is_hopeless(name, usable, laws)]
    if len(sane) < len(laws):
        return {name: 0.0 for name in laws} | learn(scores, sane)
    rows: list[Array] = []
    for age, cut in enumerate(reversed(usable)):
        errors = np.stack([cut[name] for name in laws], axis=1)
        typical = float(np.median(np.sqrt(np.mean(errors**2, axis=0))))
        rows.append(errors * np.sqrt(FADE**age / len(errors)) / max(typical, 1e-300))
    return dict(zip(laws, map(float, simplex_weights(np.concatenate(rows))), strict=True))


def _is_hopeless(name: str, cuts: Sequence[Mapping[str, Array]], laws: Sequence[str]) -> bool:
    """Whether a law is so far off at some cut that its errors would drown those of the others.

    Its weight is none in any case; left in, the search for weights loses all digits.
    """
    for cut in cuts:
        sizes = {law: float(np.sqrt(np.mean(cut[law] ** 2))) for law in laws}
        if sizes[name] > HOPELESS * max(min(sizes.values()), 1e-12):
            return True
    return False


def simplex_weights(errors: Array) -> Array:
    """The weights (K,), non-negative and of sum one, with the least sum of squares of ``errors w``.

    Let w = t v with v on the simplex. ``|E w|^2 + m^2 (1 - sum w)^2`` is least over t at
    ``m^2 |E v|^2 / (m^2 + |E v|^2)``, which grows with ``|E v|``: so non-negative least squares
    with one more row (m, ..., m) and target m, scaled to sum one, is exact for any m.

    Args:
        errors: one row per held-out run, one column per law (n, K).
    """
    from scipy.optimize import nnls

    size = float(np.sqrt(np.sum(errors**2) / errors.shape[1]))
    if size == 0.0:
        return np.ones(errors.shape[1]) / errors.shape[1]
    # The triangle of a QR decomposition has the same sums of squares in K rows.
    triangle = np.linalg.qr(errors, mode="r")
    system = np.vstack([triangle, np.full(errors.shape[1], size)])
    target = np.zeros(len(system))
    target[-1] = size
    found, _ = nnls(system, target)
    return found / np.sum(found)


def held_out(cut: CutScores) -> tuple[str, ...]:
    """The runs above a cut; none where no law was fitted below it."""
    return next((score.run_id for score in cut.laws.values() if score.run_id), ())


def errors_at(cut: CutScores) -> dict[str, Array]:
    """Errors of the laws that have finite ones."""
    return {
        name: score.error
        for name, score in cut.laws.items()
        if score.error.size and np.all(np.isfinite(score.error))
    }


def errors_below(cut: CutScores, held: set[str]) -> dict[str, Array]:
    """Errors at an earlier cut, on runs that are not held out now."""
    keep = np.array([run not in held for run in held_out(cut)], dtype=bool)
    return {name: error[keep] for name, error in errors_at(cut).items() if keep.any()}


def _pool(
    middle: Array, draws: Sequence[Array], weights: Array, level: float
) -> tuple[Quantity, ...]:
    """The weighted mean, with the middle of all draws, a law's draws sharing its weight."""
    values = np.concatenate([np.broadcast_to(d, (len(d), len(middle))) for d in draws])
    mass = np.concatenate(
        [np.full(len(d), w / len(d)) for d, w in zip(draws, weights, strict=True)]
    )
    return tuple(_weighted(float(m), values[:, i], mass, level) for i, m in enumerate(middle))


def _weighted(estimate: float, values: Array, mass: Array, level: float) -> Quantity:
    usable = ~np.isnan(values)
    order = np.argsort(values[usable], kind="stable")
    ordered, share = values[usable][order], mass[usable][order]
    at = (np.cumsum(share) - 0.5 * share) / share.sum()
    lo, hi = np.interp([(1 - level) / 2, (1 + level) / 2], at, ordered)
    return Quantity(estimate, float(min(lo, estimate)), float(max(hi, estimate)), level)
