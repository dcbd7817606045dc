"""Is this an amount that a training run may have?"""

from __future__ import annotations

from isoloss.errors import InputError, Where
from isoloss.runs import parse_quantity

SMALLEST, LARGEST = 1e-30, 1e30
"""Beyond these no run lies, and powers of them leave the range of floating-point numbers."""


def amount(value: float | str, field: str) -> float:
    """A positive amount such as ``7e9`` or ``"7B"``.

    Raises:
        InputError: it is not one, or no run could have it.
    """
    try:
        found = parse_quantity(value)
    except InputError as error:
        raise InputError(
            error.message, code=error.code, where=Where(field=field), hint=error.hint
        ) from None
    require_plausible(found, field)
    return found


def require_plausible(value: float, field: str) -> None:
    """Refuse what is not a positive number that a run may have.

    Raises:
        InputError: it is none.
    """
    if not SMALLEST <= value <= LARGEST:
        raise InputError(
            f"found {value:g} where a positive number of at most {LARGEST:g} is expected.",
            code="not_positive",
            where=Where(field=field),
        )
