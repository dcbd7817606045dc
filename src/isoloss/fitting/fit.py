"""Fit a law to runs: the verb ``iso.fit``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting.linear import LinearView, cook_distance, linear_view, noise_level
from isoloss.fitting.objectives import Huber, Objective
from isoloss.fitting.profile import profile_intervals
from isoloss.fitting.quantity import Notice, Quantity, from_draws
from isoloss.fitting.resampling import Draws, cases, outside_residuals, wild
from isoloss.fitting.result import Fit
from isoloss.fitting.search import Constraints, Form, Found, find, form
from isoloss.fitting.status import judge
from isoloss.laws import Law, get_law
from isoloss.runs import Points, Runs

Array = NDArray[np.float64]
MIN_TIERS = 3
CI_KINDS = "tier, run, profile, none, tier-cases or column:NAME"


def fit(
    runs: Runs | Points,
    law: str | Law = "chinchilla",
    *,
    n: str | None = None,
    loss: str | None = None,
    objective: Objective | None = None,
    ci: str = "tier",
    draws: int = 1000,
    level: float = 0.9,
    fixed: Mapping[str, float] | None = None,
    tied: Sequence[tuple[str, str]] = (),
    bounds: Mapping[str, tuple[float, float]] | None = None,
    weights: ArrayLike | None = None,
    seed: int = 0,
    jobs: int | None = None,
) -> Fit:
    """Fit a law to runs and say how well the runs fix it.

    Args:
        runs: a table of runs, or points taken from one.
        law: name of a law, a formula such as ``E + A*N**-alpha``, or a ``Law``.
        n: which count is N, where the table has several.
        loss: which column is the loss.
        objective: cost of a residual in log loss, summed over runs; by default Huber(1e-3).
        ci: how intervals are made: ``tier`` (wild bootstrap of compute tiers), ``run`` (runs as
            cases), ``tier-cases`` (tiers as cases), ``column:NAME`` (wild bootstrap of the groups
            of a column), ``profile`` (profile likelihood) or ``none``.
        draws: refits for the intervals.
        level: nominal coverage of the intervals.
        fixed: parameters held at a value.
        tied: pairs of parameters that share one value, such as ``("alpha", "beta")``.
        bounds: allowed ranges in place of the law's own.
        weights: positive weight per run (n,), such as one over its variance; equal by default.
            Only how they compare matters to estimate and intervals.
        seed: of the draws, at least 0; same runs, seed and version give the same digits for any
            ``jobs``.
        jobs: threads; by default one per core, at most eight.

    Raises:
        InputError: an argument is unusable, or the table lacks a column that the law needs.
        EvidenceError: fewer runs than free parameters, or groups too few for the intervals.
    """
    points = runs.points(n=n, loss=loss) if isinstance(runs, Runs) else runs
    chosen = get_law(law)
    objective = objective or Huber()
    constraints = Constraints(dict(fixed or {}), tuple(tied), dict(bounds or {}))
    _check_options(ci, draws, level, seed)
    jobs = jobs or min(os.cpu_count() or 1, 8)

    posed = form(
        chosen,
        inputs(points, chosen),
        _losses(points),
        _weights(weights, len(points)),
        objective,
        constraints,
    )
    found = find(posed)
    problem, phi = posed.problem, found.phi
    view = linear_view(problem, phi)
    residuals = problem.residuals(phi[None])[0]
    groups, notices = _groups(points, ci)
    made = _draw(posed, found, view, groups, ci, draws, seed, jobs)
    theta = posed.theta(phi)
    thetas = posed.theta(made.phi) if made else np.empty((0, len(theta)))
    estimate = dict(zip(chosen.names, map(float, theta), strict=True))
    if ci == "profile":
        quantities = profile_intervals(posed, found, level)
    else:
        quantities = _intervals(estimate, thetas, level)
    status, message = judge(posed, found, view, noise_level(problem, phi))
    if made and made.failed > 0.01:
        notices.append(_unsettled(made.failed))
    names = problem.coordinates.names
    return Fit(
        law=chosen,
        estimate=estimate,
        status=status,
        status_message=message,
        objective=objective,
        objective_value=found.objective,
        gradient_norm=found.gradient_norm,
        agreement=found.agreement,
        n_starts=found.n_starts,
        condition_number=view.condition_number,
        spread=dict(zip(names, map(float, view.spread), strict=True)),
        draws=thetas,
        ci=ci,
        level=level,
        parameters=quantities,
        points=points,
        residuals=residuals,
        outside=(
            outside_residuals(problem, phi, view, points.clusters("tier"), jobs)
            if made
            else residuals
        ),
        leverage=view.leverage,
        cook=cook_distance(problem, phi, view),
        constraints=constraints,
        seed=seed,
        warnings=tuple(notices),
    )


def inputs(points: Points, law: Law) -> dict[str, Array]:
    """The variables of a law as arrays over runs.

    Raises:
        InputError: the table has no such column, or it holds values that are not positive.
    """
    known = {
        "N": points.params,
        "D": points.tokens,
        "C": points.flop,
        "U": points.unique_tokens,
        "S": points.columns.get("steps"),
    }
    x: dict[str, Array] = {}
    for name in law.variables:
        values = known[name] if name in known else points.columns.get(name)
        if values is None or not np.all(np.isfinite(values)):
            raise InputError(
                f"law {law.name} needs {name} for every run, and the table does not give it.",
                code="missing_column",
                where=Where(field=name),
                hint="isoloss runs check shows which columns were found; --where leaves runs out.",
            )
        x[name] = values
    return x


def _check_options(ci: str, draws: int, level: float, seed: int) -> None:
    kinds = {"tier", "run", "profile", "none", "tier-cases"}
    if ci not in kinds and not ci.startswith("column:"):
        raise InputError(
            f"found {ci!r} where {CI_KINDS} is expected.", code="bad_ci", where=Where(field="ci")
        )
    if draws < 1:
        raise InputError(
            f"found {draws} draws where at least 1 is expected.",
            code="bad_draws",
            where=Where(field="draws"),
            hint="Use --ci none to fit without intervals.",
        )
    if not 0 < level < 1:
        raise InputError(
            f"found level {level:g} where a number between 0 and 1 is expected.",
            code="bad_level",
            where=Where(field="level"),
        )
    if seed < 0:
        raise InputError(
            f"found seed {seed} where a whole number of at least 0 is expected.",
            code="bad_seed",
            where=Where(field="seed"),
        )


def _losses(points: Points) -> Array:
    bad = ~(np.isfinite(points.loss) & (points.loss > 0))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"found loss {points.loss[at]:g} of run {points.run_id[at]}, where a positive number "
            "is expected.",
            code="bad_value",
            where=Where(field="loss"),
        )
    return points.loss


def _weights(weights: ArrayLike | None, count: int) -> Array:
    if weights is None:
        return np.ones(count)
    try:
        given = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise _bad_weights("weights that are not numbers", count) from None
    if given.shape != (count,):
        raise _bad_weights(f"weights of shape {given.shape}", count)
    bad = ~(np.isfinite(given) & (given > 0))
    if bad.any():
        raise _bad_weights(f"the weight {given[bad][0]:g}", count)
    return given


def _bad_weights(found: str, count: int) -> InputError:
    return InputError(
        f"found {found} where {count} positive, finite numbers are expected.",
        code="bad_weights",
        where=Where(field="weights"),
    )


def _groups(points: Points, ci: str) -> tuple[NDArray[np.int64], list[Notice]]:
    """The groups that share errors, and what must be said about them."""
    if ci == "run":
        return np.arange(len(points)), []
    groups = points.clusters(ci.removeprefix("column:") if ci.startswith("column:") else "tier")
    count = int(groups.max()) + 1
    if ci in ("none", "profile") or count >= MIN_TIERS:
        return groups, []
    message = (
        f"the runs form {count} group(s), and errors shared by a group cannot be seen with fewer "
        f"than {MIN_TIERS}; the intervals treat runs as independent and are too narrow."
    )
    return np.arange(len(points)), [Notice("few_tiers", message)]


def _draw(
    posed: Form,
    found: Found,
    view: LinearView,
    groups: NDArray[np.int64],
    ci: str,
    count: int,
    seed: int,
    jobs: int,
) -> Draws | None:
    if ci in ("none", "profile"):
        return None
    if int(groups.max()) == 0:
        raise EvidenceError(
            "all runs are one group, so nothing can be resampled.",
            code="one_group",
            hint="Use --ci none or profile, or add runs.",
        )
    method = cases if ci in ("run", "tier-cases") else wild
    return method(posed.problem, found.phi, view, groups, count, seed, jobs)


def _intervals(estimate: Mapping[str, float], thetas: Array, level: float) -> dict[str, Quantity]:
    return {
        name: from_draws(value, thetas[:, i], level)
        for i, (name, value) in enumerate(estimate.items())
    }


def _unsettled(failed: float) -> Notice:
    return Notice(
        "draws_unsettled",
        f"{failed:.0%} of the refits for the intervals did not settle; the law has directions "
        "that the runs hardly fix, and the intervals may be too narrow.",
    )
