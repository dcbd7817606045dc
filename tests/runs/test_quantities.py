from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.runs import format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("70B", 7e10),
        ("1.4T", 1.4e12),
        ("350M", 3.5e8),
        ("12k", 12e3),
        ("12K", 12e3),
        ("7b", 7e9),
        ("1e24", 1e24),
        ("6.5e20", 6.5e20),
        ("3E2", 300.0),
        ("1_000", 1000.0),
        (" 5 ", 5.0),
        (".5M", 5e5),
        ("5.B", 5e9),
        (7e9, 7e9),
        (12, 12.0),
    ],
)
def test_accepts_what_people_write(text, value):
    assert parse_quantity(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        *("300E", "3P", "2Z", "5G", "B", "seven", "1.2.3", "1,000", "-7B", "0", "1e999", "nan"),
        *("inf", "7BB", "7 billion", "1__0", "_1", "0x10", "1e", "٣", "", "1" * 100),
        *(-1.0, math.nan, math.inf, 0),
    ],
)
def test_refuses_the_rest_and_shows_it(text):
    with pytest.raises(InputError) as caught:
        parse_quantity(text)
    assert caught.value.code == "bad_quantity"
    assert str(text)[:37] in caught.value.message
    assert "70B" in (caught.value.hint or "")


def test_bare_exa_is_explained():
    with pytest.raises(InputError, match="Suffixes are k, M, B and T"):
        parse_quantity("300E")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7e10, "70B"),
        (1.4e12, "1.4T"),
        (123456789, "123M"),
        (999.9e6, "1B"),
        (12_345, "12.3k"),
        (5.76e23, "5.76e23"),
        (1e24, "1e24"),
        (0.25, "0.25"),
        (0.0, "0"),
        (2e-5, "2e-5"),
        (-7e9, "-7B"),
        (math.nan, "nan"),
    ],
)
def test_format(value, text):
    assert format_quantity(value) == text


@given(st.floats(min_value=1e-2, max_value=1e30), st.integers(2, 12))
def test_format_keeps_its_digits(value, digits):
    assert parse_quantity(format_quantity(value, digits)) == pytest.approx(
        value, rel=0.5 * 10 ** (1 - digits) * (1 + 1e-9)
    )


@given(st.text(max_size=100))
def test_any_text_is_a_number_or_an_input_error(text):
    with contextlib.suppress(InputError):
        assert 0 < parse_quantity(text) < math.inf
