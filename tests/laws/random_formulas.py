"""Random formulas for Hypothesis, each with its value by plain arithmetic beside it."""

from __future__ import annotations

import math
from typing import NamedTuple

from hypothesis import strategies as st


class Spelled(NamedTuple):
    """A formula and its value by plain arithmetic, built side by side."""

    text: str
    value: float


VALUES = {"N": 3.0, "D": 7.5, "A": 0.8, "alpha": 0.35}
NAMES = [Spelled(name, value) for name, value in VALUES.items()]
NUMBERS = st.floats(0.1, 9.0).map(lambda value: Spelled(repr(value), value))


def grow(parts: st.SearchStrategy[Spelled]) -> st.SearchStrategy[Spelled]:
    def both(sign: str, act):
        return st.tuples(parts, parts).map(
            lambda pair: Spelled(
                f"({pair[0].text} {sign} {pair[1].text})", act(pair[0].value, pair[1].value)
            )
        )

    def one(name: str, act):
        return parts.map(lambda part: Spelled(f"{name}({part.text})", act(part.value)))

    def root(value: float) -> float:
        return math.sqrt(abs(value))

    return st.one_of(
        both("+", lambda a, b: a + b),
        both("-", lambda a, b: a - b),
        both("*", lambda a, b: a * b),
        both("/", lambda a, b: a / b if b else math.nan),
        st.tuples(parts, st.sampled_from([2, 3, -1, 0.5])).map(
            lambda pair: Spelled(
                f"(1 + abs({pair[0].text}))**{pair[1]}", (1 + abs(pair[0].value)) ** pair[1]
            )
        ),
        one("abs", abs),
        one("-", lambda a: -a),
        parts.map(lambda part: Spelled(f"sqrt(abs({part.text}))", root(part.value))),
        st.tuples(parts, parts).map(
            lambda p: Spelled(f"min({p[0].text}, {p[1].text})", min(p[0].value, p[1].value))
        ),
        st.tuples(parts, parts).map(
            lambda p: Spelled(f"max({p[0].text}, {p[1].text})", max(p[0].value, p[1].value))
        ),
        parts.map(lambda p: Spelled(f"log(1 + abs({p.text}))", math.log(1 + abs(p.value)))),
        parts.map(lambda p: Spelled(f"exp(-abs({p.text}))", math.exp(-abs(p.value)))),
    )


FORMULAS = st.recursive(st.one_of(st.sampled_from(NAMES), NUMBERS), grow, max_leaves=8)
