"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from isoloss import datasets

ROOT = Path(__file__).resolve().parents[1]

# The same examples on every run, and no verdict that depends on how busy the machine is.
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def published_data() -> Path:
    """The folder with the published runs that certified values are computed from."""
    folder = Path(os.environ.get("ISOLOSS_PUBLISHED_DATA", ROOT / ".." / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"no published runs at {folder.resolve()}: set ISOLOSS_PUBLISHED_DATA to their folder"
        )
    return folder.resolve()


@pytest.fixture(scope="session")
def small_ladder_path() -> Path:
    """The 237 real runs of small models that are shipped in the package."""
    return datasets.path("small_ladder")
