"""Draw a figure for the screen: Plotly's JSON. One of two places that know a library.

The library itself is not needed: a figure is ``data`` and ``layout`` in plain values. Axes have the
same numbers as in print; a renderer chooses nothing.
"""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.figures.labels import end_labels, letters, room
from isoloss.figures.parts import (
    Axis,
    Band,
    Contour,
    Figure,
    Heat,
    Layer,
    Line,
    Mark,
    Panel,
    Points,
    Text,
)
from isoloss.figures.screen_layout import Board, Json
from isoloss.figures.style import LOOKS, Look, Theme, look_of, theme_of
from isoloss.figures.ticks import ticks, twin_ticks, written

Array = NDArray[np.float64]

DIGITS = 8  # that are sent
_MARKERS = {
    "dot": "circle",
    "ring": "circle-open",
    "diamond": "diamond",
    "star": "star",
    "open star": "star-open",
    "cross": "x-thin",
}


def render(figure: Figure, theme: str | Theme = "light") -> Json:
    """The figure as ``{"data": [...], "layout": {...}}``.

    Args:
        figure: what to draw.
        theme: ``light`` or ``dark``; its colours are in the result.
    """
    colours = theme_of(theme)
    board = Board(figure, colours)
    for number, (panel, title) in enumerate(
        zip(figure.panels, letters(figure), strict=True), start=1
    ):
        _panel(board, panel, title, number)
    return {"data": board.data, "layout": board.layout}


class _Place:
    """A panel with the names of its axes."""

    def __init__(self, board: Board, panel: Panel, number: int) -> None:
        suffix = "" if number == 1 else str(number)
        self.board, self.panel = board, panel
        self.x, self.y = f"x{suffix}", f"y{suffix}"
        self.x_axis, self.y_axis = f"xaxis{suffix}", f"yaxis{suffix}"

    @property
    def theme(self) -> Theme:
        return self.board.theme

    def trace(self, **parts: Any) -> None:
        """Add a trace on these axes."""
        self.board.data.append({"xaxis": self.x, "yaxis": self.y, **parts})

    def shape(self, **parts: Any) -> None:
        """Add a shape."""
        self.board.layout["shapes"].append({"type": "line", "layer": "below", **parts})

    def words(self, text: str, x: float, y: float, colour: str, **parts: Any) -> None:
        """Add words at values of the axes; on a logarithmic axis Plotly wants the exponent."""
        self.board.layout["annotations"].append(
            {
                "text": text,
                "x": math.log10(x) if self.panel.x.log and "xref" not in parts else x,
                "y": math.log10(y) if self.panel.y.log and "yref" not in parts else y,
                "xref": self.x,
                "yref": self.y,
                "showarrow": False,
                "font": {"size": 10.5, "color": colour},
                **parts,
            }
        )

    def colour(self, layer: Layer) -> str:
        """The one colour of a layer."""
        shade, scale = getattr(layer, "shade", None), self.panel.scale
        if isinstance(shade, float | int) and scale is not None:
            return self.theme.shade(float(scale.share(float(shade))), scale)
        return getattr(self.theme, look_of(layer).colour)


def _panel(board: Board, panel: Panel, title: str, number: int) -> None:
    place = _Place(board, panel, number)
    across, upright = board.domain(panel)
    most = room(board.figure, panel)
    board.layout[place.x_axis] = _axis(panel.x, place.y, board.theme, most[0]) | {"domain": across}
    board.layout[place.y_axis] = _axis(panel.y, place.x, board.theme, most[1]) | {"domain": upright}
    board.layout[place.y_axis]["title"]["standoff"] = 6
    for axis, name in ((panel.x, "x"), (panel.y, "y")):
        _shade(place, axis, name)
    if title:
        place.words(
            f"<b>{_escaped(title)}</b>",
            across[0],
            upright[1],
            board.theme.ink,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            yshift=4,
            font={"size": 13, "color": board.theme.ink},
        )
    for layer in panel.layers:
        _draw(layer, place)
    for label in end_labels(panel, board.figure):
        place.words(
            _escaped(label.text),
            label.x,
            label.y,
            place.colour(label.layer),
            xanchor="left" if label.right else "right",
            yanchor="middle",
            xshift=3 if label.right else -3,
        )
    for side, axis in (("y", panel.y), ("x", panel.x)):
        if axis.twin is not None:
            _twin(place, axis, side, number, most[side == "y"])


