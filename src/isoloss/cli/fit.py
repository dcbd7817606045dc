"""``isoloss fit``: a law fitted to runs, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    pair,
    pairs,
)
from isoloss.cli.targets import check_target
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.fitting import Fit, Objective

THIN_EVIDENCE = 3
ALL = "all"
COMPARED_DRAWS = 200  # refits of a law at each cut of a comparison
_OBJECTIVES = "huber, squared, student, quantile or quantile:Q"


def fit(
    *runs: str,
    law: str = "chinchilla",
    objective: str = "huber",
    delta: Amount | None = None,
    ci: str = "tier",
    draws: Draws = 1000,
    level: float = 0.9,
    seed: Seed = 0,
    jobs: Jobs | None = None,
    fix: list[str] | None = None,
    tie: list[str] | None = None,
    bound: list[str] | None = None,
    save: str | None = None,
    approach: bool = False,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> int:
    """Fit a law to runs, with intervals.

    Exits with 3 if the runs do not fix the parameters or no optimum is found.

    Args:
        runs: Files, folders or patterns: CSV, TSV, Parquet, JSON lines.
        law: A name (isoloss laws lists them) or a formula such as 'E + A*N**-alpha'; all compares
            all laws that the runs can carry, as isoloss compare does.
        objective: Cost of a residual in log loss: huber, squared, student, quantile, quantile:0.1.
        delta: Where huber and quantile turn from square to linear, in log loss; 1e-3 by default.
        ci: How intervals are made: tier (compute tiers share errors), run, tier-cases,
            column:NAME, profile, none.
        draws: Refits for the intervals.
        level: Nominal coverage of the intervals.
        seed: Seed of the draws: same seed, same digits, for any number of jobs.
        jobs: Threads; by default one per core, at most eight.
        fix: Hold a parameter, alpha=0.34; repeatable.
        tie: Give two parameters one value, alpha=beta; repeatable.
        bound: Keep a parameter within a range, E=0:2; repeatable.
        save: Write the fit to this JSON file, for isoloss predict and plan.
        approach: Show the three approaches side by side instead, this law as the third; isoloss
            approaches has more options.
        reading: How the tables are read.
        output: How the answer is written.
    """
    if approach:
        from isoloss.cli.approaches import approaches

        alone = {"--save": save, "--fix": fix, "--tie": tie, "--bound": bound, "--delta": delta}
        _refuse_beside("--approach", [name for name, value in alone.items() if value is not None])
        approaches(
            *runs, law=law, draws=draws, level=level, seed=seed, reading=reading, output=output
        )
        return 0
    if law == ALL:
        from isoloss.cli.compare import compare

        alone = {"--save": save, "--fix": fix, "--tie": tie, "--bound": bound}
        _refuse_beside("--law all", [name for name, value in alone.items() if value is not None])
        compare(
            *runs,
            objective=objective,
            delta=delta,
            ci=ci,
            draws=min(draws, COMPARED_DRAWS),
            seed=seed,
            jobs=jobs,
            reading=reading,
            output=output,
        )
        return 0
    from isoloss.fitting import fit as fit_law
    from isoloss.fitting.findings import with_findings

    if save is not None:
        check_target(save, "isoloss.fit", runs)
    table = reading.read(runs)
    with output.working(f"fitting to {len(table.ok())} runs ..."):
        found = fit_law(
            table,
            law,
            objective=parse_objective(objective, delta),
            ci=ci,
            draws=draws,
            level=level,
            fixed={
                name: number(value, "--fix")
                for name, value in pairs(fix or [], "--fix", "alpha=0.34").items()
            },
            tied=tuple(pair(item, "--tie", "alpha=beta") for item in tie or []),
            bounds=_bounds(bound or []),
            seed=seed,
            jobs=jobs,
        )
    found = with_findings(found, table, (*runs, *reading.words()))
    if save is not None:
        found.save(save)
    output.give(text=lambda: report(found, save), document=found.to_dict)
    return 0 if found.status in ("ok", "edge") else THIN_EVIDENCE


def report(found: Fit, saved: str | None = None) -> str:
    """A fit as text, with what is needed to find it again."""
    lines = [found.summary(), footer(found.points.data_hash, found.seed)]
    if saved is not None:
        lines += [f"  -> {saved}", f"  next: isoloss plan BUDGET --fit {saved}"]
    return "\n".join(lines)


def _refuse_beside(option: str, others: list[str]) -> None:
    if others:
        raise InputError(
            f"{', '.join(others)} cannot be used with {option}.",
            code="conflicting_options",
            where=Where(field=others[0]),
            hint=f"Leave out {option}, or the others.",
        )


def parse_objective(text: str, delta: float | None) -> Objective:
    """The objective that is meant by its name and, where it has one, its corner.

    Raises:
        InputError: there is no such objective, or it has no corner.
    """
    from isoloss.fitting import Huber, Quantile, Squared, StudentT

    kind, _, share = text.partition(":")
    corner = 1e-3 if delta is None else delta
    if delta is not None and kind in ("squared", "student"):
        raise InputError(
            f"the objective {kind} has no delta.",
            code="conflicting_options",
            where=Where(field="--delta"),
            hint="Leave --delta out, or use --objective huber.",
        )
    match kind, share:
        case "huber", "":
            return Huber(corner)
        case "squared", "":
            return Squared()
        case "student", "":
            return StudentT()
        case "quantile", _:
            return Quantile(number(share, "--objective") if share else 0.5, corner)
        case _:
            raise InputError(
                f'found "{text[:40]}" where an objective is expected.',
                code="bad_objective",
                where=Where(field="--objective"),
                hint=f"Known: {_OBJECTIVES}.",
            )


def _bounds(items: list[str]) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for name, text in pairs(items, "--bound", "E=0:2").items():
        low, colon, high = text.partition(":")
        if not colon:
            raise InputError(
                f'found "{text[:40]}" where a range is expected.',
                code="bad_value",
                where=Where(field="--bound"),
                hint="Write it like E=0:2, or E=0: without an upper end.",
            )
        ends = (_end(low, float("-inf")), _end(high, float("inf")))
        if not ends[0] < ends[1]:
            raise InputError(
                f'found "{text[:40]}" where a range from a smaller to a larger number is expected.',
                code="bad_value",
                where=Where(field="--bound"),
                hint="Write it like E=0:2.",
            )
        found[name] = ends
    return found


def _end(text: str, open_end: float) -> float:
    return number(text.strip(), "--bound") if text.strip() not in ("", "inf", "-inf") else open_end
