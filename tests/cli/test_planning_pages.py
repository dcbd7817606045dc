"""The pages about serving and optimality show what the commands print.

ISOLOSS_REWRITE_DOCS=1 writes the pages anew instead of comparing.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from tests.comparing import alike

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "how-to"
BLOCK = re.compile(r"```console\n(.*?)\n```", re.DOTALL)


@pytest.mark.parametrize("name", ["serving", "optimality"])
def test_output_on_the_page(run, name):
    path = FOLDER / f"{name}.md"

    def execute(block: re.Match[str]) -> str:
        parts: list[str] = []
        for command in (line for line in block[1].splitlines() if line.startswith("$ ")):
            result = run(*shlex.split(command)[2:])
            parts += [command, (result.out or result.err).rstrip("\n")]
        return "```console\n" + "\n".join(parts) + "\n```"

    page = path.read_text(encoding="utf-8")
    fresh = BLOCK.sub(execute, page)
    if os.environ.get("ISOLOSS_REWRITE_DOCS"):
        path.write_text(fresh, encoding="utf-8")
        return
    assert BLOCK.search(page)
    for shown, found in zip(BLOCK.findall(page), BLOCK.findall(fresh), strict=True):
        assert alike(shown, found), f"shown:\n{shown}\n\nfound:\n{found}"
