"""Which weights does a model have, and what does a token cost it? Known without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isoloss.runs.flops import flop_per_token
from isoloss.training.spec import Model

Role = Literal["embedding", "hidden", "readout"]


@dataclass(frozen=True)
class Slot:
    """One weight of a model.

    Attributes:
        name: unique within the model.
        shape: rows by columns.
        role: ``embedding`` (input side of finite size), ``hidden`` (both sides grow with the
            width) or ``readout`` (only the input side grows).
        fan_in: how many numbers each output sums.
    """

    name: str
    shape: tuple[int, int]
    role: Role
    fan_in: int

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return self.shape[0] * self.shape[1]


def slots(model: Model) -> tuple[Slot, ...]:
    """The weights of a model, in the order in which they are stored."""
    d, vocab = model.d_model, model.vocab
    found = [Slot("embedding", (vocab, d), "embedding", 1)]
    for i in range(model.n_layers):
        found += _lstm_slots(i, d) if model.kind == "lstm" else _block_slots(i, model)
    if not model.tied:
        found.append(Slot("readout", (d, vocab), "readout", d))
    return tuple(found)


def _block_slots(layer: int, model: Model) -> list[Slot]:
    arch = model.architecture
    d, heads = model.d_model, arch.n_heads * arch.d_head
    inner = (2 if model.gated else 1) * arch.d_ff
    return [
        Slot(f"{layer}.attend", (d, heads + 2 * arch.n_kv_heads * arch.d_head), "hidden", d),
        Slot(f"{layer}.mix", (heads, d), "hidden", heads),
        Slot(f"{layer}.up", (d, inner), "hidden", d),
        Slot(f"{layer}.down", (arch.d_ff, d), "hidden", arch.d_ff),
    ]


def _lstm_slots(layer: int, d: int) -> list[Slot]:
    return [
        Slot(f"{layer}.input", (4 * d, d), "hidden", d),
        Slot(f"{layer}.recurrent", (4 * d, d), "hidden", d),
    ]


def param_counts(model: Model) -> dict[str, int]:
    """Parameters under each meaning of N: ``total``, ``nonemb``, ``matmul``, ``active``."""
    if model.kind == "transformer":
        return {n: model.architecture.count(n) for n in ("total", "nonemb", "matmul", "active")}
    sizes = {slot.name: slot.size for slot in slots(model)}
    table = model.vocab * model.d_model
    body = sum(sizes.values()) - table * (1 if model.tied else 2)
    return {
        "total": sum(sizes.values()),
        "nonemb": body,
        "matmul": body + table,
        "active": body,
    }


def model_flop_per_token(model: Model) -> float:
    """Training FLOP per token: every matrix product, the whole attention matrix included."""
    if model.kind == "transformer":
        return flop_per_token(model.architecture, "palm")
    return 6.0 * param_counts(model)["matmul"]
