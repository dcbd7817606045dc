"""Two runs have one name exactly when they are the same in everything that determines a result."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.training.spec import Data, Model, Optimization, Pacing, RunSpec, run_from_dict, vary

PARTS = ("model", "optimization", "pacing", "data")
# Another value for every field: the property test below says when one is missing.
OTHER: dict[str, list[Any]] = {
    "kind": ["transformer", "lstm"],
    "n_layers": [1, 2, 3],
    "d_model": [32, 64],
    "n_heads": [2, 4],
    "n_kv_heads": [1, 2],
    "d_ff": [64, 128],
    "gated": [False, True],
    "tied": [False, True],
    "vocab": [256, 300],
    "seq_len": [64, 128],
    "rope_base": [128.0, 1e4],
    "token_shift": [0.0, 0.5],
    "name": ["adamw", "sgd", "muon"],
    "lr": [0.01, 0.02],
    "beta1": [0.8, 0.9],
    "beta2": [0.95, 0.99],
    "eps": [1e-8, 1e-6],
    "weight_decay": [0.0, 0.1],
    "clip": [0.0, 1.0],
    "parametrization": ["standard", "mup"],
    "base_width": [32, 64],
    "depth_scaling": [False, True],
    "steps": [10, 20],
    "batch_sequences": [2, 4],
    "schedule": ["linear", "cosine", "cosine-tenth", "cosine-floor", "wsd", "constant"],
    "warmup": [0.0, 0.05],
    "decay": [0.1, 0.2],
    "floor_lr": [0.0, 1e-5],
    "mixture": [{}, {"a": 1.0}, {"a": 0.5, "b": 0.5}],
    "unique_tokens": [0, 4096],
    "corpus": ["", "c0480de7b7a8643c"],
}
TOP: dict[str, list[Any]] = {"seed": [0, 1], "evals": [3, 10], "trainer": ["", "a", "b"]}


def test_every_field_is_tried() -> None:
    known = {item.name for part in (Model, Optimization, Pacing, Data) for item in fields(part)}
    assert known == set(OTHER)
    assert {item.name for item in fields(RunSpec)} == {*PARTS, *TOP}


@st.composite
def specs(draw: st.DrawFn) -> RunSpec:
    parts: dict[str, Any] = {}
    for part in PARTS:
        whole = getattr(RunSpec(), part)
        parts[part] = replace(
            whole,
            **{item.name: draw(st.sampled_from(OTHER[item.name])) for item in fields(whole)},
        )
    return RunSpec(**parts, **{name: draw(st.sampled_from(TOP[name])) for name in TOP})


@given(one=specs(), other=specs())
@settings(max_examples=60, deadline=None)
def test_same_name_exactly_when_equal_and_it_survives_a_document(one, other) -> None:
    assert (one.run_id == other.run_id) == (one == other)
    again = run_from_dict(one.to_dict())
    assert (again, again.run_id) == (one, one.run_id)


@given(spec=specs(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_change_of_any_one_field_is_another_run(spec, data) -> None:
    name = data.draw(st.sampled_from([*OTHER, *TOP]))
    if name in TOP:
        value = data.draw(st.sampled_from(TOP[name]))
        changed, same = replace(spec, **{name: value}), getattr(spec, name) == value
    else:
        part = next(part for part in PARTS if name in asdict(getattr(spec, part)))
        whole, value = getattr(spec, part), data.draw(st.sampled_from(OTHER[name]))
        changed = replace(spec, **{part: replace(whole, **{name: value})})
        same = getattr(whole, name) == value
    assert (changed.run_id == spec.run_id) == same


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("weight_decay", 0, 0.0),
        ("weight_decay", -0.0, 0.0),
        ("clip", 1, 1.0),
        ("lr", 1, 1.0),
        ("token_shift", 0, 0.0),
        ("mixture", {"a": 1}, {"a": 1.0}),
    ],
)
def test_a_number_is_itself_however_it_is_written(name, one, other) -> None:
    assert vary(RunSpec(), {name: one}).run_id == vary(RunSpec(), {name: other}).run_id


def test_names_stay_what_they_were() -> None:
    """Finished runs are found by them: a new field needs a default that changes no name."""
    assert RunSpec().run_id == "532a09920b6fc56f"
