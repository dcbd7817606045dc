"""What is the learning rate at each step, in units of its peak?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.training.spec import RunSpec

TENTH = 0.1


def lr_factors(spec: RunSpec) -> NDArray[np.float64]:
    """The learning rate of every step over the peak, shape (steps,).

    It rises linearly over the warm-up and is then multiplied by the schedule, which is meant over
    the steps after the warm-up.
    """
    pace = spec.pacing
    warm = round(pace.warmup * pace.steps)
    step = np.arange(pace.steps)
    after = (step + 1 - warm) / max(1, pace.steps - warm)
    return np.where(step < warm, (step + 1) / max(1, warm), _shape(spec, np.clip(after, 0.0, 1.0)))


def _shape(spec: RunSpec, after: NDArray[np.float64]) -> NDArray[np.float64]:
    """The schedule at shares of the steps after the warm-up; the last step is share one."""
    pace = spec.pacing
    last = 1.0 / max(1, pace.steps - round(pace.warmup * pace.steps))
    # The last update still moves: a rate of zero there would waste it.
    left = np.maximum(1.0 - after + last, last) if pace.schedule != "constant" else after
    if pace.schedule == "linear":
        return np.minimum(1.0, left)
    if pace.schedule == "wsd":
        return np.minimum(1.0, left / max(pace.decay, last))
    if pace.schedule == "constant":
        return np.ones_like(after)
    floors = {"cosine": 0.0, "cosine-tenth": TENTH, "cosine-floor": pace.floor_lr}
    floor = floors[pace.schedule]
    if pace.schedule == "cosine-floor":
        floor = min(1.0, pace.floor_lr / spec.optimization.lr)
    return floor + (1.0 - floor) * 0.5 * (1.0 + np.cos(np.pi * np.minimum(1.0, after)))
