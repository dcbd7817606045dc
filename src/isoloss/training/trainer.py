"""Train runs of one shape side by side, from any step to any other, and measure them."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.training.batches import Reader, validation_windows
from isoloss.training.corpora import Corpus
from isoloss.training.models import losses, token_losses
from isoloss.training.optimizers import Optimizer
from isoloss.training.parametrization import scales
from isoloss.training.passes import Passes, written_out
from isoloss.training.spec import RunSpec

if TYPE_CHECKING:
    from isoloss.training.team import Team

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

    They may differ in seed, learning rate, decay, betas, schedule, data; not in what `likeness`
    lists.

    Args:
        specs: the runs.
        corpus: what they read.
        device: ``cpu``, ``cuda`` or ``cuda:1``.
        team: the processes that share every batch; None for this one alone.
    """

    def __init__(
        self,
        specs: Sequence[RunSpec],
        corpus: Corpus,
        device: str = "cpu",
        team: Team | None = None,
    ) -> None:
        _check_alike(specs)
        self._team = team
        self._mine = _share_of_batch(specs[0], team)
        self.specs = tuple(specs)
        self._device = torch.device(device)
        self._readers = [Reader(spec, corpus) for spec in specs]
        self._corpus = corpus
        self._scales = scales(specs[0])
        self._optimizer = Optimizer(specs, self._device)
        model, sequences = specs[0].model, len(specs) * specs[0].pacing.batch_sequences
        serves = written_out(model, sequences, self._device)
        self._passes = Passes(model, self._scales) if serves else None
        self._windows: dict[str, NDArray[np.int64]] = {}
        self.step = 0
        self.last_loss: NDArray[np.float64] = np.full(len(specs), math.nan)
        self.left_at: NDArray[np.int64] = np.zeros(len(specs), dtype=np.int64)
        """The step at which each run was found to have diverged; 0 where it has not."""

    @property
    def readers(self) -> tuple[Reader, ...]:
        """What each run reads."""
        return tuple(self._readers)

    def advance(self, steps: int) -> None:
        """Train for some steps, or to the end if that comes first."""
        until = min(self.step + steps, self.specs[0].pacing.steps)
        loss = None
        while self.step < until:
            tokens = torch.from_numpy(
                np.stack([r.batch(self.step)[self._mine] for r in self._readers])
            )
            tokens = tokens.to(self._device)
            loss = self._gradients(tokens[..., :-1], tokens[..., 1:])
            self._optimizer.step(self.step, self._team)
            self.step += 1
        if loss is not None:
            loss = loss.detach()
            if self._team is not None:
                self._team.average(loss)
            self._look_at(loss.double().cpu().numpy())

    def _gradients(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The losses of this step (P,), their gradients left with the optimiser."""
        optimizer = self._optimizer
        if self._passes is not None:
            return self._passes.gradients(optimizer.weights, inputs, targets, optimizer.gradients)
        loss = losses(self.specs[0].model, optimizer.weights, inputs, targets, self._scales)
        optimizer.derive(loss)
        return loss

    def _look_at(self, loss: NDArray[np.float64]) -> None:
        """Take note of the last loss and of the runs that have left all sense.

        Those are not finite or far above a uniform guess. A run that has left stays so, even if
        it comes back later: whether it counts must not depend on the runs beside it.
        """
        limit = DIVERGED_ABOVE * math.log(self.specs[0].model.vocab)
        lost = ~np.isfinite(loss) | ((self.step > SETTLED) & (loss > limit))
        within = self.left_at == 0
        self.last_loss = np.where(within, loss, self.last_loss)
        self.left_at = np.where(within & lost, self.step, self.left_at)

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.specs[0].pacing.steps

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which runs have left all sense (P,)."""
        return self.left_at > 0

    def evaluate(self, domain: str, most: int | None = None) -> list[Measured]:
        """The loss of each run on a domain's validation set, or its first ``most`` windows."""
        if domain not in self._windows:
            length = self.specs[0].model.seq_len
            self._windows[domain] = validation_windows(self._corpus, domain, length)
        windows = self._windows[domain][:most]
        mine = windows
        if self._team is not None:
            mine = np.array_split(windows, self._team.size)[self._team.rank]
        found = [np.empty((len(self.specs), 0))]
        with torch.no_grad():
            for start in range(0, len(mine), EVAL_SEQUENCES):
                chunk = torch.from_numpy(mine[start : start + EVAL_SEQUENCES]).to(self._device)
                found.append(self._per_window(chunk))
        per_window = np.concatenate(found, axis=1)
        if self._team is not None:
            per_window = np.concatenate(self._team.gather(per_window), axis=1)
        count = per_window.shape[1]
        spread = per_window.std(axis=1, ddof=1) if count > 1 else np.full(len(per_window), math.nan)
        return [
            Measured(float(mean), float(sd / math.sqrt(count)))
            for mean, sd in zip(per_window.mean(axis=1), spread, strict=True)
        ]

    def _per_window(self, chunk: torch.Tensor) -> NDArray[np.float64]:
        """Mean loss of each run (P) on each window (W): shape (P, W)."""
        tokens = chunk[None].expand(len(self.specs), *chunk.shape)
        weights, inputs, targets = self._optimizer.weights, tokens[..., :-1], tokens[..., 1:]
        if self._passes is not None:
            each = self._passes.token_losses(weights, inputs, targets)
        else:
            each = token_losses(self.specs[0].model, weights, inputs, targets, self._scales)
        return each.double().mean(dim=2).cpu().numpy()

    def token_losses(self, windows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The loss of each run on each token of windows (W, T + 1) of one's own: (P, W, T)."""
        chunk = torch.from_numpy(windows).to(self._device)
        tokens = chunk[None].expand(len(self.specs), *chunk.shape)
        with torch.no_grad():
            each = token_losses(
                self.specs[0].model,
                self._optimizer.weights,
                tokens[..., :-1],
                tokens[..., 1:],
                self._scales,
            )
        return each.double().cpu().numpy()

    def states(self) -> list[dict[str, Any]]:
        """All that each run needs to go on, as NumPy arrays, whatever runs beside it."""
        return [
            {
                "step": np.array(self.step),
                "last_loss": self.last_loss[i : i + 1],
                "left_at": self.left_at[i : i + 1],
            }
            | whole
            for i, whole in enumerate(self._optimizer.states())
        ]

    def restore(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Go on from a state of each run, all at the same step."""
        self._optimizer.restore(states)
        self.step = int(states[0]["step"])
        self.last_loss = np.concatenate([state["last_loss"] for state in states])
        self.left_at = np.concatenate([state["left_at"] for state in states])


def _share_of_batch(spec: RunSpec, team: Team | None) -> slice:
    """The sequences of a batch that are this process's own."""
    if team is None:
        return slice(None)
    each, left = divmod(spec.pacing.batch_sequences, team.size)
    if left:
        raise InputError(
            f"{spec.pacing.batch_sequences} sequences a batch cannot be shared evenly by "
            f"{team.size} processes.",
            code="uneven_batch",
            where=Where(field="batch_sequences"),
        )
    return slice(team.rank * each, (team.rank + 1) * each)


def likeness(spec: RunSpec) -> tuple[object, ...]:
    """What runs must share to train side by side: shape, optimiser, steps and batch."""
    how, pace = spec.optimization, spec.pacing
    rest = (how.name, how.parametrization, how.base_width, how.depth_scaling)
    if how.name == "muon":
        rest += (how.beta1,)  # one instance of PyTorch's own class
    return (spec.model, *rest, pace.steps, pace.batch_sequences, spec.evals)


def _check_alike(specs: Sequence[RunSpec]) -> None:
    if len({likeness(spec) for spec in specs}) > 1:
        raise InputError(
            "runs that train together must share shape, optimiser, steps and batch.",
            code="unlike_runs",
        )
