"""A ladder on many machines by Ray: one task per run, results collected as they come.

The machines need isoloss and PyTorch, and no common disk: the corpus travels with the first task on
each of them, rows and curves come back. Where they do see the ladder's folder, runs keep their
states there and go on after a machine is lost; elsewhere a lost run begins again.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from isoloss.atomic import write_bytes, write_text
from isoloss.document import dumps
from isoloss.errors import InputError, IsolossError, Where
from isoloss.training.corpora import Corpus, open_corpus
from isoloss.training.ladder import MOST_ATTEMPTS, Ladder
from isoloss.training.layout import CURVE, PLAN, ROW, TRUNKS
from isoloss.training.local import Table, WorkerError
from isoloss.training.locks import held, make_folder
from isoloss.training.setting import Setting, settle
from isoloss.training.spec import run_from_dict
from isoloss.training.templates import Planned
from isoloss.training.worker import excluded, is_out_of_memory

WAIT_SECONDS = 0.5


def run_cluster(
    ladder: Ladder,
    address: str | None = None,
    *,
    cpus: float = 1.0,
    gpus: float = 0.0,
    watch: Callable[[Ladder], None] | None = None,
) -> int:
    """Train a ladder to its end on a Ray cluster.

    A run whose machine is lost is tried again, three times at most. When this process ends its
    tasks end too; a second call goes on with what is not finished.

    Args:
        ladder: what to train.
        address: of the cluster, such as ``10.0.0.1:6379`` or ``auto``; None for a cluster of this
            machine alone.
        cpus: cores that each run asks for.
        gpus: devices that each run asks for; may be a part of one.
        watch: called every now and then, for a table of progress.

    Returns:
        How many runs are finished.

    Raises:
        InputError: there is no Ray or no cluster, or the ladder's runs are trained by commands.
        WorkerError: a task failed by an error of its own.
    """
    ray = _ray()
    if any(planned.spec.trainer for planned in ladder.runs) or ladder.corpus_folder is None:
        raise InputError(
            "a trainer of one's own runs on this machine only.",
            code="unsupported",
            where=Where(field="trainer"),
            hint="Leave --engine ray out.",
        )
    units = _units(ladder)
    if not units:
        return ladder.collect()
    _connect(ray, address)
    try:
        parcel = ray.put(_packed(ladder.corpus_folder))
        task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=MOST_ATTEMPTS)(_train)
        device = "cuda" if gpus else "cpu"
        plan = (ladder.folder / PLAN).read_text(encoding="utf-8")
        pending = {
            task.remote(_plain(unit), parcel, str(ladder.folder.resolve()), plan, device): unit
            for unit in units
        }
        table = Table(ladder)
        while pending:
            for done in ray.wait(list(pending), num_returns=1, timeout=WAIT_SECONDS)[0]:
                _store(ladder, pending.pop(done), _result(ray, done))
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


def _units(ladder: Ladder) -> list[list[Planned]]:
    """What one task trains: a run, or all branches of one trunk after each other."""
    units: dict[str, list[Planned]] = {}
    for planned in ladder.waiting():
        units.setdefault(planned.labels.get("branch_of", planned.spec.run_id), []).append(planned)
    return list(units.values())


def _plain(unit: Sequence[Planned]) -> list[dict[str, Any]]:
    return [{"spec": one.spec.to_dict(), "labels": dict(one.labels)} for one in unit]


def _packed(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}


def _result(ray: Any, done: Any) -> list[dict[str, Any]] | None:
    """What a task gave, or None where its machines were lost again and again."""
    try:
        found = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        last = str(error).strip().splitlines()[-1]
        raise WorkerError(f"a task failed: {last}", code="worker_failed") from None
    except ray.exceptions.RayError:
        return None
    if found["error"] is not None:
        error = found["error"]
        where = Where(**error["where"])
        raise InputError(error["message"], code=error["code"], where=where, hint=error["hint"])
    return found["results"]


def _store(ladder: Ladder, unit: Sequence[Planned], found: list[dict[str, Any]] | None) -> None:
    if found is None:
        reason = f"its machine was lost more than {MOST_ATTEMPTS} times"
        found = [{"row": excluded(one, reason), "curve": ""} for one in unit]
    for one, result in zip(unit, found, strict=True):
        home = ladder.home(one.spec)
        make_folder(home)
        if result["curve"]:
            write_text(home / CURVE, result["curve"])
        write_text(home / ROW, dumps(result["row"]))


def _train(
    unit: list[dict[str, Any]],
    parcel: Mapping[str, bytes],
    folder: str,
    plan: str,
    device: str,
) -> dict[str, Any]:
    """The task: train runs on this machine; gives their rows and curves, or what hindered it."""
    settle()
    try:
        return {"results": _trained(unit, parcel, folder, plan, device), "error": None}
    except IsolossError as error:
        return {"results": [], "error": error.to_dict()}


def _trained(
    unit: list[dict[str, Any]],
    parcel: Mapping[str, bytes],
    folder: str,
    plan: str,
    device: str,
) -> list[dict[str, Any]]:
    runs = [Planned(run_from_dict(one["spec"]), one["labels"]) for one in unit]
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="isoloss-")))
        (home / "corpus").mkdir()
        for name, content in parcel.items():
            write_bytes(home / "corpus" / name, content)
        corpus = open_corpus(home / "corpus")
        if _shared(Path(folder), plan):
            # Somebody else may still be at work there: then on one's own.
            kept = Path(folder)
            locks = [kept / "runs" / one.spec.run_id / "lock" for one in runs]
            for lock in locks:
                make_folder(lock.parent)
            if all([stack.enter_context(held(lock)) for lock in locks]):
                home = kept
        return [_one(one, corpus, home, device) for one in runs]


def _one(planned: Planned, corpus: Corpus, folder: Path, device: str) -> dict[str, Any]:
    from isoloss.training.runner import carry_out

    home = folder / "runs" / planned.spec.run_id
    make_folder(home)
    branch = planned.labels.get("branch_of")
    trunk = None if branch is None else folder / TRUNKS / branch
    if trunk is not None:
        make_folder(trunk)
    setting = Setting(device, device, peak_flop_per_s=_peak(device))
    try:
        row = carry_out([planned.spec], corpus, [home], setting, [planned.labels], trunk=trunk)[0]
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        row = excluded(planned, "out of memory")
    curve = (home / CURVE).read_text(encoding="utf-8") if (home / CURVE).exists() else ""
    return {"row": row, "curve": curve}


@cache
def _peak(device: str) -> float:
    from isoloss.training.peak import matmul_peak

    return matmul_peak(device)


def _shared(folder: Path, plan: str) -> bool:
    """Whether this machine sees the very folder of the ladder."""
    try:
        return (folder / PLAN).read_text(encoding="utf-8") == plan
    except OSError:
        return False
