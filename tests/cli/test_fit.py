"""``isoloss fit``: documents by certified digits, options, what is saved."""

from __future__ import annotations

import json

import pytest

import isoloss as iso

CONTRACT = {
    "schema", "version", "isoloss", "seed", "conventions", "data_hash", "n_runs", "law", "formula",
    "status", "status_message", "objective", "estimate", "parameters", "exponents", "agreement",
    "residuals", "warnings",
}  # fmt: skip


def test_published_runs_by_certified_digits(run, published_data):
    words = (published_data / "chinchilla_epoch.csv", "--where", "not dropped_by_epoch")
    document = run("fit", *words, "--law", "chinchilla", "--draws", "100", "--json").document
    assert set(document) >= CONTRACT
    assert document["schema"] == "isoloss.fit"
    assert document["n_runs"] == 240
    assert document["objective"] == pytest.approx(1.0182740e-3, rel=1e-7)
    assert document["estimate"]["alpha"] == pytest.approx(0.347310, abs=2e-6)
    assert document["estimate"]["beta"] == pytest.approx(0.367172, abs=2e-6)
    assert document["conventions"]["n"] == "total"
    alpha = document["parameters"]["alpha"]
    assert set(alpha) == {"estimate", "lo", "hi", "level"}
    assert alpha["lo"] < alpha["estimate"] < alpha["hi"]
    assert set(document["exponents"]) == {"n_opt", "d_opt"}
    assert set(document["residuals"]) == {"rms_log", "median_abs_log", "max_abs_log"}


def test_document_is_what_python_gives(run, ladder):
    words = ("fit", ladder, "--draws", "100", "--seed", "3", "--json")
    found = iso.fit(iso.read(ladder), draws=100, seed=3)
    assert run(*words).document == json.loads(json.dumps(found.to_dict()))
    assert run(*words, "--jobs", "2").out == run(*words, "--jobs", "1").out


def test_saved_fit_is_the_same_fit(run, ladder, tmp_path):
    result = run("fit", ladder, "--draws", "50", "--save", "fit.json", "--json")
    assert iso.Fit.load(tmp_path / "fit.json").to_dict() == result.document
    text = run("fit", ladder, "--draws", "50", "--save", "fit.json")
    assert text.code == 0
    assert "-> fit.json" in text.out
    assert "isoloss plan BUDGET --fit fit.json" in text.out


def test_text_has_interval_status_and_provenance(run, ladder):
    out = run("fit", ladder, "--draws", "50").out
    assert "30 runs, 5 compute tiers, Huber(0.001)" in out
    assert "status ok" in out
    assert "alpha" in out
    assert " to " in out
    assert f"data {iso.read(ladder).data_hash[:12]}, seed 0, isoloss" in out


def test_options_reach_the_fit(run, ladder):
    fixed = run("fit", ladder, "--ci", "none", "--fix", "alpha=.34", "--fix", "beta=0.36", "--json")
    assert fixed.document["fixed"] == {"alpha": 0.34, "beta": 0.36}
    assert fixed.document["estimate"]["alpha"] == 0.34
    tied = run("fit", ladder, "--ci", "none", "--tie", "alpha=beta", "--json").document
    assert tied["tied"] == [["alpha", "beta"]]
    assert tied["estimate"]["alpha"] == tied["estimate"]["beta"]
    bounded = run("fit", ladder, "--ci", "none", "--bound", "E=0:1.5", "--json").document
    assert bounded["status"] == "edge"
    assert bounded["estimate"]["E"] == pytest.approx(1.5)
    for objective, name in (
        ("huber", "Huber(0.01)"),
        ("quantile", "Quantile(0.5, 0.01)"),
        ("quantile:0.1", "Quantile(0.1, 0.01)"),
    ):
        words = ("--objective", objective, "--delta", "0.01", "--ci", "none", "--json")
        assert run("fit", ladder, *words).document["objective_name"] == name
    assert "StudentT" in run("fit", ladder, "--objective", "student", "--ci", "none").out
    assert "squared" in run("fit", ladder, "--objective", "squared", "--ci", "none").out


def test_reading_options_reach_the_table(run, ladder, tmp_path):
    path = tmp_path / "odd.csv"
    text = ladder.read_text().replace("params_total", "weights").replace("loss", "nll")
    path.write_text(text)
    words = ("--n", "weights", "--loss", "nll", "--where", "flops < 5e19", "--ci", "none")
    document = run("fit", path, *words, "--json").document
    assert document["n_runs"] == 24
    assert document["conventions"]["n"] == "column:weights"
    mapped = run("fit", path, "--map", "weights=n_total", "--map", "nll=loss", "--ci", "none")
    assert mapped.code == 0
    scaled = text.replace("tokens", "billions")
    path.write_text(scaled)
    words = ("--map", "billions=tokens", "--scale", "tokens=1e3", "--map", "weights=params")
    document = run("fit", path, *words, "--map", "nll=loss", "--ci", "none", "--json").document
    same = run("fit", ladder, "--ci", "none", "--json").document
    assert document["estimate"]["B"] == pytest.approx(
        same["estimate"]["B"] * 1e3 ** same["estimate"]["beta"], rel=1e-4
    )


def test_several_tables_and_a_formula(run, ladder, tmp_path):
    lines = ladder.read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join(lines[:16]))
    (tmp_path / "b.csv").write_text("\n".join([lines[0], *lines[16:]]))
    law = "E + A/N**alpha + B/D**beta"
    document = run("fit", "a.csv", "b.csv", "--law", law, "--ci", "none", "--json").document
    assert document["n_runs"] == 30
    assert document["formula"] == law
    named = run("fit", ladder, "--ci", "none", "--json").document
    assert document["estimate"]["alpha"] == pytest.approx(named["estimate"]["alpha"], rel=1e-5)


