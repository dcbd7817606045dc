"""Farseer: the data exponent and its prefactor depend on model size.

``L = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(-exp(a1 N^alpha + b1))`` (Li et al. 2025,
arXiv 2506.10972, eq. 3).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from isoloss.laws.law import Law, Parameter


def _bend(name: str, what: str, start: tuple[float, float]) -> Parameter:
    return Parameter(name, f"exponent of N in {what}", bounds=(-1.0, 1.0), start=start)


def _through(n: tuple[float, float], y: tuple[float, float], power: float) -> tuple[float, float]:
    """The a and b for which a N^power + b takes the values y at the two sizes n."""
    a = (y[1] - y[0]) / (n[1] ** power - n[0] ** power)
    return a, y[0] - a * n[0] ** power


def _from_chinchilla(fit: Mapping[str, float]) -> list[dict[str, float]]:
    """Farseer laws that agree with a Chinchilla fit at 20 tokens per param, at two sizes.

    The data exponent is tilted both ways over the sizes, because at equal exponents the derivatives
    by alpha and beta vanish and no search could leave the start.
    """
    starts: list[dict[str, float]] = []
    for sizes in ((1e5, 1e7), (1e7, 1e9), (1e8, 1e10)):
        for tilt in (0.7, 1.4):
            exponents = (fit["beta"] / math.sqrt(tilt), fit["beta"] * math.sqrt(tilt))
            endless = [math.log(fit["E"] + fit["A"] / n ** fit["alpha"]) for n in sizes]
            prefactors = [
                math.log(fit["B"]) + (exponent - fit["beta"]) * math.log(20 * n)
                for n, exponent in zip(sizes, exponents, strict=True)
            ]
            logs = (math.log(exponents[0]), math.log(exponents[1]))
            a1, b1 = _through(sizes, logs, 0.1)
            a2, b2 = _through(sizes, (prefactors[0], prefactors[1]), -0.1)
            a3, b3 = _through(sizes, (endless[0], endless[1]), 0.1)
            starts.append(
                {"a1": a1, "alpha": 0.1, "b1": b1, "a2": a2, "beta": -0.1, "b2": b2}
                | {"a3": a3, "gamma": 0.1, "b3": b3}
            )
    return starts


FARSEER = Law(
    name="farseer",
    title="data exponent and prefactors that change with size",
    formula="exp(a3 * N**gamma + b3) + exp(a2 * N**beta + b2) * D**(-exp(a1 * N**alpha + b1))",
    parameters=(
        Parameter("a1", "how the data exponent changes with size", start=(-0.5, 0.5)),
        _bend("alpha", "the data exponent", (-0.3, 0.3)),
        Parameter("b1", "level of the data exponent (log)", start=(-2.0, 0.5)),
        Parameter("a2", "how the data term changes with size", start=(-20.0, 20.0)),
        _bend("beta", "the data term", (-0.3, 0.3)),
        Parameter("b2", "level of the data term (log)", start=(-5.0, 10.0)),
        Parameter("a3", "how the loss at endless data changes with size", start=(-0.5, 0.5)),
        _bend("gamma", "the loss at endless data", (-0.3, 0.3)),
        Parameter("b3", "level of the loss at endless data (log)", start=(-2.0, 2.0)),
    ),
    reference="Li et al. 2025, arXiv 2506.10972, eq. 3",
    simpler=("chinchilla", _from_chinchilla),
)
