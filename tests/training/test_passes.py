"""The backward pass written out, beside the automatic gradient of the plain model, in double."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from isoloss.training import attention, passes
from isoloss.training.attention import attend, attend_backward, held_numbers
from isoloss.training.models import losses, token_losses
from isoloss.training.parametrization import initial_weights
from isoloss.training.passes import Passes, written_out
from isoloss.training.spec import Model, RunSpec
from isoloss.training.trainer import Trainer
from tests.training.runs import small

CPU = torch.device("cpu")
SHAPES = {
    "gelu": {},
    "swiglu": {"gated": True, "d_ff": 96},
    "grouped heads": {"n_heads": 4, "n_kv_heads": 2},
    "tied": {"tied": True},
    "no token shift": {"token_shift": 0.0},
    "odd context": {"seq_len": 21},
    "two blocks of rows": {"seq_len": 150},
}
SCALES = [{"readout": 1.0, "branch": 1.0}, {"readout": 0.5, "branch": 0.7}]


def stacked(model: Model, models: int) -> dict[str, torch.Tensor]:
    found = [initial_weights(RunSpec(model=model, seed=seed)) for seed in range(models)]
    return {
        name: torch.stack([torch.from_numpy(one[name]) for one in found]).double().requires_grad_()
        for name in found[0]
    }


@pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("scales", SCALES, ids=["standard", "scaled"])
@pytest.mark.parametrize("models", [1, 3])
def test_losses_and_gradients_are_those_of_the_plain_model(changes, scales, models) -> None:
    torch.manual_seed(0)
    model = Model(**{"d_model": 32, "n_layers": 2, "seq_len": 16, "vocab": 64} | changes)
    weights = stacked(model, models)
    tokens = torch.randint(0, model.vocab, (models, 3, model.seq_len + 1))
    inputs, targets = tokens[..., :-1], tokens[..., 1:]
    loss = losses(model, weights, inputs, targets, scales)
    expected = torch.autograd.grad(loss.sum(), list(weights.values()))
    # Written into the columns of one matrix, as the optimiser holds them, over whatever is there.
    flat = torch.full((models, sum(one[0].numel() for one in weights.values())), math.nan)
    flat = flat.double()
    parts = flat.split([one[0].numel() for one in weights.values()], dim=1)
    out = {
        name: part.unflatten(1, weights[name].shape[1:])
        for name, part in zip(weights, parts, strict=True)
    }
    own = Passes(model, scales)
    found = own.gradients(weights, inputs, targets, out)
    assert torch.allclose(found, loss, rtol=1e-12)
    for name, grad in zip(weights, expected, strict=True):
        assert torch.allclose(out[name], grad, rtol=1e-9, atol=1e-13), name
    each = token_losses(model, weights, inputs, targets, scales)
    assert torch.allclose(own.token_losses(weights, inputs, targets), each, rtol=1e-12)


@pytest.mark.parametrize("length", [1, 7, 64, 128, 300])
@pytest.mark.parametrize("group", [1 << 8, 1 << 17])
def test_attention_is_that_of_torch(length, group, monkeypatch) -> None:
    monkeypatch.setattr(attention, "GROUP", group)
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 5, length, 8, dtype=torch.float64).requires_grad_().unbind()
    expected = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    grad = torch.randn_like(expected)
    gradients = torch.autograd.grad(expected, (query, key, value), grad)
    with torch.no_grad():
        out = (torch.empty_like(query), torch.empty_like(query), torch.empty_like(query))
        for one in out:
            one.fill_(math.nan)
        found, kept = attend(query, key, value)
        attend_backward(grad, query, key, value, kept, out)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-14)
    for one, other in zip(out, gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-13)
    assert sum(shares.numel() for shares in kept) == held_numbers(5, length)


def test_no_share_goes_to_what_comes_later() -> None:
    query, key, value = torch.randn(3, 2, 200, 8).unbind()
    _, kept = attend(query, key, value)
    for shares in kept:
        rows, seen = shares.shape[1:]
        later = torch.ones(rows, seen, dtype=torch.bool).triu(seen - rows + 1)
        assert (shares[:, later] == 0).all()
        assert torch.allclose(shares.sum(dim=-1), torch.ones(()))


def test_where_the_passes_serve() -> None:
    assert written_out(Model(), 4, CPU)
    assert not written_out(Model(), 4, torch.device("cuda"))
    assert not written_out(Model(kind="lstm"), 4, CPU)
    long = Model(seq_len=4096)
    assert not written_out(long, 4, CPU)
    assert held_numbers(1, 4096) > 4096**2 / 2


@pytest.mark.parametrize("changes", [{}, {"gated": True}, {"parametrization": "mup"}], ids=str)
def test_a_run_trains_as_by_the_automatic_gradient(corpus, changes, monkeypatch) -> None:
    spec = small(corpus.digest, **changes)
    own = Trainer([spec], corpus)
    assert own._passes is not None
    monkeypatch.setattr(passes, "HELD_NUMBERS", 0)
    plain = Trainer([spec], corpus)
    assert plain._passes is None
    for trainer in (own, plain):
        trainer.advance(40)
    assert own.last_loss == pytest.approx(plain.last_loss, rel=2e-4)
    assert own.evaluate("text")[0].loss == pytest.approx(plain.evaluate("text")[0].loss, rel=2e-4)
