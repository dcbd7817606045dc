"""Specifications of small runs, for tests."""

from __future__ import annotations

from isoloss.training.spec import Data, Model, Pacing, RunSpec, vary


def small(digest: str = "", **changes: object) -> RunSpec:
    """A run of a tenth of a second."""
    spec = RunSpec(
        model=Model(d_model=16, n_layers=1, seq_len=32),
        pacing=Pacing(steps=40, batch_sequences=4),
        data=Data(corpus=digest),
        evals=3,
    )
    return vary(spec, changes)
