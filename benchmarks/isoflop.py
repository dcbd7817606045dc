"""Which curve finds the best size of an IsoFLOP profile? Bias, error and coverage, simulated.

    python benchmarks/isoflop.py [--sweeps 200] [--draws 300] [--only bias error coverage envelope]

Bias: noise-free surfaces, 5 budgets 1e17 to 1e21 FLOP with 15 sizes each, error of D* at 1e24 (the
setting of arXiv 2603.22339). Error and coverage: sweeps whose losses carry an error shared by the
budget, one of the run's own, and, where it says so, a tilt: a budget that favours large or small
models. A share p over n sweeps is known to +- 2 sqrt(p (1 - p) / n).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError
from isoloss.fitting import Allocation, envelope, isoflop
from isoloss.fitting.isoflop_curves import SHAPES
from isoloss.runs import Conventions, Points

Array = NDArray[np.float64]
TARGET = 1e24


@dataclass(frozen=True)
class Surface:
    """loss = E + A N^-alpha + B D^-beta at C = 6 N D."""

    name: str
    alpha: float
    beta: float
    a: float = 406.4
    b: float = 410.7
    e: float = 1.69

    def loss(self, n: Array, d: Array) -> Array:
        """The loss without noise."""
        return self.e + self.a * n**-self.alpha + self.b * d**-self.beta

    @property
    def exponent(self) -> float:
        """Of N*(C)."""
        return self.beta / (self.alpha + self.beta)

    def best_size(self, flop: Array | float) -> Array:
        """N*(C)."""
        ratio = self.alpha * self.a / (self.beta * self.b)
        grow = np.asarray(flop) / 6
        return ratio ** (1 / (self.alpha + self.beta)) * grow**self.exponent


HOFFMANN = Surface("Hoffmann .34/.28", 0.34, 0.28)
EPOCH = Surface("Besiroglu .35/.37", 0.3478, 0.3658, 482.01, 2085.43, 1.8172)
ASYMMETRIC = Surface("asymmetric .465/.155", 0.465, 0.155)


@dataclass(frozen=True)
class Design:
    """An IsoFLOP sweep and its noise.

    Attributes:
        name: for the table.
        surface: the truth.
        budgets: compute (G,).
        sizes: per budget.
        factor: sizes reach from N*/factor to N* times factor.
        off: by which the sizes' middle misses N*.
        noise: s.d. of the runs' own errors in log loss, of the largest budget.
        uneven: the same of the smallest budget, over that of the largest.
        tilt: s.d. between budgets of the slope of log loss in log N.
    """

    name: str
    surface: Surface
    budgets: Array
    sizes: int
    factor: float
    off: float = 1.0
    noise: float = 0.003
    uneven: float = 1.0
    tilt: float = 0.0

    def sweep(self, rng: np.random.Generator | None = None) -> Points:
        """Runs; without noise where no generator is given."""
        tier = np.repeat(np.arange(len(self.budgets)), self.sizes)
        steps = np.linspace(-np.log(self.factor), np.log(self.factor), self.sizes)
        flop = self.budgets[tier]
        n = self.surface.best_size(flop) * self.off * np.exp(np.tile(steps, len(self.budgets)))
        d = flop / (6 * n)
        loss = self.surface.loss(n, d)
        if rng is not None:
            count = len(self.budgets)
            size = self.noise * np.linspace(self.uneven, 1.0, count)[tier]
            shared = 0.005 * rng.standard_normal(count)[tier]
            tilted = self.tilt * rng.standard_normal(count)[tier] * np.tile(steps, count)
            loss = loss * np.exp(size * rng.standard_normal(len(n)) + shared + tilted)
        return Points(
            run_id=tuple(f"run-{i}" for i in range(len(n))),
            params=n,
            tokens=d,
            flop=flop,
            loss=loss,
            unique_tokens=d,
            tier=tier.astype(np.int64),
            columns={},
            codes={},
            conventions=Conventions(),
            data_hash="",
        )


def decades(low: float, high: float, count: int) -> Array:
    """Budgets, evenly spaced in log."""
    return np.logspace(low, high, count)


NOISY = [
    Design("5 x 9, x8", HOFFMANN, decades(18, 21, 5), 9, 8),
    Design("5 x 7, x4", HOFFMANN, decades(18, 21, 5), 7, 4),
    Design("4 x 6, x4, noise .005", EPOCH, decades(18, 21, 4), 6, 4, noise=0.005),
    Design("3 x 7, x6", HOFFMANN, decades(18, 21, 3), 7, 6),
    Design("9 x 9, x8, asymmetric", ASYMMETRIC, decades(18, 21, 9), 9, 8),
    Design("5 x 9, x8, off by 2", HOFFMANN, decades(18, 21, 5), 9, 8, off=2.0),
    Design("5 x 7, x6, uneven noise", HOFFMANN, decades(18, 21, 5), 7, 6, uneven=3.0),
    Design("5 x 9, x8, tilt .0015", HOFFMANN, decades(18, 21, 5), 9, 8, noise=0.002, tilt=0.0015),
    Design("4 x 7, x6, tilt .0015", EPOCH, decades(18, 21, 4), 7, 6, noise=0.002, tilt=0.0015),
]


def bias() -> None:
    """Error of D* at the target on surfaces without noise."""
    print(f"\nD* at {TARGET:.0e}, error in %, no noise (5 budgets 1e17-1e21, 15 sizes)")
    print(f"{'surface':<22} {'sizes':<12} " + " ".join(f"{shape:>9}" for shape in SHAPES))
    for surface in (HOFFMANN, EPOCH, ASYMMETRIC):
        truth = TARGET / 6 / float(surface.best_size(TARGET))
        for factor, off in ((2, 1), (4, 1), (8, 1), (16, 1), (8, 3), (16, 3)):
            design = Design("", surface, decades(17, 21, 5), 15, factor, off)
            points = design.sweep()
            row = [
                isoflop(points, shape=shape, ci="none").at(TARGET).tokens.estimate / truth - 1
                for shape in SHAPES
            ]
            place = f"x{factor}" + (f", off by {off}" if off > 1 else "")
            print(f"{surface.name:<22} {place:<12} " + " ".join(f"{100 * x:9.3f}" for x in row))


def error(sweeps: int) -> None:
    """Root mean square errors with noise."""
    print(f"\nrms error of log N* at the budgets / at {TARGET:.0e}, in %, and of the exponent")
    for design in NOISY:
        truth = np.log(design.surface.best_size(design.budgets))
        far = np.log(float(design.surface.best_size(TARGET)))
        for shape in SHAPES:
            near, ahead, slope = [], [], []
            for i in range(sweeps):
                found = _try(
                    isoflop, design.sweep(np.random.default_rng(i)), shape=shape, ci="none"
                )
                if found is None:
                    continue
                near += [
                    np.log(optimum.n_params.estimate) - truth[g]
                    for g, optimum in enumerate(found.optima)
                    if optimum.used
                ]
                ahead.append(np.log(found.at(TARGET).n_params.estimate) - far)
                slope.append(found.n_opt.exponent.estimate - design.surface.exponent)
            rms = [float(np.sqrt(np.mean(np.square(x)))) for x in (near, ahead, slope)]
            print(
                f"{design.name:<26} {shape:<9} {100 * rms[0]:6.1f} {100 * rms[1]:6.1f} "
                f"{rms[2]:7.4f}   mean error at the target {100 * np.mean(ahead):+6.1f}"
            )


def coverage(sweeps: int, draws: int, shapes: tuple[str, ...]) -> None:
    """Shares of sweeps whose nominal 90 % interval holds the truth."""
    print("\ncoverage of nominal 90 %: N* at the budgets, exponent a, N* at the target")
    for design in NOISY:
        for shape in shapes:
            _cover(
                f"{design.name:<26} {shape:<9}", design, sweeps,
                lambda points, shape=shape: isoflop(points, shape=shape, draws=draws),
            )  # fmt: skip


def envelopes(sweeps: int, draws: int) -> None:
    """The same for approach 1: sizes trained at several budgets each."""
    print("\napproach 1: exponent a, N* at the target")
    for name, sizes, budgets, noise in (
        ("12 sizes, 12 budgets", 12, 12, 0.002),
        ("20 sizes, 12 budgets", 20, 12, 0.002),
        ("20 sizes, 12 budgets, no noise", 20, 12, 0.0),
        ("40 sizes, 20 budgets", 40, 20, 0.002),
    ):
        flop = decades(18, 21, budgets)
        low, high = HOFFMANN.best_size(np.array([2e17, 5e21]))
        n = np.geomspace(low, high, sizes)
        every_n, every_c = (x.ravel() for x in np.meshgrid(n, flop, indexing="ij"))
        base = Design("", HOFFMANN, flop, 1, 1).sweep()
        hits, slopes = [], []
        for i in range(sweeps):
            rng = np.random.default_rng(i)
            own = noise * rng.standard_normal(len(every_n))
            by_size = noise * np.repeat(rng.standard_normal(sizes), budgets)
            loss = HOFFMANN.loss(every_n, every_c / 6 / every_n) * np.exp(own + by_size)
            points = Points(
                run_id=tuple(map(str, range(len(loss)))),
                params=every_n, tokens=every_c / 6 / every_n, flop=every_c, loss=loss,
                unique_tokens=every_c / 6 / every_n,
                tier=np.tile(np.arange(budgets), sizes),
                columns={}, codes={}, conventions=base.conventions, data_hash="",
            )  # fmt: skip
            found = _try(envelope, points, draws=draws)
            if found is None:
                continue
            a, far = found.n_opt.exponent, found.at(TARGET).n_params
            truth = float(HOFFMANN.best_size(TARGET))
            hits.append([a.lo <= HOFFMANN.exponent <= a.hi, far.lo <= truth <= far.hi])
            slopes.append(a.estimate - HOFFMANN.exponent)
        shares = np.mean(hits, axis=0)
        print(
            f"{name:<32} {shares[0]:.2f} {shares[1]:.2f}   error of a {np.mean(slopes):+.3f} +- "
            f"{np.std(slopes):.3f}   answered {len(hits)} of {sweeps}",
            flush=True,
        )


def _cover(label: str, design: Design, sweeps: int, method: Callable[[Points], Allocation]) -> None:
    best = design.surface.best_size(design.budgets)
    far = float(design.surface.best_size(TARGET))
    near, slope, ahead = [], [], []
    started = time.perf_counter()
    for i in range(sweeps):
        found = _try(method, design.sweep(np.random.default_rng(i)))
        if found is None:
            continue
        near += [
            optimum.n_params.lo <= best[g] <= optimum.n_params.hi
            for g, optimum in enumerate(found.optima)
            if optimum.used
        ]
        a, size = found.n_opt.exponent, found.at(TARGET).n_params
        slope.append(a.lo <= design.surface.exponent <= a.hi)
        ahead.append(size.lo <= far <= size.hi)
    print(
        f"{label} {np.mean(near):.2f} {np.mean(slope):.2f} {np.mean(ahead):.2f}   "
        f"({time.perf_counter() - started:.0f} s)",
        flush=True,
    )


def _try(method: Callable[..., Allocation], points: Points, **options: object) -> Allocation | None:
    try:
        return method(points, **options)
    except EvidenceError:
        return None


def main() -> None:
    """Read the options and print the tables."""
    parser = argparse.ArgumentParser(description="Curves of IsoFLOP profiles, simulated.")
    parser.add_argument("--sweeps", type=int, default=200)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES))
    parts = ["bias", "error", "coverage", "envelope"]
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    options = parser.parse_args()
    if "bias" in options.only:
        bias()
    if "error" in options.only:
        error(options.sweeps)
    if "coverage" in options.only:
        coverage(options.sweeps, options.draws, tuple(options.shapes))
    if "envelope" in options.only:
        envelopes(options.sweeps, options.draws)


if __name__ == "__main__":
    main()
