"""What did the runs of a pilot buy? The interval that was expected against the one they gave."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Fit, Notice, Quantity
from isoloss.fitting import fit as fit_law
from isoloss.laws import Law
from isoloss.laws.compute import FlopRule, flop_rule
from isoloss.planning.pilot.belief import from_fit
from isoloss.planning.pilot.described import around
from isoloss.planning.pilot.ladder_file import expectations
from isoloss.planning.pilot.question import Question, answers, ask
from isoloss.planning.pilot.result import PilotPlan
from isoloss.planning.plan import spread
from isoloss.runs import PARAM_COUNTS, Points, Runs, compute_tiers
from isoloss.validation.report import Report

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]

OTHERS = ("chinchilla", "coupled", "kaplan")
REACH = 30.0  # the target over the largest run, where nobody says
_NEEDED = ("law", "narrow", "target_flop", "level", "half_width_expected", "answer", "noise")


@dataclass(frozen=True)
class Bought(Report):
    """What trained runs did to the answer.

    Attributes:
        narrow: ``loss``, ``size`` or ``exponent``.
        target_flop: compute of the big run.
        expected: the answer that was expected, with the interval that was.
        found: the answer by the runs, with the interval that the draws of their fit give.
        half_width: ``before`` (infinite without runs before), ``expected``, ``achieved`` (by the
            same first-order rule at the fit of the runs) and ``draws`` (by its draws, which let
            runs of a tier share errors; NaN where too many have no answer).
        noise: of a run: ``expected`` and ``achieved``.
        others: law -> the answer by it on the same runs, where it gives one.
        minima_inside: groups whose lowest loss is not at their smallest or largest size.
        groups: how many groups there are.
        law: its name.
        status: of the fit.
        status_message: that in a sentence.
        conventions: of the runs.
        level: nominal coverage.
        n_runs: runs of the fit.
        n_new: those that were added.
        seed: of the draws.
        data_hash: of the runs.
        warnings: what must be known.
    """

    narrow: str
    target_flop: float
    expected: Quantity
    found: Quantity
    half_width: Mapping[str, float]
    noise: Mapping[str, float]
    others: Mapping[str, float]
    minima_inside: int
    groups: int
    law: str
    status: str
    status_message: str
    conventions: Mapping[str, str]
    level: float
    n_runs: int
    n_new: int
    seed: int
    data_hash: str
    warnings: tuple[Notice, ...]

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.pilot_bought``."""
        return envelope("pilot_bought") | {
            **vars(self),
            "expected": self.expected.to_dict(),
            "found": self.found.to_dict(),
            "half_width": dict(self.half_width),
            "noise": dict(self.noise),
            "others": dict(self.others),
            "conventions": dict(self.conventions),
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per half width."""
        import polars as pl

        rows = [{"half_width": name, "value": value} for name, value in self.half_width.items()]
        return pl.DataFrame(rows)

    def summary(self) -> str:
        """Expected against achieved, in a few lines."""
        from isoloss.planning.pilot.text import bought_lines

        return "\n".join(bought_lines(self))


def bought(
    runs: Runs,
    *,
    plan: PilotPlan | Mapping[str, Any] | None = None,
    fit: Fit | None = None,
    law: str | Law | None = None,
    target: float | None = None,
    narrow: str | None = None,
    flop_per_token: str = "6nd",
    draws: int = 200,
    seed: int = 0,
) -> Bought:
    """What trained runs bought: the expected interval of the answer against the achieved one.

    Args:
        runs: the trained runs.
        plan: the pilot that they were planned by, or the table ``pilot`` of its ladder file.
        fit: a fit to the runs before them, to which they are added.
        law: without plan and fit; by default that of the plan or fit.
        target: compute of the big run; the plan's, or 30 times the largest run.
        narrow: the answer; the plan's, or ``loss``.
        flop_per_token: of the target.
        draws: refits for the interval by draws.
        seed: of the draws.

    Raises:
        InputError: neither plan nor fit is given, or the runs do not fit to those of the fit.
        EvidenceError: the runs cannot carry the fit, or the law has no optimum at the target.
    """
    told = expectations(plan) if isinstance(plan, PilotPlan) else plan
    if told is None and fit is None:
        raise InputError(
            "what was expected is not known.",
            code="missing_argument",
            where=Where(field="plan"),
            hint="Give the pilot (--plan pilot.toml) or the fit before these runs (--fit).",
        )
    narrow = narrow or ("loss" if told is None else str(told["narrow"]))
    count = None if told is None else _count(runs, str(told.get("n", "")))
    new = runs.points(n=count if fit is None else _same(fit.points.conventions.n))
    points = new if fit is None else _joined(fit.points, new)
    known: str | Law = fit.law if fit is not None else law or str((told or {})["law"])
    refit = fit_law(
        points,
        known,
        objective=None if fit is None else fit.objective,
        fixed=None if fit is None else fit.constraints.fixed,
        tied=() if fit is None else fit.constraints.tied,
        bounds=None if fit is None else fit.constraints.bounds,
        ci="tier",
        draws=draws,
        seed=seed,
        level=float(told["level"]) if told is not None else 0.9,
    )
    flop = target or (None if told is None else float(told["target_flop"]))
    flop = flop or REACH * float(np.max(points.flop))
    return _compared(refit, fit, told, new, flop, narrow, flop_per_token)


def read_expectations(path: str | Path) -> dict[str, Any]:
    """What a pilot expected, from its ladder file or its own.

    Raises:
        InputError: the file is neither.
    """
    if str(path).endswith(".json"):
        return expectations(PilotPlan.load(path))
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise _no_plan(path, f"the file cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _no_plan(path, f"this is no TOML: {error}.") from None
    found = document.get("pilot")
    told = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    missing = [name for name in _NEEDED if name not in told]
    if missing:
        raise _no_plan(path, f"its table [pilot] lacks {', '.join(missing)}.")
    for name in ("target_flop", "level", "half_width_expected", "answer", "noise"):
        if isinstance(told[name], bool) or not isinstance(told[name], int | float):
            raise _no_plan(path, f"its {name} is no number.")
    return told


def _no_plan(path: str | Path, message: str) -> InputError:
    return InputError(
        message,
        code="not_a_pilot",
        where=Where(file=str(path)),
        hint="isoloss pilot --budget FLOP --toml FILE writes one.",
    )


def _compared(
    refit: Fit,
    before: Fit | None,
    told: Mapping[str, Any] | None,
    new: Points,
    flop: float,
    narrow: str,
    flop_per_token: str,
) -> Bought:
    rule = flop_rule(flop_per_token, refit.points)
    held = from_fit(refit)
    z = NormalDist().inv_cdf(0.5 + refit.level / 2)
    question = ask(held, narrow, flop, rule=rule)
    achieved = z * question.standard_error(question.known(held, drift=False))
    if told is not None:
        value, noise = float(told["answer"]), float(told["noise"])
        expected = float(told["half_width_expected"])
        first = float(told.get("half_width_before", math.inf))
    else:
        assert before is not None
        old = from_fit(before)
        asked = ask(old, narrow, flop, rule=rule)
        known = asked.known(old, drift=False)
        rows = asked.rows(old, new.params, new.tokens, new.flop, drift=False)
        value, noise = asked.value, old.noise
        first = z * asked.standard_error(known)
        expected = z * asked.standard_error(known + rows @ rows.T)
    ends = answers(held, question, refit.draws, rule)
    found = spread(question.value, ends, refit.level)
    inside, groups = _minima(new)
    others = _by_others(refit, narrow, flop, rule)
    return Bought(
        narrow=narrow,
        target_flop=flop,
        expected=around(question, expected, refit.level, value),
        found=found,
        half_width={
            "before": first,
            "expected": expected,
            "achieved": achieved,
            "draws": _half(found, question),
        },
        noise={"expected": noise, "achieved": held.noise},
        others=others,
        minima_inside=inside,
        groups=groups,
        law=refit.law.name,
        status=refit.status,
        status_message=refit.status_message,
        conventions=refit.points.conventions.to_dict(),
        level=refit.level,
        n_runs=refit.n_runs,
        n_new=len(new),
        seed=refit.seed,
        data_hash=refit.points.data_hash,
        warnings=(*refit.warnings, *_apart(refit.law.name, others, found, achieved, question)),
    )


def _by_others(refit: Fit, narrow: str, flop: float, rule: FlopRule) -> dict[str, float]:
    """The answer by other laws on the same runs; without those that cannot give one."""
    told: dict[str, float] = {}
    for name in OTHERS:
        if name == refit.law.name:
            continue
        try:
            held = from_fit(fit_law(refit.points, name, objective=refit.objective, ci="none"))
            told[name] = ask(held, narrow, flop, rule=rule).value
        except EvidenceError:
            continue
    return told


def _apart(
    law: str, others: Mapping[str, float], found: Quantity, half: float, question: Question
) -> Iterator[Notice]:
    """Say where another law lies outside both intervals: then neither holds."""
    ends = around(question, half, found.level)
    low, high = np.fmin(ends.lo, found.lo), np.fmax(ends.hi, found.hi)
    outside = [name for name, value in others.items() if not low <= value <= high]
    if outside:
        message = (
            f"{' and '.join(outside)} put the answer outside these intervals: at this distance "
            "the law decides more than the runs do. Backtest before believing any: isoloss "
            f"backtest RUNS --law {','.join((law, *outside))}."
        )
        yield Notice("laws_disagree", message)


def _half(found: Quantity, question: Question) -> float:
    """Half the width of an interval, of the logarithm where half widths are."""
    with np.errstate(all="ignore"):
        ends = np.array([found.lo, found.hi])
        ends = np.log(ends) if question.is_relative else ends
        return float(ends[1] - ends[0]) / 2


def _minima(points: Points) -> tuple[int, int]:
    """How many tiers have their lowest loss inside, of those with three sizes or more."""
    inside = groups = 0
    for tier in np.unique(points.tier):
        here = points.tier == tier
        sizes = np.unique(points.params[here])
        if len(sizes) < 3:
            continue
        groups += 1
        lowest = points.params[here][np.argmin(points.loss[here])]
        inside += int(sizes[0] < lowest < sizes[-1])
    return inside, groups


def _count(runs: Runs, wanted: str) -> str | None:
    """The count that the pilot meant by N, where the runs have it."""
    return wanted if wanted in PARAM_COUNTS and f"n_{wanted}" in runs.frame.columns else None


def _same(n: str) -> str | None:
    return n if n in PARAM_COUNTS else None


def _joined(old: Points, new: Points) -> Points:
    """The runs of a fit and new ones, each run once."""
    if old.conventions.n != new.conventions.n or (
        old.conventions.loss_unit != new.conventions.loss_unit
    ):
        raise InputError(
            f"the runs of the fit have N = {old.conventions.n} and losses in "
            f"{old.conventions.loss_unit}, the new ones {new.conventions.n} and "
            f"{new.conventions.loss_unit}.",
            code="mixed_conventions",
            where=Where(field="runs"),
            hint="Read both alike: --n, --loss-unit.",
        )
    fresh = new.take(np.array([name not in set(old.run_id) for name in new.run_id]))
    if not len(fresh):
        raise InputError(
            "all of these runs are in the fit already.",
            code="no_new_runs",
            where=Where(field="runs"),
            hint="Give the fit from before the pilot.",
        )
    pairs = {
        name: np.concatenate([getattr(old, name), getattr(fresh, name)])
        for name in ("params", "tokens", "flop", "loss", "unique_tokens")
    }
    return replace(
        old,
        run_id=(*old.run_id, *fresh.run_id),
        **pairs,
        tier=compute_tiers(pairs["flop"]),
        columns=MappingProxyType({}),
        codes=MappingProxyType({}),
        data_hash=hashlib.sha256(f"{old.data_hash}{fresh.data_hash}".encode()).hexdigest(),
    )
