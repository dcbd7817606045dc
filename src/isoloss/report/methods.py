"""The methods section: every question of the (Mis)Fitting checklist, answered from the results.

Li et al. 2025 (arXiv 2502.18969) found that most papers on scaling laws leave out what is needed to
fit them again. What the results do not say is shown as open, with how to record it.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.figures.context import FLOP_WORDS, count_words, interval_words, sentence
from isoloss.figures.context import flop_words as power_words
from isoloss.runs import format_quantity
from isoloss.version import __version__

if TYPE_CHECKING:
    from isoloss.fitting import Fit
    from isoloss.planning import Plan
    from isoloss.runs import Runs
    from isoloss.validation import Backtest, Diagnosis

FORM, COUNTING, DATA = "Question and form", "Counting and units", "Runs"
FITTING, VALIDATION, AGAIN = "Fitting", "Validation", "Reproduction"
GROUPS = (FORM, COUNTING, DATA, FITTING, VALIDATION, AGAIN)
_SHOWN = 4  # values of a column that are listed
_COLUMNS = {
    "dataset": "Training data",
    "tokenizer": "Tokenizer",
    "eval_set": "Data on which the loss is measured",
    "optimizer": "Optimiser of the runs",
    "lr_schedule": "Learning-rate schedule",
}


@dataclass(frozen=True)
class Answered:
    """One question of the checklist.

    Attributes:
        group: which part of the methods it belongs to.
        question: what a reader asks.
        answer: what the results say, or how to record it where they do not.
        known: whether they say it.
    """

    group: str
    question: str
    answer: str
    known: bool = True


def checklist(
    fit: Fit,
    runs: Runs | None = None,
    plan: Plan | None = None,
    backtest: Backtest | None = None,
    diagnosis: Diagnosis | None = None,
) -> tuple[Answered, ...]:
    """All questions with their answers, group by group.

    Args:
        fit: the fit.
        runs: the table that it was made from.
        plan: a plan by it.
        backtest: of its law.
        diagnosis: of its residuals.
    """
    return (
        *_form(fit, plan, backtest),
        *_counting(fit, plan),
        *_data(fit, runs),
        *_fitting(fit),
        *_validation(fit, plan, backtest, diagnosis),
        *_again(fit),
    )


def percent(share: float, digits: int = 2) -> str:
    """A share as people write it: ``0.83 %``."""
    return f"{100 * share:.{digits}f} %"


def _form(fit: Fit, plan: Plan | None, backtest: Backtest | None) -> Iterator[Answered]:
    target = plan.flop if plan is not None else backtest.target_flop if backtest else None
    asked = "how the loss depends on " + " and ".join(fit.law.variables)
    if target is not None:
        asked = (
            f"which N and D reach the lowest loss with {power_words(target)} FLOP, and that loss"
        )
    yield Answered(FORM, "What is asked?", sentence(asked))
    where = "; ".join(f"{name} = {text}" for name, text in fit.law.where.items())
    also = f", where {where}" if where else ""
    reference = f" ({fit.law.reference})" if fit.law.reference else ""
    yield Answered(
        FORM, "Which form has the law?", f"{fit.law.name}: L = {fit.law.formula}{also}{reference}."
    )
    free = [name for name in fit.law.names if name not in fit.constraints.fixed]
    yield Answered(
        FORM,
        "Which parameters are fitted?",
        f"{len(free)} of {len(fit.law.names)}: {', '.join(free)}.",
    )


def _counting(fit: Fit, plan: Plan | None) -> Iterator[Answered]:
    meaning = fit.points.conventions
    yield Answered(
        COUNTING,
        "What does N count?",
        f"{meaning.n}: {count_words(meaning)}.",
        known=meaning.n != "params",
    )
    yield Answered(
        COUNTING, "What does D count?", "Tokens seen in training, repeated ones each time."
    )
    rule = FLOP_WORDS.get(meaning.flop, meaning.flop)
    planned = ""
    if plan is not None and plan.conventions["flop"] != meaning.flop:
        planned = f" The plan counts {FLOP_WORDS.get(plan.conventions['flop'], 'likewise')}."
    yield Answered(
        COUNTING,
        "How is compute counted?",
        f"{sentence(rule)}{planned}",
        known=meaning.flop != "given",
    )
    yield Answered(COUNTING, "In which unit is the loss?", f"{meaning.loss_unit}.")


def _data(fit: Fit, runs: Runs | None) -> Iterator[Answered]:
    points = fit.points
    excluded = ""
    if runs is not None:
        out = len(runs) - len(runs.ok())
        excluded = f"; {out} more are excluded, each with its reason in the table of runs"
    yield Answered(
        DATA, "How many runs?", f"{fit.n_runs} in {fit.n_tiers} compute tiers{excluded}."
    )
    spans = [
        f"{name} {format_quantity(float(v.min()))} to {format_quantity(float(v.max()))}"
        for name, v in (("N", points.params), ("D", points.tokens))
        if np.all(np.isfinite(v))
    ]
    if np.all(np.isfinite(points.flop)):
        low, high = (power_words(float(end(points.flop))) for end in (np.min, np.max))
        spans.append(f"C {low} to {high} FLOP")
    ratio = points.tokens / points.params
    if np.all(np.isfinite(ratio)):
        spans.append(f"D/N {ratio.min():.3g} to {ratio.max():.3g}")
    yield Answered(DATA, "Over which range?", f"{'; '.join(spans)}.")
    for column, question in _COLUMNS.items():
        yield _column(runs, column, question)
    yield _settings(points.columns)
    undecayed = _undecayed(runs)
    yield Answered(DATA, "Which checkpoint of a run counts?", undecayed, known=runs is not None)


def _column(runs: Runs | None, column: str, question: str) -> Answered:
    """The values of a text column, or that it is not there."""
    if runs is not None and column in runs.frame.columns:
        values = runs.ok().frame[column].drop_nulls().cast(str).unique(maintain_order=True)
        listed = [str(value) for value in values.to_list()]
        if listed:
            more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
            return Answered(DATA, question, f"{', '.join(listed[:_SHOWN])}{more}.")
    way = f"a column {column} in the table of runs records it"
    return Answered(DATA, question, f"Not in these files; {way}.", known=False)


def _settings(columns: Mapping[str, Any]) -> Answered:
    found = [name for name in ("lr", "batch_tokens", "warmup_tokens", "seed") if name in columns]
    said: list[str] = []
    for name in found:
        values = columns[name][np.isfinite(columns[name])]
        if values.size:
            low, high = (format_quantity(float(end(values))) for end in (np.min, np.max))
            said.append(f"{name} {low}" if low == high else f"{name} {low} to {high}")
    if said:
        return Answered(DATA, "Learning rate, batch, warm-up, seeds", f"{'; '.join(said)}.")
    way = "columns lr, batch_tokens, warmup_tokens and seed record them"
    question = "Learning rate, batch, warm-up, seeds"
    return Answered(DATA, question, f"Not in these files; {way}.", known=False)


def _undecayed(runs: Runs | None) -> str:
    if runs is None:
        return "Not in these files; report with the table of runs."
    if "lr_final_frac" in runs.frame.columns:
        return (
            "One point per run, its last; runs whose learning rate had not decayed are excluded "
            "unless they were kept on purpose."
        )
    return (
        "One point per run, as the table gives it; whether its learning rate had decayed is not "
        "recorded (column lr_final_frac)."
    )


def _fitting(fit: Fit) -> Iterator[Answered]:
    yield Answered(
        FITTING,
        "What is minimised?",
        f"The sum over runs of {fit.objective.name} of log loss minus log law; "
        f"{fit.objective_value:.8g} at the optimum.",
    )
    yield Answered(FITTING, "How are runs weighed?", "All alike.")
    yield Answered(
        FITTING,
        "By which optimiser, from where?",
        "Damped Newton steps with exact derivatives in double precision, from "
        f"{fit.n_starts} starts that variable projection proposes; {percent(fit.agreement, 0)} "
        "of them reach this optimum.",
    )
    yield Answered(
        FITTING,
        "Did it converge?",
        f"Status {fit.status}: {fit.status_message} Gradient {fit.gradient_norm:.2g} "
        f"(dimensionless), condition number {fit.condition_number:.2g}.",
    )
    held = [f"{name} = {value:g}" for name, value in fit.constraints.fixed.items()]
    held += [f"{a} = {b}" for a, b in fit.constraints.tied]
    held += [f"{lo:g} ≤ {name} ≤ {hi:g}" for name, (lo, hi) in fit.constraints.bounds.items()]
    scales = [p.name for p in fit.law.parameters if p.positive]
    positive = f" Positive by the form: {', '.join(scales)}." if scales else ""
    yield Answered(
        FITTING,
        "What is held, tied or bounded?",
        f"{'; '.join(held) or 'Nothing beyond the bounds of the law'}.{positive}",
    )


def _validation(
    fit: Fit, plan: Plan | None, backtest: Backtest | None, diagnosis: Diagnosis | None
) -> Iterator[Answered]:
    left = fit.residual_summary
    yield Answered(
        VALIDATION,
        "How well does it fit?",
        f"Residuals in log loss: rms {percent(left['rms_log'])}, median "
        f"{percent(left['median_abs_log'])}, largest {percent(left['max_abs_log'])}.",
    )
    if diagnosis is not None:
        trends = " ".join(sentence(f"it {words}") for words in diagnosis.misses)
        yield Answered(
            VALIDATION,
            "Is there structure in the residuals?",
            trends or "No trend is significant after correction for the number of variables.",
        )
    ci = fit.ci if len(fit.draws) else "none"
    yield Answered(
        VALIDATION,
        "How are intervals made?",
        sentence(interval_words(fit.level, ci, len(fit.draws) or None)),
        known=ci != "none",
    )
    yield _held_out(backtest)
    if plan is not None:
        far = plan.decades_beyond_data
        yield Answered(
            VALIDATION,
            "How far does the answer extrapolate?",
            f"{far:.1f} decades of compute beyond the largest run."
            if np.isfinite(far)
            else "Unknown: the runs have no compute.",
        )


def _held_out(backtest: Backtest | None) -> Answered:
    question = "Was it tested on runs that it had not seen?"
    if backtest is None:
        way = "isoloss backtest RUNS --save backtest.json tests it"
        return Answered(VALIDATION, question, f"Not in these files; {way}.", known=False)
    error = backtest.errors[backtest.best]
    size = f"mean error of the loss {percent(error)}, " if np.isfinite(error) else ""
    return Answered(
        VALIDATION,
        question,
        f"{len(backtest.cuts)} cuts by {backtest.by}: fitted below, held against the runs above; "
        f"{size}verdict {backtest.verdict} on {backtest.best}.",
    )


def _again(fit: Fit) -> Iterator[Answered]:
    yield Answered(AGAIN, "From which data?", f"Runs with SHA-256 {fit.points.data_hash}.")
    yield Answered(AGAIN, "With which seed?", f"{fit.seed}; the same for any number of threads.")
    yield Answered(AGAIN, "With which software?", f"{environment()}.")


def environment() -> str:
    """The software that this process runs."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "sympy"))
    return f"isoloss {__version__}, Python {platform.python_version()}, {libraries}"
