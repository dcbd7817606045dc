"""Where is the minimum of an IsoFLOP profile? Curves through the losses of one budget.

At one budget C the loss depends on N alone, because D follows from N. Three curves are offered:

- ``slices``: loss = e + p N^-alpha + q D^-beta, with e, p, q of each budget and exponents that all
  budgets share. Exact for every surface that adds a term in N and a term in D, and a parabola in
  the limit of small exponents.
- ``parabola``: second degree in log N (Hoffmann et al. 2022, section 3.2). Its minimum is displaced
  where the two sides of the profile differ.
- ``cubic``: third degree in log N; little displaced on centred grids, but much noisier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.isoflop_polynomials import polynomials
from isoloss.fitting.isoflop_profile import Curves, Profile
from isoloss.fitting.isoflop_slices import slices

Array = NDArray[np.float64]
SHAPES = ("slices", "cubic", "parabola")
CHUNK_CELLS = 2_000_000  # runs times draws held at a time


def fit_curves(profiles: Sequence[Profile], losses: Array, shape: str) -> Curves:
    """Fit one of ``SHAPES`` to each set of relative losses (draws, runs)."""
    rows = max(1, CHUNK_CELLS // losses.shape[1])
    parts = [_fit(profiles, losses[at : at + rows], shape) for at in range(0, len(losses), rows)]
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("fitted", "log_n", "log_d", "loss", "exponents")
    }
    first = parts[0]
    return replace(first, **joined)


def _fit(profiles: Sequence[Profile], losses: Array, shape: str) -> Curves:
    if shape == "slices":
        return slices(profiles, losses)
    return polynomials(profiles, losses, 2 if shape == "parabola" else 3)
