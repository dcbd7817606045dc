"""Coupled: Chinchilla's sum of powers, raised to a power (Skaling, arXiv 2608.07222; q-family).

``L = E + (A/N^alpha + B/D^beta)^k``. k = 1 is Chinchilla; k < 1 lets size and
data help each other.
"""

from __future__ import annotations

from collections.abc import Mapping

from isoloss.laws.chinchilla import ALPHA, BETA, DATA, FLOOR, SIZE
from isoloss.laws.law import Law, Parameter


def _from_chinchilla(
    fit: Mapping[str, float], typical: Mapping[str, float]
) -> list[dict[str, float]]:
    # With exponents and prefactors raised to 1/k, each term alone is as in the Chinchilla fit.
    return [
        {
            "E": fit["E"],
            "A": fit["A"] ** (1 / k),
            "B": fit["B"] ** (1 / k),
            "alpha": fit["alpha"] / k,
            "beta": fit["beta"] / k,
            "k": k,
        }
        for k in (1.0, 0.7, 0.45)
    ]


COUPLED = Law(
    name="coupled",
    title="powers of size and data, coupled by one more power",
    formula="E + (A / N**alpha + B / D**beta)**k",
    parameters=(
        FLOOR,
        SIZE,
        DATA,
        ALPHA,
        BETA,
        Parameter("k", "coupling: 1 is none", bounds=(0.02, 5.0), start=(0.2, 1.2)),
    ),
    reference="Skaling, arXiv 2608.07222",
    additive=("A", "alpha", "B", "beta"),
    simpler=("chinchilla", _from_chinchilla),
    summary=(
        "One number more than Chinchilla lets the gain from data depend on size. The "
        "compute-optimal N and D keep their closed form, because the outer power does not move the "
        "minimum. Reported: k = 0.31 to 0.45 on Farseer's runs, 0.77 on Hoffmann's. Traps: alpha "
        "and beta are those of the inner sum, so each term alone falls with k alpha and k beta; "
        "k trades against A, B and both exponents unless N and D vary independently."
    ),
)
