"""What did the user ask of a reading? The choices that come with ``isoloss.read``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from isoloss.errors import InputError, Where
from isoloss.runs.columns import BY_NAME, canonical_name
from isoloss.runs.conventions import PARAM_COLUMNS, PARAM_COUNTS


@dataclass(frozen=True)
class Request:
    """How the columns of a source are to be understood; see `isoloss.runs.read`."""

    n: str | None = None
    loss: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    scale: Mapping[str, float] = field(default_factory=dict[str, float])
    loss_unit: str | None = None
    flop_convention: str | None = None

    def __post_init__(self) -> None:
        for name, factor in self.scale.items():
            if not 0 < factor < float("inf"):
                raise InputError(
                    f'found {factor} as the scale of "{name}", not a positive number.',
                    code="bad_scale",
                    hint="Write it like tokens=1e9.",
                )
        for target in self.columns.values():
            if canonical_name(target) is None:
                raise unknown_column(target, list(BY_NAME), "a column of the runs table")

    def check_names(self, names: list[str], label: str) -> None:
        """Refuse choices that no table of the source can meet.

        Args:
            names: the columns of all tables.
            label: what the tables are called, for messages.

        Raises:
            InputError: a chosen column does not exist.
        """
        present = set(names)
        for name in self.columns:
            if name not in present:
                raise unknown_column(name, names, label=label)
        canonical = present | {canonical_name(name) for name in names} | set(self.columns.values())
        for name in self.scale:
            if name not in canonical:
                raise unknown_column(name, names, label=label)
        if self.loss is not None and self.loss not in present and self.loss != "loss":
            raise unknown_column(self.loss, names, label=label)
        if (
            self.n is not None
            and self.n not in present
            and self.n not in PARAM_COUNTS
            and self.n not in PARAM_COLUMNS
        ):
            raise unknown_column(self.n, [*names, *PARAM_COUNTS], label=label)


def unknown_column(
    name: str,
    names: list[str],
    kind: str = "a column of the input",
    label: str | None = None,
) -> InputError:
    """The error for a column that does not exist, with the closest that does."""
    close = difflib.get_close_matches(name, names, n=1)
    guess = f'Did you mean "{close[0]}"? ' if close else ""
    shown = ", ".join(names[:40]) + (", ..." if len(names) > 40 else "")
    return InputError(
        f'found "{name[:80]}" where the name of {kind} is expected.',
        code="unknown_column",
        where=Where(file=label),
        hint=f"{guess}There are: {shown}.",
    )
