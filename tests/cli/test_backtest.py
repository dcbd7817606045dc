"""``isoloss backtest``: the document, the gate, and what is refused."""

from __future__ import annotations

import json

import pytest

import isoloss as iso
from isoloss.cli.backtest import split_names
from isoloss.document import dumps
from isoloss.errors import InputError

QUICK = ("--draws", "20")


def plain(document):
    return json.loads(dumps(document))


def test_document_is_that_of_the_verb(run, ladder):
    document = run("backtest", ladder, *QUICK, "--target", "1e22", "--json").document
    assert document == plain(iso.backtest(iso.read(ladder), target=1e22, draws=20).to_dict())
    assert document["schema"] == "isoloss.backtest"
    for cut in document["cuts"]:
        assert {"fit_up_to_flop", "n_fit", "n_held_out", "laws"} <= set(cut)
        assert {"bias", "mean_abs_rel_error", "coverage"} <= set(cut["laws"]["chinchilla"])
    for drift in document["drift"]:
        assert set(drift["n_params"]) == {"estimate", "lo", "hi", "level"}
    assert document["verdict"] == "trust"


def test_several_laws_cuts_and_orders(run, ladder):
    words = ("--law", "chinchilla-nofloor,power-c", "--by", "tokens", "--at", "2e9,4B", *QUICK)
    document = run("backtest", ladder, *words, "--json").document
    assert [cut["at"] for cut in document["cuts"]] == [2e9, 4e9]
    assert set(document["drift_by_law"]) == {"chinchilla-nofloor", "power-c"}
    assert document["by"] == "tokens"


def test_text_has_table_verdict_and_footer(run, ladder):
    out = run("backtest", ladder, *QUICK).out
    for part in ("fit on C <=", "90% holds", "verdict: trust", "seed 0", "data "):
        assert part in out


def test_a_formula_is_a_law(run, ladder):
    words = ("--law", "E + A/N**a + B/D**b", *QUICK, "--json")
    document = run("backtest", ladder, *words).document
    assert document["best"] == "E + A/N**a + B/D**b"


@pytest.fixture
def biased(ladder, tmp_path):
    """The same runs, the largest budget far better than any law would have it."""
    head, *rows = ladder.read_text(encoding="utf-8").splitlines()
    lines = [head]
    for row in rows:
        *rest, loss = row.split(",")
        better = 0.95 if row.startswith("t4") else 1.0
        lines.append(",".join([*rest, f"{float(loss) * better:.6f}"]))
    path = tmp_path / "biased.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_gate_turns_caution_into_an_exit_code(run, ladder, biased):
    assert run("backtest", ladder, *QUICK, "--gate").code == 0
    assert run("backtest", biased, *QUICK).code == 0
    result = run("backtest", biased, *QUICK, "--gate", "--quiet")
    assert result.code == 1
    assert result.err.startswith("isoloss: the backtest says caution:")
    assert "verdict: caution" in result.out
    # Under --json there is still one document, that of the backtest.
    result = run("backtest", biased, *QUICK, "--gate", "--json")
    assert (result.code, result.document["verdict"]) == (1, "caution")


def test_refuse_is_thin_evidence(run, ladder):
    words = ("backtest", ladder, "--law", "farseer", *QUICK, "--json")
    result = run(*words)
    assert (result.code, result.document["verdict"]) == (3, "refuse")
    assert run(*words, "--gate").code == 1


def test_too_few_tiers_are_refused(run, ladder):
    result = run("backtest", ladder, "--where", "flops < 2e19", "--json")
    assert result.code == 3
    assert result.document["code"] == "too_few_groups"


def test_a_fit_is_enough(run, fit_file):
    document = run("backtest", fit_file, *QUICK, "--json").document
    assert document == plain(iso.backtest(iso.Fit.load(fit_file), draws=20).to_dict())
    result = run("backtest", fit_file, "--where", "flops < 2e19", "--json")
    assert (result.code, result.document["code"]) == (2, "conflicting_options")


def test_saved_and_read_again(run, ladder, tmp_path):
    result = run("backtest", ladder, *QUICK, "--save", "backtest.json", "--json")
    assert result.err.splitlines()[-1] == "-> backtest.json"
    found = iso.Backtest.load(tmp_path / "backtest.json")
    assert plain(found.to_dict()) == result.document
    (tmp_path / "notes.json").write_text("{}", encoding="utf-8")
    result = run("backtest", ladder, "--save", "notes.json", "--json")
    assert result.document["code"] == "would_overwrite"


def test_excluded_runs_are_said(run, ladder, tmp_path):
    lines = ladder.read_text(encoding="utf-8").splitlines()
    lines[3] = ",".join([*lines[3].split(",")[:-1], "nan"])
    (tmp_path / "gap.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    document = run("backtest", "gap.csv", *QUICK, "--json").document
    assert "excluded_runs" in [note["code"] for note in document["notes"]]
    assert document["n_runs"] == 29


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        (("--target", "1E"), "bad_quantity", "--target"),
        (("--at", "1e18,"), "bad_value", "--at"),
        (("--at", "1e30"), "bad_cut", "at"),
        (("--law", "chinchilla,,coupled"), "bad_value", "--law"),
        (("--law", "nonsense"), "unknown_law", None),
        (("--ci", "none"), "no_draws", "ci"),
        (("--draws", "5"), "bad_draws", "draws"),
        (("--by", "colour"), "unknown_column", "colour"),
        (("--objective", "squared", "--delta", "1e-3"), "conflicting_options", "--delta"),
    ],
)
def test_mistakes(run, ladder, words, code, field):
    result = run("backtest", ladder, *words, "--json")
    assert result.code == 2
    assert result.document["code"] == code
    if field:
        assert result.document["where"]["field"] == field


def test_no_runs_given(run):
    assert run("backtest", "--json").document["code"] == "missing_argument"
    assert run("backtest", "missing.json", "--json").code == 2


def test_commas_inside_brackets_belong_to_a_formula():
    assert split_names("a, b", "--law") == ["a", "b"]
    assert split_names("max(N, D), power-c", "--law") == ["max(N, D)", "power-c"]
    with pytest.raises(InputError, match="commas between them"):
        split_names("a,", "--law")
