"""Interaction: Chinchilla plus a term in which size and data act together.

``L = E + A/N^alpha + B/D^beta + G/(N^gamma D^delta)``. Hoffmann et al. 2022 has three terms, not
four; this form is discussed and rejected by arXiv 2608.07222, because the data ask for G < 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from isoloss.laws.chinchilla import ALPHA, BETA, DATA, FLOOR, SIZE
from isoloss.laws.law import Array, Inner, Law, Parameter

_GAMMA = Parameter(
    "gamma", "size exponent of the interaction", bounds=(0.0, 3.0), start=(0.02, 1.0)
)
_DELTA = Parameter(
    "delta", "data exponent of the interaction", bounds=(0.0, 3.0), start=(0.02, 1.0)
)

# Searched in these parameters: what each term makes of the loss at the typical run. G itself may
# have either sign and any size, from 1 to 1e45, and a search cannot walk that far.
_SEARCHED = Law(
    name="interaction at the typical run",
    formula="E + a / N**alpha + b / D**beta + g / (N**gamma * D**delta)",
    parameters=(
        FLOOR,
        Parameter("a", "size term", positive=True),
        Parameter("b", "data term", positive=True),
        ALPHA,
        BETA,
        Parameter("g", "interaction term"),
        _GAMMA,
        _DELTA,
    ),
)


def _outward(found: Mapping[str, Array], reference: Mapping[str, float]) -> dict[str, Array]:
    """Each term relative to the typical run, such as a (N/N0)^-alpha, written as A N^-alpha."""
    n, d = reference["N"], reference["D"]
    return {
        **{name: found[name] for name in ("E", "alpha", "beta", "gamma", "delta")},
        "A": found["a"] * np.exp(found["alpha"] * n),
        "B": found["b"] * np.exp(found["beta"] * d),
        "G": found["g"] * np.exp(found["gamma"] * n + found["delta"] * d),
    }


def _from_chinchilla(
    fit: Mapping[str, float], typical: Mapping[str, float]
) -> list[dict[str, float]]:
    at_typical = {
        "E": fit["E"],
        "a": fit["A"] / typical["N"] ** fit["alpha"],
        "b": fit["B"] / typical["D"] ** fit["beta"],
        "alpha": fit["alpha"],
        "beta": fit["beta"],
    }
    return [
        {**at_typical, "g": 0.0, "gamma": gamma, "delta": delta}
        for gamma in (0.05, 0.2, 0.5)
        for delta in (0.05, 0.2, 0.5)
    ]


INTERACTION = Law(
    name="interaction",
    title="separate powers of size and data and one of both together",
    formula="E + A / N**alpha + B / D**beta + G / (N**gamma * D**delta)",
    parameters=(
        FLOOR,
        SIZE,
        DATA,
        ALPHA,
        BETA,
        Parameter("G", "interaction term; may be negative"),
        _GAMMA,
        _DELTA,
    ),
    reference="arXiv 2608.07222 (as a rejected alternative)",
    inner=Inner(_SEARCHED, ("N", "D"), _outward),
    simpler=("chinchilla", _from_chinchilla),
    summary=(
        "Chinchilla plus one more term in size and data together, to ask what the data say about "
        "it. G may be negative: real sweeps often ask for that, and then the law is not monotone: "
        "somewhere outside the data more params or tokens raise the predicted loss. Traps: eight "
        "parameters need a wide grid in both N and D; with gamma or delta near zero the term "
        "copies one of the others and G means nothing. It is often attributed to "
        "Hoffmann et al., whose law has three terms."
    ),
)
