"""How often do the intervals of serving plans and regrets hold the truth? Nominal 90 %.

``python benchmarks/serving_coverage.py [SWEEPS]`` draws sweeps from the law of Besiroglu et al.
with noise that compute tiers share, fits each and prints one line per quantity.
"""

from __future__ import annotations

import sys

import numpy as np

import isoloss as iso
from isoloss.laws import get_published

TRUTH = get_published("chinchilla", "epoch").values
BUDGETS = (1e18, 3e18, 1e19, 3e19, 1e20, 3e20)
TARGET, SERVED, RULE = 1e22, "1T", "ratio of GPT-3"


def sweep(seed: int, sizes: int = 7, noise: float = 0.003) -> iso.Runs:
    """Runs at six budgets, a factor of four around the optimum."""
    rng = np.random.default_rng(seed)
    flop = np.repeat(BUDGETS, sizes)
    params = np.sqrt(flop / 120) * np.tile(np.geomspace(0.25, 4, sizes), len(BUDGETS))
    tokens = flop / (6 * params)
    loss = iso.get_law("chinchilla").value(TRUTH, {"N": params, "D": tokens})
    shared = np.repeat(rng.normal(0, noise / 2, len(BUDGETS)), sizes)
    loss = loss * np.exp(shared + rng.normal(0, noise, len(flop)))
    return iso.read({"n_total": params, "tokens": tokens, "flop": flop, "loss": loss})


def quantities(source: iso.Fit | str, key: str | None = None) -> dict[str, iso.Quantity]:
    """What is watched."""
    row = iso.serve(source, TARGET, served=SERVED, key=key).rows[0]
    mark = iso.overtraining(source, TARGET, key=key).marks[1]
    rule = iso.optima(source, TARGET, key=key).row(RULE)
    return {
        "N when 1T tokens are served": row.n_params,
        "D likewise": row.tokens,
        "share of the lifetime saved": row.saving,
        "tokens from which it pays": row.break_even_tokens,
        "extra compute at 5x D*/N*": mark.overhead,
        f"regret, {RULE}": rule.regret,
        f"compute needed, {RULE}": rule.flop_needed,
    }


def main() -> None:
    """Print the table."""
    sweeps = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    truth = quantities("chinchilla", "epoch")
    hits = dict.fromkeys(truth, 0)
    for seed in range(sweeps):
        for name, found in quantities(iso.fit(sweep(seed), draws=200)).items():
            hits[name] += found.lo <= truth[name].estimate <= found.hi
    print(f"{sweeps} sweeps of {len(BUDGETS) * 7} runs, intervals by tier at 90 %")
    for name, count in hits.items():
        print(f"  {name:32} {count / sweeps:6.1%}")


if __name__ == "__main__":
    main()
