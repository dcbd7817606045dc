"""How much of the answer hangs on choices? One fit per choice, one row each: the forest table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import Fit, Huber, Notice, Objective, Quantity, Squared, fit, from_draws
from isoloss.laws import LAWS, Law, get_law
from isoloss.laws.compute import FlopRule, flop_rule, run_ratio
from isoloss.laws.optimum import Surface, allocate, can_allocate, require_plannable
from isoloss.runs import FLOP_CONVENTIONS, PARAM_COUNTS, Points, Runs
from isoloss.runs.derive import derive
from isoloss.validation.backtest import DEFAULT_REACH
from isoloss.validation.compare import ALL, why_not
from isoloss.validation.forest import Choice, Sensitivity
from isoloss.validation.refits import size_bounds

Array = NDArray[np.float64]

DELTAS = (1e-4, 1e-3, 1e-2, 1e-1)
NEAR = 3.0  # factor of compute to either side over which an exponent is taken
DIFFERS = 0.01  # FLOP of the runs over 6 N D, from where on they are a choice of their own


@dataclass(frozen=True)
class _Setting:
    """What is the same in all rows unless a row says otherwise."""

    law: Law
    objective: Objective
    target: float
    ci: str
    draws: int
    seed: int
    jobs: int | None

    def fit(self, points: Points) -> Fit:
        """The law fitted to some runs in this setting."""
        return fit(
            points,
            self.law,
            objective=self.objective,
            ci=self.ci,
            draws=self.draws,
            seed=self.seed,
            jobs=self.jobs,
        )


def sensitivity(
    runs: Runs | Points,
    law: str | Law = "chinchilla",
    *,
    target: float | None = None,
    laws: str | Sequence[str | Law] = ALL,
    n: str | None = None,
    loss: str | None = None,
    objective: Objective | None = None,
    ci: str = "tier",
    draws: int = 100,
    seed: int = 0,
    jobs: int | None = None,
) -> Sensitivity:
    """How do exponent and N* change with delta, the counts of N and FLOP, each tier and the law?

    One choice is changed at a time. Counts of N other than that of the runs, and FLOP by other
    conventions, need a table of runs with their columns, or the shapes of the models.

    Args:
        runs: a table of runs, or points.
        law: the law of all rows but those that change it.
        target: compute (FLOP) of the answer; 30 times the largest run by default.
        laws: other laws: ``all`` that the runs can carry, or some by name.
        n: which count is N.
        loss: which column is the loss.
        objective: of all rows but those that change it; Huber(1e-3) by default.
        ci: how intervals are made.
        draws: refits per row.
        seed: of the draws.
        jobs: threads.

    Raises:
        EvidenceError: the law cannot weigh size against data, or too few runs.
        InputError: an argument is unusable, or the runs have no compute and no target is given.
    """
    points = runs.points(n=n, loss=loss) if isinstance(runs, Runs) else runs
    chosen = get_law(law)
    require_plannable(chosen)
    reach = DEFAULT_REACH * float(np.nanmax(points.flop)) if target is None else float(target)
    if not 0 < reach < np.inf:
        raise InputError("a target in FLOP is expected.", code="no_target", hint="Give target.")
    setting = _Setting(chosen, objective or Huber(), reach, ci, draws, seed, jobs)
    others = _others(points, laws)
    base = setting.fit(points)
    rows = [
        _row("as fitted", _named(points, base), base, setting, FlopRule()),
        *_objectives(points, setting),
        *_counts(runs, points, setting, loss),
        *_flop(runs, base, setting),
        *_tiers(points, setting),
        *_laws(points, setting, others),
    ]
    return Sensitivity(
        law=chosen.name,
        target_flop=reach,
        choices=tuple(rows),
        ci=ci,
        draws=draws,
        seed=seed,
        conventions=points.conventions,
        data_hash=points.data_hash,
        n_runs=len(points),
        warnings=_warnings(rows),
    )


def _named(points: Points, base: Fit) -> str:
    return f"{base.law.name}, {base.objective.name}, N = {points.conventions.n}, 6 N D"


def _objectives(points: Points, setting: _Setting) -> Iterator[Choice]:
    for objective in (*(Huber(delta) for delta in DELTAS), Squared()):
        if objective != setting.objective:
            changed = replace(setting, objective=objective)
            yield _fitted("objective", objective.name, points, changed)


def _counts(
    runs: Runs | Points, points: Points, setting: _Setting, loss: str | None
) -> Iterator[Choice]:
    if isinstance(runs, Points):
        return
    ok = runs.ok().frame
    seen = [points.params]
    for count in ("params", *PARAM_COUNTS):
        column = count if count == "params" else f"n_{count}"
        if column not in ok.columns or ok[column].null_count():
            continue
        try:
            other = runs.points(n=column, loss=loss)
        except InputError:
            continue  # a column with values that are no counts
        if not any(np.array_equal(other.params, params) for params in seen):
            seen.append(other.params)
            yield _fitted("N", f"N = {count}", other, setting)


def _flop(runs: Runs | Points, base: Fit, setting: _Setting) -> Iterator[Choice]:
    """The same fit, asked what the target buys when FLOP are counted otherwise."""
    ratio = run_ratio(base.points)
    if ratio is not None and float(np.max(np.abs(ratio - 1))) > DIFFERS:
        label = f"as in the runs ({base.points.conventions.flop})"
        yield _row("FLOP", label, base, setting, flop_rule("runs", base.points))
    if isinstance(runs, Points):
        return
    for convention in FLOP_CONVENTIONS:
        flop = _counted(runs, convention)
        if flop is not None and convention not in ("6nd", base.points.conventions.flop):
            counted = replace(base.points, flop=flop)
            yield _row("FLOP", convention, base, setting, flop_rule("runs", counted))


def _counted(runs: Runs, convention: str) -> Array | None:
    """FLOP of each usable run by a convention; None where the shapes do not say."""
    ok = runs.ok().frame
    bare = ok.drop("flop", "flop_budget", strict=False)
    known = {name: how for name, how in runs.provenance.items() if name in bare.columns}
    counted, how = derive(bare, known, runs.conventions.n_column, convention)
    if not how.get("flop", "").endswith(f":{convention}"):
        return None
    flop = counted["flop"].to_numpy()
    return flop if np.all(np.isfinite(flop)) else None


def _tiers(points: Points, setting: _Setting) -> Iterator[Choice]:
    groups = points.clusters("tier")
    for tier in range(int(groups.max()) + 1):
        here = groups == tier
        label = f"without {int(here.sum())} runs at {float(np.median(points.flop[here])):.2g} FLOP"
        yield _fitted("tier", label, points.take(~here), setting)


def _others(points: Points, laws: str | Sequence[str | Law]) -> list[Law]:
    if laws == ALL:
        return [law for law in LAWS.values() if why_not(points, law, len(points)) is None]
    return [get_law(law) for law in ([laws] if isinstance(laws, str) else laws)]


def _laws(points: Points, setting: _Setting, others: Sequence[Law]) -> Iterator[Choice]:
    for law in others:
        if law.name != setting.law.name and can_allocate(law):
            yield _fitted("law", law.name, points, replace(setting, law=law))


def _fitted(group: str, label: str, points: Points, setting: _Setting) -> Choice:
    """One row with a fit of its own."""
    try:
        found = setting.fit(points)
    except EvidenceError as error:
        none = Quantity(np.nan, np.nan, np.nan)
        return Choice(group, label, error.code, len(points), none, none, none, none)
    return _row(group, label, found, setting, FlopRule())


def _row(group: str, label: str, found: Fit, setting: _Setting, rule: FlopRule) -> Choice:
    """Exponent, N*, D* and loss at the target by a fit, with intervals from its draws."""
    surface = Surface(found.law, rule)
    thetas = np.concatenate([found.theta[None], found.draws]).T
    bounds = size_bounds(found, setting.target)
    budgets = [setting.target * grow for grow in (1.0, NEAR, 1 / NEAR)]
    best, above, below = (allocate(surface, thetas, flop, bounds) for flop in budgets)
    has = best.found & above.found & below.found
    params = np.where(has, best.params, np.nan)
    with np.errstate(all="ignore"):
        exponent = np.log(above.params / below.params) / (2 * np.log(NEAR))
        losses = surface.loss(thetas, np.where(has, best.params, 1.0), np.asarray(budgets[0]))
    values = (np.where(has, exponent, np.nan), params, np.where(has, best.tokens, np.nan))
    loss = np.where(has, losses, np.nan)
    quantities = [from_draws(float(v[0]), v[1:], found.level) for v in (*values, loss)]
    status = found.status if has[0] else "no_optimum"
    return Choice(group, label, status, found.n_runs, *quantities)


def _warnings(rows: Sequence[Choice]) -> tuple[Notice, ...]:
    """Which choices move the answer out of its own interval."""
    base = rows[0]
    found: list[Notice] = []
    moved = [
        row
        for row in rows[1:]
        if row.group != "N"
        and not base.n_params.lo <= row.n_params.estimate <= base.n_params.hi
        and row.n_params.estimate == row.n_params.estimate
    ]
    if moved and base.n_params.lo == base.n_params.lo:
        listed = "; ".join(f"{row.group}: {row.label}" for row in moved)
        message = f"N* leaves its own interval under {len(moved)} choice(s): {listed}."
        found.append(Notice("outside_interval", message))
    return tuple(found)
