"""How does the help of a command look? Two plain columns, the same on every terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

_COLUMN = 28
_WIDTH = 96


class HelpText:
    """Writes usage, description and options as plain text."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Write one list of arguments, options or commands."""
        width = min(_WIDTH, options.max_width)
        lines = [line for entry in panel.entries for line in _entry(entry, width)]
        if lines:
            _print(console, "\n".join([f"{_plain(panel.title)}:", *lines, ""]))

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:
        """Write the line that shows how the command is typed."""
        _print(console, f"Usage: {_plain(usage).removeprefix('Usage:').strip()}\n")

    def render_description(
        self, console: Console, options: ConsoleOptions, description: Any
    ) -> None:
        """Write what the command is for, paragraph by paragraph."""
        width = min(_WIDTH, options.max_width)
        paragraphs = (textwrap.fill(part, width) for part in _plain(description).split("\n\n"))
        _print(console, "\n\n".join(paragraphs) + "\n")


def _entry(entry: HelpEntry, width: int) -> list[str]:
    names = ", ".join(dict.fromkeys(entry.display_labels_with_metavar))
    said = _plain(entry.description)
    default = None if entry.default is None else _plain(entry.default)
    if default not in (None, "", "False", "None"):
        said = f"{said} [{default}]".strip()
    if entry.required:
        said = f"{said} (required)".strip()
    lines = textwrap.wrap(said, max(20, width - _COLUMN)) or [""]
    head = f"  {names}"
    first = [f"{head:<{_COLUMN}}{lines[0]}".rstrip()] if len(head) < _COLUMN - 1 else None
    indented = [" " * _COLUMN + line for line in lines]
    return [*first, *indented[1:]] if first else [head, *indented]


def _plain(value: Any) -> str:
    """The text of whatever Cyclopts hands over: words, rich text, or rich text with additions."""
    inner = getattr(value, "primary_renderable", value)
    return str(getattr(inner, "plain", inner) or "").strip()


def _print(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
