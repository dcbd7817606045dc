"""The page of a law and the law itself say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoloss.laws import LAWS
from isoloss.runs.quantities import format_quantity

PAGES = Path(__file__).resolve().parents[2] / "docs" / "laws"
FAMILY = {"power": "power", "floor": "power", "kaplan": "kaplan", "chinchilla": "chinchilla"}


def page_of(name: str) -> str:
    family = name.split("-")[0]
    return (PAGES / f"{FAMILY.get(family, family)}.md").read_text(encoding="utf-8")


def printed(value: float) -> str:
    return f"{value:.6g}".replace("e+", "e")


laws = pytest.mark.parametrize("law", LAWS.values(), ids=list(LAWS))


@laws
def test_the_page_has_formula_and_parameters(law):
    page = page_of(law.name)
    assert f"`{law.name}`" in page or f"# {law.name.capitalize()}" in page
    assert law.formula in page
    for name, part in law.where.items():
        assert f"{name} = {part}" in page
    for parameter in law.parameters:
        assert f"`{parameter.name}`" in page


@laws
def test_every_published_number_is_on_the_page(law):
    lines = page_of(law.name).splitlines()
    for entry in law.published:
        rows = [line for line in lines if line.startswith("|") and f"`{entry.key}`" in line]
        numbers = " | ".join(printed(entry.values[name]) for name in law.names)
        assert any(numbers in row for row in rows)
        facts = f"| {entry.n} | {entry.loss_unit} | "
        (fact,) = [row for row in rows if facts in row and entry.source in row]
        assert fact.endswith(f"| {entry.confidence} |")
        for variable, (low, high) in entry.range.items():
            assert f"{variable} {format_quantity(low)} to {format_quantity(high)}" in fact


@laws
def test_the_overview_links_to_the_page(law):
    family = law.name.split("-")[0]
    assert f"({FAMILY.get(family, family)}.md)" in (PAGES / "index.md").read_text(encoding="utf-8")
