"""The pages about learning rate and batch show what the commands print, and what the laws say.

ISOLOSS_REWRITE_DOCS=1 writes the console blocks anew instead of comparing.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from isoloss.laws.hparams import list_hparam_laws
from isoloss.laws.hparams.horizon import EXPONENTS
from isoloss.runs.quantities import format_quantity
from tests.comparing import alike

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"```console\n(.*?)\n```", re.DOTALL)
FAMILY = {"ling-moe": "ling", "ling-dense": "ling", "kaplan-frontier": "kaplan-lr"}


@pytest.mark.parametrize("name", ["learning-rate-and-batch", "critical-batch"])
def test_output_on_the_page(run, tmp_path, steps_file, norms_file, name):
    shutil.copy(steps_file, tmp_path / "steps.csv")
    shutil.copy(norms_file, tmp_path / "norms.csv")

    def execute(block: re.Match[str]) -> str:
        parts: list[str] = []
        for command in (line for line in block[1].splitlines() if line.startswith("$ ")):
            result = run(*shlex.split(command)[2:])
            assert result.code == 0
            parts += [command, result.out.rstrip("\n")]
        return "```console\n" + "\n".join(parts) + "\n```"

    path = DOCS / "how-to" / f"{name}.md"
    page = path.read_text(encoding="utf-8")
    fresh = BLOCK.sub(execute, page)
    if os.environ.get("ISOLOSS_REWRITE_DOCS"):
        path.write_text(fresh, encoding="utf-8")
        return
    for shown, found in zip(BLOCK.findall(page), BLOCK.findall(fresh), strict=True):
        assert alike(shown, found), f"shown:\n{shown}\n\nfound:\n{found}"


def page_of(name: str) -> str:
    return (DOCS / "laws" / f"{FAMILY.get(name, name)}.md").read_text(encoding="utf-8")


def printed(value: float) -> str:
    return f"{value:.6g}".replace("e+", "e")


laws = pytest.mark.parametrize("law", list_hparam_laws(), ids=lambda law: law.name)


@laws
def test_the_page_of_a_law_has_its_formulas_and_parameters(law):
    page = page_of(law.name)
    assert f"`{law.name}`" in page
    assert f"$${law.latex()}$$" in page
    for one in law.formulas.values():
        assert f"`{one.formula}`" in page
    for parameter in law.parameters:
        assert f"| `{parameter.name}` | {parameter.meaning} |" in page


@laws
def test_every_published_number_is_on_the_page(law):
    lines = page_of(law.name).splitlines()
    names = [parameter.name for parameter in law.parameters]
    for one in law.published:
        start = f"| `{law.name}`, `{one.key}` | "
        rows = [line for line in lines if line.startswith(start)]
        values = [printed(one.values[n]) if n in one.values else "not confirmed" for n in names]
        assert f"{start}{' | '.join(values)} |" in rows
        (fact,) = [row for row in rows if f" | {one.source} | {one.confidence} |" in row]
        assert fact.startswith(f"{start}{one.n} |")
        for name, (low, high) in one.range.items():
            low_end = f"{format_quantity(low)} to" if low else "up to"
            assert f"{name} {low_end} {format_quantity(high)}" in fact
        for name, (low, high) in one.intervals.items():
            assert f"{start}`{name}` | {low:g} to {high:g} | {one.level:.0%} |" in rows


@laws
def test_the_overview_links_to_the_page(law):
    page = f"({FAMILY.get(law.name, law.name)}.md)"
    assert page in (DOCS / "laws" / "index.md").read_text(encoding="utf-8")


def test_the_exponents_of_the_horizon_are_on_its_page():
    for size, exponent in EXPONENTS.items():
        assert f"| {format_quantity(size)} | {exponent} |" in page_of("horizon")
