"""DeepSeek: learning rate and batch from compute alone (DeepSeek-AI 2024, arXiv 2401.02954).

``lr = 0.3118 C^-0.1250`` and ``B = 0.2920 C^0.3271`` tokens with C = M D, where M is FLOP per token
without embeddings but with attention.
"""

from __future__ import annotations

from isoloss.laws.hparams.law import Coefficients, HParamLaw, factor, power
from isoloss.laws.law import Law

OF_COMPUTE = "C = M D; M is FLOP per token, 72 n_layer d^2 + 12 n_layer d seq, without embeddings"

DEEPSEEK = HParamLaw(
    name="deepseek",
    title="learning rate and batch from compute",
    formulas={
        "lr": Law(
            "deepseek lr",
            "c * C**alpha",
            (factor("c", "learning rate at one FLOP"), power("alpha", "exponent of C in the rate")),
        ),
        "batch_tokens": Law(
            "deepseek batch",
            "b * C**gamma",
            (factor("b", "batch at one FLOP"), power("gamma", "exponent of C in the batch")),
        ),
        "flop_per_token": Law(
            "deepseek model",
            "m * C**mu",
            (factor("m", "FLOP per token at one FLOP"), power("mu", "exponent of C in M")),
        ),
        "tokens": Law(
            "deepseek data",
            "t * C**nu",
            (factor("t", "tokens at one FLOP"), power("nu", "exponent of C in D")),
        ),
    },
    published=(
        Coefficients(
            key="deepseek",
            values={
                **{"c": 0.3118, "alpha": -0.1250, "b": 0.2920, "gamma": 0.3271},
                **{"m": 0.1715, "mu": 0.5243, "t": 5.8316, "nu": 0.4757},
            },
            source="DeepSeek-AI 2024, arXiv 2401.02954, section 3",
            confidence="V",
            n="nonemb",
            loss_unit="",
            range={"C": (1e17, 2e19)},
            batch="the law's own: the batch was tuned along with the rate",
            schedule="multi-step",
            compute=OF_COMPUTE,
            notes=(
                "Fitted to settings within 0.25 % of the best loss. The batch is in tokens. M "
                "exceeds 6 N most for small models (6 N / M is 0.43 to 0.92)."
            ),
        ),
    ),
    reference="DeepSeek-AI 2024, arXiv 2401.02954",
    summary=(
        "One power of compute for each. N and D grew together along the compute-optimal path in "
        "the runs behind it, so it says nothing of a small model on many tokens against a large "
        "one on few. Trap: C is M D, not 6 N D; 6 N D is used where nothing else is given."
    ),
    aliases=("deepseek-llm",),
)
