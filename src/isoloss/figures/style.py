"""What does a role look like? One table of looks and two palettes, for print and for the screen.

Shades are Viridis (perceptually even, safe for the colour-blind and in grey), strong for more
compute or less loss. Burnt orange is kept for the answer and for what lies beyond the data.
"""

from __future__ import annotations

from dataclasses import dataclass

from isoloss.errors import InputError, Where
from isoloss.figures.parts import Role, Scale

FONTS = ("Inter", "Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans")

# Viridis (S. van der Walt and N. Smith, CC0) at 0, 1/8, ..., 1.
_VIRIDIS = (
    *("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c"),
    *("#28ae80", "#5ec962", "#addc30", "#fde725"),
)


@dataclass(frozen=True)
class Theme:
    """The colours of a figure.

    Attributes:
        name: ``light`` or ``dark``.
        paper: the ground.
        ink: laws, axes, words.
        muted: labels of axes, less important words.
        guide: lines to find one's way.
        faint: rules of tables and the like.
        data: runs without a shade.
        accent: the answer and what lies beyond the data.
        shades: from weak to strong.
        signed: from negative to positive.
        edge: around marks.
    """

    name: str
    paper: str
    ink: str
    muted: str
    guide: str
    faint: str
    data: str
    accent: str
    shades: tuple[str, ...]
    signed: tuple[str, ...]
    edge: str

    def shade(self, share: float, scale: Scale) -> str:
        """The colour at a share of a scale, in one of 64 steps."""
        stops = self.signed if scale.signed else self.shades
        step = round(share * 63) / 63
        at = step * (len(stops) - 1)
        low = min(int(at), len(stops) - 2)
        return _mix(stops[low], stops[low + 1], at - low)

    def stops(self, scale: Scale) -> tuple[tuple[float, str], ...]:
        """The colours of a scale with their shares, for a colour bar from ``lo`` to ``hi``."""
        colours = self.signed if scale.signed else self.shades
        if scale.less_is_more:
            colours = colours[::-1]
        last = len(colours) - 1
        return tuple((i / last, colour) for i, colour in enumerate(colours))


@dataclass(frozen=True)
class Look:
    """How a role is drawn.

    Attributes:
        colour: a colour of the theme by name.
        alpha: of areas and marks.
        width: of lines, in points.
        dash: lengths of ink and gap in line widths; empty for solid.
        marker: ``dot``, ``ring``, ``diamond``, ``star``, ``open star``, ``cross``.
        size: of marks across, in points.
        edge: the colour around marks, by name.
    """

    colour: str
    alpha: float = 1.0
    width: float = 1.1
    dash: tuple[float, ...] = ()
    marker: str = "dot"
    size: float = 3.2
    edge: str = "edge"


LOOKS: dict[Role, Look] = {
    "data": Look("data"),
    "faded": Look("muted", alpha=0.35),
    "law": Look("ink"),
    "band": Look("ink", alpha=0.14),
    "answer": Look("accent", width=1.3, marker="diamond", size=6.0),
    "answer band": Look("accent", alpha=0.18),
    "optimum": Look("ink", marker="star", size=7.0),
    "open optimum": Look("ink", marker="open star", size=7.0),
    "path": Look("ink", dash=(4.0, 2.0)),
    "reference": Look("muted", width=0.7, dash=(1.0, 2.0), marker="cross", size=5.0),
    "guide": Look("guide", width=0.6, dash=(1.0, 2.0)),
    "zero": Look("muted", width=0.8),
    "best": Look("paper", marker="star", size=9.0, edge="ink"),
    "edge": Look("edge", width=0.8),
    "truth": Look("ink", marker="ring", size=4.0),
}


def look_of(layer: object) -> Look:
    """How a layer is drawn."""
    role: Role = getattr(layer, "role", "data")
    return LOOKS[role]


def _mix(first: str, second: str, part: float) -> str:
    channels = (
        round(int(first[i : i + 2], 16) * (1 - part) + int(second[i : i + 2], 16) * part)
        for i in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def _between(low: float, high: float) -> tuple[str, ...]:
    """Viridis between two shares, in nine steps; from high to low where they are in that order."""

    def at(share: float) -> str:
        place = share * 8
        lower = min(int(place), 7)
        return _mix(_VIRIDIS[lower], _VIRIDIS[lower + 1], place - lower)

    return tuple(at(low + (high - low) * i / 8) for i in range(9))


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#1c2127",
    muted="#5b6570",
    guide="#9aa5b1",
    faint="#d8dde3",
    data="#33638d",
    accent="#c2500a",
    # Dark is more; the yellow end is too pale on white.
    shades=_between(0.88, 0.0),
    signed=("#2166ac", "#92c5de", "#e4e4e4", "#f4a6a0", "#b2182b"),
    edge="#fefefe",
)
DARK = Theme(
    name="dark",
    paper="#14171b",
    ink="#e8eaed",
    muted="#9aa4b0",
    guide="#66717e",
    faint="#343b44",
    data="#6fb3e0",
    accent="#ff8f45",
    # Bright is more; the violet end is too dark on black.
    shades=_between(0.22, 1.0),
    signed=("#6ea8e0", "#47688a", "#4a4d52", "#99565a", "#f0717a"),
    edge="#15181c",
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def theme_of(theme: str | Theme) -> Theme:
    """A theme by its name.

    Raises:
        InputError: there is no such theme.
    """
    if isinstance(theme, Theme):
        return theme
    if theme not in THEMES:
        raise InputError(
            f"found {theme!r} where one of {', '.join(THEMES)} is expected.",
            code="unknown_theme",
            where=Where(field="theme"),
        )
    return THEMES[theme]


def spread(places: list[float], gap: float) -> list[float]:
    """Places of labels between 0 and 1, apart by at least ``gap``, moved as little as is needed.

    Where they cannot all be apart they share the room evenly.
    """
    gap = min(gap, 1 / max(1, len(places)))
    groups: list[tuple[float, list[int]]] = []  # the centre of each clump, and who is in it
    for i in sorted(range(len(places)), key=lambda i: places[i]):
        members = [i]
        centre = _inside(places[i], gap)
        while groups:
            before, earlier = groups[-1]
            if centre - gap * len(members) / 2 >= before + gap * len(earlier) / 2 - 1e-12:
                break
            groups.pop()
            count = len(earlier) + len(members)
            centre = (before * len(earlier) + centre * len(members)) / count
            members = earlier + members
            centre = _inside(centre, gap * count)
        groups.append((centre, members))
    moved = list(places)
    for centre, members in groups:
        for rank, i in enumerate(members):
            moved[i] = centre + gap * (rank - (len(members) - 1) / 2)
    return moved


def _inside(centre: float, size: float) -> float:
    """A clump's centre, moved so that none of it lies outside 0 and 1."""
    return min(max(centre, size / 2), 1 - size / 2)
