"""Runs that are alike, side by side: the same runs as alone, whoever is beside them."""

from __future__ import annotations

import json

import pytest

from isoloss.training import population
from isoloss.training.checkpoints import saved_steps
from isoloss.training.layout import POPULATION
from isoloss.training.population import best_size
from isoloss.training.setting import Setting, Stopped
from isoloss.training.worker import work
from tests.training.runs import small
from tests.training.test_faults import a_ladder

SIDE_BY_SIDE = Setting(population=4)


def test_a_ladder_of_populations_has_the_rows_of_single_runs(texts, tmp_path) -> None:
    cells = {"seed": [0, 1, 2], "lr": [0.01, 0.02], "schedule": ["linear", "wsd"]}
    single = a_ladder(texts, tmp_path / "single", **cells)
    work(single.folder, Setting())
    together = a_ladder(texts, tmp_path / "together", **cells)
    assert work(together.folder, SIDE_BY_SIDE) == 12
    rows, expected = together.rows(), single.rows()
    assert [row["run_id"] for row in rows] == [row["run_id"] for row in expected]
    for row, other in zip(rows, expected, strict=True):
        assert row["loss"] == pytest.approx(other["loss"], rel=2e-4)
        # Each window moves by no more than the mean may.
        assert row["loss_se"] == pytest.approx(other["loss_se"], abs=2e-4 * other["loss"])
        assert set(row) == set(other)
        near = ("loss", "loss_se", "loss_text", "bits_per_byte", "train_loss_last")
        times = ("wall_seconds", "mfu")
        for name in set(row) - {*near, *times}:
            assert row[name] == other[name], name
    points = [(c["run_id"], c["step"]) for c in together.curves()]
    assert points == [(c["run_id"], c["step"]) for c in single.curves()]


def test_a_stopped_population_goes_on_in_any_company(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", steps=400, seed=[0, 1, 2])
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) == 4

    with pytest.raises(Stopped):
        work(ladder.folder, Setting(population=3), stop)
    kept = [saved_steps(ladder.home(planned.spec)) for planned in ladder.runs]
    assert all(kept)
    assert kept[0] == kept[1] == kept[2]
    work(ladder.folder, Setting(population=2))
    whole = a_ladder(texts, tmp_path / "whole", steps=400, seed=[0, 1, 2])
    work(whole.folder, Setting())
    for row, other in zip(ladder.rows(), whole.rows(), strict=True):
        assert row["loss"] == pytest.approx(other["loss"], rel=1e-3)


def test_a_run_that_is_further_than_the_others_is_not_thrown_back(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", steps=400, seed=[0, 1])
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) == 4

    with pytest.raises(Stopped):
        work(ladder.folder, Setting(), stop)
    first, second = (ladder.home(planned.spec) for planned in ladder.runs)
    before = max(saved_steps(first))
    assert before > 0
    assert not second.exists()
    work(ladder.folder, SIDE_BY_SIDE)
    rows = ladder.rows()
    assert [row["status"] for row in rows] == ["ok", "ok"]
    lines = (first / "metrics.jsonl").read_text().splitlines()
    seconds = [json.loads(line)["seconds"] for line in lines]
    assert seconds == sorted(seconds)


def test_one_run_that_diverges_leaves_the_others_alone(texts, tmp_path) -> None:
    cells = {"lr": [0.01, 1e4], "optimizer": "sgd", "clip": 0.0, "steps": 200, "seed": 0}
    single = a_ladder(texts, tmp_path / "single", **cells)
    work(single.folder, Setting())
    together = a_ladder(texts, tmp_path / "together", **cells)
    work(together.folder, SIDE_BY_SIDE)
    good, bad = together.rows()
    assert bad["reason"] == "diverged"
    assert bad["steps"] == single.rows()[1]["steps"]
    assert good["loss"] == pytest.approx(single.rows()[0]["loss"], rel=2e-4)


def test_a_population_that_does_not_fit_is_trained_one_by_one(texts, tmp_path, monkeypatch) -> None:
    from isoloss.training import runner

    ladder = a_ladder(texts, tmp_path / "l", seed=[0, 1, 2])
    real = runner.carry_out

    def scarce(specs, *arguments, **named):
        if len(specs) > 1:
            raise RuntimeError("CUDA out of memory.")
        return real(specs, *arguments, **named)

    monkeypatch.setattr(runner, "carry_out", scarce)
    work(ladder.folder, SIDE_BY_SIDE)
    assert [row["status"] for row in ladder.rows()] == ["ok"] * 3


def test_the_size_is_measured_once_and_kept(corpus, tmp_path, monkeypatch) -> None:
    paces = {1: 100.0, 2: 150.0, 4: 210.0, 8: 200.0, 16: 900.0}
    asked: list[int] = []

    def pace(spec, corpus, device, size) -> float:
        asked.append(size)
        return paces[size]

    monkeypatch.setattr(population, "_tokens_per_second", pace)
    spec = small(corpus.digest)
    assert best_size(spec, corpus, Setting(), 100, tmp_path) == 4
    assert asked == [1, 2, 4, 8]
    assert best_size(small(corpus.digest, steps=70, lr=0.1), corpus, Setting(), 100, tmp_path) == 4
    assert best_size(spec, corpus, Setting(), 3, tmp_path) == 2
    assert best_size(spec, corpus, Setting(), 1, tmp_path) == 1
    assert asked == [1, 2, 4, 8]
    best_size(small(corpus.digest, d_model=32), corpus, Setting(), 2, tmp_path)
    assert asked == [1, 2, 4, 8, 1, 2]
    assert len(json.loads((tmp_path / POPULATION).read_text())) == 2


def test_auto_measures_on_this_machine(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", seed=[0, 1])
    work(ladder.folder, Setting(population=0))
    kept = json.loads((ladder.folder / POPULATION).read_text())
    (found,) = kept.values()
    assert set(found["tokens_per_s"]) == {"1", "2"}
    assert all(pace > 0 for pace in found["tokens_per_s"].values())
    assert [row["status"] for row in ladder.rows()] == ["ok", "ok"]
