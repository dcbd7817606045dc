"""Approach 3: N*(C) and D*(C) from a law fitted to all runs.

Hoffmann et al. 2022, section 3.3 and equation 4, for any law whose loss rises only with
A/N^alpha + B/D^beta. Where the runs' FLOP per token are not 6 N, a power law through them takes its
place, so that all three approaches count compute alike.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting.allocation import Allocation, Optimum
from isoloss.fitting.quantity import Notice, Quantity, from_draws
from isoloss.fitting.result import Fit
from isoloss.fitting.sweep import size_numbers

Array = NDArray[np.float64]
NOT_SIX_N = 0.01  # power of N in FLOP per token over N that deserves a notice


def joint(fit: Fit) -> Allocation:
    """N*(C) and D*(C) of a fitted law, in closed form (approach 3).

    Args:
        fit: of a law with a term in N and a term in D, to runs with N, D and C.

    Raises:
        InputError: the law has no such form, or the runs have no compute.
        EvidenceError: the fitted law has no best size.
    """
    if fit.law.additive is None:
        raise InputError(
            f"law {fit.law.name} has no closed form for the best size.",
            code="not_additive",
            where=Where(field="law"),
            hint="isoloss plan finds it by search. Laws for approach 3: chinchilla, coupled.",
        )
    points = fit.points
    if not np.all(np.isfinite(points.params * points.tokens * points.flop)):
        raise InputError(
            "N, D and C of every run are needed, and the table does not give them.",
            code="missing_column",
            where=Where(field="flop"),
        )
    cost, notices = _cost_per_token(points.params, points.tokens, points.flop)
    line = _line(fit, fit.theta, cost)
    if not np.all(np.isfinite(line)):
        raise EvidenceError(
            "the fitted law has no best size: more of N or of D lowers no loss.",
            code="no_optimum",
            hint=f"status of the fit: {fit.status}. {fit.status_message}",
        )
    drawn = _line(fit, fit.draws, cost)
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    optima = tuple(_optimum(fit, int(t), cost) for t in np.unique(points.tier))
    return Allocation(
        method="joint",
        shape=fit.law.name,
        status=fit.status,
        status_message=fit.status_message,
        line=line,
        draws=drawn,
        optima=optima,
        flop_range=(float(points.flop.min()), float(points.flop.max())),
        parabola=None,
        ci=fit.ci,
        level=fit.level,
        conventions=points.conventions,
        data_hash=points.data_hash,
        seed=fit.seed,
        n_runs=fit.n_runs,
        warnings=(*fit.warnings, *notices),
    )


def _cost_per_token(
    params: Array, tokens: Array, flop: Array
) -> tuple[tuple[float, float], list[Notice]]:
    """Log k and m of C = k N^m D; exactly 6 and 1 where that holds for every run."""
    log_n, log_cost = np.log(params), np.log(flop / tokens)
    if np.ptp(log_n) == 0 or np.abs(log_cost - log_n - np.log(6.0)).max() < 1e-6:
        return (float(np.mean(log_cost - log_n)), 1.0), []
    power, level = np.polyfit(log_n, log_cost, 1)
    if abs(power - 1) < NOT_SIX_N:
        return (float(level), float(power)), []
    message = (
        f"FLOP per token of these runs grow as N^{power:.3f}, not as 6 N; N* and D* follow the "
        "runs, and differ from those of a plan with C = 6 N D."
    )
    return (float(level), float(power)), [Notice("not_6nd", message)]


def _line(fit: Fit, theta: Array, cost: tuple[float, float]) -> Array:
    """Log G, a, log H, b (..., 4) for parameters (..., P); NaN where there is no best size."""
    named = {name: theta[..., i] for i, name in enumerate(fit.law.names)}
    return np.stack(_lines(fit, named, cost), axis=-1)


def _lines(
    fit: Fit, named: Mapping[str, Array], cost: tuple[float, float]
) -> tuple[Array, Array, Array, Array]:
    """From the stationary point of A N^-alpha + B D^-beta with k N^m D = C."""
    a_name, alpha_name, b_name, beta_name = fit.law.additive or ("", "", "", "")
    big_a, alpha, big_b, beta = (named[x] for x in (a_name, alpha_name, b_name, beta_name))
    log_k, m = cost
    with np.errstate(all="ignore"):
        steep = alpha + beta * m
        ratio = alpha * big_a / (beta * m * big_b)
        exists = (alpha > 0) & (beta > 0) & (big_a > 0) & (big_b > 0)
        a = np.where(exists, beta / steep, np.nan)
        log_g = np.log(ratio) / steep - a * log_k
    return log_g, a, -log_k - m * log_g, 1 - m * a


def _optimum(fit: Fit, tier: int, cost: tuple[float, float]) -> Optimum:
    """The law's optimum at the compute of a tier, and whether the tier's runs bracket it."""
    points = fit.points
    rows = np.flatnonzero(points.tier == tier)
    log_c = float(np.log(points.flop[rows]).mean())

    def places(theta: Array) -> tuple[Array, Array]:
        line = _line(fit, theta, cost)
        n, d = (np.exp(line[..., i] + line[..., i + 1] * log_c) for i in (0, 2))
        return n, d

    with np.errstate(over="ignore", invalid="ignore"):
        n, d = places(fit.theta)
        drawn_n, drawn_d = places(fit.draws)
        loss = fit.law.value(fit.theta, _inputs(fit, n, d, log_c))
        drawn_loss = (
            fit.law.value(fit.draws.T, _inputs(fit, drawn_n, drawn_d, log_c))
            if len(fit.draws)
            else np.empty(0)
        )

    def quantity(estimate: Array, draws: Array) -> Quantity:
        return from_draws(float(np.squeeze(estimate)), np.atleast_1d(draws), fit.level)

    sizes, losses = points.params[rows], points.loss[rows]
    interior = bool(sizes.min() < n < sizes.max())
    best = sizes[losses.argmin()]
    edge = "" if interior else "largest" if n >= sizes.max() else "smallest"
    return Optimum(
        flop=float(np.exp(log_c)),
        n_params=quantity(n, drawn_n),
        tokens=quantity(d, drawn_d),
        loss=quantity(loss, drawn_loss),
        n_runs=len(rows),
        n_sizes=int(size_numbers(sizes).max()) + 1,
        curvature=1,
        interior=interior,
        bracketed=bool(sizes.min() < best < sizes.max()),
        edge=edge,
        used=True,
        note="" if interior else f"beyond the {edge} size at this budget",
    )


def _inputs(fit: Fit, n: Array, d: Array, log_c: float) -> dict[str, Array]:
    known = {"N": n, "D": d, "U": d, "C": np.broadcast_to(np.exp(log_c), np.shape(n))}
    return {name: np.atleast_1d(known[name]) for name in fit.law.variables}
