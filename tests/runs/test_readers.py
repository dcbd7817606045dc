"""The same runs come out of every kind of source."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from isoloss.errors import InputError
from isoloss.runs import read

FRAME = pl.DataFrame(
    {
        "name": ["a", "b", "c"],
        "params": [100_000_000, 200_000_000, 400_000_000],
        "tokens": [2e9, 4e9, 8e9],
        "loss": [3.1, 2.9, None],
        "kept": [True, False, True],
    }
)
RECORDS = FRAME.to_dicts()


def write_csv(path: Path) -> Path:
    FRAME.write_csv(path)
    return path


def write(folder: Path, kind: str) -> object:
    path = folder / f"runs.{kind}"
    match kind:
        case "csv":
            FRAME.write_csv(path)
        case "tsv":
            FRAME.write_csv(path, separator="\t")
        case "semicolon.csv":
            FRAME.write_csv(path, separator=";")
        case "bom.csv":
            FRAME.write_csv(path, include_bom=True)
        case "crlf.csv":
            FRAME.write_csv(path, line_terminator="\r\n")
        case "parquet" | "parquet.csv":
            FRAME.write_parquet(path)
        case "jsonl" | "ndjson" | "jsonl.txt":
            FRAME.write_ndjson(path)
        case "json":
            path.write_text(json.dumps(RECORDS))
        case "polars":
            return FRAME
        case "lazy":
            return FRAME.lazy()
        case "pandas":
            return pd.DataFrame({name: FRAME[name].to_list() for name in FRAME.columns})
        case "pandas-nullable":
            return pd.DataFrame(RECORDS).convert_dtypes()
        case "arrow":
            return pa.Table.from_pylist(RECORDS)
        case "dict":
            return {name: FRAME[name].to_list() for name in FRAME.columns}
        case "numpy":
            columns = {name: np.array(FRAME[name].to_list()) for name in ("params", "tokens")}
            return columns | {"name": ["a", "b", "c"], "loss": np.array([3.1, 2.9, np.nan])}
    return path


KINDS = [
    *("csv", "tsv", "semicolon.csv", "bom.csv", "crlf.csv", "parquet", "parquet.csv"),
    *("jsonl", "ndjson", "jsonl.txt", "json"),
    *("polars", "lazy", "pandas", "pandas-nullable", "arrow", "dict", "numpy"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_source_gives_the_same_runs(tmp_path, kind):
    runs = read(write(tmp_path, kind))
    reference = read(FRAME)
    assert runs.data_hash == reference.data_hash
    assert runs.frame["run_id"].to_list() == ["a", "b", "c"]
    assert runs.frame["status"].to_list() == ["ok", "ok", "excluded"]
    assert runs.points().params.tolist() == [1e8, 2e8]
    if kind != "numpy":
        assert runs.frame["kept"].to_list() == [True, False, True]


def test_memory_is_not_touched():
    frame = pd.DataFrame({"params": [1e8], "tokens": [2e9], "loss": [3.0]})
    before = frame.copy()
    read(frame, scale={"tokens": 2.0})
    pd.testing.assert_frame_equal(frame, before)


def test_folder_glob_and_several_sources(tmp_path):
    (tmp_path / "deep").mkdir()
    write_csv(tmp_path / "one.csv")
    FRAME.with_columns(pl.col("loss") + 1).write_parquet(tmp_path / "deep" / "two.parquet")
    (tmp_path / "notes.md").write_text("not a table")
    folder = read(tmp_path)
    assert len(folder) == 6
    assert sorted(set(folder.frame["source_uri"])) == [
        str(tmp_path / "deep" / "two.parquet"),
        str(tmp_path / "one.csv"),
    ]
    pattern = read(str(tmp_path / "**" / "*.*[vt]"))
    both = read(tmp_path / "one.csv", tmp_path / "deep")
    assert folder.data_hash == pattern.data_hash == both.data_hash
    assert len(set(folder.frame["run_id"])) == 6


def test_one_run_in_two_files_counts_once(tmp_path):
    for name in ("one.csv", "two.csv"):
        write_csv(tmp_path / name)
    runs = read(tmp_path)
    assert runs.frame["status"].to_list() == ["ok", "ok", "excluded"] + ["excluded"] * 3
    assert runs.frame["reason"][3].startswith("duplicate")


def test_files_with_other_names_for_the_same_things(tmp_path):
    one = pl.DataFrame({"params": [1e8], "tokens": [2e9], "val_loss": [3.0]})
    two = {"N": [2e8], "flops": [2.4e18], "final_loss": [2.9]}
    runs = read(one, two)
    assert runs.frame["tokens"].to_list() == [2e9, 2e9]
    assert runs.provenance["tokens"] == "assumed:6nd"
    assert runs.provenance["params"] == "given"
    assert runs.points().loss.tolist() == [3.0, 2.9]


def test_repeated_names_stay_apart():
    tables = [{"run_id": ["a", "b"], "params": [1e8, 2e8], "loss": [3.0 + i, 2.9]} for i in (0, 1)]
    assert read(*tables).frame["run_id"].to_list() == ["a", "b", "a#2", "b#2"]


def test_missing_values_in_text(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(
        "params,tokens,loss\n1e8,2e9,3\n2e8,NA,3\n 4e8 ,8e9,NaN\n8e8,8e9,-\n,,\n7B,1T,2\n"
    )
    runs = read(path)
    assert runs.frame["params"].to_list() == [1e8, 2e8, 4e8, 8e8, 7e9]
    assert runs.frame["status"].to_list() == ["ok", "excluded", "excluded", "excluded", "ok"]
    assert runs.frame["run_id"].to_list() == ["1", "2", "3", "4", "6"]


def test_names_that_look_like_numbers_stay_names(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("name,params,loss\n007,1e8,3\n12345e67,2e8,3\n")
    assert read(path).frame["run_id"].to_list() == ["007", "12345e67"]


def test_types_are_told_from_all_rows(tmp_path):
    path = tmp_path / "runs.csv"
    rows = "".join(f"1e8,{i}e9,3,{i}\n" for i in range(1, 500))
    path.write_text(f"params,tokens,loss,tag\n{rows}1e8,2e9,3,late\n")
    assert read(path).frame["tag"].dtype == pl.String


def test_records_in_records(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text('{"params": 1e8, "loss": 3, "config": {"opt": {"lr": 0.1}, "bs": 8}}\n')
    assert {"config.opt.lr", "config.bs"} <= set(read(path).frame.columns)


def test_json_array_with_a_budget(tmp_path):
    path = tmp_path / "isoflops.json"
    path.write_text('[{"parameters": 49999999, "compute_budget": 6e18, "final_loss": 7.19}]')
    points = read(path).points()
    assert points.flop.tolist() == [6e18]
    assert points.tokens.tolist() == pytest.approx([6e18 / (6 * 49999999)])


def test_wide_integers_do_not_overflow():
    points = read({"params": [2_700_000_000], "tokens": [430_000_000_000], "loss": [2.0]}).points()
    assert points.flop.tolist() == [6.0 * 2.7e9 * 4.3e11]


def test_pandas_duplicate_columns():
    frame = pd.DataFrame([[1e8, 3.0, 2.9]], columns=["params", "loss", "loss"])
    with pytest.raises(InputError, match='both called "loss"'):
        read(frame)
