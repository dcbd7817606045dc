"""How often do the intervals of the critical batch hold the truth? Simulated, nominal 90 %.

``python benchmarks/batch_coverage.py [TABLES]`` prints one line per design.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from isoloss.errors import EvidenceError
from isoloss.fitting import fit_hyperbola

STEPS_MIN, CRIT = 1000.0, 2.0**17
# Name, batches, noise of log steps, shape of the noise.
DESIGNS = [
    (f"{count} batches, {noise:.0%} {shape}", np.geomspace(low, high, count), noise, shape)
    for count, low, high in (
        (4, 2.0**15, 2.0**19),
        (5, 2.0**14, 2.0**21),
        (8, 2.0**14, 2.0**21),
        (12, 2.0**13, 2.0**22),
    )
    for noise in (0.03, 0.1)
    for shape in ("normal", "laplace")
]


def coverage(
    batch: np.ndarray, noise: float, shape: str, tables: int
) -> tuple[np.ndarray, float, float]:
    """Coverage of S_min, E_min and B_crit, the share refused, and the median width of B_crit."""
    truth = np.array([STEPS_MIN, STEPS_MIN * CRIT, CRIT])
    covered, answered, widths = np.zeros(3), 0, []
    for seed in range(tables):
        rng = np.random.default_rng(seed)
        normal = shape == "normal"
        draw = (
            rng.standard_normal(len(batch))
            if normal
            else rng.laplace(0, math.sqrt(0.5), len(batch))
        )
        steps = STEPS_MIN * (1 + CRIT / batch) * np.exp(noise * draw)
        try:
            found = fit_hyperbola(batch, steps, draws=1000, seed=seed)
        except EvidenceError:
            continue
        quantities = (found.steps_min, found.tokens_min, found.batch_crit)
        covered += [q.lo <= t <= q.hi for q, t in zip(quantities, truth, strict=True)]
        widths.append(found.batch_crit.hi / max(found.batch_crit.lo, 1e-300))
        answered += 1
    return covered / answered, 1 - answered / tables, float(np.median(widths))


def main() -> None:
    """Print the table."""
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{tables} tables each   S_min   E_min  B_crit  refused  median hi / lo of B_crit")
    for name, batch, noise, shape in DESIGNS:
        share, refused, width = coverage(batch, noise, shape, tables)
        cells = "  ".join(f"{one:6.1%}" for one in share)
        print(f"{name:24} {cells}  {refused:6.1%}  {width:.3g}")


if __name__ == "__main__":
    main()
