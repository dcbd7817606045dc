"""How does print look? Settings of matplotlib for a paper: letters, lines, fonts in files."""

from __future__ import annotations

from typing import Any

from matplotlib import font_manager

from isoloss.figures.style import FONTS, Theme


def settings(theme: Theme) -> dict[Any, Any]:
    """All settings of matplotlib that differ from its own."""
    return {
        "font.family": list(_families()),
        "font.size": 8.0,
        "axes.titlesize": 9.0,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlecolor": theme.ink,
        "axes.labelsize": 8.0,
        "axes.labelcolor": theme.ink,
        "axes.edgecolor": theme.muted,
        "axes.facecolor": theme.paper,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 7.5,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "xtick.labelcolor": theme.ink,
        "ytick.labelcolor": theme.ink,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.minor.width": 0.4,
        "ytick.minor.width": 0.4,
        "xtick.major.size": 3.0,
        "ytick.major.size": 3.0,
        "xtick.minor.size": 1.6,
        "ytick.minor.size": 1.6,
        "text.color": theme.ink,
        "text.hinting": "no_hinting",  # the same widths at every resolution
        "text.parse_math": False,  # a name of a run is never a formula
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "lines.solid_capstyle": "round",
        "lines.scale_dashes": False,
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "isoloss",
        "path.simplify": False,
    }


def _families() -> tuple[str, ...]:
    """A sans serif of print where one is installed as TrueType; then matplotlib's own for the rest.

    The last one comes with matplotlib and has every letter that figures use.
    """
    there = {
        font.name for font in font_manager.fontManager.ttflist if font.fname.lower().endswith("ttf")
    }
    return tuple(name for name in FONTS if name in there)
