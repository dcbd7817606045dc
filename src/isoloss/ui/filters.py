"""How does a number of a document look on a page? As the field says it; nothing is worked out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from isoloss.runs import format_quantity
from isoloss.ui.state import plain_flop

Number = float | int | None
NONE = "–"


def count(value: Number) -> str:
    """A count: 70B, 1.4T, 512."""
    if value is None:
        return NONE
    return (
        flop(value) if value >= 1e15 else format_quantity(value) if value >= 1e3 else _short(value)
    )


def flop(value: Number) -> str:
    """An amount of FLOP, always with its exponent: 5.77e11."""
    if value is None:
        return NONE
    return plain_flop(value)


def number(value: Number) -> str:
    """Any number with four digits."""
    return NONE if value is None else _short(value)


def percent(value: Number, digits: int = 1) -> str:
    """A share."""
    return NONE if value is None else f"{value:.{digits}%}"


def between(quantity: Mapping[str, Number], kind: str = "number") -> str:
    """The interval of a quantity in words; an end that is missing beside the other is open."""
    show = KINDS[kind]
    lo, hi = quantity["lo"], quantity["hi"]
    if lo is None and hi is None:
        return "no interval"
    if hi is None:
        return f"{show(lo)} or more"
    if lo is None or lo == 0.0:
        return f"{show(hi)} or less"
    if lo == hi:
        return "given"
    return f"{show(lo)} to {show(hi)}"


def span(low: Number, high: Number, kind: str = "count") -> str:
    """A range, or one value where both ends read the same."""
    show = KINDS[kind]
    return show(low) if show(low) == show(high) else f"{show(low)} to {show(high)}"


def cell(value: Any) -> str:
    """Any value of a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return count(value) if abs(value) >= 1e5 else f"{value:.6g}"
    return str(value)


def seconds(value: float) -> str:
    """A duration."""
    return f"{value:.1f} s" if value < 60 else f"{int(value // 60)} min {int(value % 60)} s"


def sentence(text: str) -> str:
    """A text that begins with a capital letter, where its first word is not a name."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.isalpha() else text


def _short(value: float) -> str:
    if not math.isfinite(value):
        return NONE
    return f"{value:.4g}"


KINDS = {"count": count, "flop": flop, "number": number}
FILTERS = {
    "count": count,
    "flop": flop,
    "number": number,
    "percent": percent,
    "between": between,
    "cell": cell,
    "seconds": seconds,
    "capfirst": sentence,
}
