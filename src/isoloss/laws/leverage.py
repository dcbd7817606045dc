"""How much compute does a mixture of experts save? Efficiency leverage (Ling Team 2025).

arXiv 2507.17702: ``EL = A_hat^(alpha + gamma (ln G)^2 + beta ln G)`` with ``alpha = a + d log10 C``
and a share of active experts A that saturates at both ends. The bases of the logarithms are not
stated; these ones give 6.87 at A = 3.1 %, G = 12 and C = 1e22, where the paper says more than 7;
with log2 G it would be 7.24 and with log10 G 5.37.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from isoloss.errors import InputError, Where


@dataclass(frozen=True)
class Leverage:
    """Coefficients of the law.

    Attributes:
        a: exponent of the active share at one FLOP.
        d: its change per decade of compute.
        gamma: of the square of ln G.
        beta: of ln G.
        share_start: where the active share saturates from below.
        share_most: where it saturates from above.
    """

    a: float = 1.23
    d: float = -7.61e-2
    gamma: float = 1.67e-2
    beta: float = -1.17e-1
    share_start: float = 1.63e-2
    share_most: float = 5.28e16

    def __call__(self, active_share: float, granularity: float, flop: float) -> float:
        """Compute of a dense model over that of the mixture that reaches its loss.

        Args:
            active_share: active over all experts, above 0 and at most 1.
            granularity: G, how finely the experts are cut, as the paper counts it; at least 1.
            flop: training compute of the mixture.

        Raises:
            InputError: a value is outside its range.
        """
        for value, name, fits, expected in (
            (active_share, "active_share", 0 < active_share <= 1, "a share above 0, at most 1,"),
            (granularity, "granularity", granularity >= 1, "at least 1"),
            (flop, "flop", 0 < flop < math.inf, "a positive, finite amount"),
        ):
            if not fits:
                raise InputError(
                    f"found {value:g} where {expected} is expected.",
                    code="bad_value",
                    where=Where(field=name),
                )
        first = 1.0 / (1.0 / self.share_start - 1.0 / self.share_most)
        saturated = 1.0 / (1.0 / (active_share + first) + 1.0 / self.share_most)
        log_grain = math.log(granularity)
        power = self.a + self.d * math.log10(flop) + self.gamma * log_grain**2
        return saturated ** (power + self.beta * log_grain)


LING_LEVERAGE = Leverage()
"""The published coefficients; fitted on compute from 3e17 to 3e20 FLOP."""
