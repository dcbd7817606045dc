"""A ladder on two nodes: the same table, nothing lost and nothing twice, whatever goes away."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from isoloss.cli.app import main
from isoloss.errors import InputError
from isoloss.training import cluster
from isoloss.training.ladder import Ladder
from isoloss.training.layout import PLAN
from isoloss.training.setting import Setting
from isoloss.training.worker import work
from tests.training.test_faults import a_ladder, digits

ROOT = Path(__file__).parents[2]
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray (extra ray)"
)


def corpus_of(ladder: Ladder) -> Path:
    assert ladder.corpus_folder is not None
    return ladder.corpus_folder


@pytest.mark.ray
@needs_ray
@pytest.mark.parametrize("what", ["lose-node", "stop"])
def test_two_nodes_make_the_table_of_one_machine(texts, tmp_path, what) -> None:
    cells = {"steps": 1500, "seed": [0, 1, 2, 3, 4, 5]}
    alone = a_ladder(texts, tmp_path / "alone", **cells)
    work(alone.folder, Setting())
    ladder = a_ladder(texts, tmp_path / "l", **cells)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    words = [sys.executable, str(Path(__file__).with_name("ray_ladder.py"))]
    done = subprocess.run(
        [*words, str(ladder.folder), what],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["events"][0] == what
    assert len(found["rows"]) == 6
    assert digits(ladder) == digits(alone)
    assert ladder.collect() == 6
    points = [(c["run_id"], c["step"]) for c in ladder.curves()]
    assert points == [(c["run_id"], c["step"]) for c in alone.curves()]


@pytest.mark.parametrize("sees_the_folder", [True, False])
def test_a_task_gives_the_row_of_the_run_with_or_without_a_common_disk(
    texts, tmp_path, sees_the_folder
) -> None:
    alone = a_ladder(texts, tmp_path / "alone")
    work(alone.folder, Setting())
    ladder = a_ladder(texts, tmp_path / "l")
    unit = cluster._plain([ladder.runs[0]])
    plan = (ladder.folder / PLAN).read_text() if sees_the_folder else "another"
    parcel = cluster._packed(corpus_of(ladder))
    found = cluster._train(unit, parcel, str(ladder.folder), plan, "cpu")
    assert found["error"] is None
    assert ladder.home(ladder.runs[0].spec).exists() == sees_the_folder
    cluster._store(ladder, [ladder.runs[0]], found["results"])
    assert digits(ladder) == digits(alone)[:1]


def test_what_hinders_a_task_comes_back_as_a_message(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", unique_tokens=10**9)
    unit = cluster._plain(ladder.runs[:1])
    parcel = cluster._packed(corpus_of(ladder))
    found = cluster._train(unit, parcel, "nowhere", "", "cpu")
    assert found["error"]["code"] == "small_corpus"

    class Ray:
        def get(self, _):
            return found

        class exceptions:
            RayTaskError = RayError = OSError

    with pytest.raises(InputError) as caught:
        cluster._result(Ray(), None)
    assert caught.value.code == "small_corpus"


def test_a_run_whose_machines_are_lost_is_marked(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    cluster._store(ladder, [ladder.runs[0]], None)
    row = ladder.row(ladder.runs[0].spec)
    assert row is not None
    assert "machine was lost" in row["reason"]


def test_without_ray_the_extra_is_named(texts, tmp_path, monkeypatch) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError) as caught:
        cluster.run_cluster(ladder)
    assert "isoloss[train,ray]" in str(caught.value)


def test_an_unknown_engine_is_refused(tmp_path, capsys) -> None:
    assert main(["ladder", "run", "test", "--into", str(tmp_path), "--engine", "slurm"]) == 2
    assert "local or ray" in capsys.readouterr().err
