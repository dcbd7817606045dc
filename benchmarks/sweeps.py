"""Which surface, which weights, which law for a sweep of learning rate and batch?

    python benchmarks/sweeps.py FOLDER [--coverage 200]

FOLDER holds steplaw_dense.csv and oellm_lr_bsz_horizon.csv. Printed are, per way of making a law,
the mean regrets in percent of the loss on cells that the law was not fitted to, at the run nearest
to its setting and by interpolation between the runs; then what one project's law costs on the
other's cells; then the share of simulated sweeps whose 90 % interval holds the truth.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

import isoloss as iso
from isoloss.fitting.sweeps import SweepFit, SweepRuns, fit_sweep, sweep_runs
from isoloss.fitting.sweeps.choice import WIDTHS, groups_of
from isoloss.fitting.sweeps.law import term_columns
from isoloss.fitting.sweeps.pooled import level, sums
from isoloss.fitting.sweeps.regret import Grid, grids, regret_of
from isoloss.fitting.sweeps.surface import (
    carries_surface,
    fit_quadratic,
    hessian,
    weights,
)
from isoloss.runs import Conventions

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
SETS = {"Step Law": ("steplaw_dense", "loss_smoothed"), "OELLM": ("oellm_lr_bsz_horizon", None)}
FREE = np.ones((2, 3), dtype=np.bool_)


@dataclass(frozen=True)
class Sweep:
    """A sweep with all that the ways below need."""

    table: SweepRuns
    terms: Array
    log_n: Array
    log_d: Array
    places: list[Grid]


Way = Callable[[Sweep, Flags], Array]


def load(folder: Path, name: str) -> Sweep:
    """One of the published sweeps."""
    file, loss = SETS[name]
    return prepare(sweep_runs(iso.read(folder / f"{file}.csv", loss=loss)))


def prepare(table: SweepRuns) -> Sweep:
    """A table with the terms of its cells."""
    times = np.bincount(table.cell)
    log_n = np.bincount(table.cell, np.log(table.params)) / times
    log_d = np.bincount(table.cell, np.log(table.tokens)) / times
    terms = term_columns(log_n, log_d, ("1", "N", "D"), (log_n.mean(), log_d.mean()))
    return Sweep(table, terms, log_n, log_d, grids(table))


def step_law(sweep: Sweep) -> Array:
    """Logs of the published Step Law's settings in each cell."""
    lr = np.log(1.79) - 0.713 * sweep.log_n + 0.307 * sweep.log_d
    return np.stack([lr, np.log(0.58) + 0.571 * sweep.log_d], axis=1)


# Ways to make a law from the kept cells: coefficients (2, 3) on the terms.


def near_best(within: float) -> Way:
    """Step Law's recipe: regress the settings of all runs near the best of their cell."""

    def way(sweep: Sweep, kept: Flags) -> Array:
        table = sweep.table
        best = np.full(table.n_cells, np.inf)
        np.minimum.at(best, table.cell, table.loss)
        rows = (table.loss <= best[table.cell] * np.exp(within)) & kept[table.cell]
        found = np.linalg.lstsq(sweep.terms[table.cell[rows]], table.settings[rows], rcond=None)[0]
        return np.asarray(found.T, dtype=np.float64)

    return way


def two_steps(within: float | None) -> Way:
    """A quadratic per cell, then least squares through the optima that lie among the runs."""

    def way(sweep: Sweep, kept: Flags) -> Array:
        x, y = [], []
        for c in np.flatnonzero(kept):
            rows = sweep.table.cell == c
            here, loss = sweep.table.settings[rows], sweep.table.loss[rows]
            weight = weights(here, loss, within)
            if not carries_surface(here, weight):
                continue
            found = fit_quadratic(here, loss, weight, squared=False).optimum
            reach = sweep.places[c].settings
            if np.all((found > reach.min(axis=0)) & (found < reach.max(axis=0))):
                x.append(sweep.terms[c])
                y.append(found)
        return np.linalg.lstsq(np.array(x), np.array(y), rcond=None)[0].T

    return way


