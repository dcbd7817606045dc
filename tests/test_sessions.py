"""The sessions that the README and the pages show are what a user sees: they run, line by line.

Pages of how-to are checked by the tests of the room that they belong to.
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

from isoloss import datasets
from tests.comparing import alike

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(console|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [found[2] for found in _BLOCK.finditer(page.read_text()) if found[1] == language]


class Checker(doctest.OutputChecker):
    """Compares words exactly, numbers to the digits that are shown."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return alike(want, got)


@pytest.fixture
def folder(tmp_path: Path, small_ladder_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the sessions take place: the shipped runs lie there as runs.parquet and runs.csv."""
    shutil.copy(datasets.path("reference"), tmp_path / "runs.parquet")
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
            assert alike(wanted, finished.stdout), seen


def test_alike_sees_words_numbers_and_gaps() -> None:
    assert alike("N 52B  to 1.23e4", "N 52B to 1.24e4")
    assert not alike("N 52B", "N 58B")
    assert not alike("N 52B", "D 52B")
    assert not alike("N 52B", "N 52B 1")
    assert alike("a\n...\nc", "a\nb\nb\nc")
    assert not alike("a\n...\nc", "a\nb")
