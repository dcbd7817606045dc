"""Causal attention over short contexts, written out for a CPU: products of matrices and a softmax.

PyTorch's own kernel for the CPU never holds the matrix of shares, which saves memory that a short
context does not need, and pays for it in time (docs/decisions/training.md). Queries are taken in
blocks of rows that see the keys up to their own end, so that most of what the mask would hide is
never computed, and matrices in groups that stay in the cache.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateUsage=false, reportPrivateImportUsage=false

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor

ROWS = 128  # of queries in a block
GROUP = 1 << 17  # scores computed at a time, half a megabyte: they stay in the second cache


def attend(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, list[Tensor]]:
    """What each position gathers from itself and those before it.

    Args:
        query: (N, T, W), N matrices side by side.
        key: (N, T, W).
        value: (N, T, W).

    Returns:
        The mixtures of values (N, T, W), and the shares of every block for `attend_backward`.
    """
    scale = 1.0 / math.sqrt(query.shape[-1])
    out = torch.empty_like(query)
    kept: list[Tensor] = []
    for q, k, v, mixed in _groups(query, key, value, out):
        for rows in _rows(q.shape[1]):
            seen = slice(0, rows.stop)
            mask = _mask(rows.start, rows.stop, q.dtype, q.device)
            keys = _some(k, seen).transpose(1, 2)
            scores = torch.baddbmm(mask, _some(q, rows), keys, alpha=scale)
            shares = torch.softmax(scores, dim=-1)
            torch.bmm(shares, _some(v, seen), out=_some(mixed, rows))
            kept.append(shares)
    return out, kept


def attend_backward(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    kept: list[Tensor],
    out: tuple[Tensor, Tensor, Tensor],
) -> None:
    """The gradients of query, key and value, from that of the mixtures.

    With shares S = softmax(Q K' c) and O = S V: dV = S' dO, dS = dO V', the softmax turns dS into
    dZ = S (dS - sum(S dS)) by rows, dQ = c dZ K, dK = c dZ' Q.

    Args:
        grad: of the mixtures (N, T, W).
        query: as given to `attend`.
        key: as given to `attend`.
        value: as given to `attend`.
        kept: as `attend` returned them.
        out: where the gradients of query, key and value are written.
    """
    scale = 1.0 / math.sqrt(query.shape[-1])
    blocks = iter(kept)
    for q, k, v, g, to_q, to_k, to_v in _groups(query, key, value, grad, *out):
        beta = 0.0  # the first block of a group sees all keys and writes; those after it add
        for rows in _rows(q.shape[1]):
            seen, shares = slice(0, rows.stop), next(blocks)
            part = _some(g, rows)
            change = torch.bmm(part, _some(v, seen).transpose(1, 2))
            change = torch._softmax_backward_data(change, shares, -1, shares.dtype)
            _some(to_q, rows).baddbmm_(change, _some(k, seen), beta=0.0, alpha=scale)
            _some(to_v, seen).baddbmm_(shares.transpose(1, 2), part, beta=beta)
            _some(to_k, seen).baddbmm_(
                change.transpose(1, 2), _some(q, rows), beta=beta, alpha=scale
            )
            beta = 1.0


def held_numbers(matrices: int, length: int) -> int:
    """How many shares are held for N matrices of a context, as numbers."""
    return matrices * sum((rows.stop - rows.start) * rows.stop for rows in _rows(length))


def _groups(*parts: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Matrices in groups whose scores stay in the cache."""
    length = parts[0].shape[1]
    size = max(1, GROUP // (length * min(length, ROWS)))
    return zip(*(part.split(size) for part in parts), strict=True)


@cache
def _rows(length: int) -> list[slice]:
    """Blocks of rows, from the last to the first."""
    starts = range(0, length, ROWS)
    return [slice(start, min(start + ROWS, length)) for start in reversed(starts)]


def _some(part: Tensor, rows: slice) -> Tensor:
    # A view costs a microsecond, and short contexts have one block only.
    return part if rows.stop - rows.start == part.shape[1] else part[:, rows]


@cache
def _mask(start: int, stop: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zero where a row sees a key, minus infinity where it does not."""
    hidden = torch.full((stop - start, stop), -math.inf, dtype=dtype, device=device)
    return hidden.triu_(start + 1)
