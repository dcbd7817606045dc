"""Which share of the peak did each run reach? From a column, or from times and FLOP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.planning.hardware.devices import Device, get_device
from isoloss.runs import Runs

Array = NDArray[np.float64]
_RATES = ("tokens_per_second", "tokens_per_sec", "tokens_per_s", "tok_s", "tokens_s")


@dataclass(frozen=True)
class Throughput:
    """Utilisation of the runs that say enough.

    Attributes:
        params: N of each (n,).
        mfu: share of the dense bf16 peak (n,).
        n_silent: runs that do not say enough.
        device: the one device of all of them; empty where they are of several, or not said.
        rule: how the shares were found: ``given`` or ``derived``.
    """

    params: Array
    mfu: Array
    n_silent: int
    device: str
    rule: str


def throughput(
    runs: Runs, device: str | Device | None = None, table: str | None = None
) -> Throughput:
    """The utilisation of each run.

    A column ``mfu`` is taken as it is. Otherwise C / (device-seconds times peak), where the
    device-seconds are ``device_hours``, or ``wall_seconds`` times ``n_devices``, or follow from
    a column ``tokens_per_second`` (of all devices) and ``n_devices``.

    Args:
        runs: the table.
        device: the hardware, where the runs do not name it.
        table: as for ``get_device``.

    Raises:
        InputError: a share is above 1, or a device is unknown.
        EvidenceError: no run says how long it took.
    """
    frame = runs.ok().frame
    rows: list[dict[str, Any]] = frame.to_dicts()
    params: list[float] = []
    shares: list[float] = []
    names: set[str] = set()
    derived = False
    column = runs.conventions.n_column
    given = None if device is None else get_device(device, table)
    for row in rows:
        n = row.get(column)
        share = row.get("mfu")
        chip = given
        if chip is None and row.get("device"):
            chip = get_device(str(row["device"]), table)
        if share is None and chip is not None:
            share, derived = _derived(row, chip, n), True
        if share is None or n is None:
            continue
        if not 0 < share <= 1:
            raise InputError(
                f"run {row['run_id']} reaches {share:.3g} of the peak, where a share above 0 and "
                "at most 1 is possible.",
                code="bad_mfu",
                where=Where(file=runs.source, field="mfu"),
                hint="Are the FLOP, the times or the number of devices in another unit? Peaks are "
                "dense bf16 per chip: isoloss hardware shows them.",
            )
        params.append(float(n))
        shares.append(float(share))
        names.add(chip.id if chip else "")
    if not params:
        raise EvidenceError(
            "no run says how much compute an hour did.",
            code="no_throughput",
            hint="Runs need N, and a column mfu; or flop and device (or --device), with "
            "device_hours, or wall_seconds and n_devices, or tokens_per_second and n_devices.",
        )
    return Throughput(
        params=np.array(params),
        mfu=np.array(shares),
        n_silent=len(rows) - len(params),
        device=names.pop() if len(names) == 1 else "",
        rule="derived" if derived else "given",
    )


def _derived(row: dict[str, Any], chip: Device, n: float | None) -> float | None:
    """C over what the devices could have done; C = 6 N D where it is not given."""
    tokens = row.get("tokens")
    flop = row.get("flop")
    if flop is None and n and tokens:
        flop = 6.0 * n * tokens
    if not flop:
        return None
    seconds = None
    if row.get("device_hours"):
        seconds = 3600.0 * row["device_hours"]
    elif row.get("wall_seconds") and row.get("n_devices"):
        seconds = row["wall_seconds"] * row["n_devices"]
    else:
        rate = next((row[name] for name in _RATES if row.get(name)), None)
        if rate and tokens and row.get("n_devices"):
            seconds = tokens / float(rate) * row["n_devices"]
    return None if not seconds else flop / (seconds * chip.bf16_flop_per_s)
