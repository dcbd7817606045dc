"""``isoloss ladder``: train a ladder of small models, watch it, use what it made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoloss.cli.options import OUTPUT, Jobs, Output
from isoloss.errors import GateError, InputError, Where

if TYPE_CHECKING:
    from isoloss.training.ladder import Ladder
    from isoloss.training.progress import Progress
    from isoloss.training.train import Watch


def run(
    spec: str,
    /,
    *,
    into: str = "ladder",
    workers: Jobs | None = None,
    device: list[str] | None = None,
    population: str | None = None,
    per_run: Jobs | None = None,
    engine: str = "local",
    address: str | None = None,
    cpus: float | None = None,
    gpus: float | None = None,
    retry: bool = False,
    output: Output = OUTPUT,
) -> None:
    """Train the runs of a ladder; call it again to go on where it stopped.

    Args:
        spec: The TOML file of the ladder, or one that comes with isoloss: test, coffee, reference.
        into: The folder of the ladder.
        workers: How many processes on this machine; one per core by default.
        device: Train on this accelerator of this machine, such as cuda:0; repeatable.
        population: How many runs that are alike train side by side: a number, off, or auto to
            measure it. By default off on a CPU, where digits would change, and auto elsewhere.
        per_run: How many processes of this machine, each with a device, train every run together
            (torchrun).
        engine: local, or ray for many machines (needs the extra ray).
        address: Of the Ray cluster, such as 10.0.0.1:6379 or auto; without it this machine alone.
        cpus: Cores that a run asks Ray for, 1 by default.
        gpus: Devices that a run asks Ray for, 0.25 of one as well; none by default.
        retry: Try again what could not be trained: no memory, failed commands, dead workers.
        output: How the answer is written.
    """
    from isoloss.cli.ladder_table import live_table
    from isoloss.training.progress import progress
    from isoloss.training.shipped import find_ladder
    from isoloss.training.templates import read_ladder
    from isoloss.training.train import Cluster, Local, train

    if not into.strip():
        raise InputError(
            "found an empty path where the folder of the ladder is expected.",
            code="bad_option",
            where=Where(field="--into"),
        )
    here = {"--workers": workers, "--device": device or None, "--per-run": per_run}
    there = {"--address": address, "--cpus": cpus, "--gpus": gpus}
    _check_engine(engine, here, there)
    wanted = read_ladder(find_ladder(spec))
    if wanted.left_out:
        output.note(f"{wanted.left_out} IsoFLOP cells are left out: they have too few steps.")
    cluster = Cluster(address, 1.0 if cpus is None else cpus, gpus or 0.0)
    on = cluster if engine == "ray" else Local(workers, tuple(device or ()), per_run or 1)
    with ExitStack() as preparing:
        preparing.enter_context(output.working("preparing the corpus"))

        def show(ladder: Ladder, workers: int | None) -> AbstractContextManager[Watch]:
            preparing.close()
            return live_table(ladder, quiet=output.quiet, workers=workers)

        ladder = train(
            wanted,
            into,
            on=on,
            population=population,
            retry=retry,
            show=show,
            say=output.note,
        )
    _give(progress(ladder), output)


def _check_engine(engine: str, here: Mapping[str, object], there: Mapping[str, object]) -> None:
    """Refuse an unknown engine, and options that mean nothing to the chosen one.

    Raises:
        InputError: as said.
    """
    if engine not in ("local", "ray"):
        raise InputError(
            f'found "{engine[:60]}" where local or ray is expected.',
            code="bad_option",
            where=Where(field="--engine"),
        )
    for name, value in (there if engine == "local" else here).items():
        if value is not None:
            other = "ray" if engine == "local" else "local"
            raise InputError(
                f"{name} means nothing with --engine {engine}.",
                code="conflicting_options",
                where=Where(field=name),
                hint=f"Leave it out, or use --engine {other}.",
            )
    chosen = [name for name, value in here.items() if value is not None and value != 1]
    if len(chosen) > 1 and "--workers" in chosen:
        raise InputError(
            f"--workers means nothing with {chosen[1]}, which says how many processes there are.",
            code="conflicting_options",
            where=Where(field="--workers"),
            hint="Leave it out.",
        )
    for name in ("--cpus", "--gpus"):
        value = there[name]
        if isinstance(value, float) and not (0 <= value < math.inf):
            raise InputError(
                f"found {value:g} where a number of zero or more is expected.",
                code="bad_option",
                where=Where(field=name),
            )


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
    """Write the runs of a ladder as one table, finished ones only, and the card of its corpus.

    The card lies beside the table: runs.csv has runs.corpus.json.

    Args:
        folder: The folder of the ladder.
        into: The file to write: .parquet, .csv, .tsv or .jsonl.
        output: How the answer is written.
    """
    from isoloss.atomic import write_text
    from isoloss.document import dumps
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
    corpus = ladder.corpus()
    if corpus is not None:
        card = Path(into).with_suffix(".corpus.json")
        write_text(card, dumps(corpus.to_dict()))
        output.note(f"-> {card}")
    _give(progress(ladder), output)


def coords(
    spec: str | None = None,
    /,
    *,
    width: list[int] | None = None,
    steps: Jobs = 10,
    parametrization: str | None = None,
    gate: bool = False,
    output: Output = OUTPUT,
) -> None:
    """Check whether one learning rate fits all widths: how far does each part move in few steps?

    Args:
        spec: Take the settings of the first run of this ladder; by default those of isoloss.
        width: A width to try; repeatable. By default 32, 64, 128 and 256.
        steps: How many updates.
        parametrization: mup or standard, in place of the ladder's own.
        gate: Exit with 1 where the learning rate does not carry over.
        output: How the answer is written.
    """
    from isoloss.training.train import require_torch

    require_torch()
    from isoloss.training.coordinates import WIDTHS, check_coordinates
    from isoloss.training.shipped import find_ladder
    from isoloss.training.spec import RunSpec, vary
    from isoloss.training.templates import read_ladder

    first = RunSpec() if spec is None else read_ladder(find_ladder(spec)).runs[0].spec
    if parametrization is not None:
        first = vary(first, {"parametrization": parametrization})
    with output.working("training at several widths"):
        found = check_coordinates(first, width or WIDTHS, steps=steps)
    _give(found, output)
    if gate and found.worst is not None:
        raise GateError(
            f"the change of {found.worst.name} goes with the width to the power "
            f"{found.worst.slope:+.2f}.",
            code="rate_moves",
            hint="Train with parametrization = 'mup', or tune the learning rate at every width.",
        )


def _give(found: Progress | Any, output: Output) -> None:
    output.give(text=found.summary, document=found.to_dict)
