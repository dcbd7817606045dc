"""The pages about commands show what the commands print.

ISOLOSS_REWRITE_DOCS=1 writes the pages anew instead of comparing.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.comparing import alike

DOCS = Path(__file__).resolve().parents[2] / "docs"
# Each page, and the files that its commands read: name on the page -> fixture.
PAGES = {
    "backtest": {"runs.csv": "small_ladder_path"},
    "command-line": {"runs.csv": "small_ladder_path"},
    "compare": {"runs.csv": "small_ladder_path"},
    "critical-batch": {"steps.csv": "steps_file", "norms.csv": "norms_file"},
    "design-pilot-runs": {"trained.csv": "trained_pilot"},
    "diagnose": {"runs.csv": "small_ladder_path"},
    "forecast": {"runs.csv": "small_ladder_path"},
    "hardware-and-cost": {"timed.csv": "timed"},
    "learning-rate-and-batch": {},
    "mix-data": {"runs.csv": "small_ladder_path", "pools.csv": "pools_of_the_page"},
    "optimality": {},
    "recipes": {"runs.csv": "small_ladder_path"},
    "repeat-data": {"runs.csv": "small_ladder_path", "pools.csv": "pools_of_the_page"},
    "serving": {},
    "shape": {"runs.csv": "small_ladder_path"},
    "sweeps": {"runs.csv": "small_ladder_path"},
}
BLOCK = re.compile(r"```console\n(.*?)\n```", re.DOTALL)


@pytest.fixture
def pools_of_the_page() -> Path:
    return DOCS / "how-to" / "pools.csv"


@pytest.fixture
def trained_pilot() -> Path:
    return DOCS / "how-to" / "pilot-runs.csv"


@pytest.mark.parametrize("name", PAGES)
def test_output_on_the_page(run, request, tmp_path, name):
    for file, fixture in PAGES[name].items():
        shutil.copy(request.getfixturevalue(fixture), tmp_path / file)

    def execute(block: re.Match[str]) -> str:
        parts: list[str] = []
        for command in (line for line in block[1].splitlines() if line.startswith("$ ")):
            result = run(*shlex.split(command)[2:])
            parts += [command, (result.out or result.err).rstrip("\n")]
        # A block that is right stays as it is, lines left out (...) included.
        found = "\n".join(parts)
        return block[0] if alike(block[1], found) else f"```console\n{found}\n```"

    page = DOCS / "how-to" / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    assert BLOCK.search(text)
    fresh = BLOCK.sub(execute, text)
    if os.environ.get("ISOLOSS_REWRITE_DOCS"):
        page.write_text(fresh, encoding="utf-8")
        return
    for shown, found in zip(BLOCK.findall(text), BLOCK.findall(fresh), strict=True):
        assert alike(shown, found), f"shown:\n{shown}\n\nfound:\n{found}"


def test_every_document_is_described():
    page = (DOCS / "reference" / "json.md").read_text(encoding="utf-8")
    schemas = DOCS.parent / "src" / "isoloss" / "schemas"
    for path in schemas.glob("*.json"):
        if path.stem != "common":
            assert f"`isoloss.{path.stem}`" in page
