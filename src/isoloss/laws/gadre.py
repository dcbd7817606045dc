"""Gadre: over-training moves the loss by a factor, not by another exponent.

``L(C, M) = E + (a M^eta + b M^-eta) C^-eta`` with M = D/N and C = 6ND (Gadre et al. 2024, arXiv
2403.08540, eq. 4): Chinchilla with alpha = beta = 2 eta, written in compute and over-training.
"""

from __future__ import annotations

from isoloss.laws.chinchilla import FLOOR
from isoloss.laws.law import Law, Parameter

GADRE = Law(
    name="gadre",
    title="compute and over-training (tokens per param), one exponent",
    formula="E + (a * M**eta + b * M**-eta) * C**-eta",
    where={"C": "6 * N * D", "M": "D / N"},
    parameters=(
        FLOOR,
        Parameter("a", "size term (grows with over-training)", positive=True),
        Parameter("b", "data term (falls with over-training)", positive=True),
        Parameter("eta", "compute exponent", bounds=(0.0, 1.5), start=(0.02, 0.6)),
    ),
    reference="Gadre et al. 2024, arXiv 2403.08540, eq. 4",
)
