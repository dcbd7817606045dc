"""F4: what a law misses, over compute, tokens per parameter and the order of the runs.

A trend over compute predicts the drift of the answer in a backtest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.figures import context as c
from isoloss.figures.parts import (
    Axis,
    Band,
    Figure,
    Kind,
    Layer,
    Line,
    Mark,
    Panel,
    Points,
    Scale,
    array,
)
from isoloss.figures.ticks import written
from isoloss.fitting import Fit
from isoloss.validation import Diagnosis
from isoloss.validation.diagnosis import Strip

Array = NDArray[np.float64]
NAMED = 3  # runs that are named, the worst
FAR = 6.0  # robust standard deviations that the axis shows at least
INSIDE = 0.97  # share of the runs that it shows at least
MAD = 1.4826  # a normal standard deviation over the median absolute deviation
ORDER = "order"


def residuals(fit: Fit, found: Diagnosis) -> Figure:
    """The residuals of a fit along compute, D/N and order, and against a normal distribution.

    Args:
        fit: the fit.
        found: its diagnosis.
    """
    points = fit.points
    percent = 100 * found.excess
    strips = {strip.variable: strip for strip in found.strips}
    limit = _limit(percent)
    shown = np.clip(percent, -limit, limit)
    lo, hi = c.even_range(shown, [-limit / 3, limit / 3])
    first = next((name for name in ("C", "N", "D") if name in strips), ORDER)
    shade_by = "D/N" if "D/N" in strips and first != ORDER else first
    shades = strips[shade_by].x
    scale = Scale(
        {"D/N": "D/N (tokens per parameter)"}.get(shade_by, shade_by),
        *(float(shades.min()), float(shades.max())),
        log=shade_by != ORDER,
        kind="number",
    )
    outside = _outside(percent, limit, found.run_id)
    panels: list[Panel] = []
    along = [name for name in (first, "D/N", ORDER) if name in strips]
    for column, name in enumerate(dict.fromkeys(along)):
        axis = _axis(name, strips[name], points.conventions.to_dict())
        y_axis = Axis("loss / law − 1 (%)", lo, hi, kind="percent", quiet=column > 0)
        named = (
            [c.in_corner(outside, axis, y_axis, strips[name].x, shown)]
            if outside and column == 0
            else []
        )
        panels.append(
            Panel(
                axis,
                y_axis,
                (
                    *_band(strips[name]),
                    Mark(y=0.0, role="zero"),
                    Points(
                        array(strips[name].x),
                        array(shown),
                        "data",
                        shade=array(shades),
                        names=tuple(
                            f"{run}: {value:+.2f} %"
                            for run, value in zip(found.run_id, percent, strict=True)
                        ),
                    ),
                    *named,
                ),
                title={"C": "Over compute", "D/N": "Over D/N", ORDER: "In order"}.get(
                    name, f"Over {name}"
                ),
                scale=scale,
                place=(0, column),
            )
        )
    panels.append(_normal(found, limit, (lo, hi), len(panels)))
    trend = " ".join(f"The law {sentence}." for sentence in found.misses) or (
        "No trend is significant after correction for the number of variables."
    )
    return Figure(
        key="residuals",
        title=f"Residuals of {fit.law.name}",
        panels=tuple(panels),
        caption=(
            "Measured loss over the loss of the law, minus one; runs further out than the axis sit "
            "at its end. Grey: the middle 68 % of runs of similar value, with their median. Right: "
            "residuals over normal quantiles; the line is a normal distribution of the same middle "
            f"half. {trend} {c.fit_caption(fit)}"
        ),
        widths=(1.2, *(1.0,) * (len(panels) - 2), 0.8),
        heights=(2.3,),
        alt="Scatter plots of residuals in per cent over compute, tokens per parameter and order, "
        "and a normal quantile plot.",
        source={"data_hash": points.data_hash, "law": fit.law.name},
    )


def _axis(name: str, strip: Strip, conventions: dict[str, str]) -> Axis:
    labels: dict[str, tuple[str, Kind]] = {
        "C": ("C (FLOP)", "flop"),
        "N": (c.n_label(conventions), "params"),
        "D": ("D (tokens)", "tokens"),
        "D/N": ("D/N (tokens/parameter)", "number"),
    }
    if name == ORDER:
        lo, hi = c.even_range(strip.x)
        return Axis("order of the runs", lo, hi)
    label, kind = labels.get(name, (name, "number"))
    return c.log_axis(label, kind, *c.log_range(strip.x))


def _band(strip: Strip) -> list[Layer]:
    """The middle 68 % and the median along a variable, as steps."""
    edges = np.array([[band.lo, band.hi] for band in strip.bands]).ravel()
    low, middle, high = (
        100 * np.repeat([getattr(band, name) for band in strip.bands], 2)
        for name in ("p16", "p50", "p84")
    )
    return [
        Band(array(edges), array(low), array(high)),
        Line(array(edges), array(middle), "law"),
    ]


def _limit(percent: Array) -> float:
    """How far the axis goes: some runs may be so far out that they would flatten all others."""
    size = np.abs(percent)
    return float(min(size.max(), max(FAR * MAD * np.median(size), np.quantile(size, INSIDE))))


def _outside(percent: Array, limit: float, names: tuple[str, ...]) -> str:
    """Names and values of the runs beyond the axis, the worst first; empty where there are none."""
    order = np.argsort(-np.abs(percent), kind="stable")
    out = [int(i) for i in order if abs(percent[i]) > limit * (1 + 1e-9)]
    if not out:
        return ""
    lines = [f"{_short(names[i])}  {written(float(f'{percent[i]:.2g}'), 'percent')} %" for i in out]
    more = [f"and {len(lines) - NAMED} more"] if len(lines) > NAMED else []
    return "\n".join(["beyond the axis:", *lines[:NAMED], *more])


def _short(name: str, most: int = 18) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _normal(found: Diagnosis, limit: float, ends_y: tuple[float, float], column: int) -> Panel:
    quantiles, ordered = found.normal_plot()
    ordered = 100 * np.expm1(ordered)
    middle = np.quantile(ordered, [0.25, 0.75])
    slope = (middle[1] - middle[0]) / (2 * 0.6744897501960817)
    ends = np.array([quantiles[0], quantiles[-1]])
    return Panel(
        Axis("normal quantile", *c.even_range(quantiles)),
        Axis("loss / law − 1 (%)", *ends_y, kind="percent", quiet=True),
        (
            Line(array(ends), array(middle.mean() + slope * ends), "reference"),
            Mark(y=0.0, role="zero"),
            Points(array(quantiles), array(np.clip(ordered, -limit, limit)), "data", small=True),
        ),
        title="Against normal",
        place=(0, column),
    )
