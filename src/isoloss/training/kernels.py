"""The few steps of a small model that PyTorch's own kernels do slowly on a CPU.

Each is exact, keeps what the backward pass needs, and so computes every transcendental once.
Measured in ``benchmarks/training.py`` on a CPU.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportIncompatibleMethodOverride=false

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_CUBIC = 0.044715
_SCALE = math.sqrt(2.0 / math.pi)


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        square = x * x
        inner = square.mul(_CUBIC * _SCALE).add_(_SCALE).mul_(x)
        bent = inner.tanh_()
        ctx.save_for_backward(x, square, bent)
        return (bent + 1.0).mul_(x).mul_(0.5)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        x, square, bent = ctx.saved_tensors
        # d/dx [x (1 + t) / 2] with t = tanh(u): (1 + t) / 2 + x (1 - t^2) u' / 2
        inner = square.mul(3.0 * _CUBIC * _SCALE).add_(_SCALE).mul_(x)
        slope = torch.addcmul(inner, inner * bent, bent, value=-1.0)
        return slope.add_(bent).add_(1.0).mul_(grad).mul_(0.5)


def gelu(x: Tensor) -> Tensor:
    """GELU by its tanh form (Hendrycks and Gimpel 2016), element by element."""
    return _Gelu.apply(x)  # pyright: ignore[reportReturnType]


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
        return _rotated(x, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _rotated(grad, cos, -sin), None, None


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = x.chunk(2, dim=-1)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    first, second = out.chunk(2, dim=-1)
    torch.mul(left, cos, out=first)
    first.addcmul_(right, sin, value=-1.0)
    torch.mul(left, sin, out=second)
    second.addcmul_(right, cos)
    return out


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021): pairs of x, half a head apart, turned by their angles.

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
