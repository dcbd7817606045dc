"""Where a smooth surface has its lowest loss at each compute, and which way D*/N* goes."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.errors import EvidenceError
from isoloss.fitting import Quantity, from_draws
from isoloss.laws.compute import format_flop
from isoloss.runs import format_quantity

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SurfaceOptima:
    """The lowest loss along curves of equal compute, as far as the runs reach.

    Attributes:
        flop: compute, ascending (b,).
        params: N*, NaN where the surface has no minimum inside the runs.
        tokens: D*.
        loss: there.
        edge: per budget ``smallest`` or ``largest`` where the loss still falls at that end of the
            runs, ``outside`` where no size lies between the runs, else empty.
        found: share of the draws with a minimum inside (b,).
        draws: log(D*/N*) of the draws, NaN without a minimum (n_draws, b).
        level: nominal coverage.
    """

    flop: Array
    params: tuple[Quantity, ...]
    tokens: tuple[Quantity, ...]
    loss: tuple[Quantity, ...]
    edge: tuple[str, ...]
    found: Array
    draws: Array
    level: float

    @property
    def tokens_per_param(self) -> tuple[Quantity, ...]:
        """D*/N* per budget."""
        pairs = zip(self.tokens, self.params, strict=True)
        estimates = np.array([tokens.estimate / params.estimate for tokens, params in pairs])
        return tuple(
            from_draws(float(value), np.exp(self.draws[:, i]), self.level)
            for i, value in enumerate(estimates)
        )

    def direction(self, low: float = 0.0, high: float = np.inf) -> Quantity:
        """The exponent of D*/N* ~ C^x over the budgets between two computes.

        Zero means a constant ratio; an interval on both sides of zero, that the runs do not tell.

        Raises:
            EvidenceError: fewer than three budgets with an optimum.
        """
        estimate = np.log([q.estimate for q in self.tokens_per_param])
        use = (self.flop >= low) & (self.flop <= high) & np.isfinite(estimate)
        if use.sum() < 3:
            raise EvidenceError(
                f"{int(use.sum())} budget(s) have an optimum inside the runs; a direction needs 3.",
                code="too_few_optima",
                hint="Ask for more budgets inside the runs.",
            )
        log_c = np.log(self.flop[use])
        centred = log_c - log_c.mean()
        weight = centred / float(centred @ centred)
        return from_draws(float(weight @ estimate[use]), self.draws[:, use] @ weight, self.level)

    def to_frame(self) -> pl.DataFrame:
        """One row per budget."""
        import polars as pl

        ratios = self.tokens_per_param
        rows = [
            {"flop": float(self.flop[i]), "params": self.params[i].estimate}
            | {"tokens": self.tokens[i].estimate, "loss": self.loss[i].estimate}
            | {"tokens_per_param": ratios[i].estimate}
            | {"tokens_per_param_lo": ratios[i].lo, "tokens_per_param_hi": ratios[i].hi}
            | {"edge": self.edge[i], "found": float(self.found[i])}
            for i in range(len(self.flop))
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.surface-optima``."""
        return envelope("surface-optima") | {
            "level": self.level,
            "budgets": [
                {
                    "flop": float(self.flop[i]),
                    "n_params": self.params[i].to_dict(),
                    "tokens": self.tokens[i].to_dict(),
                    "tokens_per_param": ratio.to_dict(),
                    "loss": self.loss[i].to_dict(),
                    "edge": self.edge[i],
                    "found": float(self.found[i]),
                }
                for i, ratio in enumerate(self.tokens_per_param)
            ],
        }

    def summary(self) -> str:
        """One line per budget."""
        return "\n".join(self._lines())

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"

    def _lines(self) -> Iterator[str]:
        yield f"{'C':>10}{'N*':>9}{'D*':>9}{'D*/N*':>8}   {self.level:.0%}"
        for i, ratio in enumerate(self.tokens_per_param):
            flop = format_flop(float(self.flop[i]))
            if self.edge[i]:
                yield f"{flop:>10}   no minimum inside the runs ({self.edge[i]})"
                continue
            sizes = (format_quantity(q[i].estimate) for q in (self.params, self.tokens))
            n, d = sizes
            yield f"{flop:>10}{n:>9}{d:>9}{ratio.estimate:>8.1f}   {ratio.lo:.1f} to {ratio.hi:.1f}"