def profile(within: float | None) -> Way:
    """One least squares over all runs: level per cell, shared quadratic about the law's optimum."""

    def way(sweep: Sweep, kept: Flags) -> Array:
        cells = sums(sweep.table, sweep.terms, within)
        left, right = np.zeros((9, 9)), np.zeros(9)
        for c in np.flatnonzero(kept):
            # The sums are about each cell's own mean; move the slopes to a common origin.
            u, v = cells.shift[c]
            move = np.eye(5)
            move[3, 0], move[3, 1], move[4, 1], move[4, 2] = 2 * u, v, u, 2 * v
            to_law = np.zeros((5, 9))
            to_law[:3, :3] = np.eye(3)
            to_law[3, 3:6] = to_law[4, 6:9] = sweep.terms[c]
            full = move @ to_law
            gram = cells.gram[c]
            left += full.T @ gram[:5, :5] @ full
            right += full.T @ gram[:5, 5]
        scale = 1 / np.sqrt(np.diag(left))
        found = scale * np.linalg.solve(left * np.outer(scale, scale), scale * right)
        return np.linalg.solve(hessian(found[None], 2)[0], -np.stack([found[3:6], found[6:]]))

    return way


def hierarchical(within: float | None, *, skew: bool = False) -> Way:
    """The default, at one width."""

    def way(sweep: Sweep, kept: Flags) -> Array:
        cells = sums(sweep.table, sweep.terms, within, skew=skew)
        return level(cells, kept[None].astype(float), FREE).theta[0]

    return way


def three_exponentials(within: float) -> Way:
    """Shared sum of three exponentials of linear forms in the logs: convex, steep on one side."""

    def way(sweep: Sweep, kept: Flags) -> Array:
        table = sweep.table
        start = hierarchical(0.01)(sweep, kept)
        settings, loss, cell, weight = [], [], [], []
        for c in np.flatnonzero(kept):
            rows = np.flatnonzero((table.cell == c) & np.isfinite(table.loss))
            w = weights(table.settings[rows], table.loss[rows], within)
            rows, w = rows[w > 0], w[w > 0]
            settings.append(table.settings[rows])
            loss.append(np.log(table.loss[rows]))
            cell.append(np.full(len(rows), c))
            weight.append(w)
        x, y, at, w = (np.concatenate(v) for v in (settings, loss, cell, weight))

        def residual(q: Array) -> Array:
            law, powers = q[:6].reshape(2, 3), q[7:].reshape(3, 2)
            z = x - sweep.terms[at] @ law.T
            system = np.concatenate([powers.T, np.ones((1, 3))])
            share = np.linalg.lstsq(system, np.array([0.0, 0.0, 1.0]), rcond=None)[0]
            shape = np.exp(q[6]) * (np.exp(np.clip(z @ powers.T, -30, 12)) @ share - 1)
            if np.any(share <= 0):
                shape = shape + 10.0
            rest = y - shape
            total = np.bincount(at, w, len(kept))
            mean = np.bincount(at, w * rest, len(kept)) / np.maximum(total, 1e-300)
            return (rest - mean[at]) * np.sqrt(w)

        q = np.concatenate([start.ravel(), [np.log(0.01), -1.0, 0.6, 0.8, -1.0, 2.0, 0.5]])
        spread = max(float(np.median(np.abs(residual(q)))), 1e-5)
        found = least_squares(residual, q, loss="huber", f_scale=2 * spread, max_nfev=150)
        return found.x[:6].reshape(2, 3)

    return way


def left_out(sweep: Sweep, way: Way, group: NDArray[np.int64]) -> tuple[float, float]:
    """Mean regret in percent, nearest run and between runs, each group predicted without it."""
    cells, where = [], []
    for number in np.unique(group):
        theta = way(sweep, group != number)
        held = np.flatnonzero(group == number)
        cells += held.tolist()
        where.append(sweep.terms[held] @ theta.T)
    found = regret_of(sweep.places, np.concatenate(where), cells)
    return 100 * float(found.nearest.mean()), 100 * float(found.interpolated.mean())


