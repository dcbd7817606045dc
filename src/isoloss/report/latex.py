"""The tables of a report for a paper: LaTeX with booktabs, captions that say how they were made."""

from __future__ import annotations

from collections.abc import Iterator

from isoloss.report.content import Content, Table

_LETTERS = {
    **{"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#"},
    **{"%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"},
    **{"−": "$-$", "×": r"$\times$", "≤": r"$\leq$", "∝": r"$\propto$", "±": r"$\pm$"},
    **{"…": r"\ldots{}", "α": r"$\alpha$", "β": r"$\beta$", "½": r"$\frac12$"},
}
_POWERS = {letter: str(digit) for digit, letter in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")} | {"⁻": "-"}
MOST_RUNS = 40


def latex(content: Content) -> str:
    """The tables of the report, each to be put into a paper by itself."""
    return "\n".join(_parts(content))


def escaped(text: str) -> str:
    """Words that LaTeX must print as they are."""
    out: list[str] = []
    raised = ""
    for letter in f"{text}\0":
        if letter in _POWERS:
            raised += _POWERS[letter]
            continue
        if raised:
            out.append(f"$^{{{raised}}}$")
            raised = ""
        if letter != "\0":
            out.append(_LETTERS.get(letter, letter if letter.isprintable() else " "))
    return "".join(out)


def _parts(content: Content) -> Iterator[str]:
    yield f"% {_comment(content.title)}"
    yield f"% {_comment(content.environment)}; data {content.data_hash}"
    yield "% Needs \\usepackage{booktabs}"
    for command in content.commands:
        yield f"%   {_comment(command)}"
    if content.card is not None:
        card = content.card
        rows = tuple(
            (one.label, f"{one.value} {one.unit}".strip(), one.interval) for one in card.answer
        )
        level = f"{100 * card.level:.0f} % interval"
        yield _table(
            Table(("", "answer", level), rows, (False, True, True)),
            f"{card.title}. {card.evidence}.",
            "plan",
        )
    if content.parameters is not None and content.law is not None:
        yield _table(content.parameters, f"L = {content.law[1]}. {_methods(content)}", "parameters")
    if content.verdict is not None:
        reasons = " ".join(content.verdict.reasons)
        yield _table(
            content.verdict.table,
            f"Backtest of {content.verdict.law}: {content.verdict.word}. {reasons}",
            "backtest",
        )
    if content.runs is not None and len(content.runs.rows) <= MOST_RUNS:
        yield _table(content.runs, "Runs.", "runs")
    if content.methods:
        yield "\\begin{description}"
        for one in content.methods:
            mark = "" if one.known else "\\emph{Open.} "
            yield f"\\item[{{{escaped(one.question)}}}] {mark}{escaped(one.answer)}"
        yield "\\end{description}\n"


def _methods(content: Content) -> str:
    wanted = ("How many runs?", "What is minimised?", "How are intervals made?")
    return " ".join(one.answer for one in content.methods if one.question in wanted)


def _table(table: Table, caption: str, label: str) -> str:
    columns = "".join("r" if number else "l" for number in table.numeric)
    lines = [
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{{escaped(caption)}}}",
        f"  \\label{{tab:{label}}}",
        f"  \\begin{{tabular}}{{{columns}}}",
        "    \\toprule",
        f"    {_row(table.head)}",
        "    \\midrule",
        *(f"    {_row(row)}" for row in table.rows),
        "    \\bottomrule",
        "  \\end{tabular}",
        "\\end{table}\n",
    ]
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    return " & ".join(escaped(cell) for cell in cells) + " \\\\"


def _comment(text: str) -> str:
    """Words of a comment, on one line."""
    return " ".join(text.split())
