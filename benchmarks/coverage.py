"""Do nominal 90 % intervals cover the truth in 90 % of studies? Simulated sweeps, refitted.

    python benchmarks/coverage.py [--law chinchilla farseer repetition] [--sweeps 200] [--draws 200]

Each sweep has runs on IsoFLOP tiers whose losses carry an error shared by the tier and one of
their own. Printed is the share of sweeps whose interval holds the true value, per method, for
the parameters and for what is asked of a fit: exponent, optimal size and loss beyond the data.
A share p over n sweeps is known to +- 2 sqrt(p (1 - p) / n).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import isoloss as iso
from isoloss.laws import Law

Array = NDArray[np.float64]
Asked = Callable[[Mapping[str, Array]], Array]


@dataclass(frozen=True)
class Design:
    """What a simulated sweep trains: model sizes, tokens, unique tokens, tier per run."""

    name: str
    n: Array
    d: Array
    u: Array
    tier: NDArray[np.int64]


def isoflop_design(name: str, budgets: int, sizes: int, decades: float, spread: float) -> Design:
    """IsoFLOP tiers around N = C^0.5 / 11, sizes spread by ``spread`` e-folds to both sides."""
    flop = np.repeat(10 ** np.linspace(18.0, 18.0 + decades, budgets), sizes)
    n = np.sqrt(flop) / 11 * np.exp(np.tile(np.linspace(-spread, spread, sizes), budgets))
    d = flop / (6 * n)
    return Design(name, n, d, d, np.repeat(np.arange(budgets), sizes))


def repetition_design() -> Design:
    """Seven compute tiers, sizes and shares of unique data crossed: 1 to 60 epochs."""
    base = isoflop_design("", budgets=7, sizes=4, decades=2.5, spread=1.2)
    epochs = np.array([1.0, 4.0, 15.0, 60.0])
    repeat = len(epochs)
    n, d = np.repeat(base.n, repeat), np.repeat(base.d, repeat)
    unique = d / np.tile(epochs, len(base.n))
    return Design("7 tiers x 4 sizes x 4 epochs", n, d, unique, np.repeat(base.tier, repeat))


DESIGNS = {
    "chinchilla": [
        isoflop_design("4 tiers x 6", 4, 6, 2.0, 2.0),
        isoflop_design("6 tiers x 7", 6, 7, 2.5, 2.0),
        isoflop_design("12 tiers x 20", 12, 20, 3.0, 2.5),
    ],
    "farseer": [isoflop_design("12 tiers x 20", 12, 20, 3.0, 2.5)],
    "repetition": [repetition_design()],
}
PUBLISHED = {"chinchilla": "epoch", "farseer": "refit", "repetition": None}


def truth(law: Law) -> dict[str, float]:
    """Published coefficients of a law."""
    key = PUBLISHED[law.name]
    found = next((p for p in law.published if p.key == key), law.published[0])
    return dict(found.values)


def questions(law: Law, design: Design) -> dict[str, Asked]:
    """Parameters, and what people ask of a fit at 30 times the largest compute."""
    asked: dict[str, Asked] = {name: (lambda t, k=name: t[k]) for name in law.names}
    top = int(np.argmax(design.n * design.d))
    far = {"N": design.n[top] * 30**0.5, "D": design.d[top] * 30**0.5}
    far["U"] = far["D"] / 4 if law.name == "repetition" else far["D"]
    x = {name: far[name] for name in law.variables}
    asked["loss"] = lambda t: law.value(t, x)
    if law.additive is not None:
        a_, alpha_, b_, beta_ = law.additive
        flop = 6 * far["N"] * far["D"]

        def optimum(t: Mapping[str, Array]) -> Array:
            total = t[alpha_] + t[beta_]
            lean = np.log(t[alpha_] * t[a_] / (t[beta_] * t[b_])) / total
            return lean + t[beta_] / total * np.log(flop / 6)

        asked["a"] = lambda t: t[beta_] / (t[alpha_] + t[beta_])
        asked["log N*"] = optimum
    return asked


def simulate(law: Law, design: Design, ci: str, sweeps: int, draws: int, noise: Array) -> None:
    """Print the coverage of one method on one design."""
    true = truth(law)
    x = {"N": design.n, "D": design.d, "U": design.u}
    clean = law.value(true, x)
    asked = questions(law, design)
    covered: dict[str, list[bool]] = {name: [] for name in asked}
    begin = time.perf_counter()
    for sweep in range(sweeps):
        rng = np.random.default_rng([7, sweep])
        shared = noise[0] * rng.standard_normal(design.tier.max() + 1)[design.tier]
        loss = clean * np.exp(shared + noise[1] * rng.standard_normal(len(clean)))
        table = {"params": design.n, "tokens": design.d, "unique_tokens": design.u}
        fit = iso.fit(iso.read(table | {"loss": loss}), law, ci=ci, draws=draws, seed=sweep)
        for name, function in asked.items():
            interval = fit.interval(function)
            covered[name].append(interval.lo <= float(function(true)) <= interval.hi)  # pyright: ignore[reportArgumentType]
    cells = "  ".join(f"{name} {np.mean(hits):.0%}" for name, hits in covered.items())
    pooled = np.mean([np.mean(hits) for hits in covered.values()])
    seconds = time.perf_counter() - begin
    print(
        f"{law.name:<11} {design.name:<28} {ci:<10} shared {noise[0]:.3f} own {noise[1]:.3f}  "
        f"mean {pooled:.1%}   {cells}   ({sweeps} sweeps, {seconds:.0f} s)",
        flush=True,
    )


def main() -> None:
    """Run the simulations that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--law", nargs="+", default=list(DESIGNS))
    parser.add_argument("--ci", nargs="+", default=["tier", "tier-cases", "run"])
    parser.add_argument("--sweeps", type=int, default=200)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--shared", type=float, default=0.004)
    parser.add_argument("--own", type=float, default=0.006)
    options = parser.parse_args()
    for name in options.law:
        for design in DESIGNS[name]:
            for ci in options.ci:
                noise = np.array([options.shared, options.own])
                simulate(iso.get_law(name), design, ci, options.sweeps, options.draws, noise)


if __name__ == "__main__":
    main()
