"""Files are written whole or not at all, results must belong together, commands can be typed."""

from __future__ import annotations

import errno
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from isoloss.errors import InputError
from isoloss.fitting import fit
from isoloss.planning import plan
from isoloss.report import collect, render, write_report
from isoloss.report.latex import escaped as tex
from isoloss.report.markdown import escaped as md
from tests.figures.conftest import sweep
from tests.report.conftest import HOSTILE


@pytest.mark.parametrize("ending", ["html", "md", "tex"])
def test_writes_by_the_ending(tmp_path: Path, found, answer, runs, ending):
    path = tmp_path / f"report.{ending}"
    write_report(path, found, answer, runs, figures=[])
    assert path.read_text(encoding="utf-8") == render(found, answer, runs, form=ending, figures=[])
    assert os.listdir(tmp_path) == [path.name]


def test_methods_of_results_write_the_same(tmp_path: Path, found, answer):
    import isoloss as iso

    answer.report(tmp_path / "a.md", found)
    found.report(tmp_path / "b.md", answer)
    iso.write_report(tmp_path / "c.md", found, answer)
    texts = {path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert len(texts) == 1


def test_unknown_ending(tmp_path: Path, found):
    with pytest.raises(InputError, match="expected") as caught:
        write_report(tmp_path / "report.docx", found)
    assert caught.value.code == "unknown_format"
    assert os.listdir(tmp_path) == []


def test_full_disk_leaves_the_old_report(tmp_path: Path, monkeypatch, found):
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="no room left"):
        write_report(path, found, figures=[])
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]


def test_killed_while_writing_leaves_the_old_report(tmp_path: Path, found):
    fit_file, path = tmp_path / "fit.json", tmp_path / "report.html"
    found.save(fit_file)
    path.write_text("old")
    code = (
        "import os, signal, sys\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from isoloss import Fit, write_report\n"
        "write_report(sys.argv[2], Fit.load(sys.argv[1]), figures=[])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(fit_file), str(path)], capture_output=True, timeout=60
    )
    assert done.returncode == -9
    assert path.read_text() == "old"


def test_results_of_other_runs_are_refused(found, answer):
    other = fit(sweep(noise=0.01), ci="none")
    with pytest.raises(InputError, match="not of the same runs") as caught:
        collect(other, answer)
    assert caught.value.code == "different_runs"


def test_a_plan_by_another_law_is_refused(found, runs):
    other = plan(fit(runs, "coupled", draws=20), 1e22)
    with pytest.raises(InputError, match="plan is by coupled") as caught:
        collect(found, other)
    assert caught.value.code == "different_laws"


def test_nothing_and_too_much(found, runs):
    with pytest.raises(InputError, match="nothing to report"):
        collect(runs)
    with pytest.raises(InputError, match="two results of the kind fit"):
        collect(found, replace(found, seed=1))
    with pytest.raises(InputError, match="no figure is made from"):
        collect(found, 3)
    with pytest.raises(InputError, match="name of a figure"):
        collect(found, figures=["no-such"])


def test_figures_that_cannot_be_made_are_said(found):
    content = collect(found, figures=["residuals", "backtest", "repetition"])
    assert [figure.key for figure in content.figures] == ["residuals"]
    titles = [title for title, _ in content.missing]
    assert titles == ["Predictions, drift and coverage", "What repeated data are worth"]
    assert "U" in content.missing[1][1]


def test_commands_give_the_results_again(tmp_path: Path, content, found, runs):
    """The fit and the plan that the commands make have the same numbers."""
    from isoloss.cli.app import main
    from isoloss.fitting import Fit
    from isoloss.planning import Plan

    table = tmp_path / "table.csv"
    runs.save(table)
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        for command in content.commands[:2]:
            words = shlex.split(command)[1:]
            words = [str(table) if word.startswith(("RUNS", "table")) else word for word in words]
            words = [str(table) if i == 1 and words[0] == "fit" else w for i, w in enumerate(words)]
            assert main([*words, "--quiet"]) == 0
        again = Fit.load("fit.json")
        assert dict(again.estimate) == dict(found.estimate)
        assert again.parameters["E"] == found.parameters["E"]
        assert Plan.load("plan.json").n_params.estimate > 0
    finally:
        os.chdir(before)


def test_commands_name_how_the_runs_were_read(tmp_path: Path, small_ladder_path):
    """A fit of the command line remembers its options, and the report repeats them."""
    from isoloss.cli.app import main
    from isoloss.fitting import Fit

    stored = tmp_path / "fit.json"
    where = "study = 'ladder' and seed = 0"
    words = ["fit", str(small_ladder_path), "--where", where, "--loss-unit", "nats/byte"]
    assert main([*words, "--draws", "20", "--save", str(stored), "--quiet"]) == 0
    command = collect(Fit.load(stored), figures=[]).commands[0]
    assert str(small_ladder_path.parent) not in command
    again = shlex.split(command)[2:]
    assert again[: again.index("--law")] == ["small_ladder.csv", *words[2:]]


def test_commands_name_every_setting(runs):
    from isoloss.fitting import Quantile, Squared

    some = fit(runs, objective=Quantile(0.2), ci="run", draws=30, seed=7, fixed={"E": 1.8})
    command = collect(some, figures=[]).commands[0]
    for part in ("--objective quantile:0.2", "--ci run", "--draws 30", "--seed 7", "--fix E=1.8"):
        assert part in command
    assert (
        "--objective squared"
        in collect(fit(runs, objective=Squared(), ci="none"), figures=[]).commands[0]
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_has_no_live_marks(name, content):
    text = md(name)
    assert re.sub(r"\\(.)", r"\1", text) == name
    assert "<" not in text.replace("\\<", "")
    assert "|" not in text.replace("\\|", "")


def test_markdown_tables_keep_their_columns(found, answer, tested, runs):
    text = render(found, answer, tested, runs, form="md", figures=[])
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}
        assert len(counts) == 1
    assert "## Methods" in text
    assert text.count("```") == 2


def test_latex_escapes_and_balances(found, answer, tested, runs):
    assert tex("50% & $x_1$ {a} ~ ^ \\ #") == (
        r"50\% \& \$x\_1\$ \{a\} \textasciitilde{} \textasciicircum{} \textbackslash{} \#"
    )
    assert tex("3×10¹³ FLOP") == r"3$\times$10$^{13}$ FLOP"
    text = render(found, answer, tested, runs, form="tex", figures=[])
    for name in ("table", "tabular", "description"):
        assert text.count(f"\\begin{{{name}}}") == text.count(f"\\end{{{name}}}") > 0
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert body.count("{") - body.count("\\{") == body.count("}") - body.count("\\}")
    for name in HOSTILE:
        assert name not in body
    assert all(ord(letter) < 128 for letter in body)
