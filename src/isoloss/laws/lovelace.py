"""Lovelace: what data add falls with all tokens seen, and repetition costs an overfitting term.

``L = E + A/N^alpha + B/D^beta + P R^delta (N/U)^kappa`` with R = D/U - 1 repetitions (Lovelace et
al. 2026, arXiv 2605.01640). N is params, D tokens seen, U unique tokens.
"""

from __future__ import annotations

from collections.abc import Mapping

from isoloss.laws.chinchilla import ALPHA, BETA, DATA, FLOOR, SIZE
from isoloss.laws.law import Law, Parameter


def _from_chinchilla(
    fit: Mapping[str, float], typical: Mapping[str, float]
) -> list[dict[str, float]]:
    """The fit without overfitting, and overfitting of a tenth of a unit of loss at R = 10."""
    crowding = 10.0 * typical["N"] / typical["D"]  # ten epochs of a tenth of the tokens
    return [
        {**fit, "P": 0.1 / (10.0**delta * crowding**kappa), "delta": delta, "kappa": kappa}
        for delta in (0.7, 1.7)
        for kappa in (0.7, 1.3)
    ]


LOVELACE = Law(
    name="lovelace",
    title="Chinchilla on all tokens seen, plus overfitting where they repeat",
    formula="E + A / N**alpha + B / D**beta + P * R_D**delta * (N / U_D)**kappa",
    where={
        "U_D": "min(U, D)",
        # A run that repeats nothing has R = 0, where powers have no derivatives: 1e-12 instead.
        "R_D": "max(D / U_D - 1, 1e-12)",
    },
    parameters=(
        FLOOR,
        SIZE,
        DATA,
        ALPHA,
        BETA,
        Parameter("P", "overfitting: loss added at R = 1 and N = U", positive=True),
        Parameter(
            "delta", "how fast it grows with repetitions", bounds=(0.3, 5.0), start=(0.4, 2.5)
        ),
        Parameter(
            "kappa", "how fast it grows with params per token", bounds=(0.0, 5.0), start=(0.3, 2.0)
        ),
    ),
    reference="Lovelace et al. 2026, arXiv 2605.01640",
    simpler=("chinchilla", _from_chinchilla),
    summary=(
        "Repeated tokens count as new ones, and overfitting is added: it grows with repetitions "
        "and with params per unique token. So the loss can rise, which repetition cannot express: "
        "take it where runs repeat tens of times or models are far too large for their data. At "
        "large compute it advises the opposite of repetition: a larger model and fewer epochs. "
        "With U = D it is Chinchilla. Trap: a little repetition is free only if delta is well "
        "above 1; no full set of coefficients is confirmed, so it must be fitted."
    ),
)
