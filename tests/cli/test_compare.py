"""``isoloss compare`` and ``isoloss fit --law all``."""

from __future__ import annotations

import json

import pytest

import isoloss as iso
from isoloss.document import dumps

QUICK = ("--draws", "20", "--at", "9e18,2.5e19")


def test_document_is_that_of_the_verb(run, ladder):
    words = ("compare", ladder, "--law", "chinchilla,gadre", *QUICK, "--json")
    found = iso.compare(iso.read(ladder), ["chinchilla", "gadre"], at=[9e18, 2.5e19], draws=20)
    assert run(*words).document == json.loads(dumps(found.to_dict()))


def test_text_has_table_stack_and_footer(run, ladder):
    out = run("compare", ladder, "--law", "chinchilla,chinchilla-nofloor,gadre", *QUICK).out
    for part in ("held-out", "to best +- s.e.", "stacked prediction:", "seed 0", "data "):
        assert part in out
    assert out.splitlines()[2].split()[0] == "chinchilla"


def test_fit_of_all_laws_is_a_comparison(run, ladder):
    few = ("--where", "name NOT LIKE '%s0' AND name NOT LIKE '%s5'")
    words = ("--law", "all", *few, "--draws", "20", "--json")
    document = run("fit", ladder, *words).document
    assert document["schema"] == "isoloss.comparison"
    names = {law["law"] for law in document["laws"]}
    assert {"chinchilla", "chinchilla-nofloor", "gadre"} <= names
    assert "kaplan-n" in document["left_out"]
    refused = run("fit", ladder, "--law", "all", "--save", "fit.json")
    assert refused.code == 2
    assert "--save cannot be used with --law all" in refused.err


def test_saved_and_findings_about_runs(run, ladder, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(ladder.read_text() + "bad,1e8,1e9,6e17,nan\n")
    words = ("compare", path, "--law", "chinchilla", *QUICK, "--save", "compare.json")
    result = run(*words)
    assert result.code == 0
    assert "! 1 of 31 runs are excluded: diverged (1)." in result.out
    stored = json.loads((tmp_path / "compare.json").read_text())
    assert stored["schema"] == "isoloss.comparison"
    assert [warning["code"] for warning in stored["warnings"]] == ["excluded_runs"]


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("--law", "chinchila"), 2, "Did you mean chinchilla"),
        (("--law", "chinchilla,,gadre"), 2, "commas"),
        (("--law", "chinchilla,chinchilla"), 2, "each once"),
        (("--law", "chinchilla", "--ci", "none"), 2, "draws"),
        (("--law", "chinchilla", "--at", "1e30"), 2, "1e+30"),
        (("--law", "chinchilla", "--by", "column:lr"), 2, "lr"),
        (("--law", "chinchilla", "--target", "1E"), 2, "--target"),
        (("--law", "chinchilla", "--where", "flops < 1.5e19"), 3, "group"),
    ],
)
def test_mistakes_are_explained(run, ladder, words, code, part):
    result = run("compare", ladder, *words, "--json")
    assert result.code == code
    assert part in result.err
    assert result.document["schema"] == "isoloss.error"
