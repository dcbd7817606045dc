"""Ling: learning rate and batch of mixtures of experts from compute (Ling Team 2025).

``lr = 1.1576 C^-0.1529`` and ``B = 0.0694 C^0.3644`` tokens with C = M D (arXiv 2507.17702). For
dense models the account read gives the allocation only.
"""

from __future__ import annotations

from isoloss.laws.hparams.deepseek import OF_COMPUTE
from isoloss.laws.hparams.law import Coefficients, HParamLaw, factor, power
from isoloss.laws.law import Law

_REFERENCE = "Ling Team 2025, arXiv 2507.17702"
_MODEL = Law(
    "ling model",
    "m * C**mu",
    (factor("m", "FLOP per token at one FLOP"), power("mu", "exponent of C in M")),
)
_DATA = Law(
    "ling data",
    "t * C**nu",
    (factor("t", "tokens at one FLOP"), power("nu", "exponent of C in D")),
)

LING_MOE = HParamLaw(
    name="ling-moe",
    title="learning rate and batch of mixtures of experts from compute",
    formulas={
        "lr": Law(
            "ling-moe lr",
            "c * C**alpha",
            (factor("c", "learning rate at one FLOP"), power("alpha", "exponent of C in the rate")),
        ),
        "batch_tokens": Law(
            "ling-moe batch",
            "b * C**gamma",
            (factor("b", "batch at one FLOP"), power("gamma", "exponent of C in the batch")),
        ),
        "flop_per_token": _MODEL,
        "tokens": _DATA,
    },
    published=(
        Coefficients(
            key="ling",
            values={
                **{"c": 1.1576, "alpha": -0.1529, "b": 0.0694, "gamma": 0.3644},
                **{"m": 0.1915, "mu": 0.5095, "t": 5.2232, "nu": 0.4905},
            },
            source=_REFERENCE,
            confidence="V",
            n="active",
            loss_unit="",
            range={"C": (3e17, 3e20)},
            batch="the law's own: the batch was tuned along with the rate",
            schedule="warm-up, stable, decay (WSD)",
            compute=OF_COMPUTE,
            notes=(
                "Mixtures of experts; M counts the active ones. The allocation M, D is that of "
                "7.8 % of the experts active. Fitted to settings within 0.25 % of the best loss. "
                "The batch is in tokens."
            ),
        ),
    ),
    reference=_REFERENCE,
    summary=(
        "Like DeepSeek's law, for mixtures of experts: steeper in both. Trap: for a dense model it "
        "is only a comparison."
    ),
    aliases=("ling",),
)

LING_DENSE = HParamLaw(
    name="ling-dense",
    title="compute-optimal dense models of the same project; no learning rate",
    formulas={"flop_per_token": _MODEL, "tokens": _DATA},
    published=(
        Coefficients(
            key="ling",
            values={"m": 0.0655, "mu": 0.5422, "t": 15.2582, "nu": 0.4578},
            source=_REFERENCE,
            confidence="V",
            n="nonemb",
            loss_unit="",
            range={"C": (3e17, 3e20)},
            compute=OF_COMPUTE,
            notes="Learning rate and batch of the dense models are not in the account read.",
        ),
    ),
    reference=_REFERENCE,
    summary="The allocation beside which the mixture's was measured.",
)
