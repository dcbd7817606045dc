"""Help and version: quick, plain, and true of every command."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from isoloss.cli.commands import COMMANDS
from isoloss.version import __version__

HEAVY = ("numpy", "scipy", "polars", "sympy", "rich", "cyclopts", "matplotlib")


def imported_by(*words: str) -> set[str]:
    code = (
        "import sys; from isoloss.cli.app import main; code = main(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_top_help_lists_every_command(run, words):
    result = run(*words)
    assert result.code == 0
    assert result.err == ""
    for command in COMMANDS:
        assert f"\n  {command.name} " in result.out


def test_help_and_version_import_nothing_heavy():
    for words in (["--help"], ["--version"], ["runs", "--help"]):
        assert not imported_by(*words).intersection(HEAVY)


def test_help_of_a_command_imports_no_numbers():
    assert not imported_by("fit", "--help").intersection({"numpy", "scipy", "polars", "sympy"})


def test_version(run):
    assert run("--version").out == f"{__version__}\n"


@pytest.mark.parametrize("words", [("runs",), ("runs", "--help"), ("--help", "runs")])
def test_group_help(run, words):
    result = run(*words)
    assert result.code == 0
    assert "runs exclude" in result.out
    assert "isoloss fit" not in result.out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_exists_and_explains_itself(run, command):
    module, _, name = command.target.partition(":")
    assert callable(getattr(importlib.import_module(module), name))
    result = run(*command.name.split(), "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: isoloss {command.name} ")
    assert "--json" in result.out or command.name == "ui"  # its answer is a server
    assert result.out.isascii()
    # Every option is explained: a name is never alone on its line with nothing below.
    for line, following in zip(result.out.splitlines(), result.out.splitlines()[1:], strict=False):
        if line.startswith("  --"):
            assert len(line.split("  ", 2)) > 2 or following.startswith(" " * 28), line


def test_module_answers_like_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "isoloss", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{__version__}\n"
