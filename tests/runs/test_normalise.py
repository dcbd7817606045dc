"""Which column is which: choices, standing of names, scale, text and units."""

from __future__ import annotations

import polars as pl
import pytest

from isoloss.errors import InputError
from isoloss.runs import read

BASE = {"params": [1e8, 2e8], "tokens": [2e9, 4e9], "loss": [3.1, 2.9]}


def codes(runs):
    return [problem.code for problem in runs.problems]


def test_the_canonical_name_wins_and_the_other_is_told():
    runs = read(BASE | {"val_loss": [3.2, 3.0]})
    assert runs.points().loss.tolist() == [3.1, 2.9]
    note = next(problem for problem in runs.problems if problem.code == "other_candidates")
    assert "val_loss" in note.message
    assert "--loss" in note.message


def test_loss_is_chosen_by_name():
    runs = read(BASE | {"loss_smoothed": [3.2, 3.0]}, loss="loss_smoothed")
    assert runs.points().loss.tolist() == [3.2, 3.0]
    # The column that gave up its name is kept beside it.
    assert runs.frame["loss_input"].to_list() == [3.1, 2.9]
    assert runs.frame["loss_smoothed"].to_list() == [3.2, 3.0]


def test_smoothed_loss_is_not_preferred():
    runs = read(BASE | {"loss_smoothed": [3.2, 3.0]})
    assert runs.points().loss.tolist() == [3.1, 2.9]
    assert runs.points(loss="loss_smoothed").loss.tolist() == [3.2, 3.0]


def test_training_loss_is_the_last_resort():
    table = {"params": [1e8], "tokens": [2e9], "train_loss": [2.0]}
    assert "training_loss" in codes(read(table))
    runs = read(table | {"eval_loss": [2.1]})
    assert runs.points().loss.tolist() == [2.1]
    assert "training_loss" not in codes(runs)


@pytest.mark.parametrize(
    ("n", "convention", "params"),
    [
        (None, "params", [1e8, 2e8]),
        ("params", "params", [1e8, 2e8]),
        ("total", "total", [3e8, 4e8]),
        ("n_total", "total", [3e8, 4e8]),
        ("params_total", "total", [3e8, 4e8]),
        ("my_count", "column:my_count", [5e8, 6e8]),
    ],
)
def test_n_is_chosen_at_reading_or_later(n, convention, params):
    table = BASE | {"params_total": [3e8, 4e8], "my_count": [5e8, 6e8]}
    early, late = read(table, n=n), read(table)
    assert early.conventions.n == convention
    assert early.points().params.tolist() == params
    later = late.points(n=n if n != "params_total" else "n_total")
    assert later.conventions.n == convention
    assert later.params.tolist() == params
    # 6 N D follows the N that is chosen.
    assert (
        early.points().flop.tolist()
        == later.flop.tolist()
        == [6 * count * tokens for count, tokens in zip(params, BASE["tokens"], strict=True)]
    )


@pytest.mark.parametrize(
    ("names", "convention"),
    [
        (["params", "n_total", "n_nonemb"], "params"),
        (["n_total", "n_nonemb", "n_matmul"], "total"),
        (["n_nonemb", "n_matmul", "n_active"], "nonemb"),
        (["n_matmul", "n_active"], "matmul"),
        (["n_active"], "active"),
    ],
)
def test_default_n(names, convention):
    counts = {name: [1e8 * (i + 1), 2e8 * (i + 1)] for i, name in enumerate(names)}
    runs = read({"tokens": [2e9, 4e9], "loss": [3.1, 2.9]} | counts)
    assert runs.conventions.n == convention
    assert runs.points().params.tolist() == [1e8, 2e8]


def test_columns_are_mapped_by_the_user():
    table = {"Größe": [1e8, 2e8], "Daten": [2e9, 4e9], "Fehler": [3.1, 2.9]}
    runs = read(table, columns={"Größe": "N", "Daten": "tokens", "Fehler": "loss"})
    assert runs.data_hash == read(BASE).data_hash
    assert runs.frame["Größe"].to_list() == [1e8, 2e8]


def test_the_users_map_settles_a_tie():
    table = {"val_loss": [3.1], "final_loss": [3.0], "params": [1e8]}
    with pytest.raises(InputError, match="can both be loss"):
        read(table)
    assert read(table, columns={"final_loss": "loss"}).points().loss.tolist() == [3.0]
    assert read(table, loss="val_loss").points().loss.tolist() == [3.1]


@pytest.mark.parametrize("name", ["tokens", "D", "total_tokens"])
def test_scale_by_canonical_or_own_name(name):
    table = {"params": [1e8, 2e8], name: [2, 4], "loss": [3.1, 2.9]}
    with pytest.raises(InputError, match="tokens are expected") as caught:
        read(table)
    assert "tokens=1e9" in (caught.value.hint or "")
    for key in ("tokens", name):
        assert read(table, scale={key: 1e9}).points().tokens.tolist() == [2e9, 4e9]


