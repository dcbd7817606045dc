"""Kaplan: pure power laws with no floor (Kaplan et al. 2020, arXiv 2001.08361, eqs. 1.1-1.6).

``L(N) = (N_c/N)^alpha_N`` and the like for D and C, the joint ``L(N, D)`` (eq. 1.5) and
``L(N, S)`` (eq. 1.6). The paper counts compute in PF-days; here C is FLOP like everywhere else, and
the published C_c are converted (1 PF-day = 8.64e19 FLOP), which leaves the loss unchanged.
"""

from __future__ import annotations

from isoloss.laws.law import Law, Parameter

PF_DAY_FLOP = 1e15 * 86_400.0
"""FLOP in one petaflop/s-day."""

_PAPER = "Kaplan et al. 2020, arXiv 2001.08361"

N_C = Parameter(
    "N_c", "size at which the law says loss 1", positive=True, start=(1e8, 1e16), unit="params"
)
D_C = Parameter(
    "D_c", "tokens at which the law says loss 1", positive=True, start=(1e8, 1e16), unit="tokens"
)
C_C = Parameter(
    "C_c", "compute at which the law says loss 1", positive=True, start=(1e20, 1e32), unit="flop"
)
S_C = Parameter(
    "S_c", "steps at which the step term is 1", positive=True, start=(1e1, 1e6), unit="steps"
)
ALPHA_N = Parameter("alpha_N", "size exponent", bounds=(0.0, 3.0), start=(0.02, 0.5))
ALPHA_D = Parameter("alpha_D", "data exponent", bounds=(0.0, 3.0), start=(0.02, 0.5))
ALPHA_C = Parameter("alpha_C", "compute exponent", bounds=(0.0, 3.0), start=(0.02, 0.5))
ALPHA_S = Parameter("alpha_S", "step exponent", bounds=(0.0, 3.0), start=(0.1, 1.5))

KAPLAN_N = Law(
    name="kaplan-n",
    title="loss of models trained to convergence, by size",
    formula="(N_c / N)**alpha_N",
    parameters=(N_C, ALPHA_N),
    reference=f"{_PAPER}, eq. 1.1",
)

KAPLAN_D = Law(
    name="kaplan-d",
    title="loss of large models stopped early, by data",
    formula="(D_c / D)**alpha_D",
    parameters=(D_C, ALPHA_D),
    reference=f"{_PAPER}, eq. 1.2",
)

KAPLAN_C = Law(
    name="kaplan-c",
    title="loss of the best model per compute",
    formula="(C_c / C)**alpha_C",
    parameters=(C_C, ALPHA_C),
    reference=f"{_PAPER}, eq. 1.3",
)

KAPLAN = Law(
    name="kaplan",
    title="size and data in one power, no floor",
    formula="((N_c / N)**(alpha_N / alpha_D) + D_c / D)**alpha_D",
    parameters=(N_C, D_C, ALPHA_N, ALPHA_D),
    reference=f"{_PAPER}, eq. 1.5",
)

KAPLAN_STEPS = Law(
    name="kaplan-steps",
    title="size and optimiser steps on endless data, no floor",
    formula="(N_c / N)**alpha_N + (S_c / S)**alpha_S",
    parameters=(N_C, S_C, ALPHA_N, ALPHA_S),
    reference=f"{_PAPER}, eq. 1.6",
)

KAPLAN_LAWS = (KAPLAN, KAPLAN_N, KAPLAN_D, KAPLAN_C, KAPLAN_STEPS)
