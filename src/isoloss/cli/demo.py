"""``isoloss demo``: the main job from end to end on the shipped runs, written to a folder."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from isoloss.cli.demo_report import TITLE, Results, write_report
from isoloss.cli.documents import document
from isoloss.cli.options import OUTPUT, Draws, Output, Seed
from isoloss.cli.text import flop_text
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.runs import Runs
    from isoloss.validation import Backtest

LAWS = ("chinchilla", "coupled", "rosenfeld")
"""The laws that are fitted; the plan is by the one that predicted the largest budget better."""
BEYOND = 30.0
REPORT = "report.md"
PAGE = "report.html"
TESTS = 200  # refits at each cut of the backtest


def demo(
    *,
    into: str = "demo-results",
    draws: Draws = 1000,
    seed: Seed = 0,
    output: Output = OUTPUT,
) -> None:
    """Do all of it on the shipped runs: grade, fit, compare, test, plan; results go to a folder.

    The runs are the reference ladder, real models of 4k to 820k parameters; the plan is for 30
    times the compute of the largest. The last two lines of the output name the report: report.html
    with figures, to look at, to print and to forward, and report.md with everything in readable
    text.

    Args:
        into: The folder to write to; it is made if need be.
        draws: Refits for the intervals.
        seed: Seed of the draws.
        output: How the answer is written.
    """
    folder = Path(into)
    _check_folder(folder)
    with output.working("working on the shipped runs ..."), _filling(folder) as inside:
        _fill(inside, draws, seed)
        names = sorted(path.name for path in inside.iterdir())
    report, page = str(folder / REPORT), str(folder / PAGE)
    output.give(
        text=lambda: "\n".join([f"wrote {', '.join(names)} to {folder}", page, report]),
        document=lambda: (
            document("demo", seed=seed)
            | {"into": str(folder), "files": names, "report": report, "page": page}
        ),
    )


def _fill(folder: Path, draws: int, seed: int) -> None:
    """Do the work and write its results into an empty folder."""
    from isoloss.atomic import write_text
    from isoloss.datasets import reference
    from isoloss.document import dumps
    from isoloss.fitting import fit
    from isoloss.fitting.approaches import approaches
    from isoloss.fitting.findings import with_findings
    from isoloss.planning import plan, plan_published
    from isoloss.planning.card import command_of
    from isoloss.report import write_report as write_page
    from isoloss.runs import read
    from isoloss.validation import backtest

    best_runs(reference()).save(folder / "runs.csv")
    # From here on as a user would: what is fitted is what was written.
    runs = replace(read(folder / "runs.csv"), source="runs.csv")
    fits = {
        law: with_findings(fit(runs, law, draws=draws, seed=seed), runs, ("runs.csv",))
        for law in LAWS
    }
    # Three digits, so that whoever types the budget gets the same plan.
    budget = float(f"{BEYOND * float(runs.points().flop.max()):.2e}")
    tested = backtest(
        runs, LAWS, target=budget, flop_per_token="runs", draws=min(draws, TESTS), seed=seed
    )
    first = best_at_the_end(tested)
    endings = {law: ".json" if law == first else f"-{law}.json" for law in LAWS}
    plans = {
        law: replace(
            plan(found, budget, flop_per_token="runs", backtest=tested),
            command=command_of(
                "plan",
                flop_text(budget),
                fit=f"fit{endings[law]}",
                flop_per_token="runs",
                backtest="backtest.json",
            ),
        )
        for law, found in fits.items()
    }
    for law, ending in endings.items():
        fits[law].save(folder / f"fit{ending}")
        plans[law].save(folder / f"plan{ending}")
    compared = approaches(runs, target=budget, law=first, draws=draws, seed=seed)
    write_text(folder / "approaches.json", dumps(compared.to_dict()))
    published = plan_published(budget)
    write_text(folder / "published.json", dumps(published.to_dict()))
    tested.save(folder / "backtest.json")
    write_page(folder / PAGE, fits[first], plans[first], tested, runs)
    results = Results(runs, first, fits, tested, compared, plans, published)
    write_text(folder / REPORT, write_report(results))


def best_at_the_end(tested: Backtest) -> str:
    """The law that predicted the runs of the largest budget best, from all smaller ones."""
    return min(tested.laws, key=lambda law: tested.cuts[-1].laws[law].mean_abs_rel_error)


def best_runs(runs: Runs) -> Runs:
    """The runs of the reference ladder that a law of N and D should describe.

    Of each size and budget the learning rate stays that does best on average over seeds; other
    studies and short runs are set aside, with the reason.
    """
    import polars as pl

    from isoloss.runs.problems import FEWEST_STEPS

    reasons: Mapping[str, pl.Expr] = {
        "another study than the IsoFLOP groups": pl.col("flop_budget").is_null(),
        f"fewer than {FEWEST_STEPS} steps": pl.col("steps") < FEWEST_STEPS,
    }
    for why, condition in reasons.items():
        chosen = runs.ok().frame.filter(condition)["run_id"].to_list()
        runs = runs.exclude(chosen, why)
    return runs.best("lr")


def _check_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but an older demo."""
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise InputError(
            "this is a file, where a folder is expected.",
            code="not_a_folder",
            where=Where(file=str(folder), field="--into"),
            hint="Choose a new name.",
        )
    report = folder / REPORT
    filled = any(folder.iterdir())
    if filled and not (report.is_file() and report.read_bytes().startswith(TITLE.encode())):
        raise InputError(
            "this folder holds files that are not of a demo, so nothing is written there.",
            code="would_overwrite",
            where=Where(file=str(folder), field="--into"),
            hint="Choose a new folder.",
        )


@contextmanager
def _filling(folder: Path) -> Generator[Path, None, None]:
    """Lend a folder beside ``folder``; its files move over when the block succeeds."""
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        inside = folder.absolute().parent / f".isoloss-{secrets.token_hex(8)}"
        inside.mkdir()
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield inside
        folder.mkdir(exist_ok=True)
        # The report is the mark of a finished demo, so it comes last.
        for path in sorted(inside.iterdir(), key=lambda path: path.name == REPORT):
            path.replace(folder / path.name)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(inside, ignore_errors=True)


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"the folder cannot be written: {error.strerror or error}.",
        code="not_writable",
        where=Where(file=str(folder), field="--into"),
        hint="Choose a folder that belongs to you.",
    )
