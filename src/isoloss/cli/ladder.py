"""``isoloss ladder``: train a ladder of small models, watch it, use what it made."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from isoloss.cli.options import OUTPUT, Jobs, Output
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.training.progress import Progress


def run(
    spec: str,
    /,
    *,
    into: str = "ladder",
    workers: Jobs | None = None,
    device: list[str] | None = None,
    output: Output = OUTPUT,
) -> None:
    """Train the runs of a ladder; call it again to go on where it stopped.

    Args:
        spec: The TOML file of the ladder, or one that comes with isoloss: test, coffee, reference.
        into: The folder of the ladder.
        workers: How many processes; one per core by default.
        device: Train on this accelerator, such as cuda:0; repeatable.
        output: How the answer is written.
    """
    require_torch()
    from isoloss.cli.ladder_table import live_table
    from isoloss.training.ladder import prepare
    from isoloss.training.local import places, run_local
    from isoloss.training.locks import alone
    from isoloss.training.peak import matmul_peak
    from isoloss.training.progress import progress
    from isoloss.training.shipped import find_ladder
    from isoloss.training.templates import read_ladder

    wanted = read_ladder(find_ladder(spec))
    where = places(workers, device or ())
    with output.working("preparing the corpus"):
        ladder = prepare(wanted, into)
    with alone(ladder.folder):
        with output.working("measuring the peak of a matrix product"):
            peak = matmul_peak(where[0].device)
        with live_table(ladder, quiet=output.quiet) as watch:
            run_local(ladder, where, peak_flop_per_s=peak, watch=watch)
    _give(progress(ladder), output)


def status(folder: str = "ladder", /, *, output: Output = OUTPUT) -> None:
    """Say how far a ladder is.

    Args:
        folder: The folder of the ladder.
        output: How the answer is written.
    """
    from isoloss.training.ladder import open_ladder
    from isoloss.training.progress import progress

    _give(progress(open_ladder(folder)), output)


def upcoming(folder: str = "ladder", /, *, output: Output = OUTPUT) -> None:
    """List the runs that are still to be trained, in their order.

    Args:
        folder: The folder of the ladder.
        output: How the answer is written.
    """
    from isoloss.training.ladder import open_ladder
    from isoloss.training.progress import waiting

    found = waiting(open_ladder(folder))
    output.give(text=found.summary, document=found.to_dict)


def export(folder: str = "ladder", /, *, into: str, output: Output = OUTPUT) -> None:
    """Write the runs of a ladder as one table, finished ones only.

    Args:
        folder: The folder of the ladder.
        into: The file to write: .parquet, .csv, .tsv or .jsonl.
        output: How the answer is written.
    """
    from isoloss.training.ladder import open_ladder
    from isoloss.training.layout import RUNS
    from isoloss.training.progress import progress

    ladder = open_ladder(folder)
    if not ladder.collect():
        raise InputError(
            "no run of this ladder is finished.",
            code="no_runs",
            where=Where(file=folder),
            hint="isoloss ladder status says how far it is.",
        )
    from isoloss.runs import read

    read(ladder.folder / RUNS).save(into)
    output.note(f"-> {into}")
    _give(progress(ladder), output)


def require_torch() -> None:
    """Refuse where PyTorch is missing.

    Raises:
        InputError: it is; the message says which extra to install.
    """
    if importlib.util.find_spec("torch") is None:
        raise InputError(
            "training needs PyTorch, which is not installed.",
            code="missing_package",
            where=Where(field="train"),
            hint="pip install 'isoloss[train]'",
        )


def _give(found: Progress | Any, output: Output) -> None:
    output.give(text=found.summary, document=found.to_dict)
