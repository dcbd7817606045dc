"""The report as Markdown, for threads and notebooks: tables and sentences, no figures."""

from __future__ import annotations

import re
from collections.abc import Iterator

from isoloss.report.content import Content, Table
from isoloss.report.methods import GROUPS

MOST_RUNS = 60  # rows; of longer tables only the excluded runs are listed
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&-])")


def markdown(content: Content) -> str:
    """The report as Markdown text."""
    return "\n\n".join(_parts(content)) + "\n"


def escaped(text: str) -> str:
    """Words that Markdown must not read as mark-up, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _parts(content: Content) -> Iterator[str]:
    yield f"# {escaped(content.title)}"
    yield escaped(content.facts)
    if content.card is not None:
        card = content.card
        level = f"{100 * card.level:.0f} % interval"
        rows = tuple(
            (one.label, f"{one.value} {one.unit}".strip(), one.interval) for one in card.answer
        )
        yield _table(Table(("", "answer", level), rows, (False, True, True)))
        yield from _list("Why", card.why)
        yield from _list("Know before you spend", [notice.message for notice in card.warnings])
        yield from _list("What would change it", [notice.message for notice in card.would_change])
        yield escaped(f"{card.evidence}.")
    if content.verdict is not None:
        verdict = content.verdict
        yield f"## Backtest: {verdict.word}"
        yield "\n".join(f"- {escaped(reason)}" for reason in verdict.reasons)
        yield _table(verdict.table)
    yield "## Warnings"
    yield (
        "\n".join(
            f"- {escaped(one.message)} ({one.source}: {one.code})" for one in content.warnings
        )
        or "None."
    )
    if content.parameters is not None and content.law is not None:
        yield "## Fit"
        yield f"{escaped(content.law[0])}: {_code(f'L = {content.law[1]}')}"
        yield _table(content.parameters)
    if content.runs is not None:
        yield from _runs(content.runs)
    if content.methods:
        yield "## Methods"
        for group in GROUPS:
            answers = [one for one in content.methods if one.group == group]
            if answers:
                yield f"### {group}"
                yield "\n".join(
                    f"- {escaped(one.question)} {'' if one.known else '**Open.** '}"
                    f"{escaped(one.answer)}"
                    for one in answers
                )
    yield "## Do it again"
    yield "```sh\n" + "\n".join(content.commands) + "\n```"
    data = f"Data {content.data_hash}. " if content.data_hash else ""
    yield escaped(f"{data}{content.environment}.")


def _runs(table: Table) -> Iterator[str]:
    yield "## Runs"
    if len(table.rows) <= MOST_RUNS:
        yield _table(table)
        return
    out = tuple(row for row, is_out in zip(table.rows, table.marked, strict=False) if is_out)
    yield f"{len(table.rows)} runs, {len(out)} excluded. The HTML report lists all of them."
    if out:
        yield _table(Table(table.head, out, table.numeric))


def _list(title: str, sentences: list[str] | tuple[str, ...]) -> Iterator[str]:
    if sentences:
        yield "\n".join([f"**{title}**", "", *(f"- {escaped(one)}" for one in sentences)])


def _table(table: Table) -> str:
    lines = [
        _line(table.head),
        _line(tuple("---:" if number else "---" for number in table.numeric), raw=True),
        *(_line(row) for row in table.rows),
    ]
    return "\n".join(lines)


def _line(cells: tuple[str, ...], *, raw: bool = False) -> str:
    return "| " + " | ".join(cell if raw else escaped(cell) for cell in cells) + " |"


def _code(text: str) -> str:
    """Text as code, whatever backquotes it has."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence}{' ' if longest else ''}{text}{' ' if longest else ''}{fence}"
