"""What every result of this room can do: be read, printed in a notebook, and kept as JSON."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from isoloss.atomic import write_text
from isoloss.document import dumps
from isoloss.fitting import Quantity
from isoloss.runs import format_quantity
from isoloss.showing import Shown

if TYPE_CHECKING:
    from pathlib import Path


class Report(Shown):
    """A result that explains itself in text and as a document."""

    def summary(self) -> str:
        """The result in a few lines of text."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The result as a document in plain values."""
        raise NotImplementedError

    def save(self, path: str | Path) -> None:
        """Write the document to a JSON file.

        Raises:
            InputError: the file cannot be written.
        """
        write_text(path, dumps(self.to_dict()))

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"


def aligned(rows: Iterable[Sequence[str]], align: str = "", indent: int = 2) -> list[str]:
    """Rows as lines with aligned columns.

    Args:
        rows: cells; all rows have the same length.
        align: one letter per column, ``<`` or ``>``; columns without a letter go left.
        indent: spaces before each row.
    """
    table = [list(row) for row in rows]
    if not table:
        return []
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    sides = align.ljust(len(widths), "<")
    return [
        (
            " " * indent
            + "  ".join(f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=False))
        ).rstrip()
        for row in table
    ]


def percent(value: float, digits: int = 1) -> str:
    """A relative number with its sign, ``+2.0 %``; ``-`` where there is none."""
    return "-" if value != value else f"{100 * value:+.{digits}f} %"


def ends(quantity: Quantity, digits: int = 3) -> str:
    """A quantity with its interval, ``0.514 (0.44 to 0.59)``."""
    estimate = f"{quantity.estimate:.{digits}g}"
    if quantity.lo != quantity.lo:
        return estimate
    return f"{estimate} ({quantity.lo:.{digits}g} to {quantity.hi:.{digits}g})"


def amount(quantity: Quantity) -> str:
    """A quantity of parameters or tokens with its interval, ``59.8B (31.3B to 124B)``."""
    if not 0 < quantity.estimate < float("inf"):
        return "-"
    estimate = format_quantity(quantity.estimate)
    if quantity.lo != quantity.lo:
        return estimate
    return f"{estimate} ({_open(quantity.lo)} to {_open(quantity.hi)})"


def _open(value: float) -> str:
    return format_quantity(value) if 0 < value < float("inf") else "open"
