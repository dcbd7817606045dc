"""Show it: figures, described once as data and drawn by matplotlib and by Plotly.

``build("iso-loss", fit, plan)`` makes a figure from results; ``figure.save("f.pdf")`` draws it.
No drawing library is loaded until then.
"""

from __future__ import annotations

from isoloss.figures.catalogue import (
    CATALOGUE,
    Entry,
    Material,
    build,
    figure_of,
    find,
    gather,
    possible,
)
from isoloss.figures.parts import (
    Axis,
    Band,
    Beyond,
    Contour,
    Figure,
    Heat,
    Line,
    Mark,
    Panel,
    Points,
    Scale,
    Text,
)

__all__ = [
    "CATALOGUE",
    "Axis",
    "Band",
    "Beyond",
    "Contour",
    "Entry",
    "Figure",
    "Heat",
    "Line",
    "Mark",
    "Material",
    "Panel",
    "Points",
    "Scale",
    "Text",
    "build",
    "figure_of",
    "find",
    "gather",
    "possible",
]
