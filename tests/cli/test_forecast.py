"""``isoloss forecast``: the document of the verb, a stored backtest, and what is refused."""

from __future__ import annotations

import json

import pytest

import isoloss as iso
from isoloss.cli.app import main
from isoloss.document import dumps

POINT = ("--n", "2B", "--d", "40B")
QUICK = ("--laws", "gadre", "--draws", "20")


@pytest.fixture(scope="module")
def backtest_file(ladder):
    path = ladder.parent / "backtest.json"
    words = ("--law", "chinchilla,gadre", "--draws", "20", "--save", str(path), "--quiet")
    assert main(["backtest", str(ladder), *words]) == 0
    return path


def plain(document):
    return json.loads(dumps(document))


def test_document_is_that_of_the_verb(run, fit_file):
    document = run("forecast", fit_file, *POINT, *QUICK, "--json").document
    fit = iso.Fit.load(fit_file)
    found = iso.forecast(fit, {"N": 2e9, "D": 40e9}, laws=["gadre"], draws=20)
    assert document == plain(found.to_dict())
    (point,) = document["points"]
    predicted = run("predict", fit_file, *POINT, "--json").document["points"][0]
    assert point["loss_run"] == predicted["loss"]
    assert point["loss_mean"] == predicted["loss_mean"]
    assert point["loss"]["lo"] < point["loss_run"]["lo"]
    assert document["laws"] == ["chinchilla", "gadre"]


def test_text(run, fit_file, backtest_file):
    out = run("forecast", fit_file, *POINT, "--backtest", backtest_file).out
    for part in ("forecast 90%", "if the law holds 90%", "discrepancy", "past cuts", "seed 0"):
        assert part in out


def test_a_stored_backtest_gives_the_same(run, fit_file, backtest_file, tmp_path):
    (tmp_path / "points.csv").write_text("n_total,tokens\n2B,40B\n4B,1e11\n")
    words = ("--points", "points.csv", "--json")
    fresh = run("forecast", fit_file, *words, *QUICK).document
    stored = run("forecast", fit_file, *words, "--backtest", backtest_file).document
    assert fresh == stored
    assert [point["n_params"] for point in fresh["points"]] == [2e9, 4e9]


def test_saved(run, fit_file, backtest_file, tmp_path):
    words = (*POINT, "--backtest", backtest_file, "--json")
    document = run("forecast", fit_file, *words, "--save", "f.json").document
    assert json.loads((tmp_path / "f.json").read_text(encoding="utf-8")) == document
    (tmp_path / "notes.json").write_text("{}", encoding="utf-8")
    result = run("forecast", fit_file, *words, "--save", "notes.json")
    assert result.document["code"] == "would_overwrite"


def test_a_planned_run(run, ladder, fit_file, backtest_file):
    assert run("plan", "1e21", "--fit", fit_file, "--save", "plan.json").code == 0
    words = ("--backtest", backtest_file, "--json")
    (point,) = run("forecast", fit_file, "--plan", "plan.json", *words).document["points"]
    planned = iso.Plan.load("plan.json")
    assert point["n_params"] == planned.n_params.estimate
    assert point["tokens"] == planned.tokens.estimate
    assert point["loss_run"] == planned.loss.to_dict()
    both = run("forecast", fit_file, "--plan", "plan.json", *POINT, *words)
    assert (both.code, both.document["code"]) == (2, "conflicting_options")
    run("fit", ladder, "--law", "gadre", "--draws", "20", "--save", "other.json")
    other = run("forecast", "other.json", "--plan", "plan.json", *words)
    assert (other.code, other.document["code"]) == (2, "other_fit")


@pytest.mark.parametrize(
    ("words", "exit_code", "code", "field"),
    [
        ((), 2, "missing_argument", "--n"),
        (("--n", "2B"), 2, "missing_argument", "--d"),
        ((*POINT, "--laws", "nonsense"), 2, "unknown_law", None),
        ((*POINT, "--laws", "gadre,"), 2, "bad_value", "--laws"),
        ((*POINT, "--draws", "5"), 2, "bad_draws", "draws"),
        ((*POINT, "--backtest", "missing.json"), 2, "not_a_backtest", None),
        ((*POINT, "--backtest", "FIT"), 2, "not_a_backtest", None),
        ((*POINT, "--backtest", "BACKTEST", "--laws", "gadre"), 2, "conflicting_options", "--laws"),
        ((*POINT, "--backtest", "BACKTEST", "--draws", "20"), 2, "conflicting_options", "--draws"),
    ],
)
def test_mistakes(run, fit_file, backtest_file, words, exit_code, code, field):
    files = {"FIT": fit_file, "BACKTEST": backtest_file}
    result = run("forecast", fit_file, *(files.get(word, word) for word in words), "--json")
    assert result.code == exit_code
    assert result.document["code"] == code
    if field:
        assert result.document["where"]["field"] == field


def test_thin_evidence(run, ladder, backtest_file):
    few = ("--where", "flops < 2e19", "--draws", "20", "--save", "few.json")
    assert run("fit", ladder, *few).code == 0
    result = run("forecast", "few.json", *POINT, "--json")
    assert (result.code, result.document["code"]) == (3, "too_few_groups")
    result = run("forecast", "few.json", *POINT, "--backtest", backtest_file, "--json")
    assert (result.code, result.document["code"]) == (2, "other_runs")
    assert run("fit", ladder, "--ci", "none", "--save", "none.json").code == 0
    result = run("forecast", "none.json", *POINT, "--json")
    assert (result.code, result.document["code"]) == (3, "no_draws")