def _axis(axis: Axis, anchor: str, theme: Theme, most: int) -> Json:
    found = ticks(axis, most)
    ends = [math.log10(axis.lo), math.log10(axis.hi)] if axis.log else [axis.lo, axis.hi]
    return {
        "type": "log" if axis.log else "linear",
        "range": ends[::-1] if axis.reverse else ends,
        "anchor": anchor,
        "title": {"text": "" if axis.quiet else _escaped(axis.label)},
        "tickmode": "array",
        "tickvals": list(found.at),
        "ticktext": [_escaped(text) for text in found.text],
        "exponentformat": "B",
        "showticklabels": not axis.quiet,
        "ticks": "" if axis.names else "outside",
        "ticklen": 4,
        "tickcolor": theme.muted,
        "linecolor": theme.muted,
        "showline": True,
        "showgrid": False,
        "zeroline": False,
        "automargin": True,
    }


def _twin(place: _Place, axis: Axis, side: str, number: int, most: int) -> None:
    """A second scale on the other side; it needs a trace to be shown."""
    assert axis.twin is not None
    name = f"{side}axis{number + 50}"
    found = twin_ticks(axis, most)
    anchor = place.x if side == "y" else place.y
    place.board.layout[name] = _axis(axis, anchor, place.theme, most) | {
        "overlaying": place.y if side == "y" else place.x,
        "side": "right" if side == "y" else "top",
        "title": {"text": _escaped(axis.twin[0])},
        "tickvals": list(found.at),
        "ticktext": list(found.text),
    }
    here = {"x": [place.panel.x.lo], "y": [place.panel.y.lo]}
    place.trace(
        type="scatter",
        mode="markers",
        marker={"opacity": 0},
        hoverinfo="skip",
        **here,
        **{f"{side}axis": f"{side}{number + 50}"},
    )


def _shade(place: _Place, axis: Axis, name: str) -> None:
    """Shade what no run has reached, and say how far it goes on."""
    accent = place.theme.accent
    for beyond in axis.beyond:
        end = axis.lo if beyond.below else axis.hi
        shares = sorted((axis.share(beyond.start), axis.share(end)))
        along, across = (name, "x" if name == "y" else "y")
        own, other = (place.x, place.y) if name == "x" else (place.y, place.x)
        place.shape(
            type="rect",
            fillcolor=_faint(accent, 0.07),
            line={"width": 0},
            **{f"{along}ref": own, f"{along}0": beyond.start, f"{along}1": end},
            **{f"{across}ref": f"{other} domain", f"{across}0": 0, f"{across}1": 1},
        )
        place.shape(
            line={"color": accent, "width": 0.7},
            opacity=0.55,
            **{f"{along}ref": own, f"{along}0": beyond.start, f"{along}1": beyond.start},
            **{f"{across}ref": f"{other} domain", f"{across}0": 0, f"{across}1": 1},
        )
        if not beyond.label:
            continue
        inside = {"xref": f"{place.x} domain", "yref": f"{place.y} domain"}
        if name == "y":
            place.words(
                _escaped(beyond.label), 0.01, shares[1], accent, **inside,
                xanchor="left", yanchor="top",
            )  # fmt: skip
        else:
            place.words(
                _escaped(beyond.label),
                shares[0] if beyond.below else shares[1],
                0.01,
                accent,
                **inside,
                xanchor="left" if beyond.below else "right",
                yanchor="bottom",
            )


def _numbers(values: Array) -> list[Any]:
    """Numbers for JSON, gaps as null."""
    flat = np.asarray(values, dtype=np.float64)
    if flat.ndim > 1:
        return [_numbers(row) for row in flat]
    listed = cast("list[float]", flat.tolist())
    return [float(f"{v:.{DIGITS}g}") if math.isfinite(v) else None for v in listed]


