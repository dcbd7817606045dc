"""Settings by several laws, as text."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping

from isoloss.fitting import Quantity
from isoloss.laws.compute import format_flop
from isoloss.planning.settings.result import Advice, Contradiction, HParams
from isoloss.runs import format_quantity
from isoloss.validation.report import aligned

WIDTH = 96


def hparams_text(found: HParams) -> str:
    """The laws as a table, how far they lie apart, and what they disagree about."""
    return "\n".join(_lines(found))


def rate(value: float) -> str:
    """A learning rate, ``9.17e-4``."""
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def rate_with_interval(quantity: Quantity | None) -> str:
    """A learning rate with its interval; a dash where there is none."""
    if quantity is None:
        return "-"
    if math.isnan(quantity.lo):
        return rate(quantity.estimate)
    return f"{rate(quantity.estimate)} ({rate(quantity.lo)} to {rate(quantity.hi)})"


def batch_with_interval(quantity: Quantity | None, seq_len: int) -> str:
    """A batch in tokens and in sequences."""
    if quantity is None:
        return "-"
    between = (
        ""
        if math.isnan(quantity.lo)
        else f" ({format_quantity(quantity.lo)} to {format_quantity(quantity.hi)})"
    )
    sequences = quantity.estimate / seq_len
    count = f"{sequences:,.0f}" if sequences >= 10 else f"{sequences:.2g}"
    return f"{format_quantity(quantity.estimate)}{between} = {count} x {seq_len}"


def folded(text: str, first: str = "", rest: str | None = None) -> str:
    """A text in lines of readable length."""
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=first if rest is None else rest
    )


def sizes_text(sizes: Mapping[str, float], measure: str) -> str:
    """Laws and their powers, ``step-law (+0.31)``, or factors, ``step-law (x 2.03)``."""
    shown = "{:+.2f}" if measure == "power" else "x {:.3g}"
    return ", ".join(f"{law} ({shown.format(size)})" for law, size in sizes.items())


def _lines(found: HParams) -> Iterator[str]:
    counted = {"6nd": "6 N D", "m_d": "M D"}.get(found.flop_convention, "as given")
    loss = "" if found.loss is None else f", loss {found.loss:g}"
    yield (
        f"N {format_quantity(found.n_params)}, D {format_quantity(found.tokens)}, "
        f"C {format_flop(found.flop)} FLOP ({counted}){loss}"
    )
    if found.n_counts is not None:
        shown = ", ".join(f"{name} {format_quantity(n)}" for name, n in found.n_counts.items())
        yield f"  N by what it counts: {shown}"
    rows = [("law", "peak lr", "batch, tokens", "N counts", "fitted range")]
    rows += [
        (
            one.law,
            rate_with_interval(one.lr),
            batch_with_interval(one.batch_tokens, found.seq_len),
            one.n or "-",
            one.distance,
        )
        for one in found.laws
    ]
    yield from aligned(rows)
    for one in found.laws:
        if one.critical_batch_tokens is not None:
            batch = batch_with_interval(one.critical_batch_tokens, found.seq_len)
            yield f"  critical batch by {one.law}: {batch}"
    for name, label in (("lr", "peak lr"), ("batch_tokens", "batch")):
        one = found.spread.get(name)
        if one is not None and one.n_laws > 1:
            low, high = (
                (rate(one.lo), rate(one.hi))
                if name == "lr"
                else (format_quantity(one.lo), format_quantity(one.hi))
            )
            yield (
                f"  {label}: {low} ({one.law_lo}) to {high} ({one.law_hi}), "
                f"a factor of {one.ratio:.3g} over {one.n_laws} laws"
            )
    yield from _intervals(found)
    yield from _recipes(found)
    yield from _carried(found)
    yield from (line for one in found.laws for line in _missing(one))
    for one in found.contradictions:
        yield from contradiction_lines(one)
    for notice in found.warnings:
        yield folded(notice.message, "  ! ", "    ")


def _intervals(found: HParams) -> Iterator[str]:
    """What the intervals of the table are."""
    told: list[str] = []
    for one in found.laws:
        levels = [
            quantity.level
            for quantity in (one.lr, one.batch_tokens)
            if quantity is not None and not math.isnan(quantity.lo)
        ]
        if levels:
            # Published coefficients have a key; how sure the rest of the law is, nobody printed.
            what = ", of the coefficients alone" if one.key else ""
            told.append(f"{one.law} {levels[0]:.0%}{what}")
    if told:
        yield f"  intervals: {'; '.join(told)}"


def _recipes(found: HParams) -> Iterator[str]:
    """For which batch and schedule each learning rate holds."""
    told = [one for one in found.laws if one.lr is not None and (one.batch or one.schedule)]
    if told:
        yield "  for which batch and schedule the rates hold, and who says so"
    for one in told:
        batch = one.batch.removeprefix("the law's own: ")
        held = f"batch {batch}" if batch.startswith(("fixed", "that")) else batch
        where = ", ".join(part for part in (one.source, one.confidence) if part)
        text = f"{one.law}: {held}; schedule: {one.schedule} ({where})."
        yield folded(text, "    ", "      ")


def _carried(found: HParams) -> Iterator[str]:
    carried = [one for one in found.laws if one.lr_at_batch is not None]
    if found.batch_tokens is None or not carried:
        return
    yield f"  the rate at a batch of {format_quantity(found.batch_tokens)} tokens"
    rows = [("law", "holds at", "~ sqrt(batch)", "~ batch")]
    for one in carried:
        at = one.lr_at_batch
        assert at is not None
        rows.append((one.law, format_quantity(at.since), rate(at.square_root), rate(at.linear)))
    yield from aligned(rows, indent=4)


def _missing(one: Advice) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for setting, label in (("lr", "learning rate"), ("batch_tokens", "batch")):
        if setting in one.missing:
            reasons.setdefault(one.missing[setting], []).append(label)
    if "timescale" in one.missing:
        reason = f"{one.missing['timescale']}. isoloss transfer carries one that you tuned"
        reasons[reason] = ["weight decay"]
    for reason, labels in reasons.items():
        yield folded(f"{one.law} gives no {' and no '.join(labels)}: {reason}.", "  - ", "    ")


def contradiction_lines(one: Contradiction) -> Iterator[str]:
    """A contradiction and its reasons."""
    sides = [
        f"{word} by {sizes_text(sizes, one.measure)}"
        for word, sizes in (("rises", one.rising), ("falls", one.falling))
        if sizes
    ]
    if one.flat:
        sides.append(f"does not change by {', '.join(one.flat)}")
    yield folded(f"they contradict: {one.question} {'; '.join(sides)}.", "  ! ", "    ")
    for reason in one.reasons:
        yield folded(reason, "      ")
