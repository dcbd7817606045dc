"""From which run to which: the tuned run, the wanted one, and what changes between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isoloss.planning.settings.amounts import require_plausible

# Two ratios this close count as the same change: laws are not known better.
ALIKE = 1.5
NAMES = {
    "N": "model size",
    "D": "tokens",
    "batch": "batch",
    "width": "width",
    "layers": "layers",
    "loss": "loss",
    "schedule": "schedule",
}


@dataclass(frozen=True)
class Run:
    """A training run, as far as its settings depend on it.

    Attributes:
        n_params: N.
        tokens: D.
        batch_tokens: batch in tokens; None where not known.
        width: of the hidden layers; None likewise, as the rest.
        layers: how many.
        loss: reached, nats per token.
        schedule: of the learning rate, in words.
        lr: peak learning rate.
        weight_decay: of AdamW, as multiplied by the learning rate.
    """

    n_params: float
    tokens: float
    batch_tokens: float | None = None
    width: float | None = None
    layers: float | None = None
    loss: float | None = None
    schedule: str | None = None
    lr: float | None = None
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, int | float):
                require_plausible(value, name)

    @property
    def steps(self) -> float | None:
        """Optimiser updates, D / B."""
        return None if self.batch_tokens is None else self.tokens / self.batch_tokens

    @property
    def x(self) -> dict[str, float]:
        """The variables of the laws."""
        n, d = self.n_params, self.tokens
        found = {"N": n, "D": d, "C": 6.0 * n * d, "D/N": d / n}
        return found if self.loss is None else found | {"L": self.loss}

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Move:
    """From a tuned run to a wanted one.

    Attributes:
        since: the tuned run; its learning rate is known.
        to: the wanted run.
    """

    since: Run
    to: Run

    @property
    def changes(self) -> dict[str, float]:
        """What changes, and by which factor; the schedule, if it does, by NaN."""
        pairs = {
            "N": (self.since.n_params, self.to.n_params),
            "D": (self.since.tokens, self.to.tokens),
            "batch": (self.since.batch_tokens, self.to.batch_tokens),
            "width": (self.since.width, self.to.width),
            "layers": (self.since.layers, self.to.layers),
        }
        found = {
            name: after / before
            for name, (before, after) in pairs.items()
            if before is not None and after is not None and after != before
        }
        if self.since.schedule != self.to.schedule:
            found["schedule"] = math.nan
        return found

    def ratio(self, name: str) -> float:
        """The factor of a change; 1 where there is none."""
        return self.changes.get(name, 1.0)


def alike(a: float, b: float) -> bool:
    """Whether two factors are the same within what laws know."""
    return abs(math.log(a / b)) <= math.log(ALIKE)


def changes_text(changes: Mapping[str, float]) -> str:
    """Changes as words, ``N x 70, D x 700, another schedule``."""
    parts = [
        "another schedule" if math.isnan(ratio) else f"{NAMES[name]} x {ratio:.3g}"
        for name, ratio in changes.items()
    ]
    return ", ".join(parts) or "nothing"
