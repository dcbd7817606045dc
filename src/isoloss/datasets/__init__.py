"""Which real runs come with isoloss, to try everything before one's own runs are there?

Each set is one table, CSV or Parquet, with a card of the same name (``.md``) that explains its
columns and units. A set may have its loss curves beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isoloss.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from isoloss.runs import Runs

_FOLDER = Path(__file__).parent
_ENDINGS = (".parquet", ".csv")


def names() -> tuple[str, ...]:
    """The names of the shipped sets, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.md")))


def path(name: str) -> Path:
    """Where the table of a shipped set lies.

    Raises:
        InputError: there is no set of this name; the message lists those that exist.
    """
    if name not in names():
        raise InputError(
            f'found "{name}" where the name of a shipped set is expected.',
            code="unknown_dataset",
            hint=f"Shipped sets: {', '.join(names())}.",
        )
    tables = (_FOLDER / f"{name}{ending}" for ending in _ENDINGS)
    return next(table for table in tables if table.exists())


def card(name: str) -> str:
    """The card of a shipped set (Markdown): origin, columns, units, known results.

    Raises:
        InputError: there is no set of this name.
    """
    return path(name).with_suffix(".md").read_text(encoding="utf-8")


def reference() -> Runs:
    """The reference ladder, read: losses in nats per byte; N counts the head, not the embedding.

    All of its studies: ``reference().where("study = 'isoflop'").best("lr")`` is what a law of N
    and D is fitted to.
    """
    # Reading needs Polars; the paths above do not.
    from isoloss.runs import read

    return read(path("reference"))


def reference_curves() -> pl.DataFrame:
    """The loss curves of the reference ladder: ``run_id, step, tokens, series, value``."""
    import polars as pl

    return pl.read_parquet(_FOLDER / "reference_curves.parquet")


def small_ladder() -> Runs:
    """The 237 runs of an earlier, smaller ladder, read: losses in nats per byte."""
    from isoloss.runs import read

    return read(path("small_ladder"), loss_unit="nats/byte")
