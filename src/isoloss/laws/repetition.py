"""Repetition: tokens seen again, and parameters beyond what the data can feed, count for less.

``L = E + A/N'^alpha + B/D'^beta`` with effective sizes N' and D' that saturate (Muennighoff et al.
2023, arXiv 2305.16264). N is params, D tokens seen, U unique tokens.
"""

from __future__ import annotations

from collections.abc import Mapping

from isoloss.laws.chinchilla import ALPHA, BETA, DATA, FLOOR, MUENNIGHOFF_BASE, SIZE
from isoloss.laws.law import Law, Parameter, Published


def _from_chinchilla(
    fit: Mapping[str, float], typical: Mapping[str, float]
) -> list[dict[str, float]]:
    return [{**fit, "RD": data, "RN": size} for data in (3.0, 15.0) for size in (3.0, 15.0)]


MUENNIGHOFF = Published(
    key="muennighoff",
    values={**MUENNIGHOFF_BASE.values, "RD": 15.387756, "RN": 5.309743},
    source="Muennighoff et al. 2023, arXiv 2305.16264, code (utils/parametric_fit.ipynb)",
    confidence="V",
    n="total",
    loss_unit="nats/token",
    range={"N": (7.1e6, 8.67e9), "D": (1e8, 9e11), "U": (1e8, 1.78e11)},
    notes=(
        "E, A, B and alpha = beta were fitted to another laboratory's training losses and held "
        "while RD and RN were fitted to 182 runs on C4 (GPT-2 tokenizer). So the level is off: at "
        "2.8B to 8.7B the law says 0.13 to 0.22 nats less than was logged. Use it for what "
        "repetition costs, not for the loss itself."
    ),
)

REPETITION = Law(
    name="repetition",
    title="Chinchilla with effective tokens and params when data repeat",
    formula="E + A / N_eff**alpha + B / D_eff**beta",
    where={
        "U_D": "min(U, D)",
        "R_D": "D / U_D - 1",
        "D_eff": "U_D * (1 + RD * (1 - exp(-R_D / RD)))",
        "U_N": "min(N, (alpha * A / (beta * B) * U_D**beta)**(1 / alpha))",
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
    published=(MUENNIGHOFF,),
    reference="Muennighoff et al. 2023, arXiv 2305.16264",
    simpler=("chinchilla", _from_chinchilla),
    summary=(
        "What D tokens are worth when only U of them are different. Up to about four epochs a "
        "repeated token is nearly as good as a new one; the worth of all repetitions together "
        "never exceeds RD more epochs. RD = 15 is such a ceiling, not a number of epochs to train "
        "for. With U = D and N at most optimal it is Chinchilla. Trap: the law cannot rise; that "
        "large models overfit after many epochs is outside of it."
    ),
)
