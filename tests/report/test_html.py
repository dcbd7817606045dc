"""The page needs nothing else, hides nothing and lets no name act."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from isoloss.report import collect, render
from isoloss.report.html import page
from tests.report.conftest import HOSTILE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
VOID = {"meta", "link", "br", "img", "hr", "input", "path", "use"}
SECTIONS = ["answer", "verdict", "figures", "warnings", "fit", "runs", "methods", "again"]


class Reader(HTMLParser):
    """Tags, attributes, words per element, and whether all is closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def text(page_file: Path) -> str:
    return page_file.read_text(encoding="utf-8")


def test_nothing_is_asked_of_any_other_place(text):
    for tag, attributes in read(text).tags:
        assert tag not in ("iframe", "object", "embed", "script", "base", "form")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "action", "srcset", "data"):
                assert (value or "").startswith(("#", "data:"))
    assert not re.search(r"https?://|//[a-z]+\.[a-z]", text)
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_a_request_would_be_found():
    bad = '<p><img src="https://example.org/x.png"></p>'
    sources = [a.get("src", "") for _, a in read(bad).tags]
    assert not all((s or "").startswith(("#", "data:")) for s in sources if s)


def test_sections_in_order_and_reachable(text):
    tags = read(text).tags
    ids = [a["id"] for t, a in tags if t == "section"]
    assert ids == SECTIONS
    every = [a["id"] for _, a in tags if "id" in a]
    assert len(every) == len(set(every))
    links = [a["href"] for t, a in tags if t == "a"]
    assert links == [f"#{name}" for name in SECTIONS]
    headings = [t for t, _ in tags if re.fullmatch("h[1-6]", t)]
    assert headings[0] == "h1"
    assert headings.count("h1") == 1


def test_hostile_names_are_words(text, runs):
    reader = read(text)
    words = "".join(reader.words)
    for name in HOSTILE:
        assert name.replace(" %", "\N{NO-BREAK SPACE}%") in words
    assert "diverged <b>early</b> | badly" in words
    assert not any(tag in ("script", "img") for tag, _ in reader.tags)
    body = [tag for tag, _ in reader.tags]
    assert "b" not in body


def test_the_card_has_the_plan(text, answer):
    words = "".join(read(text).words)
    for line in answer.card().answer:
        assert line.value in words
        assert line.interval in words
    assert answer.card().command in words.replace("fit.json", "FIT.json").split(" --save plan")[0]


def test_verdict_and_every_reason(text, tested):
    words = "".join(read(text).words).replace("\N{NO-BREAK SPACE}", " ")
    assert f"{tested.verdict}" in words
    for reason in tested.reasons:
        assert reason[1:] in words


def test_every_warning_of_every_result(text, found, answer, tested, runs):
    words = "".join(read(text).words).replace("\N{NO-BREAK SPACE}", " ")
    messages = [n.message for n in (*found.warnings, *answer.warnings)]
    messages += [f.message for f in (*tested.findings[tested.best], *tested.notes)]
    messages += [p.message for p in runs.problems if p.severity != "info"]
    assert messages
    for message in messages:
        assert message[1:] in words


def test_every_run_is_there_and_excluded_ones_come_first(content, runs):
    table = content.runs
    assert table is not None
    assert len(table.rows) == len(runs)
    assert table.marked[0]
    assert table.rows[0][-1] == "excluded: diverged <b>early</b> | badly"
    assert sum(table.marked) == content.n_excluded == 1


def test_figures_are_drawn_once_each_in_both_schemes(text, content):
    reader = read(text)
    drawn = [a["id"] for t, a in reader.tags if t == "svg"]
    assert drawn == [f"figure-{figure.key}" for figure in content.figures]
    assert drawn == ["figure-iso-loss", "figure-residuals", "figure-backtest"]
    assert all(a.get("role") == "img" and a.get("aria-label") for t, a in reader.tags if t == "svg")
    assert text.count("prefers-color-scheme: dark") >= len(drawn) + 1
    assert text.count("<figcaption>") == len(drawn)


def test_the_same_results_give_the_same_page(content):
    few = replace(content, figures=content.figures[1:2])
    assert page(few) == page(few)


def test_no_date_no_path_no_user(text):
    assert not re.search(r"20\d\d-\d\d-\d\d", text)
    assert str(Path.home()) + "/" not in text
    assert str(Path.cwd()) not in text


def test_interactive_has_the_library_once(content):
    text = page(replace(content, figures=content.figures[1:2]), interactive=True)
    assert text.count("plotly.js v") == 1
    assert text.count('<div class="plot"') == 1
    inside = text.split("const drawn=", 1)[1].split("\n", 1)[0]
    assert "</" not in inside
    assert "<script>alert" not in inside


def test_small_studies(found, tested, answer):
    bare = collect(found, figures=[])
    assert bare.card is None
    assert bare.figures == ()
    assert "Answer" not in page(bare)
    assert "Backtest of chinchilla" in render(tested, figures=[])
    assert "What to train with" in render(answer, figures=[])


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to print with")
def test_chromium_prints_it(page_file, tmp_path):
    assert CHROMIUM is not None
    out = tmp_path / "report.pdf"
    switches = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    switches += [f"--user-data-dir={tmp_path / 'profile'}", "--disable-background-networking"]
    subprocess.run(
        [CHROMIUM, *switches, f"--print-to-pdf={out}", page_file.as_uri()],
        check=True,
        capture_output=True,
        timeout=120,
    )
    data = out.read_bytes()
    assert data.startswith(b"%PDF-")
    pages = len(re.findall(rb"/Type\s*/Page\b", data))
    assert 3 <= pages <= 20
