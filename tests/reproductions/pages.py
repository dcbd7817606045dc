"""The tables of docs/reproductions, held to freshly computed numbers digit by digit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reproductions"
NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
SUFFIX = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}

Cell = str | float | None


def table(page: str, heading: str) -> list[list[str]]:
    """The body rows of the first table below a heading of a page, as text."""
    lines = (FOLDER / page).read_text(encoding="utf-8").splitlines()
    starts = [i for i, line in enumerate(lines) if line.lstrip("#").strip() == heading]
    assert len(starts) == 1, f"{page}: {len(starts)} headings {heading!r}"
    rows: list[list[str]] = []
    for line in lines[starts[0] + 1 :]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    assert len(rows) > 2, f"{page}: no table below {heading!r}"
    return rows[2:]


def check(page: str, heading: str, expected: Sequence[Sequence[Cell]]) -> None:
    """Compare a table with computed rows: text as it stands, numbers to the last printed digit.

    None leaves a cell unchecked: what others printed.
    """
    found = table(page, heading)
    assert len(found) == len(expected), f"{page}, {heading}: {len(found)} rows, not {len(expected)}"
    wrong = [
        f"row {i + 1}, column {k + 1}: printed {text!r}, computed {value!r}"
        for i, (row, values) in enumerate(zip(found, expected, strict=True))
        for k, (text, value) in enumerate(zip(row, values, strict=True))
        if not _same(text, value)
    ]
    assert not wrong, f"{page}, {heading}:\n" + "\n".join(wrong)


def _same(text: str, value: Cell) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        return text == value
    if value != value:
        return text == "-"
    number, unit = printed(text)
    return abs(number - value) <= 1.001 * unit


def printed(text: str) -> tuple[float, float]:
    """The number in a cell and the size of its last digit; knows %, k, M, B and T."""
    match = NUMBER.search(text)
    assert match, f"no number in {text!r}"
    digits = match.group().replace("−", "-")
    mantissa, _, power = digits.partition("e")
    unit = 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))
    after = text[match.end() :].lstrip()
    scale = 0.01 if after.startswith("%") else SUFFIX.get(after[:1], 1.0)
    return float(digits) * scale, unit * scale
