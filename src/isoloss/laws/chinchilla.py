"""Chinchilla: loss falls as separate powers of model size and data.

``L = E + A/N^alpha + B/D^beta`` (Hoffmann et al. 2022, arXiv 2203.15556, eq. 2).
"""

from __future__ import annotations

import math

from isoloss.laws.law import Law, Parameter

FLOOR = Parameter(
    "E", "irreducible loss: what no size and no data removes", bounds=(0.0, math.inf), unit="loss"
)
SIZE = Parameter("A", "size term: loss above the floor at N = 1", positive=True)
DATA = Parameter("B", "data term: loss above the floor at D = 1", positive=True)
ALPHA = Parameter("alpha", "size exponent", bounds=(0.0, 3.0), start=(0.05, 1.2))
BETA = Parameter("beta", "data exponent", bounds=(0.0, 3.0), start=(0.05, 1.2))

CHINCHILLA = Law(
    name="chinchilla",
    title="separate powers of size and data, with a floor",
    formula="E + A / N**alpha + B / D**beta",
    parameters=(FLOOR, SIZE, DATA, ALPHA, BETA),
    reference="Hoffmann et al. 2022, arXiv 2203.15556, eq. 2",
)

CHINCHILLA_NOFLOOR = Law(
    name="chinchilla-nofloor",
    title="separate powers of size and data, down to zero",
    formula="A / N**alpha + B / D**beta",
    parameters=(SIZE, DATA, ALPHA, BETA),
    reference="Rosenfeld et al. 2019, arXiv 1909.12673, eq. 4 with its constant at zero",
)
