"""Ticks, labels, shades and axes: what both renderers take from here."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.figures import Axis, Beyond, Figure, Line, Panel, Scale
from isoloss.figures.context import beyond_data, in_corner, log_axis, log_range, times, whiskers
from isoloss.figures.labels import end_labels, letters
from isoloss.figures.parts import array
from isoloss.figures.style import DARK, LIGHT, spread, theme_of
from isoloss.figures.ticks import power, ticks, twin_ticks, written

POWERS = ("10¹⁸", "10¹⁹", "10²⁰", "10²¹", "10²²", "10²³", "10²⁴")


@pytest.mark.parametrize(
    ("axis", "text"),
    [
        (Axis("", 5e7, 2e10, True, "params"), ("100M", "1B", "10B")),
        (Axis("", 3e8, 6e9, True, "tokens"), ("300M", "500M", "1B", "2B", "3B", "5B")),
        (Axis("", 1e18, 1e24, True, "flop"), POWERS),
        (Axis("", 1e11, 6e11, True, "flop"), ("10¹¹", "2×10¹¹", "3×10¹¹", "5×10¹¹")),
        (Axis("", 2.1, 3.4, True, "loss"), ("2.2", "2.4", "2.6", "2.8", "3", "3.2", "3.4")),
        (Axis("", -2.0, 2.0, kind="percent"), ("−2", "−1", "0", "+1", "+2")),
        (Axis("", 1e-4, 1e-2, True, "rate"), ("1e−4", "1e−3", "1e−2")),
        (Axis("", -0.5, 1.5, names=("a", "b")), ("a", "b")),
    ],
)  # fmt: skip
def test_numbers_of_axes(axis, text):
    assert ticks(axis).text == text


@given(
    st.floats(1e-6, 1e20),
    st.floats(1.02, 1e12),
    st.booleans(),
    st.sampled_from(["params", "flop", "number", "loss", "rate"]),
    st.integers(3, 8),
)
def test_ticks_lie_on_the_axis_and_are_few(lo, factor, log, kind, most):
    axis = Axis("", lo, lo * factor, log, kind)
    found = ticks(axis, most)
    assert len(found.at) == len(found.text)
    assert all(lo * (1 - 1e-6) <= at <= axis.hi * (1 + 1e-6) for at in (*found.at, *found.minor))
    assert len(found.at) <= max(most + 1, 9)
    assert all(a < b for a, b in pairwise(found.at))


def test_twin_ticks_are_round_in_their_own_unit():
    found = twin_ticks(Axis("", 65536.0, 4194304.0, True, "tokens", twin=("", "number", 1 / 2048)))
    np.testing.assert_allclose([float(t) for t in found.text], np.array(found.at) / 2048)


def test_powers():
    assert power(1e21) == "10²¹"
    assert power(2.5e-3) == "2.5×10⁻³"
    assert written(1e24, "flop") == "10²⁴"


@given(st.lists(st.floats(-0.2, 1.2), max_size=12), st.floats(0.01, 0.4))
def test_labels_are_apart_in_order_and_inside(places, gap):
    moved = spread(places, gap)
    room = min(gap, 1 / max(1, len(places)))
    ordered = sorted(range(len(places)), key=lambda i: places[i])
    for a, b in pairwise(ordered):
        assert moved[b] - moved[a] >= room - 1e-9
    assert all(room / 2 - 1e-9 <= place <= 1 - room / 2 + 1e-9 for place in moved)


def test_labels_that_are_apart_stay():
    assert spread([0.5, 0.1, 0.9], 0.1) == [0.5, 0.1, 0.9]


@given(st.floats(1e-3, 1e3), st.floats(1.1, 1e6), st.booleans(), st.booleans(), st.floats(0, 1))
def test_shares_and_values_of_an_axis_are_inverse(lo, factor, log, reverse, share):
    axis = Axis("", lo, lo * factor, log, reverse=reverse)
    assert axis.share(axis.value(share)) == pytest.approx(share, abs=1e-7)
    assert axis.share(axis.hi if reverse else axis.lo) == pytest.approx(0)


def test_scale_cuts_and_turns():
    scale = Scale("", 1.0, 100.0, log=True, less_is_more=True)
    np.testing.assert_allclose(scale.share([0.1, 1, 10, 100, 1e9]), [1, 1, 0.5, 0, 0])


def relative_luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    light, dark = sorted((relative_luminance(a), relative_luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_words_have_contrast_aa(theme):
    for name in ("ink", "muted", "accent"):
        assert contrast(getattr(theme, name), theme.paper) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_shades_are_even_in_grey(theme):
    """Stronger is further from the ground at every step, so that a copy in grey still reads."""
    scale = Scale("", 0.0, 1.0)
    steps = [contrast(theme.shade(i / 63, scale), theme.paper) for i in range(64)]
    assert all(b >= a - 1e-9 for a, b in pairwise(steps))


def test_accent_is_no_shade():
    scale = Scale("", 0.0, 1.0)
    for theme in (LIGHT, DARK):
        assert theme.accent not in {theme.shade(i / 63, scale) for i in range(64)}


def test_unknown_theme():
    with pytest.raises(InputError, match="light, dark"):
        theme_of("blue")


def test_distance_is_from_the_data_to_what_is_shown_not_to_the_margin():
    lo, hi = log_range([1e18, 1e24])
    found = beyond_data(1e18, 1e21, lo, hi)
    assert found == [Beyond(1e21, "× 1k beyond data")]
    below = beyond_data(1e20, 1e24, lo, hi)
    assert [b.below for b in below] == [True]
    assert below[0].label == "× 100 below data"
    assert beyond_data(1e18, 1e24, lo, hi) == []


def test_axis_without_data_is_not_shaded():
    assert log_axis("x", "flop", 1.0, 10.0).beyond == ()
    assert log_axis("x", "flop", 1.0, 10.0, [math.nan]).beyond == ()


@pytest.mark.parametrize(
    ("factor", "text"), [(1.634, "1.6"), (31.7, "32"), (412.0, "410"), (5234.0, "5.2k")]
)
def test_factors_in_words(factor, text):
    assert times(factor) == text


def test_open_whiskers_are_cut_and_unknown_ones_are_not_drawn():
    middle = array([10.0, 10.0, 10.0])
    lo, hi = whiskers(middle, array([8.0, 0.0, math.nan]), array([12.0, math.inf, math.nan]), 4.0)
    np.testing.assert_array_equal(lo, [8.0, 2.5, math.nan])
    np.testing.assert_array_equal(hi, [12.0, 40.0, math.nan])


def test_words_go_where_fewest_points_are():
    x_axis, y_axis = Axis("", 0.0, 1.0), Axis("", 0.0, 1.0)
    crowd = np.array([0.9, 0.95, 0.1, 0.1])
    text = in_corner("x", x_axis, y_axis, crowd, np.array([0.9, 0.9, 0.9, 0.1]))
    assert text.anchor == "lower right"


def test_letters_only_where_there_are_several():
    axis = Axis("", 0.0, 1.0)
    one = Panel(axis, axis, (), title="One")
    assert letters(Figure("k", "t", (one,), "c")) == ["One"]
    bare = Panel(axis, axis, (), lettered=False)
    assert letters(Figure("k", "t", (one, bare, one), "c")) == ["a  One", "", "b  One"]


def test_labels_at_the_end_of_what_is_seen():
    x, y = Axis("", 1.0, 10.0, True), Axis("", 0.0, 1.0)
    line = Line(array([1.0, 5.0, 50.0]), array([0.2, 0.4, 0.6]), label="law")
    hidden = Line(array([1.0, 2.0]), array([5.0, 6.0]), label="above")
    panel = Panel(x, y, (line, hidden))
    labels = end_labels(panel, Figure("k", "t", (panel,), "c"))
    assert [(one.text, one.x) for one in labels] == [("law", 5.0)]


def test_arrays_of_figures_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        array([1.0, 2.0])[0] = 3.0