def _faint(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def _escaped(text: str) -> str:
    """Words that Plotly must not read as mark-up."""
    for letter, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("$", "&#36;")):
        text = text.replace(letter, name)
    return text


def _dash(look: Look, dashed: bool) -> str:
    pattern = look.dash or ((3.5, 2.0) if dashed else ())
    return ",".join(f"{1.6 * step:g}px" for step in pattern) if pattern else "solid"


@singledispatch
def _draw(layer: Any, place: _Place) -> None:
    raise TypeError(type(layer).__name__)


@_draw.register
def _(layer: Points, place: _Place) -> None:
    look, scale = LOOKS[layer.role], place.panel.scale
    hollow = look.marker in ("ring", "open star", "cross")
    marker: Json = {
        "symbol": _MARKERS[look.marker],
        "size": look.size * (1.2 if layer.small else 2.0),
        "opacity": look.alpha,
        "line": {"width": 1.4 if hollow else 0.5, "color": getattr(place.theme, look.edge)},
        "color": place.colour(layer),
    }
    if hollow:
        marker["line"]["color"] = place.colour(layer)
    if layer.shade is not None and scale is not None:
        with np.errstate(all="ignore"):
            shade = np.log(layer.shade) if scale.log else layer.shade
        marker |= {"color": _numbers(shade), "coloraxis": place.board.coloraxis(scale)}
    x, y = _numbers(layer.x), _numbers(layer.y)
    trace: Json = {"type": "scatter", "mode": "markers", "x": x, "y": y, "marker": marker}
    for name, lo, hi, middle in (
        ("error_x", layer.x_lo, layer.x_hi, layer.x),
        ("error_y", layer.y_lo, layer.y_hi, layer.y),
    ):
        if lo is not None and hi is not None:
            axis = place.panel.x if name == "error_x" else place.panel.y
            trace[name] = {
                "type": "data",
                "symmetric": False,
                "array": _numbers(np.minimum(hi, axis.hi) - middle),
                "arrayminus": _numbers(middle - np.maximum(lo, axis.lo)),
                "thickness": 1.2,
                "width": 0,
                "color": place.colour(layer),
            }
    if layer.names:
        trace |= {"text": [_escaped(name) for name in layer.names]}
        trace |= {"hovertemplate": "%{text}<extra></extra>"}
    else:
        trace["hoverinfo"] = "x+y"
    place.trace(**trace)
    if layer.label and layer.x.size:
        colour = place.theme.ink if layer.shade is not None else place.colour(layer)
        place.words(
            _escaped(layer.label), float(layer.x[0]), float(layer.y[0]), colour,
            xanchor="left", yanchor="middle", xshift=look.size + 3,
        )  # fmt: skip


@_draw.register
def _(layer: Line, place: _Place) -> None:
    look = LOOKS[layer.role]
    width = look.width * (1.8 if layer.heavy else 0.55 if layer.thin else 1.0)
    place.trace(
        type="scatter",
        mode="lines",
        x=_numbers(layer.x),
        y=_numbers(layer.y),
        line={
            "color": place.colour(layer),
            "width": round(1.5 * width, 2),
            "dash": _dash(look, layer.dashed),
        },
        opacity=look.alpha,
        hoverinfo="skip",
    )


@_draw.register
def _(layer: Band, place: _Place) -> None:
    lo, hi = (np.clip(side, place.panel.y.lo, place.panel.y.hi) for side in (layer.lo, layer.hi))
    alpha = LOOKS[layer.role].alpha if layer.shade is None else 0.18
    place.trace(
        type="scatter",
        mode="lines",
        x=_numbers(np.concatenate([layer.x, layer.x[::-1]])),
        y=_numbers(np.concatenate([hi, lo[::-1]])),
        fill="toself",
        fillcolor=_faint(place.colour(layer), alpha),
        line={"width": 0},
        hoverinfo="skip",
    )


