"""Kill, damage, fill the disk: a ladder goes on and makes the same digits."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoloss.errors import InputError
from isoloss.training import runner, worker
from isoloss.training.checkpoints import load_checkpoint, save_checkpoint
from isoloss.training.ladder import Ladder, open_ladder, prepare
from isoloss.training.layout import ROW, RUNS
from isoloss.training.local import Place, run_local
from isoloss.training.locks import alone
from isoloss.training.templates import parse_ladder
from isoloss.training.worker import Setting, work

KILLS = 20
TIMES = ("wall_seconds", "mfu")


def a_ladder(texts: Path, folder: Path, **grid: object) -> Ladder:
    document = {
        "name": "kills",
        "corpus": {"sources": {"text": str(texts)}, "validation": 0.1},
        "base": {"seq_len": 32, "n_layers": 1, "evals": 4},
        "grid": [{"d_model": 16, "steps": 60, "seed": [0, 1], **grid}],
    }
    return prepare(parse_ladder(document), folder)


def digits(ladder: Ladder) -> list[dict[str, object]]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in ladder.rows()]


def start_worker(folder: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "isoloss.training.worker", str(folder)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*words, "--checkpoint-seconds", "0"], env=env)


def test_a_worker_killed_at_any_moment_goes_on_to_the_same_digits(texts, tmp_path) -> None:
    whole = a_ladder(texts, tmp_path / "whole", steps=1500)
    work(whole.folder, Setting())
    rng = random.Random(0)
    kills = ladders = 0
    # Where the training ends before twenty kills another ladder takes the rest of them.
    while kills < KILLS:
        killed = a_ladder(texts, tmp_path / f"killed-{ladders}", steps=1500)
        kills += end_by_kills(killed, KILLS - kills, rng)
        ladders += 1
        assert digits(killed) == digits(whole)
        assert values(killed) == values(whole)


def end_by_kills(ladder: Ladder, most: int, rng: random.Random) -> int:
    """Kill the worker of a ladder at random moments, then let it end; returns how often."""
    kills = 0
    while len(ladder.rows()) < len(ladder.runs):
        process = start_worker(ladder.folder)
        if kills < most:
            while not any(ladder.folder.glob("runs/*/attempts")) and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0.0, 0.4))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            # So many deaths of one worker would make the ladder give the run up.
            for file in ladder.folder.glob("runs/*/attempts"):
                file.unlink()
        process.wait()
    return kills


def values(ladder: Ladder) -> list[tuple[object, ...]]:
    """The points of all curves but the times."""
    points = [c for c in ladder.curves() if c["series"] != "seconds"]
    assert points
    return [(c["run_id"], c["step"], c["series"], c["value"]) for c in points]


def test_a_second_call_trains_nothing_again(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    assert work(ladder.folder, Setting()) == 2
    before = {p: p.stat().st_mtime_ns for p in ladder.folder.glob(f"runs/*/{ROW}")}
    assert work(ladder.folder, Setting()) == 0
    assert {p: p.stat().st_mtime_ns for p in ladder.folder.glob(f"runs/*/{ROW}")} == before


def test_a_longer_specification_keeps_what_is_done(texts, tmp_path) -> None:
    folder = tmp_path / "l"
    first = a_ladder(texts, folder)
    work(folder, Setting())
    longer = a_ladder(texts, folder, seed=[0, 1, 2])
    assert len(longer.rows()) == 2
    assert len(list(longer.waiting())) == 1
    assert {r["run_id"] for r in first.rows()} <= {p.spec.run_id for p in longer.runs}


def test_the_driver_replaces_a_killed_worker_and_writes_the_table(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", steps=400)
    shot: list[int] = []

    def shoot(_: Ladder) -> None:
        found = list(ladder.folder.glob("runs/*/lock"))
        pid = found[0].read_text() if found else ""
        if not shot and pid:
            os.kill(int(pid), signal.SIGKILL)
            shot.append(int(pid))

    assert run_local(ladder, [Place()], checkpoint_seconds=0.0, watch=shoot) == 2
    assert shot
    assert pl.read_parquet(ladder.folder / RUNS).height == 2


def test_a_run_whose_worker_dies_again_and_again_is_left_and_said(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    first = ladder.home(ladder.runs[0].spec)
    first.mkdir(parents=True)
    (first / "attempts").write_text(str(worker.MOST_ATTEMPTS))
    work(ladder.folder, Setting())
    row = ladder.row(ladder.runs[0].spec)
    assert row
    assert row["status"] == "excluded"
    assert "died" in row["reason"]
    assert len(ladder.rows()) == 2


def test_a_run_that_does_not_fit_into_memory_is_marked_and_the_ladder_goes_on(
    texts, tmp_path, monkeypatch
) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    real, calls = runner.carry_out, []

    def scarce(*arguments, **named):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ...")
        return real(*arguments, **named)

    monkeypatch.setattr(runner, "carry_out", scarce)
    work(ladder.folder, Setting())
    assert sorted(row["reason"] or "" for row in ladder.rows()) == ["", "out of memory"]


def state_at(step: int) -> dict[str, np.ndarray]:
    return {"step": np.array(step), "flat": np.full(5, float(step))}


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path) -> None:
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, state_at(step))
    newest = max(
        tmp_path.glob("checkpoint-*"), key=lambda p: int(load_one(tmp_path, p.name)["step"])
    )
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(bytes(content))
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert int(found["step"]) == 2
    newest.write_bytes(b"")
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert int(found["step"]) == 2


def load_one(folder: Path, name: str) -> dict[str, np.ndarray]:
    from isoloss.training.checkpoints import _read

    found = _read(folder / name)
    assert found is not None
    return found


def test_a_full_disk_leaves_both_states_before(tmp_path, monkeypatch) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, state_at(step))

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError) as caught:
        save_checkpoint(tmp_path, state_at(3))
    monkeypatch.undo()
    assert caught.value.code == "disk_full"
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert int(found["step"]) == 2


def test_two_ladders_do_not_work_in_one_folder(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    with alone(ladder.folder), pytest.raises(InputError) as caught, alone(ladder.folder):
        pass
    assert caught.value.code == "locked"
    assert str(os.getpid()) in str(caught.value)


def test_a_ladder_that_was_cut_off_is_refused_kindly(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    plan = ladder.folder / "ladder.json"
    plan.write_text(plan.read_text()[:100])
    with pytest.raises(InputError) as caught:
        open_ladder(ladder.folder)
    assert caught.value.code == "bad_ladder"
