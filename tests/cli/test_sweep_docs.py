"""The page about sweeps shows what the commands print.

ISOLOSS_REWRITE_DOCS=1 writes the page anew instead of comparing.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

from tests.comparing import alike

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "sweeps.md"
BLOCK = re.compile(r"```console\n(.*?)\n```", re.DOTALL)


def test_output_on_the_page(run, tmp_path, small_ladder_path):
    shutil.copy(small_ladder_path, tmp_path / "runs.csv")

    def execute(block: re.Match[str]) -> str:
        parts: list[str] = []
        for command in (line for line in block[1].splitlines() if line.startswith("$ ")):
            result = run(*shlex.split(command)[2:])
            assert result.code == 0
            parts += [command, result.out.rstrip("\n")]
        return "```console\n" + "\n".join(parts) + "\n```"

    page = PAGE.read_text(encoding="utf-8")
    fresh = BLOCK.sub(execute, page)
    if os.environ.get("ISOLOSS_REWRITE_DOCS"):
        PAGE.write_text(fresh, encoding="utf-8")
        return
    for shown, found in zip(BLOCK.findall(page), BLOCK.findall(fresh), strict=True):
        assert alike(shown, found), f"shown:\n{shown}\n\nfound:\n{found}"
