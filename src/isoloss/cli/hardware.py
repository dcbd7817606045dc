"""``isoloss hardware``: accelerators, and what an hour of one does and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isoloss.cli.documents import document
from isoloss.cli.means import MEANS, MeansOptions
from isoloss.cli.options import OUTPUT, Output, placed
from isoloss.cli.text import columns, paragraph
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.planning.hardware import Cost, Device


def hardware(
    name: str | None = None,
    /,
    *,
    budget: str | None = None,
    means: MeansOptions = MEANS,
    output: Output = OUTPUT,
) -> None:
    """List accelerators, show one, or turn a budget into FLOP, device-hours, days and money.

    Peaks are dense bf16 of one chip. Rows of your own, and your prices, go into isoloss.toml as
    [hardware.ID] tables, or into a file for --hardware-table.

    Args:
        name: An id, a name, or what nvidia-smi prints.
        budget: Also show what this buys or costs: 1e24, '12k H100-hours', '29 days' or '$2M'.
        means: MFU, price and number of devices for the budget.
        output: How the answer is written.
    """
    from dataclasses import replace

    from isoloss.planning.hardware import get_device, list_devices

    if name is not None and means.hardware is not None:
        raise InputError(
            "the hardware is named twice.",
            code="conflicting_options",
            where=Where(field="--hardware"),
            hint="Give the name alone: isoloss hardware h100.",
        )
    chosen = name or means.hardware
    devices = list_devices(means.hardware_table)
    if chosen is not None:
        with placed("NAME"):
            devices = (get_device(chosen, means.hardware_table),)
    spent = None if budget is None else _cost(budget, replace(means, hardware=chosen))
    notes = () if spent is None else spent.notes
    output.give(
        text=lambda: _text(devices, chosen is not None, spent),
        document=lambda: (
            document("hardware", warnings=[notice.to_dict() for notice in notes])
            | {
                "devices": [device.to_dict() for device in devices],
                "cost": None if spent is None else spent.to_dict(),
            }
        ),
    )


def _cost(budget: str, options: MeansOptions) -> Cost:
    from isoloss.planning.hardware import parse_budget, settle
    from isoloss.planning.hardware.budget import missing

    with placed("--budget"):
        amount = parse_budget(budget)
    means = options.means().naming(amount)
    if means.hardware is None:
        raise missing("hardware", "which hardware is used")
    found = settle(amount, means).cost("given")
    assert found is not None
    return found


def _text(devices: tuple[Device, ...], one: bool, spent: Cost | None) -> str:
    parts = [_one(devices[0]) if one else _table(devices)]
    if spent is not None:
        from isoloss.cli.text import flop_text
        from isoloss.planning.hardware.means import cost_text

        lines = [f"{flop_text(spent.flop.estimate)} FLOP", *cost_text(spent.to_dict())]
        parts.append("\n".join(f"  {line}" for line in lines))
    return "\n".join(parts)


def _table(devices: tuple[Device, ...]) -> str:
    head = ["id", "name", "bf16 TFLOP/s", "fp8", "memory GB", "source"]
    rows = [head]
    for device in devices:
        marked = "?" if "memory_bytes" in device.unconfirmed else ""
        rows.append(
            [
                device.id + ("!" if device.caution else ""),
                f"{device.vendor} {device.name}".strip(),
                _tera(device.bf16_flop_per_s),
                _tera(device.fp8_flop_per_s),
                _giga(device.memory_bytes) + marked,
                device.source,
            ]
        )
    notes = "  per chip, dense; ! has a caution (isoloss hardware NAME); ? rests on no source read"
    return f"{columns(rows, align='<<>>><')}\n{notes}"


def _one(device: Device) -> str:
    rows: list[list[str]] = [
        ["bf16", f"{_tera(device.bf16_flop_per_s)} TFLOP/s dense, one {device.unit}"],
        ["fp8", f"{_tera(device.fp8_flop_per_s)} TFLOP/s"],
        ["memory", f"{_giga(device.memory_bytes)} GB"],
        ["source", f"{device.source}; checked {device.checked}".strip("; ")],
        ["also", ", ".join(device.aliases)],
    ]
    if device.price_per_hour is not None:
        rows.append(["price", f"{device.price_per_hour:g} {device.currency} per hour (yours)"])
    missing: dict[str, Any] = {"fp8": device.fp8_flop_per_s, "memory": device.memory_bytes}
    rows = [row for row in rows if missing.get(row[0], 1) is not None and row[1]]
    lines = [f"{device.id}: {device.vendor} {device.name}".rstrip(), columns(rows, indent=4)]
    if device.unconfirmed:
        lines.append(f"  ! no source was read for {', '.join(device.unconfirmed)}.")
    if device.caution:
        lines.append(paragraph(f"! {device.caution}"))
    return "\n".join(lines)


def _tera(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e12:,.0f}"


def _giga(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e9:.0f}"
