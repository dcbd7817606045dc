"""Does a learning rate carry over to other widths? The coordinate check of muP.

After a few steps at one learning rate the output of every part of a model has moved by some mean
amount (Yang et al. 2022, arXiv 2203.03466, appendix D.1). If that amount does not depend on the
width, one rate fits all widths; under the standard parametrisation it grows.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.errors import InputError, Where
from isoloss.training.models import logits, losses
from isoloss.training.optimizers import Optimizer
from isoloss.training.parametrization import scales
from isoloss.training.spec import RunSpec, vary

WIDTHS = (32, 64, 128, 256)
STEPS = 10
SEEDS = 4
SEQUENCES = 8
LENGTH = 32
FLAT = 0.2
"""The largest slope that counts as none: 8 times the width is then less than 1.5 times as much."""


@dataclass(frozen=True)
class Part:
    """How far one part of the model moves, by width.

    Attributes:
        name: ``embedding``, ``layer 0 attention``, ..., ``logits``.
        moved: mean absolute change of its output at each width, over tokens and seeds.
        slope: of log change in log width.
        slope_se: standard error of that slope, from the seeds.
    """

    name: str
    moved: tuple[float, ...]
    slope: float
    slope_se: float


@dataclass(frozen=True)
class Coordinates:
    """The coordinate check of one kind of model.

    Attributes:
        parametrization: ``mup`` or ``standard``.
        optimizer: its name.
        lr: the learning rate, the same at every width.
        widths: that were tried.
        steps: updates before the change was measured.
        parts: from the embedding to the logits.
    """

    parametrization: str
    optimizer: str
    lr: float
    widths: tuple[int, ...]
    steps: int
    parts: tuple[Part, ...]

    @property
    def worst(self) -> Part | None:
        """The part whose change depends most on the width; None where none does.

        The change of the logits may fall: what passes through the initial readout fades as
        1 / sqrt(width) until the part that was learned outweighs it.
        """
        moving = [
            part
            for part in self.parts
            if part.slope > FLAT or (part.slope < -FLAT and part.name != "logits")
        ]
        return max(moving, key=lambda part: abs(part.slope), default=None)

    @property
    def carries_over(self) -> bool:
        """Whether no part's change depends on the width, as `worst` judges it."""
        return self.worst is None

    def to_dict(self) -> dict[str, Any]:
        """The document ``isoloss.coordinates``."""
        return envelope("coordinates") | {
            "parametrization": self.parametrization,
            "optimizer": self.optimizer,
            "lr": self.lr,
            "widths": list(self.widths),
            "steps": self.steps,
            "flat": FLAT,
            "carries_over": self.carries_over,
            "parts": [vars(part) for part in self.parts],
        }

    def summary(self) -> str:
        """A table, and what it means."""
        room = max(len(part.name) for part in self.parts)
        head = "".join(f"{width:>10}" for width in self.widths)
        lines = [
            f"Mean change after {self.steps} steps of {self.optimizer} at lr {self.lr:.3g}, "
            f"{self.parametrization}, by width:",
            f"  {'':<{room}}{head}     slope in log width",
        ]
        for part in self.parts:
            cells = "".join(f"{value:>10.4f}" for value in part.moved)
            lines.append(
                f"  {part.name:<{room}}{cells}     {part.slope:+.2f} (s.e. {part.slope_se:.2f})"
            )
        worst = self.worst
        if worst is None:
            lines.append(f"No part grows beyond slope {FLAT}: one learning rate fits these widths.")
        else:
            lines.append(
                f"Slope {worst.slope:+.2f} of {worst.name}: the best learning rate moves with the "
                "width."
            )
        return "\n".join(lines)


def check_coordinates(
    spec: RunSpec, widths: Sequence[int] = WIDTHS, *, steps: int = STEPS, seeds: int = SEEDS
) -> Coordinates:
    """How far each part of a model moves in a few steps, by width.

    The tokens are a fixed random walk over the vocabulary: something to learn, and the same at
    every width.

    Args:
        spec: the run; its width, length, schedule and data do not matter here.
        widths: two or more.
        steps: updates.
        seeds: initial weights to average over.

    Raises:
        InputError: fewer than two widths, or one that a model cannot have.
    """
    tried = tuple(sorted(set(widths)))
    if len(tried) < 2:
        raise InputError(
            f"found {len(tried)} width where two or more are expected.",
            code="few_widths",
            where=Where(field="widths"),
        )
    # Decay would move the weights too, but says nothing about the size of updates.
    fixed = {"steps": steps, "schedule": "constant", "warmup": 0.0, "seq_len": LENGTH}
    fixed["weight_decay"] = 0.0
    moved = [_moved(vary(spec, {**fixed, "d_model": width}), seeds) for width in tried]
    x = np.log(np.array(tried, dtype=np.float64))
    x = (x - x.mean()) / np.square(x - x.mean()).sum()
    parts: list[Part] = []
    for name in moved[0]:
        sizes = np.stack([found[name] for found in moved])  # (widths, seeds)
        slopes = x @ np.log(sizes)
        error = slopes.std(ddof=1) / np.sqrt(seeds) if seeds > 1 else np.nan
        parts.append(
            Part(
                name=name,
                moved=tuple(float(value) for value in sizes.mean(axis=1)),
                slope=float(slopes.mean()),
                slope_se=float(error),
            )
        )
    how = spec.optimization
    return Coordinates(how.parametrization, how.name, how.lr, tried, steps, tuple(parts))


def _moved(spec: RunSpec, seeds: int) -> dict[str, NDArray[np.float64]]:
    """Mean absolute change of every part's output (seeds,), the seeds trained side by side."""
    specs = [vary(spec, {"seed": seed}) for seed in range(seeds)]
    optimizer = Optimizer(specs, torch.device("cpu"))
    tokens = _tokens(spec.model.vocab)[None].expand(seeds, -1, -1)
    inputs, targets = tokens[..., :-1], tokens[..., 1:]
    factor = scales(spec)

    def outputs() -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = {}
        with torch.no_grad():
            logits(spec.model, optimizer.weights, inputs, factor, found.__setitem__)
        return {name: value.reshape(seeds, -1).double() for name, value in found.items()}

    before = outputs()
    for step in range(spec.pacing.steps):
        loss = losses(spec.model, optimizer.weights, inputs, targets, factor)
        optimizer.derive(loss)
        optimizer.step(step)
    after = outputs()
    return {name: (after[name] - before[name]).abs().mean(dim=1).numpy() for name in before}


def _tokens(vocab: int) -> torch.Tensor:
    rng = np.random.default_rng(0)
    steps = rng.integers(1, 4, size=(SEQUENCES, LENGTH + 1))
    return torch.from_numpy(np.cumsum(steps, axis=1) % vocab)
