"""``isoloss figure`` and ``isoloss report``: files by their ending, errors that say what to do."""

from __future__ import annotations

import json

import pytest

from isoloss.figures import CATALOGUE


def test_list_names_all_and_their_needs(run):
    result = run("figure", "--list")
    assert result.code == 0
    for entry in CATALOGUE:
        line = next(text for text in result.out.splitlines() if text.split()[:1] == [entry.key])
        assert entry.number in line
        for need in entry.needs:
            assert need.replace("|", " or ") in line
    numbers = [entry.number for entry in CATALOGUE]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    ("ending", "head"),
    [
        ("pdf", b"%PDF-"),
        ("svg", b"<?xml"),
        ("png", b"\x89PNG"),
        ("html", b"<!doctype html>"),
        ("json", b'{"data"'),
    ],
)
def test_draws_by_the_ending(run, fit_file, tmp_path, ending, head):
    result = run("figure", "residuals", fit_file, "-o", f"f.{ending}", "--quiet")
    assert result.code == 0
    assert result.err == ""
    assert "runs in" in result.out
    assert (tmp_path / f"f.{ending}").read_bytes().startswith(head)
    assert [path.name for path in tmp_path.iterdir()] == [f"f.{ending}"]


def test_draws_from_a_table_and_for_the_dark(run, ladder, tmp_path):
    result = run("figure", "F2", ladder, "-o", "f.json", "--theme", "dark", "--target", "1e22")
    assert result.code == 0
    drawn = json.loads((tmp_path / "f.json").read_text())
    assert drawn["layout"]["paper_bgcolor"] == "#14171b"
    assert run("figure", "isoflop", ladder, "-o", "f.json").code == 0  # its own file may be redrawn


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ((), "missing_argument", "which figure"),
        (("residual", "FIT", "-o", "f.pdf"), "unknown_figure", "Did you mean residuals?"),
        (("residuals", "FIT"), "missing_argument", "-o f.pdf"),
        (("residuals", "FIT", "-o", "f.docx"), "unknown_format", ".pdf"),
        (("residuals", "FIT", "-o", "no/f.pdf"), "no_such_folder", "does not exist"),
        (("residuals", "FIT", "-o", "f.pdf", "--theme", "blue"), "unknown_theme", "light, dark"),
        (("backtest", "FIT", "-o", "f.pdf"), "missing_result", "isoloss backtest RUNS"),
        (("iso-loss", "RUNS", "-o", "f.pdf"), "missing_result", "isoloss fit RUNS"),
        (("repetition", "FIT", "-o", "f.pdf"), "law_without_u", "unique_tokens"),
        (("iso-loss", "FIT", "FIT", "-o", "f.pdf"), "repeated_value", "two results"),
        (("iso-loss", "missing.json", "-o", "f.pdf"), None, "missing.json"),
    ],
)
def test_errors_say_what_to_do(run, fit_file, ladder, tmp_path, words, code, part):
    words = [{"FIT": str(fit_file), "RUNS": str(ladder)}.get(word, word) for word in words]
    result = run("figure", *words, "--json")
    assert result.code == 2
    assert part in json.dumps(result.document)
    if code is not None:
        assert result.document["code"] == code
    assert list(tmp_path.iterdir()) == []


def test_results_are_never_overwritten(run, fit_file, ladder, tmp_path):
    copy, other = tmp_path / "fit.json", tmp_path / "other.json"
    copy.write_bytes(fit_file.read_bytes())
    other.write_bytes(fit_file.read_bytes())
    for out in ("fit.json", "other.json"):
        result = run("figure", "residuals", copy, "-o", out, "--json")
        assert result.document["code"] == "would_overwrite"
    table = tmp_path / "runs.html"
    table.write_bytes(ladder.read_bytes())
    result = run("report", fit_file, table, "-o", "runs.html", "--json")
    assert result.document["code"] == "would_overwrite"
    assert copy.read_bytes() == other.read_bytes() == fit_file.read_bytes()
    assert table.read_bytes() == ladder.read_bytes()


def test_other_documents_are_refused_by_name(run, ladder, fit_file, tmp_path):
    (tmp_path / "other.json").write_text('{"schema": "isoloss.recipes", "version": 1}')
    result = run("figure", "residuals", fit_file, "other.json", "-o", "f.pdf", "--json")
    assert result.document["code"] == "unknown_document"
    assert "recipes" in result.document["message"]


def test_report_says_what_is_in_it(run, fit_file, tmp_path):
    result = run("report", fit_file, "-o", "r.html", "--figures", "residuals", "--quiet")
    assert result.code == 0
    assert "figures: residuals" in result.out
    assert "open: Tokenizer" in result.out
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "missing_argument"),
        (("FIT", "-o", "r.docx"), "unknown_format"),
        (("FIT", "-o", "no/r.html"), "no_such_folder"),
        (("FIT", "-o", "r.html", "--figures", "no-such"), "unknown_figure"),
        (("RUNS", "-o", "r.html"), "nothing_to_report"),
    ],
)
def test_report_errors(run, fit_file, ladder, tmp_path, words, code):
    words = [{"FIT": str(fit_file), "RUNS": str(ladder)}.get(word, word) for word in words]
    result = run("report", *words, "--json")
    assert result.code == 2
    assert result.document["code"] == code
    assert list(tmp_path.iterdir()) == []
