"""How many bytes of activations does training keep for one token of one layer?

Counted as in Korthikanti et al. 2022 (arXiv 2205.05198, section 4), whose layer (as many key heads
as query heads, feed-forward 4 d, dropout) keeps ``d (34 + 5 H T / d)`` bytes per token in 16 bits,
``d (10 + 24/t + 5 H T / (d t))`` with tensor parallelism t, and all of it divided by t with
sequence parallelism. The terms below are the same sums for grouped queries, gates and experts.
"""

from __future__ import annotations

from dataclasses import dataclass

from isoloss.runs import Architecture

CHECKPOINTING = {
    "none": "all activations are kept, the attention matrix too",
    "selective": "the attention matrix is recomputed, as fused attention kernels do",
    "full": "only the input of each layer is kept",
}


@dataclass(frozen=True)
class Kept:
    """Bytes per token of one layer, by what tensor parallelism does to them.

    Attributes:
        whole: inputs of norms and blocks, and their dropout masks: on every device, unless
            sequence parallelism splits them.
        split: what the split matrices read and write.
        attention: the attention matrix, split by heads.
    """

    whole: float
    split: float
    attention: float

    def on_one(self, tensor: int, *, sequence_parallel: bool, matrix: bool) -> float:
        """Bytes per token on one device."""
        whole = self.whole / (tensor if sequence_parallel else 1)
        return whole + (self.split + (self.attention if matrix else 0.0)) / tensor


def kept_per_token(arch: Architecture, *, bytes_each: int = 2, dropout: bool = False) -> Kept:
    """What one layer keeps for one token.

    Args:
        arch: the shape; ``seq_len`` is the length of the attention matrix's rows.
        bytes_each: of one activation: 2 in bf16, 4 in fp32.
        dropout: whether dropout masks (one byte each) and dropped attention are kept too.
    """
    d, heads = arch.d_model, arch.n_heads * arch.d_head
    used = max(1, arch.moe_topk)
    mask = 1 if dropout else 0
    # Inputs of the two norms, of the attention and of the feed-forward (a copy for each expert).
    whole = bytes_each * d * (3 + used) + 2 * mask * d
    # Queries and what the output matrix reads; keys and values.
    attention_io = bytes_each * (2 * heads + 2 * arch.n_kv_heads * arch.d_head)
    # Plain: before and after the activation. Gated: gate, up and their product; the activation of
    # the gate is made again in the backward pass, as fused kernels do.
    feed_forward = bytes_each * (3 if arch.gated else 2) * arch.d_ff * used
    router = 4 * arch.moe_experts
    rows = arch.n_heads * arch.seq_len
    matrix = rows * (2 * bytes_each + 1 if dropout else bytes_each)
    return Kept(float(whole + router), float(attention_io + feed_forward), float(matrix))


def layer_bytes(
    arch: Architecture,
    checkpointing: str,
    *,
    tensor: int = 1,
    sequence_parallel: bool = True,
    bytes_each: int = 2,
    dropout: bool = False,
) -> tuple[float, float]:
    """Bytes per token of one layer that are kept for the backward pass, and its working set.

    The working set is what the one layer that is recomputed needs at a time; it is counted once.

    Args:
        arch: the shape.
        checkpointing: ``none``, ``selective`` or ``full``.
        tensor: tensor parallelism.
        sequence_parallel: norms and block inputs are split along the sequence too.
        bytes_each: of one activation.
        dropout: as for ``kept_per_token``.
    """
    kept = kept_per_token(arch, bytes_each=bytes_each, dropout=dropout)
    full = kept.on_one(tensor, sequence_parallel=sequence_parallel, matrix=checkpointing == "none")
    if checkpointing != "full":
        return full, 0.0
    inputs = bytes_each * arch.d_model / (tensor if sequence_parallel else 1)
    return inputs, full


def logits_bytes(arch: Architecture, *, tensor: int = 1, bytes_each: int = 2) -> float:
    """Bytes per token of the last norm, the output layer's input, and the logits in fp32."""
    return (2 * bytes_each * arch.d_model + 4 * arch.vocab) / tensor
