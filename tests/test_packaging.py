"""What is installed is whole: one version, the typed marker, the command, the shipped runs."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path

import isoloss
from isoloss import datasets
from isoloss.version import __version__

ROOT = Path(__file__).resolve().parents[1]


def test_version_has_one_source() -> None:
    assert metadata.version("isoloss") == __version__ == isoloss.__version__


def test_typed_marker_and_shipped_runs_are_in_the_package() -> None:
    assert resources.files("isoloss").joinpath("py.typed").is_file()
    assert "small_ladder" in datasets.names()


def test_command_is_installed() -> None:
    (command,) = metadata.entry_points(group="console_scripts", name="isoloss")
    assert callable(command.load())


def test_python_dash_m_answers_like_the_command() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "isoloss", "--version"], capture_output=True, text=True, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    assert __version__ in finished.stdout


def test_only_declared_libraries_are_imported() -> None:
    """A library that is imported but not declared works here and fails on a bare machine."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {requirement.split(">=")[0] for requirement in project["dependencies"]}
    # Frames of other libraries are accepted as input, where the user has them.
    optional = {"pandas", "pyarrow"}
    known = declared | optional | {"isoloss"} | sys.stdlib_module_names
    # What training needs comes with its extra, and nothing else may ask for it.
    extra = {
        requirement.split(">=")[0] for requirement in project["optional-dependencies"]["train"]
    }
    rooms = ("src/isoloss/training/", "src/isoloss/cli/ladder")
    imported = {
        (name.split(".")[0], file.relative_to(ROOT).as_posix())
        for file in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    unknown = sorted((name, file) for name, file in imported if name not in known)
    assert [one for one in unknown if one[0] not in extra or not one[1].startswith(rooms)] == []
