"""Importing is quick, and each heavy library waits until something needs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"contourpy", "jinja2", "matplotlib", "numpy", "pandas", "plotly", "polars", "pyarrow"} | {
    "scipy",
    "sympy",
}


def heavy_after(code: str) -> set[str]:
    """The heavy libraries that a fresh interpreter has loaded after running the code."""
    finished = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys; print(json.dumps(list(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return HEAVY & set(json.loads(finished.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", ["isoloss", "isoloss.cli.app", "isoloss.atomic"])
def test_import_loads_nothing_heavy(module: str) -> None:
    assert heavy_after(f"import {module}") == set()


def test_this_test_can_fail() -> None:
    assert "numpy" in heavy_after("import numpy")


def test_every_public_name_resolves() -> None:
    import isoloss

    missing = [name for name in isoloss.__all__ if getattr(isoloss, name, None) is None]
    assert missing == []
    assert set(isoloss.__all__) <= set(dir(isoloss))


def test_unknown_name_is_an_attribute_error() -> None:
    import isoloss

    with pytest.raises(AttributeError, match="no_such_name"):
        _ = isoloss.no_such_name  # pyright: ignore[reportAttributeAccessIssue]
