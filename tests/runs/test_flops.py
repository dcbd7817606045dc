from __future__ import annotations

import pytest

from isoloss.errors import InputError
from isoloss.runs import FLOP_CONVENTIONS, flop_per_token, parse_architecture

GPT2 = parse_architecture("L=12 d=768 H=12 V=50304 T=1024")


@pytest.mark.parametrize(
    ("convention", "n", "flop"),
    [
        ("6nd", "nonemb", 5.10e8),
        ("6nd", "total", 7.41e8),
        ("palm", "total", 8.55e8),
        ("causal", "total", 7.98e8),
        ("chinchilla_f", "total", 1.09e9),
    ],
)
def test_gpt2_small_spans_a_factor_of_two(convention, n, flop):
    assert flop_per_token(GPT2, convention, n=n) == pytest.approx(flop, rel=6e-3)
    assert f"{flop_per_token(GPT2, convention, n=n):.2e}" == f"{flop:.2e}"


@pytest.mark.parametrize(
    ("shape", "nonemb", "total", "attention"),
    [
        ("L=4 d=256 T=2048 V=32000", 0.20, 1.26, 1.33),
        ("L=8 d=512 T=2048 V=32000", 0.43, 0.99, 0.67),
        ("L=12 d=768 T=2048 V=50304", 0.53, 1.01, 0.44),
        ("L=16 d=1024 T=4096 V=50304", 0.52, 0.79, 0.67),
        ("L=24 d=2048 T=4096 V=131072", 0.64, 0.93, 0.33),
        ("L=80 d=8192 T=8192 V=131072", 0.85, 0.87, 0.17),
    ],
)
def test_6nd_is_wrong_by_a_factor_that_changes_along_the_ladder(shape, nonemb, total, attention):
    arch = parse_architecture(shape + " tied=no")
    palm = flop_per_token(arch, "palm")
    six_nonemb = flop_per_token(arch, "6nd", n="nonemb")
    assert six_nonemb / palm == pytest.approx(nonemb, abs=0.006)
    assert flop_per_token(arch, "6nd", n="total") / palm == pytest.approx(total, abs=0.006)
    assert (palm - 6 * arch.n_matmul) / six_nonemb == pytest.approx(attention, abs=0.006)


def test_formulas_by_hand():
    width, depth, heads, vocab, context = 768, 12, 12, 50304, 1024
    scores = depth * width * context
    assert flop_per_token(GPT2, "kaplan") == 6 * GPT2.n_nonemb + 6 * scores
    assert flop_per_token(GPT2, "palm") == 6 * GPT2.n_matmul + 12 * scores
    assert flop_per_token(GPT2, "causal") == 6 * GPT2.n_matmul + 6 * scores
    layer = 8 * width**2 + 4 * context * width + 3 * heads * context + 4 * width * 4 * width
    embeddings = 2 * vocab * width + 2 * width * vocab
    assert flop_per_token(GPT2, "chinchilla_f") == 3 * (embeddings + depth * layer)
    assert flop_per_token(GPT2, "chinchilla_f", logits=False) == 3 * depth * layer
    assert flop_per_token(GPT2, "palm", logits=False) == 6 * GPT2.n_nonemb + 12 * scores


def test_grouped_queries_save_parameters_not_attention():
    full = parse_architecture("L=4 d=512 H=8 V=1000 T=2048")
    grouped = parse_architecture("L=4 d=512 H=8 KV=2 V=1000 T=2048")
    saved = flop_per_token(full) - flop_per_token(grouped)
    assert saved == 6 * (full.n_matmul - grouped.n_matmul)


def test_only_used_experts_cost():
    dense = parse_architecture("L=4 d=512 V=1000 T=256")
    experts = parse_architecture("L=4 d=512 V=1000 T=256 E=8 K=1")
    router = 4 * 8 * 512
    for convention in FLOP_CONVENTIONS:
        n = "active"
        difference = flop_per_token(experts, convention, n=n) - flop_per_token(
            dense, convention, n=n
        )
        assert difference == 6 * router


def test_what_is_missing_is_named():
    with pytest.raises(InputError, match="seq_len"):
        flop_per_token(parse_architecture("L=4 d=512 V=1000"), "palm")
    with pytest.raises(InputError, match="vocab"):
        flop_per_token(parse_architecture("L=4 d=512 T=1000"), "causal")
    assert flop_per_token(parse_architecture("L=4 d=512 T=1000"), "kaplan") > 0
    with pytest.raises(InputError, match="megatron"):
        flop_per_token(GPT2, "megatron")
