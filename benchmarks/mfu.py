"""Do the intervals of the MFU curve cover? Simulated tables of few sizes, nominal 90 %.

    python benchmarks/mfu.py [TABLES]

For each design: how often the interval of the ceiling, of one more run of 70B and of one more run
inside the sizes hold the truth. The sampling error of a share near 0.9 of 300 is 0.017.
"""

from __future__ import annotations

import sys

import numpy as np

from isoloss.planning.hardware.saturation import fit_saturation, saturation

CEILING = 0.5
# Smallest and largest N, sizes, runs of each, scatter of log MFU, N at half, steepness.
DESIGNS = (
    (2e7, 3e9, 8, 2, 0.03, 1e8, 0.8),
    (2e7, 1e9, 5, 1, 0.03, 1e8, 0.8),
    (5e7, 8e8, 4, 2, 0.05, 3e8, 0.6),
)


def main(tables: int) -> None:
    """Print the coverage of each design."""
    for low, high, sizes, repeats, noise, half, steep in DESIGNS:
        params = np.geomspace(low, high, sizes).repeat(repeats)
        hits = {"ceiling": 0, "70B": 0, "inside": 0}
        for seed in range(tables):
            rng = np.random.default_rng(10**6 + seed)
            scatter = np.exp(noise * rng.standard_normal(len(params)))
            mfu = CEILING / (1 + (half / params) ** steep) * scatter
            found = fit_saturation(params, np.minimum(mfu, 1.0), draws=300, seed=seed)
            lo, hi = np.quantile(np.exp(found.draws[:, 0]), [0.05, 0.95])
            hits["ceiling"] += lo <= CEILING <= hi
            for name, at in (("70B", 7e10), ("inside", np.sqrt(low * high))):
                one = found.spreads * rng.standard_normal(300)
                drawn = np.exp(saturation(found.draws, np.array([at]))[:, 0] + one)
                lo, hi = np.quantile(np.minimum(drawn, 1.0), [0.05, 0.95])
                truth = CEILING / (1 + (half / at) ** steep)
                hits[name] += lo <= truth * np.exp(noise * rng.standard_normal()) <= hi
        shares = ", ".join(f"{name} {count / tables:.2f}" for name, count in hits.items())
        print(f"{sizes} sizes, {repeats} runs of each: {shares}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
