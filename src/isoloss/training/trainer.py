"""Train runs of one shape side by side, from any step to any other, and measure them."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isoloss.errors import InputError
from isoloss.training.batches import Reader, validation_windows
from isoloss.training.corpora import Corpus
from isoloss.training.models import losses, token_losses
from isoloss.training.optimizers import Optimizer
from isoloss.training.parametrization import scales
from isoloss.training.spec import RunSpec

EVAL_SEQUENCES = 32
DIVERGED_ABOVE = 3.0  # times the loss of a uniform guess
SETTLED = 50  # steps after which a loss above that is no mere start


@dataclass(frozen=True)
class Measured:
    """The loss of one run on a validation set.

    Attributes:
        loss: mean over all its windows, nats per token.
        standard_error: of that mean, from the spread between windows.
    """

    loss: float
    standard_error: float


class Trainer:
    """P runs of one shape, on one device.

    They may differ in seed, learning rate, decay, betas, schedule, data; not in shape, optimiser,
    steps or batch.

    Args:
        specs: the runs.
        corpus: what they read.
        device: ``cpu``, ``cuda`` or ``cuda:1``.
    """

    def __init__(self, specs: Sequence[RunSpec], corpus: Corpus, device: str = "cpu") -> None:
        _check_alike(specs)
        self.specs = tuple(specs)
        self._device = torch.device(device)
        self._readers = [Reader(spec, corpus) for spec in specs]
        self._corpus = corpus
        self._scales = scales(specs[0])
        self._optimizer = Optimizer(specs, self._device)
        self.step = 0
        self.last_loss: NDArray[np.float64] = np.full(len(specs), math.nan)

    @property
    def readers(self) -> tuple[Reader, ...]:
        """What each run reads."""
        return tuple(self._readers)

    def advance(self, steps: int) -> None:
        """Train for some steps, or to the end if that comes first."""
        model = self.specs[0].model
        until = min(self.step + steps, self.specs[0].pacing.steps)
        loss = None
        while self.step < until:
            tokens = torch.from_numpy(np.stack([r.batch(self.step) for r in self._readers]))
            tokens = tokens.to(self._device)
            loss = losses(
                model, self._optimizer.weights, tokens[..., :-1], tokens[..., 1:], self._scales
            )
            self._optimizer.step(self.step, loss)
            self.step += 1
        if loss is not None:
            self.last_loss = loss.detach().double().cpu().numpy()

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.specs[0].pacing.steps

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which runs have left all sense: not finite, or far above a uniform guess (P,)."""
        if self.step == 0:
            return np.zeros(len(self.specs), dtype=np.bool_)
        limit = DIVERGED_ABOVE * math.log(self.specs[0].model.vocab)
        return ~np.isfinite(self.last_loss) | (self.step > SETTLED) & (self.last_loss > limit)

    def evaluate(self, domain: str, most: int | None = None) -> list[Measured]:
        """The loss of each run on a domain's validation set, or its first ``most`` windows."""
        windows = validation_windows(self._corpus, domain, self.specs[0].model.seq_len)[:most]
        found: list[NDArray[np.float64]] = []
        with torch.no_grad():
            for start in range(0, len(windows), EVAL_SEQUENCES):
                chunk = torch.from_numpy(windows[start : start + EVAL_SEQUENCES]).to(self._device)
                found.append(self._per_window(chunk))
        per_window = np.concatenate(found, axis=1)
        count = per_window.shape[1]
        spread = per_window.std(axis=1, ddof=1) if count > 1 else np.full(len(per_window), math.nan)
        return [
            Measured(float(mean), float(sd / math.sqrt(count)))
            for mean, sd in zip(per_window.mean(axis=1), spread, strict=True)
        ]

    def _per_window(self, chunk: torch.Tensor) -> NDArray[np.float64]:
        """Mean loss of each run (P) on each window (W): shape (P, W)."""
        tokens = chunk[None].expand(len(self.specs), *chunk.shape)
        each = token_losses(
            self.specs[0].model,
            self._optimizer.weights,
            tokens[..., :-1],
            tokens[..., 1:],
            self._scales,
        )
        return each.double().mean(dim=2).cpu().numpy()

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, as NumPy arrays."""
        return {"step": np.array(self.step), "last_loss": self.last_loss} | self._optimizer.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._optimizer.restore(state)
        self.step = int(state["step"])
        self.last_loss = np.asarray(state["last_loss"], dtype=np.float64)


def _check_alike(specs: Sequence[RunSpec]) -> None:
    first = specs[0]
    for spec in specs[1:]:
        same = (
            spec.model == first.model
            and spec.optimization.name == first.optimization.name
            and spec.optimization.parametrization == first.optimization.parametrization
            and spec.optimization.base_width == first.optimization.base_width
            and spec.optimization.depth_scaling == first.optimization.depth_scaling
            and spec.pacing.steps == first.pacing.steps
            and spec.pacing.batch_sequences == first.pacing.batch_sequences
        )
        if not same:
            raise InputError(
                "runs that train together must share shape, optimiser, steps and batch.",
                code="unlike_runs",
            )
