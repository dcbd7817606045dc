"""What a figure of a plan on limited data needs: arrays, computed once, drawn by others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting import Fit
from isoloss.laws import Law
from isoloss.planning.data.epochs import worth
from isoloss.planning.data.result import DataPlan
from isoloss.planning.data.subject import subject

Array = NDArray[np.float64]
MARKS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
POINTS = 121
WIDTH = 41
SHARES = (1.0, 0.5, 0.25, 0.14, 0.1)


@dataclass(frozen=True)
class DataCurves:
    """The panels of a figure about repeated data.

    Attributes:
        tokens: tokens of the model of the plan (m,), from a tenth of an epoch to 64 epochs.
        loss: its loss on the unique tokens there are (m,).
        loss_if_new: the same if every token were new (m,).
        mark_epochs: where an axis says 1, 2, 4, ... epochs (k,).
        mark_tokens: tokens there (k,).
        mark_loss: loss there (k,).
        grid_epochs: epochs of the map (e,).
        grid_params: sizes of the map (s,).
        grid_loss: loss on it (e, s).
        best: epochs and size of the best run for these data.
        one_epoch: one epoch, and the size that is optimal for it.
        value_epochs: epochs (v,).
        value: worth of a token of such a run as a share of a new one, D'/D (v,); NaN for laws
            other than repetition.
        value_next: worth of one more token (v,); likewise.
        unique_share: share of the tokens of the plan that are unique (f,).
        loss_at_share: loss of the plan's run with so many unique ones (f,).
    """

    tokens: Array
    loss: Array
    loss_if_new: Array
    mark_epochs: Array
    mark_tokens: Array
    mark_loss: Array
    grid_epochs: Array
    grid_params: Array
    grid_loss: Array
    best: tuple[float, float]
    one_epoch: tuple[float, float]
    value_epochs: Array
    value: Array
    value_next: Array
    unique_share: Array
    loss_at_share: Array

    def to_dict(self) -> dict[str, Any]:
        """All arrays as lists."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else list(value)
            for name, value in vars(self).items()
        }


def data_curves(source: Fit | Law | str, plan: DataPlan, *, key: str | None = None) -> DataCurves:
    """The arrays behind a figure of a plan.

    Args:
        source: what the plan was made from.
        plan: the plan.
        key: which published coefficients, as for the plan.

    Raises:
        InputError, EvidenceError: as for ``plan_data``.
    """
    by = subject(source, key=key)
    unique, params = plan.unique_tokens, plan.n_params.estimate
    marks = np.array(MARKS)
    tokens = unique * np.geomspace(0.1, MARKS[-1], POINTS)

    def loss(size: Array, seen: Array, there: Array) -> Array:
        return by.law.value(by.theta, {"N": size, "D": seen, "U": np.minimum(there, seen)})

    size = np.asarray(params)
    read = np.geomspace(1.0, MARKS[-1], WIDTH)
    sizes = plan.n_params_one_epoch * np.geomspace(0.25, 64.0, WIDTH)
    share = np.array(SHARES)
    run = np.asarray(plan.tokens.estimate)
    if by.saturates:
        half = by.parameter("RD")[0]
        value, value_next = worth(read, half) / read, np.exp(-(read - 1.0) / half)
    else:
        value = value_next = np.full(read.shape, np.nan)
    return DataCurves(
        tokens=tokens,
        loss=loss(size, tokens, np.asarray(unique)),
        loss_if_new=loss(size, tokens, tokens),
        mark_epochs=marks,
        mark_tokens=unique * marks,
        mark_loss=loss(size, unique * marks, np.asarray(unique)),
        grid_epochs=read,
        grid_params=sizes,
        grid_loss=loss(sizes[None, :], unique * read[:, None], np.asarray(unique)),
        best=(plan.epochs.estimate, params),
        one_epoch=(1.0, plan.n_params_one_epoch),
        value_epochs=read,
        value=value,
        value_next=value_next,
        unique_share=share,
        loss_at_share=loss(size, run, run * share),
    )
