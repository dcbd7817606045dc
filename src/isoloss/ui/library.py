"""plotly.js out of the installed package ``plotly``, which is never imported for it."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

NAME = f"plotly-{version('plotly')}.min.js"
# A part of the library writes a style element into the page unless one of this id is there.
_STYLE = re.compile(rb'getElementById\("([0-9a-f]{64})"\)')


def path() -> Path:
    """Where the library lies."""
    found = find_spec("plotly")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "package_data" / "plotly.min.js"


@cache
def style_ids() -> tuple[str, ...]:
    """The ids that keep the library from writing styles, which the pages forbid and do not need."""
    return tuple(sorted({found.decode() for found in _STYLE.findall(path().read_bytes())}))
