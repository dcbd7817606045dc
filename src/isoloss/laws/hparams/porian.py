"""Porian: learning rate and batch from size, along D = 20 N (Porian et al. 2024, arXiv 2406.19146).

``lr = 3.7 N^-0.36`` and ``B = 0.00037 N^0.703`` sequences of 2048 tokens. N counts the output head,
not the input embedding.
"""

from __future__ import annotations

from isoloss.laws.hparams.law import Coefficients, HParamLaw, factor, power
from isoloss.laws.law import Law

_BATCH = "the law's own: the batch was tuned along with the rate"
_SCHEDULE = "decayed, near the compute-optimal tokens of each size"

PORIAN = HParamLaw(
    name="porian",
    title="learning rate and batch from size, near compute-optimal",
    formulas={
        "lr": Law(
            "porian lr",
            "c * (N / N_0)**alpha",
            (
                factor("c", "learning rate at N_0"),
                factor("N_0", "size to which the factors refer"),
                power("alpha", "exponent of N in the rate"),
            ),
        ),
        "batch_tokens": Law(
            "porian batch",
            "2048 * b * (N / M_0)**gamma",
            (
                factor("b", "batch at M_0, in sequences of 2048 tokens"),
                factor("M_0", "size to which b refers"),
                power("gamma", "exponent of N in the batch"),
            ),
        ),
    },
    published=(
        Coefficients(
            key="porian",
            values={
                **{"c": 3.7, "N_0": 1.0, "alpha": -0.36},
                **{"b": 0.00037, "M_0": 1.0, "gamma": 0.703},
            },
            source="Porian et al. 2024, arXiv 2406.19146, fits of the tuned settings",
            confidence="V",
            n="matmul",
            loss_unit="",
            range={"N": (2.5e7, 1.1e8)},
            batch=_BATCH,
            schedule=_SCHEDULE,
            notes=(
                "R^2 is 0.997 for the rate and 0.986 for the batch. The batch is in "
                "sequences of 2048 tokens in the paper and in tokens here. At small batches Adam's "
                "beta2 was raised to 0.99 and 0.999."
            ),
        ),
        Coefficients(
            key="rounded",
            values={
                **{"c": 0.0047, "N_0": 108e6, "alpha": -0.3333333333333333},
                **{"b": 160.0, "M_0": 108e6, "gamma": 0.6666666666666666},
            },
            source="Porian et al. 2024, arXiv 2406.19146, as used in the experiments",
            confidence="V",
            n="matmul",
            loss_unit="",
            range={"N": (2.5e7, 1.1e8)},
            batch=_BATCH,
            schedule=_SCHEDULE,
            notes="Powers rounded to thirds, as the authors trained with.",
        ),
    ),
    reference="Porian et al. 2024, arXiv 2406.19146",
    summary=(
        "Rate and batch by size alone, for models trained on about 20 tokens per parameter. Traps: "
        "the batch grows with N only because D grew with it; fitted below 110M params, so a model "
        "of billions lies far outside."
    ),
)
