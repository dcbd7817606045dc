"""What does a larger batch buy in steps and days, and what does it cost in tokens?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting import Quantity, from_draws
from isoloss.fitting.hyperbola import Hyperbola
from isoloss.planning.settings.amounts import amount, require_plausible

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]

FACTORS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True)
class TradeOffRow:
    """One batch of a trade-off.

    Attributes:
        batch_tokens: the batch.
        steps: to the target.
        tokens: to the target; compute goes with them.
        steps_factor: steps over those of the reference batch.
        tokens_factor: tokens likewise.
        days_scaled: with devices in proportion to the batch, so that a step takes as long as at
            the reference batch; None where the time of a step is not given.
        days_same: on the same devices, a step taking as much longer as the batch is larger.
    """

    batch_tokens: float
    steps: Quantity
    tokens: Quantity
    steps_factor: Quantity
    tokens_factor: Quantity
    days_scaled: Quantity | None
    days_same: Quantity | None

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {
            name: value.to_dict() if isinstance(value, Quantity) else value
            for name, value in vars(self).items()
        }


@dataclass(frozen=True)
class TradeOff:
    """Steps, tokens and days to one target over batches.

    Attributes:
        batch_tokens: the reference batch.
        batch_crit: the critical batch.
        seconds_per_step: at the reference batch; None where not given.
        rows: one per batch, smallest first.
    """

    batch_tokens: float
    batch_crit: Quantity
    seconds_per_step: float | None
    rows: tuple[TradeOffRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {
            "batch_tokens": self.batch_tokens,
            "batch_crit": self.batch_crit.to_dict(),
            "seconds_per_step": self.seconds_per_step,
            "rows": [one.to_dict() for one in self.rows],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per batch, estimates only."""
        import polars as pl

        rows = [
            {
                name: value.estimate if isinstance(value, Quantity) else value
                for name, value in vars(one).items()
            }
            for one in self.rows
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def summary(self) -> str:
        """The table as text."""
        from isoloss.planning.batch.text import trade_off_lines

        return "\n".join(trade_off_lines(self))

    def __str__(self) -> str:
        return self.summary()


def trade_off_of(
    found: Hyperbola, batch_tokens: float | None = None, seconds_per_step: float | None = None
) -> TradeOff:
    """The trade-off along a fitted hyperbola, with the intervals of its draws.

    Args:
        found: the fit.
        batch_tokens: the batch to compare with; the critical batch if None.
        seconds_per_step: how long a step takes at that batch.
    """
    reference = found.batch_crit.estimate if batch_tokens is None else batch_tokens
    with np.errstate(over="ignore"):
        least, crit = np.exp(found.draws.T)
    return _trade_off(
        found.steps_min.estimate,
        found.batch_crit,
        least,
        crit,
        reference,
        seconds_per_step,
        found.level,
    )


def trade_off(
    batch_crit: float | str | Quantity,
    batch: float | str,
    steps: float | str,
    *,
    seconds_per_step: float | None = None,
) -> TradeOff:
    """The trade-off of a run whose critical batch is known from elsewhere.

    Args:
        batch_crit: critical batch in tokens, such as a law or a noise scale gives.
        batch: batch of the run, in tokens.
        steps: its steps.
        seconds_per_step: how long one takes.

    Raises:
        InputError: a number is not positive and finite.
    """
    known = batch_crit if isinstance(batch_crit, Quantity) else None
    crit = known.estimate if known is not None else amount(_plain(batch_crit), "batch_crit")
    reference, taken = amount(batch, "batch"), amount(steps, "steps")
    none = np.empty(0)
    return _trade_off(
        taken / (1.0 + crit / reference),
        known or Quantity(crit, np.nan, np.nan),
        none,
        none,
        reference,
        seconds_per_step,
        0.9,
    )


def _plain(value: float | str | Quantity) -> float | str:
    return value.estimate if isinstance(value, Quantity) else value


def _trade_off(
    steps_min: float,
    batch_crit: Quantity,
    least: Array,
    crit: Array,
    reference: float,
    seconds_per_step: float | None,
    level: float,
) -> TradeOff:
    if seconds_per_step is not None:
        require_plausible(seconds_per_step, "seconds_per_step")

    def steps_at(batch: float, lowest: Array, at: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            return lowest * (1.0 + at / batch)

    estimate, draws = (np.array([steps_min]), np.array([batch_crit.estimate])), (least, crit)
    base, base_draws = (steps_at(reference, *pair) for pair in (estimate, draws))
    rows: list[TradeOffRow] = []
    for factor in FACTORS:
        batch = factor * reference
        here, drawn = (steps_at(batch, *pair) for pair in (estimate, draws))

        def scaled(
            by: float,
            here: Array = here,
            drawn: Array = drawn,
            against: tuple[Array, Array] = (np.ones(1), np.ones(1)),
        ) -> Quantity:
            with np.errstate(over="ignore", invalid="ignore"):
                drawn = by * drawn / against[1]
            return from_draws(float((by * here / against[0])[0]), drawn, level)

        ratio = (base, base_draws if len(base_draws) else np.ones(1))
        day = None if seconds_per_step is None else seconds_per_step / SECONDS_PER_DAY
        rows.append(
            TradeOffRow(
                batch_tokens=batch,
                steps=scaled(1.0),
                tokens=scaled(batch),
                steps_factor=scaled(1.0, against=ratio),
                tokens_factor=scaled(factor, against=ratio),
                days_scaled=None if day is None else scaled(day),
                days_same=None if day is None else scaled(day * factor),
            )
        )
    return TradeOff(reference, batch_crit, seconds_per_step, tuple(rows))
