"""The few steps of a small model that PyTorch's own kernels do slowly on a CPU.

Each is exact, keeps what the backward pass needs, and so computes every transcendental once.
Measured in ``benchmarks/training.py`` on a CPU.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportIncompatibleMethodOverride=false

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

EPSILON = 1e-5


def normalize(x: Tensor) -> tuple[Tensor, Tensor]:
    """RMSNorm over the last axis, and the scale of each row."""
    size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    scale = size.square_().mul_(1.0 / x.shape[-1]).add_(EPSILON).rsqrt_()
    return x * scale, scale


def normalize_backward(grad: Tensor, out: Tensor, scale: Tensor, into: Tensor) -> None:
    """Add the gradient of the input to ``into``; ``grad``, that of the output, is used up.

    With y = x s: dx = s (g - y mean(g y)).
    """
    along = torch.mul(grad, out).sum(dim=-1, keepdim=True).mul_(-1.0 / out.shape[-1])
    into.addcmul_(grad.addcmul_(out, along), scale)


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        out, scale = normalize(x)
        ctx.save_for_backward(out, scale)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        out, scale = ctx.saved_tensors
        into = torch.zeros_like(out)
        normalize_backward(grad.clone(), out, scale, into)
        return into


def norm(x: Tensor) -> Tensor:
    """RMSNorm without gains (Zhang and Sennrich 2019) over the last axis."""
    return _Norm.apply(x)  # pyright: ignore[reportReturnType]


class _SwiGlu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        open_ = torch.sigmoid(gate)
        ctx.save_for_backward(gate, up, open_)
        return (gate * open_).mul_(up)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        gate, up, open_ = ctx.saved_tensors
        silu = gate * open_
        # silu' = s + silu (1 - s)
        slope = torch.addcmul(open_ + silu, silu, open_, value=-1.0)
        return slope.mul_(up).mul_(grad), silu.mul_(grad)


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """``silu(gate) * up`` (Shazeer 2020)."""
    return _SwiGlu.apply(gate, up)  # pyright: ignore[reportReturnType]


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _turned(grad.contiguous(), cos, -sin), None, None


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    # A rotation of pairs is one product of complex numbers, in one pass over memory.
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * torch.complex(cos, sin)).flatten(-2)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021): neighbouring pairs of x, turned by their angles.

    Args:
        x: (..., T, heads, d_head), d_head even.
        cos: cosines of the angles, broadcasting with (..., T, heads, d_head / 2).
        sin: their sines.
    """
    return _Rotate.apply(x, cos, sin)  # pyright: ignore[reportReturnType]


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        top = logits.amax(dim=-1, keepdim=True)
        shares = (logits - top).exp_()
        total = shares.sum(dim=-1, keepdim=True)
        picked = logits.gather(-1, targets[..., None])
        loss = (top + total.log() - picked).squeeze(-1).mean(dim=-1)
        ctx.save_for_backward(shares.div_(total), targets)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        shares, targets = ctx.saved_tensors
        ones = torch.full_like(targets[..., None], -1, dtype=shares.dtype)
        out = shares.scatter_add(-1, targets[..., None], ones)
        return out.mul_((grad / targets.shape[-1])[..., None, None]), None


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy per model, nats per token.

    Args:
        logits: (P, M, V) in float32.
        targets: token numbers (P, M).

    Returns:
        Loss (P,).
    """
    return _CrossEntropy.apply(logits, targets)  # pyright: ignore[reportReturnType]
