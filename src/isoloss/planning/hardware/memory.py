"""Does it fit? Weights, gradients, optimiser and activations of training, on one device of many."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from isoloss.errors import InputError, Where
from isoloss.fitting import Notice
from isoloss.planning.hardware.activations import CHECKPOINTING, layer_bytes, logits_bytes
from isoloss.planning.hardware.devices import Device, get_device
from isoloss.planning.hardware.memory_result import MemoryCheck, MemoryNeed, Sharding
from isoloss.runs import Architecture, parse_architecture

# Bytes per parameter: weights, gradients, optimiser (AdamW: two moments, and a master copy).
PRECISIONS: dict[str, tuple[float, float, float, str]] = {
    "mixed": (2, 2, 12, "bf16 weights and gradients; fp32 master copy and moments (ZeRO, 16 N)"),
    "mixed_fp32_grads": (2, 4, 12, "the same with gradients summed in fp32 (Megatron, 18 N)"),
    "mixed_8bit": (2, 2, 6, "fp32 master copy, moments in 8 bits (arXiv 2110.02861)"),
    "bf16": (2, 2, 4, "all in bf16, without a master copy"),
    "fp32": (4, 4, 8, "all in fp32"),
}
RESERVE = 0.10
MOST_DATA = 4096
_TENSOR = (1, 2, 4, 8)


@dataclass(frozen=True)
class Training:
    """How a model is trained, as far as memory goes.

    Attributes:
        precision: a key of `PRECISIONS`.
        checkpointing: ``none``, ``selective`` or ``full``.
        micro_batch: sequences that one device works on at a time.
        sequence_parallel: beside tensor parallelism.
        dropout: whether the model has dropout.
    """

    precision: str = "mixed"
    checkpointing: str = "selective"
    micro_batch: int = 1
    sequence_parallel: bool = True
    dropout: bool = False


def need(arch: Architecture, training: Training, sharding: Sharding) -> MemoryNeed:
    """Bytes on the fullest device.

    The states are those of the largest pipeline stage with its share of the embeddings. Of
    activations the first stage keeps those of as many micro-batches as there are stages
    (arXiv 2205.05198, section 4.2.3), the last one those of one micro-batch and the logits.

    Args:
        arch: the shape; its ``seq_len`` is the length of a sequence.
        training: precision, checkpointing and micro-batch.
        sharding: how many devices share what.
    """
    weight, gradient, optimiser, _ = PRECISIONS[training.precision]
    tensor, stages = sharding.tensor, sharding.pipeline
    layers = math.ceil(arch.n_layers / stages)
    tables = arch.n_total - arch.n_nonemb
    if stages > 1 and not arch.tied:
        tables = math.ceil(tables / 2)
    params = (arch.n_nonemb * layers / arch.n_layers + tables) / tensor
    zero, data = sharding.zero, sharding.data
    each = 4 if training.precision == "fp32" else 2
    tokens = training.micro_batch * max(1, arch.seq_len)
    kept, working = layer_bytes(
        arch,
        training.checkpointing,
        tensor=tensor,
        sequence_parallel=training.sequence_parallel,
        bytes_each=each,
        dropout=training.dropout,
    )
    logits = logits_bytes(arch, tensor=tensor, bytes_each=each)
    first = kept * layers * stages + working
    last = kept * layers + working + logits
    if stages == 1:
        first = last
    return MemoryNeed(
        weights=params * weight / (data if zero >= 3 else 1),
        gradients=params * gradient / (data if zero >= 2 else 1),
        optimiser=params * optimiser / (data if zero >= 1 else 1),
        activations=tokens * max(first, last),
        sharding=sharding,
    )


def memory(
    arch: str | Architecture,
    *,
    hardware: str | Device,
    precision: str = "mixed",
    checkpointing: str = "selective",
    micro_batch: int = 1,
    data: int | None = None,
    tensor: int | None = None,
    pipeline: int | None = None,
    zero: int = 3,
    sequence_parallel: bool = True,
    dropout: bool = False,
    reserve: float = RESERVE,
    table: str | Path | None = None,
) -> MemoryCheck:
    """Whether training fits into a device's memory, and on how few devices it does.

    What is not given of ``data``, ``tensor`` and ``pipeline`` is searched for the fewest devices.

    Args:
        arch: the shape, or a text such as ``L=32 d=4096 H=32 V=32000 T=4096``.
        hardware: the accelerator.
        precision: ``mixed``, ``mixed_fp32_grads``, ``mixed_8bit``, ``bf16`` or ``fp32``.
        checkpointing: ``none``, ``selective`` or ``full``.
        micro_batch: sequences that one device works on at a time.
        data: data-parallel copies.
        tensor: devices that share each matrix.
        pipeline: stages of layers.
        zero: 0 to 3: copies share nothing; the optimiser; gradients too; weights too (Rajbhandari
            et al. 2020, arXiv 1910.02054; 3 is what FSDP does).
        sequence_parallel: beside tensor parallelism.
        dropout: whether the model has dropout.
        reserve: share of the memory that buffers, fragments and the runtime take.
        table: a file of hardware, as for ``get_device``.

    Raises:
        InputError: an option is unusable, the shape lacks its context, or the memory of the
            hardware is not known.
    """
    shape = parse_architecture(arch) if isinstance(arch, str) else arch
    device = get_device(hardware, table)
    training = Training(precision, checkpointing, micro_batch, sequence_parallel, dropout)
    _check(shape, device, training, zero, reserve)
    given = {"data": data, "tensor": tensor, "pipeline": pipeline}
    for name, value in given.items():
        if value is not None and (value < 1 or value != int(value)):
            raise _bad(name, value, "a whole number from 1")
    assert device.memory_bytes is not None
    room = device.memory_bytes * (1.0 - reserve)
    alone = need(shape, training, Sharding(1, 1, 1, zero))
    if all(value is not None for value in given.values()):
        found = need(shape, training, Sharding(data or 1, tensor or 1, pipeline or 1, zero))
        _check_split(shape, found.sharding)
    else:
        found = _fewest(shape, training, room, given, zero)
    return MemoryCheck(
        arch=shape,
        device=device,
        room=room,
        reserve=reserve,
        precision=precision,
        checkpointing=checkpointing,
        micro_batch=micro_batch,
        alone=alone,
        need=found,
        searched=any(value is None for value in given.values()),
        warnings=tuple(_warnings(device, shape)),
    )


def _fewest(
    arch: Architecture,
    training: Training,
    room: float,
    given: dict[str, int | None],
    zero: int,
) -> MemoryNeed:
    """The sharding of the fewest devices that fits; the one that comes closest if none does."""
    best: MemoryNeed | None = None
    closest: MemoryNeed | None = None
    for tensor, pipeline in _splits(arch, given):
        found = _least_data(
            arch, training, room, Sharding(1, tensor, pipeline, zero), given["data"]
        )
        if closest is None or found.total < closest.total:
            closest = found
        fits = found.total <= room
        if fits and (best is None or found.sharding.devices < best.sharding.devices):
            best = found
    assert closest is not None
    return best or closest


def _splits(arch: Architecture, given: dict[str, int | None]) -> Iterator[tuple[int, int]]:
    tensors = [given["tensor"]] if given["tensor"] else [t for t in _TENSOR if _divides(arch, t)]
    stages = [2**k for k in range(arch.n_layers.bit_length()) if 2**k <= arch.n_layers]
    pipelines = [given["pipeline"]] if given["pipeline"] else stages
    for pipeline in pipelines:
        for tensor in tensors:
            _check_split(arch, Sharding(1, tensor or 1, pipeline or 1, 0))
            yield tensor or 1, pipeline or 1


def _least_data(
    arch: Architecture, training: Training, room: float, start: Sharding, data: int | None
) -> MemoryNeed:
    """The fewest copies with which it fits: memory falls as they grow, so bisection finds them."""
    if data is not None or start.zero == 0:
        return need(arch, training, replace(start, data=data or 1))
    low, high = 1, MOST_DATA
    if need(arch, training, replace(start, data=high)).total > room:
        return need(arch, training, replace(start, data=high))
    while low < high:
        middle = (low + high) // 2
        if need(arch, training, replace(start, data=middle)).total <= room:
            high = middle
        else:
            low = middle + 1
    return need(arch, training, replace(start, data=low))


def _divides(arch: Architecture, tensor: int) -> bool:
    return arch.n_heads % tensor == 0 and arch.d_ff % tensor == 0


def _check_split(arch: Architecture, sharding: Sharding) -> None:
    if not _divides(arch, sharding.tensor):
        raise _bad(
            "tensor",
            sharding.tensor,
            f"a divisor of {arch.n_heads} heads and of {arch.d_ff} feed-forward",
        )
    if sharding.pipeline > arch.n_layers:
        raise _bad("pipeline", sharding.pipeline, f"at most the {arch.n_layers} layers")


def _check(
    arch: Architecture, device: Device, training: Training, zero: int, reserve: float
) -> None:
    if training.precision not in PRECISIONS:
        raise _bad("precision", training.precision, f"one of {', '.join(PRECISIONS)}")
    if training.checkpointing not in CHECKPOINTING:
        raise _bad("checkpointing", training.checkpointing, f"one of {', '.join(CHECKPOINTING)}")
    if training.micro_batch < 1 or training.micro_batch != int(training.micro_batch):
        raise _bad("micro_batch", training.micro_batch, "a whole number from 1")
    if zero not in (0, 1, 2, 3):
        raise _bad("zero", zero, "a stage from 0 to 3")
    if not 0 <= reserve < 1:
        raise _bad("reserve", reserve, "a share from 0 to below 1")
    if not arch.seq_len:
        raise InputError(
            "the shape has no context, and activations grow with it.",
            code="bad_architecture",
            where=Where(field="arch"),
            hint="Add T=..., the tokens of a sequence.",
        )
    if device.memory_bytes is None:
        raise InputError(
            f"the memory of {device} is not known.",
            code="missing_memory",
            where=Where(field="hardware"),
            hint=f"Add memory_bytes to [hardware.{device.id}] in isoloss.toml.",
        )


def _warnings(device: Device, arch: Architecture) -> list[Notice]:
    found: list[Notice] = []
    if "memory_bytes" in device.unconfirmed:
        message = f"the memory of {device} rests on no source that was read."
        found.append(Notice("unconfirmed_memory", message))
    if device.caution:
        found.append(Notice("hardware_caution", device.caution))
    if not arch.vocab:
        message = "the shape has no vocabulary, so embeddings and logits are left out."
        found.append(Notice("no_vocab", message))
    return found


def _bad(name: str, value: object, expected: str) -> InputError:
    return InputError(
        f'found "{str(value)[:40]}" where {expected} is expected.',
        code="bad_value",
        where=Where(field=name),
    )
