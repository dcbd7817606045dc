"""What is on a figure? Panels, axes and layers as plain data, without any drawing library.

A layer has arrays and a role (what it stands for); colours, dashes and marker shapes follow from
the role in ``isoloss.figures.style``. Whoever draws a figure adds nothing of substance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from pathlib import Path

Array = NDArray[np.float64]

Role = Literal[
    "data",  # runs that were measured
    "faded",  # runs that do not count, held as context
    "law",  # what a law says inside the data
    "band",  # an interval inside the data
    "answer",  # what is advised, and everything beyond the data
    "answer band",
    "optimum",  # the best place that runs or a law show, inside the data
    "open optimum",  # the same, at the edge of the grid
    "path",  # a path of optima, or another construction
    "reference",  # other people's numbers
    "guide",  # lines of equal compute and the like, to find one's way
    "zero",  # where nothing would be left to explain
    "truth",  # what was measured, beside what was predicted
    "best",  # the best run among shades
    "edge",  # lines over shades
]
Anchor = Literal[
    "left",
    "right",
    "centre",
    "above",
    "below",
    "upper left",
    "upper right",
    "lower left",
    "lower right",
]
Kind = Literal["number", "params", "tokens", "flop", "loss", "ratio", "percent", "rate", "names"]


def array(values: ArrayLike) -> Array:
    """Numbers as a new array that nobody changes."""
    made = np.array(values, dtype=np.float64)
    made.setflags(write=False)
    return made


@dataclass(frozen=True)
class Beyond:
    """The part of an axis that no run has reached.

    Attributes:
        start: where the runs end.
        label: how far the axis goes on, such as ``× 32 beyond data``.
        below: the part below ``start`` rather than above it.
    """

    start: float
    label: str
    below: bool = False


@dataclass(frozen=True)
class Axis:
    """One axis of a panel.

    Attributes:
        label: what it measures, with its unit.
        lo: smallest value shown.
        hi: largest value shown.
        log: logarithmic.
        kind: how its numbers are written.
        beyond: parts that no run has reached.
        reverse: larger values first.
        quiet: no numbers and no label, where a neighbour has them.
        names: words in place of numbers, at 0, 1, 2, ...
        twin: a second scale on the other side: its label, its kind, and its value over this one's.
    """

    label: str
    lo: float
    hi: float
    log: bool = False
    kind: Kind = "number"
    beyond: tuple[Beyond, ...] = ()
    reverse: bool = False
    quiet: bool = False
    names: tuple[str, ...] = ()
    twin: tuple[str, Kind, float] | None = None

    def share(self, value: float) -> float:
        """Where a value lies along the axis, from 0 at its start to 1 at its end."""
        low, high, at = self.lo, self.hi, value
        if self.log:
            low, high = math.log(low), math.log(high)
            at = math.log(value) if value > 0 else -math.inf
        share = (at - low) / (high - low)
        return 1 - share if self.reverse else share

    def value(self, share: float) -> float:
        """The value at a share of the axis."""
        part = 1 - share if self.reverse else share
        if self.log:
            return math.exp(math.log(self.lo) + part * (math.log(self.hi) - math.log(self.lo)))
        return self.lo + part * (self.hi - self.lo)


@dataclass(frozen=True)
class Scale:
    """What shades mean: the numbers behind a colour bar.

    Attributes:
        label: what they measure, with its unit.
        lo: the smallest.
        hi: the largest.
        log: logarithmic.
        kind: how its numbers are written.
        less_is_more: strong shades for small values (for losses).
        signed: diverging around zero.
        bar: draw the colour bar.
    """

    label: str
    lo: float
    hi: float
    log: bool = False
    kind: Kind = "number"
    less_is_more: bool = False
    signed: bool = False
    bar: bool = True

    def share(self, values: ArrayLike) -> Array:
        """Values as shares of the scale, 0 weak to 1 strong, cut at its ends."""
        at, low, high = np.asarray(values, dtype=np.float64), self.lo, self.hi
        if self.log:
            with np.errstate(all="ignore"):
                at, low, high = np.log(at), math.log(low), math.log(high)
        share = np.clip((at - low) / (high - low if high > low else 1.0), 0.0, 1.0)
        return 1 - share if self.less_is_more else share


@dataclass(frozen=True, eq=False)
class Points:
    """Marks at places, with bars where they have intervals.

    Attributes:
        x: (n,).
        y: (n,).
        role: what they stand for.
        shade: values on the panel's scale (n,), or None for the colour of the role.
        x_lo: lower ends along x (n,), NaN where open or unknown; None without.
        x_hi: likewise.
        y_lo: likewise along y.
        y_hi: likewise.
        names: what to say of each on the screen; empty for nothing.
        label: what they are, written beside the first of them; empty for nothing.
        small: half as wide and without an edge, where they are many.
    """

    x: Array
    y: Array
    role: Role = "data"
    shade: Array | None = None
    x_lo: Array | None = None
    x_hi: Array | None = None
    y_lo: Array | None = None
    y_hi: Array | None = None
    names: tuple[str, ...] = ()
    label: str = ""
    small: bool = False


@dataclass(frozen=True, eq=False)
class Line:
    """A curve.

    Attributes:
        x: (n,).
        y: (n,); NaN breaks the line.
        role: what it stands for.
        shade: its value on the panel's scale, or None for the colour of the role.
        label: written at its end; empty for nothing.
        dashed: dashed, whatever the role.
        heavy: twice as thick.
        thin: half as thick.
        label_at: which end the label is written at.
    """

    x: Array
    y: Array
    role: Role = "law"
    shade: float | None = None
    label: str = ""
    dashed: bool = False
    heavy: bool = False
    thin: bool = False
    label_at: Literal["start", "end", "middle"] = "end"


@dataclass(frozen=True, eq=False)
class Band:
    """The area between two curves: an interval along a line.

    Attributes:
        x: (n,).
        lo: (n,).
        hi: (n,).
        role: ``band`` inside the data, ``answer band`` beyond.
        shade: its value on the panel's scale, or None for the colour of the role.
    """

    x: Array
    lo: Array
    hi: Array
    role: Role = "band"
    shade: float | None = None


@dataclass(frozen=True, eq=False)
class Contour:
    """Lines of equal height, shaded by it.

    Attributes:
        x: (m,) ascending.
        y: (k,) ascending.
        z: (k, m); NaN where unknown.
        levels: heights, ascending.
        labelled: those among them that are written on their line.
        shaded: by the panel's scale; else in the colour of the role.
        role: what they stand for.
        suffix: written behind the number of a label.
        signs: write a plus before the numbers.
    """

    x: Array
    y: Array
    z: Array
    levels: Array
    labelled: tuple[float, ...] = ()
    shaded: bool = True
    role: Role = "law"
    suffix: str = ""
    signs: bool = False


@dataclass(frozen=True, eq=False)
class Heat:
    """Shaded cells of a grid.

    Attributes:
        x: centres (m,) ascending.
        y: centres (k,) ascending.
        z: (k, m) on the panel's scale; NaN is left empty.
    """

    x: Array
    y: Array
    z: Array


@dataclass(frozen=True)
class Mark:
    """A straight line across the panel, at an x, at a y, or at both (a cross-hair).

    Attributes:
        x: where, or None.
        y: where, or None.
        role: what it stands for.
        label: written at its end; empty for nothing.
    """

    x: float | None = None
    y: float | None = None
    role: Role = "reference"
    label: str = ""


@dataclass(frozen=True)
class Text:
    """Words at a place.

    Attributes:
        x: where.
        y: where.
        text: the words.
        role: whose colour they have.
        anchor: which side or corner of the words is at the place; for ``above`` and ``below`` their
            upper and lower edge.
        inside: x and y are shares of the panel from its lower left corner, not values.
        shade: a value on the panel's scale, whose colour they have instead.
    """

    x: float
    y: float
    text: str
    role: Role = "law"
    anchor: Anchor = "left"
    inside: bool = False
    shade: float | None = None


Layer = Points | Line | Band | Contour | Heat | Mark | Text


@dataclass(frozen=True)
class Panel:
    """Axes with layers, drawn in order.

    Attributes:
        x: horizontal axis.
        y: vertical axis.
        layers: first drawn first.
        title: what the panel shows; a letter is put before it where there are several.
        scale: what shades mean.
        place: row and column from the top left.
        lettered: count it among the panels a, b, c.
    """

    x: Axis
    y: Axis
    layers: tuple[Layer, ...]
    title: str = ""
    scale: Scale | None = None
    place: tuple[int, int] = (0, 0)
    lettered: bool = True

    def of(self, kind: type[Any]) -> Iterator[Any]:
        """Its layers of one kind."""
        return (layer for layer in self.layers if isinstance(layer, kind))


@dataclass(frozen=True)
class Figure:
    """A figure, described once and drawn by any library.

    Attributes:
        key: short name, such as ``iso-loss``.
        title: what it shows, one line.
        panels: in the order of their letters.
        caption: n, law, conventions, unit and interval method, in sentences.
        width: ``column`` (3.25 in) or ``text`` (6.75 in).
        widths: of the columns, relative.
        heights: of the rows, in inches.
        alt: what a reader who cannot see it should know.
        source: what it was made from, by name, for the files that hold it.
    """

    key: str
    title: str
    panels: tuple[Panel, ...]
    caption: str
    width: Literal["column", "text"] = "text"
    widths: tuple[float, ...] = (1.0,)
    heights: tuple[float, ...] = (2.4,)
    alt: str = ""
    source: dict[str, str] = field(default_factory=dict[str, str])

    def save(self, path: str | Path, *, theme: str = "light") -> None:
        """Write it to a file: .pdf, .svg, .png, .html (screen, self-contained) or .json (Plotly).

        Raises:
            InputError: another ending, or the file cannot be written.
        """
        from isoloss.figures.saving import save

        save(self, path, theme=theme)

    def summary(self) -> str:
        """Title and caption."""
        return f"{self.title}\n{self.caption}"

    def __str__(self) -> str:
        return self.summary()

    def to_dict(self, theme: str = "light") -> dict[str, Any]:
        """The figure as Plotly's JSON: ``data`` and ``layout``."""
        from isoloss.figures.render_plotly import render

        return render(self, theme)

    def _repr_html_(self) -> str:
        from isoloss.figures.saving import as_html

        return as_html(self)
