"""``isoloss ladder``: train a ladder of small models, watch it, use what it made."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoloss.cli.options import OUTPUT, Jobs, Output
from isoloss.errors import GateError, InputError, Where

if TYPE_CHECKING:
    from isoloss.training.ladder import Ladder
    from isoloss.training.local import Place
    from isoloss.training.progress import Progress


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
        spec: The TOML file of the ladder, or one that comes with isoloss: test, coffee.
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
    from isoloss.training.ladder import prepare
    from isoloss.training.local import Place, places
    from isoloss.training.locks import alone
    from isoloss.training.progress import progress
    from isoloss.training.shipped import find_ladder
    from isoloss.training.templates import read_ladder

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
    where = places(workers, device or ())
    if per_run is not None and per_run > 1:
        where = (Place(where[0].device.split(":")[0], None, per_run),)
    kind = where[0].device if engine == "local" else "cuda" if gpus else "cpu"
    together = _population(population, kind)
    if not wanted.trained_by_commands:
        require_torch()
        for place in where:
            _require_device(place.device)
    if wanted.left_out:
        output.note(f"{wanted.left_out} IsoFLOP cells are left out: they have too few steps.")
    with alone(Path(into)):
        with output.working("preparing the corpus"):
            ladder = prepare(wanted, into)
        if retry:
            output.note(f"{ladder.forget()} runs are tried again.")
        if not any(ladder.waiting()):
            ladder.collect()
        elif engine == "ray":
            cores = 1.0 if cpus is None else cpus
            _train_there(ladder, address, cores, gpus or 0.0, together, output)
        else:
            _train_here(ladder, where, together, output)
    _give(progress(ladder), output)


def _train_here(ladder: Ladder, where: Sequence[Place], together: int, output: Output) -> None:
    from isoloss.cli.ladder_table import live_table
    from isoloss.training.local import run_local

    built_in = not ladder.trained_by_commands
    with live_table(ladder, quiet=output.quiet, workers=len(where)) as watch:
        run_local(ladder, where, measure_peak=built_in, population=together, watch=watch)


def _train_there(
    ladder: Ladder, address: str | None, cpus: float, gpus: float, together: int, output: Output
) -> None:
    from isoloss.cli.ladder_table import live_table
    from isoloss.training.cluster import run_cluster

    with live_table(ladder, quiet=output.quiet) as watch:
        run_cluster(ladder, address, cpus=cpus, gpus=gpus, population=together, watch=watch)


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


def _population(found: str | None, device: str) -> int:
    """How many runs train side by side; 0 to measure."""
    words = {"off": 1, "auto": 0}
    if found is None:
        return words["off" if device == "cpu" else "auto"]
    if found in words:
        return words[found]
    if found.isdecimal() and int(found) > 0:
        return int(found)
    raise InputError(
        f'found "{found[:60]}" where a number of runs, off or auto is expected.',
        code="bad_option",
        where=Where(field="--population"),
    )


def _require_device(device: str) -> None:
    """Refuse a device that PyTorch does not have.

    Raises:
        InputError: it does not have it.
    """
    if device == "cpu":
        return
    import torch

    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f'PyTorch cannot use the device "{device[:60]}" ({str(error).splitlines()[0]}).',
            code="no_device",
            where=Where(field="--device"),
            hint="Leave --device out to train on the CPU.",
        ) from None


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
