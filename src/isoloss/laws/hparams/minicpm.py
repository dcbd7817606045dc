"""MiniCPM: batch from the loss (Hu et al. 2024, arXiv 2404.06395).

``B = b / L^6.24`` tokens. The form and the exponent are known; the factor b is not confirmed.
"""

from __future__ import annotations

from isoloss.laws.hparams.law import Coefficients, HParamLaw, factor, power
from isoloss.laws.law import Law

MINICPM = HParamLaw(
    name="minicpm",
    title="batch from the loss to be reached; factor not confirmed",
    formulas={
        "batch_tokens": Law(
            "minicpm batch",
            "b / L**gamma",
            (factor("b", "batch at a loss of 1, tokens"), power("gamma", "exponent of the loss")),
            variables=("L",),
        ),
    },
    published=(
        Coefficients(
            key="form",
            values={"gamma": 6.24},
            source="Hu et al. 2024, arXiv 2404.06395 (exponent from a secondary account)",
            confidence="V2",
            n="nonemb",
            loss_unit="nats/token",
            range={},
            batch="the law's own",
            schedule="warm-up, stable, decay (WSD)",
            notes="Only ratios are given: what the batch changes by when the loss falls.",
            unconfirmed={
                "b": "tables that quote the law disagree on the factor by nine decades, and none "
                "was confirmed in the paper"
            },
        ),
    ),
    reference="Hu et al. 2024, arXiv 2404.06395",
    summary=(
        "The batch grows as the loss falls, by 13 % for every 2 % of loss. The factor is not "
        "confirmed, so isoloss uses the law only to carry a batch that you tuned to another loss."
    ),
)
