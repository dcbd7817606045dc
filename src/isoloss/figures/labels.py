"""Where do words stand beside lines? Chosen here once, for all renderers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isoloss.figures.parts import Figure, Line, Panel
from isoloss.figures.style import spread

WIDTHS = {"column": 3.25, "text": 6.75}
"""Of a column and of a page, in inches."""
LINE = 8.2 / 72  # inches from one line of small words to the next
NUMBER = 0.28  # inches of an axis for a number
WIDE_NUMBER = 0.4
PADDING = 0.75  # inches of a row that are title, numbers and label of the axis


@dataclass(frozen=True)
class EndLabel:
    """The words at one end of a line.

    Attributes:
        text: the words.
        x: where, a value of the axis.
        y: where, moved so that labels do not meet.
        right: the words go to the right of the place.
        layer: the line.
    """

    text: str
    x: float
    y: float
    right: bool
    layer: Line


def room(figure: Figure, panel: Panel) -> tuple[int, int]:
    """How many numbers have room on the axes of a panel."""
    row, column = panel.place
    widest = WIDTHS[figure.width] * figure.widths[column] / sum(figure.widths) - 0.5
    tall = figure.heights[row] - PADDING
    number = WIDE_NUMBER if panel.x.kind == "rate" else NUMBER
    return max(3, min(7, int(widest / number))), max(3, min(7, int(tall / 0.27)))


def letters(figure: Figure) -> list[str]:
    """The titles of the panels, with letters where there are several."""
    counted = sum(panel.lettered for panel in figure.panels)
    titles: list[str] = []
    count = 0
    for panel in figure.panels:
        if panel.lettered and counted > 1:
            titles.append(f"{chr(ord('a') + count)}  {panel.title}".rstrip())
            count += 1
        else:
            titles.append(panel.title)
    return titles


def end_labels(panel: Panel, figure: Figure) -> list[EndLabel]:
    """The labels of a panel's lines, apart from each other."""
    found: list[tuple[Line, float, float]] = []
    for line in panel.of(Line):
        if not line.label:
            continue
        seen = np.flatnonzero(
            np.isfinite(line.x)
            & np.isfinite(line.y)
            & (line.x >= panel.x.lo * (1 - 1e-9) if panel.x.log else line.x >= panel.x.lo)
            & (line.x <= panel.x.hi * (1 + 1e-9) if panel.x.log else line.x <= panel.x.hi)
            & (line.y >= panel.y.lo)
            & (line.y <= panel.y.hi)
        )
        if not seen.size:
            continue
        at = seen[{"start": 0, "end": -1, "middle": seen.size // 2}[line.label_at]]
        found.append((line, float(line.x[at]), float(line.y[at])))
    height = max(0.4, figure.heights[panel.place[0]] - PADDING)
    gap = LINE / height
    labels: list[EndLabel] = []
    for side in ("start", "end", "middle"):
        here = [one for one in found if one[0].label_at == side]
        shares = spread([panel.y.share(y) for _, _, y in here], gap)
        for (line, x, _), share in zip(here, shares, strict=True):
            labels.append(EndLabel(line.label, x, panel.y.value(share), side != "start", line))
    return labels
