"""A trainer of one's own: what it is told, what it leaves, and what happens when it fails."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import pytest

from isoloss.cli.app import main
from isoloss.errors import InputError
from isoloss.training import command
from isoloss.training.command import field_names, fill, read_result, split_template
from isoloss.training.ladder import Ladder, prepare
from isoloss.training.layout import LOG
from isoloss.training.locks import lent
from isoloss.training.progress import progress
from isoloss.training.setting import Setting, Stopped
from isoloss.training.spec import RunSpec, run_from_dict
from isoloss.training.templates import parse_ladder, read_ladder
from isoloss.training.worker import work
from tests.training.test_endings import gone, wait_for
from tests.training.test_faults import start_worker

EXAMPLES = Path(__file__).parents[2] / "examples"


def ladder_of(
    script: str, folder: Path, words: str = "{out} {lr}", seed: object = 0, **top: object
) -> Ladder:
    """A ladder of two runs, or of two for each seed, that are trained by some lines of Python."""
    file = folder / "train.py"
    folder.mkdir(exist_ok=True)
    file.write_text(f"import json, os, sys, time\nout = sys.argv[1]\n{script}\n")
    document = {
        "trainer": f"'{sys.executable}' '{file}' {words}",
        "grid": [{"d_model": 16, "n_layers": 1, "steps": 40, "lr": [0.01, 0.02], "seed": seed}],
        **top,
    }
    return prepare(parse_ladder(document), folder / "l")


WRITES = 'open(out, "w").write(json.dumps({"loss": 2.0 + float(sys.argv[2]), "note": "x"}))'


def test_a_command_is_called_once_for_each_run_and_its_columns_are_kept(tmp_path) -> None:
    ladder = ladder_of(f'open("{tmp_path}/calls", "a").write("c")\n{WRITES}', tmp_path / "a")
    assert not ladder.corpus_folder
    assert work(ladder.folder, Setting()) == 2
    assert work(ladder.folder, Setting()) == 0
    assert (tmp_path / "calls").read_text() == "cc"
    rows = ladder.rows()
    assert sorted(row["loss"] for row in rows) == [2.01, 2.02]
    assert {row["note"] for row in rows} == {"x"}
    assert {row["tokens"] for row in rows} == {40 * 4 * 128}
    assert all(row["status"] == "ok" and row["flop"] > 0 for row in rows)
    assert ladder.collect() == 2


def test_the_fields_are_in_the_environment_too(tmp_path) -> None:
    script = (
        'names = ("D_MODEL", "LR", "TOKENS", "TIED", "OUT", "RUN_ID")\n'
        'found = {n: os.environ["ISOLOSS_" + n] for n in names}\n'
        'assert found["OUT"] == out and found["TIED"] == "false"\n'
        'open(out, "w").write("a line before\\n" + json.dumps('
        '{"loss": 2, "told": found["D_MODEL"] + " " + found["LR"], "run_id": "mine"}) + "\\n")'
    )
    ladder = ladder_of(script, tmp_path / "a")
    work(ladder.folder, Setting())
    assert {row["told"] for row in ladder.rows()} == {"16 0.01", "16 0.02"}
    assert {row["run_id"] for row in ladder.rows()} == {p.spec.run_id for p in ladder.runs}


def test_a_trainer_is_part_of_the_identity_and_of_the_document() -> None:
    own, other = RunSpec(trainer="a {out}"), RunSpec(trainer="b {out}")
    assert len({RunSpec().run_id, own.run_id, other.run_id}) == 3
    assert run_from_dict(own.to_dict()) == own
    assert "trainer" not in RunSpec().to_dict()


def test_no_value_becomes_a_second_word_or_command() -> None:
    words = [fill(word, {"out": "a b; rm $HOME 'x"}) for word in split_template("t '{out}' x{out}")]
    assert words == ["t", "a b; rm $HOME 'x", "xa b; rm $HOME 'x"]
    assert [fill(word, {}) for word in split_template("t {{out}}")] == ["t", "{out}"]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("", "empty"),
        ("train 'half", "cannot be split"),
        ("train {learning_rate}", 'no field "learning_rate"'),
        ("train {lr.__class__}", 'no field "lr.__class__"'),
        ("train {0}", 'no field "0"'),
        ("train {lr", "stands alone"),
        (["train"], "in one line of text"),
    ],
)
def test_templates_that_cannot_be_used_are_named(template, said) -> None:
    with pytest.raises(InputError) as caught:
        parse_ladder({"trainer": template, "run": [{}]})
    assert said in str(caught.value)
    assert caught.value.where.field == "trainer"


def test_every_field_that_the_docs_name_exists() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/train-a-ladder.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| `{run_id}`"))
    told = {word.strip("`{} ") for word in row.split("|")[1].split(",")}
    assert told <= set(field_names())


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('print("no room"); sys.exit(3)', "it ended with 3; it said last: no room"),
        ("raise ValueError('odd width')", "it said last: ValueError: odd width"),
        ("os.kill(os.getpid(), 9)", "ended by signal 9; it said nothing"),
        ("pass", "wrote no result"),
        ("open(out, 'w').write('loss: 2')", "found 'loss: 2' where a line of JSON"),
        ("open(out, 'w').write('{}')", "found None where the loss"),
        ("open(out, 'w').write('{\"loss\": true}')", "found True where the loss"),
        ("open(out, 'w').write('{\"loss\": 1, \"a\": [1]}')", 'column "a" is no single value'),
        ('open(out, \'w\').write(\'{"loss": 1, "tokens": "9"}\')', "found '9' where tokens"),
    ],
)
def test_a_trainer_that_fails_is_said_and_the_ladder_goes_on(tmp_path, script, said) -> None:
    ladder = ladder_of(
        f"if sys.argv[2] == '0.01':\n    {script}\n    sys.exit()\n{WRITES}", tmp_path
    )
    assert work(ladder.folder, Setting()) == 2
    bad, good = sorted(ladder.rows(), key=lambda row: row["status"])
    assert (bad["status"], bad["loss"], good["loss"]) == ("excluded", None, 2.02)
    assert "the trainer failed 3 times" in bad["reason"]
    assert said in bad["reason"]


def test_a_trainer_that_fails_once_is_tried_again(tmp_path) -> None:
    mark = tmp_path / "mark"
    once = f'if not os.path.exists("{mark}"):\n    open("{mark}", "w").close(); sys.exit(1)\n'
    ladder = ladder_of(once + WRITES, tmp_path)
    work(ladder.folder, Setting())
    assert {row["status"] for row in ladder.rows()} == {"ok"}


def test_a_trainer_may_report_that_it_diverged(tmp_path) -> None:
    ladder = ladder_of("open(out, 'w').write(json.dumps({'loss': float('nan')}))", tmp_path)
    work(ladder.folder, Setting())
    assert {(row["reason"], row["loss"]) for row in ladder.rows()} == {("diverged", None)}


def test_a_trainer_that_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(command, "TRIES", 1)
    script = (
        "import subprocess\n"
        "if sys.argv[2] == '0.01':\n"
        "    inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "    print('begun', inner.pid, flush=True); inner.wait()\n"
    )
    ladder = ladder_of(script + WRITES, tmp_path, timeout_seconds=6)
    began = time.monotonic()
    work(ladder.folder, Setting())
    assert time.monotonic() - began < 300
    slow, good = sorted(ladder.rows(), key=lambda row: row["status"])
    assert "took longer than 6 s; it said last: begun" in slow["reason"]
    assert gone(int(slow["reason"].split()[-1]))
    assert good["loss"] == 2.02


def test_told_to_stop_the_command_is_ended_and_the_run_not_blamed(tmp_path) -> None:
    ladder = ladder_of("print('begun', flush=True); time.sleep(60)", tmp_path)
    log = ladder.home(ladder.runs[0].spec) / LOG
    with pytest.raises(Stopped):
        work(ladder.folder, Setting(), lambda: log.exists() and bool(log.read_text()))
    assert not ladder.rows()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_command_never_outlives_its_worker_nor_runs_beside_another(tmp_path) -> None:
    """Neither the command nor what it started, however its worker ends."""
    script = (
        "import subprocess\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        'home = os.environ["ISOLOSS_HOME"]\n'
        'open(home + "/pids", "w").write(f"{os.getpid()} {inner.pid}\\n")\n'
        "inner.wait()"
    )
    ladder = ladder_of(script, tmp_path)
    home = ladder.home(ladder.runs[0].spec)
    worker = start_worker(ladder.folder)
    wait_for(lambda: (home / "pids").exists() and (home / "pids").read_text().endswith("\n"))
    pids = [int(word) for word in (home / "pids").read_text().split()]
    assert not any(gone(pid) for pid in pids)
    worker.kill()
    worker.wait()
    wait_for(lambda: all(gone(pid) for pid in pids), seconds=20)
    # A successor waits until the last one is gone.
    with lent(home / "trainer.lock", lambda: False):
        (home / "pids").unlink()
        asked: list[int] = []

        def stop() -> bool:
            asked.append(1)
            return len(asked) == 4

        with pytest.raises(Stopped):
            work(ladder.folder, Setting(), stop)
        assert not (home / "pids").exists()


def test_a_command_that_cannot_be_started_is_said(tmp_path) -> None:
    document = {"trainer": "no-such-trainer {out}", "run": [{"d_model": 16, "steps": 12}]}
    ladder = prepare(parse_ladder(document), tmp_path / "l")
    work(ladder.folder, Setting())
    assert "no-such-trainer cannot be started (No such file" in ladder.rows()[0]["reason"]


def test_the_folder_of_a_trainer_must_be_there(tmp_path) -> None:
    (tmp_path / "here").mkdir()
    file = tmp_path / "here" / "l.toml"
    file.write_text('trainer = "true"\n[[run]]\nsteps = 12\n')
    ladder = prepare(read_ladder(file), tmp_path / "l")
    file.unlink()
    file.parent.rmdir()
    with pytest.raises(InputError) as caught:
        work(ladder.folder, Setting())
    assert caught.value.code == "no_trainer_folder"


def test_a_trainer_may_write_a_curve_of_its_own(tmp_path) -> None:
    """Whatever stands in it, tables and status can be made of it."""
    lines = (
        {"step": 10, "tokens": 5120, "seconds": 2.0, "train_loss": 3.0, "note": "x", "ok": None},
        {"loss": 3.0},
        {"step": "ten", "tokens": 5120},
        {"step": math.nan, "tokens": 5120},
        [1],
        {"step": 20, "tokens": 10240, "val_loss": 2.5},
    )
    ladder = ladder_of("", tmp_path)
    home = ladder.home(ladder.runs[0].spec)
    home.mkdir(parents=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (home / "metrics.jsonl").write_text(text + "no JSON\n{")
    points = {(c["step"], c["series"], c["value"]) for c in ladder.curves()}
    assert points == {
        (10, "seconds", 2.0),
        (10, "train_loss", 3.0),
        (10, "ok", None),
        (20, "val_loss", 2.5),
    }
    (active,) = progress(ladder).active
    assert (active.step, math.isnan(active.loss)) == (20, True)
    assert ladder.collect() == 0


def test_a_result_is_its_last_line(tmp_path) -> None:
    path = tmp_path / "r"
    path.write_text('{"loss": 3}\n{"loss": NaN}\n')
    assert math.isnan(read_result(path)["loss"])


def test_the_example_trains_a_small_ladder_that_can_be_exported(texts, tmp_path, capsys) -> None:
    text = "".join(file.read_text() for file in sorted(texts.iterdir()))
    (tmp_path / "text.txt").write_text(text)
    (tmp_path / "nano_train.py").write_bytes((EXAMPLES / "nano_train.py").read_bytes())
    content = (EXAMPLES / "own-trainer.toml").read_text()
    small = content.replace('"""python', f'"""{sys.executable}')
    small = small.replace("[3e9, 1e10, 3e10]", "[1e9]").replace(', "48x2"', "")
    assert sys.executable in small
    assert "1e9" in small
    (tmp_path / "own.toml").write_text(small)
    home, table = tmp_path / "home", tmp_path / "runs.csv"
    words = ["ladder", "run", str(tmp_path / "own.toml"), "--into", str(home), "--workers", "1"]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["excluded"] == {}
    assert document["done"] == document["total"] == 3
    assert main(["ladder", "export", str(home), "--into", str(table)]) == 0
    capsys.readouterr()
    assert main(["runs", "check", str(table), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["conventions"]["loss_unit"] == "nats/byte"
