"""Where are the panels on the screen? The layout of Plotly's JSON, with its colour axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from isoloss.figures.labels import WIDTHS
from isoloss.figures.parts import Figure, Panel, Scale
from isoloss.figures.style import FONTS, Theme
from isoloss.figures.ticks import ticks

Json = dict[str, Any]

INCH = 128.0  # pixels on the screen for an inch on paper
_GAP_X, _GAP_Y = 0.62, 0.72  # inches between panels for numbers and labels
_BAR = 0.75  # inches for a colour bar


class Board:
    """What is written so far."""

    def __init__(self, figure: Figure, theme: Theme) -> None:
        self.figure, self.theme = figure, theme
        self.data: list[Json] = []
        self.scales: dict[Scale, str] = {}
        bars = {p.scale for p in figure.panels if p.scale is not None and p.scale.bar}
        self.width = WIDTHS[figure.width] + _BAR * len(bars)
        self.height = sum(figure.heights)
        self.panels_to = WIDTHS[figure.width] / self.width
        self.layout: Json = {
            "height": round(self.height * INCH) + 40,
            "autosize": True,
            "paper_bgcolor": theme.paper,
            "plot_bgcolor": theme.paper,
            "font": {"family": ", ".join(FONTS), "size": 12, "color": theme.ink},
            "margin": {"l": 62, "r": 14, "t": 36, "b": 50},
            "showlegend": False,
            "hovermode": "closest",
            "hoverlabel": {"bgcolor": theme.paper, "font": {"color": theme.ink}},
            "shapes": [],
            "annotations": [],
            "meta": {"key": figure.key, "title": figure.title, "caption": figure.caption},
        }

    def domain(self, panel: Panel) -> tuple[list[float], list[float]]:
        """The place of a panel as shares of width and height."""
        row, column = panel.place
        across = _parts(self.figure.widths, _GAP_X / WIDTHS[self.figure.width])[column]
        down = _parts(self.figure.heights, _GAP_Y / self.height)[row]
        x = [share * self.panels_to for share in across]
        return x, [1 - down[1], 1 - down[0]]

    def coloraxis(self, scale: Scale) -> str:
        """The colour axis of a scale, made when it is first asked for."""
        if scale not in self.scales:
            number = len(self.scales) + 1
            name = f"coloraxis{number if number > 1 else ''}"
            self.scales[scale] = name
            found = ticks(scale)
            low, high = scale.lo, scale.hi
            at: Sequence[float] = found.at
            if scale.log:
                low, high, at = math.log(low), math.log(high), [math.log(v) for v in at]
            self.layout[name] = {
                "cmin": low,
                "cmax": high,
                "colorscale": [[share, colour] for share, colour in self.theme.stops(scale)],
                "showscale": scale.bar,
                "colorbar": {
                    "title": {"text": scale.label, "side": "right"},
                    "tickvals": list(at),
                    "ticktext": list(found.text),
                    "thickness": 9,
                    "outlinewidth": 0,
                    "x": self.panels_to + 0.012 + (number - 1) * _BAR / self.width,
                },
            }
        return self.scales[scale]


def _parts(sizes: Sequence[float], gap: float) -> list[tuple[float, float]]:
    """Shares of a length for parts of these sizes, with gaps between."""
    free = 1 - gap * (len(sizes) - 1)
    total = sum(sizes)
    parts: list[tuple[float, float]] = []
    at = 0.0
    for size in sizes:
        end = at + free * size / total
        parts.append((at, min(end, 1.0)))
        at = end + gap
    return parts
