"""A ladder on many machines by Ray: one task per run, results collected as they come.

The machines need isoloss and what trains the runs, and no common disk: the corpus travels with the
tasks, rows and curves come back. Where they do see the ladder's folder, runs keep their states
there and go on after a machine is lost; elsewhere a lost run begins again.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import importlib
import importlib.util
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoloss.atomic import write_bytes, write_text
from isoloss.document import dumps
from isoloss.errors import InputError, IsolossError, Where
from isoloss.training.ladder import MOST_ATTEMPTS, Ladder, read_object
from isoloss.training.layout import CURVE, LOG, PLAN, POPULATION, ROW
from isoloss.training.local import Table, WorkerError
from isoloss.training.locks import make_folder
from isoloss.training.setting import Setting, settle
from isoloss.training.spec import RunSpec, run_from_dict
from isoloss.training.templates import Planned
from isoloss.training.worker import excluded, work_on

if TYPE_CHECKING:
    from isoloss.training.corpora import Corpus

WAIT_SECONDS = 0.5
LOG_BYTES = 100_000
"""What comes back of the log of a command."""


@dataclass(frozen=True)
class Parcel:
    """What every task is told of its ladder.

    Attributes:
        ladder: the ladder as this machine has it, without its runs.
        plan: its plan, by which another machine knows whether it sees the same folder.
        corpus: the files of its corpus; None where it has none.
        device: ``cpu`` or ``cuda``.
        population: how many runs that are alike train side by side at most.
        built_in: whether runs need PyTorch.
    """

    ladder: Ladder
    plan: str
    corpus: Mapping[str, bytes] | None
    device: str
    population: int
    built_in: bool


def run_cluster(
    ladder: Ladder,
    address: str | None = None,
    *,
    cpus: float = 1.0,
    gpus: float = 0.0,
    population: int = 1,
    watch: Callable[[Ladder], None] | None = None,
) -> int:
    """Train a ladder to its end on a Ray cluster.

    A run whose machine is lost is tried again, three times at most. When this process ends its
    tasks end too; a second call goes on with what is not finished.

    Args:
        ladder: what to train.
        address: of the cluster, such as ``10.0.0.1:6379`` or ``auto``; None for a cluster of this
            machine alone.
        cpus: cores that each task asks for.
        gpus: devices that each task asks for; may be a part of one.
        population: how many runs that are alike are one task and train side by side; 0 to have
            that measured on the cluster.
        watch: called every now and then, for a table of progress.

    Returns:
        How many runs are finished.

    Raises:
        InputError: there is no Ray or no cluster, or a run asks for what a machine does not have.
        WorkerError: a task failed by an error of its own.
    """
    ray = _ray()
    waiting = list(ladder.waiting())
    if not waiting:
        return ladder.collect()
    _connect(ray, address)
    try:
        parcel = parcel_of(ladder, "cuda" if gpus else "cpu", population)
        kept = ray.put(parcel)
        how = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": MOST_ATTEMPTS}
        sizes: dict[object, int] = {}
        if population == 0:
            sizes = _measured_sizes(ray, ray.remote(**how)(measure), ladder, waiting, kept)
        task = ray.remote(**how)(train)
        pending = {
            task.remote(_plain(unit), kept): unit for unit in units(waiting, population, sizes)
        }
        table = Table(ladder)
        while pending:
            for done in ray.wait(list(pending), num_returns=1, timeout=WAIT_SECONDS)[0]:
                store(ladder, pending.pop(done), result(ray, done))
            table.write_now_and_then()
            if watch is not None:
                watch(ladder)
    finally:
        ray.shutdown()
    return ladder.collect()


def _ray() -> Any:
    if importlib.util.find_spec("ray") is None:
        raise InputError(
            "many machines need Ray, which is not installed.",
            code="missing_package",
            where=Where(field="ray"),
            hint="pip install 'isoloss[train,ray]'",
        )
    return importlib.import_module("ray")


def _connect(ray: Any, address: str | None) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(
            f"the cluster cannot be reached ({str(error).splitlines()[0]}).",
            code="no_cluster",
            where=Where(field="--address"),
            hint="ray start --head starts one; ray status says where it is.",
        ) from None


def parcel_of(ladder: Ladder, device: str = "cpu", population: int = 1) -> Parcel:
    """What tasks are told of a ladder."""
    corpus = ladder.corpus()
    files = None
    if corpus is not None:
        found = sorted(file for file in corpus.folder.iterdir() if file.is_file())
        files = {file.name: file.read_bytes() for file in found}
    folder = ladder.folder.resolve()
    return Parcel(
        ladder=ladder.part(folder, None, ()),
        plan=(folder / PLAN).read_text(encoding="utf-8"),
        corpus=files,
        device=device,
        population=population,
        built_in=not ladder.trained_by_commands,
    )


def units(
    waiting: Sequence[Planned], population: int, sizes: Mapping[object, int]
) -> list[list[Planned]]:
    """What one task trains: a run, all branches of one trunk, or runs that train side by side.

    Args:
        waiting: the runs.
        population: how many train side by side; 0 where ``sizes`` says so.
        sizes: how many of each likeness.
    """
    found: list[list[Planned]] = []
    open_units: dict[object, list[Planned]] = {}
    for planned in waiting:
        branch = planned.labels.get("branch_of")
        key = branch or _likeness(planned, population)
        most = len(waiting) if branch else population or sizes.get(key, 1)
        unit = open_units.get(key)
        if key is None or unit is None or len(unit) >= most:
            unit = open_units[key] = []
            found.append(unit)
        unit.append(planned)
    return found


def _likeness(planned: Planned, population: int) -> object:
    """What runs must share to train beside this one; None where it trains alone."""
    if population == 1 or planned.spec.trainer or "branch_of" in planned.labels:
        return None
    from isoloss.training.trainer import likeness

    return likeness(planned.spec)


def _measured_sizes(
    ray: Any, task: Any, ladder: Ladder, waiting: Sequence[Planned], parcel: Any
) -> dict[object, int]:
    """How many runs of each likeness train side by side fastest, measured by the cluster."""
    alike: dict[object, list[RunSpec]] = {}
    for planned in waiting:
        key = _likeness(planned, 0)
        if key is not None:
            alike.setdefault(key, []).append(planned.spec)
    file = ladder.folder / POPULATION
    known = read_object(file) or {}
    pending = {
        key: task.remote(specs[0].to_dict(), len(specs), known, parcel)
        for key, specs in alike.items()
        if len(specs) > 1
    }
    sizes: dict[object, int] = {}
    for key, one in pending.items():
        found = result(ray, one)
        if isinstance(found, str):
            continue  # its machine was lost: these runs train one by one
        sizes[key] = found[0]["size"]
        known |= found[0]["known"]
        write_text(file, dumps(known))
    return sizes


def _plain(unit: Sequence[Planned]) -> list[dict[str, Any]]:
    return [{"spec": one.spec.to_dict(), "labels": dict(one.labels)} for one in unit]


def result(ray: Any, done: Any) -> list[dict[str, Any]] | str:
    """What a task gave, or why there is nothing: its machines were lost again and again.

    Raises:
        InputError: the task ended with an error made for people.
        WorkerError: it failed.
    """
    try:
        found = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        last = str(error).strip().splitlines()[-1]
        raise WorkerError(f"a task failed: {last}", code="worker_failed") from None
    except ray.exceptions.OutOfMemoryError:
        return "out of memory"
    except ray.exceptions.RayError:
        return f"its machine was lost more than {MOST_ATTEMPTS} times"
    if found["error"] is not None:
        error = found["error"]
        where = Where(**error["where"])
        raise InputError(error["message"], code=error["code"], where=where, hint=error["hint"])
    return found["results"]


def store(ladder: Ladder, unit: Sequence[Planned], found: list[dict[str, Any]] | str) -> None:
    """Keep what a task gave for each of its runs in the ladder's folder."""
    if isinstance(found, str):
        found = [{"row": excluded(one, found), "curve": "", "log": ""} for one in unit]
    for one, part in zip(unit, found, strict=True):
        home = ladder.home(one.spec)
        make_folder(home)
        for name, text in ((CURVE, part["curve"]), (LOG, part["log"])):
            if text:
                write_text(home / name, text)
        write_text(home / ROW, dumps(part["row"]))


