"""The models, as functions of their weights: P models of one shape side by side.

Every weight has a first axis of length P, so that one program trains one model or a population;
P = 1 is the usual run. Norms have no gains and layers no biases, so that the counts of
`isoloss.runs.architecture` are exact.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from isoloss.training.kernels import cross_entropy, norm, rotate, swiglu
from isoloss.training.spec import Model

Weights = Mapping[str, Tensor]
See = Callable[[str, Tensor], None]
"""Is shown the output of every part of a model, by name."""


def losses(
    model: Model, weights: Weights, inputs: Tensor, targets: Tensor, scales: Mapping[str, float]
) -> Tensor:
    """Mean cross-entropy of each model on its own tokens.

    Args:
        model: the shape that all share.
        weights: by slot, each (P, rows, columns).
        inputs: token numbers (P, B, T).
        targets: the next tokens (P, B, T).
        scales: of ``readout`` and ``branch``, see `isoloss.training.parametrization`.

    Returns:
        Loss (P,), nats per token.
    """
    return cross_entropy(logits(model, weights, inputs, scales), targets.flatten(1))


def token_losses(
    model: Model, weights: Weights, inputs: Tensor, targets: Tensor, scales: Mapping[str, float]
) -> Tensor:
    """Cross-entropy of each token (P, B, T), for measuring; see `losses`."""
    found = logits(model, weights, inputs, scales)
    picked = found.gather(-1, targets.flatten(1)[..., None]).squeeze(-1)
    return (found.logsumexp(dim=-1) - picked).view(targets.shape)


def logits(
    model: Model,
    weights: Weights,
    inputs: Tensor,
    scales: Mapping[str, float],
    see: See | None = None,
) -> Tensor:
    """Scores of the next token (P, B T, V), in float32 or better."""
    state = hidden(model, weights, inputs, scales["branch"], see)
    readout = weights["embedding"].transpose(1, 2) if model.tied else weights["readout"]
    found = torch.bmm(state, readout.to(state.dtype))
    found = found.to(torch.promote_types(found.dtype, torch.float32))
    found = found if scales["readout"] == 1.0 else found * scales["readout"]
    if see is not None:
        see("logits", found)
    return found


def hidden(
    model: Model, weights: Weights, inputs: Tensor, branch: float, see: See | None = None
) -> Tensor:
    """What the readout sees (P, B T, d), normalised."""
    models, batch, length = inputs.shape
    d = model.d_model
    table = weights["embedding"]
    first = torch.arange(models, device=inputs.device)[:, None, None] * model.vocab
    state = F.embedding(inputs + first, table.reshape(models * model.vocab, d))
    if model.token_shift:
        state = state + model.token_shift * F.pad(state, (0, 0, 1, -1))
    if see is not None:
        see("embedding", state)
    body = _lstm if model.kind == "lstm" else _transformer
    state = body(model, weights, state.view(models, batch * length, d), length, branch, see)
    return norm(state)


def _transformer(
    model: Model,
    weights: Weights,
    state: Tensor,
    length: int,
    branch: float,
    see: See | None,
) -> Tensor:
    arch = model.architecture
    models, rows, _ = state.shape
    heads, keys, width = arch.n_heads, arch.n_kv_heads, arch.d_head
    cos, sin = rotary_angles(length, width, model.rope_base, state)
    for i in range(model.n_layers):
        mixed = torch.bmm(norm(state), weights[f"{i}.attend"])
        mixed = mixed.view(models * rows // length, length, heads + 2 * keys, width)
        turned, value = mixed.split((heads + keys, keys), dim=2)
        query, key = rotate(turned, cos, sin).split((heads, keys), dim=2)
        seen = F.scaled_dot_product_attention(
            query.transpose(1, 2),
            key.transpose(1, 2),
            value.transpose(1, 2),
            is_causal=True,
            enable_gqa=keys != heads,
        )
        seen = seen.transpose(1, 2).reshape(models, rows, heads * width)
        seen = torch.bmm(seen, weights[f"{i}.mix"])
        state = _add(state, seen, branch)
        inner = torch.bmm(norm(state), weights[f"{i}.up"])
        inner = swiglu(*inner.chunk(2, dim=-1)) if model.gated else F.gelu(inner)
        inner = torch.bmm(inner, weights[f"{i}.down"])
        state = _add(state, inner, branch)
        if see is not None:
            see(f"layer {i} attention", seen)
            see(f"layer {i} feed-forward", inner)
    return state


def _add(state: Tensor, change: Tensor, branch: float) -> Tensor:
    return state + change if branch == 1.0 else torch.add(state, change, alpha=branch)


def rotary_angles(length: int, width: int, base: float, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles of all positions, (T, 1, W / 2) each."""
    pairs = torch.arange(0, width, 2, device=like.device, dtype=torch.float64) / width
    angles = torch.arange(length, device=like.device)[:, None] * base**-pairs
    angles = angles[:, None, :]
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def _lstm(
    model: Model,
    weights: Weights,
    state: Tensor,
    length: int,
    branch: float,
    see: See | None,
) -> Tensor:
    """Layers of LSTM with residuals between them; PyTorch's own kernel, one model at a time."""
    models, rows, d = state.shape
    batch = rows // length
    zero = state.new_zeros(1, batch, d)
    # No biases are trained; the forget gate starts half open like the others.
    for i in range(model.n_layers):
        inside = norm(state).view(models, batch, length, d)
        out = [
            torch.lstm(
                inside[p],
                (zero, zero),
                (weights[f"{i}.input"][p], weights[f"{i}.recurrent"][p]),
                False,
                1,
                0.0,
                False,
                False,
                True,
            )[0]
            for p in range(models)
        ]
        change = torch.stack(out).view(models, rows, d)
        state = _add(state, change, branch)
        if see is not None:
            see(f"layer {i} lstm", change)
    return state


def uniform_loss(model: Model) -> float:
    """The loss of a model that knows nothing: log of the vocabulary, nats per token."""
    return math.log(model.vocab)
