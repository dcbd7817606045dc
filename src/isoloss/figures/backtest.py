"""F5: predictions of the large runs from the small ones, and whether the answer stands still."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError
from isoloss.figures import context as c
from isoloss.figures.parts import (
    Axis,
    Figure,
    Layer,
    Line,
    Mark,
    Panel,
    Points,
    Scale,
    Text,
    array,
)
from isoloss.runs import format_quantity
from isoloss.validation import Backtest
from isoloss.validation.score import Score

Array = NDArray[np.float64]
BINS = 6
LEAST = 4  # runs behind a point of the median
FLOOR = 1e-4  # relative errors below it are drawn there


def backtest(found: Backtest, law: str | None = None) -> Figure:
    """Predicted over actual loss, error over distance, drift of the answer, coverage.

    Args:
        found: the backtest.
        law: which law; the one that predicts best by default.

    Raises:
        EvidenceError: no cut could be scored.
    """
    name = law or found.best
    scores = [score for score in found.scores(name) if score.error.size]
    if not scores:
        raise EvidenceError(
            f"no cut of the backtest has a fit of {name} that predicts a run, so there is nothing "
            "to draw.",
            code="nothing_scored",
            hint="Backtest with fewer or other cuts, or a simpler law.",
        )
    factor, error = (
        np.concatenate([getattr(score, what) for score in scores]) for what in ("factor", "error")
    )
    loss, expected = (
        np.concatenate([getattr(score, what) for score in scores]) for what in ("loss", "expected")
    )
    far = np.where(np.isfinite(factor), factor, 1.0)
    scale = Scale(
        "C over the largest run of the fit",
        *(1.0, max(1.5, float(far.max()))),
        True,
        "ratio",
    )
    names = tuple(
        f"{run}: predicted {e:.4g}, measured {y:.4g}, {100 * (e / y - 1):+.2f} %"
        for score in scores
        for run, e, y in zip(score.run_id, score.expected, score.loss, strict=True)
    )
    verdict = found.verdict_on(name)
    # A name of a law stays as it is.
    reasons = " ".join(
        reason if reason.startswith(name) else reason[:1].upper() + reason[1:]
        for reason in found.reasons_for(name)
    )
    return Figure(
        key="backtest",
        title=f"Backtest of {name}: {verdict}",
        panels=(
            _predictions(found, loss, expected, far, error, names, scale),
            _errors(far, error, names, scale),
            _drift(found, name),
            _coverage(found, scores),
        ),
        caption=(
            f"{name} fitted to the runs below each of {len(found.cuts)} cuts by {found.by}, held "
            f"against the {found.n_runs} runs above. a: predicted and measured loss, lines at "
            f"± 1 %. b: size of the error over the distance, with its median. c: the answer at "
            f"{c.flop_words(found.target_flop)} FLOP as runs are added; a flat line can "
            f"be trusted. d: share of runs inside their intervals, per cut and (heavy) over all. "
            f"Verdict: {verdict}. {reasons} {c.meaning(found.conventions)} "
            f"{_intervals(found)}"
        ),
        widths=(1.0, 1.0),
        heights=(2.35, 2.35),
        alt="Four panels: predicted against measured loss, error against extrapolation factor, the "
        "recommended size as runs are added, and coverage of intervals.",
        source={"data_hash": found.data_hash, "law": name},
    )


def _intervals(found: Backtest) -> str:
    words = c.interval_words(0.9, found.ci, found.draws)
    return c.sentence(f"{words} per fit")


def _predictions(
    found: Backtest,
    loss: Array,
    expected: Array,
    far: Array,
    error: Array,
    names: tuple[str, ...],
    scale: Scale,
) -> Panel:
    lo, hi = c.log_range(loss, expected)
    ends = np.array([lo, hi])
    label = c.loss_label(found.conventions)
    size = float(np.mean(np.abs(error)))
    layers: list[Layer] = [
        Line(array(ends), array(1.01 * ends), "guide"),
        Line(array(ends), array(0.99 * ends), "guide"),
        Line(array(ends), array(ends), "zero"),
        Points(array(loss), array(expected), "data", shade=array(far), names=names),
        Text(
            0.02,
            0.98,
            f"mean |error| {100 * size:.2f} %\nbias {100 * float(np.mean(error)):+.2f} %",
            anchor="upper left",
            inside=True,
        ),
    ]
    return Panel(
        Axis(f"measured {label}", lo, hi, True, "loss"),
        Axis(f"predicted {label}", lo, hi, True, "loss"),
        tuple(layers),
        title="Predicted and measured",
        scale=scale,
    )


def _errors(far: Array, error: Array, names: tuple[str, ...], scale: Scale) -> Panel:
    size = 100 * np.maximum(np.abs(error), FLOOR)
    x_lo, x_hi = c.log_range(far, [1.0])
    layers: list[Layer] = [Points(array(far), array(size), shade=array(far), names=names)]
    order = np.argsort(far, kind="stable")
    parts = [p for p in np.array_split(order, min(BINS, max(1, len(far) // LEAST))) if p.size]
    if len(parts) > 1:
        middle = array([np.exp(np.mean(np.log(far[part]))) for part in parts])
        layers.append(
            Line(
                middle,
                array([np.median(size[part]) for part in parts]),
                "law",
                heavy=True,
                label="median",
            )
        )
    return Panel(
        Axis("C over the largest run of the fit", x_lo, x_hi, True, "ratio"),
        Axis("|error| of loss (%)", *c.log_range(size), True, "number"),
        tuple(layers),
        title="Error over distance",
        scale=scale,
        place=(0, 1),
    )


def _drift(found: Backtest, law: str) -> Panel:
    """N* at the target as runs are added, with intervals; the last uses all runs."""
    places: list[float] = []
    quantities: list[tuple[float, float, float]] = []
    said: list[str] = []
    for drift in found.drift[law]:
        if drift.answer is None or not math.isfinite(drift.fit_up_to_flop):
            continue
        size = drift.answer.n_params
        places.append(drift.fit_up_to_flop)
        quantities.append((size.estimate, size.lo, size.hi))
        said.append(f"{drift.n_fit} runs: N* {format_quantity(size.estimate)}")
    label = c.n_label(found.conventions).replace("N (", "N* (")
    if not places:
        nothing = Text(0.5, 0.5, "no fit has an optimum there", anchor="centre", inside=True)
        return Panel(
            Axis("largest run of the fit (FLOP)", 1.0, 10.0, True, "flop"),
            Axis(label, 1.0, 10.0, True, "params"),
            (nothing,),
            title="Drift of the answer",
            place=(1, 0),
        )
    x = np.array(places)
    middle, lo, hi = (np.array(column) for column in zip(*quantities, strict=True))
    x_lo, x_hi = c.log_range(x)
    y_lo, y_hi = c.log_range(middle, _bounded(lo, middle), _bounded(hi, middle))
    layers: list[Layer] = [
        Mark(y=float(middle[-1]), role="guide"),
        Line(array(x), array(middle), "path", thin=True),
        Points(array(x), array(middle), "data", y_lo=array(lo), y_hi=array(hi), names=tuple(said)),
        Points(
            *(array(x[-1:]), array(middle[-1:]), "answer"),
            y_lo=array(lo[-1:]),
            y_hi=array(hi[-1:]),
            names=(said[-1],),
        ),
    ]
    if len(middle) > 1:
        moved = float(middle.max() / middle.min())
        words = f"moved × {c.times(moved)}\nverdict: {found.verdict_on(law)}"
        layers.append(Text(0.98, 0.98, words, anchor="upper right", inside=True))
    return Panel(
        Axis("largest run of the fit (FLOP)", x_lo, x_hi, True, "flop"),
        Axis(label, y_lo, y_hi, True, "params"),
        tuple(layers),
        title=f"N* at {c.flop_words(found.target_flop)} FLOP",
        place=(1, 0),
    )


def _bounded(ends: Array, middle: Array) -> Array:
    """Ends of intervals, those that are open or absurdly far at a hundred times the estimate."""
    return np.clip(
        np.nan_to_num(ends, nan=1.0, posinf=1e300), middle.min() / 100, middle.max() * 100
    )


def _coverage(found: Backtest, scores: list[Score]) -> Panel:
    levels = sorted({level for score in scores for level in score.inside})
    at = 100 * np.array(levels)
    layers: list[Layer] = [Line(array([0.0, 100.0]), array([0.0, 100.0]), "zero")]
    for score in scores:
        shares = [100 * score.coverage.get(level, math.nan) for level in levels]
        layers.append(Line(array(at), array(shares), "guide"))
    hits = [
        100 * float(np.mean(np.concatenate([s.inside[level] for s in scores if level in s.inside])))
        for level in levels
    ]
    layers += [
        Line(array(at), array(hits), "law", heavy=True),
        Points(
            array(at),
            array(hits),
            "data",
            names=tuple(f"{a:g} % intervals hold {h:.0f} %" for a, h in zip(at, hits, strict=True)),
        ),
        Text(float(at[-1]), hits[-1], f"{hits[-1]:.0f} %", anchor="above"),
    ]
    return Panel(
        Axis("nominal (%)", 40.0, 100.0),
        Axis("runs inside (%)", 0.0, 104.0),
        tuple(layers),
        title="Coverage of intervals",
        place=(1, 1),
    )
