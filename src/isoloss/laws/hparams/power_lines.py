"""Power Lines: batch from tokens, weight decay from the AdamW timescale (Bergsma et al. 2025).

``B = 0.0306 D^0.383`` sequences of 2048 tokens (arXiv 2505.13738). The timescale
``tau = B / (lr * wd * D)``, the share of the run over which AdamW averages its updates, is best
at a power of tokens per parameter.
"""

from __future__ import annotations

from isoloss.laws.hparams.law import Coefficients, HParamLaw, factor, power
from isoloss.laws.law import Law

POWER_LINES = HParamLaw(
    name="power-lines",
    title="batch from tokens, weight decay through the AdamW timescale",
    formulas={
        "batch_tokens": Law(
            "power-lines batch",
            "2048 * b * D**gamma",
            (
                factor("b", "batch at D = 1, in sequences of 2048 tokens"),
                power("gamma", "exponent of D in the batch"),
            ),
        ),
        "critical_batch_tokens": Law(
            "power-lines critical batch",
            "b_crit * D**delta",
            (factor("b_crit", "critical batch at D = 1"), power("delta", "exponent of D in it")),
        ),
        "timescale": Law(
            "power-lines timescale",
            "tau_1 * (D / N)**kappa",
            (
                factor("tau_1", "timescale at one token per parameter"),
                power("kappa", "exponent of tokens per parameter"),
            ),
        ),
    },
    published=(
        Coefficients(
            key="power-lines",
            values={"b": 0.0306, "gamma": 0.383, "delta": 0.47, "kappa": -0.52},
            source="Bergsma et al. 2025, arXiv 2505.13738 (secondary account)",
            confidence="V2",
            n="not stated",
            loss_unit="",
            range={"N": (0.0, 3.3e9), "D/N": (20.0, 1280.0)},
            intervals={"kappa": (-0.529, -0.507)},
            level=0.8,
            batch="the law's own",
            schedule="linear to zero",
            notes=(
                "muP, SlimPajama, 20 to 1280 tokens per parameter; the smallest size is not "
                "stated. R^2 is 0.984 for the batch, 0.940 for the critical batch, 0.975 for the "
                "timescale. Four times the best batch cost 0.029 nats. The exponent of the "
                "critical batch may be 0.462 instead: accounts differ."
            ),
            unconfirmed={
                "tau_1": "the factor of the timescale is about 1; its digits were not confirmed",
                "b_crit": "the factor of the critical batch was not confirmed",
            },
        ),
    ),
    reference="Bergsma et al. 2025, arXiv 2505.13738",
    summary=(
        "The batch grows with tokens, slower than in Step Law. Weight decay follows from the "
        "timescale: wd = B / (lr tau D). The factor of tau is not confirmed, so give one run that "
        "you tuned and the exponent carries its weight decay to another size."
    ),
    aliases=("powerlines", "cerebras"),
)
