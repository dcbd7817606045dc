"""What is in a report? Everything that is written, gathered once, for all forms of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.errors import EvidenceError, InputError
from isoloss.figures import Figure, Material, find, gather
from isoloss.figures.context import flop_words
from isoloss.laws.compute import format_flop
from isoloss.planning.card import between, command_of, shown
from isoloss.report.methods import Answered, checklist, environment
from isoloss.runs import format_quantity

if TYPE_CHECKING:
    from isoloss.fitting import Fit, Objective, Quantity
    from isoloss.planning.card import Card
    from isoloss.runs import Runs
    from isoloss.validation import Backtest, Diagnosis

FIGURES = ("iso-loss", "isoflop", "residuals", "backtest", "parameters")
"""The figures of a report, as far as the results carry them; ``forest`` where it was computed."""


@dataclass(frozen=True)
class Table:
    """Rows of cells.

    Attributes:
        head: names of the columns.
        rows: cells.
        numeric: which columns hold numbers.
        marked: which rows stand apart (excluded runs).
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    marked: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What the backtest says.

    Attributes:
        word: ``trust``, ``caution`` or ``refuse``.
        law: of which law.
        reasons: why, in sentences.
        table: one row per cut.
    """

    word: str
    law: str
    reasons: tuple[str, ...]
    table: Table


@dataclass(frozen=True)
class Warned:
    """A warning with where it came from."""

    source: str
    code: str
    message: str


@dataclass(frozen=True)
class Content:
    """All that a report says.

    Attributes:
        title: one line.
        facts: runs, law, conventions, in short.
        card: the decision; None without a plan.
        verdict: of the backtest; None without one.
        figures: drawn in this order.
        missing: figures that could not be made, with the reason.
        warnings: of all results, each once.
        law: name and formula.
        parameters: of the fit; None without a fit.
        runs: the table of runs; None without runs.
        n_excluded: runs in it that do not count.
        methods: the checklist; empty without a fit.
        commands: what to type to get all of it again.
        data_hash: of the runs.
        environment: versions of the software.
    """

    title: str
    facts: str
    card: Card | None
    verdict: Verdict | None
    figures: tuple[Figure, ...]
    missing: tuple[tuple[str, str], ...]
    warnings: tuple[Warned, ...]
    law: tuple[str, str] | None
    parameters: Table | None
    runs: Table | None
    n_excluded: int
    methods: tuple[Answered, ...]
    commands: tuple[str, ...]
    data_hash: str
    environment: str

    @property
    def n_open(self) -> int:
        """Questions of the checklist that the results leave open."""
        return sum(not answered.known for answered in self.methods)


def collect(*results: Any, figures: Sequence[str] | None = None) -> Content:
    """Everything that these results say.

    Args:
        results: a fit, a plan, a backtest, runs, ..., at most one of each.
        figures: names of the figures to draw; by default those of ``FIGURES`` that can be made.

    Raises:
        InputError: nothing to report, results that are not of the same runs, or no such figure.
    """
    material = gather(results)
    fit, plan, backtest, runs = material.fit, material.plan, material.backtest, material.runs
    if fit is None and plan is None and backtest is None:
        raise InputError(
            "there is nothing to report: a fit, a plan or a backtest is expected.",
            code="nothing_to_report",
            hint="isoloss fit RUNS --save fit.json makes a fit; isoloss report fit.json -o "
            "report.html reports it.",
        )
    _require_same_runs(material)
    diagnosis = material.diagnosis or (_diagnose(fit) if fit is not None else None)
    drawn, missing = _figures(material, diagnosis, figures)
    return Content(
        title=_title(material),
        facts=_facts(material),
        card=_card(material),
        verdict=_verdict(backtest) if backtest is not None else None,
        figures=drawn,
        missing=missing,
        warnings=tuple(_warnings(material, diagnosis)),
        law=(fit.law.name, fit.law.formula) if fit is not None else None,
        parameters=_parameters(fit) if fit is not None else None,
        runs=_runs_table(runs, fit),
        n_excluded=0 if runs is None else len(runs) - len(runs.ok()),
        methods=checklist(fit, runs, plan, backtest, diagnosis) if fit is not None else (),
        commands=tuple(_commands(material)),
        data_hash=_hash(material) or "",
        environment=environment(),
    )


def _require_same_runs(material: Material) -> None:
    """Refuse to set results of different runs side by side as if they were one study.

    Raises:
        InputError: they are of different runs or laws.
    """
    hashes: dict[str, str] = {}
    if material.fit is not None:
        hashes["fit"] = material.fit.points.data_hash
    for name in ("plan", "backtest", "runs"):
        found = getattr(getattr(material, name), "data_hash", None)
        if found:
            hashes[name] = found
    if len(set(hashes.values())) > 1:
        listed = ", ".join(f"{name} {text[:12]}" for name, text in hashes.items())
        raise InputError(
            f"these results are not of the same runs ({listed}).",
            code="different_runs",
            hint="Make all of them from one table, read with the same options.",
        )
    fit, plan = material.fit, material.plan
    if fit is not None and plan is not None and plan.formula != fit.law.formula:
        raise InputError(
            f"the plan is by {plan.law}, and the fit is of {fit.law.name}.",
            code="different_laws",
            hint="Plan with this fit: isoloss plan BUDGET --fit fit.json --save plan.json.",
        )


def _diagnose(fit: Fit) -> Diagnosis | None:
    from isoloss.validation import diagnose

    try:
        return diagnose(fit)
    except (EvidenceError, InputError):
        return None  # a fit without a residual to spare has none to diagnose


def _figures(
    material: Material, diagnosis: Diagnosis | None, names: Sequence[str] | None
) -> tuple[tuple[Figure, ...], tuple[tuple[str, str], ...]]:
    material = replace(material, diagnosis=diagnosis)
    chosen = list(names if names is not None else FIGURES)
    if names is None and material.sensitivity is not None:
        chosen.append("forest")
    drawn: list[Figure] = []
    missing: list[tuple[str, str]] = []
    for name in chosen:
        entry = find(name)
        lacks = entry.lacks(material)
        if lacks:
            if names is not None:
                missing.append((entry.title, f"needs {' and '.join(lacks)}".replace("|", " or ")))
            continue
        try:
            drawn.append(entry.build(material))
        except (EvidenceError, InputError) as error:
            missing.append((entry.title, error.message))
    return tuple(drawn), tuple(missing)


def _card(material: Material) -> Card | None:
    """The decision card; what a backtest has measured need not be measured any more."""
    if material.plan is None:
        return None
    card = material.plan.card()
    if material.backtest is None:
        return card
    notes = tuple(note for note in card.would_change if note.code != "drift_not_measured")
    return replace(card, would_change=notes)


def _title(material: Material) -> str:
    if material.plan is not None:
        return f"What to train with {flop_words(material.plan.flop)} FLOP"
    if material.fit is not None:
        return f"{material.fit.law.name} fitted to {material.fit.n_runs} runs"
    assert material.backtest is not None
    return f"Backtest of {', '.join(material.backtest.laws)}"


def _facts(material: Material) -> str:
    if material.fit is not None:
        fit = material.fit
        unit = fit.points.conventions.loss_unit
        return f"{fit.law.name} on {fit.n_runs} runs in {fit.n_tiers} compute tiers, loss in {unit}"
    if material.plan is not None:
        return f"by {material.plan.law}, {material.plan.source or 'a fit that is not given here'}"
    assert material.backtest is not None
    return f"{material.backtest.n_runs} runs, {len(material.backtest.cuts)} cuts"


def _warnings(material: Material, diagnosis: Diagnosis | None) -> Iterator[Warned]:
    """Every warning of every result, each message once."""
    seen: set[str] = set()
    found: list[tuple[str, str, str]] = []
    for source, result in (("plan", material.plan), ("fit", material.fit)):
        if result is not None:
            found += [(source, notice.code, notice.message) for notice in result.warnings]
    if material.backtest is not None:
        best = material.backtest.best
        said = (*material.backtest.findings[best], *material.backtest.notes)
        found += [("backtest", finding.code, finding.message) for finding in said]
    if diagnosis is not None:
        found += [("residuals", notice.code, notice.message) for notice in diagnosis.warnings]
    if material.runs is not None:
        found += [
            ("runs", problem.code, problem.message)
            for problem in material.runs.problems
            if problem.severity != "info"
        ]
    for source, code, message in found:
        if message not in seen:
            seen.add(message)
            yield Warned(source, code, message)


def _parameters(fit: Fit) -> Table:
    rows: list[tuple[str, ...]] = []
    for parameter in fit.law.parameters:
        quantity = fit.parameters[parameter.name]
        rows.append((parameter.name, parameter.meaning, *_cells(quantity)))
    names = {"n_opt": "exponent of N* ∝ C^a", "d_opt": "exponent of D* ∝ C^b"}
    for name, quantity in fit.exponents.items():
        rows.append(({"n_opt": "a", "d_opt": "b"}[name], names[name], *_cells(quantity)))
    level = f"{fit.level:.0%} interval".replace("%", " %")
    return Table(
        ("parameter", "meaning", "estimate", level), tuple(rows), (False, False, True, True)
    )


def _cells(quantity: Quantity) -> tuple[str, str]:
    if quantity.lo == quantity.hi:
        return f"{quantity.estimate:.4g}", "held"
    if math.isnan(quantity.lo):
        return f"{quantity.estimate:.4g}", "none"
    return f"{quantity.estimate:.4g}", f"{quantity.lo:.4g} to {quantity.hi:.4g}"


def _verdict(backtest: Backtest) -> Verdict:
    law = backtest.best
    rows: list[tuple[str, ...]] = []
    for cut, drift in zip([*backtest.cuts, None], backtest.drift[law], strict=True):
        score = None if cut is None else cut.laws[law]
        errors = ("", "", "")
        if score is not None and score.error.size:
            held = score.coverage.get(0.9, math.nan)
            errors = (
                f"{score.bias:+.2%}".replace("-", "−").replace("%", " %"),
                f"{score.mean_abs_rel_error:.2%}".replace("%", " %"),
                f"{held:.0%}".replace("%", " %"),
            )
        size = drift.answer.n_params if drift.answer is not None else None
        known = math.isfinite(drift.fit_up_to_flop)
        rows.append(
            (
                "all runs" if cut is None else _up_to(cut.at, backtest.by),
                str(drift.n_fit),
                "" if cut is None else str(cut.n_held_out),
                *errors,
                "none" if size is None else shown(size.estimate),
                "" if size is None else between(size),
            )
            if known or cut is not None
            else ("all runs", str(drift.n_fit), "", *errors, "none", "")
        )
    head = (
        *("fitted up to", "runs", "held out", "bias", "mean error", "inside 90 %"),
        *(f"N* at {flop_words(backtest.target_flop)} FLOP", "interval"),
    )
    return Verdict(
        backtest.verdict,
        law,
        backtest.reasons,
        Table(head, tuple(rows), (False, True, True, True, True, True, True, True)),
    )


def _up_to(value: float, by: str) -> str:
    return f"{flop_words(value)} FLOP" if by == "tier" else shown(value)


def _runs_table(runs: Runs | None, fit: Fit | None) -> Table | None:
    """All runs with their place and residual; those that do not count with the reason."""
    if fit is None and runs is None:
        return None
    residual = _residuals(fit)
    if runs is None:
        assert fit is not None
        points = fit.points
        rows = [
            (name, *map(_amount, (n, d)), _flop(c), f"{y:.4g}", residual.get(name, ""))
            for name, n, d, c, y in zip(
                points.run_id, points.params, points.tokens, points.flop, points.loss, strict=True
            )
        ]
        return Table(
            ("run", "N", "D", "C (FLOP)", "loss", "loss / law − 1"),
            tuple(rows),
            (False, True, True, True, True, True),
        )
    frame = runs.frame
    column = runs.conventions.n_column
    cells: list[tuple[str, ...]] = []
    marked: list[bool] = []
    order = {"excluded": 0, "ok": 1}
    listed = sorted(frame.iter_rows(named=True), key=lambda row: order.get(row["status"], 1))
    for row in listed:
        out = row["status"] != "ok"
        name = str(row["run_id"])
        cells.append(
            (
                name,
                *(_amount(row.get(key)) for key in (column, "tokens")),
                _flop(row.get("flop")),
                f"{row['loss']:.4g}" if _is_number(row.get("loss")) else "",
                "" if out else residual.get(name, ""),
                f"excluded: {row.get('reason') or 'no reason given'}" if out else "counts",
            )
        )
        marked.append(out)
    return Table(
        ("run", "N", "D", "C (FLOP)", "loss", "loss / law − 1", "status"),
        tuple(cells),
        (False, True, True, True, True, True, False),
        tuple(marked),
    )


def _residuals(fit: Fit | None) -> dict[str, str]:
    if fit is None:
        return {}
    excess = 100 * np.expm1(fit.residuals)
    return {
        name: f"{value:+.2f} %".replace("-", "−")
        for name, value in zip(fit.points.run_id, excess, strict=True)
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _amount(value: Any) -> str:
    return format_quantity(float(value)) if _is_number(value) else ""


def _flop(value: Any) -> str:
    return flop_words(float(value)) if _is_number(value) and value > 0 else ""


def _hash(material: Material) -> str | None:
    if material.fit is not None:
        return material.fit.points.data_hash
    if material.plan is not None:
        return material.plan.data_hash
    return None if material.backtest is None else material.backtest.data_hash


def _commands(material: Material) -> Iterator[str]:
    """What to type to get these results again, in order."""
    fit, plan, backtest = material.fit, material.plan, material.backtest
    table = "RUNS"
    if material.runs is not None and material.runs.source:
        # A name alone: where the file lay is nobody's business.
        table = PurePath(material.runs.source).name
    files: list[str] = []
    if fit is not None:
        yield _fit_command(fit, table)
        files.append("fit.json")
    if plan is not None:
        again = plan.card().command.replace("FIT.json", "fit.json")
        yield f"{again} --save plan.json"
        files.append("plan.json")
    if backtest is not None:
        same = fit is not None and fit.points.data_hash == backtest.data_hash
        yield command_of(
            "backtest",
            "fit.json" if same else table,
            law=",".join(backtest.laws),
            target=_flop_word(backtest.target_flop),
            by=None if backtest.by == "tier" else backtest.by,
            flop_per_token=None if backtest.flop_per_token == "6nd" else backtest.flop_per_token,
            ci=backtest.ci,
            draws=backtest.draws,
            seed=backtest.seed,
            save="backtest.json",
        )
        files.append("backtest.json")
    if material.runs is not None:
        files.append(table)
    yield command_of("report", *files, out="report.html")


def _flop_word(flop: float) -> str | None:
    """Compute as it is typed, with an exponent, to the last digit; None where there is none."""
    if not math.isfinite(flop):
        return None
    short = format_flop(flop)
    return short if float(short) == flop else repr(flop)


def _fit_command(fit: Fit, table: str) -> str:
    from isoloss.laws import LAWS

    read = _without_folders(fit.reading) or (table,)
    parts = command_of(
        "fit",
        *read,
        law=fit.law.name if fit.law.name in LAWS else fit.law.formula,
        **_objective_options(fit.objective),
        ci=fit.ci,
        draws=len(fit.draws) or None,
        level=fit.level,
        seed=fit.seed,
    )
    parts += "".join(f" --fix {name}={value!r}" for name, value in fit.constraints.fixed.items())
    parts += "".join(f" --tie {a}={b}" for a, b in fit.constraints.tied)
    parts += "".join(
        f" --bound {name}={lo!r}:{hi!r}" for name, (lo, hi) in fit.constraints.bounds.items()
    )
    return f"{parts} --save fit.json"


def _without_folders(words: Sequence[str]) -> tuple[str, ...]:
    """How runs were read, files by their names alone: where they lay is nobody's business."""
    first = next((i for i, word in enumerate(words) if word.startswith("--")), len(words))
    return (*(PurePath(word).name for word in words[:first]), *words[first:])


def _objective_options(objective: Objective) -> dict[str, object]:
    """How an objective is said on the command line."""
    from isoloss.fitting import Huber, Quantile, StudentT

    if isinstance(objective, Huber):
        return {"objective": "huber", "delta": objective.delta}
    if isinstance(objective, Quantile):
        return {"objective": f"quantile:{objective.q:g}", "delta": objective.delta}
    return {"objective": "student" if isinstance(objective, StudentT) else "squared"}
