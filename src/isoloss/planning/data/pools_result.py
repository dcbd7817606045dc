"""Which pools are best for so many tokens, how sure that is, and for which budgets it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isoloss.document import envelope
from isoloss.fitting import Notice, Quantity
from isoloss.planning.text import shown
from isoloss.validation.report import Report, aligned, ends

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Choice:
    """Training on the union of some pools.

    Attributes:
        pools: their names.
        unique_tokens: of all of them.
        epochs: how often they are read.
        loss: by the law.
        wins: share of draws in which no other choice is better; NaN without draws.
    """

    pools: tuple[str, ...]
    unique_tokens: float
    epochs: float
    loss: Quantity
    wins: float

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {**vars(self), "pools": list(self.pools), "loss": self.loss.to_dict()}


@dataclass(frozen=True)
class Crossing:
    """The best choice for another number of tokens.

    Attributes:
        tokens: of the run.
        pools: the best choice there.
    """

    tokens: float
    pools: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return {"tokens": self.tokens, "pools": list(self.pools)}


@dataclass(frozen=True)
class PoolPlan(Report):
    """Which pools to train on.

    Attributes:
        tokens: of the run.
        pools: unique tokens there are of each.
        utility: b per pool; more negative is better data.
        half_life: passes after which it is halved, per pool.
        base: a (``scale``), tokens of one unit (``unit``) and d (``floor``).
        choices: unions of pools, the best first.
        crossings: the best choice for fewer and for more tokens.
        rms_log: of the residuals in log loss; NaN without runs.
        level: nominal coverage of the intervals.
        seed: of the draws; None without runs, as the next two.
        data_hash: of the runs.
        n_runs: how many.
        warnings: what the user must know.
    """

    tokens: float
    pools: Mapping[str, float]
    utility: Mapping[str, Quantity]
    half_life: Mapping[str, Quantity]
    base: Mapping[str, float]
    choices: tuple[Choice, ...]
    crossings: tuple[Crossing, ...]
    rms_log: float
    level: float
    seed: int | None
    data_hash: str | None
    n_runs: int | None
    warnings: tuple[Notice, ...]

    @property
    def best(self) -> Choice:
        """The choice with the lowest loss."""
        return self.choices[0]

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.pools``."""
        return envelope("pools") | {
            "formula": "y_K = a n_1^b1 (n_2/n_1)^b2 ... + d, b_(k+1) = b (1/2)^(k/tau)",
            "tokens": self.tokens,
            "pools": {
                name: {
                    "unique_tokens": size,
                    "utility": self.utility[name].to_dict(),
                    "half_life": self.half_life[name].to_dict(),
                }
                for name, size in self.pools.items()
            },
            "base": dict(self.base),
            "choices": [one.to_dict() for one in self.choices],
            "crossings": [one.to_dict() for one in self.crossings],
            "rms_log": self.rms_log,
            "level": self.level,
            "seed": self.seed,
            "data_hash": self.data_hash,
            "n_runs": self.n_runs,
            "conventions": None,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per choice."""
        import polars as pl

        return pl.DataFrame(
            [
                {
                    "pools": " + ".join(one.pools),
                    "unique_tokens": one.unique_tokens,
                    "epochs": one.epochs,
                    "loss": one.loss.estimate,
                    "lo": one.loss.lo,
                    "hi": one.loss.hi,
                    "wins": one.wins,
                }
                for one in self.choices
            ]
        )

    def summary(self) -> str:
        """The choices as text, the numbers of the pools, and what to mind."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"pools for {shown(self.tokens)} tokens"
        rows = [["train on", "unique", "epochs", "loss", "best in"]]
        rows += [
            [
                " + ".join(one.pools),
                shown(one.unique_tokens),
                f"{one.epochs:.3g}",
                ends(one.loss, 4),
                "-" if one.wins != one.wins else f"{one.wins:.0%} of draws",
            ]
            for one in self.choices
        ]
        yield from aligned(rows, "<>><<")
        rows = [["pool", "unique", "utility b", "half-life (passes)"]]
        rows += [
            [name, shown(size), ends(self.utility[name]), ends(self.half_life[name])]
            for name, size in self.pools.items()
        ]
        yield from aligned(rows, "<>")
        yield "  best for other budgets: " + "; ".join(
            f"{shown(one.tokens)}: {' + '.join(one.pools)}" for one in self.crossings
        )
        if self.n_runs is not None:
            yield (
                f"  {self.n_runs} runs, residuals {self.rms_log:.2%} (rms); intervals "
                f"{self.level:.0%}"
            )
        for notice in self.warnings:
            yield f"  ! {notice.message}"
