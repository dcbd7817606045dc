"""``isoloss backtest``: fit on the small runs, predict the large ones, follow the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isoloss.cli.fit import THIN_EVIDENCE, parse_objective
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
from isoloss.cli.streams import write_error
from isoloss.cli.targets import check_target
from isoloss.cli.text import footer
from isoloss.errors import GateError, InputError, Where

if TYPE_CHECKING:
    from isoloss.fitting import Fit
    from isoloss.runs import Runs
    from isoloss.validation import Backtest


def backtest(
    *runs: str,
    law: str | None = None,
    target: str | None = None,
    by: str = "tier",
    at: str | None = None,
    gate: bool = False,
    objective: str | None = None,
    delta: Amount | None = None,
    ci: str | None = None,
    draws: Draws = 200,
    flop_per_token: str = "6nd",
    seed: Seed = 0,
    jobs: Jobs | None = None,
    save: str | None = None,
    means: MeansOptions = MEANS,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> int:
    """Fit on the small runs, predict the large ones, and follow the answer as runs are added.

    Exits with 3 if the verdict is refuse; with --gate, with 1 unless it is trust.

    Args:
        runs: Files, folders or patterns: CSV, TSV, Parquet, JSON lines; or one fit that isoloss
            fit --save wrote, for its runs, law and settings.
        law: One or several, with commas between them; chinchilla by default.
        target: Budget at which the answer is followed, such as 1e24 or '12k H100-hours'; 30 times
            the largest run by default.
        by: What orders the runs: tier, params, tokens or column:NAME.
        at: Where to cut, such as 3e19,1e20; up to eight cuts between groups by default.
        gate: Exit with 1 unless the verdict is trust, so that a script stops here.
        objective: Cost of a residual in log loss: huber, squared, student, quantile, quantile:0.1.
        delta: Where huber and quantile turn from square to linear, in log loss; 1e-3 by default.
        ci: How intervals are made: tier (the default), run, tier-cases, column:NAME.
        draws: Refits per law and cut.
        flop_per_token: What a token costs at the target: 6nd for C = 6 N D, or runs for what the
            runs cost.
        seed: Seed of the draws: same seed, same digits, for any number of jobs.
        jobs: Threads; by default one per core, at most eight.
        save: Also write the backtest to this JSON file.
        means: What device-hours, days or money of the target buy.
        reading: How the tables are read.
        output: How the answer is written.
    """
    from isoloss.validation import backtest as run_backtest

    if save is not None:
        check_target(save, "isoloss.backtest", runs)
    source = source_of(runs, reading)
    with placed("--target"):
        flop = None if target is None else target_of(target, means)
    with output.working("fitting and predicting ..."):
        found = run_backtest(
            source,
            None if law is None else split_names(law, "--law"),
            target=flop,
            by=by,
            at=None if at is None else [number(x, "--at") for x in split_names(at, "--at")],
            flop_per_token=flop_per_token,
            objective=(
                None
                if objective is None and delta is None
                else parse_objective(objective or "huber", delta)
            ),
            ci=ci,
            draws=draws,
            seed=seed,
            jobs=jobs,
        )
    found = _with_findings(found, source)
    if save is not None:
        found.save(save)
        output.note(f"-> {save}")
    output.give(text=lambda: report(found), document=found.to_dict)
    return _exit_code(found, gate=gate)


def report(found: Backtest) -> str:
    """A backtest as text, with what is needed to find it again."""
    return f"{found.summary()}\n{footer(found.data_hash, found.seed)}"


def split_names(text: str, option: str) -> list[str]:
    """The parts between commas; commas inside brackets belong to a formula.

    Raises:
        InputError: a part is empty.
    """
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if not all(part.strip() for part in parts):
        raise InputError(
            f'found "{text[:60]}" where values with commas between them are expected.',
            code="bad_value",
            where=Where(field=option),
        )
    return [part.strip() for part in parts]


def source_of(runs: Sequence[str], reading: Reading) -> Runs | Fit:
    """The table of runs, or the fit that a single JSON file holds.

    Raises:
        InputError: options for reading are given with a fit, or the runs cannot be read.
    """
    if len(runs) != 1 or not _holds_fit(runs[0]):
        return reading.read(runs)
    if reading != READING:
        raise InputError(
            "a fit holds its runs as they were read, and options for reading are given.",
            code="conflicting_options",
            where=Where(file=runs[0]),
            hint="Give the table of runs instead of the fit.",
        )
    from isoloss.fitting import Fit

    return Fit.load(runs[0])


def _holds_fit(path: str) -> bool:
    """Whether a file is a stored fit; tables of runs may be JSON as well."""
    if not path.endswith(".json"):
        return False
    try:
        stored: object = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(stored, dict) and "isoloss.fit" in stored.values()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def target_of(text: str, means: MeansOptions = MEANS) -> float:
    """Compute in FLOP from any budget: ``1e24``, ``C=1e24``, ``12k H100-hours``, ``$2M``.

    Raises:
        InputError: it is no budget, or something is missing, which is named.
    """
    from isoloss.planning.hardware import flop_of

    return flop_of(text.removeprefix("C="), means.means())


def _with_findings(found: Backtest, source: Runs | Fit) -> Backtest:
    """The backtest with the findings about its runs among its notes."""
    from isoloss.runs import Runs
    from isoloss.validation.notes import with_notes

    return with_notes(found, source) if isinstance(source, Runs) else found


def _exit_code(found: Backtest, *, gate: bool) -> int:
    if gate:
        try:
            found.gate()
        except GateError as error:
            # The backtest is on standard output: a second document there would be one too many.
            write_error(f"isoloss: {error.message}")
            return error.exit_code
    return THIN_EVIDENCE if found.verdict == "refuse" else 0
