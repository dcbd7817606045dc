"""``isoloss recipes``: two training recipes compared over sizes, tokens and compute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from isoloss.cli.fit import parse_objective
from isoloss.cli.options import OUTPUT, READING, Amount, Draws, Jobs, Output, Reading, Seed
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.validation import RecipeComparison


def recipes(
    a: str,
    b: str,
    /,
    *,
    law: str = "chinchilla",
    name_a: str | None = None,
    name_b: str | None = None,
    where_a: str | None = None,
    where_b: str | None = None,
    beyond: Amount = 10.0,
    objective: str = "huber",
    delta: Amount | None = None,
    ci: str = "tier",
    draws: Draws = 200,
    level: float = 0.9,
    seed: Seed = 0,
    jobs: Jobs | None = None,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> None:
    """Say where recipe A beats recipe B, and how much compute B needs to catch up.

    Both may come from one table: isoloss recipes runs.csv runs.csv --where-a ... --where-b ...

    Args:
        a: Runs of the one recipe.
        b: Runs of the other.
        law: The law fitted to both, in N and D.
        name_a: What to call A; its file name by default.
        name_b: What to call B.
        where_a: Of A, read only rows that meet this SQL condition.
        where_b: Of B, likewise.
        beyond: How far beyond the largest size and tokens to look, as a factor.
        objective: Cost of a residual in log loss: huber, squared, student, quantile, quantile:0.1.
        delta: Where huber and quantile turn from square to linear, in log loss; 1e-3 by default.
        ci: How intervals are made: tier, run, tier-cases, column:NAME, none.
        draws: Refits per recipe.
        level: Nominal coverage of the intervals.
        seed: Seed of the draws: same seed, same digits, for any number of jobs.
        jobs: Threads; by default one per core, at most eight.
        reading: How both tables are read.
        output: How the answer is written.
    """
    from isoloss.fitting import Notice
    from isoloss.fitting.findings import notices_about
    from isoloss.validation import compare_recipes

    if a == b and where_a == where_b:
        raise InputError(
            "both recipes are the same rows.",
            code="same_runs",
            where=Where(file=a),
            hint="Name two tables, or tell the rows apart with --where-a and --where-b.",
        )
    tables = [
        replace(reading, where=_both(reading.where, where)).read([path])
        for path, where in ((a, where_a), (b, where_b))
    ]
    names = _names((a, b), (name_a, name_b))
    with output.working("fitting both recipes ..."):
        found = compare_recipes(
            tables[0],
            tables[1],
            law,
            names=names,
            beyond=beyond,
            objective=parse_objective(objective, delta),
            ci=ci,
            draws=draws,
            level=level,
            seed=seed,
            jobs=jobs,
        )
    about = [
        Notice(notice.code, f"{name}: {notice.message}")
        for name, table in zip(names, tables, strict=True)
        for notice in notices_about(table)
    ]
    found = replace(found, warnings=(*found.warnings, *about))
    output.give(text=lambda: report(found), document=found.to_dict)


def report(found: RecipeComparison) -> str:
    """A comparison of recipes as text, with what is needed to find it again."""
    one, other = (fit.points.data_hash for fit in found.fits)
    return f"{found.summary()}\n{footer(one, found.fits[0].seed)}, against data {other[:12]}"


def _both(shared: str | None, own: str | None) -> str | None:
    given = [f"({condition})" for condition in (shared, own) if condition is not None]
    return " AND ".join(given) if given else None


def _names(paths: tuple[str, str], given: tuple[str | None, str | None]) -> tuple[str, str]:
    """What the recipes are called: as asked, by their files, or A and B where these are alike."""
    stems = tuple(Path(path).stem for path in paths)
    defaults = ("A", "B") if stems[0] == stems[1] else stems
    return given[0] or defaults[0], given[1] or defaults[1]
