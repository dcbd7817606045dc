"""The same fit by isoloss, by the package ``chinchilla`` and by SciPy, in one run.

    python benchmarks/peers.py [--data FOLDER] [--starts 4500] [--grid 5]

All minimise the sum of Huber(1e-3) of the log residuals on the 240 runs of Besiroglu et al. 2024
(arXiv 2404.10102). The objective of each answer is evaluated by the same function. SciPy follows
the paper's 4,500 starts with numerical gradients; ``chinchilla`` uses the grid of its README.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

import isoloss as iso

Array = NDArray[np.float64]
DELTA = 1e-3


def objective(theta: Array, n: Array, d: Array, loss: Array) -> float:
    """Sum of Huber(1e-3) over runs; theta = (a, b, e, alpha, beta), Hoffmann et al. 2022, eq. 3."""
    a, b, e, alpha, beta = theta
    terms = [a - alpha * np.log(n), b - beta * np.log(d), np.full_like(n, e)]
    size = np.abs(logsumexp(terms, axis=0) - np.log(loss))
    inner = np.minimum(size, DELTA)
    return float(np.sum(inner * (size - 0.5 * inner)))


def by_isoloss(runs: iso.Runs) -> Array:
    """The default fit, without intervals."""
    found = iso.fit(runs, ci="none").estimate
    return np.array(
        [np.log(found["A"]), np.log(found["B"]), np.log(found["E"]), found["alpha"], found["beta"]]
    )


def by_scipy(n: Array, d: Array, loss: Array, count: int) -> Array:
    """L-BFGS-B with numerical gradients from ``count`` of the paper's 4,500 starts."""
    exponents = np.arange(0, 2.5, 0.5)
    grid = list(
        itertools.product(
            np.arange(0, 30, 5), np.arange(0, 30, 5), np.arange(-1, 1.5, 0.5), exponents, exponents
        )
    )
    chosen = np.random.default_rng(0).permutation(len(grid))[:count]
    best, value = np.zeros(5), np.inf
    for index in chosen:
        result = minimize(
            objective, np.array(grid[index], dtype=float), args=(n, d, loss), method="L-BFGS-B"
        )
        if result.fun < value:
            best, value = result.x, float(result.fun)
    return best


def by_chinchilla(n: Array, d: Array, loss: Array, per_axis: int) -> Array:
    """The package ``chinchilla`` with a grid of ``per_axis`` values for each parameter."""
    from chinchilla import Chinchilla
    from chinchilla._metrics import log_huber

    with tempfile.TemporaryDirectory() as folder:
        pl.DataFrame({"C": 6 * n * d, "N": n, "D": d, "loss": loss}).write_csv(f"{folder}/df.csv")
        grid: dict[str, Any] = {
            "E": np.linspace(1, 2, per_axis),
            "a": np.linspace(1, 10, per_axis),
            "b": np.linspace(1, 10, per_axis),
            "alpha": np.linspace(0.1, 0.7, per_axis),
            "beta": np.linspace(0.1, 0.7, per_axis),
        }
        model = Chinchilla(
            folder, param_grid=grid, loss_fn=partial(log_huber, delta=DELTA), log_level=30
        )
        model.fit()
        found = model.params
    logs = [np.log(found[name]) for name in ("A", "B", "E")]
    return np.array([*logs, found["alpha"], found["beta"]])


def main() -> None:
    """Print time, objective and ratio of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("ISOLOSS_PUBLISHED_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--starts", type=int, default=4500)
    parser.add_argument("--grid", type=int, default=5)
    options = parser.parse_args()
    runs = iso.read(options.data / "chinchilla_epoch.csv", where="not dropped_by_epoch")
    points = runs.points()
    n, d, loss = points.params, points.tokens, points.loss
    by_isoloss(runs)

    contenders = {
        f"chinchilla, grid {options.grid}^5": lambda: by_chinchilla(n, d, loss, options.grid),
        f"scipy L-BFGS-B, {options.starts} starts": lambda: by_scipy(n, d, loss, options.starts),
    }
    seconds, theta = timed(lambda: by_isoloss(runs), times=20)
    report("isoloss, default", seconds, seconds, objective(theta, n, d, loss))
    for name, fit in contenders.items():
        other, found = timed(fit)
        again, _ = timed(lambda: by_isoloss(runs), times=20)
        own = 0.5 * (seconds + again)  # before and after: the machine may have changed meanwhile
        report(name, other, own, objective(found, n, d, loss))
        seconds = again
    report("isoloss, default, again", seconds, seconds, objective(theta, n, d, loss))


def timed(fit: Callable[[], Array], times: int = 1) -> tuple[float, Array]:
    """The median wall time of a fit in seconds, and what it found."""
    walls: list[float] = []
    found = np.empty(0)
    for _ in range(times):
        begin = time.perf_counter()
        found = fit()
        walls.append(time.perf_counter() - begin)
    return float(np.median(walls)), found


def report(name: str, seconds: float, own: float, value: float) -> None:
    """One line: time, ratio to isoloss, objective."""
    ratio = f"{seconds / own:>10,.0f} x"
    print(f"{name:<32}{seconds:>10.3f} s{ratio}   objective {value:.10f}", flush=True)


if __name__ == "__main__":
    main()
