"""``isoloss predict``: a point, or a table of points."""

from __future__ import annotations

import pytest

import isoloss as iso


def test_one_point(run, fit_file):
    document = run("predict", fit_file, "--n", "7B", "--d", "1.4T", "--json").document
    assert document["schema"] == "isoloss.prediction"
    fit = iso.Fit.load(fit_file)
    expected = fit.predict({"N": 7e9, "D": 1.4e12})
    [point] = document["points"]
    assert point["n_params"] == 7e9
    assert point["tokens"] == 1.4e12
    assert point["loss"] == expected.loss[0].to_dict()
    assert point["loss_mean"] == expected.loss_mean[0].to_dict()
    assert point["decades_beyond_data"] == pytest.approx(2.77, abs=0.01)
    assert document["data_hash"] == fit.points.data_hash
    assert document["n_runs"] == 30
    assert "extrapolation" in [warning["code"] for warning in document["warnings"]]


def test_text(run, fit_file):
    out = run("predict", fit_file, "--n", "7B", "--d", "1.4T").out
    assert "1.4T" in out
    assert "loss (nats/token)" in out
    assert "! up to 2.8 decades of compute beyond the largest run" in out


def test_a_table_of_points_in_its_order(run, fit_file, tmp_path):
    (tmp_path / "points.csv").write_text("what,n_total,tokens\nbig,7B,1.4T\nsmall,1e8,2e9\n")
    document = run("predict", fit_file, "--points", "points.csv", "--json").document
    assert [point["n_params"] for point in document["points"]] == [7e9, 1e8]
    single = run("predict", fit_file, "--n", "7B", "--d", "1.4T", "--json").document
    assert document["points"][0]["loss_mean"] == single["points"][0]["loss_mean"]
    assert document["points"][1]["decades_beyond_data"] == 0
    assert "inside" in run("predict", fit_file, "--points", "points.csv").out
    (tmp_path / "odd.csv").write_text("n,tokens_b\n1e8,2\n")
    words = ("--map", "n=n_total", "--map", "tokens_b=tokens", "--scale", "tokens=1e9")
    document = run("predict", fit_file, "--points", "odd.csv", *words, "--json").document
    assert document["points"][0]["tokens"] == 2e9


def test_params_are_taken_as_the_fit_counts_them_and_that_is_said(run, fit_file, tmp_path):
    (tmp_path / "points.csv").write_text("params,tokens\n7B,1.4T\n")
    document = run("predict", fit_file, "--points", "points.csv", "--json").document
    single = run("predict", fit_file, "--n", "7B", "--d", "1.4T", "--json").document
    assert document["points"][0]["loss_mean"] == single["points"][0]["loss_mean"]
    assert [warning["code"] for warning in document["warnings"]] == ["n_assumed", "extrapolation"]
    assert "taken as the fit counts it: total" in document["warnings"][0]["message"]


def test_only_what_the_law_needs_must_be_there(run, ladder, tmp_path):
    run("fit", ladder, "--law", "E + A/N**a", "--ci", "none", "--save", "n.json")
    (tmp_path / "points.csv").write_text("n_total,tokens,flops\n1e9,,\n2e9,1e10,\n")
    document = run("predict", "n.json", "--points", "points.csv", "--json").document
    assert [point["n_params"] for point in document["points"]] == [1e9, 2e9]
    run("fit", ladder, "--law", "E + A/C**a", "--ci", "none", "--save", "c.json")
    (tmp_path / "points.csv").write_text("n_total,tokens,flops\n1e9,,1e20\n2e9,1e10,1e21\n")
    document = run("predict", "c.json", "--points", "points.csv", "--json").document
    assert [point["flop"] for point in document["points"]] == [1e20, 1e21]


