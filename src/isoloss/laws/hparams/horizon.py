"""Token horizon: the learning rate falls with the tokens trained on (Bjorck et al. 2024).

``lr = c (N/1e9)^-0.23 (D/1e9)^-0.32`` for 760M to 2.7B at a batch of half a million tokens, and an
exponent of D of its own at every size measured (arXiv 2409.19913).
"""

from __future__ import annotations

import math

from isoloss.laws.hparams.law import Coefficients, HParamLaw, factor, power
from isoloss.laws.law import Law

EXPONENTS: dict[float, float] = {
    50e6: 0.7029,
    125e6: 0.6531,
    350e6: 0.3799,
    760e6: 0.3155,
    1.3e9: 0.3171,
    2.7e9: 0.4184,
}
"""Size -> the exponent by which its best learning rate falls with D (table 5, batch of 0.5M)."""


def exponent_near(params: float) -> tuple[float, float]:
    """The measured size nearest to a size, in ratio, and the exponent of D there."""
    size = min(EXPONENTS, key=lambda one: abs(math.log(one / params)))
    return size, EXPONENTS[size]


HORIZON = HParamLaw(
    name="horizon",
    title="learning rate falls with tokens, at a fixed batch",
    formulas={
        "lr": Law(
            "horizon lr",
            "c * (N / 1e9)**alpha * (D / 1e9)**beta",
            (
                factor("c", "learning rate of 1B params on 1B tokens"),
                power("alpha", "exponent of N"),
                power("beta", "exponent of D"),
            ),
        ),
    },
    published=(
        Coefficients(
            key="joint",
            values={"c": 1.55e-3, "alpha": -0.23, "beta": -0.32},
            source="Bjorck et al. 2024, arXiv 2409.19913, joint law (secondary account)",
            confidence="V2",
            n="not stated",
            loss_unit="",
            range={"N": (7.6e8, 2.7e9), "D": (0.0, 8e11)},
            batch="fixed at 0.5M tokens",
            batch_tokens=5e5,
            schedule="not stated in the account read",
            notes=(
                "N and D enter in billions; the fewest tokens of the runs are not stated. The "
                "exponents are firmer than the constant: with it 7B on 1T tokens gets 1.09e-4, "
                "the paper quotes 1.15e-4. The constant 1.3192e-5 that circulates for this law "
                "cannot be used: with which unit of N and D it goes is not said. A larger batch "
                "raises the rate and keeps the exponent of D."
            ),
        ),
    ),
    reference="Bjorck et al. 2024, arXiv 2409.19913",
    summary=(
        "At one size and a fixed batch the best learning rate falls as a power of the tokens, by "
        "0.70 at 50M params and 0.32 at 1.3B. Trap of units: N and D in billions. It contradicts "
        "Step Law, whose rate rises with tokens."
    ),
    aliases=("microsoft", "bjorck", "token-horizon"),
)
