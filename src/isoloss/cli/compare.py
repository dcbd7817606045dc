"""``isoloss compare``: laws side by side on the runs that they have not seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from isoloss.cli.backtest import split_names, target_of
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
    number,
    placed,
)
from isoloss.cli.targets import check_target
from isoloss.cli.text import footer

if TYPE_CHECKING:
    from isoloss.validation import Comparison


def compare(
    *runs: str,
    law: str = "all",
    by: str = "tier",
    at: str | None = None,
    target: str | None = None,
    objective: str = "huber",
    delta: Amount | None = None,
    ci: str = "tier",
    draws: Draws = 200,
    seed: Seed = 0,
    jobs: Jobs | None = None,
    save: str | None = None,
    means: MeansOptions = MEANS,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> None:
    """Compare laws by their error on held-out runs, and weigh them into one prediction.

    Each law is fitted below the cuts of a backtest and held against the runs above them.

    Args:
        runs: Files, folders or patterns: CSV, TSV, Parquet, JSON lines.
        law: Laws with commas between them, or all for those that the runs can carry.
        by: What orders the runs: tier, params, tokens or column:NAME.
        at: Where to cut, such as 3e19,1e20; up to eight cuts between groups by default.
        target: Compute at which the backtest follows the answer; 30 times the largest run by
            default.
        objective: Cost of a residual in log loss: huber, squared, student, quantile, quantile:0.1.
        delta: Where huber and quantile turn from square to linear, in log loss; 1e-3 by default.
        ci: How intervals are made: tier, run, tier-cases, column:NAME.
        draws: Refits per law and cut.
        seed: Seed of the draws: same seed, same digits, for any number of jobs.
        jobs: Threads; by default one per core, at most eight.
        save: Also write the comparison to this JSON file.
        means: What device-hours, days or money of the target buy.
        reading: How the tables are read.
        output: How the answer is written.
    """
    from isoloss.fitting.findings import notices_about
    from isoloss.validation import compare as compare_laws

    if save is not None:
        check_target(save, "isoloss.comparison", runs)
    table = reading.read(runs)
    with placed("--target"):
        flop = None if target is None else target_of(target, means)
    with output.working("fitting all laws and predicting ..."):
        found = compare_laws(
            table,
            "all" if law == "all" else split_names(law, "--law"),
            by=by,
            at=None if at is None else [number(x, "--at") for x in split_names(at, "--at")],
            target=flop,
            objective=parse_objective(objective, delta),
            ci=ci,
            draws=draws,
            seed=seed,
            jobs=jobs,
        )
    found = replace(found, notes=(*found.notes, *notices_about(table)))
    if save is not None:
        found.save(save)
        output.note(f"-> {save}")
    output.give(text=lambda: report(found), document=found.to_dict)


def report(found: Comparison) -> str:
    """A comparison as text, with what is needed to find it again."""
    return f"{found.summary()}\n{footer(found.data_hash, found.backtest.seed)}"
