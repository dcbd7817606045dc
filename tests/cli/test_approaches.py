"""``isoloss approaches`` and ``isoloss fit --approach``."""

from __future__ import annotations

import json

import pytest

import isoloss as iso
from isoloss.document import dumps
from isoloss.fitting.approaches import approaches

LADDER = ("--where", "study = 'ladder'", "--loss-unit", "nats/byte", "--best-of", "lr")


@pytest.fixture(scope="module")
def compared(small_ladder_path):
    runs = iso.read(small_ladder_path, where="study = 'ladder'", loss_unit="nats/byte")
    return approaches(runs, best_of=("lr",), draws=50)


def test_document_is_what_python_gives(run, small_ladder_path, compared):
    result = run("approaches", small_ladder_path, *LADDER, "--draws", "50", "--json")
    assert result.code == 0
    assert result.document == json.loads(dumps(compared.to_dict()))
    assert result.document["schema"] == "isoloss.approaches"
    isoflop = result.document["approaches"]["isoflop"]
    assert isoflop["exponents"]["n_opt"]["estimate"] == pytest.approx(0.49, abs=0.02)


def test_text_has_the_table_and_the_budgets(run, small_ladder_path, compared):
    out = run("approaches", small_ladder_path, *LADDER, "--draws", "50").out
    assert out.startswith(compared.summary())
    for title in ("approach 1, envelope", "approach 2, IsoFLOP profiles", "approach 3, joint fit"):
        assert out.count(title) == 2
    assert out.splitlines()[-1].startswith("  data ")


def test_target_and_law(run, small_ladder_path):
    words = (*LADDER, "--draws", "20", "--target", "3e13", "--law", "coupled", "--json")
    document = run("approaches", small_ladder_path, *words).document
    assert document["target_flop"] == 3e13
    assert document["approaches"]["joint"]["shape"] == "coupled"


def test_fit_shows_the_approaches_too(run, ladder):
    words = (ladder, "--draws", "20", "--json")
    assert run("fit", *words, "--approach").out == run("approaches", *words).out


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["approaches"], 2, "missing_argument"),
        (["approaches", "RUNS", "--target", "1E"], 2, "bad_quantity"),
        (["approaches", "RUNS", "--shape", "circle"], 2, "bad_shape"),
        (["approaches", "RUNS", "--best-of", "nope"], 2, "unknown_column"),
        (["approaches", "RUNS", "--tolerance", "7"], 2, "bad_tolerance"),
        (["approaches", "RUNS", "--law", "farseer"], 2, "not_additive"),
        (["fit", "RUNS", "--approach", "--save", "fit.json"], 2, "conflicting_options"),
        (["approaches", "RUNS", "--where", "name = 't0-s0'"], 3, "no_approach"),
    ],
)
def test_mistakes_and_thin_evidence(run, ladder, tmp_path, words, status, code):
    filled = [str(ladder) if word == "RUNS" else word for word in words]
    result = run(*filled, "--json")
    assert result.code == status
    assert result.document["code"] == code
    assert list(tmp_path.iterdir()) == []
