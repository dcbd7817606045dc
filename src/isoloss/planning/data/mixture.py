"""The best mixture of domains by the mixing law: the verb ``iso.mix_data``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Notice, Quantity, from_draws
from isoloss.fitting.mixture_table import MixtureTable, read_mixtures
from isoloss.fitting.mixtures import MixtureFit, fit_mixtures, linear_weights
from isoloss.laws.mixing import mixing_slope
from isoloss.planning.data.convex import best_shares, greedy
from isoloss.planning.data.limits import Limits, limits
from isoloss.planning.data.mixture_result import Binding, Held, Mixture, Observed

Array = NDArray[np.float64]
LEVEL = 0.9
AT_LIMIT = 1e-6
WEAK = 0.7
FAR = 0.25


def mix_data(
    source: object,
    *,
    targets: Sequence[str] | Mapping[str, float],
    domains: str | Sequence[str] = "w_",
    rest: str | None = None,
    where: str | None = None,
    at_least: Mapping[str, float] | None = None,
    at_most: Mapping[str, float] | None = None,
    pools: Mapping[str, float | str] | None = None,
    tokens: float | str | None = None,
    max_epochs: float = 4.0,
    extrapolate: bool = False,
    test: MixtureTable | None = None,
    draws: int = 200,
    seed: int = 0,
) -> Mixture:
    """The mixture of training domains with the lowest loss, by small runs on other mixtures.

    Args:
        source: a file, a DataFrame or a dict of columns, one run per row.
        targets: columns with losses; with several, their mean, or the mean weighted by a mapping.
        domains: columns with proportions, or the prefix that their names share.
        rest: name of a domain that has no column and fills the proportions up to one.
        where: a Polars SQL condition over the columns; other rows are not read.
        at_least: smallest proportion by domain.
        at_most: largest proportion by domain.
        pools: unique tokens by domain; with ``tokens`` they cap how much of it can be used.
        tokens: of the run that is planned.
        max_epochs: how often a pool may be read.
        extrapolate: allow proportions that no run had.
        test: further runs on which the law is scored.
        draws: refits to runs drawn with replacement, for intervals.
        seed: of draws and folds.

    Raises:
        InputError: the table or a limit is unusable, or limits contradict each other.
        EvidenceError: the runs cannot tell the domains apart, or the law does not predict runs
            that were left out.
    """
    names = tuple(targets)
    table = read_mixtures(source, targets=names, domains=domains, rest=rest, where=where)
    weights = _target_weights(targets, names)
    allowed = limits(
        table,
        at_least=at_least,
        at_most=at_most,
        pools=pools,
        tokens=tokens,
        max_epochs=max_epochs,
        extrapolate=extrapolate,
    )
    fit = fit_mixtures(table, draws=draws, seed=seed)
    return best_mixture(fit, allowed, weights=weights, test=test)


def best_mixture(
    fit: MixtureFit,
    allowed: Limits,
    *,
    weights: Mapping[str, float] | None = None,
    test: MixtureTable | None = None,
) -> Mixture:
    """The best allowed mixture by a fitted mixing law.

    The weighted loss is a sum of exponentials of linear functions, so it is convex: there is one
    minimum, and a bound on the distance to it comes with the answer.

    Args:
        fit: the law, fitted to each target.
        allowed: floors and caps.
        weights: of the targets; equal by default.
        test: further runs on which the law is scored.

    Raises:
        EvidenceError: the law predicts runs that were left out no better than their mean does.
    """
    table = fit.table
    weight = np.array([(weights or {}).get(name, 0.0) for name in table.targets])
    weight = np.full(len(weight), 1.0) if weights is None else weight
    weight = weight / weight.sum()
    require_skill(fit)
    shares, gap = best_shares(fit.floor, fit.pull, weight, allowed)
    draws = np.array(
        [
            best_shares(floor, pull, weight, allowed, start=shares)[0]
            for floor, pull in zip(fit.floor_draws, fit.pull_draws, strict=True)
        ]
    ).reshape(-1, len(table.domains))

    def weighted(mixture: Array) -> Quantity:
        each = fit.floor_draws + np.exp(fit.pull_draws @ mixture)
        return from_draws(float(fit.predict(mixture[None])[0] @ weight), each @ weight, LEVEL)

    slope = weight @ mixing_slope(fit.pull, shares)
    linear = linear_weights(table.shares, table.losses @ weight)
    by_linear = greedy(linear, allowed)
    observed = _observed(fit, allowed, weight, shares)
    nearest = float(0.5 * np.abs(table.shares - shares).sum(axis=1).min())
    return Mixture(
        shares={
            name: from_draws(float(shares[i]), draws[:, i], LEVEL)
            for i, name in enumerate(table.domains)
        },
        loss_mean=weighted(shares),
        targets={
            name: from_draws(
                float(fit.predict(shares[None])[0, i]),
                fit.floor_draws[:, i] + np.exp(fit.pull_draws[:, i] @ shares),
                LEVEL,
            )
            for i, name in enumerate(table.targets)
        },
        target_weights=dict(zip(table.targets, map(float, weight), strict=True)),
        gap=gap,
        bindings=_bindings(allowed, shares, slope),
        observed=observed,
        linear_shares=dict(zip(table.domains, map(float, by_linear), strict=True)),
        linear_loss_mean=weighted(by_linear),
        held_out={
            name: Held(fit.held_out[name], fit.linear[name], float(fit.rms[i]))
            for i, name in enumerate(table.targets)
        },
        test={}
        if test is None
        else {
            name: Held(score, fit.score_linear(test)[name], float("nan"))
            for name, score in fit.score(test).items()
        },
        folds=fit.folds,
        nearest=nearest,
        law=fit.printed,
        level=LEVEL,
        n_draws=len(draws),
        seed=fit.seed,
        data_hash=table.data_hash,
        n_runs=len(table),
        warnings=_warnings(fit, nearest, observed, weighted(shares).estimate),
    )


def require_skill(fit: MixtureFit) -> None:
    """Refuse a law that says nothing about runs that were left out.

    Raises:
        EvidenceError: for some target its error is as large as the spread of the losses.
    """
    for i, name in enumerate(fit.table.targets):
        spread = float(np.std(fit.table.losses[:, i]))
        error = fit.held_out[name].rms
        if error >= spread:
            raise EvidenceError(
                f"for {name} the law misses runs that were left out by {error:.3g} (rms), and the "
                f"losses spread by {spread:.3g}: it says nothing about new mixtures.",
                code="no_skill",
                hint="Add runs, put domains together, or leave out runs that are not finished.",
            )


def _target_weights(
    targets: Sequence[str] | Mapping[str, float], names: Sequence[str]
) -> dict[str, float]:
    weights = {
        name: float(targets[name]) if isinstance(targets, Mapping) else 1.0 for name in names
    }
    for name, value in weights.items():
        if not (np.isfinite(value) and value >= 0.0):
            raise InputError(
                f'found the weight {value:g} for "{name}" where 0 or more is expected.',
                code="bad_weight",
                where=Where(field="targets"),
            )
    if names and sum(weights.values()) <= 0.0:
        raise InputError(
            "all targets have weight 0.", code="bad_weight", where=Where(field="targets")
        )
    return weights


def _bindings(allowed: Limits, shares: Array, slope: Array) -> tuple[Binding, ...]:
    """The limits that the best mixture touches, and what loosening each by 0.01 would gain."""
    at_low = shares <= allowed.low + AT_LIMIT
    at_high = shares >= allowed.high - AT_LIMIT
    free = ~(at_low | at_high)
    level = float(np.mean(slope[free])) if free.any() else float(np.median(slope))
    found: list[Binding] = []
    for i, name in enumerate(allowed.domains):
        gain = 0.01 * abs(float(slope[i]) - level)
        if at_high[i] and allowed.high[i] < 1.0:
            found.append(Binding(name, "high", float(shares[i]), allowed.high_from[i], gain))
        elif at_low[i] and allowed.low[i] > 0.0:
            found.append(Binding(name, "low", float(shares[i]), allowed.low_from[i], gain))
    return tuple(sorted(found, key=lambda one: -one.loss_per_percent))


def _observed(fit: MixtureFit, allowed: Limits, weight: Array, shares: Array) -> Observed | None:
    """The best run within the limits, and what the best mixture gains over it by the law."""
    table = fit.table
    inside = np.flatnonzero(allowed.allows(table.shares))
    if not inside.size:
        return None
    losses = table.losses[inside] @ weight
    at = int(inside[int(np.argmin(losses))])
    there = table.shares[at]

    def gain(pull: Array, floor: Array) -> Array:
        return ((floor + np.exp(pull @ there)) - (floor + np.exp(pull @ shares))) @ weight

    return Observed(
        shares=dict(zip(table.domains, map(float, there), strict=True)),
        loss=float(losses.min()),
        gain=from_draws(
            float(gain(fit.pull, fit.floor)), gain(fit.pull_draws, fit.floor_draws), LEVEL
        ),
    )


def _warnings(
    fit: MixtureFit, nearest: float, observed: Observed | None, loss: float
) -> tuple[Notice, ...]:
    found: list[Notice] = []
    for name, score in fit.held_out.items():
        if not score.spearman >= WEAK:
            found.append(
                Notice(
                    "weak_ranks",
                    f"{name}: runs that were left out are ranked with a correlation of "
                    f"{score.spearman:.2f} only.",
                )
            )
        if fit.linear[name].rms < score.rms:
            found.append(
                Notice(
                    "linear_is_better",
                    f"{name}: a linear regression predicts runs that were left out better "
                    f"(rms {fit.linear[name].rms:.3g}) than the law ({score.rms:.3g}).",
                )
            )
    if observed is not None and observed.loss < loss:
        found.append(
            Notice(
                "best_run_is_better",
                f"the best run was measured at {observed.loss:.4g}, below what the law says of "
                f"the best mixture ({loss:.4g}): the law cannot tell good mixtures apart there.",
            )
        )
    if nearest > FAR:
        found.append(
            Notice(
                "far_from_runs",
                f"{nearest:.0%} of the mixture would have to be exchanged to reach the nearest "
                "run: the best mixture is extrapolated. Train one small run on it first.",
            )
        )
    found.append(
        Notice(
            "one_scale",
            "the runs have one size and one number of tokens; that the order of mixtures stays "
            "the same at the size of the big run is assumed, and repeated pools cost nothing here.",
        )
    )
    return tuple(found)
