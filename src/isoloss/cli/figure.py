"""``isoloss figure``: draw a figure from stored results, for print or for the screen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from isoloss.cli.documents import document
from isoloss.cli.options import OUTPUT, READING, Amount, Output, Reading
from isoloss.cli.text import columns
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.figures import Entry, Figure


def figure(
    name: str | None = None,
    *results: str,
    out: Annotated[str | None, Parameter(name=["--out", "-o"])] = None,
    target: Amount | None = None,
    theme: str = "light",
    list: bool = False,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> None:
    """Draw a figure from stored results, for print or for the screen.

    For example: isoloss figure iso-loss fit.json plan.json -o f.pdf. PDF and SVG are for papers
    (column or text width, 8 point letters), PNG for slides, HTML for the screen (one file, to zoom
    and to hover), JSON is Plotly's. The caption goes to standard output.

    Args:
        name: Of the figure, such as iso-loss or F3; --list shows all.
        results: Stored results: a fit, a plan, a backtest; other files are tables of runs.
        out: The file to write; its ending says how: .pdf, .svg, .png, .html or .json.
        target: Compute in FLOP that the axes reach; that of the plan by default.
        theme: light or dark.
        list: Show which figures there are and what each needs.
        reading: How tables of runs are read.
        output: How the answer is written.
    """
    from isoloss.figures import CATALOGUE, build, find
    from isoloss.figures.documents import load_results

    if list:
        output.give(text=lambda: _listed(CATALOGUE), document=lambda: _list_document(CATALOGUE))
        return
    if name is None:
        raise InputError(
            "it is not said which figure to draw.",
            code="missing_argument",
            where=Where(field="NAME"),
            hint="isoloss figure --list shows them; isoloss figure iso-loss fit.json -o f.pdf "
            "draws one.",
        )
    find(name)
    if out is None:
        raise InputError(
            "it is not said where to draw.",
            code="missing_argument",
            where=Where(field="--out"),
            hint="Add -o f.pdf (or .svg, .png, .html, .json).",
        )
    check_out(out, results, endings=(".pdf", ".svg", ".png", ".html", ".json"))
    with output.working("drawing ..."):
        drawn = build(name, *load_results(results, reading.read), target=target)
        drawn.save(out, theme=theme)
    output.note(f"-> {out}")
    output.give(
        text=lambda: f"{drawn.title}\n{drawn.caption}", document=lambda: _document(drawn, out)
    )


def check_out(out: str, inputs: Sequence[str], endings: Sequence[str]) -> None:
    """Refuse to draw over anything but an older drawing, before the work.

    Raises:
        InputError: another ending, no such folder, a file that is read, or a stored result.
    """
    from isoloss.figures.documents import schema_of

    ending = os.path.splitext(out)[1].lower()
    if ending not in endings:
        raise InputError(
            f'found the ending "{ending}" where one of {", ".join(endings)} is expected.',
            code="unknown_format",
            where=Where(file=out, field="--out"),
        )
    folder = os.path.dirname(os.path.abspath(out))
    if not os.path.isdir(folder):
        raise InputError(
            f"the folder {folder} does not exist.",
            code="no_such_folder",
            where=Where(file=out, field="--out"),
            hint="Create it, or choose another one.",
        )
    there = os.path.exists(out)
    is_input = there and any(os.path.isfile(one) and os.path.samefile(one, out) for one in inputs)
    if is_input or schema_of(out) is not None:
        raise InputError(
            "this file holds a result, so it is not overwritten.",
            code="would_overwrite",
            where=Where(file=out, field="--out"),
            hint="Choose a new name.",
        )


def _listed(entries: Sequence[Entry]) -> str:
    rows = [("figure", "", "shows", "needs", "shows as well")]
    rows += [
        (e.key, e.number, e.title, ", ".join(map(_or, e.needs)), ", ".join(e.takes))
        for e in entries
    ]
    return columns(rows)


def _or(need: str) -> str:
    return need.replace("|", " or ")


def _list_document(entries: Sequence[Entry]) -> dict[str, Any]:
    return document("figures") | {
        "figures": [
            {
                "key": e.key,
                "number": e.number,
                "title": e.title,
                "needs": [need.split("|") for need in e.needs],
                "takes": [*e.takes],
            }
            for e in entries
        ]
    }


def _document(drawn: Figure, out: str) -> dict[str, Any]:
    return document("figure") | {
        "key": drawn.key,
        "title": drawn.title,
        "caption": drawn.caption,
        "panels": [panel.title for panel in drawn.panels],
        "source": drawn.source,
        "file": out,
    }
