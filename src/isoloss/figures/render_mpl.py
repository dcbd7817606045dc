"""Draw a figure for print: PDF, SVG or PNG by matplotlib. One of two places that know a library.

Widths of 3.25 or 6.75 inches, 8 point letters, no upper and right spines, fonts embedded as
TrueType in PDF and kept as words in SVG. The same figure gives the same bytes.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import singledispatch
from threading import Lock
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure as Canvas
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import FixedLocator, NullLocator

from isoloss.figures.labels import WIDTHS, end_labels, letters, room
from isoloss.figures.parts import (
    Axis,
    Band,
    Beyond,
    Contour,
    Figure,
    Heat,
    Layer,
    Line,
    Mark,
    Panel,
    Points,
    Scale,
    Text,
)
from isoloss.figures.print_settings import settings
from isoloss.figures.style import LOOKS, Look, Theme, look_of, theme_of
from isoloss.figures.ticks import ticks, twin_ticks, written

DPI = 200
SMALL = 6.8  # points: words inside a panel
_MARKERS = {"dot": "o", "ring": "o", "diamond": "D", "star": "*", "open star": "*", "cross": "x"}
_LOCK = Lock()  # settings of matplotlib are global


def draw(figure: Figure, theme: str | Theme = "light", form: str = "svg", dpi: int = DPI) -> bytes:
    """The figure as the bytes of a file.

    Args:
        figure: what to draw.
        theme: ``light`` or ``dark``.
        form: ``pdf``, ``svg`` or ``png``.
        dpi: of a PNG.
    """
    colours = theme_of(theme)
    blank: dict[str, dict[str, Any]] = {
        "pdf": {
            "Creator": "isoloss",
            "Producer": None,
            "CreationDate": None,
            "Title": figure.title,
        },
        "svg": dict.fromkeys(("Date", "Creator", "Format", "Type")),
        "png": {"Software": None, "Title": figure.title, "Description": figure.caption},
    }
    stream = io.BytesIO()
    with _LOCK, matplotlib.rc_context(settings(colours)):
        drawn = _canvas(figure, colours)
        drawn.savefig(stream, format=form, dpi=dpi, metadata=blank[form])
    return stream.getvalue()


def canvas(figure: Figure, theme: str | Theme = "light") -> Canvas:
    """The figure as an object of matplotlib, for those who want to add to it."""
    colours = theme_of(theme)
    with _LOCK, matplotlib.rc_context(settings(colours)):
        return _canvas(figure, colours)


def _canvas(figure: Figure, theme: Theme) -> Canvas:
    size = WIDTHS[figure.width], sum(figure.heights)
    drawn = Canvas(figsize=size, layout="constrained")
    engine: Any = drawn.get_layout_engine()
    engine.set(w_pad=0.03, h_pad=0.04, wspace=0.03, hspace=0.03)
    rows, columns = len(figure.heights), len(figure.widths)
    grid = GridSpec(
        rows, columns, figure=drawn, width_ratios=figure.widths, height_ratios=figure.heights
    )
    bars: dict[Scale, list[Axes]] = {}
    for panel, title in zip(figure.panels, letters(figure), strict=True):
        axes = drawn.add_subplot(grid[panel.place])
        _panel(axes, panel, theme, title, figure)
        if panel.scale is not None and panel.scale.bar:
            bars.setdefault(panel.scale, []).append(axes)
    for scale, sharing in bars.items():
        _bar(drawn, sharing, scale, theme)
    _settle(drawn)
    return drawn


def _settle(drawn: Canvas) -> None:
    """Lay out once and round the places: the last digits of the solver differ between runs."""
    drawn.draw_without_rendering()
    drawn.set_layout_engine("none")
    for axes in drawn.axes:
        left, low, width, height = (round(side, 5) for side in axes.get_position().bounds)
        axes.set_position((left, low, width, height))


def _panel(axes: Axes, panel: Panel, theme: Theme, title: str, figure: Figure) -> None:
    for axis, name, most in zip((panel.x, panel.y), "xy", room(figure, panel), strict=True):
        _axis(axes, axis, name, most)
    for axis, name in ((panel.x, "x"), (panel.y, "y")):
        for beyond in axis.beyond:
            _shade(axes, axis, beyond, name, theme)
    axes.set_title(title, pad=5.0)
    for order, layer in enumerate(panel.layers):
        _draw(layer, axes, panel, theme, 2.0 + 0.01 * order)
    for label in end_labels(panel, figure):
        axes.annotate(
            label.text,
            (label.x, label.y),
            xytext=(3.0 if label.right else -3.0, 0.0),
            textcoords="offset points",
            ha="left" if label.right else "right",
            va="center",
            fontsize=SMALL,
            color=_colour(label.layer, panel, theme),
            annotation_clip=False,
            zorder=5,
            bbox=_ground(theme),
        )


def _axis(axes: Axes, axis: Axis, name: str, most: int) -> None:
    upright = name == "y"
    limits = (axis.hi, axis.lo) if axis.reverse else (axis.lo, axis.hi)
    own: Any = axes.yaxis if upright else axes.xaxis
    (axes.set_yscale if upright else axes.set_xscale)("log" if axis.log else "linear")
    (axes.set_ylim if upright else axes.set_xlim)(*limits)
    found = ticks(axis, most)
    own.set_major_locator(FixedLocator(found.at))
    own.set_minor_locator(FixedLocator(found.minor) if found.minor else NullLocator())
    own.set_ticklabels([] if axis.quiet else list(found.text))
    own.set_ticklabels([""] * len(found.minor), minor=True)
    if not axis.quiet:
        (axes.set_ylabel if upright else axes.set_xlabel)(axis.label)
    if axis.names:
        own.set_tick_params(length=0)
    if axis.twin is not None:
        second: Any = axes.secondary_yaxis("right") if upright else axes.secondary_xaxis("top")
        side: Any = second.yaxis if upright else second.xaxis
        marks = twin_ticks(axis, most)
        side.set_major_locator(FixedLocator(marks.at))
        side.set_minor_locator(NullLocator())
        side.set_ticklabels(list(marks.text))
        (second.set_ylabel if upright else second.set_xlabel)(axis.twin[0])


def _shade(axes: Axes, axis: Axis, beyond: Beyond, name: str, theme: Theme) -> None:
    """Shade what no run has reached, and say how far it goes on."""
    upright = name == "y"
    end = axis.lo if beyond.below else axis.hi
    low, high = sorted((beyond.start, end))
    span = axes.axhspan if upright else axes.axvspan
    span(low, high, color=theme.accent, alpha=0.07, linewidth=0, zorder=0.5)
    line = axes.axhline if upright else axes.axvline
    line(beyond.start, color=theme.accent, linewidth=0.5, alpha=0.55, zorder=0.6)
    shares = sorted((axis.share(low), axis.share(high)))
    if not beyond.label:
        return
    if upright:
        axes.text(
            0.015,
            shares[1] - 0.012,
            beyond.label,
            transform=axes.transAxes,
            fontsize=SMALL,
            color=theme.accent,
            va="top",
            ha="left",
            zorder=5,
            bbox=_ground(theme),
        )
    else:
        axes.text(
            shares[0] + 0.01 if beyond.below else shares[1] - 0.01,
            0.015,
            beyond.label,
            transform=axes.transAxes,
            fontsize=SMALL,
            color=theme.accent,
            va="bottom",
            ha="left" if beyond.below else "right",
            zorder=5,
            bbox=_ground(theme),
        )


def _ground(theme: Theme) -> dict[str, Any]:
    """The ground of words, so that lines behind them do not strike them through."""
    return {"facecolor": theme.paper, "alpha": 0.75, "pad": 0.8, "linewidth": 0}


def _bar(drawn: Canvas, sharing: list[Axes], scale: Scale, theme: Theme) -> None:
    """The colour bar of a scale, beside all panels that share it."""
    stops = [(share, colour) for share, colour in theme.stops(scale)]
    colours = LinearSegmentedColormap.from_list("isoloss", stops, N=64)
    low, high = np.log([scale.lo, scale.hi]) if scale.log else (scale.lo, scale.hi)
    shown = ScalarMappable(Normalize(low, high), colours)
    bar = drawn.colorbar(shown, ax=sharing, aspect=28, fraction=0.05, pad=0.02)
    found = ticks(scale)
    bar.set_ticks(list(np.log(found.at)) if scale.log else list(found.at), labels=list(found.text))
    bar.minorticks_off()
    bar.set_label(scale.label, fontsize=8.0)
    bar.ax.tick_params(labelsize=7.0, width=0.4, length=2.0)
    solids: Any = bar.solids
    solids.set(rasterized=False, edgecolor="face", linewidth=0.2)
    outline: Any = bar.outline
    outline.set_visible(False)


def _colour(layer: Layer, panel: Panel, theme: Theme) -> str:
    """The one colour of a layer."""
    shade = getattr(layer, "shade", None)
    if isinstance(shade, float | int) and panel.scale is not None:
        return theme.shade(float(panel.scale.share(float(shade))), panel.scale)
    return getattr(theme, look_of(layer).colour)


def _colours(layer: Points, panel: Panel, theme: Theme) -> str | list[str]:
    if layer.shade is None or panel.scale is None:
        return _colour(layer, panel, theme)
    return [theme.shade(float(share), panel.scale) for share in panel.scale.share(layer.shade)]


def _dashes(look: Look, dashed: bool) -> Any:
    pattern = look.dash or ((3.5, 2.0) if dashed else ())
    return (0, pattern) if pattern else "solid"


@singledispatch
def _draw(layer: Any, axes: Axes, panel: Panel, theme: Theme, order: float) -> None:
    raise TypeError(type(layer).__name__)


@_draw.register
def _(layer: Points, axes: Axes, panel: Panel, theme: Theme, order: float) -> None:
    look = LOOKS[layer.role]
    colours = _colours(layer, panel, theme)
    hollow = look.marker in ("ring", "open star")
    edge = (
        0.8
        if hollow or look.marker == "cross"
        else 0.0
        if layer.small
        else 0.3
        if look.edge == "edge"
        else 0.7
    )
    size = look.size * (0.55 if layer.small else 1.0)
    for bars in _whiskers(layer, panel):
        axes.add_collection(
            LineCollection(bars, colors=colours, linewidths=0.8, zorder=order - 0.005),
            autolim=False,
        )
    ink: dict[str, Any] = {"facecolors": colours, "edgecolors": getattr(theme, look.edge)}
    if hollow:
        ink = {"facecolors": "none", "edgecolors": colours}
    elif look.marker == "cross":
        ink = {"color": colours}
    made = axes.scatter(
        layer.x,
        layer.y,
        s=size**2,
        marker=_MARKERS[look.marker],
        **ink,
        linewidths=edge,
        alpha=look.alpha,
        zorder=order,
        clip_on=True,
    )
    made.set_gid(f"points {layer.role}")
    if layer.label and layer.x.size:
        axes.annotate(
            layer.label,
            (layer.x[0], layer.y[0]),
            xytext=(look.size / 2 + 2.5, 0.0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=_colour(layer, panel, theme) if layer.shade is None else theme.ink,
            annotation_clip=False,
            zorder=5,
        )


def _whiskers(layer: Points, panel: Panel) -> Iterable[list[list[tuple[float, float]]]]:
    """Bars from lower to upper end, along x and along y."""
    for lo, hi, across in ((layer.x_lo, layer.x_hi, True), (layer.y_lo, layer.y_hi, False)):
        if lo is None or hi is None:
            continue
        axis = panel.x if across else panel.y
        bars: list[list[tuple[float, float]]] = []
        for x, y, low, high in zip(layer.x, layer.y, lo, hi, strict=True):
            start, end = max(float(low), axis.lo), min(float(high), axis.hi)
            bars.append([(start, y), (end, y)] if across else [(x, start), (x, end)])
        yield bars


@_draw.register
def _(layer: Line, axes: Axes, panel: Panel, theme: Theme, order: float) -> None:
    look = LOOKS[layer.role]
    width = look.width * (1.8 if layer.heavy else 0.55 if layer.thin else 1.0)
    axes.plot(
        layer.x,
        layer.y,
        color=_colour(layer, panel, theme),
        linewidth=width,
        linestyle=_dashes(look, layer.dashed),
        alpha=look.alpha,
        zorder=order,
    )


@_draw.register
def _(layer: Band, axes: Axes, panel: Panel, theme: Theme, order: float) -> None:
    axes.fill_between(
        layer.x,
        np.clip(layer.lo, panel.y.lo, panel.y.hi),
        np.clip(layer.hi, panel.y.lo, panel.y.hi),
        color=_colour(layer, panel, theme),
        alpha=LOOKS[layer.role].alpha if layer.shade is None else 0.18,
        linewidth=0,
        zorder=order,
    )


@_draw.register
def _(layer: Contour, axes: Axes, panel: Panel, theme: Theme, order: float) -> None:
    if layer.shaded and panel.scale is not None:
        scale = panel.scale
        colours = [theme.shade(float(share), scale) for share in scale.share(layer.levels)]
    else:
        colours = [_colour(layer, panel, theme)] * len(layer.levels)
    z = np.ma.masked_invalid(layer.z)
    made = axes.contour(
        layer.x, layer.y, z, levels=layer.levels, colors=colours, linewidths=0.7, zorder=order
    )
    if layer.labelled:
        kind = panel.scale.kind if panel.scale is not None else "number"
        sign = "+" if layer.signs else ""
        axes.clabel(
            made,
            levels=[level for level in made.levels if level in layer.labelled],
            fmt={
                level: f"{sign}{written(float(level), kind)}{layer.suffix}" for level in made.levels
            },
            fontsize=6.2,
            inline_spacing=2,
            zorder=order + 0.5,
        )


@_draw.register
def _(layer: Heat, axes: Axes, panel: Panel, theme: Theme, order: float) -> None:
    scale = panel.scale
    assert scale is not None
    shares = scale.share(layer.z)
    colours = LinearSegmentedColormap.from_list(
        "isoloss", [theme.shade(i / 63, scale) for i in range(64)], N=64
    )
    axes.pcolormesh(
        layer.x,
        layer.y,
        np.ma.masked_invalid(shares),
        cmap=colours,
        vmin=0.0,
        vmax=1.0,
        shading="nearest",
        edgecolors="face",
        linewidths=0.2,
        zorder=order - 1.0,
    )


@_draw.register
def _(layer: Mark, axes: Axes, panel: Panel, theme: Theme, order: float) -> None:
    look = LOOKS[layer.role]
    style: dict[str, Any] = {
        "color": getattr(theme, look.colour),
        "linewidth": min(look.width, 0.9),
        "linestyle": _dashes(look, False),
        "zorder": order,
    }
    if layer.x is not None and layer.y is not None:
        dotted: Any = style | {"linestyle": (0, (1.0, 2.0))}
        axes.plot([layer.x, layer.x, panel.x.lo], [panel.y.lo, layer.y, layer.y], **dotted)
    elif layer.x is not None:
        axes.axvline(layer.x, **style)
    elif layer.y is not None:
        axes.axhline(layer.y, **style)
    if not layer.label:
        return
    if layer.x is not None:
        axes.annotate(
            layer.label,
            (layer.x, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2.0, -2.0),
            textcoords="offset points",
            va="top",
            fontsize=SMALL,
            color=style["color"],
            zorder=5,
        )
    else:
        axes.annotate(
            layer.label,
            (1.0, layer.y or 0.0),
            xycoords=("axes fraction", "data"),
            xytext=(-2.0, 2.0),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=SMALL,
            color=style["color"],
            zorder=5,
        )


@_draw.register
def _(layer: Text, axes: Axes, panel: Panel, theme: Theme, order: float) -> None:
    sides: dict[str, tuple[str, str, tuple[float, float]]] = {
        "left": ("left", "center", (3.0, 0.0)),
        "right": ("right", "center", (-3.0, 0.0)),
        "centre": ("center", "center", (0.0, 0.0)),
        "above": ("center", "top", (0.0, -3.0)),
        "below": ("center", "bottom", (0.0, 3.0)),
        "upper left": ("left", "top", (0.0, 0.0)),
        "upper right": ("right", "top", (0.0, 0.0)),
        "lower left": ("left", "bottom", (0.0, 0.0)),
        "lower right": ("right", "bottom", (0.0, 0.0)),
    }
    across, upright, shift = sides[layer.anchor]
    axes.annotate(
        layer.text,
        (layer.x, layer.y),
        xycoords="axes fraction" if layer.inside else "data",
        xytext=shift,
        textcoords="offset points",
        ha=across,
        va=upright,
        fontsize=SMALL,
        color=_colour(layer, panel, theme),
        annotation_clip=False if layer.inside else None,
        linespacing=1.25,
        zorder=6,
        bbox=_ground(theme),
    )
