"""Gadre: over-training moves the loss by a factor, not by another exponent.

``L(C, M) = E + (a M^eta + b M^-eta) C^-eta`` with M = D/N and C = 6ND (Gadre et al. 2024, arXiv
2403.08540): Chinchilla with alpha = beta = 2 eta, written in compute and over-training.
"""

from __future__ import annotations

from isoloss.laws.chinchilla import FLOOR
from isoloss.laws.law import Law, Parameter, Published


def _refit(key: str, corpus: str, e: float, a: float, b: float, eta: float) -> Published:
    return Published(
        key=key,
        values={"E": e, "a": a, "b": b, "eta": eta},
        source=f"computed from the released runs of Gadre et al. 2024, arXiv 2403.08540: {corpus}",
        confidence="C",
        n="total",
        loss_unit="nats/token",
        range={"N": (1.06e7, 4.12e8), "D": (2.11e8, 8.23e9)},
        notes=(
            f"Trained on {corpus}, loss on the C4 validation set (GPT-NeoX tokenizer). Least "
            "squares on five runs for four numbers: four sizes at 20 tokens per param and the "
            "smallest at 320. The best M of this fit is well below 20."
        ),
    )


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
    published=(
        _refit("c4", "C4", 1.508, 141.3, 189.5, 0.1212),
        _refit("redpajama", "RedPajama", 1.837, 212.2, 366.7, 0.1364),
        _refit("refinedweb", "RefinedWeb", 1.734, 157.1, 246.2, 0.1272),
    ),
    reference="Gadre et al. 2024, arXiv 2403.08540",
    summary=(
        "How much training a model on M tokens per param, more than is compute-optimal, costs: at "
        "every M the loss falls with the same power of C. It is Chinchilla with alpha = beta = "
        "2 eta, so that four numbers suffice. Traps: the optimal M is the same at every budget by "
        "assumption; in the paper's code the size term is a 6^-eta N^(-2 eta), so its alpha is not "
        "this a."
    ),
)
