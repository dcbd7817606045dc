"""How long do a fit and its intervals take, and how does that grow?

    python benchmarks/speed.py [--data FOLDER] [--plot docs/performance.svg]

Default fit and bootstraps on the 240 runs of ``chinchilla_epoch.csv`` (simulated runs of the same
size where that file is absent), then the cost against the number of runs and of resamples.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import isoloss as iso

TRUTH = {"E": 1.8172, "A": 477.8, "B": 2143.4, "alpha": 0.34731, "beta": 0.36717}


def best_of(count: int, action: Callable[[], object]) -> float:
    """The shortest of several wall times, in seconds: the least disturbed one."""
    times: list[float] = []
    for _ in range(count):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return min(times)


def simulated(runs: int, tiers: int = 12) -> iso.Runs:
    """A sweep on IsoFLOP tiers with tier-shared and own noise."""
    rng = np.random.default_rng(3)
    tier = np.arange(runs) % tiers
    flop = 10 ** (18.5 + 0.25 * tier)
    n = np.sqrt(flop) / 11 * np.exp(rng.uniform(-2.5, 2.5, runs))
    d = flop / (6 * n)
    clean = iso.get_law("chinchilla").value(TRUTH, {"N": n, "D": d})
    noise = 0.003 * rng.standard_normal(tiers)[tier] + 0.006 * rng.standard_normal(runs)
    return iso.read({"params": n, "tokens": d, "loss": clean * np.exp(noise)})


def real(folder: Path) -> iso.Runs:
    """The 240 runs of Besiroglu et al. 2024, or as many simulated ones."""
    path = folder / "chinchilla_epoch.csv"
    if path.exists():
        return iso.read(path, where="not dropped_by_epoch")
    return simulated(240)


def main() -> None:
    """Print the tables, and draw the growth where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("ISOLOSS_PUBLISHED_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--large", action="store_true", help="also 240,000 runs, 100,000 resamples")
    options = parser.parse_args()

    runs = real(options.data)
    begin = time.perf_counter()
    first = iso.fit(runs, ci="none")
    print(f"{len(runs.points())} runs; {os.cpu_count()} cores")
    print(f"first fit in the process    {time.perf_counter() - begin:8.3f} s")
    print(f"default fit, no intervals   {best_of(7, lambda: iso.fit(runs, ci='none')):8.3f} s")
    print(f"objective {first.objective_value:.10g}, {first.agreement:.0%} of starts agree")
    for ci in ("tier", "tier-cases", "run"):
        seconds = best_of(3, lambda ci=ci: iso.fit(runs, ci=ci, draws=4000))
        print(f"fit and 4,000 draws, {ci:<11}{seconds:8.3f} s")
    for law in ("coupled", "farseer", "repetition"):
        print(f"fit {law:<24}{best_of(3, lambda law=law: iso.fit(runs, law, ci='none')):8.3f} s")

    sizes = [240, 2_400, 24_000] + ([240_000] if options.large else [])
    tables = {n: simulated(n) for n in sizes}
    by_runs = [(n, best_of(1, lambda n=n: iso.fit(tables[n], ci="tier", draws=50))) for n in sizes]
    counts = [100, 1_000, 10_000] + ([100_000] if options.large else [])
    by_draws = [(k, best_of(1, lambda k=k: iso.fit(runs, ci="tier", draws=k))) for k in counts]
    print("runs (50 draws)       seconds   per run and draw, ns")
    for n, seconds in by_runs:
        print(f"{n:>12,}{seconds:>17.3f}{1e9 * seconds / n / 50:>15.0f}")
    print("draws (240 runs)      seconds   per run and draw, ns")
    for k, seconds in by_draws:
        print(f"{k:>12,}{seconds:>17.3f}{1e9 * seconds / k / 240:>15.0f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process {peak:,.0f} MiB")
    if options.plot:
        draw(options.plot, by_runs, by_draws)


def draw(path: Path, by_runs: list[tuple[int, float]], by_draws: list[tuple[int, float]]) -> None:
    """Both growths on logarithmic axes, with a line of slope one."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "isoloss"
    plt.rcParams["svg.fonttype"] = "none"
    figure, axes = plt.subplots(1, 2, figsize=(6.75, 2.6), layout="constrained", sharey=True)
    panels = ((by_runs, "runs (50 draws)"), (by_draws, "draws (240 runs)"))
    for axis, (points, label) in zip(axes, panels, strict=True):
        x, y = np.array(points).T
        axis.loglog(x, y, "o-", color="#31688e")
        axis.loglog(x, y[-1] * x / x[-1], "--", color="0.6", zorder=0)
        axis.set_xlabel(label)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("seconds")
    axes[1].annotate("proportional", (x[1], y[-1] * x[1] / x[-1]), color="0.4", va="top")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
