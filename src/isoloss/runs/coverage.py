"""Which part of the plane of N and D do the runs cover? One row per compute tier."""

from __future__ import annotations

import numpy as np
import polars as pl

from isoloss.runs.conventions import Conventions
from isoloss.runs.tiers import compute_tiers

# Two points always lie on a power law; the third can contradict it.
MIN_BUDGETS = 3


def tier_numbers(frame: pl.DataFrame, n_column: str) -> np.ndarray:
    """The compute tier of each row of a table of usable runs.

    Where there is no FLOP count, tokens or else parameters take its place.
    """
    by = next((name for name in ("flop", "tokens", n_column) if name in frame.columns), None)
    if by is None or frame.height == 0:
        return np.zeros(frame.height, dtype=np.int64)
    budget = None
    if by == "flop" and "flop_budget" in frame.columns:
        budget = frame["flop_budget"].fill_null(float("nan")).to_numpy()
    return compute_tiers(frame[by].to_numpy(), budget)


def coverage(ok: pl.DataFrame, conventions: Conventions) -> pl.DataFrame:
    """What each compute tier holds.

    Args:
        ok: usable runs in canonical columns.
        conventions: which count is N.

    Returns:
        one row per tier, ascending: ``tier``, ``runs``, and, as far as the columns are there,
        ``flop_lo``, ``flop_hi`` (FLOP), ``tokens_lo``, ``tokens_hi``, ``params_lo``,
        ``params_hi``, ``sizes`` (distinct N), ``best_params`` (N of the lowest loss), ``best_loss``
        and ``interior`` (whether both a smaller and a larger N were tried).
    """
    n = conventions.n_column
    with_tier = ok.with_columns(pl.Series("tier", tier_numbers(ok, n), dtype=pl.Int64))
    parts = [pl.len().alias("runs")]
    for column, name in (("flop", "flop"), ("tokens", "tokens"), (n, "params")):
        if column in ok.columns:
            parts += [
                pl.col(column).min().alias(f"{name}_lo"),
                pl.col(column).max().alias(f"{name}_hi"),
            ]
    parts.append(pl.col("loss").min().alias("best_loss"))
    if n in ok.columns:
        best = pl.col(n).sort_by("loss").first()
        inside = (best > pl.col(n).min()) & (best < pl.col(n).max())
        parts += [
            pl.col(n).n_unique().alias("sizes"),
            best.alias("best_params"),
            inside.alias("interior"),
        ]
    return with_tier.group_by("tier").agg(parts).sort("tier")
