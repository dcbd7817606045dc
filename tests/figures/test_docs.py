"""The page about figures: all figures are on it, its pictures are drawings of this version."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from isoloss.figures import CATALOGUE

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
PAGE = (HOW_TO / "figures.md").read_text(encoding="utf-8")


def test_every_figure_is_on_the_page():
    rows = re.findall(r"^\| `([a-z-]+)` \| (F\d+) \|", PAGE, flags=re.M)
    assert rows == [(entry.key, entry.number) for entry in CATALOGUE]


@pytest.mark.parametrize("name", ["iso-loss", "isoflop"])
def test_pictures_are_small_and_need_nothing(name):
    text = (HOW_TO / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    assert f"pictures/{name}.svg" in PAGE
    assert len(text) < 200_000
    links = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "<script" not in text


def test_the_caption_on_the_page_is_that_of_the_picture():
    text = (HOW_TO / "pictures" / "iso-loss.svg").read_text(encoding="utf-8")
    found = re.search(r"<desc>(.*?)</desc>", text, flags=re.DOTALL)
    assert found is not None
    quoted = " ".join(
        line.removeprefix("> ") for line in PAGE.splitlines() if line.startswith("> ")
    )
    assert quoted.replace("\\*", "*") == found[1].strip()
