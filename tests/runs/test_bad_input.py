"""Every bad input ends in one sentence that names place, value, expectation and remedy."""

from __future__ import annotations

import io
import json
import os

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError, IsolossError
from isoloss.runs import Runs, read
from isoloss.runs.readers import raw

HEADER = "params,tokens,loss\n"
GOOD = HEADER + "1e8,2e9,3.1\n2e8,4e9,2.9\n4e8,8e9,2.7\n"
HTML = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n"


def parquet() -> bytes:
    buffer = io.BytesIO()
    pl.read_csv(GOOD.encode()).write_parquet(buffer)
    return buffer.getvalue()


# file name, content, code of the error, what the message must say, what the hint must say
FILES = [
    ("empty.csv", b"", "empty_file", "empty", "header"),
    ("blank.csv", b"\n\n  \n", "empty_file", "empty", "header"),
    ("header.csv", HEADER, "no_rows", "no row", "One row per run"),
    ("no_header.csv", "1e8,2e9,3.1\n2e8,4e9,2.9\n", "no_header", "1e8,2e9,3.1", "header"),
    ("twice.csv", "params,tokens,loss,loss\n1,2,3,4\n", "duplicate_column", "3 and 4", "Rename"),
    ("ragged.csv", GOOD + "1e9,2e9,3,000\n", "ragged_row", "4 values", "thousands"),
    ("html.csv", HTML, "not_a_table", "web page", "raw file"),
    ("xml.csv", "<?xml version='1.0'?><a/>", "not_a_table", "markup", "raw file"),
    ("latin1.csv", GOOD.encode() + b"1e8,2e9,\xe9\n", "bad_encoding", "0xe9", "LATIN"),
    ("utf16.csv", GOOD.encode("utf-16"), "bad_encoding", "UTF-16", "iconv"),
    ("junk.csv", bytes(range(1, 256)), "bad_encoding", "UTF-8", "iconv"),
    ("zeros.csv", b"\x00\x01\x02" * 9, "not_a_table", "no text", "CSV"),
    ("sheet.csv", b"PK\x03\x04" + b"x" * 40, "not_a_table", "Excel", "export"),
    ("packed.csv", b"\x1f\x8b" + b"x" * 40, "not_a_table", "gzip", "gunzip"),
    ("cut.parquet", parquet()[:-20], "truncated_file", "truncated", "again"),
    ("cut.csv", parquet()[: len(parquet()) // 2], "truncated_file", "truncated", "again"),
    ("empty.parquet", b"", "truncated_file", "truncated", "again"),
    ("harmed.parquet", b"PAR1" + b"\xff" * 200 + b"PAR1", "truncated_file", "read", "again"),
    ("array.jsonl", "[1, 2]", "bad_json", "found 1", "params"),
    ("text.jsonl", '{"params": 1e8}\nhello\n', "bad_json", "JSON object", "params"),
    ("cut.jsonl", '{"params": 1e8, "los', "bad_json", "JSON object", "params"),
    ("none.csv", "a,b\n1,2\n", "missing_column", "loss", "a, b"),
    ("lossless.csv", "params,tokens\n1e8,2e9\n", "missing_column", "loss", "--loss"),
    ("only_loss.csv", "name,loss\na,3\n", "missing_column", "params, tokens or flop", "--map"),
    ("two.csv", "params,tokens,val_loss,final_loss\n1e8,2e9,3,3\n", "ambiguous_column",
     '"val_loss" and "final_loss"', "--loss val_loss"),
    ("two_n.csv", "parameters,n_params,tokens,loss\n1e8,1e8,2e9,3\n", "ambiguous_column",
     '"parameters" and "n_params"', "--n parameters"),
    ("text.csv", GOOD + "small,1e9,3\n", "bad_value", '"small"', "Mend"),
    ("comma.csv", 'params;tokens;loss\n1e8;2e9;3,1\n', "bad_value", '"3,1"', "decimal point"),
    ("zero_n.csv", GOOD + "0,1e9,3\n", "bad_value", '"0', "Mend"),
    ("negative_d.csv", GOOD + "1e8,-2e9,3\n", "bad_value", '"-2', "Mend"),
    ("inf_n.csv", GOOD + "inf,1e9,3\n", "bad_value", '"inf"', "Mend"),
    ("zero_loss.csv", GOOD + "1e8,2e9,0\n", "bad_value", '"0', "NaN"),
    ("negative_loss.csv", GOOD + "1e8,2e9,-3\n", "bad_value", '"-3', "NaN"),
    ("text_loss.csv", GOOD + "1e8,2e9,OOM\n", "bad_value", '"OOM"', "NaN"),
    ("text_lr.csv", "params,loss,lr\n1e8,3,0.1\n1e8,3,hot\n", "bad_value", "hot", "Mend"),
    ("billions.csv", HEADER + "0.1,2,3.1\n7,140,2\n", "suspicious_scale", "0.1", "params=1e9"),
    ("billions_d.csv", HEADER + "1e8,2,3.1\n7e9,140,2\n", "suspicious_scale", "140", "tokens=1e9"),
    ("millions.csv", HEADER + "70,2e9,3.1\n16000,1e11,2\n", "suspicious_scale", "16000", "1e6"),
    ("mixed_n.csv", HEADER + "7,2e9,3.1\n7e9,1e11,2\n", "suspicious_scale", "7B", "mixed"),
    ("pfdays.csv", "params,flop,loss\n1e8,0.5,3\n", "suspicious_scale", "FLOP", "8.64e19"),
    ("unit.csv", "params,loss,loss_unit\n1e8,3,nat\n", "unknown_convention", "nat", "nats"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "code", "said", "remedy"), FILES, ids=[case[0] for case in FILES]
)
def test_bad_files(tmp_path, name, content, code, said, remedy):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        read(path)
    error = caught.value
    assert error.code == code
    assert said in error.message
    assert remedy in (error.hint or "")
    if code != "unknown_convention":
        assert error.where.file == str(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize(
    ("rows", "row", "said"),
    [
        ("0,1e9,3\n", 4, '"0'),
        ("\n\n1e8,1e9,x\n", 6, '"x"'),
        ("-1,1e9,3\n" * 5, 4, "rows 5, 6, 7 and 1 more"),
        ("-1,1e9,3\n" * 2, 4, "(also in rows 5)"),
    ],
)
def test_the_row_is_named(tmp_path, rows, row, said):
    path = tmp_path / "sweep.csv"
    path.write_text(GOOD + rows)
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.where.row == row
    assert said in caught.value.message


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match="no file of this name"):
        read(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="no file matches"):
        read(str(tmp_path / "*.csv"))


@pytest.mark.parametrize("source", ["", "a\0b", "https://example.org/runs.csv"])
def test_paths_that_are_none(source):
    with pytest.raises(InputError):
        read(source)


def test_folder_without_tables(tmp_path):
    (tmp_path / "notes.txt").write_text("none here")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "runs.csv").write_text(GOOD)
    with pytest.raises(InputError, match="folder without tables") as caught:
        read(tmp_path)
    assert caught.value.code == "no_tables"


def test_special_file():
    with pytest.raises(InputError, match="not a regular file"):
        read(os.devnull)


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "runs.csv"
    path.write_text(GOOD)

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    # Mode bits do not stop the superuser, whom tests may run as.
    monkeypatch.setattr(type(path), "read_bytes", refuse)
    with pytest.raises(InputError, match="no permission") as caught:
        read(path)
    assert caught.value.where.file == str(path)


def test_two_gigabytes_are_refused_before_reading(tmp_path, monkeypatch):
    path = tmp_path / "curves.csv"
    with path.open("wb") as file:
        file.truncate(2_000_000_000)
    monkeypatch.setattr(type(path), "read_bytes", lambda self: pytest.fail("it was read"))
    with pytest.raises(InputError, match=r"2\.0 GB") as caught:
        read(path)
    assert caught.value.code == "file_too_large"
    assert raw.MAX_BYTES == 2_000_000_000


@pytest.mark.parametrize("source", [None, 3, 2.5, ["a"], object(), {"a": [1, 2], "b": [1]}])
def test_no_table_in_memory(source):
    with pytest.raises(InputError) as caught:
        read(source)
    assert caught.value.code == "not_a_table"


@pytest.mark.parametrize(
    ("choices", "code", "said"),
    [
        ({"n": "n_totl"}, "unknown_column", "n_totl"),
        ({"n": "total"}, "missing_column", "total"),
        ({"loss": "lss"}, "unknown_column", 'Did you mean "loss"?'),
        ({"columns": {"prams": "params"}}, "unknown_column", 'Did you mean "params"?'),
        ({"columns": {"params": "parms"}}, "unknown_column", 'Did you mean "params"?'),
        ({"columns": {"params": "loss", "tokens": "loss"}}, "ambiguous_column", "both be"),
        ({"scale": {"token": 1e9}}, "unknown_column", 'Did you mean "tokens"?'),
        ({"scale": {"tokens": 0}}, "bad_scale", "positive"),
        ({"scale": {"tokens": float("nan")}}, "bad_scale", "nan"),
        ({"loss_unit": "nats"}, "unknown_convention", "nats/token"),
        ({"flop_convention": "6N D"}, "unknown_convention", 'Did you mean "6nd"?'),
        ({"architecture": "L=12"}, "bad_architecture", "d_model"),
    ],
)
def test_bad_choices(choices, code, said):
    with pytest.raises(InputError) as caught:
        read({"params": [1e8, 2e8], "tokens": [1e9, 2e9], "loss": [3.0, 2.9]}, **choices)
    assert caught.value.code == code
    assert said in str(caught.value)


def outcome(path) -> Runs | IsolossError:
    try:
        return read(path)
    except IsolossError as error:
        return error


def runs_or_sentence(path) -> None:
    runs = outcome(path)
    if isinstance(runs, IsolossError):
        assert runs.message
        return
    assert len(runs) > 0
    assert set(runs.provenance) <= set(runs.frame.columns)
    assert runs.summary()


cells = st.sampled_from(
    ["", "1e8", "2e9", "3.1", "nan", "inf", "-1", "0", "7B", "é", '"', '"a,b"', "x", "1,5", "true"]
)
names = st.sampled_from(["params", "tokens", "loss", "flops", "N", "lr", "seed", "status", "a", ""])


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_random_bytes(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    for ending in (".csv", ".parquet", ".jsonl"):
        path = folder / f"random{ending}"
        path.write_bytes(data)
        runs_or_sentence(path)


@settings(max_examples=200)
@given(st.lists(names, max_size=6), st.lists(st.lists(cells, max_size=6), max_size=6))
def test_random_tables(tmp_path_factory, header, rows):
    path = tmp_path_factory.getbasetemp() / "random_table.csv"
    path.write_text("\n".join(",".join(row) for row in [header, *rows]), encoding="utf-8")
    runs_or_sentence(path)


@settings(max_examples=60)
@given(st.binary(max_size=40), st.integers(0, 2000))
def test_harmed_parquet(tmp_path_factory, harm, at):
    good = parquet()
    at = 4 + at % (len(good) - 8)
    path = tmp_path_factory.getbasetemp() / "harmed.parquet"
    path.write_bytes(good[:at] + harm + good[at + len(harm) :])
    runs_or_sentence(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@settings(max_examples=150)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["params", "loss", "tokens", "config", "id"]), json_values)
    )
)
def test_random_records(tmp_path_factory, records):
    path = tmp_path_factory.getbasetemp() / "random.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    runs_or_sentence(path)


def test_a_run_without_a_name_among_others_has_that_of_its_row():
    table = {"id": ["a", None], "params": [1e8, 2e8], "tokens": [2e9, 4e9], "loss": [3.1, None]}
    runs = read(table)
    assert runs.frame["run_id"].to_list() == ["a", "2"]
    assert "(2)" in runs.summary()


def test_counts_beyond_all_counting_are_refused():
    with pytest.raises(InputError, match=r"6.5e\+?282.*a count") as caught:
        read({"params": [6.5e282], "tokens": [4.6e24], "loss": [1.0]})
    assert caught.value.code == "bad_value"


def test_a_loss_that_is_hardly_a_number_is_refused():
    table = {"params": [1e8] * 3, "tokens": [2e9] * 3, "loss": [3.0, 5e-310, 2.9]}
    with pytest.raises(InputError, match=r"5e-310.*a loss") as caught:
        read(table)
    assert caught.value.where.row == 2