def compare(sweep: Sweep, name: str) -> None:
    """All ways on one sweep."""
    published = regret_of(sweep.places, step_law(sweep), range(len(sweep.places)))
    print(f"\n{name}: regret in percent, nearest run / between runs")
    print(f"{'':34s}{'cell left out':>16s}{'size left out':>16s}{'seconds':>9s}")
    near, mid = 100 * published.nearest.mean(), 100 * published.interpolated.mean()
    print(f"{'published Step Law':34s}{near:9.3f} / {mid:.3f}")
    ways: dict[str, Way] = {"runs within 0.25 %, regression": near_best(0.0025)}
    ways |= {f"two steps, within {w:.2%}": two_steps(w) for w in WIDTHS}
    ways |= {f"one least squares, within {w:.2%}": profile(w) for w in WIDTHS}
    ways |= {f"hierarchical, within {w:.2%}": hierarchical(w) for w in WIDTHS}
    ways |= {"hierarchical, all runs": hierarchical(None)}
    ways |= {f"... and skew, within {w:.2%}": hierarchical(w, skew=True) for w in WIDTHS}
    ways |= {"... and skew, all runs": hierarchical(None, skew=True)}
    ways |= {f"three exponentials, within {w:.2%}": three_exponentials(w) for w in (0.01, 0.04)}
    one = np.arange(len(sweep.places))
    size = groups_of(np.exp(sweep.log_n), 0.02)
    for label, way in ways.items():
        start = time.perf_counter()
        a, b = left_out(sweep, way, one), left_out(sweep, way, size)
        took = time.perf_counter() - start
        print(f"{label:34s}{a[0]:9.3f} / {a[1]:.3f}{b[0]:9.3f} / {b[1]:.3f}{took:9.1f}", flush=True)


def transfer(fits: dict[str, SweepFit]) -> None:
    """What each project's law costs on the other's cells."""
    print("\nLaw of one project on the cells of another: regret in percent, nearest / between")
    for one, own in fits.items():
        law = own.need_law()
        for two, other in fits.items():
            found = other.regret_of(
                lambda n, d, law=law: tuple(
                    np.exp(law.log_settings(np.array([n]), np.array([d]))[0])
                )
            )
            kept = own.regret("cell") if one == two else found
            assert kept is not None
            label = f"{one} on {two}" + (", cell left out" if one == two else "")
            near, mid = 100 * kept.nearest.mean(), 100 * kept.interpolated.mean()
            print(f"{label:34s}{near:9.3f} / {mid:.3f}")


TRUTH = np.array([[np.log(2e-3), -0.6, 0.2], [np.log(5e5), -0.1, 0.5]])
CURVATURE = np.array([[0.0105, -0.0053], [-0.0053, 0.0115]])


def simulate(
    seed: int, sizes: int, lengths: int, grid: int, noise: float, scatter: float, skew: float = 0.0
) -> SweepRuns:
    """A sweep of a known law, on grids of factors of 2; cells scatter about the law."""
    rng = np.random.default_rng([seed, 11])
    rows = []
    step = np.log(2)
    cell = 0
    for n in np.geomspace(1.8e8, 1.4e9, sizes):
        for d in np.geomspace(4.5e9, 9e10, lengths):
            law = TRUTH @ np.array([1.0, np.log(n / 5e8), np.log(d / 2e10)])
            best = law + rng.normal(0, scatter, 2)
            centre = TRUTH[:, 0] + step * np.round((law - TRUTH[:, 0]) / step)
            at = (np.arange(grid) - (grid - 1) / 2) * step
            x = (centre + np.stack(np.meshgrid(at, at), axis=-1)).reshape(-1, 2)
            z = x - best
            over = 0.5 * np.einsum("ni,ij,nj->n", z, CURVATURE, z)
            over += skew * z[:, 0] ** 3 / (1 + 0.1 * z[:, 0] ** 2)
            loss = 2.3 * np.exp(over + rng.normal(0, noise, len(x)))
            rows += [(n, d, *np.exp(p), value, cell) for p, value in zip(x, loss, strict=True)]
            cell += 1
    columns = np.array(rows).T
    return SweepRuns(
        params=columns[0],
        tokens=columns[1],
        lr=columns[2],
        batch_tokens=columns[3],
        loss=columns[4],
        cell=columns[5].astype(np.int64),
        axes=("lr", "batch_tokens"),
        conventions=Conventions(),
        data_hash="simulated",
    )


DESIGNS = {
    "3 sizes x 3 D, 5x5 grid": (3, 3, 5, 0.0005, 0.10),
    "4 x 4, 5x5 grid": (4, 4, 5, 0.0005, 0.10),
    "4 x 4, 4x4 grid, noisy": (4, 4, 4, 0.003, 0.05),
    "3 x 3, 4x4 grid, no scatter": (3, 3, 4, 0.002, 0.0),
    "5 x 6, 5x5 grid, skew": (5, 6, 5, 0.0007, 0.10, 0.0004),
    "5 x 6, 5x5 grid, 3x the skew": (5, 6, 5, 0.0007, 0.10, 0.0012),
    "2 x 3, 5x5 grid": (2, 3, 5, 0.0007, 0.10),
}


