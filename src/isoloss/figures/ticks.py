"""Which numbers stand on an axis? Chosen here once, so that all renderers write the same ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

from isoloss.figures.parts import Axis, Kind, Scale
from isoloss.runs import format_quantity

_POWERS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FEWEST = 3  # powers of ten on an axis, from which on they are enough
MOST = 7  # numbers on an axis
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Ticks:
    """The numbers of an axis.

    Attributes:
        at: where.
        text: what is written there.
        minor: where short ticks without numbers stand.
    """

    at: tuple[float, ...]
    text: tuple[str, ...]
    minor: tuple[float, ...] = ()


def ticks(axis: Axis | Scale, most: int = MOST) -> Ticks:
    """The ticks of an axis or a scale."""
    names = getattr(axis, "names", ())
    if names:
        return Ticks(tuple(float(i) for i in range(len(names))), names)
    return _ticks(axis.lo, axis.hi, axis.log, axis.kind, most)


def twin_ticks(axis: Axis, most: int = MOST) -> Ticks:
    """The ticks of the second scale of an axis, at places of the first."""
    assert axis.twin is not None
    _, kind, factor = axis.twin
    found = _ticks(axis.lo * factor, axis.hi * factor, axis.log, kind, most)
    return Ticks(
        tuple(at / factor for at in found.at), found.text, tuple(at / factor for at in found.minor)
    )


def written(value: float, kind: Kind) -> str:
    """A number the way its kind is written: 100M, 10²¹, 2.35."""
    if kind in ("params", "tokens"):
        return format_quantity(value) if value >= 1 else f"{value:.3g}"
    if kind == "flop":
        return power(value)
    if kind == "rate":
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}".replace("-", "−")
    if kind == "percent":
        return f"{value:+.3g}".replace("-", "−") if value else "0"
    if value >= 1e4:
        return format_quantity(value)
    return f"{value:.4g}".replace("-", "−")


def power(value: float) -> str:
    """``10²¹`` or ``3×10²⁰``."""
    if value <= 0:
        return f"{value:g}"
    exponent = math.floor(math.log10(value) + 1e-9)
    mantissa = value / 10.0**exponent
    head = "" if abs(mantissa - 1) < 1e-6 else f"{mantissa:.2g}×"
    return f"{head}10{str(exponent).translate(_POWERS)}"


def _ticks(lo: float, hi: float, log: bool, kind: Kind, most: int) -> Ticks:
    if log:
        decades = math.log10(hi / lo)
        powers = math.floor(math.log10(hi) + 1e-9) - math.ceil(math.log10(lo) - 1e-9) + 1
        if powers >= FEWEST:
            return _decades(lo, hi, kind, most)
        if decades >= math.log10(4):
            return _mantissas(lo, hi, kind, most)
    return _even(lo, hi, kind, most)


def _decades(lo: float, hi: float, kind: Kind, most: int) -> Ticks:
    first, last = math.ceil(math.log10(lo) - 1e-9), math.floor(math.log10(hi) + 1e-9)
    every = max(1, math.ceil((last - first + 1) / most))
    exponents = [e for e in range(first, last + 1) if (e - first) % every == 0]
    at = tuple(10.0**e for e in exponents)
    if every > 1:
        minor = tuple(10.0**e for e in range(first, last + 1) if e not in exponents)
    else:
        inner = (m * 10.0**e for e in range(first - 1, last + 1) for m in range(2, 10))
        minor = tuple(value for value in inner if lo <= value <= hi)
    return Ticks(at, tuple(written(value, kind) for value in at), minor)


def _mantissas(lo: float, hi: float, kind: Kind, most: int) -> Ticks:
    """1, 2, 5 or 1, 3 of each decade: on a narrow axis one power of ten says too little."""
    first, last = math.floor(math.log10(lo)), math.ceil(math.log10(hi))
    for mantissas in ((1, 2, 3, 5), (1, 2, 5), (1, 3)):
        every = (m * 10.0**e for e in range(first, last + 1) for m in mantissas)
        at = tuple(value for value in every if lo * (1 - 1e-9) <= value <= hi * (1 + 1e-9))
        if len(at) <= most:
            break
    inner = (m * 10.0**e for e in range(first, last + 1) for m in range(1, 10))
    minor = tuple(value for value in inner if lo <= value <= hi and value not in at)
    return Ticks(at, tuple(written(value, kind) for value in at), minor)


def _even(lo: float, hi: float, kind: Kind, most: int) -> Ticks:
    span = hi - lo
    if not span > 0:
        return Ticks((lo,), (written(lo, kind),))
    rough = span / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * s for s in STEPS if size * s >= rough * (1 - 1e-9))
    first, last = math.ceil(lo / step - 1e-9), math.floor(hi / step + 1e-9)
    # A tolerance of a billionth of the step is much where an axis starts near zero.
    every = (i * step for i in range(first, last + 1))
    at = tuple(v for v in every if lo - 1e-9 * abs(lo) <= v <= hi + 1e-9 * abs(hi))
    return Ticks(at, tuple(written(0.0 if abs(v) < 1e-12 * step else v, kind) for v in at))
