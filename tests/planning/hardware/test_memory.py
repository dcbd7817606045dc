"""Bytes on the fullest device."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.planning.hardware import Device, Sharding, memory
from isoloss.planning.hardware.activations import kept_per_token, layer_bytes, logits_bytes
from isoloss.planning.hardware.memory import Training, need
from isoloss.runs import Architecture, parse_architecture

L7 = "L=32 d=4096 H=32 ff=11008 V=32000 T=4096 gated tied=no"
GPT3 = Architecture(96, 12288, 96, vocab=51200, seq_len=2048)


def published(h, a, s, t=1, *, sequence_parallel=False, matrix=True):
    """Korthikanti et al. 2022, table 2, per token: bytes of one layer."""
    attention = 5 * a * s / h if matrix else 0.0
    if sequence_parallel:
        return h * (34 + attention) / t
    return h * (10 + 24 / t + attention / t)


@pytest.mark.parametrize("t", [1, 2, 8])
@pytest.mark.parametrize("sequence_parallel", [False, True])
@pytest.mark.parametrize("matrix", [False, True])
def test_the_published_sums_by_digits(t, sequence_parallel, matrix):
    kept, working = layer_bytes(
        GPT3,
        "none" if matrix else "selective",
        tensor=t,
        sequence_parallel=sequence_parallel,
        dropout=True,
    )
    assert working == 0
    assert kept == pytest.approx(
        published(12288, 96, 2048, t, sequence_parallel=sequence_parallel, matrix=matrix),
        rel=1e-12,
    )


def test_full_checkpointing_keeps_two_bytes_per_width():
    kept, working = layer_bytes(GPT3, "full", dropout=True)
    assert kept == 2 * 12288
    assert working == pytest.approx(published(12288, 96, 2048, matrix=False))
    assert logits_bytes(GPT3, tensor=8) == 4 * (12288 + 51200) / 8


def test_states_of_sixteen_bytes():
    """ZeRO (arXiv 1910.02054): 2 + 2 + 12 bytes, and what its stages share over 64 devices."""
    arch = Architecture(10, 1024, 16, seq_len=16)
    n = arch.n_total
    per = {
        zero: [
            getattr(need(arch, Training(), Sharding(64, 1, 1, zero)), part) / n
            for part in ("weights", "gradients", "optimiser")
        ]
        for zero in range(4)
    }
    assert per[0] == pytest.approx([2, 2, 12])
    assert per[1] == pytest.approx([2, 2, 12 / 64])
    assert per[2] == pytest.approx([2, 2 / 64, 12 / 64])
    assert per[3] == pytest.approx([2 / 64, 2 / 64, 12 / 64])


def test_first_stage_keeps_as_many_micro_batches_as_there_are_stages():
    arch = Architecture(96, 12288, 96, seq_len=2048)
    one = need(arch, Training(), Sharding(1, 8, 1, 1)).activations
    for stages in (2, 8, 32):
        many = need(arch, Training(), Sharding(1, 8, stages, 1)).activations
        assert many == pytest.approx(one, rel=0.01)


shapes = st.builds(
    lambda layers, heads, group, ff, vocab, context, gated, experts: Architecture(
        layers,
        64 * heads * group,
        heads * group,
        heads,
        d_head=64,
        d_ff=64 * ff,
        vocab=vocab,
        seq_len=context,
        gated=gated,
        moe_experts=experts,
        moe_topk=min(2, experts),
    ),
    st.integers(1, 40),
    st.integers(1, 16),
    st.sampled_from([1, 2, 4]),
    st.integers(1, 64),
    st.integers(0, 200_000),
    st.integers(1, 16_384),
    st.booleans(),
    st.sampled_from([0, 8]),
)


@given(shapes, st.sampled_from(["none", "selective", "full"]), st.integers(0, 3))
def test_sharing_never_adds(arch, checkpointing, zero):
    training = Training(checkpointing=checkpointing)
    base = need(arch, training, Sharding(2, 1, 1, zero)).total
    assert need(arch, training, Sharding(4, 1, 1, zero)).total <= base
    assert need(arch, training, Sharding(2, 2, 1, zero)).total <= base
    if zero < 3:
        assert need(arch, training, Sharding(2, 1, 1, zero + 1)).total <= base


@given(shapes, st.integers(1, 8))
def test_more_to_keep_needs_more(arch, micro_batch):
    def total(**changes):
        return need(arch, Training(**changes), Sharding(1, 1, 1, 0)).total

    base = total(micro_batch=micro_batch)
    assert total(micro_batch=micro_batch + 1) > base
    assert total(micro_batch=micro_batch, checkpointing="none") >= base
    assert total(micro_batch=micro_batch, dropout=True) >= base
    assert total(micro_batch=micro_batch, precision="mixed_fp32_grads") > base
    assert total(micro_batch=micro_batch, precision="mixed_8bit") < base
    # One layer keeps its input and is made again: only many layers gain from it.
    if arch.n_layers > 2:
        assert total(micro_batch=micro_batch, checkpointing="full") <= base


@settings(deadline=None, max_examples=30)
@given(shapes, st.floats(1e9, 1e12))
def test_the_fewest_devices_fit_and_fewer_do_not(arch, size):
    device = Device("x", 1e15, memory_bytes=size)
    found = memory(arch, hardware=device, tensor=1, pipeline=1)
    larger = memory(arch, hardware=Device("y", 1e15, memory_bytes=2 * size), tensor=1, pipeline=1)
    if not found.fits:
        assert found.devices is None
        assert found.remedy
        return
    assert larger.devices is not None
    assert found.devices is not None
    assert larger.devices <= found.devices
    if found.devices > 1:
        fewer = need(arch, Training(), Sharding(found.devices - 1, 1, 1, 3))
        assert fewer.total > found.room


def test_seven_billion_on_h100():
    found = memory(L7, hardware="h100")
    arch = parse_architecture(L7)
    assert found.alone.weights + found.alone.gradients + found.alone.optimiser == 16 * arch.n_total
    assert found.devices == 2
    assert found.binding == "optimiser"
    assert "at least 2 H100 SXM" in found.summary()
    given_split = memory(L7, hardware="h100", data=8, tensor=1, pipeline=1)
    assert given_split.fits
    assert given_split.need.optimiser == pytest.approx(12 * arch.n_total / 8)
    small = memory("L=12 d=768 V=50304 T=1024", hardware="h100")
    assert small.devices == 1
    assert "fits on one" in small.sentence


def test_what_binds_is_named_where_it_does_not_fit():
    found = memory(L7, hardware="h100", micro_batch=64)
    assert not found.fits
    assert found.binding == "activations"
    assert "micro_batch" in found.remedy
    states = memory(L7, hardware="h100", zero=0, tensor=1, pipeline=1, checkpointing="full")
    assert not states.fits
    assert states.binding == "optimiser"
    assert "ZeRO" in states.remedy


def test_experts_share_the_tokens_and_not_the_memory():
    dense = parse_architecture("L=32 d=4096 H=32 ff=14336 V=32000 T=4096 gated tied=no")
    sparse = parse_architecture("L=32 d=4096 H=32 ff=14336 V=32000 T=4096 gated tied=no E=8 K=2")
    a, b = kept_per_token(dense), kept_per_token(sparse)
    assert b.split - a.split == 2 * 3 * 14336
    assert sparse.n_total > 5 * dense.n_total


@pytest.mark.parametrize(
    ("changes", "code", "part"),
    [
        ({"precision": "fp4"}, "bad_value", "mixed"),
        ({"checkpointing": "some"}, "bad_value", "selective"),
        ({"micro_batch": 0}, "bad_value", "micro_batch"),
        ({"zero": 4}, "bad_value", "zero"),
        ({"reserve": 1.0}, "bad_value", "reserve"),
        ({"tensor": 3}, "bad_value", "divisor"),
        ({"pipeline": 64}, "bad_value", "32 layers"),
        ({"data": 0}, "bad_value", "data"),
        ({"arch": "L=2 d=64"}, "bad_architecture", "context"),
        ({"hardware": Device("x", 1e12)}, "missing_memory", "memory_bytes"),
        ({"hardware": "h10"}, "unknown_hardware", "h100"),
    ],
)
def test_bad_input(changes, code, part):
    with pytest.raises(InputError) as caught:
        memory(**({"arch": L7, "hardware": "h100"} | changes))
    assert caught.value.code == code
    assert part in str(caught.value)


def test_unconfirmed_memory_is_said():
    codes = [notice.code for notice in memory(L7, hardware="rtx4090").warnings]
    assert codes == ["unconfirmed_memory"]
