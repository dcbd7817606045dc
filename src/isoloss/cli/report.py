"""``isoloss report``: one file with the answer, its figures, every warning and how it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from isoloss.cli.backtest import split_names
from isoloss.cli.documents import document
from isoloss.cli.figure import check_out
from isoloss.cli.options import OUTPUT, READING, Output, Reading
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.report import Content


def report(
    *results: str,
    out: Annotated[str, Parameter(name=["--out", "-o"])] = "report.html",
    figures: str | None = None,
    interactive: bool = False,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> None:
    """Write one report of a fit, a plan, a backtest and the runs.

    For example: isoloss report fit.json plan.json backtest.json runs.csv -o report.html. The page
    needs nothing else: it opens from a folder, prints, and has a methods section that answers what
    a reader must know to fit the runs again. Markdown is for threads, LaTeX for papers.

    Args:
        results: Stored results, at most one of each kind; other files are tables of runs.
        out: The file to write; its ending says how: .html, .md or .tex.
        figures: Which figures, with commas between; isoloss figure --list shows all.
        interactive: HTML only: figures to zoom and to hover, 5 MB more.
        reading: How tables of runs are read.
        output: How the answer is written.
    """
    from isoloss.figures.documents import load_results
    from isoloss.report import write_report

    if not results:
        raise InputError(
            "no result is given to report.",
            code="missing_argument",
            where=Where(field="RESULTS"),
            hint="isoloss report fit.json plan.json -o report.html; isoloss fit RUNS --save "
            "fit.json makes a fit.",
        )
    check_out(out, results, endings=(".html", ".md", ".tex"))
    chosen = None if figures is None else split_names(figures, "--figures")
    with output.working("writing the report ..."):
        content = write_report(
            out, *load_results(results, reading.read), figures=chosen, interactive=interactive
        )
    output.note(f"-> {out}")
    output.give(text=lambda: _summary(content), document=lambda: _document(content, out))


def _summary(content: Content) -> str:
    lines = [content.title, f"  {content.facts}"]
    if content.verdict is not None:
        lines.append(f"  backtest: {content.verdict.word}")
    drawn = ", ".join(figure.key for figure in content.figures) or "none"
    lines.append(f"  figures: {drawn}; {len(content.warnings)} warnings")
    lines += [f"  not drawn: {title}. {reason}" for title, reason in content.missing]
    if content.methods:
        answered = len(content.methods) - content.n_open
        lines.append(f"  methods: {answered} of {len(content.methods)} questions answered")
        lines += [f"    open: {one.question}" for one in content.methods if not one.known]
    return "\n".join(lines)


def _document(content: Content, out: str) -> dict[str, Any]:
    warnings = [{"code": one.code, "message": one.message} for one in content.warnings]
    return document("report", warnings=warnings) | {
        "title": content.title,
        "verdict": None if content.verdict is None else content.verdict.word,
        "figures": [figure.key for figure in content.figures],
        "not_drawn": [{"title": title, "reason": reason} for title, reason in content.missing],
        "methods": [vars(one) for one in content.methods],
        "commands": list(content.commands),
        "data_hash": content.data_hash or None,
        "file": out,
    }
