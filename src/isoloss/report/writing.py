"""How is a report written? As one HTML file, as Markdown for threads, as LaTeX for papers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isoloss.atomic import write_text
from isoloss.errors import InputError, Where
from isoloss.report.content import Content, collect

ENDINGS = (".html", ".md", ".tex")


def write_report(
    path: str | Path,
    *results: Any,
    figures: Sequence[str] | None = None,
    interactive: bool = False,
) -> Content:
    """Write a report of results to a file; its ending says how.

    Args:
        path: .html (one file that needs nothing else), .md or .tex.
        results: a fit, a plan, a backtest, runs, ..., at most one of each, in any order.
        figures: names of the figures; by default those that the results carry.
        interactive: HTML only: figures to zoom and to hover on the screen, 5 MB more.

    Returns:
        What the report says.

    Raises:
        InputError: another ending, results that do not belong together, or no room on the disk.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise InputError(
            f'found the ending "{ending}" where one of {", ".join(ENDINGS)} is expected.',
            code="unknown_format",
            where=Where(file=str(path)),
            hint="Choose .html to forward, .md for a thread, .tex for a paper.",
        )
    content = collect(*results, figures=figures)
    write_text(path, written(content, ending[1:], interactive=interactive))
    return content


def render(
    *results: Any,
    form: str = "html",
    figures: Sequence[str] | None = None,
    interactive: bool = False,
) -> str:
    """The text of a report: ``html``, ``md`` or ``tex``."""
    return written(collect(*results, figures=figures), form, interactive=interactive)


def written(content: Content, form: str, *, interactive: bool = False) -> str:
    """What a report says, in one of its forms."""
    if form == "html":
        from isoloss.report.html import page

        return page(content, interactive=interactive)
    if form == "md":
        from isoloss.report.markdown import markdown

        return markdown(content)
    from isoloss.report.latex import latex

    return latex(content)
