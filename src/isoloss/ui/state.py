"""What a page shows, as its address says it: read from a query, written as one, and as a command.

Every value comes from a browser. It is bounded here and judged by the rooms that use it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import urlencode

from isoloss.errors import InputError, Where
from isoloss.runs import parse_quantity

LONGEST = 1000
MOST_LAWS = 8
MOST_DRAWS = 4000
PAGES = ("runs", "fit", "backtest", "plan", "pilot")
CI_KINDS = ("tier", "run", "tier-cases", "profile", "none")
OBJECTIVES = ("huber", "squared", "student", "quantile")
COSTS = ("6nd", "runs")
CUTS = ("tier", "params", "tokens")

Params = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Reading:
    """How a table is read; the options of the command line, as typed.

    Attributes:
        where: a condition over the columns of the input.
        n: which count is N.
        loss: which column is the loss.
        loss_unit: unit of the loss.
        map: pairs ``name=canonical`` with commas between them.
        scale: pairs ``name=factor`` likewise.
        flop_convention: how FLOP are counted.
        arch: shape of all models where the table lacks it.
        keep_undecayed: ``1`` to keep runs whose learning rate did not decay.
    """

    where: str = ""
    n: str = ""
    loss: str = ""
    loss_unit: str = ""
    map: str = ""
    scale: str = ""
    flop_convention: str = ""
    arch: str = ""
    keep_undecayed: str = ""

    def arguments(self) -> dict[str, Any]:
        """The arguments of ``isoloss.runs.read``.

        Raises:
            InputError: a pair is no pair, or a factor no number.
        """
        return {
            "where": self.where or None,
            "n": self.n or None,
            "loss": self.loss or None,
            "loss_unit": self.loss_unit or None,
            "columns": _pairs(self.map, "map"),
            "scale": {k: parse_quantity(v) for k, v in _pairs(self.scale, "scale").items()},
            "flop_convention": self.flop_convention or None,
            "architecture": self.arch or None,
            "keep_undecayed": bool(self.keep_undecayed),
        }

    def words(self) -> list[str]:
        """The same as words of a command."""
        found: list[str] = []
        for one in fields(self):
            value = getattr(self, one.name)
            option = f"--{one.name.replace('_', '-')}"
            if one.name in ("map", "scale"):
                for name, part in _pairs(value, one.name).items():
                    found += [option, f"{name}={part}"]
            elif one.name == "keep_undecayed":
                found += [option] if value else []
            elif value:
                found += [option, value]
        return found


@dataclass(frozen=True)
class State:
    """All that a page needs to be shown again.

    Attributes:
        data: which table.
        reading: how it is read.
        law: laws, by name or formula.
        objective: cost of a residual.
        delta: where the cost turns from square to linear; empty for the default.
        ci: how intervals are made.
        draws: refits for the intervals.
        seed: of the draws.
        target: compute at which a backtest follows the answer, and of further runs.
        by: what a backtest cuts by.
        pick: the law that plans; the first by default.
        flop: the budget of a plan.
        u: distinct tokens there are.
        flop_per_token: what a token costs.
        budget: compute for further runs.
        tested: ``1`` to let a plan count what the backtest of the same laws found.
    """

    data: str = ""
    reading: Reading = field(default_factory=Reading)
    law: tuple[str, ...] = ()
    objective: str = "huber"
    delta: str = ""
    ci: str = "tier"
    draws: int = 1000
    seed: int = 0
    target: str = ""
    by: str = "tier"
    pick: str = ""
    flop: str = ""
    u: str = ""
    flop_per_token: str = "6nd"
    budget: str = ""
    tested: str = ""

    @property
    def picked(self) -> str:
        """The law that plans."""
        if self.pick in self.law:
            return self.pick
        return self.law[0] if self.law else ""

    def query(self, **changes: Any) -> str:
        """This state as the query of an address, without what is as by default."""
        state, plain = replace(self, **changes), State()
        found: list[tuple[str, str]] = [("data", state.data)] if state.data else []
        found += [(n, getattr(state.reading, n)) for n in _READING if getattr(state.reading, n)]
        for name in _NAMES[1:]:
            value: Any = getattr(state, name)
            if name == "law":
                found += [("law", law) for law in state.law]
            elif value != getattr(plain, name):
                found.append((name, str(value)))
        return urlencode(found)


_READING = tuple(one.name for one in fields(Reading))
_NAMES = tuple(one.name for one in fields(State) if one.name != "reading")


def state_from(params: Params) -> State:
    """The state that a query or a form describes; unknown names are passed over.

    Raises:
        InputError: a value is too long, or none of those that are known.
    """
    given: dict[str, list[str]] = {}
    for name, value in params:
        text = value.strip()
        if name in _NAMES or name in _READING:
            if len(text) > LONGEST or "\x00" in text:
                raise InputError(
                    f"found {len(text):,} letters where at most {LONGEST:,} are expected.",
                    code="bad_value",
                    where=Where(field=name),
                )
            if text:
                given.setdefault(name, []).append(text)
    law = tuple(dict.fromkeys(given.pop("law", [])))
    if len(law) > MOST_LAWS:
        raise _bad("law", f"{len(law)} laws", f"at most {MOST_LAWS}")
    last = {name: values[-1] for name, values in given.items()}
    for name, known in (
        ("objective", OBJECTIVES),
        ("ci", CI_KINDS),
        ("flop_per_token", COSTS),
        ("by", CUTS),
    ):
        if name in last and last[name] not in known:
            raise _bad(name, repr(last[name][:40]), f"one of {', '.join(known)}")
    numbers = {
        name: _whole(name, last.pop(name), least, most)
        for name, least, most in (("draws", 1, MOST_DRAWS), ("seed", 0, 2**53))
        if name in last
    }
    reading = Reading(**{name: last.pop(name) for name in _READING if name in last})
    return State(reading=reading, law=law, **numbers, **last)  # pyright: ignore[reportArgumentType]


def amount(text: str, name: str) -> float:
    """A positive amount such as ``1e24``, ``1e24 FLOP`` or ``300B``.

    Raises:
        InputError: the text is none.
    """
    from isoloss.laws.compute import parse_flop

    try:
        return parse_flop(text)
    except InputError as error:
        raise InputError(
            error.message, code=error.code, where=Where(field=name), hint=error.hint
        ) from None


def flop_at(position: str) -> str:
    """The budget at a place of the slider, which is its decimal logarithm.

    Raises:
        InputError: the place is no number from 0 to 40.
    """
    try:
        place = float(position)
    except ValueError:
        place = math.nan
    if not 0.0 <= place <= 40.0:
        raise _bad("place", repr(position[:40]), "a number from 0 to 40")
    return plain_flop(10.0**place)


def plain_flop(flop: float) -> str:
    """An amount of FLOP as it stands in an address, three digits: 3.02e13."""
    mantissa, _, exponent = f"{flop:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _pairs(text: str, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in (one for one in text.split(",") if one.strip()):
        key, equals, value = part.rpartition("=")
        if not (equals and key.strip() and value.strip()):
            example = "my_loss=loss" if name == "map" else "tokens=1e9"
            raise _bad(name, repr(part[:60]), f"two parts with = between them, such as {example}")
        found[key.strip()] = value.strip()
    return found


def _whole(name: str, text: str, least: int, most: int) -> int:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (value.is_integer() and least <= value <= most):
        raise _bad(name, repr(text[:40]), f"a whole number from {least} to {most:,}")
    return int(value)


def _bad(name: str, found: str, expected: str) -> InputError:
    return InputError(
        f"found {found} where {expected} is expected.", code="bad_value", where=Where(field=name)
    )
