"""The comparison of pages with numbers can itself fail."""

from __future__ import annotations

import pytest

from tests.reproductions import pages


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("0.00179", 0.00179, 1e-5),
        ("1.23e-3", 1.23e-3, 1e-5),
        ("−0.7 %", -0.007, 1e-3),
        ("12.5 % low", 0.125, 1e-3),
        ("4.04T", 4.04e12, 1e10),
        ("25", 25.0, 1.0),
    ],
)
def test_numbers_are_read_with_their_last_digit(text, number, unit):
    assert pages.printed(text) == pytest.approx((number, unit))


def test_a_wrong_digit_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    page = tmp_path / "a.md"
    page.write_text("# A\n\n## First\n\n| x | y |\n|---|---|\n| one | 1.23 |\n\n## Second\n")
    pages.check("a.md", "First", [["one", 1.2345]])
    pages.check("a.md", "First", [[None, None]])
    with pytest.raises(AssertionError, match=r"printed '1\.23', computed 1\.25"):
        pages.check("a.md", "First", [["one", 1.25]])
    with pytest.raises(AssertionError, match="printed 'one', computed 'two'"):
        pages.check("a.md", "First", [["two", 1.23]])
    with pytest.raises(AssertionError, match="1 rows, not 2"):
        pages.check("a.md", "First", [["one", 1.23]] * 2)
    with pytest.raises(AssertionError, match="no table"):
        pages.check("a.md", "Second", [["one", 1.23]])
