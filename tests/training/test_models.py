"""Counts, gradients and the equality of one model and a population."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from isoloss.training import kernels
from isoloss.training.counts import model_flop_per_token, param_counts, slots
from isoloss.training.models import logits, losses, token_losses
from isoloss.training.parametrization import initial_weights, scales
from isoloss.training.spec import Model, RunSpec, vary
from isoloss.training.trainer import Trainer
from tests.training.runs import small

SHAPES = [
    Model(d_model=32, n_layers=2, seq_len=16, vocab=64),
    Model(d_model=32, n_layers=2, seq_len=16, vocab=64, gated=True, d_ff=96),
    Model(d_model=32, n_layers=1, seq_len=16, vocab=64, n_heads=4, n_kv_heads=2),
    Model(d_model=32, n_layers=2, seq_len=16, vocab=64, tied=True),
    Model(kind="lstm", d_model=16, n_layers=2, seq_len=16, vocab=64),
]
NAMES = ["gelu", "swiglu", "grouped", "tied", "lstm"]
BOTH = (False, True)
VARIANTS = [
    Model(
        d_model=32,
        n_layers=2,
        seq_len=16,
        vocab=64,
        n_heads=4,
        n_kv_heads=kv,
        d_ff=48,
        gated=gated,
        tied=tied,
    )
    for gated, tied, kv in itertools.product(BOTH, BOTH, (4, 2, 1))
] + [Model(kind="lstm", d_model=24, n_layers=3, seq_len=32, vocab=64, tied=tied) for tied in BOTH]


def weights_of(model: Model, dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
    found = initial_weights(RunSpec(model=model))
    return {k: torch.from_numpy(v)[None].to(dtype).requires_grad_() for k, v in found.items()}


@pytest.mark.parametrize("model", VARIANTS, ids=str)
def test_the_counts_are_those_of_the_weights(model: Model) -> None:
    """Under all four meanings of N, counted on the tensors that are trained."""
    sizes = {name: tensor.numel() for name, tensor in weights_of(model).items()}
    assert sum(slot.size for slot in slots(model)) == sum(sizes.values())
    embedding, readout = sizes["embedding"], sizes.get("readout", 0)
    assert (readout == 0) == model.tied
    body = sum(sizes.values()) - embedding - readout
    assert param_counts(model) == {
        "total": body + embedding + readout,
        "nonemb": body,
        "matmul": body + (readout or embedding),
        "active": body,
    }
    if model.kind == "transformer":
        arch = model.architecture
        assert param_counts(model) == {
            n: arch.count(n) for n in ("total", "nonemb", "matmul", "active")
        }


@pytest.mark.filterwarnings("ignore:TF32 acceleration")
@pytest.mark.parametrize("model", VARIANTS, ids=str)
def test_flop_per_token_agree_with_the_counter_of_torch(model: Model) -> None:
    weights = weights_of(model, torch.float32)
    tokens = torch.randint(0, model.vocab, (1, 2, model.seq_len + 1))
    counter = FlopCounterMode(display=False)
    # Without oneDNN the LSTM is made of products that the counter knows.
    with torch.backends.mkldnn.flags(enabled=False), counter:
        losses(
            model, weights, tokens[..., :-1], tokens[..., 1:], {"readout": 1.0, "branch": 1.0}
        ).sum().backward()
    counted = counter.get_total_flops() / (2 * model.seq_len)
    flash = 0.0
    kinds = counter.get_flop_counts()["Global"]
    if model.kind == "transformer" and not any("attention" in str(op) for op in kinds):
        # The counter leaves out the attention kernel of the CPU; its cost is 12 L H Q T.
        arch = model.architecture
        flash = 12.0 * arch.n_layers * arch.n_heads * arch.d_head * arch.seq_len
    assert counted + flash == pytest.approx(model_flop_per_token(model), rel=0.01)


@pytest.mark.parametrize("model", SHAPES, ids=NAMES)
def test_no_token_sees_what_comes_after_it(model: Model) -> None:
    weights = weights_of(model)
    tokens = torch.randint(0, model.vocab, (1, 1, model.seq_len))
    changed = tokens.clone()
    changed[..., 10:] = (changed[..., 10:] + 1) % model.vocab
    plain = {"readout": 1.0, "branch": 1.0}
    before = logits(model, weights, tokens, plain).view(model.seq_len, -1)
    after = logits(model, weights, changed, plain).view(model.seq_len, -1)
    assert torch.equal(before[:10], after[:10])
    assert not torch.allclose(before[10:], after[10:])


def test_the_kernels_agree_with_torch_and_their_gradients_with_differences() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 8, dtype=torch.float64, requires_grad=True)
    up = torch.randn(2, 5, 8, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, 8, (2, 5))
    assert torch.allclose(kernels.norm(x), F.rms_norm(x, (8,), eps=kernels.EPSILON))
    assert torch.allclose(kernels.swiglu(x, up), F.silu(x) * up)
    mean = torch.stack([F.cross_entropy(x[p], targets[p]) for p in range(2)])
    assert torch.allclose(kernels.cross_entropy(x, targets), mean)
    angle = torch.randn(5, 1, 4, dtype=torch.float64)
    turned = torch.randn(2, 5, 3, 8, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(
        kernels.rotate(turned, angle.cos(), angle.sin()).norm(dim=-1), turned.norm(dim=-1)
    )
    check = torch.autograd.gradcheck
    assert check(kernels.norm, (x,))
    assert check(kernels.swiglu, (x, up))
    assert check(lambda a: kernels.cross_entropy(a, targets), (x,))
    assert check(lambda a: kernels.rotate(a, angle.cos(), angle.sin()), (turned,))


@given(shift=st.integers(0, 3))
@settings(max_examples=4, deadline=None)
def test_attention_depends_on_distances_only(shift: int) -> None:
    """Rotary positions: turning queries and keys further together changes no score."""
    rng = torch.Generator().manual_seed(1)
    q, k = torch.randn(2, 6, 1, 8, generator=rng, dtype=torch.float64).unbind(0)
    base = 128.0 ** -(torch.arange(0, 8, 2, dtype=torch.float64) / 8)

    def scores(first: int) -> torch.Tensor:
        angles = ((torch.arange(6) + first)[:, None] * base)[:, None, :]
        turned = [kernels.rotate(x, angles.cos(), angles.sin())[:, 0] for x in (q, k)]
        return turned[0] @ turned[1].T

    assert torch.allclose(scores(0), scores(shift))


def test_measured_losses_are_those_that_are_trained_on() -> None:
    model = SHAPES[0]
    weights = weights_of(model)
    tokens = torch.randint(0, model.vocab, (1, 3, model.seq_len + 1))
    plain = {"readout": 0.5, "branch": 1.0}
    trained = losses(model, weights, tokens[..., :-1], tokens[..., 1:], plain)
    measured = token_losses(model, weights, tokens[..., :-1], tokens[..., 1:], plain)
    assert trained.item() == pytest.approx(measured.mean().item(), rel=1e-6)


@pytest.mark.parametrize("changes", [{}, {"kind": "lstm"}, {"optimizer": "muon"}], ids=str)
def test_a_population_trains_as_its_members_alone(corpus, changes) -> None:
    specs = [
        small(corpus.digest, seed=seed, lr=lr, **changes)
        for seed, lr in ((0, 0.01), (1, 0.02), (2, 0.005))
    ]
    together = Trainer(specs, corpus)
    together.advance(40)
    for i, spec in enumerate(specs):
        alone = Trainer([spec], corpus)
        alone.advance(40)
        assert together.evaluate("text")[i].loss == pytest.approx(
            alone.evaluate("text")[0].loss, rel=2e-4
        )


def test_a_run_is_the_same_to_the_last_digit_when_repeated(corpus) -> None:
    def final() -> np.ndarray:
        trainer = Trainer([small(corpus.digest)], corpus)
        trainer.advance(40)
        return trainer.states()[0]["flat"]

    assert np.array_equal(final(), final())


@pytest.mark.parametrize(
    "changes",
    [{}, {"clip": 0.0, "parametrization": "standard"}, {"weight_decay": 0.0}, {"d_model": 32}],
    ids=str,
)
def test_the_fused_update_is_the_one_written_out(corpus, changes) -> None:
    specs = [
        small(corpus.digest, seed=seed, lr=lr, beta2=beta2, **changes)
        for seed, lr, beta2 in ((0, 0.01, 0.99), (1, 0.02, 0.95))
    ]
    fused, plain = Trainer(specs, corpus), Trainer(specs, corpus)
    assert fused._optimizer._fused
    plain._optimizer._fused = False
    for trainer in (fused, plain):
        trainer.advance(20)
    for one, other in zip(fused.states(), plain.states(), strict=True):
        for name in ("flat", "first", "second"):
            assert np.allclose(one[name], other[name], rtol=1e-3, atol=1e-5), name


def test_training_lowers_the_loss(corpus) -> None:
    trainer = Trainer([small(corpus.digest, steps=200)], corpus)
    before = trainer.evaluate("text")[0].loss
    trainer.advance(200)
    after = trainer.evaluate("text")[0].loss
    assert after < 0.6 * before


def test_mup_scales_fit_the_standard_ones_at_the_base_width() -> None:
    spec = small(d_model=64, parametrization="mup")
    assert scales(spec) == scales(vary(spec, {"parametrization": "standard"}))
    same = initial_weights(spec)
    other = initial_weights(vary(spec, {"parametrization": "standard"}))
    assert all(np.array_equal(same[name], other[name]) for name in same)
