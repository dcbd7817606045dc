"""Where has the repetition law been seen to fail? The regions, and how the runs behind them fared.

Measured on the 295 finished runs of ``datablations_repetition`` (Muennighoff et al. 2023) against
the published coefficients, the law's level moved to their median, 8.8 % above it; see
``docs/reproductions/data-limits.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from isoloss.errors import EvidenceError
from isoloss.runs import format_quantity

WARN_EPOCHS = 16.0
WARN_OVERSIZE = 10.0
REFUSE_EPOCHS = 40.0
REFUSE_OVERSIZE = 20.0
BEYOND = 2.0  # times as many epochs, or as far too large, as any run of the fit
BEYOND_REFUSED = 10.0


@dataclass(frozen=True)
class Trust:
    """Whether a run lies where its law has held.

    Attributes:
        verdict: ``ok``, ``warn`` or ``refuse``.
        epochs: how often its unique tokens are read.
        oversize: N over the size that is compute-optimal for one epoch of them.
        message: the finding in a sentence; empty for ``ok``.
    """

    verdict: str
    epochs: float
    oversize: float
    message: str

    def require(self, hint: str) -> None:
        """Refuse a run where the law is known to fail.

        Raises:
            EvidenceError: the verdict is ``refuse``.
        """
        if self.verdict == "refuse":
            raise EvidenceError(self.message, code="law_fails_here", hint=hint)


def judge(
    epochs: float,
    oversize: float,
    *,
    saturates: bool,
    most_epochs: float = math.inf,
    most_oversize: float = math.inf,
) -> Trust:
    """Whether a run lies where the law has held.

    Args:
        epochs: D / U.
        oversize: N / N_opt(U).
        saturates: it is the repetition law, whose loss cannot rise.
        most_epochs: of the runs that the law was fitted to.
        most_oversize: likewise.
    """
    far = max(epochs / most_epochs, oversize / most_oversize)
    if saturates and epochs > REFUSE_EPOCHS and oversize > REFUSE_OVERSIZE:
        return Trust(
            "refuse",
            epochs,
            oversize,
            f"{_said(epochs, oversize)}. The law says that the loss levels off there; of 58 "
            f"published runs beyond {REFUSE_EPOCHS:g} epochs and {REFUSE_OVERSIZE:g} times, 31 "
            "ended more than 10 % above it and the worst 2.6 times above, because they overfit.",
        )
    if far > BEYOND_REFUSED:
        return Trust(
            "refuse", epochs, oversize, _beyond(epochs, oversize, most_epochs, most_oversize)
        )
    if far > BEYOND:
        return Trust(
            "warn", epochs, oversize, _beyond(epochs, oversize, most_epochs, most_oversize)
        )
    if saturates and (epochs > WARN_EPOCHS or oversize > WARN_OVERSIZE):
        return Trust(
            "warn",
            epochs,
            oversize,
            f"{_said(epochs, oversize)}. Of 118 published runs beyond {WARN_EPOCHS:g} epochs or "
            f"{WARN_OVERSIZE:g} times (and not both far beyond) the law missed 35 by more than "
            "10 %; 29 of them were better than it said.",
        )
    return Trust("ok", epochs, oversize, "")


def _beyond(epochs: float, oversize: float, most_epochs: float, most_oversize: float) -> str:
    return (
        f"{_said(epochs, oversize)}; the runs of the fit go to {format_quantity(most_epochs)} "
        f"epochs and {format_quantity(most_oversize)} times. What lies beyond is extrapolated."
    )


def _said(epochs: float, oversize: float) -> str:
    read, far = format_quantity(epochs), format_quantity(oversize)
    return (
        f"the run reads its data {read} times and is {far} times the size that is optimal for one "
        "epoch of them"
    )
