"""The sessions that the README and the pages show are what a user sees: they run, line by line.

Words must agree; numbers to 5 %, because the last digits of an interval may differ by machine.
A line ``...`` stands for any lines.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(console|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def blocks(page: Path, language: str) -> list[str]:
    return [found[2] for found in _BLOCK.finditer(page.read_text()) if found[1] == language]


def same_line(wanted: str, got: str) -> bool:
    words = [" ".join(_NUMBER.sub("#", line).split()) for line in (wanted, got)]
    numbers = [[float(number) for number in _NUMBER.findall(line)] for line in (wanted, got)]
    return words[0] == words[1] and numbers[0] == pytest.approx(numbers[1], rel=0.05)


def same(wanted: list[str], got: list[str]) -> bool:
    """Whether the lines agree, where ``...`` among the wanted ones matches any lines."""
    if not wanted:
        return not got
    if wanted[0].strip() == "...":
        return any(same(wanted[1:], got[start:]) for start in range(len(got) + 1))
    return bool(got) and same_line(wanted[0], got[0]) and same(wanted[1:], got[1:])


class Checker(doctest.OutputChecker):
    """Compares as the module says."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return same(want.splitlines(), got.splitlines())


@pytest.fixture
def folder(tmp_path: Path, small_ladder_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the sessions take place: the shipped runs lie there as runs.csv."""
    shutil.copy(small_ladder_path, tmp_path / "runs.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "pycon")], ids=lambda page: page.name
)
def test_python_sessions(page: Path, folder: Path) -> None:
    session = "\n".join(blocks(page, "pycon"))
    test = doctest.DocTestParser().get_doctest(session, {}, page.name, str(page), 0)
    report: list[str] = []
    doctest.DocTestRunner(Checker(), verbose=False).run(test, out=report.append)
    assert "".join(report) == ""


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "console")], ids=lambda page: page.name
)
def test_command_sessions(page: Path, folder: Path) -> None:
    # The command of this interpreter, as wide as a page.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "COLUMNS": "100"}
    for block in blocks(page, "console"):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, wanted = step.partition("\n")
            finished = subprocess.run(
                command, shell=True, cwd=folder, env=environment, capture_output=True, text=True
            )
            seen = f"$ {command}\n{finished.stdout}{finished.stderr}"
            assert same(wanted.splitlines(), finished.stdout.splitlines()), seen


def test_lines_compare_by_words_and_numbers() -> None:
    assert same(["N  1.00 to 2"], ["N 1.01 to 2"])
    assert not same(["N 1.00 to 2"], ["N 1.10 to 2"])
    assert not same(["N 1.00"], ["D 1.00"])
    assert same(["a", "...", "c"], ["a", "b", "b", "c"])
    assert not same(["a", "...", "c"], ["a", "b"])
