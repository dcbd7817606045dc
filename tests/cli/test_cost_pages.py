"""The pages about cost and shape show what the commands print.

ISOLOSS_REWRITE_DOCS=1 writes the pages anew instead of comparing.
"""

from __future__ import annotations

import os
import shlex
import shutil

import pytest

from tests.cli.test_docs import BLOCK, DOCS
from tests.comparing import alike

PAGES = ("hardware-and-cost.md", "shape.md")


@pytest.mark.parametrize("name", PAGES)
def test_output_on_the_page(run, tmp_path, timed, small_ladder_path, name):
    shutil.copy(timed, tmp_path / "timed.csv")
    shutil.copy(small_ladder_path, tmp_path / "runs.csv")
    path = DOCS / "how-to" / name

    def execute(block):
        parts = []
        for command in (line for line in block[1].splitlines() if line.startswith("$ ")):
            result = run(*shlex.split(command)[2:])
            parts += [command, (result.out or result.err).rstrip("\n")]
        return "```console\n" + "\n".join(parts) + "\n```"

    page = path.read_text(encoding="utf-8")
    fresh = BLOCK.sub(execute, page)
    if os.environ.get("ISOLOSS_REWRITE_DOCS"):
        path.write_text(fresh, encoding="utf-8")
        return
    for shown, found in zip(BLOCK.findall(page), BLOCK.findall(fresh), strict=True):
        assert alike(shown, found), f"shown:\n{shown}\n\nfound:\n{found}"
