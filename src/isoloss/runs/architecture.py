"""How many parameters does a Transformer of a given shape have, under each meaning of N?"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from typing import Any

from isoloss.errors import InputError
from isoloss.runs.quantities import parse_quantity

_SPELLINGS = {
    "L": "n_layers",
    "layers": "n_layers",
    "n_layer": "n_layers",
    "d": "d_model",
    "n_embd": "d_model",
    "hidden_size": "d_model",
    "H": "n_heads",
    "heads": "n_heads",
    "n_head": "n_heads",
    "KV": "n_kv_heads",
    "kv_heads": "n_kv_heads",
    "Q": "d_head",
    "head_dim": "d_head",
    "ff": "d_ff",
    "V": "vocab",
    "vocab_size": "vocab",
    "T": "seq_len",
    "block_size": "seq_len",
    "E": "moe_experts",
    "experts": "moe_experts",
    "K": "moe_topk",
    "topk": "moe_topk",
    "swiglu": "gated",
}
_FLAGS = ("tied", "gated", "learned_positions")
_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class Architecture:
    """The shape of a decoder-only Transformer.

    Counts are of weight matrices and embedding tables. Norm gains and biases are left out, as in
    the field's formulas; they are less than 0.1 % of any model above a few million parameters.

    Attributes:
        n_layers: layers L.
        d_model: width d.
        n_heads: query heads H; by default ``d_model / 64``, at least one.
        n_kv_heads: key and value heads (grouped-query attention); by default as many as queries.
        d_head: width Q of one head; by default ``d_model / n_heads``.
        d_ff: feed-forward width, of one expert in a mixture; by default ``4 d_model``.
        vocab: vocabulary V; 0 leaves embeddings and logits out.
        seq_len: context T in tokens; 0 leaves the attention matrix out of FLOP counts.
        tied: input and output embedding are one table.
        gated: gated feed-forward such as SwiGLU, with three matrices and not two.
        moe_experts: experts per layer; 0 for a dense model.
        moe_topk: experts used per token.
        learned_positions: a learned table of ``seq_len`` positions, counted with the embeddings.
    """

    n_layers: int
    d_model: int
    n_heads: int = 0
    n_kv_heads: int = 0
    d_head: int = 0
    d_ff: int = 0
    vocab: int = 0
    seq_len: int = 0
    tied: bool = True
    gated: bool = False
    moe_experts: int = 0
    moe_topk: int = 0
    learned_positions: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            least = 1 if field.name in ("n_layers", "d_model") else 0
            value = getattr(self, field.name)
            if value < least:
                raise _bad(f"found {value}, where at least {least} is expected.", field.name)
        heads = self.n_heads or max(1, self.d_model // 64)
        if not self.d_head and self.d_model % heads:
            raise _bad(f"{heads} heads do not divide d_model = {self.d_model}.", "n_heads")
        kv_heads = self.n_kv_heads or heads
        if heads % kv_heads:
            raise _bad(f"{kv_heads} key heads do not divide {heads} query heads.", "n_kv_heads")
        if bool(self.moe_experts) != bool(self.moe_topk) or self.moe_topk > self.moe_experts:
            raise _bad(
                f"found {self.moe_topk} of {self.moe_experts} experts per token, where both or "
                "none are expected.",
                "moe_topk",
            )
        defaults = {
            "n_heads": heads,
            "n_kv_heads": kv_heads,
            "d_head": self.d_head or self.d_model // heads,
            "d_ff": self.d_ff or 4 * self.d_model,
        }
        for name, value in defaults.items():
            object.__setattr__(self, name, value)

    @property
    def attention_per_layer(self) -> int:
        """Query, key, value and output matrices of one layer."""
        return 2 * self.d_model * self.d_head * (self.n_heads + self.n_kv_heads)

    @property
    def mlp_per_expert(self) -> int:
        """Feed-forward matrices of one layer, or of one expert."""
        return (3 if self.gated else 2) * self.d_model * self.d_ff

    @property
    def n_nonemb(self) -> int:
        """Parameters without input and output embeddings, all experts counted (Kaplan)."""
        return self.n_layers * (
            self.attention_per_layer
            + max(1, self.moe_experts) * self.mlp_per_expert
            + self.moe_experts * self.d_model
        )

    @property
    def n_active(self) -> int:
        """Parameters without embeddings that one token uses; `n_nonemb` in a dense model."""
        return self.n_layers * (
            self.attention_per_layer
            + max(1, self.moe_topk) * self.mlp_per_expert
            + self.moe_experts * self.d_model
        )

    @property
    def n_matmul(self) -> int:
        """Every weight that multiplies a token: `n_active` and the unembedding."""
        return self.n_active + self.vocab * self.d_model

    @property
    def n_total(self) -> int:
        """All parameters, a tied table counted once (Hoffmann)."""
        tables = (1 if self.tied else 2) * self.vocab
        positions = self.seq_len if self.learned_positions else 0
        return self.n_nonemb + (tables + positions) * self.d_model

    def count(self, n: str) -> int:
        """The count under a meaning of N: ``total``, ``nonemb``, ``matmul`` or ``active``.

        Raises:
            InputError: there is no such meaning.
        """
        counts = {
            "total": self.n_total,
            "nonemb": self.n_nonemb,
            "matmul": self.n_matmul,
            "active": self.n_active,
        }
        if n not in counts:
            raise InputError(
                f'found "{n}" where a meaning of N is expected.',
                code="unknown_convention",
                hint=f"Known: {', '.join(counts)}.",
            )
        return counts[n]


def parse_architecture(text: str) -> Architecture:
    """The architecture that a text such as ``L=12 d=768 H=12 V=50304 T=1024`` describes.

    Keys are the fields of `Architecture` or the field's letters: L layers, d width, H heads, KV
    key heads, Q head width, ff feed-forward width, V vocabulary, T context, E experts, K experts
    per token; ``tied``, ``gated`` (or ``swiglu``) and ``learned_positions`` take yes or no.

    Raises:
        InputError: a key is unknown, given twice or missing, or a value is no whole number.
    """
    known = [field.name for field in fields(Architecture)]
    values: dict[str, Any] = {}
    for item in text.replace(",", " ").split():
        key, equals, value = item.partition("=")
        name = _SPELLINGS.get(key, key)
        if name not in known:
            close = difflib.get_close_matches(key, [*known, *_SPELLINGS], n=1)
            guess = f'Did you mean "{close[0]}"? ' if close else ""
            raise _bad(
                f'found "{item[:60]}", where a part such as L=12 is expected.',
                key[:60],
                f"{guess}Known: {', '.join(known)}, or L d H KV Q ff V T E K.",
            )
        if name in values:
            raise _bad(f'"{name}" is given twice.', name)
        values[name] = _flag(value, name, bool(equals)) if name in _FLAGS else _whole(value, name)
    for name in ("n_layers", "d_model"):
        if name not in values:
            raise _bad(f'"{name}" is missing.', name)
    return Architecture(**values)


def _flag(value: str, name: str, has_value: bool) -> bool:
    if not has_value:
        return True
    if value.lower() not in _WORDS:
        raise _bad(f'found "{value[:40]}", where yes or no is expected.', name)
    return _WORDS[value.lower()]


def _whole(value: str, name: str) -> int:
    refusal = _bad(f'found "{value[:40]}", where a whole number is expected.', name)
    try:
        number = 0.0 if value == "0" else parse_quantity(value)
    except InputError as error:
        raise refusal from error
    if number != int(number):
        raise refusal
    return int(number)


def _bad(message: str, name: str, hint: str | None = None) -> InputError:
    return InputError(
        f"architecture, {name}: {message}",
        code="bad_architecture",
        hint=hint or "Write it like 'L=12 d=768 H=12 V=50304 T=1024'.",
    )
