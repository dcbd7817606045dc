"""``isoloss approaches``: the three approaches of Hoffmann et al. 2022, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isoloss.cli.backtest import target_of
from isoloss.cli.means import MEANS, MeansOptions
from isoloss.cli.options import OUTPUT, READING, Draws, Output, Reading, Seed, placed
from isoloss.cli.text import footer

if TYPE_CHECKING:
    from isoloss.fitting.approaches import Approaches


def approaches(
    *runs: str,
    target: str | None = None,
    law: str = "chinchilla",
    shape: str = "slices",
    curves: str | None = None,
    tolerance: float | None = None,
    best_of: list[str] | None = None,
    draws: Draws = 1000,
    level: float = 0.9,
    seed: Seed = 0,
    means: MeansOptions = MEANS,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> None:
    """Compare the three approaches to the compute-optimal size and tokens on runs.

    The lower envelope of the sizes (1), the minima of IsoFLOP profiles (2) and a law fitted to all
    runs (3), each with its exponents, its N* and D* at a budget, and intervals. An approach that
    the runs cannot carry says why.

    Args:
        runs: Files, folders or patterns: CSV, TSV, Parquet, JSON lines.
        target: The budget at which they are compared, such as 1e24 or '12k H100-hours'; ten times
            the largest by default.
        law: For approach 3: a law with a term in N and a term in D.
        shape: For approach 2: slices, cubic or parabola.
        curves: For approach 1: column that tells runs apart, where rows are checkpoints.
        tolerance: Relative gap in compute that separates budgets, in place of the table's tiers.
        best_of: Column whose values compete, such as lr: of each size and budget only the best
            setting counts; repeatable.
        draws: For the intervals of each.
        level: Nominal coverage of the intervals.
        seed: Seed of the draws.
        means: What device-hours, days or money of the target buy.
        reading: How the tables are read.
        output: How the answer is written.
    """
    from isoloss.fitting.approaches import approaches as compare

    with placed("--target"):
        flop = None if target is None else target_of(target, means)
    table = reading.read(runs)
    with output.working("comparing the three approaches ..."):
        found = compare(
            table,
            target=flop,
            law=law,
            shape=shape,
            curves=curves,
            tolerance=tolerance,
            best_of=tuple(best_of or ()),
            draws=draws,
            level=level,
            seed=seed,
        )
    output.give(text=lambda: report(found), document=found.to_dict)


def report(found: Approaches) -> str:
    """The comparison, the budgets of each approach, and what is needed to find it again."""
    parts = [found.summary()]
    for allocation in found.allocations.values():
        lines = allocation.summary().splitlines()
        # The comparison has the warnings of all approaches.
        parts.append("\n".join(line for line in lines if not line.startswith("  ! ")))
    one = next(iter(found.allocations.values()))
    return "\n\n".join([*parts, footer(one.data_hash, one.seed)])
