"""``isoloss diagnose``: all parts in one answer, from runs or from a fit."""

from __future__ import annotations

import json

import pytest

import isoloss as iso
from isoloss.document import dumps


def plain(document):
    return json.loads(dumps(document))


def test_document_holds_what_the_verbs_give(run, ladder):
    words = ("diagnose", ladder, "--draws", "20", "--target", "1e22", "--budget", "5e20", "--json")
    document = run(*words).document
    fitted = iso.fit(iso.read(ladder), draws=20)
    told = plain(iso.diagnose(fitted, target=1e22).to_dict())
    left = plain(iso.identify(fitted, target=1e22, budget=5e20).to_dict())
    assert document["identifiability"] == left
    assert {key: document[key] for key in told} == told
    assert document["sensitivity"] is None


def test_fit_is_diagnosed_as_its_runs_are(run, ladder, fit_file):
    from_fit = run("diagnose", fit_file, "--json").document
    from_runs = run("diagnose", ladder, "--draws", "200", "--json").document
    assert from_fit == from_runs


def test_text_has_all_parts(run, ladder):
    few = ("--where", "flops < 9e18")
    out = run("diagnose", ladder, "--draws", "20", "--sensitivity", *few).out
    for part in (
        "mean of loss / law - 1",
        "without one tier",
        "runs that decide most",
        "flattest direction",
        "train next",
        "one choice changed at a time",
        "seed 0",
    ):
        assert part in out


def test_columns_of_the_table(run, ladder, tmp_path):
    head, *rows = ladder.read_text().splitlines()
    lines = [f"{head},humidity", *(f"{row},{40 + i % 7}" for i, row in enumerate(rows))]
    (tmp_path / "runs.csv").write_text("\n".join(lines))
    words = ("diagnose", "runs.csv", "--ci", "none", "--column", "humidity", "--json")
    names = {trend["variable"] for trend in run(*words).document["trends"]}
    assert names == {"C", "D/N", "N", "D", "order", "humidity"}


def test_runs_without_compute_have_no_target(run, tmp_path):
    rows = "\n".join(f"{n:g},{1.7 + 90 * n**-0.2 + i % 3 * 0.001}" for i, n in enumerate(SIZES))
    (tmp_path / "runs.csv").write_text(f"params_total,loss\n{rows}\n")
    result = run("diagnose", "runs.csv", "--law", "floor-n", "--ci", "none", "--json")
    assert result.document["identifiability"] is None
    assert result.document["target_flop"] is None
    text = run("diagnose", "runs.csv", "--law", "floor-n", "--ci", "none").out
    assert "the runs have no compute" in text


SIZES = [1e7 * 1.4**i for i in range(18)]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--law", "chinchila"), "Did you mean chinchilla"),
        (("--column", "humidity"), "humidity"),
        (("--target", "1E"), "--target"),
        (("--budget", "-3"), "--budget"),
        (("--draws", "0"), "whole number"),
    ],
)
def test_mistakes_are_explained(run, ladder, words, part):
    result = run("diagnose", ladder, *words, "--json")
    assert result.code == 2
    assert part in result.err


def test_what_a_fit_has_settled(run, fit_file):
    result = run("diagnose", fit_file, "--law", "coupled")
    assert result.code == 2
    assert "settled in a fit" in result.err
    assert run("diagnose", fit_file, "--where", "flops > 1").code == 2
