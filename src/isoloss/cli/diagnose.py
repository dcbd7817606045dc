"""``isoloss diagnose``: what a law misses, what the runs leave open, what the answer hangs on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from isoloss.cli.backtest import source_of, target_of
from isoloss.cli.fit import parse_objective
from isoloss.cli.means import MEANS, MeansOptions
from isoloss.cli.options import (
    OUTPUT,
    READING,
    Amount,
    Draws,
    Jobs,
    Output,
    Reading,
    Seed,
    placed,
)
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.fitting import Fit, Notice
    from isoloss.runs import Runs
    from isoloss.validation import Diagnosis, Identifiability, Sensitivity

BUDGET_FREE = "the runs have no compute, so nothing is said of what they leave open"


def diagnose(
    *runs: str,
    law: str | None = None,
    column: list[str] | None = None,
    target: str | None = None,
    budget: str | None = None,
    sensitivity: bool = False,
    objective: str | None = None,
    delta: Amount | None = None,
    ci: str | None = None,
    draws: Draws = 200,
    seed: Seed = 0,
    jobs: Jobs | None = None,
    means: MeansOptions = MEANS,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> None:
    """Say what a law misses, which runs decide, what they leave open, and which run to add.

    Args:
        runs: Files, folders or patterns: CSV, TSV, Parquet, JSON lines; or one fit that isoloss
            fit --save wrote.
        law: A name or a formula; chinchilla by default.
        column: Hold residuals against this numeric column too; repeatable.
        target: Compute of the answer, such as 1e24; 30 times the largest run by default.
        budget: Compute for further runs, such as 1e20; that of the largest run by default.
        sensitivity: Also refit under other choices, one at a time: delta, the counts of N and
            FLOP, without each tier, other laws.
        objective: Cost of a residual in log loss: huber, squared, student, quantile, quantile:0.1.
        delta: Where huber and quantile turn from square to linear, in log loss; 1e-3 by default.
        ci: How intervals are made: tier (the default), run, tier-cases, column:NAME, none.
        draws: Refits for the intervals.
        seed: Seed of the draws: same seed, same digits, for any number of jobs.
        jobs: Threads; by default one per core, at most eight.
        means: What device-hours, days or money of the target buy.
        reading: How the tables are read.
        output: How the answer is written.
    """
    from isoloss.fitting import Fit, fit
    from isoloss.validation import diagnose as diagnose_fit
    from isoloss.validation import identify
    from isoloss.validation import sensitivity as vary

    source = source_of(runs, reading)
    settled = [law, objective, delta, ci]
    if isinstance(source, Fit) and any(value is not None for value in settled):
        raise InputError(
            "law, objective and intervals are settled in a fit.",
            code="conflicting_options",
            where=Where(file=runs[0]),
            hint="Give the table of runs instead of the fit.",
        )
    with placed("--target"):
        flop = None if target is None else target_of(target, means)
    with placed("--budget"):
        allowed = None if budget is None else target_of(budget, means)
    with output.working("fitting and looking at residuals ..."):
        found = (
            source
            if isinstance(source, Fit)
            else fit(
                source,
                law or "chinchilla",
                objective=parse_objective(objective or "huber", delta),
                ci=ci or "tier",
                draws=draws,
                seed=seed,
                jobs=jobs,
            )
        )
        told = diagnose_fit(found, columns=column or (), target=flop, jobs=jobs)
        told = replace(told, warnings=(*told.warnings, *_about(source)))
        known = told.target_flop == told.target_flop
        left = identify(found, target=flop, budget=allowed) if known else None
        forest = None
        if sensitivity:
            forest = vary(
                found.points if isinstance(source, Fit) else source,
                found.law,
                target=flop,
                objective=found.objective,
                ci=found.ci,
                draws=min(draws, 100),
                seed=found.seed,
                jobs=jobs,
            )
    output.give(
        text=lambda: report(told, left, forest), document=lambda: document(told, left, forest)
    )


def report(told: Diagnosis, left: Identifiability | None, forest: Sensitivity | None) -> str:
    """All parts as text, with what is needed to find them again."""
    parts = [part.summary() for part in (told, left, forest) if part is not None]
    if left is None:
        parts.append(f"  - {BUDGET_FREE}.")
    return "\n".join([*parts, footer(told.data_hash, told.seed)])


def document(
    told: Diagnosis, left: Identifiability | None, forest: Sensitivity | None
) -> dict[str, Any]:
    """The document ``isoloss.diagnosis`` with the other parts inside."""
    return told.to_dict() | {
        "identifiability": None if left is None else left.to_dict(),
        "sensitivity": None if forest is None else forest.to_dict(),
    }


def _about(source: Runs | Fit) -> list[Notice]:
    from isoloss.fitting import Fit
    from isoloss.fitting.findings import notices_about

    return list(source.warnings) if isinstance(source, Fit) else notices_about(source)
