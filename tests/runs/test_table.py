"""The runs table: decisions, subsets, hash, writing and reading again."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.runs import Conventions, read

TABLE = {
    "name": ["a", "b", "c", "d"],
    "params_total": [1e8, 2e8, 4e8, 8e8],
    "tokens": [2e9, 4e9, 8e9, 1.6e10],
    "loss": [3.1, 2.9, math.nan, 2.5],
    "mix": ["text", "code", "text", None],
}
ENDINGS = [".parquet", ".csv", ".tsv", ".jsonl", ".ndjson"]


def test_runs_are_frozen():
    with pytest.raises(FrozenInstanceError):
        read(TABLE).__setattr__("source", "elsewhere")


def test_exclude_and_include():
    runs = read(TABLE)
    fewer = runs.exclude(["a"], "wrong tokenizer")
    assert fewer.frame["status"].to_list() == ["excluded", "ok", "excluded", "ok"]
    assert fewer.frame["reason"][0] == "wrong tokenizer"
    assert fewer.data_hash != runs.data_hash
    assert runs.frame["status"].to_list() == ["ok", "ok", "excluded", "ok"]
    assert fewer.include(["a"]).data_hash == runs.data_hash
    assert len(fewer.points()) == 2
    assert fewer.exclude("b", "odd").frame["status"].to_list().count("excluded") == 3


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda runs: runs.exclude(["e"], "why"), "unknown_column"),
        (lambda runs: runs.exclude(["a"], " "), "missing_reason"),
        (lambda runs: runs.include(["c"]), "unusable_run"),
        (lambda runs: runs.where("los > 3"), "bad_where"),
        (lambda runs: runs.where("loss > 30 AND loss < 20"), "no_rows"),
        (lambda runs: runs.points(n="matmul"), "unknown_column"),
        (lambda runs: runs.points(n="mix"), "unknown_column"),
        (lambda runs: runs.points(loss="mix"), "unknown_column"),
        (lambda runs: runs.exclude(list("abcd"), "all").points(), "no_runs"),
        (lambda runs: runs.save("runs.xlsx"), "unknown_format"),
        (lambda runs: runs.save("/nonexistent/folder/runs.csv"), "no_such_folder"),
    ],
)
def test_mistakes(act, code):
    with pytest.raises(InputError) as caught:
        act(read(TABLE))
    assert caught.value.code == code
    assert caught.value.hint


def test_where_keeps_decisions():
    runs = read(TABLE).exclude(["a"], "odd").where("mix = 'text'")
    assert runs.frame["run_id"].to_list() == ["a", "c"]
    assert runs.frame["status"].to_list() == ["excluded", "excluded"]


def test_canonical_columns_come_first_and_the_users_are_untouched():
    frame = read(TABLE).frame
    assert frame.columns == [
        *("run_id", "name", "status", "reason", "n_total", "tokens", "flop", "loss"),
        *("params_total", "mix"),
    ]
    assert frame["mix"].to_list() == TABLE["mix"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_saved_and_read_again(tmp_path, ending):
    runs = read(TABLE, loss_unit="nats/byte").exclude(["a"], "wrong tokenizer, see notes")
    path = tmp_path / f"runs{ending}"
    runs.save(path)
    again = read(path)
    assert again.data_hash == runs.data_hash
    assert again.conventions == runs.conventions == Conventions("total", "6nd", "nats/byte")
    assert again.provenance["flop"] == "assumed:6nd"
    assert again.provenance["tokens"] == "given"
    columns = ["run_id", "status", "reason", "mix", "n_total", "flop"]
    assert again.frame.select(columns).equals(runs.frame.select(columns))
    # A second round changes nothing any more.
    again.save(path)
    twice = read(path)
    assert twice.provenance == again.provenance
    assert twice.frame.drop("loss").equals(again.frame.drop("loss"))


def test_a_decision_survives_writing(tmp_path):
    table = {"params": [1e8, 1e8], "tokens": [2e9, 2e9], "loss": [3.0, 3.0]}
    runs = read(table)
    assert len(runs.points()) == 1
    both = runs.include(["2"])
    both.save(tmp_path / "runs.csv")
    assert len(read(tmp_path / "runs.csv").points()) == 2


def test_nested_columns_are_written_as_json(tmp_path):
    runs = read({"params": [1e8], "loss": [3.0], "betas": [[0.9, 0.95]]})
    runs.save(tmp_path / "runs.csv")
    assert pl.read_csv(tmp_path / "runs.csv")["betas"].to_list() == ["[0.9, 0.95]"]


def test_failed_writing_leaves_nothing(tmp_path):
    with pytest.raises(InputError):
        read(TABLE).save(tmp_path / "no" / "runs.parquet")
    assert list(tmp_path.iterdir()) == []


positive = st.floats(1e3, 1e30)
rows = st.tuples(positive, positive, st.floats(1e-3, 1e3) | st.just(math.nan))


@settings(max_examples=60)
@given(
    st.lists(rows, min_size=1, max_size=12),
    st.sampled_from(ENDINGS),
    st.randoms(use_true_random=False),
)
def test_round_trip_and_order(tmp_path_factory, rows, ending, random):
    def build(some):
        params, tokens, loss = (list(values) for values in zip(*some, strict=True))
        return {"params": params, "tokens": tokens, "loss": loss}

    scale = {"params": 1.0, "tokens": 1.0}
    runs = read(build(rows), scale=scale)
    path = tmp_path_factory.getbasetemp() / f"trip{ending}"
    runs.save(path)
    again = read(path, scale=scale)
    assert again.data_hash == runs.data_hash
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert read(build(shuffled), scale=scale).data_hash == runs.data_hash


def test_the_hash_sees_every_value():
    hashes = {read(TABLE).data_hash}
    for name in ("params_total", "tokens", "loss"):
        values = [*TABLE[name][:-1], np.nextafter(TABLE[name][-1], np.inf)]
        hashes.add(read(TABLE | {name: values}).data_hash)
    hashes.add(read(TABLE | {"name": list("wxyz")}).data_hash)
    assert len(hashes) == 4


def test_hash_is_sha256():
    digest = read(TABLE).data_hash
    assert len(digest) == 64
    assert int(digest, 16) >= 0


def test_to_dict_is_json():
    document = json.loads(json.dumps(read(TABLE).to_dict(), allow_nan=False))
    assert document["n_runs"] == 4
    assert document["n_ok"] == 3
    assert document["conventions"] == {"n": "total", "flop": "6nd", "loss_unit": "nats/token"}
    assert document["runs"][2]["loss"] is None
    assert document["provenance"]["flop"] == "assumed:6nd"
    assert {problem["code"] for problem in document["problems"]} >= {"diverged", "coverage"}


def test_summary_says_what_matters():
    text = read(TABLE).summary()
    assert text == str(read(TABLE))
    for said in (
        "4 runs from dict, 1 excluded",
        "N = total",
        "flop assumed:6nd",
        "diverged",
        "(c)",
    ):
        assert said in text


def test_html_is_escaped():
    html = read(TABLE | {"mix": ["<script>", "&", "x", None]})._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<table>" in html
