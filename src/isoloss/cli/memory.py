"""``isoloss memory``: does training fit, and on how few devices?"""

from __future__ import annotations

from isoloss.cli.options import OUTPUT, Devices, Output
from isoloss.cli.text import footer


def memory(
    *,
    arch: str,
    hardware: str,
    precision: str = "mixed",
    checkpointing: str = "selective",
    micro_batch: Devices = 1,
    data: Devices | None = None,
    tensor: Devices | None = None,
    pipeline: Devices | None = None,
    zero: int = 3,
    no_sequence_parallel: bool = False,
    dropout: bool = False,
    reserve: float = 0.1,
    hardware_table: str | None = None,
    output: Output = OUTPUT,
) -> None:
    """Say whether training fits into a device's memory, on how few devices, and what binds.

    What is not given of --data, --tensor and --pipeline is searched for the fewest devices. Keys
    of --arch are those of isoloss flops; T, the context, is needed.

    Args:
        arch: The shape, for example 'L=32 d=4096 H=32 ff=11008 V=32000 T=4096 gated tied=no'.
        hardware: The accelerator, such as h100.
        precision: mixed (16 bytes per parameter), mixed_fp32_grads (18), mixed_8bit (10), bf16 (8)
            or fp32 (16).
        checkpointing: none, selective (the attention matrix is recomputed) or full.
        micro_batch: Sequences that one device works on at a time.
        data: Data-parallel copies.
        tensor: Devices that share each matrix.
        pipeline: Stages of layers.
        zero: What copies share: 0 nothing, 1 the optimiser, 2 gradients too, 3 weights too (FSDP).
        no_sequence_parallel: Norms and block inputs are whole on every device of a tensor group.
        dropout: The model has dropout.
        reserve: Share of the memory that buffers, fragments and the runtime take.
        hardware_table: A TOML file with [hardware.ID] tables of your own.
        output: How the answer is written.
    """
    from isoloss.planning.hardware import memory as check_memory

    found = check_memory(
        arch,
        hardware=hardware,
        precision=precision,
        checkpointing=checkpointing,
        micro_batch=micro_batch,
        data=data,
        tensor=tensor,
        pipeline=pipeline,
        zero=zero,
        sequence_parallel=not no_sequence_parallel,
        dropout=dropout,
        reserve=reserve,
        table=hardware_table,
    )
    output.give(text=lambda: f"{found.summary()}\n{footer(None, None)}", document=found.to_dict)
