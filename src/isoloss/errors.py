"""What went wrong, said to a person: the place, the value found, what was expected, how to mend it.

Every failure that a user can cause ends in one of these, so that the command line can print one
sentence, choose the exit code and, under ``--json``, write the document ``isoloss.error``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Where:
    """The place of a problem: a file, a row (1 is the first row after the header) and a field."""

    file: str | None = None
    row: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        parts = [
            self.file,
            f"row {self.row}" if self.row is not None else None,
            f'"{self.field}"' if self.field is not None else None,
        ]
        return ", ".join(part for part in parts if part)


class IsolossError(Exception):
    """Base of all errors that isoloss raises on purpose.

    Args:
        message: what was found and what was expected, one or two sentences.
        code: a stable word for programs, for example ``missing_column``.
        where: file, row and field, as far as they are known.
        hint: how to mend it, in words the user can type or do.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, code: str, where: Where | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.where = where or Where()
        self.hint = hint

    def __str__(self) -> str:
        place = str(self.where)
        sentence = f"{place}: {self.message}" if place else self.message
        return f"{sentence}\n{self.hint}" if self.hint else sentence

    def to_dict(self) -> dict[str, object]:
        """The fields of the document ``isoloss.error`` (without the envelope)."""
        where = {"file": self.where.file, "row": self.where.row, "field": self.where.field}
        return {"code": self.code, "message": self.message, "where": where, "hint": self.hint}


class InputError(IsolossError):
    """The input or the request is not usable as it stands (exit code 2)."""

    exit_code = 2


class EvidenceError(IsolossError):
    """The input is fine but cannot carry the answer that was asked for (exit code 3)."""

    exit_code = 3


class GateError(IsolossError):
    """A check that the user asked for did not pass (exit code 1)."""

    exit_code = 1
