"""Which real runs come with isoloss, to try everything before one's own runs are there?

Each set is one CSV file with a card of the same name (``.md``) that explains its columns and units.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isoloss.errors import InputError

if TYPE_CHECKING:
    from isoloss.runs import Runs

_FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """The names of the shipped sets, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.csv")))


def path(name: str) -> Path:
    """Where the CSV file of a shipped set lies.

    Raises:
        InputError: there is no set of this name; the message lists those that exist.
    """
    if name not in names():
        raise InputError(
            f'found "{name}" where the name of a shipped set is expected.',
            code="unknown_dataset",
            hint=f"Shipped sets: {', '.join(names())}.",
        )
    return _FOLDER / f"{name}.csv"


def card(name: str) -> str:
    """The card of a shipped set (Markdown): origin, columns, units, known results.

    Raises:
        InputError: there is no set of this name.
    """
    return path(name).with_suffix(".md").read_text(encoding="utf-8")


def small_ladder() -> Runs:
    """The 237 small models, read: losses in nats per byte."""
    # Reading needs Polars; the paths above do not.
    from isoloss.runs import read

    return read(path("small_ladder"), loss_unit="nats/byte")
