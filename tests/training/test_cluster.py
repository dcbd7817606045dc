"""A ladder on two nodes: the same table, nothing lost and nothing twice, whatever goes away."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from isoloss.cli.app import main
from isoloss.errors import InputError
from isoloss.training import cluster
from isoloss.training.ladder import Ladder
from isoloss.training.layout import LOG, POPULATION
from isoloss.training.local import WorkerError
from isoloss.training.setting import Setting
from isoloss.training.trainer import likeness
from isoloss.training.worker import work
from tests.training.test_branches import branches
from tests.training.test_command_trainer import WRITES, ladder_of
from tests.training.test_endings import gone
from tests.training.test_faults import a_ladder, digits

ROOT = Path(__file__).parents[2]
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray (extra ray)"
)


def task(ladder: Ladder, unit, population: int = 1, *, sees_the_folder: bool) -> dict:
    """What the task of these runs gives, on a machine with or without the ladder's folder."""
    parcel = cluster.parcel_of(ladder, population=population)
    if not sees_the_folder:
        parcel = replace(parcel, plan="another")
    return cluster.train(cluster._plain(unit), parcel)


def on_two_nodes(ladder: Ladder, what: str, population: int = 1) -> dict:
    """The events and rows of a ladder on two nodes, one of which is lost, or the driver stopped."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    words = [sys.executable, str(Path(__file__).with_name("ray_ladder.py"))]
    done = subprocess.run(
        [*words, str(ladder.folder), what, str(population)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["events"][0] == what
    assert len(found["rows"]) == len(ladder.runs)
    assert ladder.collect() == len(ladder.runs)
    return found


@pytest.mark.ray
@needs_ray
@pytest.mark.parametrize("what", ["lose-node", "stop"])
def test_two_nodes_make_the_table_of_one_machine(texts, tmp_path, what) -> None:
    cells = {"steps": 1500, "seed": [0, 1, 2, 3, 4, 5]}
    alone = a_ladder(texts, tmp_path / "alone", **cells)
    work(alone.folder, Setting())
    ladder = a_ladder(texts, tmp_path / "l", **cells)
    on_two_nodes(ladder, what)
    assert digits(ladder) == digits(alone)
    points = [(c["run_id"], c["step"]) for c in ladder.curves()]
    assert points == [(c["run_id"], c["step"]) for c in alone.curves()]


@pytest.mark.ray
@needs_ray
@pytest.mark.parametrize("population", [0, 2])
def test_two_nodes_train_populations(texts, tmp_path, population) -> None:
    cells = {"steps": 800, "seed": [0, 1, 2, 3, 4, 5]}
    alone = a_ladder(texts, tmp_path / "alone", **cells)
    work(alone.folder, Setting())
    ladder = a_ladder(texts, tmp_path / "l", **cells)
    on_two_nodes(ladder, "lose-node", population)
    for row, other in zip(ladder.rows(), alone.rows(), strict=True):
        assert row["run_id"] == other["run_id"]
        assert row["loss"] == pytest.approx(other["loss"], rel=2e-3)
    assert (ladder.folder / POPULATION).exists() == (population == 0)


BUSY = """
busy = os.path.join(os.environ["ISOLOSS_HOME"], "busy")
def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
if os.path.exists(busy) and alive(open(busy).read()):
    open(os.path.join(os.environ["ISOLOSS_HOME"], "twice"), "w").close()
