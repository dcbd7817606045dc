"""Does a page show what a command prints? Words exactly, numbers to the digits that are shown."""

from __future__ import annotations

import re

import pytest

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def alike(shown: str, found: str) -> bool:
    """Equal texts, but for the last digits of numbers: these may differ between processors.

    A line ``...`` of the page stands for any lines.
    """
    return _lines_alike(shown.splitlines(), found.splitlines())


def _lines_alike(shown: list[str], found: list[str]) -> bool:
    if not shown:
        return not found
    if shown[0].strip() == "...":
        return any(_lines_alike(shown[1:], found[start:]) for start in range(len(found) + 1))
    return bool(found) and _line_alike(shown[0], found[0]) and _lines_alike(shown[1:], found[1:])


def _line_alike(shown: str, found: str) -> bool:
    if _NUMBER.sub("#", shown).split() != _NUMBER.sub("#", found).split():
        return False
    pairs = zip(_NUMBER.findall(shown), _NUMBER.findall(found), strict=True)
    return all(float(a) == pytest.approx(float(b), rel=0.05, abs=0.02) for a, b in pairs)
