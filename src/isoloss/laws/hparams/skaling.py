"""Skaling: learning rate and batch of a 2026 preprint (arXiv 2608.07222), as a form.

``lr = 0.0709 F^-0.4303 D^0.2785`` and ``B = 896.07 F^0.231``. What F counts is not stated in the
account read, so the law is not evaluated.
"""

from __future__ import annotations

from isoloss.laws.hparams.law import Coefficients, HParamLaw, factor, power
from isoloss.laws.law import Law

SKALING = HParamLaw(
    name="skaling",
    title="learning rate and batch from F and tokens; F not defined, form only",
    formulas={
        "lr": Law(
            "skaling lr",
            "c * F**alpha * D**beta",
            (
                factor("c", "learning rate at F = D = 1"),
                power("alpha", "exponent of F in the rate"),
                power("beta", "exponent of D in the rate"),
            ),
            variables=("F", "D"),
        ),
        "batch_tokens": Law(
            "skaling batch",
            "b * F**gamma",
            (factor("b", "batch at F = 1"), power("gamma", "exponent of F in the batch")),
            variables=("F",),
        ),
    },
    published=(
        Coefficients(
            key="skaling",
            values={"c": 0.0709, "alpha": -0.4303, "beta": 0.2785, "b": 896.07, "gamma": 0.231},
            source="arXiv 2608.07222 (secondary account)",
            confidence="V2",
            n="not stated",
            loss_unit="",
            range={},
            batch="the law's own",
            schedule="not stated in the account read",
            notes="What F counts and whether the batch is in tokens are not stated.",
        ),
    ),
    reference="arXiv 2608.07222",
    summary=(
        "At fixed F the rate rises with tokens, as in Step Law and with nearly its exponent. F and "
        "the unit of the batch are not defined in the account read; a value of F can be given to "
        "see the formula at work, but N and D are not turned into one."
    ),
)
