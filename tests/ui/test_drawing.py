"""Figures on a narrow screen: panels below each other, numbers that do not touch."""

from __future__ import annotations

from isoloss.figures import Axis, Figure, Panel
from isoloss.ui.drawing import stacked, thin


def panel(column: int) -> Panel:
    axis = Axis("x", 1.0, 10.0, log=True)
    return Panel(axis, Axis("y", 0.0, 1.0, quiet=column > 0), (), place=(0, column))


def test_panels_go_below_each_other_with_their_own_numbers() -> None:
    wide = Figure("f", "t", (panel(0), panel(1), panel(2)), "c", widths=(1, 1, 1), heights=(2.0,))
    narrow = stacked(wide)
    assert [one.place for one in narrow.panels] == [(0, 0), (1, 0), (2, 0)]
    assert narrow.heights == (2.0, 2.0, 2.0)
    assert not any(one.y.quiet for one in narrow.panels)


def test_numbers_that_would_touch_are_left_out() -> None:
    values = [float(value) for value in range(1, 21)]
    axis = {
        "type": "linear",
        "range": [0.0, 21.0],
        "domain": [0.0, 1.0],
        "tickvals": values,
        "ticktext": [f"{value:.0f}k" for value in values],
    }
    layout = {"xaxis": axis, "yaxis": dict(axis), "title": {}}
    thin(layout)
    shown = [word for word in axis["ticktext"] if word]
    assert 4 <= len(shown) < 10
    assert shown[0] == "1k"
    assert axis["tickvals"] == values
    assert axis["tickangle"] == 0
    assert all(layout["yaxis"]["ticktext"])


def test_numbers_with_room_stay() -> None:
    axis = {
        "type": "log",
        "range": [9.0, 13.0],
        "domain": [0.0, 1.0],
        "tickvals": [1e10, 1e11, 1e12],
        "ticktext": ["10¹⁰", "10¹¹", "10¹²"],
    }
    thin({"xaxis2": axis})
    assert axis["ticktext"] == ["10¹⁰", "10¹¹", "10¹²"]