open(busy, "w").write(str(os.getpid()))
time.sleep(2)
"""


@pytest.mark.ray
@needs_ray
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("what", ["lose-node", "stop"])
def test_two_nodes_call_a_trainer_of_ones_own(tmp_path, what) -> None:
    ladder = ladder_of(BUSY + WRITES, tmp_path / "a", seed=[0, 1, 2])
    found = on_two_nodes(ladder, what)
    assert {row["status"] for row in found["rows"]} == {"ok"}
    assert sorted(row["loss"] for row in found["rows"]) == [2.01] * 3 + [2.02] * 3
    assert not list(ladder.folder.glob("runs/*/twice"))
    pids = [int(file.read_text()) for file in ladder.folder.glob("runs/*/busy")]
    assert len(pids) == 6
    assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize("sees_the_folder", [True, False])
def test_a_task_gives_the_row_of_the_run_with_or_without_a_common_disk(
    texts, tmp_path, sees_the_folder
) -> None:
    alone = a_ladder(texts, tmp_path / "alone")
    work(alone.folder, Setting())
    ladder = a_ladder(texts, tmp_path / "l")
    found = task(ladder, ladder.runs[:1], sees_the_folder=sees_the_folder)
    assert found["error"] is None
    assert ladder.home(ladder.runs[0].spec).exists() == sees_the_folder
    cluster.store(ladder, ladder.runs[:1], found["results"])
    assert digits(ladder) == digits(alone)[:1]


def test_what_hinders_a_task_comes_back_as_a_message(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", unique_tokens=10**9)
    found = task(ladder, ladder.runs[:1], sees_the_folder=False)
    assert found["error"]["code"] == "small_corpus"
    with pytest.raises(InputError) as caught:
        cluster.result(FakeRay(found), None)
    assert caught.value.code == "small_corpus"


@pytest.mark.parametrize(
    ("error", "reason"),
    [("RayError", "its machine was lost more than 3 times"), ("OutOfMemoryError", "out of memory")],
)
def test_a_run_whose_machines_are_lost_is_marked(texts, tmp_path, error, reason) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    lost = getattr(FakeRay.exceptions, error)("gone")
    cluster.store(ladder, ladder.runs[:1], cluster.result(FakeRay(lost), None))
    row = ladder.row(ladder.runs[0].spec)
    assert row is not None
    assert row["reason"] == reason


def test_a_task_that_fails_ends_the_ladder_with_its_last_line() -> None:
    failed = FakeRay.exceptions.RayTaskError("Traceback ...\nKeyError: 'x'")
    with pytest.raises(WorkerError) as caught:
        cluster.result(FakeRay(failed), None)
    assert "KeyError: 'x'" in caught.value.message


@pytest.mark.parametrize("sees_the_folder", [True, False])
def test_a_task_trains_alike_runs_side_by_side(texts, tmp_path, sees_the_folder) -> None:
    cells = {"seed": [0, 1, 2], "lr": [0.01, 0.02]}
    alone = a_ladder(texts, tmp_path / "alone", **cells)
    work(alone.folder, Setting())
    ladder = a_ladder(texts, tmp_path / "l", **cells)
    units = cluster.units(ladder.runs, 4, {})
    assert [len(unit) for unit in units] == [4, 2]
    for unit in units:
        found = task(ladder, unit, population=4, sees_the_folder=sees_the_folder)
        assert found["error"] is None
        cluster.store(ladder, unit, found["results"])
    for row, other in zip(ladder.rows(), alone.rows(), strict=True):
        assert row["loss"] == pytest.approx(other["loss"], rel=2e-4)
        assert row["run_id"] == other["run_id"]


def test_units_are_runs_trunks_or_what_is_alike(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", seed=[0, 1, 2, 3, 4], d_model=[16, 32])
    assert [len(unit) for unit in cluster.units(ladder.runs, 1, {})] == [1] * 10
    small, large = (likeness(ladder.runs[i].spec) for i in (0, -1))
    measured = cluster.units(ladder.runs, 0, {small: 4, large: 1})
    assert sorted(len(unit) for unit in measured) == [1, 1, 1, 1, 1, 1, 4]
    for unit in measured:
        assert len({likeness(one.spec) for one in unit}) == 1
    together = {one.spec.run_id for unit in measured for one in unit}
    assert together == {one.spec.run_id for one in ladder.runs}
    branched = branches(texts, tmp_path / "b", seed=[0, 1])
    for population in (1, 0, 2):
        units = cluster.units(branched.runs, population, {})
        assert [len(unit) for unit in units] == [3, 3]
        assert all(len({one.labels["branch_of"] for one in unit}) == 1 for unit in units)


def test_a_task_measures_how_many_train_together(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    parcel = cluster.parcel_of(ladder, population=0)
    found = cluster.measure(ladder.runs[0].spec.to_dict(), 2, {"other": {}}, parcel)["results"][0]
    assert found["size"] in (1, 2)
    assert len(found["known"]) == 2


@pytest.mark.parametrize("sees_the_folder", [True, False])
def test_a_task_calls_a_trainer_of_ones_own(tmp_path, sees_the_folder) -> None:
    ladder = ladder_of(f"print('told', flush=True)\n{WRITES}", tmp_path / "a")
    (unit, other) = cluster.units(ladder.runs, 4, {})
    found = task(ladder, unit, population=4, sees_the_folder=sees_the_folder)
    assert found["error"] is None
    cluster.store(ladder, unit, found["results"])
    assert (ladder.home(unit[0].spec) / LOG).read_text().strip() == "told"
    assert [row["status"] for row in ladder.rows()] == ["ok"]
    elsewhere = replace(ladder, trainer_folder=tmp_path / "nowhere")
    found = task(elsewhere, other, sees_the_folder=sees_the_folder)
    assert found["error"]["code"] == "no_trainer_folder"


class FakeRay:
    """Gives what a task gave, or raises."""

    def __init__(self, found: object) -> None:
        self._found = found

    def get(self, _):
        if isinstance(self._found, Exception):
            raise self._found
        return self._found

    class exceptions:
        class RayError(Exception):
            pass

        class RayTaskError(RayError):
            pass

        class OutOfMemoryError(RayError):
            pass


def test_without_ray_the_extra_is_named(texts, tmp_path, monkeypatch) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError) as caught:
        cluster.run_cluster(ladder)
    assert "isoloss[train,ray]" in str(caught.value)


def test_an_unknown_engine_is_refused(tmp_path, capsys) -> None:
    assert main(["ladder", "run", "test", "--into", str(tmp_path), "--engine", "slurm"]) == 2
    assert "local or ray" in capsys.readouterr().err
