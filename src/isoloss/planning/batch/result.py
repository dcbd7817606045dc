"""What is known of the critical batch: from steps to a target, gradient noise, or laws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.fitting.hyperbola import Hyperbola
from isoloss.fitting.noise_scale import NoiseScale
from isoloss.planning.batch.trade_off import TradeOff
from isoloss.planning.settings.result import Advice
from isoloss.validation.report import Report

if TYPE_CHECKING:
    import polars as pl

# At B = x B_crit a run takes 1 + x times the fewest tokens.
OVERHEAD = 0.2


@dataclass(frozen=True)
class CriticalBatch(Report):
    """The critical batch by whatever was asked.

    Attributes:
        hyperbolas: one fit per target; empty without a table of steps.
        noise: the gradient noise scale; None without gradient norms.
        laws: published laws with a critical batch, or the form of one.
        trade_off: what other batches take; None where no run is known.
        refused: target -> why it has no fit.
        seq_len: tokens per sequence, to say batches in sequences.
        data_hash: of the table; None without.
        seed: of the draws; None without.
        warnings: what the user must know.
    """

    hyperbolas: tuple[Hyperbola, ...] = ()
    noise: NoiseScale | None = None
    laws: tuple[Advice, ...] = ()
    trade_off: TradeOff | None = None
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    seq_len: int = 2048
    data_hash: str | None = None
    seed: int | None = None
    warnings: tuple[Notice, ...] = ()

    @property
    def batch_crit(self) -> Quantity | None:
        """The critical batch, of the last target where there are several; None for laws alone."""
        if self.hyperbolas:
            return self.hyperbolas[-1].batch_crit
        return None if self.noise is None else self.noise.batch_simple

    @property
    def n_runs(self) -> int | None:
        """Runs or measurements behind it; None without a table."""
        if self.hyperbolas:
            return sum(one.n_runs for one in self.hyperbolas)
        return None if self.noise is None else self.noise.n_small + self.noise.n_big

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.critical_batch``."""
        return envelope("critical_batch") | {
            "seed": self.seed,
            "conventions": {"n": "given", "flop": "6nd", "loss_unit": "nats/token"},
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "batch_crit": None if self.batch_crit is None else self.batch_crit.to_dict(),
            "targets": [_target(one) for one in self.hyperbolas],
            "refused": dict(self.refused),
            "noise_scale": None if self.noise is None else self.noise.to_dict(),
            "laws": [one.to_dict() for one in self.laws],
            "trade_off": None if self.trade_off is None else self.trade_off.to_dict(),
            "seq_len": self.seq_len,
            "warnings": [one.to_dict() for one in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per target."""
        import polars as pl

        rows = [
            {"target": one.target, "n_runs": one.n_runs, "rms_log": one.rms_log}
            | {
                f"{name}{end}": getattr(getattr(one, name), end.removeprefix("_") or "estimate")
                for name in ("steps_min", "tokens_min", "batch_crit")
                for end in ("", "_lo", "_hi")
            }
            for one in self.hyperbolas
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def summary(self) -> str:
        """All of it in a few tables."""
        from isoloss.planning.batch.text import critical_batch_text

        return critical_batch_text(self)


def times(quantity: Quantity, factor: float) -> Quantity:
    """A quantity and its interval multiplied."""
    lo, hi = factor * quantity.lo, factor * quantity.hi
    return Quantity(factor * quantity.estimate, lo, hi, quantity.level)


def _target(one: Hyperbola) -> dict[str, Any]:
    return {
        "target": one.target,
        "n_runs": one.n_runs,
        "steps_min": one.steps_min.to_dict(),
        "tokens_min": one.tokens_min.to_dict(),
        "batch_crit": one.batch_crit.to_dict(),
        "batch_at_20_percent": times(one.batch_crit, OVERHEAD).to_dict(),
        "rms_log": one.rms_log,
        "batch_tokens": one.batch_tokens.tolist(),
        "steps": one.steps.tolist(),
    }
