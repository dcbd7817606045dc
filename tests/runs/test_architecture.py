from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.runs import Architecture, parse_architecture

GPT2 = "L=12 d=768 H=12 V=50257 T=1024"
LLAMA_7B = "L=32 d=4096 H=32 ff=11008 V=32000 T=2048 swiglu tied=no"
LLAMA_3_8B = "L=32 d=4096 H=32 KV=8 ff=14336 V=128256 T=8192 gated=yes tied=no"
MIXTRAL = "L=32 d=4096 H=32 KV=8 ff=14336 V=32000 T=4096 gated tied=no E=8 K=2"


@pytest.mark.parametrize(
    ("shape", "published", "norms_and_biases"),
    [
        # Checkpoint sizes; what the count leaves out is norm gains and biases.
        (GPT2 + " learned_positions", 124_439_808, 12 * (13 * 768) + 2 * 768),
        (LLAMA_7B, 6_738_415_616, 65 * 4096),
        (LLAMA_3_8B, 8_030_261_248, 65 * 4096),
        (MIXTRAL, 46_702_792_704, 65 * 4096),
    ],
)
def test_total_is_the_checkpoint_without_norms_and_biases(shape, published, norms_and_biases):
    assert parse_architecture(shape).n_total == published - norms_and_biases


def test_meanings_of_n_of_gpt2():
    arch = parse_architecture(GPT2)
    assert arch.n_nonemb == arch.n_active == 12 * 12 * 768**2
    assert arch.n_matmul == arch.n_nonemb + 50257 * 768
    assert arch.n_total == arch.n_matmul
    assert [arch.count(n) for n in ("total", "nonemb", "matmul", "active")] == [
        arch.n_total,
        arch.n_nonemb,
        arch.n_matmul,
        arch.n_active,
    ]


def test_untied_head_is_counted_twice_and_multiplies_once():
    tied, untied = (parse_architecture(f"L=2 d=64 V=100 tied={flag}") for flag in ("yes", "no"))
    assert untied.n_total - tied.n_total == 100 * 64
    assert untied.n_matmul == tied.n_matmul


def test_experts_used_and_experts_kept():
    arch = parse_architecture(MIXTRAL)
    # Mixtral 8x7B: 12.9 billion of 46.7 are used per token, embeddings included.
    assert arch.n_active + 2 * 32000 * 4096 == pytest.approx(12.9e9, rel=2e-3)
    assert arch.n_nonemb - arch.n_active == 32 * 6 * arch.mlp_per_expert


def test_small_ladder_shapes(small_ladder_path):
    import polars as pl

    rows = pl.read_csv(small_ladder_path, infer_schema_length=None).filter(
        pl.col("architecture") == "transformer"
    )
    for depth, width, params in rows.select("n_layers", "d_model", "params").unique().iter_rows():
        arch = Architecture(depth, width, n_heads=1, vocab=256, seq_len=128, tied=False)
        assert arch.n_matmul == params


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "n_layers"),
        ("L=12", "d_model"),
        ("L=12 d=768 Q", "d_head"),
        ("L=12 d=768 X=3", "X=3"),
        ("L=12 d=768 L=13", "twice"),
        ("L=12 d=768 H=0.5", "whole"),
        ("L=12 d=768 H=-1", "-1"),
        ("L=0 d=768", "n_layers"),
        ("L=12 d=768 H=7", "divide"),
        ("L=12 d=768 H=12 KV=5", "divide"),
        ("L=12 d=768 E=8", "experts"),
        ("L=12 d=768 E=2 K=3", "experts"),
        ("L=12 d=768 tied=maybe", "maybe"),
        ("n_layer12 d=768", "n_layer12"),
        ("__import__('os')", "__import__"),
    ],
)
def test_bad_shapes_say_what_is_wrong(text, said):
    with pytest.raises(InputError) as caught:
        parse_architecture(text)
    assert said in str(caught.value)
    assert caught.value.hint


def test_unknown_count():
    with pytest.raises(InputError, match="nonembedding"):
        parse_architecture(GPT2).count("nonembedding")


@given(st.text(max_size=60))
def test_any_text_is_a_shape_or_an_input_error(text):
    with contextlib.suppress(InputError):
        assert parse_architecture(text).n_total > 0
