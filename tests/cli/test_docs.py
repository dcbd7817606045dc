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
PAGES = (
    "command-line",
    "backtest",
    "compare",
    "diagnose",
    "forecast",
    "mix-data",
    "recipes",
    "repeat-data",
)
BLOCK = re.compile(r"```console\n(.*?)\n```", re.DOTALL)


@pytest.mark.parametrize("name", PAGES)
def test_output_on_the_page(run, tmp_path, small_ladder_path, name):
    shutil.copy(small_ladder_path, tmp_path / "runs.csv")
    shutil.copy(DOCS / "how-to" / "pools.csv", tmp_path / "pools.csv")

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
