"""A backtest as text, as HTML and as tables."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from isoloss.errors import InputError, Where
from isoloss.fitting import Quantity
from isoloss.laws.compute import format_flop
from isoloss.runs import format_quantity
from isoloss.validation.cuts import label
from isoloss.validation.verdict import LEVEL, TRUST

if TYPE_CHECKING:
    import polars as pl

    from isoloss.validation.result import Backtest, CutScores, Drift

_HEADS = ("runs", "held out", "bias", "mean |e|", "max |e|", f"{LEVEL:.0%} holds")
_ALIGN = (">", ">", ">", ">", ">", ">", ">", "<", "<")


def summarise(backtest: Backtest) -> str:
    """A table per law, what speaks against it, and the verdict."""
    return "\n".join(_lines(backtest))


def _lines(backtest: Backtest) -> Iterator[str]:
    yield (
        f"{backtest.n_runs} runs, {len(backtest.cuts)} cuts by {backtest.by}; intervals by "
        f"{backtest.ci}, {backtest.draws} draws"
    )
    for name in backtest.laws:
        yield f"{name}: {backtest.verdict_on(name)}"
        table = [_head(backtest), *_rows(backtest, name)]
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
        for row in table:
            cells = zip(row, _ALIGN, widths, strict=True)
            yield "  " + "  ".join(f"{cell:{side}{w}}" for cell, side, w in cells).rstrip()
        mark = "+" if backtest.verdict_on(name) == TRUST else "!"
        yield from (f"  {mark} {reason}" for reason in backtest.reasons_for(name))
    yield from (f"  - {note.message}" for note in backtest.notes)
    several = f" ({backtest.best} predicts the held-out runs best)"
    yield f"verdict: {backtest.verdict}{several if len(backtest.laws) > 1 else ''}"


def _head(backtest: Backtest) -> list[str]:
    at = "target" if math.isnan(backtest.target_flop) else format_flop(backtest.target_flop)
    return [f"fit on {label(backtest.by)} <=", *_HEADS, f"N*({at})", f"{LEVEL:.0%}"]


def _rows(backtest: Backtest, law: str) -> Iterator[list[str]]:
    for cut, drift in zip([*backtest.cuts, None], backtest.drift[law], strict=True):
        yield [*_scores(backtest, cut, law), *_answer(drift)]


def _scores(backtest: Backtest, cut: CutScores | None, law: str) -> list[str]:
    if cut is None:
        return ["all", str(backtest.n_runs), "-", "-", "-", "-", "-"]
    score = cut.laws[law]
    at = format_flop(cut.at) if backtest.by == "tier" else _amount(cut.at)
    first = [at, str(cut.n_fit), str(cut.n_held_out)]
    if not score.error.size:
        return [*first, score.status.replace("_", " "), "-", "-", "-"]
    sizes = (score.mean_abs_rel_error, score.max_abs_rel_error)
    holds = score.coverage[LEVEL]
    return [*first, f"{score.bias:+.2%}", *(f"{size:.2%}" for size in sizes), f"{holds:.0%}"]


def _answer(drift: Drift) -> list[str]:
    if drift.answer is None:
        return ["-", "-"]
    size = drift.answer.n_params
    return [_amount(size.estimate), between(size)]


def between(quantity: Quantity) -> str:
    """The interval in words, open ends said as such."""
    if math.isnan(quantity.lo):
        return "no interval"
    if math.isinf(quantity.hi):
        return f"{_amount(quantity.lo)} or more"
    if quantity.lo <= 0:
        return f"{_amount(quantity.hi)} or less"
    return f"{_amount(quantity.lo)} to {_amount(quantity.hi)}"


def _amount(value: float) -> str:
    """A count as 70B, what no name is usual for with its exponent, a small number as it is."""
    if 1e3 <= value < 1e15:
        return format_quantity(value)
    return format_flop(value) if value >= 1e15 else f"{value:.4g}"


def as_html(backtest: Backtest) -> str:
    """The same as small tables for notebooks."""
    parts: list[str] = []
    for name in backtest.laws:
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in _head(backtest))
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in _rows(backtest, name)
        )
        verdict = html.escape(f"{name}: {backtest.verdict_on(name)}")
        parts.append(f"<p><b>{verdict}</b></p><table><tr>{head}</tr>{rows}</table>")
    said = [*(note.message for note in backtest.notes), *backtest.reasons]
    reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in said)
    return f"{''.join(parts)}<p><b>{backtest.verdict}</b></p><ul>{reasons}</ul>"


def frame(backtest: Backtest, rows: str) -> pl.DataFrame:
    """One row per cut and law, per held-out run, or per answer.

    Raises:
        InputError: there is no such table.
    """
    import polars as pl

    kinds = {"cuts": _cut_rows, "runs": _run_rows, "drift": _drift_rows}
    if rows not in kinds:
        raise InputError(
            f"found {rows!r} where one of {', '.join(kinds)} is expected.",
            code="bad_rows",
            where=Where(field="rows"),
        )
    return pl.DataFrame(list(kinds[rows](backtest)), infer_schema_length=None)


def _cut_rows(backtest: Backtest) -> Iterator[dict[str, Any]]:
    for cut in backtest.cuts:
        for name, score in cut.laws.items():
            yield {
                "at": cut.at,
                "n_fit": cut.n_fit,
                "n_held_out": cut.n_held_out,
                "law": name,
                "status": score.status,
                "bias": score.bias,
                "mean_abs_rel_error": score.mean_abs_rel_error,
                "max_abs_rel_error": score.max_abs_rel_error,
                **{f"coverage_{level:g}": share for level, share in score.coverage.items()},
            }


def _run_rows(backtest: Backtest) -> Iterator[dict[str, Any]]:
    for cut in backtest.cuts:
        for name, score in cut.laws.items():
            for i, run_id in enumerate(score.run_id):
                yield {
                    "at": cut.at,
                    "law": name,
                    "run_id": run_id,
                    "extrapolation_factor": float(score.factor[i]),
                    "loss": float(score.loss[i]),
                    "expected": float(score.expected[i]),
                    "error": float(score.error[i]),
                    "spread": float(score.spread[i]),
                    "law_spread": float(score.law_spread[i]),
                    **{f"inside_{level:g}": bool(hit[i]) for level, hit in score.inside.items()},
                    **{f"lo_{level:g}": float(ends[0, i]) for level, ends in score.ends.items()},
                    **{f"hi_{level:g}": float(ends[1, i]) for level, ends in score.ends.items()},
                }


def _drift_rows(backtest: Backtest) -> Iterator[dict[str, Any]]:
    for name, answers in backtest.drift.items():
        for drift in answers:
            row: dict[str, Any] = {
                "law": name,
                "fit_up_to_flop": drift.fit_up_to_flop,
                "n_fit": drift.n_fit,
            }
            for part in ("n_params", "tokens", "loss"):
                quantity = getattr(drift.answer, part) if drift.answer else None
                for end in ("estimate", "lo", "hi"):
                    key = part if end == "estimate" else f"{part}_{end}"
                    row[key] = getattr(quantity, end) if quantity else None
            yield row
