"""Shapes that have N parameters."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.planning.shapes import PUBLISHED, Wish, aspect_prior, shape
from isoloss.runs import Architecture, flop_per_token


def of(found):
    arch = found.best.arch
    return arch.n_layers, arch.d_model, arch.n_heads, arch.n_kv_heads, arch.d_ff


@pytest.mark.parametrize("one", PUBLISHED, ids=lambda one: one.name)
def test_published_shapes_have_the_parameters_that_are_quoted(one):
    """To what the authors round to; Step Law's own counts are exact."""
    arch = one.arch
    found = arch.n_nonemb if one.nonemb else arch.n_total
    if one.name.startswith(("Chinchilla", "Gopher")):
        # Their relative positions take one more matrix of d x d per layer.
        found += arch.n_layers * arch.d_model**2
    assert found == pytest.approx(one.n_quoted, rel=0 if one.nonemb else 0.025)


def test_known_models_are_found_again():
    """Asked for the exact N and the options of a published model, its shape comes first."""
    llama3 = shape(8_030_000_000, vocab=128_256, gqa=4, ff_ratio=3.5, seq_len=8192)
    assert of(llama3) == (32, 4096, 32, 8, 14336)
    mixtral = shape("46.7B", vocab=32_000, gqa=4, ff_ratio=3.5, experts=8, topk=2)
    assert of(mixtral) == (32, 4096, 32, 8, 14336)
    assert mixtral.best.counts["active"] == pytest.approx(12.6e9, rel=0.01)


def test_counts_and_costs_agree_with_the_architecture():
    found = shape("7B", vocab="128k", seq_len=8192)
    for one in found.shapes:
        arch = Architecture(**vars(one.arch))
        assert one.counts == {
            "total": arch.n_total,
            "nonemb": arch.n_nonemb,
            "matmul": arch.n_matmul,
            "active": arch.n_active,
        }
        assert one.flop_per_token["palm"] == flop_per_token(arch, "palm")
        assert one.flop_per_token["6nd"] == 6.0 * arch.n_total
        context = 12.0 * arch.n_layers * arch.n_heads * arch.d_head * arch.seq_len
        assert one.attention_share == pytest.approx(context / flop_per_token(arch, "palm"))


wishes = st.fixed_dictionaries(
    {
        "n_params": st.floats(3e7, 3e11),
        "vocab": st.sampled_from([0, 32_000, 128_256]),
        "n": st.sampled_from(["total", "nonemb", "matmul", "active"]),
        "head": st.sampled_from([32, 64, 128]),
        "multiple_of": st.sampled_from([8, 64, 128]),
        "gqa": st.sampled_from([1, 2, 4]),
        "gated": st.booleans(),
        "tied": st.booleans(),
    }
)


@settings(deadline=None, max_examples=25)
@given(wishes, st.sampled_from([(0, 0), (8, 2)]))
def test_every_shape_meets_the_wish(wish, experts):
    try:
        found = shape(**wish, experts=experts[0], topk=experts[1])
    except InputError as error:
        if error.code != "no_shape":
            raise
        return
    for one in found.shapes:
        arch = one.arch
        assert abs(arch.count(wish["n"]) / wish["n_params"] - 1) <= 0.01
        assert one.error == pytest.approx(arch.count(wish["n"]) / wish["n_params"] - 1)
        assert arch.d_model % math.lcm(wish["head"], wish["multiple_of"]) == 0
        assert arch.d_ff % wish["multiple_of"] == 0
        assert arch.d_head * arch.n_heads == arch.d_model
        assert arch.n_kv_heads * wish["gqa"] == arch.n_heads
        assert arch.moe_experts == experts[0]
    scores = [one.score for one in found.shapes]
    assert scores == sorted(scores)
    assert len({one.arch.d_model for one in found.shapes}) == len(found.shapes)


@given(wishes, st.integers(1, 200), st.integers(1, 40), st.integers(1, 90_000))
def test_the_quick_count_is_the_count_of_the_architecture(wish, layers, steps, ff):
    for experts, topk in ((0, 0), (16, 4)):
        one = Wish(
            n=1e9,
            count=wish["n"],
            experts=experts,
            topk=topk,
            **{k: v for k, v in wish.items() if k not in ("n", "n_params")},
        )
        width = steps * one.width_step
        assert one.total(layers, width, ff) == one.architecture(layers, width, ff).count(one.count)


@pytest.mark.parametrize("n", [1e8, 1e9, 7e9, 7e10, 5e11])
def test_usual_sizes_have_a_shape_like_published_ones(n):
    found = shape(n, vocab="32k", head=64, multiple_of=64)
    assert found.prior.lo <= found.best.aspect <= found.prior.hi
    assert "as published models" in found.best.reason


def test_prior_follows_the_ladders():
    small, large = aspect_prior(1e8), aspect_prior(7e10)
    assert small.lo < small.aspect < small.hi
    assert small.aspect < large.aspect
    assert "Llama 65B" in large.near
    assert large.beyond == 1.0
    assert aspect_prior(1e4).beyond > 100
    assert "outside" in shape("300k", n="nonemb", head=16, multiple_of=8).summary()


def test_text_and_frame():
    found = shape("7B", vocab="128k", seq_len=8192)
    text = found.summary()
    assert "--arch 'L=" in text
    assert "published models of this size" in text
    assert found.to_frame().height == len(found.shapes)
    assert "<pre>" in found._repr_html_()


def test_architecture_line_can_be_typed_again():
    from isoloss.runs import parse_architecture

    cases: list[dict[str, Any]] = [
        {},
        {"gated": False, "tied": True},
        {"experts": 8, "topk": 2},
    ]
    for options in cases:
        found = shape("7B", vocab="128k", seq_len=8192, **options)
        line = found.summary().split("--arch '")[1].split("'")[0]
        assert parse_architecture(line) == found.best.arch


@pytest.mark.parametrize(
    ("options", "code", "part"),
    [
        ({"n_params": "lots"}, "bad_quantity", "lots"),
        ({"n_params": -1}, "bad_quantity", "-1"),
        ({"n": "all"}, "unknown_convention", "total"),
        ({"head": 0}, "bad_value", "head"),
        ({"vocab": "many"}, "bad_value", "vocab"),
        ({"vocab": 1.5}, "bad_value", "vocab"),
        ({"gqa": 4, "kv_heads": 8}, "conflicting_options", "kv_heads"),
        ({"experts": 8}, "bad_value", "topk"),
        ({"experts": 2, "topk": 4}, "bad_value", "topk"),
        ({"tolerance": 0.9}, "bad_value", "tolerance"),
        ({"tolerance": 0}, "bad_value", "tolerance"),
        ({"candidates": 0}, "bad_value", "candidates"),
        ({"ff_ratio": -2}, "bad_value", "ff_ratio"),
        ({"n_params": "1M", "vocab": "128k"}, "no_shape", "vocabulary of 128,000"),
        ({"n_params": "2M", "n": "nonemb"}, "no_shape", "the nearest has"),
        ({"n_params": 5000, "n": "nonemb"}, "no_shape", "multiple of 128"),
    ],
)
def test_bad_input(options, code, part):
    with pytest.raises(InputError) as caught:
        shape(**({"n_params": "7B"} | options))
    assert caught.value.code == code
    assert part in str(caught.value)
