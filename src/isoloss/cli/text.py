"""How does an answer look on a terminal? Aligned columns, plain letters, units said."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from isoloss.version import __version__

WIDTH = 96


def columns(rows: Iterable[Sequence[str]], *, align: str = "", indent: int = 2) -> str:
    """Rows as aligned columns.

    Args:
        rows: cells; all rows have the same length.
        align: one letter per column, ``<`` or ``>``; columns without a letter go left.
        indent: spaces before each row.
    """
    table = [[str(cell) for cell in row] for row in rows]
    if not table:
        return ""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    sides = align.ljust(len(widths), "<")[: len(widths)]
    lines = (
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        )
        for row in table
    )
    return "\n".join((" " * indent + line).rstrip() for line in lines)


def paragraph(text: str, indent: int = 2) -> str:
    """A text in lines of readable length."""
    pad = " " * indent
    return textwrap.fill(text, WIDTH, initial_indent=pad, subsequent_indent=pad)


def span(low: float, high: float) -> str:
    """A range of amounts, ``70M to 16B``."""
    from isoloss.runs import format_quantity

    return f"{format_quantity(low)} to {format_quantity(high)}"


def flop_text(flop: float) -> str:
    """An amount of FLOP, always with its exponent: ``5.77e11``."""
    mantissa, _, exponent = f"{flop:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def footer(data_hash: str | None, seed: int | None) -> str:
    """What is needed to find an answer again: data, seed and version."""
    parts = [] if data_hash is None else [f"data {data_hash[:12]}"]
    parts += [] if seed is None else [f"seed {seed}"]
    return "  " + ", ".join([*parts, f"isoloss {__version__}"])
