"""Step Law: learning rate from N and D, batch from D (Li et al. 2025, arXiv 2503.04715).

``lr = 1.79 N^-0.713 D^0.307`` and ``B = 0.58 D^0.571`` tokens. N leaves embeddings out. The rate is
the peak of a cosine that ends at a fixed 1e-5, not at a share of the peak.
"""

from __future__ import annotations

from isoloss.laws.hparams.law import Coefficients, HParamLaw, factor, power
from isoloss.laws.law import Law

_RANGE = {"N": (6e7, 1e9), "D": (2e9, 1e11)}
_INTERVALS = {
    "alpha": (-0.7744, -0.6554),
    "beta": (0.2712, 0.3451),
    "gamma": (0.5340, 0.6055),
}
_BATCH = "the law's own: the batch was tuned along with the rate"
_SCHEDULE = "cosine to a fixed final rate of 1e-5, warm-up of 2000 steps, AdamW (0.9, 0.95), wd 0.1"
_NOTES = (
    "Intervals are those of the exponents from 1,000 bootstraps over runs; their level is taken as "
    "95 %, for it is not stated. The released runs give other coefficients (lr 77.7 N^-0.766 "
    "D^0.197, batch 0.2085 D^0.6125 by the released code), so the printed ones cannot be rebuilt "
    "from them. Context of 2048 tokens."
)

STEP_LAW = HParamLaw(
    name="step-law",
    title="learning rate from size and tokens, batch from tokens",
    formulas={
        "lr": Law(
            "step-law lr",
            "c * N**alpha * D**beta",
            (
                factor("c", "learning rate at N = D = 1"),
                power("alpha", "exponent of N in the learning rate"),
                power("beta", "exponent of D in the learning rate"),
            ),
        ),
        "batch_tokens": Law(
            "step-law batch",
            "d * D**gamma",
            (factor("d", "batch at D = 1"), power("gamma", "exponent of D in the batch")),
        ),
    },
    published=(
        Coefficients(
            key="published",
            values={"c": 1.79, "alpha": -0.713, "beta": 0.307, "d": 0.58, "gamma": 0.571},
            source="Li et al. 2025, arXiv 2503.04715 v7",
            confidence="V",
            n="nonemb",
            loss_unit="",
            range=_RANGE,
            notes=_NOTES,
            intervals=_INTERVALS,
            batch=_BATCH,
            schedule=_SCHEDULE,
        ),
        Coefficients(
            key="bootstrap-mean",
            values={
                "c": 1.7973,
                "alpha": -0.71292,
                "beta": 0.30749,
                "d": 0.58069,
                "gamma": 0.57094,
            },
            source="Li et al. 2025, arXiv 2503.04715 v7, mean of 1,000 bootstraps",
            confidence="V",
            n="nonemb",
            loss_unit="",
            range=_RANGE,
            notes="Used by the authors' tool. At 7B on 1.4T tokens its rate is 2 % above that of "
            "the printed coefficients, by rounding alone.",
            intervals=_INTERVALS,
            batch=_BATCH,
            schedule=_SCHEDULE,
        ),
    ),
    reference="Li et al. 2025, arXiv 2503.04715",
    summary=(
        "The peak learning rate falls with size and rises with tokens; the batch rises with tokens "
        "alone. Traps: it holds for a cosine that ends at 1e-5 whatever the peak, and a schedule "
        "that ends at a tenth of the peak has a lower optimum; the batch is in tokens. A rate "
        "between half and twice the optimum costs about 0.25 % of the loss, so the exact value "
        "matters less than the right power of two."
    ),
    aliases=("steplaw", "step"),
)
