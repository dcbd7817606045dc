"""How does a person write a large number? ``70B`` parameters, ``1.4T`` tokens, ``6.5e20`` FLOP."""

from __future__ import annotations

import math
import re

from isoloss.errors import InputError

_SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_STEPS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_DIGITS = r"\d+(?:_\d+)*"
_QUANTITY = re.compile(
    rf"(?P<number>(?:{_DIGITS}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<suffix>[kKmMbBtT]?)",
    re.ASCII,
)
_EXA = re.compile(rf"{_DIGITS}(?:\.\d*)?\s*[EPZYG]", re.IGNORECASE)


def parse_quantity(text: str | float) -> float:
    """The number that a text such as ``70B``, ``1.4T``, ``350M``, ``12k`` or ``1e24`` stands for.

    Suffixes are k (1e3), M (1e6), B (1e9) and T (1e12), in either case. ``E``, ``P`` and ``Z`` are
    refused, because ``300E`` for exa and ``3e2`` for three hundred are too easily confused.

    Raises:
        InputError: the text is no such number, or it is not positive and finite.
    """
    if isinstance(text, str):
        shown = text if len(text) <= 40 else text[:37] + "..."
        match = _QUANTITY.fullmatch(text.strip()) if len(text) <= 80 else None
        if match is None:
            raise _not_a_quantity(shown)
        number = float(match["number"].replace("_", ""))
        value = number * _SUFFIXES[match["suffix"].lower()]
    else:
        shown, value = str(text), float(text)
    if not (math.isfinite(value) and value > 0):
        raise InputError(
            f'found "{shown}" where a positive, finite number is expected.',
            code="bad_quantity",
            hint="Write it like 70B, 1.4T, 350M or 1e24.",
        )
    return value


def format_quantity(value: float, digits: int = 3) -> str:
    """A number the way people in the field say it: ``70B``, ``1.4T``, ``5.76e23``.

    Args:
        value: any number; from 1e15 on it is written with an exponent.
        digits: significant digits to keep.
    """
    if not math.isfinite(value):
        return str(value)
    rounded = float(f"{value:.{digits - 1}e}")
    size = abs(rounded)
    if size >= 1e15 or 0 < size < 1e-3:
        mantissa, exponent = f"{rounded:.{digits - 1}e}".split("e")
        if "." in mantissa:
            mantissa = mantissa.rstrip("0").rstrip(".")
        return f"{mantissa}e{int(exponent)}"
    for step, suffix in _STEPS:
        if size >= step:
            return f"{rounded / step:.{digits}g}{suffix}"
    return f"{rounded:.{digits}g}"


def _not_a_quantity(shown: str) -> InputError:
    hint = "Write it like 70B, 1.4T, 350M, 12k or 1e24."
    if _EXA.fullmatch(shown.strip()):
        hint = f"Suffixes are k, M, B and T; for larger numbers write an exponent. {hint}"
    return InputError(
        f'found "{shown}" where a number is expected.', code="bad_quantity", hint=hint
    )