def coverage(count: int) -> None:
    """Shares of simulated sweeps whose interval holds the truth."""
    print(f"\nCoverage of nominal 90 % intervals, {count} sweeps each")
    print(f"{'':30s}{'powers':>8s}{'setting, 10x N':>16s}{'cell alone':>12s}{'cell, shared':>14s}")
    for name, design in DESIGNS.items():
        powers, ahead, alone, shared = [], [], [], []
        for seed in range(count):
            table = simulate(seed, *design)
            fit = fit_sweep_table(table, seed)
            law = fit.need_law()
            for i, axis in enumerate(law.axes):
                for j, q in enumerate(law.exponents(axis).values()):
                    powers.append(q.lo <= TRUTH[i, 1 + j] <= q.hi)
            n, d = 1.4e10, 9e11
            rng = np.random.default_rng([seed, 12])
            truth = np.exp(
                TRUTH @ np.array([1.0, np.log(n / 5e8), np.log(d / 2e10)])
                + rng.normal(0, design[4], 2)
            )
            said = fit.predict(n, d).settings
            ahead += [said[a].lo <= t <= said[a].hi for a, t in zip(law.axes, truth, strict=True)]
            for cell, best in zip(fit.cells, optima_of(seed, design), strict=True):
                for axis, t in zip(law.axes, best, strict=True):
                    if cell.status in ("ok", "edge"):
                        alone.append(cell.optimum[axis].lo <= t <= cell.optimum[axis].hi)
                    shared.append(cell.pooled[axis].lo <= t <= cell.pooled[axis].hi)
        shares = (np.mean(x) if x else np.nan for x in (powers, ahead, alone, shared))
        a, b, c, e = (f"{100 * x:.0f} %" for x in shares)
        print(f"{name:30s}{a:>8s}{b:>16s}{c:>12s}{e:>14s}", flush=True)


def fit_sweep_table(table: SweepRuns, seed: int) -> SweepFit:
    """A simulated sweep through the verb."""
    return fit_sweep(points_of(table), draws=300, seed=seed)


def points_of(table: SweepRuns) -> iso.Points:
    """A simulated sweep as points."""
    ones = np.ones(len(table))
    return iso.Points(
        run_id=tuple(str(i) for i in range(len(table))),
        params=table.params,
        tokens=table.tokens,
        flop=6 * table.params * table.tokens,
        loss=table.loss,
        unique_tokens=table.tokens,
        tier=table.cell,
        columns={"lr": table.lr, "batch_tokens": table.batch_tokens, "one": ones},
        codes={},
        conventions=Conventions(),
        data_hash="simulated",
    )


def optima_of(seed: int, design: tuple[float, ...]) -> list[Array]:
    """The true optimum of each simulated cell."""
    rng = np.random.default_rng([seed, 11])
    sizes, lengths, grid, noise, scatter = (*design[:5],)
    found = []
    for n in np.geomspace(1.8e8, 1.4e9, int(sizes)):
        for d in np.geomspace(4.5e9, 9e10, int(lengths)):
            law = TRUTH @ np.array([1.0, np.log(n / 5e8), np.log(d / 2e10)])
            found.append(np.exp(law + rng.normal(0, scatter, 2)))
            rng.normal(0, noise, int(grid) ** 2)
    return found


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where the published sweeps are")
    parser.add_argument("--coverage", type=int, default=100, help="simulated sweeps per design")
    given = parser.parse_args()
    if given.folder is not None:
        fits: dict[str, SweepFit] = {}
        for name, (file, loss) in SETS.items():
            start = time.perf_counter()
            fits[name] = fit_sweep(iso.read(given.folder / f"{file}.csv", loss=loss))
            print(f"{name}: {time.perf_counter() - start:.2f} s to read and fit")
            compare(load(given.folder, name), name)
        transfer(fits)
    else:
        print("No folder with published sweeps is given: simulations only.")
    if given.coverage:
        coverage(given.coverage)


if __name__ == "__main__":
    main()
