"""The critical batch as text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from isoloss.fitting import Quantity
from isoloss.fitting.hyperbola import Hyperbola
from isoloss.fitting.noise_scale import NoiseScale
from isoloss.planning.batch.result import OVERHEAD, CriticalBatch, times
from isoloss.planning.batch.trade_off import TradeOff
from isoloss.planning.settings.text import batch_with_interval, folded, sizes_text
from isoloss.runs import format_quantity
from isoloss.validation.report import aligned, amount


def critical_batch_text(found: CriticalBatch) -> str:
    """Fits, noise, laws and the trade-off, as far as they are there."""
    return "\n".join(_lines(found))


def trade_off_lines(found: TradeOff) -> list[str]:
    """The trade-off as a table."""
    timed = found.seconds_per_step is not None
    head = ["batch", "steps", "tokens", "steps x", "tokens x"]
    head += ["days, more devices", "days, same devices"] if timed else []
    rows = [head]
    for one in found.rows:
        cells = [format_quantity(one.batch_tokens), amount(one.steps), amount(one.tokens)]
        cells += [f"{one.steps_factor.estimate:.3g}", f"{one.tokens_factor.estimate:.3g}"]
        cells += [_days(one.days_scaled), _days(one.days_same)] if timed else []
        rows.append(cells)
    lines = [f"  against a batch of {format_quantity(found.batch_tokens)} tokens"]
    lines += aligned(rows, indent=4)
    double = next(one for one in found.rows if one.batch_tokens == 2.0 * found.batch_tokens)
    saved = 1.0 - double.steps_factor.estimate
    lines.append(
        f"    twice the batch saves {saved:.0%} of the steps and takes "
        f"{double.tokens_factor.estimate - 1.0:.0%} more tokens and compute"
    )
    if timed:
        lines.append(
            "    more devices: in proportion to the batch, a step as long as now; same devices: a "
            "step longer by as much"
        )
    return lines


def _days(quantity: Quantity | None) -> str:
    if quantity is None:
        return "-"
    if math.isnan(quantity.lo):
        return f"{quantity.estimate:.3g}"
    return f"{quantity.estimate:.3g} ({quantity.lo:.3g} to {quantity.hi:.3g})"


def _lines(found: CriticalBatch) -> Iterator[str]:
    for one in found.hyperbolas:
        yield from _hyperbola(one, found.seq_len)
    if found.noise is not None:
        yield from _noise(found.noise, found.seq_len)
    if found.laws:
        yield "critical batch by published laws"
        yield from aligned(_law_rows(found))
        for one in found.laws:
            reason = one.missing.get("critical_batch_tokens")
            if reason:
                powers = one.powers.get("critical_batch_tokens", {})
                shown = sizes_text({k: v for k, v in powers.items() if v}, "power")
                known = f"; known: the power of {shown}" if shown else ""
                yield folded(f"{one.law} gives none: {reason}{known}.", "  - ", "    ")
    if found.trade_off is not None:
        if len(found.hyperbolas) > 1:
            yield f"other batches{_to(found.hyperbolas[-1])}"
        yield from trade_off_lines(found.trade_off)
    for notice in found.warnings:
        yield folded(notice.message, "  ! ", "    ")


def _hyperbola(one: Hyperbola, seq_len: int) -> Iterator[str]:
    yield f"steps{_to(one)}: S = S_min (1 + B_crit / B), {one.n_runs} runs"
    crit = one.batch_crit
    tight = times(crit, OVERHEAD)
    yield from aligned(
        [
            ("critical batch", _open(crit, seq_len)),
            ("fewest steps", amount(one.steps_min)),
            ("least tokens", amount(one.tokens_min)),
            ("20 % more tokens", _open(tight, seq_len)),
        ],
        indent=4,
    )
    yield (
        f"    runs miss the curve by {one.rms_log:.1%}; intervals {one.level:.0%}, seed {one.seed}"
    )


def _to(one: Hyperbola) -> str:
    return f" to {one.target}" if one.target else ""


def _open(quantity: Quantity, seq_len: int) -> str:
    sequences = quantity.estimate / seq_len
    count = f"{sequences:,.0f}" if sequences >= 10 else f"{sequences:.2g}"
    return f"{amount(quantity)} = {count} x {seq_len}"


def _noise(one: NoiseScale, seq_len: int) -> Iterator[str]:
    yield (
        f"gradient noise scale from {one.n_small} + {one.n_big} norms at batches of "
        f"{format_quantity(one.batch_small)} and {format_quantity(one.batch_big)}"
    )
    yield from aligned(
        [
            ("noise scale", _open(one.batch_simple, seq_len)),
            ("|G|^2", _with_error(one.signal, one.signal_se)),
            ("tr(Sigma)", _with_error(one.noise, one.noise_se)),
        ],
        indent=4,
    )


def _with_error(value: float, error: float) -> str:
    return f"{value:.4g}" if math.isnan(error) else f"{value:.4g} +- {error:.2g}"


def _law_rows(found: CriticalBatch) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("law", "critical batch, tokens", "N counts", "fitted range")]
    for one in found.laws:
        if one.critical_batch_tokens is not None:
            batch = batch_with_interval(one.critical_batch_tokens, found.seq_len)
            rows.append((one.law, batch, one.n or "-", one.distance))
    return rows if len(rows) > 1 else []
