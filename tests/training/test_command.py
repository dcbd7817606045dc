"""The commands of a ladder, from a file to a table, and what they refuse."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from isoloss.cli.app import main
from isoloss.document import plain
from tests.cli.test_documents import SCHEMAS

LADDER = """
name = "small"
[corpus]
sources = {{ text = "{texts}" }}
validation = 0.1
[base]
seq_len = 32
n_layers = 1
evals = 3
[[grid]]
d_model = 16
steps = 40
seed = [0, 1]
"""


@pytest.fixture
def spec(texts, tmp_path):
    path = tmp_path / "ladder.toml"
    path.write_text(LADDER.format(texts=texts))
    return path


def test_from_a_file_to_a_table_that_can_be_read(spec, tmp_path, capsys) -> None:
    home, table = tmp_path / "home", tmp_path / "runs.csv"
    assert main(["ladder", "run", str(spec), "--into", str(home), "--workers", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(SCHEMAS["ladder"]).validate(document)
    assert (document["done"], document["total"]) == (2, 2)
    assert main(["ladder", "next", str(home), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(SCHEMAS["ladder_next"]).validate(document)
    assert document["runs"] == []
    assert main(["ladder", "export", str(home), "--into", str(table)]) == 0
    capsys.readouterr()
    assert main(["runs", "check", str(table), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["n_ok"] == 2
    assert document["conventions"]["loss_unit"] == "nats/byte"


def test_what_is_still_to_be_trained_is_listed(spec, tmp_path, capsys) -> None:
    from isoloss.training.ladder import prepare
    from isoloss.training.templates import read_ladder

    home = tmp_path / "home"
    prepare(read_ladder(spec), home)
    assert main(["ladder", "next", str(home), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(SCHEMAS["ladder_next"]).validate(document)
    assert len(document["runs"]) == 2
    assert main(["ladder", "status", str(home)]) == 0
    assert "0 of 2 runs" in capsys.readouterr().out
    assert main(["ladder", "export", str(home), "--into", str(tmp_path / "t.csv")]) == 2
    assert "no run of this ladder is finished" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("status", "nowhere"), ("next", "nowhere")])
def test_a_folder_without_a_ladder_is_refused(words, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["ladder", *words]) == 2
    assert "no ladder in this folder" in capsys.readouterr().err


def test_without_torch_training_names_the_extra(spec, tmp_path, monkeypatch, capsys) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "torch" else real(name, *a)
    )
    assert main(["ladder", "run", str(spec), "--into", str(tmp_path / "home")]) == 2
    assert "isoloss[train]" in capsys.readouterr().err


def test_the_live_table_shows_runs_in_work(spec, tmp_path) -> None:
    from rich.console import Console

    from isoloss.cli.ladder_table import _table
    from isoloss.training.ladder import prepare
    from isoloss.training.progress import progress
    from isoloss.training.templates import read_ladder

    ladder = prepare(read_ladder(spec), tmp_path / "home")
    lines = (
        {"step": 10, "tokens": 1280, "seconds": 2.0, "train_loss": 2.5},
        {"step": 10, "tokens": 1280, "seconds": 2.0, "train_loss": None},
    )
    for planned, line in zip(ladder.runs, lines, strict=True):
        home = ladder.home(planned.spec)
        home.mkdir(parents=True)
        (home / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    console = Console(width=120, record=True, file=open(tmp_path / "out", "w"))  # noqa: SIM115
    found = progress(ladder, peak_flop_per_s=1e9)
    console.print(_table(found))
    console.file.close()
    text = console.export_text()
    assert "2.500" in text
    assert "640" in text
    assert text.count("6 s") == 2  # 3,840 tokens more at 640 a second
    share = 640 * 6 * (7168 + 0) / 1e9
    assert found.active[0].mfu == pytest.approx(share, rel=0.2)
    Draft202012Validator(SCHEMAS["ladder"]).validate(json.loads(json.dumps(plain(found.to_dict()))))
