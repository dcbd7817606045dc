"""How do initial weights and learning rates change with the width, so that one rate fits all?

Standard: variance 1 / fan-in, one rate. muP for Adam (Yang et al. 2022, arXiv 2203.03466, table 8
in its form with an output multiplier): the rate of hidden matrices falls as 1 / width, and so does
the multiplier of the readout. Under SGD the rates of the embedding and of the readout rise with
the width and the hidden ones stay. Muon's update is scaled to the size of Adam's here, but all its
singular values are equal where Adam's update is nearly of rank one; its rate falls as
1 / sqrt(width) only, as the coordinate check shows (`isoloss.training.coordinates`). muP asks that
heads keep their width while their number grows, as the default of one head per 16 of width does.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from isoloss.training.counts import Slot, slots
from isoloss.training.spec import RunSpec

EMBEDDING_STD = 1.0


def initial_weights(spec: RunSpec) -> dict[str, NDArray[np.float32]]:
    """The weights at step 0, by slot; from NumPy, so that they hold for any version of torch.

    Nothing starts at zero: at the lengths of small ladders that cost 0.1 to 0.3 nats and multiplied
    the spread between seeds (docs/decisions/training.md).
    """
    rng = np.random.default_rng([spec.seed, 0])
    found: dict[str, NDArray[np.float32]] = {}
    for slot in slots(spec.model):
        draw = rng.standard_normal(slot.shape, dtype=np.float32)
        found[slot.name] = draw * np.float32(_std(slot, spec))
    return found


def _std(slot: Slot, spec: RunSpec) -> float:
    if slot.role == "embedding":
        # A tied table is the readout too, and must not start with large logits.
        return 1.0 / math.sqrt(spec.model.d_model) if spec.model.tied else EMBEDDING_STD
    if slot.role == "readout" and spec.optimization.parametrization == "mup":
        # The same for every width; the multiplier of the logits does the rest.
        return 1.0 / math.sqrt(spec.optimization.base_width)
    return 1.0 / math.sqrt(slot.fan_in)


def lr_multiplier(slot: Slot, spec: RunSpec) -> float:
    """The learning rate of a slot, in units of the run's."""
    how = spec.optimization
    if how.parametrization == "standard":
        return 1.0
    wider = spec.model.d_model / how.base_width
    if how.name == "sgd":
        return 1.0 if slot.role == "hidden" else wider
    if how.name == "muon" and slot.role == "hidden":
        return wider**-0.5
    return 1.0 / wider if slot.role == "hidden" else 1.0


def scales(spec: RunSpec) -> dict[str, float]:
    """The multipliers of the forward pass: ``readout`` of the logits, ``branch`` of residuals."""
    how, model = spec.optimization, spec.model
    mup = how.parametrization == "mup"
    branches = model.n_layers * (1 if model.kind == "lstm" else 2)
    return {
        "readout": how.base_width / model.d_model if mup else 1.0,
        "branch": 1.0 / math.sqrt(branches) if how.depth_scaling else 1.0,
    }