@_draw.register
def _(layer: Contour, place: _Place) -> None:
    from contourpy import contour_generator

    scale, theme = place.panel.scale, place.theme
    kind = scale.kind if scale is not None else "number"
    lines = contour_generator(layer.x, layer.y, np.ma.masked_invalid(layer.z))
    for level in map(float, layer.levels):
        # One line a level, in pieces: Plotly's own contours need the whole grid for each level.
        pieces = [np.asarray(piece) for piece in lines.lines(level) if len(piece) > 1]
        if not pieces:
            continue
        gap = np.full((1, 2), np.nan)
        path = np.concatenate([part for piece in pieces for part in (piece, gap)])[:-1]
        colour = place.colour(layer)
        if layer.shaded and scale is not None:
            colour = theme.shade(float(scale.share(level)), scale)
        name = f"{'+' if layer.signs else ''}{written(level, kind)}{layer.suffix}"
        place.trace(
            type="scatter",
            mode="lines",
            x=_numbers(path[:, 0]),
            y=_numbers(path[:, 1]),
            line={"color": colour, "width": 1.1},
            name=_escaped(name),
            hoverinfo="name",
        )
        if level in layer.labelled:
            longest = max(pieces, key=len)
            x, y = (float(value) for value in longest[len(longest) // 2])
            place.words(
                _escaped(name), x, y, colour, bgcolor=theme.paper, borderpad=1,
                font={"size": 9.5, "color": colour},
            )  # fmt: skip


@_draw.register
def _(layer: Heat, place: _Place) -> None:
    scale = place.panel.scale
    assert scale is not None
    with np.errstate(all="ignore"):
        z = np.log(layer.z) if scale.log else layer.z
    place.trace(
        type="heatmap",
        x=_numbers(layer.x),
        y=_numbers(layer.y),
        z=_numbers(z),
        coloraxis=place.board.coloraxis(scale),
        hoverongaps=False,
        hoverinfo="skip",
    )


@_draw.register
def _(layer: Mark, place: _Place) -> None:
    look = LOOKS[layer.role]
    colour = getattr(place.theme, look.colour)
    cross = layer.x is not None and layer.y is not None
    line: Json = {
        "color": colour,
        "width": 1.2,
        "dash": "dot" if cross else _dash(look, False),
    }
    if layer.x is not None:
        ends: Json = {"y0": 0, "y1": 1, "yref": f"{place.y} domain"}
        if layer.y is not None:
            ends = {"y0": place.panel.y.lo, "y1": layer.y, "yref": place.y}
        place.shape(x0=layer.x, x1=layer.x, xref=place.x, line=line, **ends)
    if layer.y is not None:
        ends = {"x0": 0, "x1": 1, "xref": f"{place.x} domain"}
        if layer.x is not None:
            ends = {"x0": place.panel.x.lo, "x1": layer.x, "xref": place.x}
        place.shape(y0=layer.y, y1=layer.y, yref=place.y, line=line, **ends)
    if not layer.label:
        return
    if layer.x is not None:
        x = math.log10(layer.x) if place.panel.x.log else layer.x
        place.words(
            _escaped(layer.label), x, 1.0, colour,
            xref=place.x, yref=f"{place.y} domain", xanchor="left", yanchor="top", xshift=2,
        )  # fmt: skip
    elif layer.y is not None:
        y = math.log10(layer.y) if place.panel.y.log else layer.y
        place.words(
            _escaped(layer.label), 1.0, y, colour,
            xref=f"{place.x} domain", yref=place.y, xanchor="right", yanchor="bottom",
        )  # fmt: skip


@_draw.register
def _(layer: Text, place: _Place) -> None:
    sides = {
        "left": ("left", "middle"),
        "right": ("right", "middle"),
        "centre": ("center", "middle"),
        "above": ("center", "top"),
        "below": ("center", "bottom"),
        "upper left": ("left", "top"),
        "upper right": ("right", "top"),
        "lower left": ("left", "bottom"),
        "lower right": ("right", "bottom"),
    }
    across, upright = sides[layer.anchor]
    where: Json = {"xanchor": across, "yanchor": upright}
    if layer.inside:
        where |= {"xref": f"{place.x} domain", "yref": f"{place.y} domain"}
    text = _escaped(layer.text).replace("\n", "<br>")
    align = "left" if across == "left" else "right" if across == "right" else "center"
    place.words(text, layer.x, layer.y, place.colour(layer), align=align, **where)
