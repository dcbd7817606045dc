"""How fast can this device multiply matrices? Measured, so that utilisation means something."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
import time
from pathlib import Path

from isoloss.atomic import write_text
from isoloss.document import dumps
from isoloss.training.ladder import read_object
from isoloss.training.layout import PEAK

_SIDE = 1024
_REPEATS = 8


def matmul_peak(device: str = "cpu") -> float:
    """FLOP/s of a square product of 1024 on one thread, or of 8192 in bfloat16 on an accelerator.

    The best of several, because anything else on the machine only makes it slower.
    """
    import torch

    if device != "cpu":
        return _measure(torch.randn(8192, 8192, device=device, dtype=torch.bfloat16), device)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measure(torch.randn(_SIDE, _SIDE), device)
    finally:
        torch.set_num_threads(threads)


def measured_peak(folder: Path, device: str = "cpu") -> float:
    """The peak of this device, measured now and kept in a ladder's folder for `known_peak`.

    Workers ask for it, so that the process that starts them need not load PyTorch.
    """
    found = matmul_peak(device)
    write_text(folder / PEAK, dumps({"device": device, "flop_per_s": found}))
    return found


def known_peak(folder: Path) -> float:
    """The peak that a worker of this ladder measured last, FLOP/s; NaN where none did."""
    found = (read_object(folder / PEAK) or {}).get("flop_per_s")
    return float(found) if isinstance(found, int | float) else math.nan


def _measure(matrix: object, device: str) -> float:
    import torch

    assert isinstance(matrix, torch.Tensor)
    best = float("inf")
    for _ in range(_REPEATS):
        began = time.perf_counter()
        torch.mm(matrix, matrix)
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2.0 * matrix.shape[0] ** 3 / best
