"""Rosenfeld: Chinchilla's sum, levelling off at the loss of a model that has learnt nothing.

``L = eps0 |e / (e - i eta)|``, ``e = E + A/N^alpha + B/D^beta`` (Rosenfeld et al. 2019, arXiv
1909.12673). Multiplying E, A, B and eta by one number changes nothing, so eta is set to
eps0: then e is the loss itself wherever it is far below eps0.
"""

from __future__ import annotations

from collections.abc import Mapping

from isoloss.laws.chinchilla import ALPHA, BETA, DATA, FLOOR, SIZE
from isoloss.laws.law import Law, Parameter

_CEILING = Parameter(
    "eps0", "loss of a model that has learnt nothing", positive=True, start=(2.0, 50.0), unit="loss"
)


def _from_chinchilla(
    fit: Mapping[str, float], typical: Mapping[str, float]
) -> list[dict[str, float]]:
    return [{**fit, "eps0": ceiling} for ceiling in (5.0, 10.0, 50.0)]


ROSENFELD = Law(
    name="rosenfeld",
    title="separate powers of size and data between a floor and a ceiling",
    formula="e / sqrt(1 + (e / eps0)**2)",
    where={"e": "E + A / N**alpha + B / D**beta"},
    parameters=(FLOOR, SIZE, DATA, ALPHA, BETA, _CEILING),
    reference="Rosenfeld et al. 2019, arXiv 1909.12673",
    additive=("A", "alpha", "B", "beta"),
    simpler=("chinchilla", _from_chinchilla),
    summary=(
        "Chinchilla where models are good, and a ceiling eps0 where they are so small that they "
        "learn nothing. Use it when a ladder starts with tiny models whose losses bend below the "
        "power law. Traps: far below the ceiling eps0 is not identified; in the paper alpha is the "
        "exponent of data and beta that of size, here it is the other way round as in Chinchilla."
    ),
)