def test_excluded_runs_are_counted_with_their_reason(run, ladder, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(ladder.read_text() + "bad,1e8,1e9,6e17,nan\n")
    result = run("fit", path, "--ci", "none", "--save", "fit.json")
    assert "! 1 of 31 runs are excluded: diverged (1)." in result.out
    codes = [warning["code"] for warning in iso.Fit.load("fit.json").to_dict()["warnings"]]
    assert codes == ["excluded_runs"]


def test_thin_evidence_is_an_answer_with_its_own_exit_code(run, ladder, tmp_path):
    words = ("--where", "name = 't0-s0' or name = 't1-s1'", "--ci", "none", "--json")
    few = run("fit", ladder, *words)
    assert few.code == 3
    assert few.document["schema"] == "isoloss.error"
    # With D = 20 N throughout, nothing tells the size term from the data term.
    rows = [f"{n:g},{20 * n:g},{1.7 + 900 / n**0.35}" for n in (1e8, 2e8, 4e8, 8e8, 1.6e9, 3.2e9)]
    (tmp_path / "ray.csv").write_text("params,tokens,loss\n" + "\n".join(rows))
    flat = run("fit", "ray.csv", "--ci", "none", "--json")
    assert flat.code == 3
    assert flat.document["schema"] == "isoloss.fit"
    assert flat.document["status"] == "not_identified"


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (["--law", "chinchila"], "unknown_law", ["Did you mean chinchilla"]),
        (["--law", "E + A*M**-a"], "bad_formula", ["no variable"]),
        (["--law", "open('x')"], "bad_formula", ["open"]),
        (["--ci", "bootstrap"], "bad_ci", ["bootstrap", "tier"]),
        (["--ci", "column:nope"], "unknown_column", ["nope"]),
        (["--draws", "0"], "bad_value", ['"0"', "from 1 to 10,000,000"]),
        (["--draws", "many"], "bad_value", ['"many"', "--draws"]),
        (["--draws", "1e12"], "bad_value", ['"1e12"']),
        (["--draws"], "missing_argument", ["--draws"]),
        (["--seed", "-1"], "bad_value", ['"-1"']),
        (["--seed", "0.5"], "bad_value", ['"0.5"']),
        (["--jobs", "0"], "bad_value", ["--jobs"]),
        (["--level", "90"], "bad_level", ["90"]),
        (["--level", "abc"], "bad_value", ['"abc"', "number"]),
        (["--level", "nan"], "bad_level", ["nan"]),
        (["--delta", "-1"], "bad_quantity", ['"-1"']),
        (["--delta", "1E"], "bad_quantity", ['"1E"', "Suffixes"]),
        (["--objective", "hubert"], "bad_objective", ["hubert", "huber"]),
        (["--objective", "quantile:2"], "bad_objective", ["2"]),
        (["--objective", "squared", "--delta", "1"], "conflicting_options", ["squared"]),
        (["--fix", "alpha"], "bad_value", ['"alpha"', "alpha=0.34"]),
        (["--fix", "alpha=x"], "bad_quantity", ['"x"']),
        (["--fix", "gamma=1"], None, ["gamma"]),
        (["--fix", "alpha=1", "--fix", "alpha=2"], "repeated_value", ["twice"]),
        (["--tie", "alpha=gamma"], None, ["gamma"]),
        (["--bound", "E=3"], "bad_value", ["E=0:2"]),
        (["--bound", "E=3:1"], "bad_value", ["3:1"]),
        (["--bound", "E=a:b"], "bad_quantity", ['"a"']),
        (["--where", "flops >"], "bad_where", ["flops >"]),
        (["--where", "flops > 1e30"], "no_rows", ["1e30"]),
        (["--where", "size > 1"], "bad_where", ["size"]),
        (["--n", "nope"], "unknown_column", ["nope"]),
        (["--loss", "nope"], "unknown_column", ["nope"]),
        (["--map", "nope=loss"], "unknown_column", ["nope"]),
        (["--map", "loss"], "bad_value", ["my_loss=loss"]),
        (["--scale", "tokens=-3"], "bad_scale", ["-3"]),
        (["--scale", "tokens=1E"], "bad_quantity", ["1E"]),
        (["--loss-unit", "nats"], "unknown_convention", ["nats/token"]),
        (["--flops", "7nd"], "unknown_convention", ["6nd"]),
        (["--arch", "L=two"], "bad_architecture", ["two"]),
        (["--dras", "5"], "unknown_option", ["--dras", "--draws"]),
        (["--seed", "1", "--seed", "2"], "repeated_option", ["twice"]),
        (["--save", "no/fit.json"], "no_such_folder", ["no"]),
        (["--save", "."], "would_overwrite", ["not overwritten"]),
    ],
)
def test_mistakes_are_explained(run, ladder, tmp_path, words, code, parts):
    result = run("fit", ladder, *words, "--json")
    assert result.code == 2
    assert code in (None, result.document["code"])
    assert result.document["hint"] or code in ("bad_ci", "bad_level", "bad_value", "bad_objective")
    for part in parts:
        assert part in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_fit_is_written_over_a_fit_only(run, ladder, tmp_path):
    copy = tmp_path / "runs.csv"
    copy.write_text(ladder.read_text())
    for target in ("runs.csv", "notes.json"):
        (tmp_path / "notes.json").write_text('{"schema": "mine"}')
        result = run("fit", "runs.csv", "--ci", "none", "--save", target)
        assert result.code == 2
        assert "not overwritten" in result.err
    assert copy.read_text() == ladder.read_text()
    assert (tmp_path / "notes.json").read_text() == '{"schema": "mine"}'
    for _ in range(2):
        assert run("fit", "runs.csv", "--ci", "none", "--save", "fit.json").code == 0