def test_a_scale_of_one_says_that_the_numbers_are_meant():
    table = {"params": [100.0, 200.0], "tokens": [2e5, 4e5], "loss": [3.1, 2.9]}
    assert read(table, scale={"params": 1.0}).points().params.tolist() == [100.0, 200.0]


def test_small_models_are_no_mistake():
    table = {"params": [2816, 467_456], "tokens": [154_000, 6_000_000], "loss": [2.1, 1.3]}
    assert len(read(table).points()) == 2


def test_everyday_words_count_only_as_numbers():
    runs = read(BASE | {"data": ["c4", "pile"], "size": ["small", "large"], "n": ["x", "y"]})
    assert runs.points().params.tolist() == BASE["params"]
    assert runs.frame["data"].to_list() == ["c4", "pile"]


def test_an_unusable_side_column_stays_the_users_own():
    runs = read(BASE | {"seed": ["a", "b"], "depth": [0, -1]})
    assert codes(runs).count("unused_column") == 2
    assert runs.frame["seed_input"].to_list() == ["a", "b"]
    assert "n_layers" not in runs.provenance
    assert runs.frame["depth"].to_list() == [0, -1]


@pytest.mark.parametrize(
    ("extra", "unit"),
    [
        ({}, "nats/token"),
        ({"loss_unit": ["nats/byte", "nats/byte"]}, "nats/byte"),
        ({"loss_unit": ["Bits/Byte", None]}, "mixed"),
    ],
)
def test_loss_unit_of_the_table(extra, unit):
    assert read(BASE | extra).conventions.loss_unit == unit


def test_loss_unit_of_the_user():
    runs = read(BASE, loss_unit="nats/byte")
    assert runs.conventions.loss_unit == "nats/byte"
    assert "loss_unit_assumed" not in codes(runs)
    assert "loss_unit_assumed" in codes(read(BASE))
    with pytest.raises(InputError, match='the table says "bits/byte"'):
        read(BASE | {"loss_unit": ["bits/byte"] * 2}, loss_unit="nats/token")


def test_bits_per_byte_by_name():
    table = {"params": [1e8], "tokens": [2e9], "val_bpb": [0.9]}
    assert read(table).conventions.loss_unit == "bits/byte"


def test_losses_of_two_units_never_meet(tmp_path):
    runs = read(
        {"params": [1e8], "tokens": [2e9], "val_bpb": [0.9]},
        {"params": [1e8], "tokens": [2e9], "loss": [3.0]},
    )
    assert runs.conventions.loss_unit == "mixed"
    with pytest.raises(InputError) as caught:
        runs.points()
    assert caught.value.code == "mixed_loss_unit"
    one = runs.where("loss_unit = 'bits/byte'")
    assert one.conventions.loss_unit == "bits/byte"
    assert one.points().loss.tolist() == [0.9]


@pytest.mark.parametrize("column", ["tokenizer", "eval_set", "val_set"])
def test_losses_on_two_texts_never_meet(column):
    runs = read(BASE | {column: ["c4", "pile"]})
    with pytest.raises(InputError, match=f"{column} = 'c4'"):
        runs.points()
    assert len(read(BASE | {column: ["c4", "pile"]}, where=f"{column} = 'c4'").points()) == 1


@pytest.mark.parametrize(
    ("batch", "extra", "tokens", "how"),
    [
        ("batch_tokens", {}, [1024, 2048], "given"),
        ("batch_sequences", {"seq_len": [128] * 2}, [131072, 262144], "derived"),
        ("batch_size", {"seq_len": [128] * 2}, [131072, 262144], "assumed"),
        ("bs", {"steps": [2e9 / 1024, 4e9 / 2048]}, [1024, 2048], "given"),
        ("bs", {"steps": [2e9 / 131072, 4e9 / 262144], "T": [128] * 2}, None, None),
    ],
)
def test_batch_in_tokens(batch, extra, tokens, how):
    runs = read(BASE | {batch: [1024, 2048]} | extra)
    if tokens is None:
        assert "batch_tokens" not in runs.frame.columns
        assert "ambiguous_batch" in codes(runs)
    else:
        assert runs.frame["batch_tokens"].to_list() == tokens
        assert runs.provenance["batch_tokens"].startswith(how)
        assert ("ambiguous_batch" in codes(runs)) == (how == "assumed")


def test_empty_canonical_column_is_not_kept_under_another_name():
    frame = pl.DataFrame({"params": [1e8, 2e8], "tokens": [1e9, 2e9], "loss": [3.0, 2.9]})
    empty = pl.lit(None, pl.String)
    columns = read(frame.with_columns(reason=empty, note=empty)).frame.columns
    assert "reason_input" not in columns
    assert "note" in columns


def test_small_counts_of_a_table_that_isoloss_wrote_are_meant_as_they_stand(tmp_path):
    table = BASE | {"params": [768.0, 3072.0]}
    with pytest.raises(InputError) as caught:
        read(table)
    assert caught.value.code == "suspicious_scale"
    runs = read(table, scale={"params": 1.0})
    runs.save(tmp_path / "small.parquet")
    assert read(tmp_path / "small.parquet").data_hash == runs.data_hash
