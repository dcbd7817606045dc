"""Sweeps of learning rate and batch with a known law, for the tests of the room's sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from isoloss.runs import Conventions, Points

Array = NDArray[np.float64]

# Logs of lr and batch on 1, log N / 5e8, log D / 2e10.
LAW = np.array([[np.log(2e-3), -0.6, 0.2], [np.log(5e5), -0.1, 0.5]])
CURVATURE = np.array([[0.0105, -0.0053], [-0.0053, 0.0115]])
SIZES = (2e8, 5e8, 1.2e9)
LENGTHS = (5e9, 2e10, 8e10)


@dataclass(frozen=True)
class Sweep:
    """Runs and the settings that are best in each cell.

    Attributes:
        points: the runs.
        optima: (C, 2) lr and batch, cells ascending in N, then D.
    """

    points: Points
    optima: Array


def law_at(n: float, d: float) -> Array:
    """Logs of the best settings by the law."""
    return LAW @ np.array([1.0, np.log(n / 5e8), np.log(d / 2e10)])


def make_sweep(
    *,
    sizes: Sequence[float] = SIZES,
    lengths: Sequence[float] = LENGTHS,
    grid: int = 5,
    noise: float = 0.0,
    scatter: float = 0.0,
    shift: float = 0.0,
    seeds: int = 1,
    seed: int = 0,
) -> Sweep:
    """A full grid of settings in factors of 2 about the law, in every cell.

    Args:
        sizes: N.
        lengths: D.
        grid: values of each setting.
        noise: of log loss.
        scatter: of the cells' optima about the law, in logs.
        shift: how far, in logs, the grids lie off the law in lr.
        seeds: runs of each setting.
        seed: of the noise.
    """
    rng = np.random.default_rng([seed, 3])
    rows: list[tuple[float, ...]] = []
    optima: list[Array] = []
    step = np.log(2)
    for n in sizes:
        for d in lengths:
            best = law_at(n, d) + rng.normal(0, scatter, 2)
            centre = LAW[:, 0] + step * np.round((law_at(n, d) - LAW[:, 0]) / step)
            centre = centre + np.array([shift, 0.0])
            at = (np.arange(grid) - (grid - 1) / 2) * step
            x = (centre + np.stack(np.meshgrid(at, at), axis=-1)).reshape(-1, 2)
            x = np.repeat(x, seeds, axis=0)
            over = 0.5 * np.einsum("ni,ij,nj->n", x - best, CURVATURE, x - best)
            loss = (1.5 + 20 / n**0.15) * np.exp(over + rng.normal(0, noise, len(x)))
            rows += [(n, d, *np.exp(p), value) for p, value in zip(x, loss, strict=True)]
            optima.append(np.exp(best))
    columns = np.array(rows).T
    return Sweep(points(*columns), np.array(optima))


def points(n: Array, d: Array, lr: Array, batch: Array | None, loss: Array) -> Points:
    """Runs as a table would give them."""
    columns = {"lr": np.asarray(lr)}
    if batch is not None:
        columns["batch_tokens"] = np.asarray(batch)
    return Points(
        run_id=tuple(f"r{i}" for i in range(len(loss))),
        params=np.asarray(n),
        tokens=np.asarray(d),
        flop=6 * np.asarray(n) * np.asarray(d),
        loss=np.asarray(loss),
        unique_tokens=np.asarray(d),
        tier=np.zeros(len(loss), dtype=np.int64),
        columns=MappingProxyType(columns),
        codes=MappingProxyType({}),
        conventions=Conventions(),
        data_hash="made",
    )


def changed(runs: Points, *, loss: Array | None = None, **columns: Array) -> Points:
    """The same runs with other settings or losses."""
    kept = MappingProxyType({**runs.columns, **columns})
    return replace(runs, columns=kept, loss=runs.loss if loss is None else loss)


def joined(one: Points, two: Points) -> Points:
    """Two tables below each other."""
    return points(
        np.r_[one.params, two.params],
        np.r_[one.tokens, two.tokens],
        np.r_[one.columns["lr"], two.columns["lr"]],
        np.r_[one.columns["batch_tokens"], two.columns["batch_tokens"]],
        np.r_[one.loss, two.loss],
    )
