"""Repetition: tokens seen again, and parameters beyond what the data can feed, count for less.

``L = E + A/N'^alpha + B/D'^beta`` with effective sizes N' and D' that saturate (Muennighoff et al.
2023, arXiv 2305.16264, eqs. 5-6 and appendix A). N is params, D tokens seen, U unique tokens.
"""

from __future__ import annotations

from collections.abc import Mapping

from isoloss.laws.chinchilla import ALPHA, BETA, DATA, FLOOR, SIZE
from isoloss.laws.law import Law, Parameter


def _from_chinchilla(fit: Mapping[str, float]) -> list[dict[str, float]]:
    return [{**fit, "RD": data, "RN": size} for data in (3.0, 15.0) for size in (3.0, 15.0)]


REPETITION = Law(
    name="repetition",
    title="Chinchilla with effective tokens and params when data repeat",
    formula="E + A / N_eff**alpha + B / D_eff**beta",
    where={
        "U_D": "min(U, D)",
        "R_D": "D / U_D - 1",
        "D_eff": "U_D * (1 + RD * (1 - exp(-R_D / RD)))",
        "G": "(alpha * A / (beta * B))**(1 / (alpha + beta))",
        "U_N": "min(N, G * (G * U_D)**(beta / alpha))",
        "R_N": "N / U_N - 1",
        "N_eff": "U_N * (1 + RN * (1 - exp(-R_N / RN)))",
    },
    parameters=(
        FLOOR,
        SIZE,
        DATA,
        ALPHA,
        BETA,
        Parameter(
            "RD",
            "repetitions after which a repeated token is worth 1/e of a new one",
            positive=True,
            bounds=(1e-2, 1e4),
            start=(1.0, 100.0),
        ),
        Parameter(
            "RN",
            "the same for params beyond the optimum for the unique tokens",
            positive=True,
            bounds=(1e-2, 1e4),
            start=(1.0, 100.0),
        ),
    ),
    reference="Muennighoff et al. 2023, arXiv 2305.16264, eqs. 5-6",
    simpler=("chinchilla", _from_chinchilla),
)
