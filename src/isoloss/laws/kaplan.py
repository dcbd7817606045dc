"""Kaplan: pure power laws with no floor (Kaplan et al. 2020, arXiv 2001.08361, eqs. 1.1-1.6).

``L(N) = (N_c/N)^alpha_N`` and the like for D and C, the joint ``L(N, D)`` (eq. 1.5) and
``L(N, S)`` (eq. 1.6). N leaves embeddings out, here as in the paper. The paper counts compute in
PF-days; C is FLOP here as everywhere else, and the published C_c are converted (1 PF-day =
8.64e19 FLOP), which leaves every loss as it was.
"""

from __future__ import annotations

from isoloss.laws.law import Law, Parameter, Published

PF_DAY_FLOP = 1e15 * 86_400.0
"""FLOP in one petaflop/s-day."""

_PAPER = "Kaplan et al. 2020, arXiv 2001.08361"
_RUNS = (
    "WebText2, test loss at context 1024, BPE of 50,257; N and C leave embeddings out. The law has "
    "no floor, so it must fail somewhere below what was measured."
)
_SIZES = (768.0, 1.5e9)
_TOKENS = (2.2e7, 2.3e10)


def _exponent(name: str, of: str) -> Parameter:
    return Parameter(name, f"{of} exponent", bounds=(0.0, 3.0), start=(0.02, 0.5))


def _scale(name: str, of: str, unit: str) -> Parameter:
    return Parameter(name, f"{of} at which its term alone makes the loss 1", True, unit=unit)


def _published(
    key: str,
    values: dict[str, float],
    where: str,
    fitted: dict[str, tuple[float, float]],
    notes: str = "",
) -> Published:
    return Published(
        key=key,
        values=values,
        source=f"{_PAPER}, {where}",
        confidence="V",
        n="nonemb",
        loss_unit="nats/token",
        range=fitted,
        notes=f"{_RUNS} {notes}".strip(),
    )


N_C = _scale("N_c", "size", "params")
D_C = _scale("D_c", "data", "tokens")
C_C = _scale("C_c", "compute", "flop")
S_C = _scale("S_c", "steps", "steps")
ALPHA_N = _exponent("alpha_N", "size")
ALPHA_D = _exponent("alpha_D", "data")
ALPHA_C = _exponent("alpha_C", "compute")
ALPHA_S = _exponent("alpha_S", "step")

KAPLAN = Law(
    name="kaplan",
    title="size and data under one power, no floor",
    formula="((N_c / N)**(alpha_N / alpha_D) + D_c / D)**alpha_D",
    parameters=(N_C, D_C, ALPHA_N, ALPHA_D),
    published=(
        _published(
            "kaplan",
            {"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103},
            "eq. 1.5 and table 2",
            {"N": _SIZES, "D": _TOKENS},
            "These are not the constants of kaplan-n and kaplan-d.",
        ),
    ),
    reference=f"{_PAPER}, eq. 1.5",
    summary=(
        "Loss of a model of N params stopped early on D tokens, used to say when a model overfits. "
        "Traps: no floor; the constants differ from those of the laws in one variable; with "
        "C = 6 N D it gives N* ~ C^0.575, not the 0.73 that the paper is known for, which belongs "
        "to L(C_min)."
    ),
)

KAPLAN_N = Law(
    name="kaplan-n",
    title="loss of models trained to convergence, by size",
    formula="(N_c / N)**alpha_N",
    parameters=(N_C, ALPHA_N),
    published=(
        _published(
            "kaplan", {"N_c": 8.8e13, "alpha_N": 0.076}, "eq. 1.1 and table 5", {"N": _SIZES}
        ),
    ),
    reference=f"{_PAPER}, eq. 1.1",
    summary=(
        "The loss that a model of N params reaches on endless data. The same as power-n with "
        "A = N_c^alpha_N, in the paper's own constants. Trap: N leaves embeddings out, which "
        "matters most for small models."
    ),
)

KAPLAN_D = Law(
    name="kaplan-d",
    title="loss of large models stopped early, by data",
    formula="(D_c / D)**alpha_D",
    parameters=(D_C, ALPHA_D),
    published=(
        _published(
            "kaplan", {"D_c": 5.4e13, "alpha_D": 0.095}, "eq. 1.2 and table 5", {"D": _TOKENS}
        ),
    ),
    reference=f"{_PAPER}, eq. 1.2",
    summary=(
        "The loss that a model large enough reaches on D tokens when it is stopped at the best "
        "moment. The same as power-d with A = D_c^alpha_D."
    ),
)

KAPLAN_C = Law(
    name="kaplan-c",
    title="loss of the best model per compute",
    formula="(C_c / C)**alpha_C",
    parameters=(C_C, ALPHA_C),
    published=(
        _published(
            "kaplan",
            {"C_c": 3.1e8 * PF_DAY_FLOP, "alpha_C": 0.050},
            "eq. 1.3 (C_c = 3.1e8 PF-days)",
            {},
            "C is C_min, the compute at a batch far below the critical one: C / (1 + B / B_crit).",
        ),
        _published(
            "naive",
            {"C_c": 1.6e7 * PF_DAY_FLOP, "alpha_C": 0.057},
            "table 5 (C_c = 1.6e7 PF-days)",
            {},
            "C is the compute spent at the fixed batch of 2^19 tokens.",
        ),
    ),
    reference=f"{_PAPER}, eq. 1.3",
    summary=(
        "The lowest loss that C FLOP reach over all sizes. Traps: the paper's C is C_min, not the "
        "compute spent, and leaves embeddings out; C is FLOP here, PF-days in the paper."
    ),
)

KAPLAN_STEPS = Law(
    name="kaplan-steps",
    title="size and optimiser steps on endless data, no floor",
    formula="(N_c / N)**alpha_N + (S_c / S)**alpha_S",
    parameters=(N_C, S_C, ALPHA_N, ALPHA_S),
    published=(
        _published(
            "kaplan",
            {"N_c": 6.5e13, "S_c": 2.1e3, "alpha_N": 0.077, "alpha_S": 0.76},
            "eq. 1.6 and table 3",
            {"N": _SIZES, "S": (3e3, 2.5e5)},
            "S is S_min, the steps at a batch far above the critical one: S / (1 + B_crit / B). "
            "The range of S is that of the runs, from the end of their warm-up.",
        ),
    ),
    reference=f"{_PAPER}, eq. 1.6",
    summary=(
        "Loss along training: what size allows plus what the steps so far have not yet removed. "
        "Traps: S is S_min, not the steps taken; a curve under a decaying learning rate is not "
        "this law."
    ),
)

KAPLAN_LAWS = (KAPLAN, KAPLAN_N, KAPLAN_D, KAPLAN_C, KAPLAN_STEPS)
