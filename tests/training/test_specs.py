"""Specifications: identities, templates, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.training.schedules import lr_factors
from isoloss.training.shipped import find_ladder, shipped
from isoloss.training.spec import RunSpec, run_from_dict, vary
from isoloss.training.templates import parse_ladder, read_ladder, run_flop

SCHEDULES = ("linear", "cosine", "cosine-tenth", "cosine-floor", "wsd", "constant")


def test_the_identity_is_of_all_that_matters_and_survives_a_document() -> None:
    spec = vary(RunSpec(), {"lr": 0.01, "mixture": {"b": 0.5, "a": 0.5}})
    assert run_from_dict(spec.to_dict()).run_id == spec.run_id
    assert vary(RunSpec(), {"lr": 0.01, "mixture": {"a": 0.5, "b": 0.5}}).run_id == spec.run_id
    changes = ({"seed": 1}, {"steps": 7}, {"d_model": 48}, {"optimizer": "muon"}, {"evals": 3})
    assert len({spec.run_id, *(vary(spec, c).run_id for c in changes)}) == len(changes) + 1


def test_heads_and_feed_forward_follow_the_width() -> None:
    wide = vary(RunSpec(), {"d_model": 64})
    assert (wide.model.n_heads, wide.model.d_ff) == (4, 256)
    assert vary(RunSpec(), {"d_model": 64, "n_heads": 2}).model.n_heads == 2


@pytest.mark.parametrize("schedule", SCHEDULES)
@given(steps=st.integers(1, 400), warmup=st.floats(0, 0.5))
def test_every_schedule_rises_to_its_peak_and_never_rises_again(schedule, steps, warmup) -> None:
    spec = vary(RunSpec(), {"schedule": schedule, "steps": steps, "warmup": warmup})
    factors = lr_factors(spec)
    top = round(warmup * steps)
    assert factors.shape == (steps,)
    assert np.all((factors > 0) | (schedule == "cosine"))
    assert np.all(factors <= 1 + 1e-12)
    assert np.all(np.diff(factors[:top]) > 0)
    assert np.all(np.diff(factors[top:]) <= 1e-12)


def test_schedules_end_where_they_say() -> None:
    def last(**changes: object) -> float:
        return float(lr_factors(vary(RunSpec(), {"steps": 1000, "warmup": 0.0, **changes}))[-1])

    assert last(schedule="linear") == pytest.approx(0.001)
    assert last(schedule="cosine") == pytest.approx(0.0, abs=1e-12)
    assert last(schedule="cosine-tenth") == pytest.approx(0.1)
    assert last(schedule="cosine-floor", lr=0.01, floor_lr=1e-4) == pytest.approx(0.01)
    assert last(schedule="constant") == 1.0
    wsd = lr_factors(vary(RunSpec(), {"steps": 1000, "schedule": "wsd", "warmup": 0.0}))
    assert np.all(wsd[:799] == 1.0)
    assert wsd[-1] == pytest.approx(0.005)


def test_isoflop_groups_meet_their_budgets() -> None:
    found = parse_ladder(
        {"isoflop": [{"budgets": [1e10, 1e11], "shapes": ["16x2", "32x2"], "seed": [0, 1]}]}
    )
    assert len(found.runs) == 8
    for planned in found.runs:
        budget = planned.labels["flop_budget"]
        assert run_flop(planned.spec) == pytest.approx(budget, rel=0.02)
    flops = [run_flop(planned.spec) for planned in found.runs]
    assert flops == sorted(flops)


def test_ratios_and_grids_are_what_they_say() -> None:
    found = parse_ladder(
        {
            "ratio": [{"shapes": ["32x2"], "tokens_per_param": [20]}],
            "grid": [{"lr": [0.01, 0.02], "steps": [50, 60], "d_model": 16}],
            "run": [{"d_model": 16, "lr": 0.01, "steps": 50}],
        }
    )
    assert len(found.runs) == 5  # the single run is one of the grid
    ratio = next(planned.spec for planned in found.runs if planned.spec.model.d_model == 32)
    assert ratio.tokens == pytest.approx(20 * 32_768, rel=0.01)


@pytest.mark.parametrize("name", shipped())
def test_shipped_ladders_can_be_read(name) -> None:
    found = read_ladder(find_ladder(name))
    budgets = {planned.labels["flop_budget"] for planned in found.runs}
    assert found.name == name
    assert len(budgets) >= 3
    assert math.isfinite(found.flop)


@pytest.mark.parametrize(
    ("document", "code", "field"),
    [
        ({}, "no_runs", None),
        ({"grids": []}, "unknown_field", "grids"),
        ({"grid": {"lr": 1}}, "bad_spec", "grid"),
        ({"grid": [{"learning": 1}]}, "unknown_field", "learning"),
        ({"grid": [{"lr": -1.0}]}, "bad_spec", "lr"),
        ({"grid": [{"lr": "fast"}]}, "bad_spec", "lr"),
        ({"grid": [{"steps": 0}]}, "bad_spec", "steps"),
        ({"grid": [{"steps": 1.5}]}, "bad_spec", "steps"),
        ({"grid": [{"gated": 1}]}, "bad_spec", "gated"),
        ({"grid": [{"optimizer": "adan"}]}, "bad_spec", "optimizer"),
        ({"grid": [{"schedule": "up"}]}, "bad_spec", "schedule"),
        ({"grid": [{"warmup": 2.0}]}, "bad_spec", "warmup"),
        ({"grid": [{"mixture": {"a": 0.4}}]}, "bad_spec", "mixture"),
        ({"isoflop": [{"shapes": ["16x2"]}]}, "bad_spec", "budgets"),
        ({"isoflop": [{"budgets": [-1], "shapes": ["16x2"]}]}, "bad_spec", "budgets"),
        ({"isoflop": [{"budgets": [1e10], "shapes": ["16-2"]}]}, "bad_spec", "shapes"),
        ({"ratio": [{"shapes": ["16x2"]}]}, "bad_spec", "tokens_per_param"),
    ],
)
def test_what_cannot_be_used_is_named(document, code, field) -> None:
    with pytest.raises(InputError) as caught:
        parse_ladder(document)
    assert (caught.value.code, caught.value.where.field) == (code, field)


def test_a_file_that_is_no_ladder_is_named(tmp_path) -> None:
    path = tmp_path / "l.toml"
    for content, code in (("name = ", "bad_toml"), ("[[grid]]\nlr = 'x'\n", "bad_spec")):
        path.write_text(content)
        with pytest.raises(InputError) as caught:
            read_ladder(path)
        assert caught.value.code == code
        assert caught.value.where.file == str(path)
    with pytest.raises(InputError) as caught:
        find_ladder("nowhere.toml")
    assert caught.value.code == "no_such_file"
