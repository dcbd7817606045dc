"""Every single write of a ladder fails once: by death, or by a full disk. Nothing is lost by it.

| File | How it is written | Its failing is tested |
|---|---|---|
| ``corpora/<id>/*`` | in a hidden folder that is renamed when whole | here |
| ``ladder.json``, ``runs.parquet``, ``curves.parquet`` | beside, then moved over | here |
| ``row.json``, ``metrics.jsonl``, ``attempts`` of a run | likewise | here, test_faults |
| ``checkpoint-*.npz`` of a run or trunk | likewise, two in turn, hashed | here, test_faults |
| ``population.json`` | likewise | here |
| ``lock``, ``ladder.lock``, ``trainer.lock`` | held, and read by people only | here |
| ``trainer.log``, ``result.jsonl`` | by the trainer, which is called again | test_command_trainer |
| ``worker-<n>.log`` | by the system, for people | test_endings |
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from isoloss import atomic
from isoloss.errors import InputError
from isoloss.training import corpora, population
from isoloss.training.ladder import Ladder, prepare
from isoloss.training.layout import CURVES, PLAN, POPULATION, ROW, RUNS
from isoloss.training.locks import held
from isoloss.training.setting import Setting
from isoloss.training.templates import parse_ladder
from isoloss.training.worker import work
from tests.training.runs import small
from tests.training.test_faults import digits


class Killed(BaseException):
    """The process is gone: nothing after this runs, no file is tidied up."""


def whole_way(texts: Path, folder: Path) -> Ladder:
    """All that a driver and its worker write, for two branches of one trunk."""
    document = {
        "name": "writes",
        "corpus": {"sources": {"text": str(texts)}, "validation": 0.1},
        "base": {"seq_len": 32, "n_layers": 1, "d_model": 8, "evals": 2},
        "wsd": [{"tokens": [12 * 128, 20 * 128]}],
    }
    ladder = prepare(parse_ladder(document), folder)
    work(ladder.folder, Setting())
    ladder.collect()
    return ladder


class Disk:
    """Counts the writes of this process, and lets one of them fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: list[str] = []
        self.fails_at = -1
        self.how: Callable[[], BaseException] = Killed
        real_write, real_remove = Path.write_bytes, atomic._remove
        real_parquet, real_rmtree = pl.DataFrame.write_parquet, corpora.shutil.rmtree
        self.dead = False

        def write_bytes(path: Path, data: Any) -> int:
            self.count(path, lambda: real_write(path, bytes(data)[: len(data) // 2]))
            return real_write(path, data)

        def write_parquet(frame: pl.DataFrame, path: Any, **named: Any) -> None:
            self.count(path, lambda: real_write(Path(path), b"PAR1"))
            real_parquet(frame, path, **named)

        def remove(path: Path) -> None:
            if not self.dead:
                real_remove(path)

        def rmtree(path: Any, **named: Any) -> None:
            if not self.dead:
                real_rmtree(path, **named)

        monkeypatch.setattr(Path, "write_bytes", write_bytes)
        monkeypatch.setattr(pl.DataFrame, "write_parquet", write_parquet)
        monkeypatch.setattr(atomic, "_remove", remove)
        monkeypatch.setattr(corpora.shutil, "rmtree", rmtree)

    def count(self, path: Any, half: Callable[[], object]) -> None:
        """One more write; where it is the one to fail, half of it reaches the disk."""
        self.written.append(str(path))
        if len(self.written) - 1 == self.fails_at:
            half()
            error = self.how()
            self.dead = isinstance(error, Killed)
            raise error

    def failing(self, at: int, how: Callable[[], BaseException]) -> None:
        self.written, self.fails_at, self.how, self.dead = [], at, how, False

    def well(self) -> None:
        self.failing(-1, Killed)


@pytest.fixture
def disk(monkeypatch) -> Disk:
    return Disk(monkeypatch)


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def state_of(ladder: Ladder) -> object:
    frame = pl.read_parquet(ladder.folder / RUNS).drop("wall_seconds", "mfu")
    curves = pl.read_parquet(ladder.folder / CURVES).filter(pl.col("series") != "seconds")
    return digits(ladder), frame.to_dicts(), curves.to_dicts()


def test_a_death_or_a_full_disk_at_every_write_loses_nothing(texts, tmp_path, disk) -> None:
    expected = state_of(whole_way(texts, tmp_path / "whole"))
    count = len(disk.written)
    assert count > 20
    for how in (Killed, full):
        for at in range(count):
            folder = tmp_path / f"{how.__name__}-{at}"
            disk.failing(at, how)
            with pytest.raises((Killed, InputError)) as caught:
                whole_way(texts, folder)
            if isinstance(caught.value, InputError):
                assert caught.value.code == "disk_full"
                assert str(folder) in str(caught.value.where.file)
            disk.well()
            found = state_of(whole_way(texts, folder))
            assert found == expected, (how, at)


def test_every_kind_of_file_is_among_those_writes(texts, tmp_path, disk) -> None:
    ladder = whole_way(texts, tmp_path / "l")
    kinds = {Path(name).suffix for name in disk.written}
    assert kinds >= {".json", ".jsonl", ".npz", ".parquet", ""}
    for name in (PLAN, RUNS, CURVES):
        assert (ladder.folder / name).exists()
    assert all((ladder.home(one.spec) / ROW).exists() for one in ladder.runs)


def test_what_was_measured_of_populations_is_whole_or_measured_again(
    corpus, tmp_path, disk, monkeypatch
) -> None:
    paces = {1: 100.0, 2: 150.0, 4: 210.0, 8: 200.0}
    monkeypatch.setattr(population, "_tokens_per_second", lambda *of: paces[of[-1]])
    spec = small(corpus.digest)
    for at in range(4):
        disk.failing(at, Killed)
        with pytest.raises(Killed):
            population.best_size(spec, corpus, Setting(), 100, tmp_path)
        assert len(disk.written) == at + 1
        kept = json.loads((tmp_path / POPULATION).read_text()) if at else {}
        assert sum(len(one["tokens_per_s"]) for one in kept.values()) == at
        disk.well()
        if at == 3:
            assert population.best_size(spec, corpus, Setting(), 100, tmp_path) == 4
        (tmp_path / POPULATION).unlink(missing_ok=True)


def test_a_corpus_that_was_cut_off_while_it_was_built_is_built_again(
    texts, tmp_path, monkeypatch
) -> None:
    real, calls = corpora.Path.rename, []

    def rename(path: Path, target: Path) -> Path:
        calls.append(path)
        raise full()

    monkeypatch.setattr(corpora.Path, "rename", rename)
    with pytest.raises(InputError) as caught:
        corpora.build_corpus({"text": str(texts)}, tmp_path, validation=0.1)
    assert caught.value.code == "disk_full"
    monkeypatch.setattr(corpora.Path, "rename", real)
    assert not list(tmp_path.iterdir())
    # As a death leaves it: the folder in the making, half of a shard in it.
    calls[0].mkdir()
    (calls[0] / "text.train.bin").write_bytes(b"half")
    found = corpora.build_corpus({"text": str(texts)}, tmp_path, validation=0.1)
    assert len(found.tokens("text", "train")) == found.domains["text"].train_tokens


def test_a_lock_is_held_though_nothing_can_be_written_into_it(tmp_path, monkeypatch) -> None:
    def write(*_: object) -> int:
        raise full()

    monkeypatch.setattr(os, "write", write)
    with held(tmp_path / "lock") as mine:
        assert mine
        with held(tmp_path / "lock") as other:
            assert not other
