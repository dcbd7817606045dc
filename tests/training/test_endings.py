"""How a ladder ends: told to stop, left by its driver, with a full disk, or with dying workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from isoloss.cli.app import main
from isoloss.errors import InputError
from isoloss.training import local, runner
from isoloss.training.checkpoints import load_checkpoint
from isoloss.training.ladder import open_ladder, prepare
from isoloss.training.layout import ATTEMPTS, PLAN
from isoloss.training.local import Place, WorkerError, run_local
from isoloss.training.locks import alone
from isoloss.training.setting import Setting, Stopped
from isoloss.training.templates import parse_ladder
from isoloss.training.worker import MOST_ATTEMPTS, work
from tests.training.test_faults import a_ladder, digits

LONG = 100_000


def wait_for(what, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return True
    return state == "Z"


def test_told_to_stop_a_run_keeps_its_state_and_is_not_blamed(texts, tmp_path) -> None:
    whole = a_ladder(texts, tmp_path / "whole", steps=400)
    work(whole.folder, Setting())
    ladder = a_ladder(texts, tmp_path / "l", steps=400)
    first = ladder.home(ladder.runs[0].spec)
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) % 3 == 0

    for _ in range(MOST_ATTEMPTS + 1):
        with pytest.raises(Stopped):
            work(ladder.folder, Setting(checkpoint_seconds=1e9), stop)
    state = load_checkpoint(first)
    assert ladder.row(ladder.runs[0].spec) is not None or state is not None
    work(ladder.folder, Setting())
    assert digits(ladder) == digits(whole)


def test_deaths_count_only_while_a_run_gets_no_further(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", steps=200, seed=0)
    home = ladder.home(ladder.runs[0].spec)
    home.mkdir(parents=True)
    (home / ATTEMPTS).write_text(str(MOST_ATTEMPTS - 1))
    work(ladder.folder, Setting(checkpoint_seconds=0.0))
    assert (home / ATTEMPTS).read_text() == "0"
    assert ladder.rows()[0]["status"] == "ok"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_workers_end_with_their_driver_however_that_ends(texts, tmp_path, number) -> None:
    ladder = a_ladder(texts, tmp_path / "l", steps=LONG, seed=0)
    spec = tmp_path / "l.toml"
    spec.write_text(
        f'name = "kills"\n[corpus]\nsources = {{ text = "{texts}" }}\nvalidation = 0.1\n'
        f"[base]\nseq_len = 32\nn_layers = 1\nevals = 4\n[[grid]]\nd_model = 16\nsteps = {LONG}\n"
        "seed = 0\n"
    )
    words = [sys.executable, "-m", "isoloss", "ladder", "run", str(spec), "--workers", "1"]
    driver = subprocess.Popen(
        [*words, "--into", str(ladder.folder)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    home = ladder.home(ladder.runs[0].spec)
    wait_for(lambda: (home / "lock").exists() and (home / "lock").read_text())
    pid = int((home / "lock").read_text())
    wait_for((home / "metrics.jsonl").exists)
    driver.send_signal(number)
    said = driver.communicate(timeout=120)[1].decode()
    wait_for(lambda: gone(pid))
    # It had written no state of its own accord: thirty seconds had not passed.
    assert load_checkpoint(home) is not None
    if number == signal.SIGINT:
        assert said.strip().splitlines()[-1] == "isoloss: stopped."
        assert "Traceback" not in (ladder.folder / "worker-0.log").read_text()
        assert driver.returncode == 130
    with alone(ladder.folder):
        pass


def test_a_full_disk_in_a_worker_is_one_clear_message(texts, tmp_path, monkeypatch) -> None:
    ladder = a_ladder(texts, tmp_path / "l", seed=0)
    # A file size limit stands for the full disk: the system refuses to write, with EFBIG.
    starts = subprocess.Popen

    def small(words, **named):
        import resource

        def limit() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

        return starts(words, preexec_fn=limit, **named)

    monkeypatch.setattr(local.subprocess, "Popen", small)
    with pytest.raises(InputError) as caught:
        run_local(ladder, [Place()], checkpoint_seconds=0.0)
    assert caught.value.code == "disk_full"
    assert "no room left" in caught.value.message
    assert "checkpoint" in str(caught.value.where.file)


def test_workers_that_die_before_any_run_end_the_ladder(texts, tmp_path, monkeypatch) -> None:
    ladder = a_ladder(texts, tmp_path / "l", seed=0)
    monkeypatch.setattr(local.sys, "executable", str(tmp_path / "python"))
    (tmp_path / "python").write_text("#!/bin/sh\nkill -9 $$\n")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(WorkerError) as caught:
        run_local(ladder, [Place()])
    assert "end with code -9 before they begin a run: it said nothing" in str(caught.value)


def test_a_folder_in_use_is_left_as_it_is(texts, tmp_path, capsys) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    before = (ladder.folder / PLAN).read_bytes()
    with alone(ladder.folder):
        assert main(["ladder", "run", "test", "--into", str(ladder.folder)]) == 2
    assert "another ladder is running" in capsys.readouterr().err
    assert (ladder.folder / PLAN).read_bytes() == before


def test_a_folder_of_another_ladder_is_left_as_it_is(texts, tmp_path, capsys) -> None:
    ladder = a_ladder(texts, tmp_path / "l", seed=0, steps=20)
    before = (ladder.folder / PLAN).read_bytes()
    # Without finished runs nothing would be lost.
    other = parse_ladder({"name": "other", "trainer": "true", "run": [{}]})
    assert prepare(other, ladder.folder).name == "other"
    (ladder.folder / PLAN).write_bytes(before)
    work(ladder.folder, Setting())
    assert main(["ladder", "run", "test", "--into", str(ladder.folder)]) == 2
    said = capsys.readouterr().err
    assert 'the runs of another ladder, "kills"' in said
    assert (ladder.folder / PLAN).read_bytes() == before


def test_another_corpus_than_that_of_the_runs_is_noticed(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", seed=0, steps=20)
    assert ladder.corpus_folder is not None
    card = ladder.corpus_folder / "corpus.json"
    found = json.loads(card.read_text())
    card.write_text(json.dumps(found | {"digest": "0123456789abcdef"}))
    with pytest.raises(InputError) as caught:
        work(ladder.folder, Setting())
    assert caught.value.code == "other_corpus"
    assert "0123456789abcdef" in caught.value.message
    assert not ladder.rows()


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", "3", '{"name": "a", "runs": [3]}', '{"name": "a", "runs": []}'],
)
def test_a_plan_that_is_none_is_refused(tmp_path, content, capsys) -> None:
    (tmp_path / PLAN).write_text(content)
    for words in (["status"], ["next"], ["export", "--into", str(tmp_path / "t.csv")]):
        assert main(["ladder", words[0], str(tmp_path), *words[1:]]) == 2
        assert "not written by this version" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--device", "cuda:99"), "cannot use the device"),
        (("--population", "many"), "a number of runs, off or auto"),
        (("--into", "/dev/null/ladder"), "cannot be made"),
        (("--into", "/dev/null"), "cannot be made"),
        (("--into", ""), "an empty path"),
        (("--device", "gpu"), "cannot use the device"),
        (("--device", "meta"), "cannot use the device"),
        (("--device", "cpu", "--device", "cuda:99"), "cannot use the device"),
        (("--workers", "0"), "a whole number from 1"),
        (("--per-run", "0"), "a whole number from 1"),
        (("--per-run", "2", "--workers", "2"), "means nothing with --per-run"),
        (("--device", "cpu", "--workers", "2"), "means nothing with --device"),
        (("--engine", "ray", "--workers", "2"), "means nothing with --engine ray"),
        (("--engine", "ray", "--device", "cuda"), "means nothing with --engine ray"),
        (("--engine", "ray", "--per-run", "2"), "means nothing with --engine ray"),
        (("--engine", "ray", "--cpus", "-1"), "a number of zero or more"),
        (("--address", "auto"), "means nothing with --engine local"),
        (("--gpus", "1"), "means nothing with --engine local"),
    ],
)
def test_what_cannot_be_used_is_said(words, said, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["ladder", "run", "test", *words]) == 2
    assert said in capsys.readouterr().err


def test_runs_that_could_not_be_trained_are_tried_again_when_asked(
    texts, tmp_path, monkeypatch
) -> None:
    ladder = a_ladder(texts, tmp_path / "l", seed=0)
    with monkeypatch.context() as patch:

        def scarce(*_, **__):
            raise MemoryError

        patch.setattr(runner, "carry_out", scarce)
        work(ladder.folder, Setting())
    again = open_ladder(ladder.folder)
    assert again.rows()[0]["reason"] == "out of memory"
    assert again.forget() == 1
    work(ladder.folder, Setting())
    assert json.loads(json.dumps(again.rows()))[0]["status"] == "ok"
    assert again.forget() == 0


def test_a_run_that_diverges_is_marked_at_once_and_has_no_loss(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", steps=1000, lr=1e4, seed=0, clip=0.0, optimizer="sgd")
    work(ladder.folder, Setting())
    row = ladder.rows()[0]
    assert (row["status"], row["reason"], row["loss"]) == ("excluded", "diverged", None)
    assert row["steps"] < 1000
    assert ladder.forget() == 0
    assert ladder.collect() == 1
    assert os.path.exists(ladder.folder / "runs.parquet")
