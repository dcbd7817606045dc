"""One decision card: the answer, how sure it is, why, what would change it, how to get it again.

Every result that somebody acts on gives one, so that page, terminal and program show the same.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from isoloss.fitting import Notice, Quantity
from isoloss.laws.compute import format_flop
from isoloss.runs import format_quantity


@dataclass(frozen=True)
class CardLine:
    """One number of an answer.

    Attributes:
        label: what it is, such as ``N``.
        value: the number as people write it, such as ``97.2B``.
        unit: its unit; empty for a pure number.
        estimate: the number itself.
        lo: lower end of its interval; zero for an open one, NaN where there is none.
        hi: upper end; infinite for an open one.
    """

    label: str
    value: str
    unit: str
    estimate: float
    lo: float
    hi: float

    @property
    def interval(self) -> str:
        """The interval in words, open ends said as such."""
        return between(Quantity(self.estimate, self.lo, self.hi))

    def to_dict(self) -> dict[str, Any]:
        """The object of the JSON contract."""
        return dict(vars(self))


def line(label: str, quantity: Quantity, unit: str = "") -> CardLine:
    """A line of a card from a quantity."""
    value = shown(quantity.estimate)
    return CardLine(label, value, unit, quantity.estimate, quantity.lo, quantity.hi)


@dataclass(frozen=True)
class Card:
    """An answer on one card.

    Attributes:
        title: the question, in a few words.
        answer: the numbers, most important first.
        level: nominal coverage of their intervals.
        why: sentences that say what makes this the answer.
        would_change: what would change it.
        warnings: what the reader must know.
        evidence: what it rests on: runs, law, interval method.
        command: what to type to get it again; a name in capitals stands for a file.
    """

    title: str
    answer: tuple[CardLine, ...]
    level: float
    why: tuple[str, ...]
    would_change: tuple[Notice, ...]
    warnings: tuple[Notice, ...]
    evidence: str
    command: str

    def to_dict(self) -> dict[str, Any]:
        """The object ``card`` in documents."""
        return {
            "title": self.title,
            "answer": [one.to_dict() for one in self.answer],
            "level": self.level,
            "why": list(self.why),
            "would_change": [notice.to_dict() for notice in self.would_change],
            "warnings": [notice.to_dict() for notice in self.warnings],
            "evidence": self.evidence,
            "command": self.command,
        }

    def summary(self) -> str:
        """The card as text."""
        return "\n".join(self._lines())

    def __str__(self) -> str:
        return self.summary()

    def _lines(self) -> Iterator[str]:
        yield self.title
        for one in self.answer:
            yield f"    {one.label:<12} {one.value:>9}   {one.interval}"
        yield from (f"  = {sentence}" for sentence in self.why)
        yield from (f"  ! {notice.message}" for notice in self.warnings)
        yield from (f"  - {notice.message}" for notice in self.would_change)
        yield f"  {self.evidence}"
        yield f"  again: {self.command}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(one.label)}</td><td>{html.escape(one.value)}</td>"
            f"<td>{html.escape(one.unit)}</td><td>{html.escape(one.interval)}</td></tr>"
            for one in self.answer
        )
        parts = [
            f"<p><b>{html.escape(self.title)}</b></p>",
            f"<table><tr><th></th><th>estimate</th><th></th><th>{self.level:.0%}</th></tr>{rows}"
            "</table>",
            _items("Why", self.why),
            _items("Know", tuple(notice.message for notice in self.warnings)),
            _items("What would change it", tuple(notice.message for notice in self.would_change)),
            f"<p>{html.escape(self.evidence)}<br><code>{html.escape(self.command)}</code></p>",
        ]
        return "".join(parts)


def _items(title: str, sentences: tuple[str, ...]) -> str:
    if not sentences:
        return ""
    listed = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return f"<p>{title}</p><ul>{listed}</ul>"


def between(quantity: Quantity) -> str:
    """The interval in words, open ends said as such."""
    if quantity.lo == quantity.hi:
        return "given"
    if math.isnan(quantity.lo):
        return "no interval"
    if math.isinf(quantity.hi):
        return f"{shown(quantity.lo)} or more"
    if quantity.lo == 0.0:
        return f"{shown(quantity.hi)} or less"
    return f"{shown(quantity.lo)} to {shown(quantity.hi)}"


def shown(value: float) -> str:
    """A count as 70B, a small number with four digits, nothing as a dash."""
    if math.isnan(value):
        return "-"
    if value >= 1e15:
        return format_flop(value)
    return format_quantity(value) if value >= 1e3 else f"{value:.4g}"


def command_of(verb: str, *words: object, **options: object) -> str:
    """A command as typed: words, then the options that are not None.

    Args:
        verb: the command, such as ``plan``.
        words: positional arguments.
        options: by name, underscores for dashes; True for a bare flag.
    """
    import shlex

    parts = ["isoloss", *verb.split(), *(typed(word) for word in words)]
    for name, value in options.items():
        if value is None or value is False:
            continue
        parts.append(f"--{name.replace('_', '-')}")
        if value is not True:
            parts.append(typed(value))
    return shlex.join(parts)


def typed(value: object) -> str:
    """A word of a command that reads back as exactly this value."""
    if value == 0:
        return "0"
    if isinstance(value, float):
        plain = format_flop(value) if value >= 1e15 else format_quantity(value)
        scale = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(plain[-1])
        read = float(plain) if scale is None else float(plain[:-1]) * scale
        return plain if read == value else repr(value)
    return str(value)
