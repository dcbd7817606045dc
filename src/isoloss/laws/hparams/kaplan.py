"""Kaplan: learning rate from size, critical batch from the loss (Kaplan et al. 2020).

``lr = 0.003239 - 0.0001395 ln N`` and ``B_crit = 2e8 / L^(1/0.21)`` tokens (arXiv 2001.08361, eqs.
D.1 and 1.4). N leaves embeddings out.
"""

from __future__ import annotations

from isoloss.laws.hparams.law import Coefficients, HParamLaw, factor, power
from isoloss.laws.law import Law

_REFERENCE = "Kaplan et al. 2020, arXiv 2001.08361"
_RANGE = {"N": (768.0, 1.5e9), "D": (2.2e7, 2.3e10)}
_NOTES = (
    "The rate turns negative at N = 1.2e10, and the authors say that it breaks above 1e10. The "
    "critical batch is the one at which a loss takes twice the fewest steps and twice the least "
    "tokens; L is in nats per token of WebText2 with their tokenizer of 50,257, so your own loss "
    "counts only if it is alike."
)

KAPLAN_FRONTIER = HParamLaw(
    name="kaplan-frontier",
    title="critical batch along the compute-optimal path",
    formulas={
        "critical_batch_tokens": Law(
            "kaplan-frontier critical batch",
            "b * (C / 8.64e19)**gamma",
            (
                factor("b", "critical batch at one PF-day (8.64e19 FLOP), tokens"),
                power("gamma", "exponent of C"),
            ),
        ),
    },
    published=(
        Coefficients(
            key="kaplan",
            values={"b": 2.0e6, "gamma": 0.24},
            source=f"{_REFERENCE}, table 6",
            confidence="V",
            n="nonemb",
            loss_unit="",
            range={},
            compute="C_min: compute at a batch far below the critical one, without embeddings",
            notes=(
                "C is C_min of the paper in FLOP; a run at the critical batch spends twice that, "
                "which moves the critical batch by 18 %."
            ),
        ),
    ),
    reference=_REFERENCE,
    summary=(
        "The critical batch of the best model for a compute: B_crit(L) with the loss that the "
        "compute reaches. Trap: the paper's C is C_min and in PF-days, here it is in FLOP."
    ),
)

KAPLAN_HPARAMS = HParamLaw(
    name="kaplan-lr",
    title="learning rate from size, critical batch from the loss",
    formulas={
        "lr": Law(
            "kaplan lr",
            "c - k * log(N)",
            (factor("c", "learning rate at N = 1"), factor("k", "fall per factor e of N")),
        ),
        "critical_batch_tokens": Law(
            "kaplan critical batch",
            "B_star / L**(1 / alpha_B)",
            (
                factor("B_star", "critical batch at a loss of 1, tokens"),
                power("alpha_B", "inverse of the exponent of the loss"),
            ),
            variables=("L",),
        ),
    },
    published=(
        Coefficients(
            key="kaplan",
            values={"c": 0.003239, "k": 0.0001395, "B_star": 2e8, "alpha_B": 0.21},
            source=f"{_REFERENCE}, eqs. D.1 and 1.4",
            confidence="V",
            n="nonemb",
            loss_unit="nats/token",
            range=_RANGE,
            batch="fixed at 2^19 tokens",
            batch_tokens=2.0**19,
            schedule="cosine to zero, warm-up of 3000 steps",
            notes=_NOTES,
        ),
        Coefficients(
            key="table-5",
            values={"c": 0.003239, "k": 0.0001395, "B_star": 2.1e8, "alpha_B": 0.21},
            source=f"{_REFERENCE}, eq. D.1 and table 5",
            confidence="V",
            n="nonemb",
            loss_unit="nats/token",
            range=_RANGE,
            batch="fixed at 2^19 tokens",
            batch_tokens=2.0**19,
            schedule="cosine to zero, warm-up of 3000 steps",
            notes=_NOTES,
        ),
    ),
    reference=_REFERENCE,
    summary=(
        "A line in ln N for the rate, at a fixed batch and whatever the tokens; and the critical "
        "batch, which doubles for every 13 % that the loss falls. Traps: a sum, not a power law, "
        "so it must not be extrapolated; the printed 2e18 of some tables is a misprint of 2e8."
    ),
    aliases=("openai", "kaplan"),
)
