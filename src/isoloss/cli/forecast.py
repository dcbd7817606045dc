"""``isoloss forecast``: the loss of other runs, with intervals that count the law's own error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from isoloss.cli.backtest import split_names
from isoloss.cli.options import OUTPUT, Amount, Draws, Jobs, Output, Seed
from isoloss.cli.points import asked_points, usable_fit
from isoloss.cli.targets import check_target
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.fitting import Fit
    from isoloss.validation import Forecast


def forecast(
    fit: str,
    /,
    *,
    points: str | None = None,
    n: Amount | None = None,
    d: Amount | None = None,
    u: Amount | None = None,
    c: Amount | None = None,
    s: Amount | None = None,
    plan: str | None = None,
    backtest: str | None = None,
    laws: str | None = None,
    draws: Draws | None = None,
    seed: Seed | None = None,
    jobs: Jobs | None = None,
    map: list[str] | None = None,
    scale: list[str] | None = None,
    save: str | None = None,
    output: Output = OUTPUT,
) -> None:
    """Predict the loss of other runs, with intervals that hold even if the law is not quite right.

    A backtest of several laws says how wrong such predictions were before. Exits with 3 where the
    runs have too few compute tiers to say it.

    Args:
        fit: A fit that isoloss fit --save wrote.
        points: A table with one run per row, with columns such as params and tokens.
        n: Parameters N, such as 7B.
        d: Training tokens D, such as 1.4T.
        u: Distinct tokens U among them; by default all of D.
        c: Compute C in FLOP, for laws in C; by default 6 N D.
        s: Optimiser steps S, for laws in S.
        plan: A plan that isoloss plan --save wrote, for its N, D and U.
        backtest: What isoloss backtest --save wrote, of the same runs and with the law of the fit;
            by default one is made.
        laws: Laws with commas between them that the backtest tries beside that of the fit, or all
            for those that the runs can carry; by default chinchilla, coupled, gadre and kaplan.
        draws: Refits per law and cut of the backtest; 200 by default.
        seed: Seed of the backtest; 0 by default.
        jobs: Threads; by default one per core, at most eight.
        map: Say what a column of the table is, NAME=CANONICAL; repeatable.
        scale: Multiply a column of the table, NAME=FACTOR; repeatable.
        save: Also write the forecast to this JSON file.
        output: How the answer is written.
    """
    from isoloss.validation import Backtest
    from isoloss.validation import forecast as make_forecast

    if save is not None:
        check_target(save, "isoloss.forecast", [fit])
    made = {"--laws": laws, "--draws": draws, "--seed": seed}
    for option, value in made.items():
        if backtest is not None and value is not None:
            raise InputError(
                f"{option} is for a backtest that is made here, and one is given.",
                code="conflicting_options",
                where=Where(field=option),
                hint="Keep one of the two.",
            )
    found = usable_fit(fit)
    typed = {"N": n, "D": d, "U": u, "C": c, "S": s}
    if plan is not None:
        typed = _of_plan(plan, found, typed, points)
    x, notices = asked_points(found, typed, points, map or [], scale or [])
    with output.working("fitting below cuts and predicting ..."):
        expected = make_forecast(
            found,
            x,
            laws=laws if laws in (None, "all") else split_names(laws, "--laws"),
            backtest=None if backtest is None else Backtest.load(backtest),
            draws=200 if draws is None else draws,
            seed=seed or 0,
            jobs=jobs,
        )
    expected = replace(expected, warnings=(*expected.warnings, *notices))
    if save is not None:
        expected.save(save)
        output.note(f"-> {save}")
    output.give(text=lambda: report(expected), document=expected.to_dict)


def _of_plan(
    path: str, found: Fit, typed: Mapping[str, float | None], points: str | None
) -> dict[str, float | None]:
    """The variables of a planned run.

    Raises:
        InputError: there is no plan, it is of other runs or another law, or points are given too.
    """
    from isoloss.planning import Plan

    if points is not None or any(value is not None for value in typed.values()):
        raise InputError(
            "a plan and other points are given, where one of them is expected.",
            code="conflicting_options",
            where=Where(field="--plan"),
            hint="Keep --plan, or --n and --d, or --points.",
        )
    planned = Plan.load(path)
    if planned.data_hash != found.points.data_hash or planned.formula != found.law.formula:
        raise InputError(
            f"the plan is by {planned.law} of other runs, or by another law than the fit "
            f"({found.law.name}).",
            code="other_fit",
            where=Where(file=path),
            hint="Plan again from this fit.",
        )
    tokens, unique = planned.tokens.estimate, planned.unique_tokens
    known = {"N": planned.n_params.estimate, "D": tokens, "C": planned.flop}
    known["U"] = tokens if unique is None else min(unique, tokens)
    return {name: known.get(name) for name in found.law.variables}


def report(expected: Forecast) -> str:
    """A forecast as text, with what is needed to find it again."""
    return f"{expected.summary()}\n{footer(expected.data_hash, expected.seed)}"
