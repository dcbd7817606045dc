"""Which figures are there, and what does each need? Found by name, made from results."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from isoloss.errors import EvidenceError, InputError, Where

if TYPE_CHECKING:
    from isoloss.figures.parts import Figure
    from isoloss.fitting import Allocation, Fit
    from isoloss.fitting.sweeps import SweepFit
    from isoloss.planning import Plan
    from isoloss.planning.pilot import PilotPlan
    from isoloss.planning.serving.overtraining_result import Overtraining
    from isoloss.runs import Runs
    from isoloss.validation import Backtest, Diagnosis, Sensitivity


@dataclass(frozen=True)
class Material:
    """The results that figures are made from, as far as they are there.

    Attributes:
        fit: a fit.
        plan: a plan by it.
        backtest: a backtest of its law.
        runs: a table of runs.
        allocation: one of the three approaches on them.
        diagnosis: of the fit.
        sensitivity: of the answer.
        sweep: of learning rate and batch.
        overtraining: what other sizes cost.
        pilot: small runs that are planned.
        target: compute that axes reach; the plan's, or 30 times the largest run, by default.
    """

    fit: Fit | None = None
    plan: Plan | None = None
    backtest: Backtest | None = None
    runs: Runs | None = None
    allocation: Allocation | None = None
    diagnosis: Diagnosis | None = None
    sensitivity: Sensitivity | None = None
    sweep: SweepFit | None = None
    overtraining: Overtraining | None = None
    pilot: PilotPlan | None = None
    target: float | None = None

    @property
    def goal(self) -> float | None:
        """The compute that axes reach."""
        return self.target or (self.plan.flop if self.plan is not None else None)


@dataclass(frozen=True)
class Entry:
    """A figure of the catalogue.

    Attributes:
        key: its name.
        number: its place in the catalogue, such as ``F3``.
        title: what it shows.
        needs: what it must have, each as alternatives: ``fit`` or ``fit|runs``.
        takes: what it shows as well where it is there.
        build: makes it.
    """

    key: str
    number: str
    title: str
    needs: tuple[str, ...]
    takes: tuple[str, ...]
    build: Callable[[Material], Figure]

    def lacks(self, material: Material) -> tuple[str, ...]:
        """The needs that are not met."""
        return tuple(
            need
            for need in self.needs
            if all(getattr(material, name) is None for name in need.split("|"))
        )


COMMANDS = {
    "fit": "a fit (isoloss fit RUNS --save fit.json)",
    "plan": "a plan (isoloss plan BUDGET --fit fit.json --save plan.json)",
    "backtest": "a backtest (isoloss backtest RUNS --save backtest.json)",
    "runs": "a table of runs (runs.csv)",
    "sweep": "a fitted sweep (isoloss sweep RUNS --save sweep.json)",
    "pilot": "a pilot (isoloss pilot --budget FLOP --save pilot.json)",
}
"""How the documents are made that figures need."""


DEFAULTS = {
    "fit": "iso-loss",
    "plan": "iso-loss",
    "backtest": "backtest",
    "runs": "isoflop",
    "allocation": "isoflop",
    "diagnosis": "residuals",
    "sensitivity": "forest",
    "sweep": "hparam-laws",
    "overtraining": "overtraining",
    "pilot": "plane",
}
"""The figure that shows most of a result."""


def find(name: str) -> Entry:
    """A figure by its name or number.

    Raises:
        InputError: there is none.
    """
    for entry in CATALOGUE:
        if name.lower() in (entry.key, entry.number.lower()):
            return entry
    names = [entry.key for entry in CATALOGUE]
    close = difflib.get_close_matches(name.lower(), names, n=1)
    guess = f"Did you mean {close[0]}? " if close else ""
    raise InputError(
        f'found "{name[:60]}" where the name of a figure is expected.',
        code="unknown_figure",
        where=Where(field="NAME"),
        hint=f"{guess}Figures: {', '.join(names)}.",
    )


def build(name: str, *results: Any, target: float | None = None) -> Figure:
    """A figure by its name, from results in any order.

    Args:
        name: such as ``iso-loss`` or ``F3``.
        results: a fit, a plan, a backtest, runs, ...
        target: compute that its axes reach.

    Raises:
        InputError: there is no such figure, or a result that it needs is missing.
        EvidenceError: the results cannot carry it.
    """
    entry = find(name)
    material = gather(results, target)
    missing = entry.lacks(material)
    if missing:
        wanted = " and ".join(
            " or ".join(COMMANDS.get(one, f"a {one}") for one in need.split("|"))
            for need in missing
        )
        raise InputError(
            f"the figure {entry.key} needs {wanted}.",
            code="missing_result",
            where=Where(field="NAME"),
            hint="isoloss figure --list says which figure needs what.",
        )
    return entry.build(material)


def figure_of(
    result: Any, name: str | None = None, /, *beside: Any, target: float | None = None
) -> Figure:
    """A figure of one result, by default the one that shows most of it; see ``build``."""
    return build(name or default_for(result, beside), result, *beside, target=target)


def default_for(result: Any, beside: Sequence[Any] = ()) -> str:
    """The figure that shows most of a result."""
    from isoloss.fitting import Fit
    from isoloss.laws.optimum import can_allocate

    kind = next((n for n, k in _kinds().items() if isinstance(result, k)), "")
    fit = next((one for one in (result, *beside) if isinstance(one, Fit)), None)
    flat = fit is not None and not can_allocate(fit.law)
    return "residuals" if flat and kind in ("fit", "plan") else DEFAULTS.get(kind, "iso-loss")


def gather(results: Sequence[Any], target: float | None = None) -> Material:
    """Results of any kind, sorted by what they are.

    Raises:
        InputError: two of a kind, or something that no figure is made from.
    """
    known = _kinds()
    found: dict[str, Any] = {}
    for result in results:
        name = next((n for n, kind in known.items() if isinstance(result, kind)), None)
        if name is None:
            raise InputError(
                f"no figure is made from a {type(result).__name__}.",
                code="unknown_result",
                hint=f"Figures take: {', '.join(known)}.",
            )
        if name in found and found[name] is not result:
            raise InputError(
                f"two results of the kind {name} are given, where one is expected.",
                code="repeated_value",
                hint="Draw one figure for each.",
            )
        found[name] = result
    return Material(**found, target=target)


def possible(material: Material) -> tuple[Entry, ...]:
    """The figures that these results can carry."""
    return tuple(entry for entry in CATALOGUE if not entry.lacks(material))


def _kinds() -> Mapping[str, type[Any]]:
    from isoloss.fitting import Allocation, Fit
    from isoloss.fitting.sweeps import SweepFit
    from isoloss.planning import Plan
    from isoloss.planning.pilot import PilotPlan
    from isoloss.planning.serving.overtraining_result import Overtraining
    from isoloss.runs import Runs
    from isoloss.validation import Backtest, Diagnosis, Sensitivity

    kinds: dict[str, type[Any]] = {
        "fit": Fit,
        "plan": Plan,
        "backtest": Backtest,
        "runs": Runs,
        "allocation": Allocation,
        "diagnosis": Diagnosis,
        "sensitivity": Sensitivity,
        "sweep": SweepFit,
        "overtraining": Overtraining,
        "pilot": PilotPlan,
    }
    assert set(kinds) == {field.name for field in fields(Material)} - {"target"}
    return kinds


def _iso_loss(material: Material) -> Figure:
    from isoloss.figures.iso_loss import iso_loss

    assert material.fit is not None
    return iso_loss(material.fit, material.plan, target=material.target)


def _isoflop(material: Material) -> Figure:
    from isoloss.figures.isoflop import isoflop
    from isoloss.fitting import isoflop as approach

    points = _points(material)
    return isoflop(
        points,
        material.allocation or approach(points),
        material.fit,
        target=material.goal,
    )


def _residuals(material: Material) -> Figure:
    from isoloss.figures.residuals import residuals
    from isoloss.validation import diagnose

    assert material.fit is not None
    return residuals(material.fit, material.diagnosis or diagnose(material.fit))


def _backtest(material: Material) -> Figure:
    from isoloss.figures.backtest import backtest

    assert material.backtest is not None
    return backtest(material.backtest)


def _envelope(material: Material) -> Figure:
    from isoloss.figures.envelope import envelope
    from isoloss.fitting import envelope as approach

    points = _points(material)
    return envelope(points, approach(points), target=material.goal)


def _parameters(material: Material) -> Figure:
    from isoloss.figures.parameters import parameters
    from isoloss.validation import profile_curve

    assert material.fit is not None
    fit = material.fit
    fit.require_draws("the figure of parameters")
    profiles: dict[str, Any] = {}
    for name in fit.law.names:
        try:
            profiles[name] = profile_curve(fit, name)
        except (InputError, EvidenceError):
            continue  # a parameter that is fixed, or follows from others, has no profile
    return parameters(fit, profiles)


def _forest(material: Material) -> Figure:
    from isoloss.figures.forest import forest
    from isoloss.fitting import approaches
    from isoloss.validation import sensitivity

    goal = material.goal
    if material.sensitivity is not None:
        return forest(material.sensitivity)
    source = material.runs if material.runs is not None else _points(material)
    fit = material.fit
    found = sensitivity(
        source,
        fit.law if fit is not None else "chinchilla",
        target=goal,
        objective=fit.objective if fit is not None else None,
        seed=fit.seed if fit is not None else 0,
    )
    points = _points(material)
    return forest(found, approaches(points, target=found.target_flop, draws=200))


def _tokens_per_param(material: Material) -> Figure:
    from isoloss.figures.tokens_per_param import limits_of, tokens_per_param
    from isoloss.fitting import fit as refit

    assert material.fit is not None
    found = material.fit
    ratio = found.points.tokens / found.points.params
    restricted = {
        limit: refit(
            found.points.take(ratio <= limit), found.law, objective=found.objective, ci="none"
        )
        for limit in limits_of(found)
    }
    return tokens_per_param(found, restricted)


def _lr_batch(material: Material) -> Figure:
    from isoloss.figures.lr_batch import lr_batch

    assert material.sweep is not None
    return lr_batch(material.sweep)


def _hparam_laws(material: Material) -> Figure:
    from isoloss.figures.hparam_laws import hparam_laws

    assert material.sweep is not None
    return hparam_laws(material.sweep)


def _repetition(material: Material) -> Figure:
    from isoloss.figures.repetition import repetition

    assert material.fit is not None
    return repetition(material.fit)


def _overtraining(material: Material) -> Figure:
    from isoloss.figures.overtraining import overtraining
    from isoloss.planning.serving import overtraining as price

    if material.overtraining is not None:
        return overtraining(material.overtraining)
    assert material.fit is not None
    last = float(material.fit.points.flop.max())
    return overtraining(price(material.fit, material.goal or 30.0 * last))


def _plane(material: Material) -> Figure:
    from isoloss.figures.plane import plane
    from isoloss.validation import identify

    if material.pilot is not None:
        from isoloss.figures.pilot import pilot

        return pilot(material.pilot)
    assert material.runs is not None
    further: list[tuple[float, float]] = []
    if material.fit is not None:
        found = identify(material.fit, target=material.goal)
        further = [(run.n_params, run.tokens) for run in found.next_runs]
    return plane(material.runs, further)


def _points(material: Material) -> Any:
    if material.fit is not None:
        return material.fit.points
    assert material.runs is not None
    return material.runs.points()


FOREST = ("fit|runs|sensitivity",)
CATALOGUE: tuple[Entry, ...] = (
    Entry("envelope", "F1", "Loss over compute, envelope", ("fit|runs",), ("plan",), _envelope),
    Entry(
        "isoflop",
        "F2",
        "IsoFLOP profiles, best size and tokens",
        ("fit|runs",),
        ("plan",),
        _isoflop,
    ),
    Entry(
        "iso-loss", "F3", "Lines of equal loss, efficient frontier", ("fit",), ("plan",), _iso_loss
    ),
    Entry("residuals", "F4", "What the law misses", ("fit",), (), _residuals),
    Entry("backtest", "F5", "Predictions, drift and coverage", ("backtest",), (), _backtest),
    Entry("lr-batch", "F6", "Loss over learning rate and batch", ("sweep",), (), _lr_batch),
    Entry("hparam-laws", "F7", "Best learning rate and batch", ("sweep",), (), _hparam_laws),
    Entry("repetition", "F8", "What repeated data are worth", ("fit",), (), _repetition),
    Entry("parameters", "F10", "How well parameters are fixed", ("fit",), (), _parameters),
    Entry("forest", "F11", "What the answer hangs on", FOREST, ("plan",), _forest),
    Entry(
        "overtraining",
        "F12",
        "What another size costs",
        ("fit|overtraining",),
        ("plan",),
        _overtraining,
    ),
    Entry("tokens-per-param", "F13", "Loss over D/N by size", ("fit",), (), _tokens_per_param),
    Entry("plane", "F14", "Where the runs are, and which next", ("runs|pilot",), ("fit",), _plane),
)
"""All figures, in the order of their numbers."""