def train(unit: list[dict[str, Any]], parcel: Parcel) -> dict[str, Any]:
    """The task: train runs on this machine; gives their rows and curves, or what hindered it."""
    try:
        return {"results": _trained(unit, parcel), "error": None}
    except IsolossError as error:
        return {"results": [], "error": error.to_dict()}


def measure(
    spec: Mapping[str, Any], most: int, known: Mapping[str, Any], parcel: Parcel
) -> dict[str, Any]:
    """The task that measures how many runs like this one train side by side fastest."""
    settle()
    from isoloss.training.population import best_size

    with tempfile.TemporaryDirectory(prefix="isoloss-") as name:
        home = Path(name)
        write_text(home / POPULATION, dumps(known))
        corpus = _unpacked(parcel, home)
        assert corpus is not None
        setting = Setting(parcel.device, parcel.device)
        size = best_size(run_from_dict(spec), corpus, setting, most, home)
        found = json.loads((home / POPULATION).read_text(encoding="utf-8"))
    return {"results": [{"size": size, "known": found}], "error": None}


def _trained(unit: list[dict[str, Any]], parcel: Parcel) -> list[dict[str, Any]]:
    if parcel.built_in:
        settle()
    runs = tuple(Planned(run_from_dict(one["spec"]), one["labels"]) for one in unit)
    peak = _peak(parcel.device) if parcel.built_in else float("nan")
    # As many as there are: the driver has chosen them to train side by side.
    together = 1 if parcel.population == 1 else len(runs)
    setting = Setting(parcel.device, parcel.device, peak_flop_per_s=peak, population=together)
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="isoloss-") as name:
        own = Path(name)
        corpus = _unpacked(parcel, own)
        corpus_folder = None if corpus is None else corpus.folder
        # Somebody else may still be at work in the folder itself: then in one's own.
        for folder in (parcel.ladder.folder, own) if _shared(parcel) else (own,):
            left = tuple(one for one in runs if one.spec.run_id not in found)
            here = parcel.ladder.part(folder, corpus_folder, left)
            work_on(here, corpus, setting)
            for one in left:
                row = here.row(one.spec)
                if row is not None:
                    home = here.home(one.spec)
                    log = _text(home / LOG)[-LOG_BYTES:] if one.spec.trainer else ""
                    part = {"row": row, "curve": _text(home / CURVE), "log": log}
                    found[one.spec.run_id] = part
    return [found[one.spec.run_id] for one in runs]


def _unpacked(parcel: Parcel, folder: Path) -> Corpus | None:
    """The corpus that came with a parcel, in a folder of this machine."""
    from isoloss.training.corpora import open_corpus

    if parcel.corpus is None:
        return None
    (folder / "corpus").mkdir()
    for name, content in parcel.corpus.items():
        write_bytes(folder / "corpus" / name, content)
    return open_corpus(folder / "corpus")


@cache
def _peak(device: str) -> float:
    from isoloss.training.peak import matmul_peak

    return matmul_peak(device)


def _shared(parcel: Parcel) -> bool:
    """Whether this machine sees the very folder of the ladder."""
    return _text(parcel.ladder.folder / PLAN) == parcel.plan


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
