"""Fit the mixing law to runs on different data mixtures, and judge it on runs it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting.mixture_solver import Pulls, refit_mixing, solve_mixing
from isoloss.fitting.mixture_table import MixtureTable, require_variation
from isoloss.laws.mixing import centred, mixing_loss

Array = NDArray[np.float64]
FOLDS = 10


@dataclass(frozen=True)
class Score:
    """How predictions compare with losses that were not used for the fit.

    Attributes:
        spearman: rank correlation; NaN where nothing varies.
        rms: root of the mean squared difference, in the unit of the losses.
        n: how many runs.
    """

    spearman: float
    rms: float
    n: int

    def to_dict(self) -> dict[str, float]:
        """All attributes as plain values."""
        return {"spearman": self.spearman, "rms": self.rms, "n": self.n}


@dataclass(frozen=True)
class MixtureFit:
    """The mixing law fitted to each target of a table.

    Attributes:
        table: the runs.
        floor: c per target (k,).
        pull: t with log k taken in, per target (k, d).
        floor_draws: refits to runs drawn with replacement (B, k).
        pull_draws: likewise (B, k, d).
        held_out: score per target of the law, by cross-validation.
        linear: the same of a linear regression on the proportions.
        rms: of the residuals of the fit, per target (k,).
        folds: of the cross-validation.
        seed: of draws and folds.
    """

    table: MixtureTable
    floor: Array
    pull: Array
    floor_draws: Array
    pull_draws: Array
    held_out: Mapping[str, Score]
    linear: Mapping[str, Score]
    rms: Array
    folds: int
    seed: int

    @property
    def printed(self) -> dict[str, dict[str, object]]:
        """c, k and t (of mean zero) per target, as the paper writes the law."""
        scale, pull = centred(self.pull)
        return {
            name: {
                "c": float(self.floor[i]),
                "k": float(scale[i]),
                "t": dict(zip(self.table.domains, map(float, pull[i]), strict=True)),
            }
            for i, name in enumerate(self.table.targets)
        }

    def predict(self, shares: Array) -> Array:
        """The loss on each target (m, k) of these mixtures (m, d)."""
        return mixing_loss(self.floor, self.pull, shares).T

    def score(self, other: MixtureTable) -> dict[str, Score]:
        """How the law predicts other runs, per target.

        Raises:
            InputError: the other table has other domains, or lacks a target.
        """
        return _scores(other, self._same(other), self.predict(other.shares))

    def score_linear(self, other: MixtureTable) -> dict[str, Score]:
        """The same by a linear regression fitted to the same runs."""
        weights = linear_weights(self.table.shares, self.table.losses)
        return _scores(other, self._same(other), other.shares @ weights)

    def _same(self, other: MixtureTable) -> Array:
        if other.domains != self.table.domains or other.targets != self.table.targets:
            raise InputError(
                "the other table has other domains or other losses.",
                code="different_columns",
                where=Where(field="test"),
                hint=f"Expected the domains {', '.join(self.table.domains)}.",
            )
        return other.losses


def fit_mixtures(table: MixtureTable, *, draws: int = 200, seed: int = 0) -> MixtureFit:
    """Fit ``L_i(r) = c_i + k_i exp(sum_j t_ij r_j)`` to each target (Ye et al. 2024).

    Args:
        table: runs that differ in their mixture.
        draws: refits to runs drawn with replacement, for intervals; 0 for none.
        seed: of the draws and of the folds.

    Raises:
        EvidenceError: the proportions do not vary enough, or domains move together.
    """
    require_variation(table)
    if draws < 0 or seed < 0:
        raise InputError(
            "draws and seed are whole numbers of at least 0.",
            code="bad_value",
            where=Where(field="draws" if draws < 0 else "seed"),
        )
    count, size = table.shares.shape
    fits = [solve_mixing(table.shares, losses) for losses in table.losses.T]
    times = _resampled(count, size, draws, seed)
    refits = [
        refit_mixing(
            table.shares,
            losses,
            times,
            np.repeat(one.floor, draws),
            np.repeat(one.pull, draws, axis=0),
        )
        for one, losses in zip(fits, table.losses.T, strict=True)
    ]
    folds = min(FOLDS, count)
    floor = np.array([one.floor[0] for one in fits])
    pull = np.array([one.pull[0] for one in fits])
    residual = table.losses - mixing_loss(floor, pull, table.shares).T
    law, linear = _held_out(table, fits, folds, seed)
    return MixtureFit(
        table=table,
        floor=floor,
        pull=pull,
        floor_draws=np.stack([one.floor for one in refits], axis=1),
        pull_draws=np.stack([one.pull for one in refits], axis=1),
        held_out=_scores(table, table.losses, law),
        linear=_scores(table, table.losses, linear),
        rms=np.sqrt(np.mean(residual**2, axis=0)),
        folds=folds,
        seed=seed,
    )


def _resampled(count: int, size: int, draws: int, seed: int) -> Array:
    """How often each run is drawn (draws, n), with at least as many runs as numbers to fit."""
    rng = np.random.default_rng([seed, 0])
    times = np.empty((draws, count))
    for row in range(draws):
        while True:
            times[row] = rng.multinomial(count, np.full(count, 1.0 / count))
            if np.count_nonzero(times[row]) >= size + 1:
                break
    return times


def _held_out(
    table: MixtureTable, fits: Sequence[Pulls], folds: int, seed: int
) -> tuple[Array, Array]:
    """Predictions (n, k) for each run by fits without its fold: of the law, and linear."""
    count = len(table)
    number = np.empty(count, dtype=np.int64)
    # Folds by the content of the runs, not by their order in the table.
    order = np.lexsort(np.column_stack([table.shares, table.losses]).T[::-1])
    number[order] = np.random.default_rng([seed, 1]).permutation(np.arange(count) % folds)
    inside = (number[None, :] != np.arange(folds)[:, None]).astype(np.float64)
    law = np.empty(table.losses.shape)
    for target, (one, losses) in enumerate(zip(fits, table.losses.T, strict=True)):
        found = refit_mixing(
            table.shares,
            losses,
            inside,
            np.repeat(one.floor, folds),
            np.repeat(one.pull, folds, axis=0),
        )
        every = mixing_loss(found.floor, found.pull, table.shares)
        law[:, target] = every[number, np.arange(count)]
    linear = np.empty(table.losses.shape)
    for fold in range(folds):
        kept = number != fold
        weights = linear_weights(table.shares[kept], table.losses[kept])
        linear[~kept] = table.shares[~kept] @ weights
    return law, linear


def _scores(table: MixtureTable, losses: Array, predicted: Array) -> dict[str, Score]:
    return {
        name: Score(
            rank_correlation(predicted[:, i], losses[:, i]),
            float(np.sqrt(np.mean((predicted[:, i] - losses[:, i]) ** 2))),
            len(losses),
        )
        for i, name in enumerate(table.targets)
    }


def linear_weights(shares: Array, losses: Array) -> Array:
    """The coefficients of a linear regression of losses (n,) or (n, k) on proportions."""
    return cast("Array", np.linalg.lstsq(shares, losses, rcond=None)[0])


def rank_correlation(a: Array, b: Array) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; NaN where nothing varies."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: Array) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[inverse]
