"""Interaction: Chinchilla plus a term in which size and data act together.

``L = E + A/N^alpha + B/D^beta + G/(N^gamma D^delta)``. Hoffmann et al. 2022 has three terms, not
four; this form is discussed and rejected by arXiv 2608.07222, because the data ask for G < 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from isoloss.laws.chinchilla import ALPHA, BETA, DATA, FLOOR, SIZE
from isoloss.laws.law import Law, Parameter


def _from_chinchilla(
    fit: Mapping[str, float], typical: Mapping[str, float]
) -> list[dict[str, float]]:
    return [
        {**fit, "G": 0.0, "gamma": gamma, "delta": delta}
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
        Parameter(
            "gamma", "size exponent of the interaction", bounds=(0.0, 3.0), start=(0.02, 1.0)
        ),
        Parameter(
            "delta", "data exponent of the interaction", bounds=(0.0, 3.0), start=(0.02, 1.0)
        ),
    ),
    reference="arXiv 2608.07222 (as a rejected alternative)",
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
