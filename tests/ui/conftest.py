"""Servers that the tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.ui.server import Server, serving

READING = {"loss_unit": "nats/byte", "where": "study = 'ladder'"}


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server without runs."""
    with serving() as found:
        yield found


@pytest.fixture(scope="session")
def csv(small_ladder_path: Path) -> bytes:
    """A table as somebody would upload it."""
    return small_ladder_path.read_bytes()


@pytest.fixture(scope="session")
def query(server: Server, csv: bytes) -> dict[str, str]:
    """The state of the uploaded table."""
    where = server.upload("sweep.csv", csv, **READING).goes_to
    return dict(parse_qsl(urlsplit(where).query))
