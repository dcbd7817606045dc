"""Both renderers draw the same numbers, and neither lets words act as mark-up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure as Canvas

from isoloss.figures import CATALOGUE, Figure, Line, Panel, Points, build
from isoloss.figures.render_mpl import canvas, draw
from isoloss.figures.render_plotly import render
from isoloss.figures.saving import inline_svg, svg

GOLDEN = Path(__file__).with_name("every_layer.txt")


@pytest.fixture(scope="session")
def figures(found, answer, tested, runs, grid, choices, repeated, settings, every_layer):
    """All figures of the catalogue, and one with every kind of layer."""
    results = {
        "envelope": (grid,),
        "plane": (runs, found),
        "backtest": (tested,),
        "repetition": (repeated,),
        "lr-batch": (settings,),
        "hparam-laws": (settings,),
        "forest": (choices,),
        "iso-loss": (found, answer),
        "isoflop": (found, answer),
        "overtraining": (found, answer),
    }
    made = {e.key: build(e.key, *results.get(e.key, (found,))) for e in CATALOGUE}
    return {"every-layer": every_layer, **made}


@pytest.fixture(scope="session")
def drawn(figures):
    """A figure drawn by matplotlib, once for all tests."""
    made = {}

    def one(key):
        if key not in made:
            made[key] = canvas(figures[key])
        return made[key]

    return one


KEYS = ["every-layer", *(entry.key for entry in CATALOGUE)]


def panels_of_plotly(drawn: dict[str, Any], figure: Figure) -> list[list[dict[str, Any]]]:
    """Traces per panel, without those of second scales."""
    names = ["x" if i == 0 else f"x{i + 1}" for i in range(len(figure.panels))]
    real = [t for t in drawn["data"] if t.get("marker", {}).get("opacity") != 0]
    return [[t for t in real if t["xaxis"] == name] for name in names]


def panels_of_matplotlib(drawn: Canvas, figure: Figure) -> list[Any]:
    return drawn.axes[: len(figure.panels)]


def numbers(values: list[Any]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values], dtype=float)


@pytest.mark.parametrize("key", KEYS)
def test_plotly_has_the_arrays_of_the_layers(figures, key):
    figure = figures[key]
    for panel, traces in zip(figure.panels, panels_of_plotly(render(figure), figure), strict=True):
        marks = [t for t in traces if t.get("mode") == "markers"]
        lines = [t for t in traces if t.get("mode") == "lines" and "fill" not in t]
        lines = [t for t in lines if "name" not in t]
        for layers, drawn in ((panel.of(Points), marks), (panel.of(Line), lines)):
            for layer, trace in zip(layers, drawn, strict=True):
                np.testing.assert_allclose(numbers(trace["x"]), layer.x, rtol=1e-7)
                np.testing.assert_allclose(numbers(trace["y"]), layer.y, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("key", KEYS)
def test_matplotlib_has_the_arrays_of_the_layers(figures, drawn, key):
    figure = figures[key]
    axes: Any
    for panel, axes in zip(figure.panels, panels_of_matplotlib(drawn(key), figure), strict=True):
        marks = [c for c in axes.collections if isinstance(c, PathCollection)]
        for layer, made in zip(panel.of(Points), marks, strict=True):
            offsets = np.ma.filled(np.ma.asarray(made.get_offsets(), dtype=float), np.nan)
            np.testing.assert_array_equal(offsets, np.stack([layer.x, layer.y], axis=1))
        curves = [np.array(line.get_data(), dtype=float) for line in axes.lines]
        for layer in panel.of(Line):
            wanted = np.stack([layer.x, layer.y])
            assert any(
                c.shape == wanted.shape and np.array_equal(c, wanted, equal_nan=True)
                for c in curves
            )


@pytest.mark.parametrize("key", KEYS)
def test_plotly_accepts_its_json(figures, key):
    made = render(figures[key], "dark" if key == "iso-loss" else "light")
    go.Figure(json.loads(json.dumps(made, allow_nan=False)))


def test_plotly_would_refuse_other_json(every_layer):
    drawn = render(every_layer)
    drawn["layout"]["no_such_key"] = 1
    with pytest.raises(ValueError, match="no_such_key"):
        go.Figure(drawn)


@pytest.mark.parametrize("key", KEYS)
def test_both_write_the_same_numbers_on_the_axes(figures, drawn, key):
    figure = figures[key]
    layout = render(figure)["layout"]
    for i, axes in enumerate(panels_of_matplotlib(drawn(key), figure)):
        for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
            screen = layout[f"{name}axis{i + 1 if i else ''}"]
            np.testing.assert_array_equal(axis.get_majorticklocs(), screen["tickvals"])
            if screen["showticklabels"]:
                assert [t.get_text() for t in axis.get_ticklabels()] == screen["ticktext"]


@pytest.mark.parametrize("key", KEYS)
def test_beyond_is_shaded_and_labelled_in_both(figures, drawn, key):
    figure = figures[key]
    labels = [b.label for p in figure.panels for a in (p.x, p.y) for b in a.beyond]
    layout = render(figure)["layout"]
    shaded = [s for s in layout["shapes"] if s["type"] == "rect"]
    assert len(shaded) == len(labels)
    screen = [a["text"] for a in layout["annotations"]]
    printed = [t.get_text() for axes in drawn(key).axes for t in axes.texts]
    for label in labels:
        assert label in screen
        assert label in printed


@pytest.mark.parametrize(
    ("key", "form"),
    [("residuals", "svg"), ("iso-loss", "svg"), ("every-layer", "svg"), ("every-layer", "pdf")],
)
def test_the_same_figure_gives_the_same_file(figures, key, form):
    assert draw(figures[key], "light", form) == draw(figures[key], "light", form)


def words_of(text: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", text)


def test_svg_keeps_words_as_words(every_layer):
    """Golden: the words of the drawing in their order, and how many marks of each kind."""
    text = svg(every_layer)
    kinds = ("<use ", "<path ", "<image ", "<clipPath ")
    lines = [*words_of(text), *(f"{kind.strip('< ')}: {text.count(kind)}" for kind in kinds)]
    assert "\n".join(lines) + "\n" == GOLDEN.read_text(encoding="utf-8")


def test_svg_needs_nothing_else_and_has_no_date(every_layer):
    text = svg(every_layer)
    links = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "<metadata>" not in text
    assert "<script>" not in text
    assert "&lt;b&gt;mark-up&lt;/b&gt; &amp; $maths$" in text


def test_words_are_never_maths_or_markup(every_layer):
    words = words_of(svg(every_layer))
    assert "&lt;b&gt;law&lt;/b&gt; &amp; $x$" in words
    texts = [a["text"] for a in render(every_layer)["layout"]["annotations"]]
    assert "&lt;b&gt;law&lt;/b&gt; &amp; &#36;x&#36;" in texts
    hover = [t["text"] for t in render(every_layer)["data"] if "text" in t]
    assert hover[0][0] == "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_inline_svg_has_both_schemes_and_its_own_names(every_layer):
    text = inline_svg(every_layer)
    assert text.startswith('<svg id="figure-every-layer"')
    assert "prefers-color-scheme: dark" in text
    assert "xlink" not in text
    names = re.findall(r' id="([^"]*)"', text)
    assert len(names) == len(set(names))
    assert all(name.startswith(("every-layer-", "figure-every-layer")) for name in names)
    # Every variable that is used has a value in both schemes.
    used = set(re.findall(r"var\((--[^)]*)\)", text))
    for scheme in text.split("@media", 1):
        assert used <= set(re.findall(r"(--[a-z-]+\d+):#", scheme))


def test_pdf_has_truetype_and_no_date(every_layer):
    data = draw(every_layer, "light", "pdf")
    assert data.startswith(b"%PDF-")
    assert b"/Type3" not in data
    assert b"/CreationDate" not in data


@pytest.mark.parametrize(("width", "inches"), [("column", 3.25), ("text", 6.75)])
def test_widths_of_print(every_layer, width, inches):
    figure = Figure("k", "t", every_layer.panels[1:], "c", width, widths=(1.0, 1.0))
    data = draw(figure, "light", "svg").decode()
    found = re.search(r'width="([\d.]+)pt"', data)
    assert found is not None
    assert float(found[1]) == pytest.approx(72 * inches)


def test_a_figure_on_the_screen_needs_no_library():
    code = (
        "import sys, isoloss.figures.render_plotly, isoloss.figures; "
        "print([m for m in ('matplotlib', 'plotly') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_empty_panels_are_drawn():
    from isoloss.figures import Axis

    bare = Panel(Axis("x", 0.0, 1.0), Axis("y", 1.0, 2.0, log=True), ())
    figure = Figure("bare", "Bare", (bare,), "Nothing.", "column")
    assert draw(figure).startswith(b"<?xml")
    assert render(figure)["data"] == []
