"""Whatever a person hands over ends in a sentence, exit code 2 and no file, never a traceback."""

from __future__ import annotations

import os

import pytest

GOOD = "params,tokens,loss\n1e8,2e9,3.1\n2e8,4e9,2.9\n4e8,8e9,2.7\n"


def sparse(path):
    with path.open("wb") as file:
        file.truncate(2_000_000_001)


def truncated_parquet(path):
    import polars as pl

    pl.DataFrame({"params": [1e8], "tokens": [2e9], "loss": [3.0]}).write_parquet(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


FILES = {
    "empty.csv": "",
    "header.csv": "params,tokens,loss\n",
    "page.csv": "<!DOCTYPE html><html><body>not found</body></html>",
    "twice.csv": "params,params,loss\n1,2,3\n",
    "text.csv": GOOD.replace("4e9", "lots"),
    "negative.csv": GOOD.replace("2e8", "-2e8"),
    "zero.csv": GOOD.replace("2e8", "0"),
    "infinite.csv": GOOD.replace("4e9", "inf"),
    "billions.csv": "params,tokens,loss\n0.1,2,3.1\n0.2,4,2.9\n",
    "other.csv": "a,b\n1,2\n",
    "nothing.csv": "\x00\x00\x00\x00",
    "bytes.csv": b"params,tokens,loss\n\xff\xfe\xfa,1,2\n",
    "broken.jsonl": '{"params": 1e8, "loss": 3}\n{"params": \n',
    "huge.csv": sparse,
    "cut.parquet": truncated_parquet,
}


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in FILES.items():
        if callable(content):
            content(folder / name)
        elif isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize("command", [("runs", "check"), ("fit", "--save", "fit.json")])
@pytest.mark.parametrize("name", [*FILES, "missing.csv", "*.xyz", "", "https://example.org/r.csv"])
def test_unusable_tables(run, files, tmp_path, command, name):
    path = files / name if name in FILES else name
    before = sorted(os.listdir(tmp_path))
    result = run(*command, path, "--json")
    assert result.code == 2
    error = result.document
    assert error["schema"] == "isoloss.error"
    assert {"code", "message", "where", "hint"} <= set(error)
    assert set(error["where"]) == {"file", "row", "field"}
    assert error["message"]
    assert error["hint"]
    if name in FILES:
        assert name in result.err
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (GOOD.splitlines()[0] + "\n1e8,2e9,3.1\n", 3),
        (GOOD.splitlines()[0] + "\n" + "1e8,2e9,3.1\n" * 10, 3),
        (GOOD, 3),
    ],
    ids=["one run", "identical runs", "three runs"],
)
def test_too_few_runs_are_refused_for_lack_of_evidence(run, tmp_path, content, code):
    (tmp_path / "runs.csv").write_text(content)
    result = run("fit", "runs.csv", "--save", "fit.json", "--json")
    assert result.code == code
    assert result.document["schema"] == "isoloss.error"
    assert os.listdir(tmp_path) == ["runs.csv"]


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (["fti"], "unknown_command", ['"fti"', "Did you mean fit"]),
        (["runs", "lst"], "unknown_command", ['"runs lst"', "runs list"]),
        (["--nope"], "unknown_command", ["--nope", "isoloss --help"]),
        (["fit"], "missing_argument", ["RUNS", "runs.csv"]),
        (["runs", "check"], "missing_argument", ["RUNS"]),
        (["runs", "show"], "missing_argument", ["RUN_ID"]),
        (["runs", "exclude"], "missing_argument", ["--why"]),
        (["predict"], "missing_argument", ["FIT"]),
        (["flops"], "missing_argument", ["--arch"]),
        (["fit", "x.csv", "--jsn"], "unknown_option", ["--jsn", "Did you mean --json"]),
        (["laws", "--json=maybe"], "bad_value", ["maybe"]),
        (["fit", "--", "--json"], "no_such_file", ["--json"]),
    ],
)
def test_usage_errors_are_ours(run, words, code, parts):
    plain = run(*words)
    assert plain.code == 2
    assert plain.out == ""
    assert plain.err.startswith("isoloss: ")
    for part in parts:
        assert part in plain.err
    if "--" not in words and "--json=maybe" not in words:
        document = run(*words, "--json").document
        assert document["code"] == code


def test_unreadable_file(run, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(GOOD)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    result = run("fit", path)
    assert result.code == 2
    assert "permission" in result.err
