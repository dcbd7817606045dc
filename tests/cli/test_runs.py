"""``isoloss runs``: grade, list, show, exclude, keep the best."""

from __future__ import annotations

import pytest

import isoloss as iso

TABLE = """\
name,params,tokens,flops,loss,loss_unit,steps,max_steps,note
a,1e8,2e9,1.2e18,3.1,nats/token,100,100,x
b,2e8,4e9,4.8e18,2.9,nats/token,100,100,y
c,4e8,8e9,1.92e19,2.7,nats/token,50,100,stopped
d,8e8,1.6e10,7.68e19,nan,nats/token,100,100,z
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(TABLE)
    return path


def test_check_says_what_is_excluded_and_why(run, table):
    result = run("runs", "check", table)
    assert result.code == 0
    assert "4 runs from" in result.out
    assert "2 excluded" in result.out
    assert "1 run excluded: diverged" in result.out
    assert "1 run excluded: unfinished" in result.out
    assert "1.2e18" in result.out


def test_check_document(run, table):
    document = run("runs", "check", table, "--json").document
    assert document["schema"] == "isoloss.check"
    assert document["n_runs"] == 4
    assert document["n_ok"] == 2
    assert document["data_hash"] == iso.read(table).data_hash
    assert document["conventions"]["loss_unit"] == "nats/token"
    assert {"diverged", "unfinished"} <= {problem["code"] for problem in document["problems"]}
    assert [tier["runs"] for tier in document["coverage"]] == [1, 1]


def test_check_fails_where_something_must_be_mended(run, tmp_path):
    path = tmp_path / "mixed.csv"
    path.write_text(TABLE.replace("2.9,nats/token", "0.9,bits/byte"))
    result = run("runs", "check", path)
    assert result.code == 1
    assert "x 2 values of loss_unit" in result.out


def test_list_and_its_document(run, table):
    lines = run("runs", "list", table).out.splitlines()
    head = "run status N (params) D (tokens) C (FLOP) nats/token"
    assert lines[0].split() == head.split()
    assert lines[1].split() == ["a", "ok", "100M", "2B", "1.2e18", "3.1000"]
    assert "diverged: the loss is NaN" in lines[4]
    document = run("runs", "list", table, "--excluded", "--json").document
    assert [row["run_id"] for row in document["runs"]] == ["c", "d"]
    assert document["runs"][1]["loss"] is None


def test_show_tells_where_numbers_come_from(run, table):
    out = run("runs", "show", "a", table).out
    assert "derived:grading" in out
    assert "training compute, FLOP" in out
    document = run("runs", "show", "c", table, "--json").document
    assert document["run"]["reason"].startswith("unfinished")
    assert [problem["code"] for problem in document["problems"]] == ["unfinished"]


def test_exclude_writes_a_new_table_and_leaves_the_input(run, table, tmp_path):
    kept = tmp_path / "kept.csv"
    result = run("runs", "exclude", "a", table, "--why", "wrong tokenizer", "--into", kept)
    assert result.code == 0
    assert "1 run excluded (wrong tokenizer)" in result.out
    assert table.read_text() == TABLE
    again = iso.read(kept)
    by_name = {row["run_id"]: row for row in again.to_dict()["runs"]}
    assert by_name["a"]["status"] == "excluded"
    assert by_name["a"]["reason"] == "wrong tokenizer"
    assert by_name["b"]["note"] == "y"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.csv", "runs.csv"]


def test_exclude_in_place(run, table, tmp_path):
    result = run("runs", "exclude", "a", "b", table, "--why", "test", "--in-place", "--json")
    assert result.document["excluded"] == ["a", "b"]
    assert result.document["n_ok"] == 0
    assert {row["status"] for row in iso.read(table).to_dict()["runs"]} == {"excluded"}
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["a", "TABLE", "--why", "x"], "missing_argument", "--into"),
        (["a", "TABLE", "--why", "x", "--into", "TABLE"], "would_overwrite", "--in-place"),
        (["a", "TABLE", "--why", "x", "--into", "other.csv"], "would_overwrite", "exists"),
        (
            ["a", "TABLE", "--why", "x", "--into", "k.csv", "--in-place"],
            "conflicting_options",
            "one",
        ),
        (
            ["a", "TABLE", "--why", "x", "--in-place", "--where", "note = 'x'"],
            "conflicting_options",
            "where",
        ),
        (
            ["a", "TABLE", "--why", "x", "--in-place", "--scale", "tokens=2"],
            "conflicting_options",
            "scale",
        ),
        (["a", "TABLE", "--why", " ", "--into", "k.csv"], "missing_reason", "reason"),
        (["a", "TABLE", "--into", "k.csv"], "missing_argument", "--why"),
        (["TABLE", "a", "--why", "x", "--into", "k.csv"], "no_such_file", "comes last"),
        (["a", "--why", "x", "--into", "k.csv"], "missing_argument", "isoloss runs exclude"),
        (["aa", "TABLE", "--why", "x", "--into", "k.csv"], "unknown_run", "Did you mean a"),
        (["a", "TABLE", "--why", "x", "--into", "no/k.csv"], "no_such_folder", "mkdir"),
        (["a", "TABLE", "--why", "x", "--into", "k.xlsx"], "unknown_format", ".parquet"),
        (["a", ".", "--why", "x", "--in-place"], "not_a_file", "one file"),
    ],
)
def test_nothing_is_overwritten_or_lost_by_mistake(run, table, tmp_path, words, code, part):
    other = tmp_path / "other.csv"
    other.write_text("mine")
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    filled = [str(table) if word == "TABLE" else word for word in words]
    result = run("runs", "exclude", *filled, "--json")
    assert result.code == 2
    assert result.document["code"] == code
    assert part in result.err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_unknown_run_is_refused_with_the_nearest(run, ladder):
    result = run("runs", "show", "t1-s9", ladder)
    assert result.code == 2
    assert "Did you mean t1-s" in result.err


def test_best_keeps_one_learning_rate_of_each_size(run, tmp_path):
    losses = {0.001: 3.2, 0.002: 3.0, 0.004: 3.1}
    rows = "".join(f"1e8,2e9,{lr},{loss}\n" for lr, loss in losses.items())
    (tmp_path / "swept.csv").write_text(f"params,tokens,lr,loss\n{rows}")
    result = run("runs", "best", "swept.csv", "--into", "best.csv")
    assert result.code == 0
    assert "1 of 3 runs have the best lr -> best.csv" in result.out
    assert "another lr does better" in run("runs", "list", "best.csv", "--excluded").out
    again = run("runs", "best", "swept.csv", "--into", "best.csv", "--json")
    assert again.code == 2
    assert again.document["code"] == "would_overwrite"
    nowhere = run("runs", "best", "swept.csv", "--json")
    assert (nowhere.code, nowhere.document["code"]) == (2, "missing_argument")
    assert "--in-place" not in nowhere.document["hint"]
    one = run("runs", "best", "swept.csv", "--over", "tokens", "--into", "x.csv", "--json")
    assert (one.code, one.document["code"]) == (3, "not_tuned")
