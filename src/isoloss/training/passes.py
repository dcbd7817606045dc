"""The Transformer of `isoloss.training.models` once more, with its backward pass written out.

At the sizes of a ladder on a CPU an automatic gradient costs as much as the products themselves:
a graph of small nodes, copies of views, sums of gradients. Here every product of the backward pass
writes its weight's gradient where the optimiser reads it, residuals are added inside products, and
nothing is kept but what the backward pass uses. Same mathematics; tests compare the gradients with
those of the plain model in double precision.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from isoloss.training.attention import attend, attend_backward, held_numbers
from isoloss.training.kernels import normalize, normalize_backward
from isoloss.training.models import rotary_angles
from isoloss.training.spec import Model

HELD_NUMBERS = 1 << 26  # shares of attention held for the backward pass: 256 MB


@dataclass(slots=True)
class _Layer:
    """What the backward pass of one layer needs of the forward one."""

    before: Tensor
    before_scale: Tensor
    heads: Tensor
    shares: list[Tensor]
    seen: Tensor
    between: Tensor
    between_scale: Tensor
    up: Tensor
    inner: Tensor


class Passes:
    """Forward and backward passes of P models of one shape, side by side.

    Args:
        model: a Transformer.
        scales: of ``readout`` and ``branch``, see `isoloss.training.parametrization`.
    """

    def __init__(self, model: Model, scales: Mapping[str, float]) -> None:
        self._model = model
        self._branch, self._readout = scales["branch"], scales["readout"]
        arch = model.architecture
        self._heads, self._keys, self._width = arch.n_heads, arch.n_kv_heads, arch.d_head
        self._turn = self._back = torch.empty(0)

    def gradients(
        self,
        weights: Mapping[str, Tensor],
        inputs: Tensor,
        targets: Tensor,
        out: Mapping[str, Tensor],
    ) -> Tensor:
        """Mean cross-entropy of each model on its own tokens, and its gradients.

        Args:
            weights: by slot, each (P, rows, columns).
            inputs: token numbers (P, B, T).
            targets: the next tokens (P, B, T).
            out: by slot, where the gradients are written.

        Returns:
            Loss (P,), nats per token.
        """
        with torch.no_grad():
            tape: list[_Layer] = []
            state, scale = self._hidden(weights, inputs, tape)
            readout = weights["embedding"].mT if self._model.tied else weights["readout"]
            chosen = targets.flatten(1)[..., None]
            # Logs of shares, turned into shares and then into the gradient of the logits.
            shares = torch.log_softmax(_product(state, readout, self._readout), dim=-1)
            loss = shares.gather(-1, chosen).mean(dim=(1, 2)).neg_()
            grad = shares.exp_()
            grad.scatter_add_(-1, chosen, grad.new_full((1, 1, 1), -1.0).expand(chosen.shape))
            factor = self._readout / chosen.shape[1]
            if self._model.tied:
                _product(grad.mT, state, factor, out["embedding"])
            else:
                _product(state.mT, grad, factor, out["readout"])
            change = _product(grad, readout.mT, factor)
            grad = torch.zeros_like(change)
            normalize_backward(change, state, scale, grad)
            for i in reversed(range(len(tape))):
                self._layer_backward(i, weights, tape.pop(), grad, out)
            self._embedding_backward(inputs, grad, out["embedding"])
            return loss

    def token_losses(
        self, weights: Mapping[str, Tensor], inputs: Tensor, targets: Tensor
    ) -> Tensor:
        """Cross-entropy of each token (P, B, T), for measuring."""
        with torch.no_grad():
            state, _ = self._hidden(weights, inputs, None)
            readout = weights["embedding"].mT if self._model.tied else weights["readout"]
            shares = torch.log_softmax(_product(state, readout, self._readout), dim=-1)
            return shares.gather(-1, targets.flatten(1)[..., None]).neg_().view(targets.shape)

    def _hidden(
        self, weights: Mapping[str, Tensor], inputs: Tensor, tape: list[_Layer] | None
    ) -> tuple[Tensor, Tensor]:
        """What the readout sees (P, B T, d), normalised, and the scales of its rows."""
        state = self._embedding(weights["embedding"], inputs)
        self._set_angles(inputs.shape[-1], state)
        for i in range(self._model.n_layers):
            before, before_scale = normalize(state)
            heads = self._to_heads(torch.bmm(before, weights[f"{i}.attend"]), inputs.shape)
            seen, shares = attend(*self._roles(heads))
            seen = self._from_heads(seen, inputs.shape)
            state.baddbmm_(seen, weights[f"{i}.mix"], alpha=self._branch)
            between, between_scale = normalize(state)
            up = torch.bmm(between, weights[f"{i}.up"])
            inner = self._bend(up)
            state.baddbmm_(inner, weights[f"{i}.down"], alpha=self._branch)
            if tape is not None:
                attention = (before, before_scale, heads, shares, seen)
                tape.append(_Layer(*attention, between, between_scale, up, inner))
        return normalize(state)

    def _layer_backward(
        self,
        i: int,
        weights: Mapping[str, Tensor],
        kept: _Layer,
        grad: Tensor,
        out: Mapping[str, Tensor],
    ) -> None:
        """Turn the gradient of a layer's output into that of its input, in place."""
        branch = self._branch
        _product(kept.inner.mT, grad, branch, out[f"{i}.down"])
        change = _product(grad, weights[f"{i}.down"].mT, branch)
        change = self._bend_backward(change, kept.up)
        torch.bmm(kept.between.mT, change, out=out[f"{i}.up"])
        change = torch.bmm(change, weights[f"{i}.up"].mT)
        normalize_backward(change, kept.between, kept.between_scale, grad)

        _product(kept.seen.mT, grad, branch, out[f"{i}.mix"])
        change = _product(grad, weights[f"{i}.mix"].mT, branch)
        change = self._attention_backward(change, kept)
        torch.bmm(kept.before.mT, change, out=out[f"{i}.attend"])
        change = torch.bmm(change, weights[f"{i}.attend"].mT)
        normalize_backward(change, kept.before, kept.before_scale, grad)

    def _bend(self, up: Tensor) -> Tensor:
        """GELU, or SwiGLU of the two halves."""
        if not self._model.gated:
            return F.gelu(up)
        gate, linear = up.chunk(2, dim=-1)
        return F.silu(gate).mul_(linear)

    def _bend_backward(self, grad: Tensor, up: Tensor) -> Tensor:
        if not self._model.gated:
            return torch.ops.aten.gelu_backward.grad_input(grad, up, grad_input=grad)
        gate, linear = up.chunk(2, dim=-1)
        out = torch.empty_like(up)
        to_gate, to_linear = out.chunk(2, dim=-1)
        torch.mul(grad, F.silu(gate), out=to_linear)
        to_gate.copy_(torch.ops.aten.silu_backward(grad.mul_(linear), gate))
        return out

    def _embedding(self, table: Tensor, inputs: Tensor) -> Tensor:
        """The vectors of the tokens, each with its share of the one before it, (P, B T, d)."""
        models, batch, length = inputs.shape
        found = table.new_empty(models, batch, length, table.shape[-1])
        for p in range(models):
            torch.index_select(table[p], 0, inputs[p].flatten(), out=found[p].flatten(0, 1))
        if self._model.token_shift:
            plain, found = found, found.clone()
            found[:, :, 1:].add_(plain[:, :, :-1], alpha=self._model.token_shift)
        return found.flatten(1, 2)

    def _embedding_backward(self, inputs: Tensor, grad: Tensor, out: Tensor) -> None:
        grad = grad.view(*inputs.shape, -1)
        if self._model.token_shift:
            later, grad = grad, grad.clone()
            grad[:, :, :-1].add_(later[:, :, 1:], alpha=self._model.token_shift)
        if not self._model.tied:
            out.zero_()
        for p, rows in enumerate(grad.flatten(1, 2)):
            out[p].index_add_(0, inputs[p].flatten(), rows)

    def _set_angles(self, length: int, like: Tensor) -> None:
        """The turns of all positions, and those back, as complex numbers (1, T, W / 2)."""
        if self._turn.shape[1:2] == (length,):
            return
        cos, sin = rotary_angles(length, self._width, self._model.rope_base, like)
        self._turn = torch.complex(cos, sin).view(1, length, -1)
        self._back = torch.complex(cos, -sin).view(1, length, -1)

    def _to_heads(self, mixed: Tensor, shape: torch.Size) -> Tensor:
        """Queries and keys, turned, and values: from (P, B T, ...) to (heads, P B, T, W)."""
        models, batch, length = shape
        mixed = mixed.view(models * batch, length, -1, self._width).permute(2, 0, 1, 3)
        turned = self._heads + self._keys
        heads = mixed.new_empty(mixed.shape)
        # A rotation of pairs is one product of complex numbers, in one pass over memory.
        torch.mul(_pairs(mixed[:turned]), self._turn, out=_pairs(heads[:turned]))
        heads[turned:] = mixed[turned:]
        return heads

    def _from_heads(self, heads: Tensor, shape: torch.Size) -> Tensor:
        models, batch, length = shape
        heads = heads.view(-1, models * batch, length, self._width).permute(1, 2, 0, 3)
        return heads.reshape(models, batch * length, -1)

    def _roles(self, heads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value of every head and sequence, (heads P B, T, W) each."""
        query, key, value = heads.split((self._heads, self._keys, self._keys))
        each = self._heads // self._keys
        if each > 1:
            key, value = (part.repeat_interleave(each, dim=0) for part in (key, value))
        return query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1)

    def _attention_backward(self, grad: Tensor, kept: _Layer) -> Tensor:
        """From the gradient of what was seen (P, B T, ...) to that of queries, keys and values."""
        models, rows, _ = grad.shape
        heads = kept.heads
        _, sequences, length, width = heads.shape
        seen = grad.view(sequences, length, self._heads, width).permute(2, 0, 1, 3)
        change = heads.new_empty(3 * self._heads, sequences, length, width)
        parts = change.view(3, -1, length, width)
        query, key, value = self._roles(heads)
        out = (parts[0], parts[1], parts[2])
        attend_backward(seen.reshape(-1, length, width), query, key, value, kept.shares, out)
        each = self._heads // self._keys
        if each > 1:
            shared = change[self._heads :].unflatten(0, (2 * self._keys, each)).sum(dim=1)
            change = torch.cat((change[: self._heads], shared))
        mixed = heads.new_empty(sequences, length, len(heads), width).permute(2, 0, 1, 3)
        turned = self._heads + self._keys
        torch.mul(_pairs(change[:turned]), self._back, out=_pairs(mixed[:turned]))
        mixed[turned:] = change[turned:]
        return mixed.permute(1, 2, 0, 3).view(models, rows, -1)


def written_out(model: Model, sequences: int, device: torch.device) -> bool:
    """Whether `Passes` serve here: a Transformer on a CPU whose shares of attention can be held."""
    if model.kind != "transformer" or device.type != "cpu":
        return False
    matrices = model.n_layers * model.architecture.n_heads * sequences
    return held_numbers(matrices, model.seq_len) <= HELD_NUMBERS


def _pairs(x: Tensor) -> Tensor:
    return torch.view_as_complex(x.unflatten(-1, (-1, 2)))


def _product(left: Tensor, right: Tensor, factor: float, out: Tensor | None = None) -> Tensor:
    """``factor * left @ right`` for each model, the factor taken in on the way."""
    if factor == 1.0:
        return torch.bmm(left, right) if out is None else torch.bmm(left, right, out=out)
    if out is None:
        out = left.new_empty(left.shape[0], left.shape[1], right.shape[2])
    return out.baddbmm_(left, right, beta=0.0, alpha=factor)
