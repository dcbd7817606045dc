"""How many FLOP does training on one token cost, under each convention of the field?

All formulas count multiply-add as two FLOP, and the backward pass as twice the forward pass.
Attention costs per layer and token ``2 T d_attn`` for the scores and as much for the mixing, with
``d_attn = H Q``; grouped-query attention shares keys, so it saves parameters but not these.
"""

from __future__ import annotations

from isoloss.errors import InputError
from isoloss.runs.architecture import Architecture
from isoloss.runs.conventions import FLOP_CONVENTIONS


def flop_per_token(
    arch: Architecture, convention: str = "palm", *, n: str = "total", logits: bool = True
) -> float:
    """Training FLOP per token, forward and backward.

    Args:
        arch: the shape of the model.
        convention: ``6nd``, ``kaplan``, ``palm``, ``causal`` or ``chinchilla_f``.
        n: which N the rule ``6nd`` means: ``total``, ``nonemb``, ``matmul`` or ``active``.
        logits: whether the output layer counts (and, in ``chinchilla_f``, the embedding look-up).
            Hoffmann's own table is reproduced only without them.

    Raises:
        InputError: there is no such convention, or the shape lacks what it needs.
    """
    if convention == "6nd":
        return 6.0 * arch.count(n)
    if convention not in FLOP_CONVENTIONS:
        raise InputError(
            f'found "{convention}" where a FLOP convention is expected.',
            code="unknown_convention",
            hint=f"Known: {', '.join(FLOP_CONVENTIONS)}.",
        )
    for name in ("seq_len", "vocab"):
        if not getattr(arch, name) and (name == "seq_len" or (logits and convention != "kaplan")):
            raise InputError(
                f'"{name}" is missing, and the convention {convention} needs it.',
                code="bad_architecture",
                hint="Add V=... (vocabulary) and T=... (context), or use 6nd.",
            )
    if convention == "kaplan":
        return _kaplan(arch)
    if convention == "chinchilla_f":
        return _chinchilla_f(arch, logits)
    matmul = arch.n_matmul if logits else arch.n_active
    return 6.0 * matmul + (12.0 if convention == "palm" else 6.0) * _context(arch)


def _context(arch: Architecture) -> float:
    """L H Q T: the size of the attention matrices per token."""
    return float(arch.n_layers * arch.n_heads * arch.d_head * arch.seq_len)


def _kaplan(arch: Architecture) -> float:
    """Kaplan et al. 2020, table 1: C_forward = 2 N + 2 L T d_attn, without embeddings."""
    return 3.0 * (2 * arch.n_active + 2 * _context(arch))


def _chinchilla_f(arch: Architecture, logits: bool) -> float:
    """Hoffmann et al. 2022, appendix F, extended to grouped queries, gates and experts."""
    embeddings = 4 * arch.vocab * arch.d_model if logits else 0
    softmax = 3 * arch.n_layers * arch.n_heads * arch.seq_len
    return 3.0 * (embeddings + 2 * arch.n_active + 4 * _context(arch) + softmax)
