"""What can one chip do? The shipped table of accelerators, and the rows that users add."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from isoloss.errors import InputError, Where

TABLE = "hardware"
CONFIG = "isoloss.toml"
_NUMBERS = ("bf16_flop_per_s", "fp8_flop_per_s", "memory_bytes", "price_per_hour")
_LISTS = ("aliases", "unconfirmed")


@dataclass(frozen=True)
class Device:
    """One accelerator, per chip.

    Attributes:
        id: short name, such as ``h100``.
        bf16_flop_per_s: dense bfloat16 peak, FLOP/s.
        vendor: who makes it.
        name: as people say it.
        aliases: other names, among them what ``nvidia-smi`` prints.
        fp8_flop_per_s: dense FP8 peak; None where it is not known.
        memory_bytes: memory; None where it is not known.
        unit: what one device is: a chip, not a core and not a node.
        source: who says so.
        checked: when that was looked up, as ``2026-11-25``.
        caution: what must be known before the numbers are used; empty where there is nothing.
        unconfirmed: fields that rest on no source that was read.
        price_per_hour: the user's price of a device-hour; never shipped.
        currency: of that price, such as ``USD``.
    """

    id: str
    bf16_flop_per_s: float
    vendor: str = ""
    name: str = ""
    aliases: tuple[str, ...] = ()
    fp8_flop_per_s: float | None = None
    memory_bytes: float | None = None
    unit: str = "chip"
    source: str = ""
    checked: str = ""
    caution: str = ""
    unconfirmed: tuple[str, ...] = ()
    price_per_hour: float | None = None
    currency: str = "USD"

    def __post_init__(self) -> None:
        for field in _NUMBERS:
            value = getattr(self, field)
            optional = field != "bf16_flop_per_s"
            if not (_positive(value) or (optional and value is None)):
                raise InputError(
                    f"device {self.id}: found {value!r} where a positive number is expected.",
                    code="bad_device",
                    where=Where(field=field),
                )

    def to_dict(self) -> dict[str, Any]:
        """The row as plain values."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    def __str__(self) -> str:
        return self.name or self.id


def get_device(device: str | Device, table: str | Path | None = None) -> Device:
    """The accelerator of this name.

    Args:
        device: an id, a name, or what ``nvidia-smi`` prints; upper case, spaces and hyphens do not
            matter.
        table: a TOML file of ``[hardware.ID]`` tables whose rows override the shipped ones; by
            default the nearest isoloss.toml, if it has any.

    Raises:
        InputError: there is no such device, or the file cannot be used.
    """
    if isinstance(device, Device):
        return device
    devices = list_devices(table)
    by_word = {_word(name): one for one in devices for name in (one.name, *one.aliases)}
    by_word |= {_word(one.id): one for one in devices}
    found = by_word.get(_word(device)) if _word(device) else None
    if found is not None:
        return found
    close = difflib.get_close_matches(_word(device), by_word, n=1, cutoff=0.5)
    guess = f"Did you mean {by_word[close[0]].id}? " if close else ""
    raise InputError(
        f'there is no hardware "{device[:60]}".',
        code="unknown_hardware",
        where=Where(field="hardware"),
        hint=f"{guess}isoloss hardware lists what is known; add a row of your own to {CONFIG}: "
        "[hardware.my-chip] with bf16_flop_per_s and memory_bytes.",
    )


def list_devices(table: str | Path | None = None) -> tuple[Device, ...]:
    """All accelerators: the shipped ones, and the user's.

    Args:
        table: as for ``get_device``.

    Raises:
        InputError: the user's file cannot be used.
    """
    rows = {key: dict(row) for key, row in _shipped().items()}
    path = Path(table) if table is not None else _config()
    if path is not None:
        for key, row in _read(path, named=table is not None).items():
            rows[key] = _merged(rows.get(key, {}), key, row, path)
    return tuple(_device(key, row) for key, row in rows.items())


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    text = (files("isoloss.planning.hardware") / "hardware.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)[TABLE]


def _config() -> Path | None:
    """The nearest isoloss.toml in the working folder or above it."""
    here = Path.cwd()
    return next((p / CONFIG for p in (here, *here.parents) if (p / CONFIG).is_file()), None)


def _read(path: Path, *, named: bool) -> dict[str, dict[str, Any]]:
    """The rows of a user's file, by id; options of the command beside them are passed over."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _bad_file(path, f"this cannot be read: {error.strerror or error}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _bad_file(path, f"this cannot be read as TOML: {error}.") from None
    table = document.get(TABLE, {})
    rows: dict[str, dict[str, Any]] = {}
    if isinstance(table, dict):
        for key, row in cast("dict[str, Any]", table).items():
            if isinstance(row, dict):
                rows[key] = cast("dict[str, Any]", row)
    if named and not rows:
        raise _bad_file(path, "there is no [hardware.ID] table in this file.")
    return rows


def _merged(
    shipped: Mapping[str, Any], key: str, row: Mapping[str, Any], path: Path
) -> dict[str, Any]:
    """A row of the user over the shipped one of that id, if there is one."""
    known = [field.name for field in fields(Device) if field.name != "id"]
    for name in row:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            guess = f'Did you mean "{close[0]}"? ' if close else ""
            raise InputError(
                f"there is no such field of a device: {name[:60]}.",
                code="bad_device",
                where=Where(file=str(path), field=f"{TABLE}.{key}"),
                hint=f"{guess}Known: {', '.join(known)}.",
            )
    if "bf16_flop_per_s" not in row and not shipped:
        raise InputError(
            "bf16_flop_per_s is missing: the dense bf16 peak of one chip, FLOP/s.",
            code="bad_device",
            where=Where(file=str(path), field=f"{TABLE}.{key}"),
            hint="Write it like bf16_flop_per_s = 989e12.",
        )
    merged = {**shipped, **row}
    if set(row) & {"bf16_flop_per_s", "fp8_flop_per_s", "memory_bytes"}:
        # What was said of the shipped numbers does not hold of the user's.
        unconfirmed = [name for name in shipped.get("unconfirmed", ()) if name not in row]
        source = f"{path.name}, for {', '.join(sorted(set(row) & set(_NUMBERS)))}"
        merged |= {"caution": row.get("caution", ""), "unconfirmed": unconfirmed}
        merged["source"] = row.get("source", source)
    try:
        _device(key, merged)
    except InputError as error:
        raise InputError(
            error.message,
            code=error.code,
            where=Where(file=str(path), field=error.where.field),
            hint=error.hint,
        ) from None
    return merged


def _device(key: str, row: Mapping[str, Any]) -> Device:
    values = dict(row)
    for name in _LISTS:
        listed: object = values.get(name, ())
        items = cast("list[str]", listed) if isinstance(listed, list | tuple) else []
        if not isinstance(listed, list | tuple) or any(type(item) is not str for item in items):
            shown = str(cast(object, listed))[:60]
            raise InputError(
                f"device {key}: found {shown!r} where a list of texts is expected.",
                code="bad_device",
                where=Where(field=name),
            )
        values[name] = tuple(items)
    for name in ("vendor", "name", "unit", "source", "checked", "caution", "currency"):
        if name in values:
            values[name] = str(values[name])
    return Device(id=key, **values)


def _positive(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value > 0


def _word(name: str) -> str:
    return re.sub(r"[^0-9a-z]", "", name.lower())


def _plain(value: object) -> object:
    return list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value


def _bad_file(path: Path, message: str) -> InputError:
    return InputError(
        message,
        code="bad_hardware_file",
        where=Where(file=str(path)),
        hint="Write one table per device, such as [hardware.my-chip] with bf16_flop_per_s.",
    )
