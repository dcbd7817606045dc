"""Do intervals of forecasts hold the larger runs? Measured coverage on published runs.

    python benchmarks/forecasts.py [--data FOLDER] [--laws chinchilla,coupled,...] [--draws 200]

Every set with sizes, tokens, losses and compute tiers: fit below each cut of a backtest, forecast
the runs above it. Intervals without the discrepancy are those of the fit (parameters and noise).
For those with it, only earlier cuts and the runs below the present one are used. Cuts without an
earlier one are left out of both. ``--simulated SWEEPS`` does the same where the law is right, and
where it is not.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
from published import sets

import isoloss as iso
from isoloss.errors import IsolossError
from isoloss.runs import Runs
from isoloss.validation.discrepancy import Past, past_coverage
from isoloss.validation.forecast_laws import VIEWS


def measure(runs: Runs, laws: list[str], draws: int) -> tuple[Past, ...] | str:
    """Coverage of the first law, with the others beside it; or why there is none."""
    try:
        tested = iso.backtest(runs, laws, draws=draws)
    except IsolossError as error:
        return error.message
    return past_coverage(tested, laws[0]) or "no cut has an earlier one to learn from"


def shown(past: tuple[Past, ...]) -> str:
    """Both rows of coverage, and the cost in width."""
    without = " ".join(f"{p.without:>4.0%}" for p in past)
    within = " ".join(f"{p.within:>4.0%}" for p in past)
    one = past[-1]
    return (
        f"{one.n_cuts} cuts {one.n_predictions:>4} predictions   without {without}   with {within}"
        f"   wider {one.width:.2f}x"
    )


def on_published_runs(folder: Path, laws: list[str], draws: int) -> None:
    """Print one line per set and law, and the mean over sets."""
    for law in laws:
        found: list[tuple[Past, ...]] = []
        for name, runs in sets(folder):
            others = [law, *(one for one in VIEWS if one != law)]
            begin = time.process_time()
            past = measure(runs, others, draws)
            spent = time.process_time() - begin
            if isinstance(past, str):
                print(f"{law:<12}{name:<48}{past[:80]}", flush=True)
                continue
            found.append(past)
            print(f"{law:<12}{name:<48}{shown(past)}   ({spent:.0f} s)", flush=True)
        levels = range(len(found[0]))
        without = " ".join(f"{np.mean([p[i].without for p in found]):.0%}" for i in levels)
        within = " ".join(f"{np.mean([p[i].within for p in found]):.0%}" for i in levels)
        print(f"{law:<12}mean over {len(found)} sets: without {without}, with {within}\n")


def simulated(truth: str, sweeps: int, draws: int) -> None:
    """Print the coverage of forecasts by chinchilla at ten times the compute of the runs."""
    values = {
        "chinchilla": {"E": 1.8, "A": 480.0, "alpha": 0.35, "B": 2100.0, "beta": 0.37},
        "coupled": {"E": 1.2, "A": 2300.0, "B": 9900.0, "alpha": 0.5, "beta": 0.5, "k": 0.4},
    }[truth]
    law, flop = iso.get_law(truth), np.repeat(np.geomspace(1e18, 1e20, 8), 6)
    hits: list[tuple[bool, bool]] = []
    for sweep in range(sweeps):
        rng = np.random.default_rng([11, sweep])
        n = np.sqrt(flop / 120) * np.tile(np.geomspace(0.2, 5, 6), 8) * rng.uniform(0.9, 1.1, 48)
        far = {"N": np.array([4e9]), "D": np.array([1e21 / 6 / 4e9])}
        shared = np.repeat(rng.normal(0, 0.002, 8), 6)
        clean = law.value(values, {"N": n, "D": flop / 6 / n})
        loss = clean * np.exp(shared + rng.normal(0, 0.003, 48))
        table = {"n_total": n, "tokens": flop / 6 / n, "flop": flop, "loss": loss}
        fit = iso.fit(iso.read(table), draws=draws, seed=sweep)
        (point,) = iso.forecast(fit, far, draws=50, seed=sweep).points
        new = float(law.value(values, far)[0]) * np.exp(rng.normal(0, 0.002) + rng.normal(0, 0.003))
        ends = ((q.lo, q.hi) for q in (point.loss_run, point.loss))
        hits.append(tuple(lo <= new <= hi for lo, hi in ends))
    without, within = np.mean(hits, axis=0)
    print(
        f"truth {truth}, law chinchilla, one decade beyond, nominal 90 %: {without:.0%} without, "
        f"{within:.0%} with the discrepancy ({sweeps} sweeps)",
        flush=True,
    )


def main() -> None:
    """Print the tables that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("ISOLOSS_PUBLISHED_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--laws", default="chinchilla,coupled,gadre,farseer")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--simulated", type=int, default=0, help="sweeps of simulated runs")
    options = parser.parse_args()
    if options.simulated:
        for truth in ("chinchilla", "coupled"):
            simulated(truth, options.simulated, options.draws)
        return
    if not options.data.is_dir():
        print(f"{options.data} is absent: nothing to measure (give the folder with --data)")
        return
    on_published_runs(options.data, options.laws.split(","), options.draws)


if __name__ == "__main__":
    main()
