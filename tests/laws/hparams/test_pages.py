"""The pages of the laws of learning rate and batch say what the laws say."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoloss.laws.hparams import list_hparam_laws
from isoloss.laws.hparams.horizon import EXPONENTS
from isoloss.runs.quantities import format_quantity

DOCS = Path(__file__).resolve().parents[3] / "docs"
FAMILY = {"ling-moe": "ling", "ling-dense": "ling", "kaplan-frontier": "kaplan-lr"}


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
