"""What does a backtest cost, and would one batch over all cuts be cheaper?

    python benchmarks/backtest.py [--data FOLDER] [--draws 1000] [--laws chinchilla,coupled,...]

First the whole job: several laws, eight cuts, many resamples on the 240 runs of
``chinchilla_epoch.csv``. Then, law by law, the resamples alone, made in two ways: cut by cut on the
runs below each cut, and for all cuts in one batch, in which the runs above a cut weigh nothing.
Times of the processor are those of all threads, so that they hold on a busy machine as well.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import isoloss as iso
from isoloss.fitting.fit import inputs
from isoloss.fitting.linear import linear_view
from isoloss.fitting.objectives import Huber
from isoloss.fitting.resampling import NEAR, outside_residuals
from isoloss.fitting.search import Form, find, form
from isoloss.fitting.solver import solve
from isoloss.runs import Points
from isoloss.validation.cuts import Cut, rolling_cuts

LAWS = "chinchilla,chinchilla-nofloor,coupled,gadre,kaplan,floor-c"


def whole_job(runs: iso.Runs, laws: list[str], draws: int) -> None:
    """Print what each law costs, and all of them together on two threads."""
    cuts = rolling_cuts(runs.points())
    print(f"{len(runs.points())} runs, {len(cuts)} cuts, {draws} draws; {os.cpu_count()} cores")
    total = 0.0
    for law in laws:
        begin = time.process_time()
        found = iso.backtest(runs, law, draws=draws, jobs=1)
        spent = time.process_time() - begin
        total += spent
        statuses = ", ".join(score.status for score in found.scores(law))
        print(f"  {law:<20}{spent:8.1f} s of processor   {statuses}")
    print(f"  {'together':<20}{total:8.1f} s of processor, {total / 2:.1f} s on two free cores")
    begin = time.perf_counter()
    iso.backtest(runs, laws, draws=draws, jobs=2)
    print(f"  {'in one call, 2 jobs':<20}{time.perf_counter() - begin:8.1f} s of wall time")


class Resampling:
    """The resamples of one law at all cuts, to be made one way or the other."""

    def __init__(self, points: Points, law: str, cuts: tuple[Cut, ...], draws: int) -> None:
        self.cuts = cuts
        self.draws = draws
        self.whole = self._form(points, law)
        self.forms = [self._form(points.take(cut.below), law) for cut in cuts]
        self.best = [find(posed).phi for posed in self.forms]
        self.tiers = points.clusters("tier")
        self.losses = [self._losses(i) for i in range(len(cuts))]

    @staticmethod
    def _form(points: Points, law: str) -> Form:
        one = np.ones(len(points))
        return form(iso.get_law(law), inputs(points, iso.get_law(law)), points.loss, one, Huber())

    def _losses(self, number: int) -> np.ndarray:
        """Resampled losses of the runs below a cut (draws, n below)."""
        problem, phi = self.forms[number].problem, self.best[number]
        tiers = np.unique(self.tiers[self.cuts[number].below], return_inverse=True)[1]
        residuals = outside_residuals(problem, phi, linear_view(problem, phi), tiers)
        rng = np.random.default_rng(number)
        signs = rng.integers(0, 2, (self.draws, int(tiers.max()) + 1)) * 2.0 - 1.0
        law = problem.log_loss - problem.residuals(phi[None])[0]
        return law + signs[:, tiers] * residuals

    def one_by_one(self) -> np.ndarray:
        """Cut by cut, on the runs below only."""
        found: list[np.ndarray] = []
        for posed, phi, losses in zip(self.forms, self.best, self.losses, strict=True):
            problem = replace(posed.problem, log_loss=losses)
            basis = linear_view(posed.problem, phi).basis
            start = np.repeat(phi[None], self.draws, axis=0)
            found.append(posed.theta(solve(problem, start, NEAR, basis=basis).phi))
        return np.stack(found)

    def one_batch(self) -> np.ndarray:
        """All cuts together on all runs, of which those above a cut weigh nothing."""
        losses = np.repeat(self.whole.problem.log_loss[None], len(self.cuts) * self.draws, axis=0)
        weights = np.zeros_like(losses)
        for i, cut in enumerate(self.cuts):
            rows = slice(i * self.draws, (i + 1) * self.draws)
            losses[rows, cut.below] = self.losses[i]
            weights[rows, cut.below] = 1.0
        problem = replace(self.whole.problem, log_loss=losses, weights=weights)
        start = np.repeat(np.stack(self.best), self.draws, axis=0)
        found = self.whole.theta(solve(problem, start, NEAR).phi)
        return found.reshape(len(self.cuts), self.draws, -1)


def two_ways(points: Points, law: str, draws: int) -> None:
    """Print the cost of the resamples made both ways, and how far the results differ."""
    job = Resampling(points, law, rolling_cuts(points), draws)
    spent: list[float] = []
    results: list[np.ndarray] = []
    for way in (job.one_by_one, job.one_batch):
        begin = time.process_time()
        results.append(way())
        spent.append(time.process_time() - begin)
    size = np.maximum(np.abs(results[0]), 1e-300)  # a floor at its bound is zero
    apart = np.median(np.abs(results[1] - results[0]) / size)
    print(
        f"  {law:<20}cut by cut {spent[0]:6.1f} s, one batch {spent[1]:6.1f} s "
        f"({spent[1] / spent[0]:.1f}x); parameters apart by {apart:.0e} (median)"
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("ISOLOSS_PUBLISHED_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--laws", default=LAWS)
    options = parser.parse_args()
    path = options.data / "chinchilla_epoch.csv"
    if not path.exists():
        print(f"{path} is absent: nothing to measure (give its folder with --data)")
        return
    runs = iso.read(path, where="not dropped_by_epoch")
    laws = options.laws.split(",")
    whole_job(runs, laws, options.draws)
    print("the resamples alone")
    for law in laws[:3]:
        two_ways(runs.points(), law, options.draws)


if __name__ == "__main__":
    main()
