"""Published allocations: N* as a power of compute, from sources that print no loss with it.

Every entry is brought to C = 6 N D, the compute spent, so that it stands beside the laws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PF_DAY_FLOP = 1e15 * 86_400.0


@dataclass(frozen=True)
class Allocation:
    """N* = prefactor C^exponent, with D* = C / (6 N*).

    Attributes:
        key: short name.
        prefactor: N* at one FLOP.
        exponent: of C.
        n: what N counts.
        source: paper and place.
        confidence: ``V`` read in the paper; ``V2`` in a secondary account; ``C`` computed from V.
        range: compute of the runs behind it, where the source states it.
        notes: what a user must know.
    """

    key: str
    prefactor: float
    exponent: float
    n: str
    source: str
    confidence: str
    range: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    notes: str = ""

    def optimum(self, flop: float) -> tuple[float, float]:
        """N* and D* at a compute."""
        params = self.prefactor * flop**self.exponent
        return params, flop / (6.0 * params)


_FLOP_PER_TOKEN = (
    "The paper's M is FLOP per token, attention included; N is M / 6, more than the parameters of "
    "a small model."
)

ALLOCATIONS = (
    Allocation(
        key="hoffmann-approach-1",
        prefactor=0.0991589,
        exponent=0.498099,
        n="total",
        source="Hoffmann et al. 2022, arXiv 2203.15556, approach 1: fitted to the rows of table 3",
        confidence="C",
        notes="The paper prints the exponent 0.50. Gives 2.86B at 1e21 FLOP, as its appendix D.4.",
    ),
    Allocation(
        key="hoffmann-approach-2",
        prefactor=0.144877,
        exponent=0.489942,
        n="total",
        source="Hoffmann et al. 2022, arXiv 2203.15556, approach 2: fitted to the rows of table A3",
        confidence="C",
        range={"C": (6e18, 3e21)},
        notes="The paper prints the exponent 0.49, from parabolas at nine budgets.",
    ),
    Allocation(
        key="kaplan",
        # At the critical batch a run spends twice C_min (eq. 5.5), counted in PF-days.
        prefactor=1.3e9 / (2.0 * PF_DAY_FLOP) ** 0.73,
        exponent=0.73,
        n="nonemb",
        source="Kaplan et al. 2020, arXiv 2001.08361, table 6",
        confidence="V",
        notes=(
            "N* = 1.3e9 C_min^0.73 with C_min in PF-days; the compute spent is taken as 2 C_min, "
            "training at the critical batch. Gives 4.68B at 1e21 FLOP, as Hoffmann et al. quote it."
        ),
    ),
    Allocation(
        key="deepseek",
        prefactor=0.1715 / 6.0,
        exponent=0.5243,
        n="nonemb",
        source="DeepSeek-AI 2024, arXiv 2401.02954, section 3",
        confidence="V",
        notes=f"{_FLOP_PER_TOKEN} The exponent is 0.450 to 0.578 on other data of theirs.",
    ),
    Allocation(
        key="llama-3",
        prefactor=1.0 / (6.0 * 0.299),
        exponent=1.0 - 0.537,
        n="total",
        source="Llama Team 2024, arXiv 2407.21783: D* = 0.299 C^0.537",
        confidence="V2",
        range={"C": (6e18, 1e22)},
        notes="At 3.8e25 FLOP 389B on 16.3T tokens; the paper says 402B on 16.55T.",
    ),
    Allocation(
        key="ling-dense",
        prefactor=0.0655 / 6.0,
        exponent=0.5422,
        n="nonemb",
        source="Ling Team 2025, arXiv 2507.17702, dense",
        confidence="V",
        notes=_FLOP_PER_TOKEN,
    ),
    Allocation(
        key="ling-moe",
        prefactor=0.1915 / 6.0,
        exponent=0.5095,
        n="active",
        source="Ling Team 2025, arXiv 2507.17702, 7.8 % of the experts active",
        confidence="V",
        notes=_FLOP_PER_TOKEN,
    ),
)
"""The published allocations, oldest approach of Hoffmann et al. first."""
