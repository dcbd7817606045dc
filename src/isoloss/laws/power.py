"""Power laws in one variable: loss falls by a fixed factor per doubling, to zero or to a floor.

``A / x**alpha`` and ``E + A / x**alpha`` for x = N (params), D (tokens) or C (FLOP), as used by
Hestness et al. 2017 (arXiv 1712.00409: error = a m^b + c with m the training set size).
"""

from __future__ import annotations

from collections.abc import Mapping

from isoloss.laws.chinchilla import FLOOR
from isoloss.laws.law import VARIABLES, Law, Parameter

_SCALE = Parameter("A", "loss (above the floor) at x = 1", positive=True)
_SLOPE = Parameter("alpha", "exponent: slope on log-log axes", bounds=(0.0, 3.0), start=(0.01, 1.0))
_REFERENCE = "Hestness et al. 2017, arXiv 1712.00409"


def _power(variable: str) -> Law:
    return Law(
        name=f"power-{variable.lower()}",
        title=f"power law in {VARIABLES[variable]}",
        formula=f"A / {variable}**alpha",
        parameters=(_SCALE, _SLOPE),
        reference=_REFERENCE,
        summary=(
            f"Loss falls by the same factor with every doubling of {variable}, without end. Two "
            "numbers, so two runs draw it and three can refute it. Trap: real losses bend towards "
            "a floor, and a straight line through small runs promises too much at large ones."
        ),
    )


def _without_floor(
    fit: Mapping[str, float], typical: Mapping[str, float]
) -> list[dict[str, float]]:
    return [{"E": 0.0, **fit}]


def _floor(variable: str) -> Law:
    return Law(
        name=f"floor-{variable.lower()}",
        title=f"power law with a floor in {VARIABLES[variable]}",
        formula=f"E + A / {variable}**alpha",
        parameters=(FLOOR, _SCALE, _SLOPE),
        reference=_REFERENCE,
        simpler=(f"power-{variable.lower()}", _without_floor),
        summary=(
            f"What is above the floor E falls by the same factor with every doubling of "
            f"{variable}. Trap: E and alpha trade against each other; runs that span less than two "
            "decades rarely tell a low floor with a small exponent from a high one with a large."
        ),
    )


POWER_LAWS = (*(_power(v) for v in "NDC"), *(_floor(v) for v in "NDC"))