def test_laws_in_other_variables(run, ladder, tmp_path):
    assert run("fit", ladder, "--law", "E + A/C**a", "--ci", "none", "--save", "c.json").code == 0
    given = run("predict", "c.json", "--c", "1e21", "--json").document
    follows = run("predict", "c.json", "--n", "1e9", "--d", f"{1e12 / 6}", "--json").document
    assert given["points"][0]["flop"] == 1e21
    assert given["points"][0]["n_params"] is None
    assert follows["points"][0]["loss_mean"] == given["points"][0]["loss_mean"]
    assert given["points"][0]["loss_mean"]["lo"] is None
    assert "no_intervals" in [warning["code"] for warning in given["warnings"]]
    table = "params,tokens,unique_tokens,loss\n" + "".join(
        f"{n:g},{d:g},{u:g},{1.7 + 400 / n**0.34 + 900 / u**0.33 + 0.01 * d / u / 10:.5f}\n"
        for n in (1e8, 3e8, 1e9)
        for d in (2e9, 8e9, 3e10)
        for u in (1e9, 2e9)
    )
    (tmp_path / "rep.csv").write_text(table)
    run("fit", "rep.csv", "--law", "E + A/N**a + B/U**b", "--ci", "none", "--save", "u.json")
    whole = run("predict", "u.json", "--n", "1B", "--d", "2B", "--json").document
    same = run("predict", "u.json", "--n", "1B", "--d", "2B", "--u", "2B", "--json").document
    assert whole["points"] == same["points"]


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        ([], "missing_argument", ["--n and --d"]),
        (["--n", "7B"], "missing_argument", ["--d"]),
        (["--n", "7E", "--d", "1T"], "bad_quantity", ['"7E"', "--n"]),
        (["--n", "-7B", "--d", "1T"], "missing_argument", ['found "-7B"', "--n=VALUE"]),
        (["--n=-7B", "--d", "1T"], "bad_quantity", ['"-7B"']),
        (["--n", "0", "--d", "1T"], "bad_quantity", ["positive"]),
        (["--n", "inf", "--d", "1T"], "bad_quantity", ['"inf"']),
        (["--n", "7B", "--d", "1T", "--u", "2T"], "bad_value", ["--u"]),
        (["--points", "p.csv", "--n", "7B"], "conflicting_options", ["--points"]),
        (["--points", "nope.csv"], "no_such_file", ["nope.csv"]),
        (["--points", "p.csv"], "missing_column", ["gives N", "--map NAME=n_total"]),
        (["--points", "s.csv"], "missing_column", ["gives D"]),
        (["--points", "q.csv"], "bad_value", ["row 2", "tokens"]),
        (["--points", "q.csv", "--map", "nope=tokens"], "unknown_column", ["nope"]),
        (["--points", "r.csv"], None, ["many"]),
    ],
)
def test_mistakes_are_explained(run, fit_file, tmp_path, words, code, parts):
    (tmp_path / "p.csv").write_text("n_nonemb,tokens\n1e9,1e10\n")
    (tmp_path / "s.csv").write_text("n_total,loss\n1e9,3\n")
    (tmp_path / "q.csv").write_text("n_total,tokens\n1e9,1e10\n1e9,\n")
    (tmp_path / "r.csv").write_text("n_total,tokens\nmany,1e10\n")
    result = run("predict", fit_file, *words, "--json")
    assert result.code == 2
    assert code in (None, result.document["code"])
    for part in parts:
        assert part in result.err


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (None, "cannot be read"),
        ("", "not a JSON document"),
        ("{", "not a JSON document"),
        ("[]", "not a fit"),
        ('{"schema": "isoloss.plan"}', "not a fit"),
        ('{"schema": "isoloss.fit", "version": 1, "state": {}}', "damaged"),
        ("\x00", "not a JSON document"),
    ],
)
def test_what_is_no_fit_is_refused(run, tmp_path, content, part):
    if content is not None:
        (tmp_path / "fit.json").write_text(content)
    for words in (("predict", "fit.json", "--n", "1B", "--d", "1B"), ("plan", "1e20", "--fit")):
        result = run(*words, *(["fit.json"] if words[0] == "plan" else []), "--json")
        assert result.code == 2
        assert part in result.err
        assert result.document["where"]["file"] == "fit.json"
