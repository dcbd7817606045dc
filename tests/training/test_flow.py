"""The runs of a ladder flow into fit, backtest and plan: no option says what they are."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from isoloss.atomic import write_text
from isoloss.cli.app import main
from isoloss.document import dumps
from isoloss.errors import InputError
from isoloss.runs import read
from isoloss.training.batches import validation_windows
from isoloss.training.command import _row
from isoloss.training.ladder import Ladder, prepare
from isoloss.training.layout import ROW
from isoloss.training.models import token_losses
from isoloss.training.parametrization import scales
from isoloss.training.setting import Setting
from isoloss.training.templates import parse_ladder
from isoloss.training.trainer import Trainer
from isoloss.training.worker import work
from tests.training.test_faults import a_ladder

CONVENTIONS = {"n": "matmul", "flop": "palm", "loss_unit": "nats/byte"}


def lawful(folder, **told: object) -> Ladder:
    """A finished ladder whose losses follow a law, without any training."""
    document = {
        "name": "lawful",
        "trainer": "true",
        "isoflop": [
            {"budgets": [1e10, 3e10, 1e11, 3e11], "shapes": ["8x2", "16x2", "32x2", "48x2", "64x3"]}
        ],
    }
    ladder = prepare(parse_ladder(document), folder)
    rng = np.random.default_rng(0)
    for planned in ladder.runs:
        spec = planned.spec
        n = spec.model.architecture.count("matmul")
        loss = 1.2 + 20 / n**0.35 + 40 / spec.tokens**0.35
        found = {"loss": loss * np.exp(rng.normal(0, 0.003)), "loss_unit": "nats/byte", **told}
        row = _row(spec, found, 1.0, Setting(), planned.labels)
        ladder.home(spec).mkdir(parents=True)
        write_text(ladder.home(spec) / ROW, dumps(row))
    ladder.collect()
    return ladder


def test_a_folder_a_table_and_its_exports_are_the_same_runs(texts, tmp_path, capsys) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    work(ladder.folder, Setting())
    assert ladder.collect() == 2
    # The curves and the texts beside the runs are no runs.
    assert list(ladder.folder.rglob("*.jsonl"))
    found = read(ladder.folder)
    assert len(found) == 2
    assert found.conventions.to_dict() == CONVENTIONS
    assert "reason_input" not in found.frame.columns
    for ending in ("parquet", "csv", "tsv", "jsonl"):
        table = tmp_path / f"runs.{ending}"
        assert main(["ladder", "export", str(ladder.folder), "--into", str(table)]) == 0
        again = read(table)
        assert again.data_hash == found.data_hash
        assert again.conventions.to_dict() == CONVENTIONS
    capsys.readouterr()
    # A folder of ladders is all of their runs, each once.
    shutil.copytree(ladder.folder, tmp_path / "all" / "one")
    (tmp_path / "all" / "more.csv").write_bytes((tmp_path / "runs.csv").read_bytes())
    assert len(read(tmp_path / "all")) == 4


def test_the_loss_is_that_of_all_validation_texts_with_its_standard_error(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l", seed=0, steps=30)
    work(ladder.folder, Setting())
    (row,), spec, corpus = ladder.rows(), ladder.runs[0].spec, ladder.corpus()
    assert corpus is not None
    trainer = Trainer([spec], corpus)
    trainer.advance(30)
    windows = torch.from_numpy(validation_windows(corpus, "text", 32))
    assert len(windows) == (corpus.domains["text"].valid_tokens - 1) // 32
    with torch.no_grad():
        each = token_losses(
            spec.model,
            trainer._optimizer.weights,
            windows[None, :, :-1],
            windows[None, :, 1:],
            scales(spec),
        )[0]
    means = each.double().mean(dim=1)
    assert row["loss"] == pytest.approx(means.mean().item(), rel=1e-6)
    assert row["loss_se"] == pytest.approx(means.std().item() / len(means) ** 0.5, rel=1e-5)
    assert row["bits_per_byte"] == pytest.approx(row["loss"] / np.log(2))


def test_a_ladder_without_finished_runs_says_so(texts, tmp_path) -> None:
    ladder = a_ladder(texts, tmp_path / "l")
    with pytest.raises(InputError) as caught:
        read(ladder.folder)
    assert caught.value.code == "no_runs"


def test_fit_backtest_and_plan_need_no_option(tmp_path, capsys) -> None:
    home = str(lawful(tmp_path / "l").folder)
    saved = str(tmp_path / "fit.json")
    few = ["--draws", "20", "--json"]
    assert main(["fit", home, "--save", saved, *few]) == 0
    fit = json.loads(capsys.readouterr().out)
    assert fit["conventions"] == CONVENTIONS
    assert fit["parameters"]["E"]["estimate"] == pytest.approx(1.2, abs=0.15)
    assert main(["backtest", home, *few]) in (0, 3)
    assert json.loads(capsys.readouterr().out)["conventions"] == CONVENTIONS
    assert main(["plan", "1e13", "--fit", saved, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["conventions"]["n"] == "matmul"
    assert main(["ladder", "status", home]) == 0
    assert f"all done: isoloss fit {home}" in capsys.readouterr().out
    assert main(["approaches", home, *few]) == 0
    profiles = json.loads(capsys.readouterr().out)
    assert profiles["conventions"] == CONVENTIONS


@pytest.mark.parametrize(
    ("told", "n"),
    [
        ({}, "matmul"),
        ({"n_total": 1e6}, "total"),
        ({"n_nonemb": 1e6, "n_matmul": 2e6}, "matmul"),
        ({"params": 1e6}, "params"),
        ({"n_total": 1e6, "n_convention": "nonemb"}, "nonemb"),
    ],
)
def test_n_is_the_count_that_a_trainer_gives(tmp_path, told, n) -> None:
    ladder = lawful(tmp_path / "l", **told)
    assert read(ladder.folder).conventions.n == n


def test_reported_tokens_change_the_compute_as_well(tmp_path) -> None:
    whole = lawful(tmp_path / "whole").rows()[0]
    half = lawful(tmp_path / "half", tokens=whole["tokens"] / 2).rows()[0]
    assert half["flop"] == pytest.approx(whole["flop"] / 2)
    said = lawful(tmp_path / "said", tokens=whole["tokens"] / 2, flop=7e9).rows()[0]
    assert said["flop"] == 7e9


@pytest.mark.parametrize("bad", [False, True])
def test_a_run_that_diverged_changes_nothing_about_the_others(texts, tmp_path, bad) -> None:
    """A rate that never falls is set aside by the reading, whatever became of other runs."""
    cells: dict[str, object] = {"schedule": ["constant", "linear"], "seed": 0, "steps": 120}
    if bad:
        cells |= {"lr": [0.01, 1e4], "optimizer": "sgd", "clip": 0.0}
    ladder = a_ladder(texts, tmp_path / "l", **cells)
    work(ladder.folder, Setting())
    ladder.collect()
    frame = read(ladder.folder).frame
    reasons = dict(zip(frame["lr_schedule"], frame["reason"], strict=True)) if not bad else {}
    if bad:
        good = frame.filter(frame["lr"] < 1)
        assert set(frame.filter(frame["lr"] > 1)["reason"]) == {"diverged"}
        reasons = dict(zip(good["lr_schedule"], good["reason"], strict=True))
    assert reasons["linear"] is None
    assert "not decayed" in reasons["constant"]
    kept = read(ladder.folder, keep_undecayed=True).frame
    assert kept.filter(kept["status"] == "ok").height == 2
