"""``isoloss data plan``, ``epochs`` and ``fit``: what to do when data are limited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isoloss.cli.backtest import split_names
from isoloss.cli.fit import THIN_EVIDENCE, parse_objective
from isoloss.cli.fit import report as fit_report
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
    pairs,
    placed,
)
from isoloss.cli.targets import check_target
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.fitting import Fit
    from isoloss.planning.data import DataPlan, EpochTable


def plan(
    budget: str,
    /,
    *,
    unique: Amount,
    fit: str | None = None,
    law: str | None = None,
    published: bool = False,
    key: str | None = None,
    flop_per_token: str = "6nd",
    price_per_1e21_flop: Amount | None = None,
    price_per_hour: Amount | None = None,
    flop_per_second: Amount | None = None,
    save: str | None = None,
    output: Output = OUTPUT,
) -> None:
    """Plan a run when only so many different tokens exist, and say what more would be worth.

    Exits with 3 where the law is known to fail: many epochs of a model far too large for its data.

    Args:
        budget: Compute in FLOP, such as 1e24 or 6.5e20.
        unique: Different tokens there are, such as 100B.
        fit: A fit of repetition or lovelace that isoloss data fit --save wrote.
        law: With --published, the law; repetition by default.
        published: Plan with published coefficients.
        key: Which published coefficients.
        flop_per_token: What a token costs: 6nd for C = 6 N D, or runs for what the runs cost.
        price_per_1e21_flop: Price of compute, to see what more tokens would be worth in money.
        price_per_hour: The same per device-hour, with --flop-per-second.
        flop_per_second: What a device does, peak times utilisation, such as 4e14.
        save: Also write the plan to this JSON file.
        output: How the answer is written.
    """
    from isoloss.laws.compute import parse_flop
    from isoloss.planning.data import plan_data

    with placed("BUDGET"):
        flop = parse_flop(budget)
    if save is not None:
        check_target(save, "isoloss.data_plan", [fit] if fit else [])
    found = plan_data(
        _source(fit, law, key, published=published),
        flop,
        unique_tokens=unique,
        key=key,
        flop_per_token=flop_per_token,
        price_per_1e21_flop=price_per_1e21_flop,
        price_per_hour=price_per_hour,
        flop_per_second=flop_per_second,
    )
    if save is not None:
        found.save(save)
        output.note(f"-> {save}")
    output.give(text=lambda: _report(found), document=found.to_dict)


def epochs(
    *,
    epochs: str = "1,2,4,8,16,40,inf",
    n: Amount | None = None,
    unique: Amount | None = None,
    fit: str | None = None,
    law: str | None = None,
    published: bool = False,
    key: str | None = None,
    output: Output = OUTPUT,
) -> None:
    """Say what it is worth to read the same tokens again: the four-epoch rule, from a law.

    Args:
        epochs: How often the tokens are read, with commas between; inf for the limit.
        n: Size of the model, such as 1B, to see losses.
        unique: The tokens that are read again, such as 20B.
        fit: A fit of repetition or lovelace that isoloss data fit --save wrote.
        law: With --published, the law; repetition by default.
        published: Use published coefficients.
        key: Which published coefficients.
        output: How the answer is written.
    """
    from isoloss.planning.data import epoch_table

    read = [
        float("inf") if text.lower() in ("inf", "endless") else number(text, "--epochs")
        for text in split_names(epochs, "--epochs")
    ]
    found = epoch_table(
        _source(fit, law, key, published=published),
        epochs=read,
        n_params=n,
        unique_tokens=unique,
        key=key,
    )
    output.give(text=lambda: _report(found), document=found.to_dict)


def fit(
    *runs: str,
    law: str = "repetition",
    base: str | None = None,
    fix: list[str] | None = None,
    objective: str = "huber",
    delta: Amount | None = None,
    ci: str = "tier",
    draws: Draws = 1000,
    seed: Seed = 0,
    jobs: Jobs | None = None,
    save: str | None = None,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> int:
    """Fit what repetition costs, on a base law that is held or with all of it free.

    Args:
        runs: Files, folders or patterns with runs that repeat data (a column unique_tokens).
        law: repetition, or lovelace where the loss of some runs rises again.
        base: Hold E, A, B, alpha and beta: a fit of chinchilla (FIT.json), or the key of published
            coefficients, such as muennighoff.
        fix: Hold a parameter, RN=5.3; repeatable.
        objective: Cost of a residual in log loss: huber, squared, student, quantile.
        delta: Where huber and quantile turn from square to linear, in log loss; 1e-3 by default.
        ci: How intervals are made: tier, run, tier-cases, column:NAME, none.
        draws: Refits for the intervals.
        seed: Seed of the draws.
        jobs: Threads; by default one per core, at most eight.
        save: Write the fit to this JSON file, for isoloss data plan and epochs.
        reading: How the tables are read.
        output: How the answer is written.
    """
    from isoloss.fitting import Fit as FitResult
    from isoloss.fitting.findings import with_findings
    from isoloss.fitting.repetition import fit_repetition

    if save is not None:
        check_target(save, "isoloss.fit", runs)
    held = FitResult.load(base) if base is not None and base.endswith(".json") else base
    table = reading.read(runs)
    with output.working(f"fitting to {len(table.ok())} runs ..."):
        found = fit_repetition(
            table,
            law,
            base=held,
            fixed={
                name: number(value, "--fix")
                for name, value in pairs(fix or [], "--fix", "RN=5.3").items()
            },
            objective=parse_objective(objective, delta),
            ci=ci,
            draws=draws,
            seed=seed,
            jobs=jobs,
        )
    found = with_findings(found, table, (*runs, *reading.words()))
    if save is not None:
        found.save(save)
    output.give(text=lambda: _fit_text(found, save), document=found.to_dict)
    return 0 if found.status in ("ok", "edge") else THIN_EVIDENCE


def _fit_text(found: Fit, saved: str | None) -> str:
    text = fit_report(found)
    if saved is None:
        return text
    return f"{text}\n  -> {saved}\n  next: isoloss data plan BUDGET --unique 100B --fit {saved}"


def _source(fit: str | None, law: str | None, key: str | None, *, published: bool) -> Fit | str:
    from isoloss.fitting import Fit as FitResult

    if fit is not None:
        if published or law is not None or key is not None:
            raise InputError(
                "a fit and published coefficients are given, where one of them is expected.",
                code="conflicting_options",
                where=Where(field="--published"),
                hint="Keep --fit, or --published.",
            )
        return FitResult.load(fit)
    if not published:
        raise InputError(
            "it is not said by which law: a fit of your runs, or published coefficients.",
            code="missing_argument",
            where=Where(field="--fit"),
            hint="Give --fit fit.json (isoloss data fit RUNS --save fit.json makes one), or "
            "--published.",
        )
    return law or "repetition"


def _report(found: DataPlan | EpochTable) -> str:
    return f"{found.summary()}\n{footer(found.data_hash, found.seed)}"
