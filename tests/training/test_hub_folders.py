"""What Hugging Face ``datasets`` leaves on disk, made here as that library does."""

from __future__ import annotations

import json
import tracemalloc

import polars as pl
import pyarrow as pa
import pytest

from isoloss.errors import InputError
from isoloss.training.corpora import build_corpus
from isoloss.training.sources import documents, find_source


def write_stream(path, columns, rows_at_a_time=2) -> None:
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows_at_a_time)


def save_dataset(folder, shards, *, column="text", licence="cc-by-4.0", split=None) -> None:
    """As Dataset.save_to_disk does: Arrow streams, what they hold, and which of them count."""
    folder.mkdir(parents=True)
    names = [f"data-{i:05d}-of-{len(shards):05d}.arrow" for i in range(len(shards))]
    for name, texts in zip(names, shards, strict=True):
        write_stream(folder / name, {"id": list(range(len(texts))), column: texts})
    state = {"_data_files": [{"filename": name} for name in names], "_split": split}
    state |= {"_fingerprint": "0" * 16, "_format_columns": None, "_output_all_columns": False}
    (folder / "state.json").write_text(json.dumps(state))
    info = {"license": licence, "features": {column: {"dtype": "string", "_type": "Value"}}}
    (folder / "dataset_info.json").write_text(json.dumps(info))


def test_a_saved_dataset_is_read_by_what_it_lists(tmp_path) -> None:
    save_dataset(tmp_path / "d", [["one", "two", "three"], ["four"]], split="train")
    # Left by the library's cache; neither counts.
    write_stream(tmp_path / "d" / "cache-0123.arrow", {"text": ["stale"]})
    write_stream(tmp_path / "d" / "data-00000-of-00001.arrow", {"text": ["older"]})
    assert list(documents(str(tmp_path / "d"))) == ["one", "two", "three", "four"]
    source = find_source(str(tmp_path / "d"))
    assert (source.licence, source.note) == ("cc-by-4.0", "split train")


def test_of_several_splits_train_is_read_and_others_can_be_named(tmp_path) -> None:
    home = tmp_path / "d"
    save_dataset(home / "train", [["to learn"]])
    save_dataset(home / "test", [["to test"]])
    (home / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert list(documents(str(home))) == ["to learn"]
    source = find_source(str(home))
    assert (source.licence, source.note) == ("cc-by-4.0", "split train; left out: test")
    assert list(documents(str(home / "test"))) == ["to test"]


def test_no_split_is_chosen_for_the_user(tmp_path) -> None:
    for name in ("a", "b"):
        save_dataset(tmp_path / "d" / name, [[name]])
    (tmp_path / "d" / "dataset_dict.json").write_text(json.dumps({"splits": ["a", "b"]}))
    with pytest.raises(InputError) as caught:
        find_source(str(tmp_path / "d"))
    assert caught.value.code == "no_such_split"
    assert "a, b" in caught.value.message


def test_a_column_of_another_name_is_named(tmp_path) -> None:
    save_dataset(tmp_path / "d", [["one"]], column="story")
    with pytest.raises(InputError) as caught:
        list(documents(str(tmp_path / "d")))
    assert caught.value.code == "no_text"
    assert "it has id, story" in caught.value.message
    assert list(documents(f"{tmp_path / 'd'}#story")) == ["one"]
    with pytest.raises(InputError) as caught:
        list(documents(f"{tmp_path / 'd'}#id"))
    assert "int64, where text is expected" in caught.value.message


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "arrow"])
def test_a_column_can_be_named_in_every_kind_of_table(tmp_path, ending) -> None:
    path = tmp_path / f"t.{ending}"
    columns = {"text": ["wrong"], "other": ["right"]}
    if ending == "jsonl":
        path.write_text(json.dumps({"text": "wrong", "other": "right"}))
    elif ending == "parquet":
        pl.DataFrame(columns).write_parquet(path)
    else:
        with pa.OSFile(str(path), "wb") as sink:
            table = pa.table(columns)
            with pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
    assert list(documents(f"{path}#other")) == ["right"]
    with pytest.raises(InputError) as caught:
        list(documents(f"{path}#third"))
    assert "text, other" in caught.value.message


def test_a_path_may_hold_the_sign_of_a_column(tmp_path) -> None:
    (tmp_path / "c#text").mkdir()
    (tmp_path / "c#text" / "a.txt").write_text("inside")
    assert list(documents(str(tmp_path / "c#text"))) == ["inside"]
    with pytest.raises(InputError) as caught:
        list(documents(f"{tmp_path / 'c#text'}#column"))
    assert caught.value.code == "no_such_column"


@pytest.mark.parametrize("kind", ["hub", "cache", "by folder"])
def test_files_named_after_splits_are_told_apart(tmp_path, kind) -> None:
    home = tmp_path / "d"
    names = {
        "hub": ("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"),
        "cache": ("wiki-train.arrow", "wiki-validation.arrow"),
        "by folder": ("default/train/0000.parquet", "default/test/0000.parquet"),
    }[kind]
    for name, text in zip(names, ("to learn", "held back"), strict=True):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("arrow"):
            write_stream(home / name, {"text": [text]})
        else:
            pl.DataFrame({"text": [text]}).write_parquet(home / name)
    (home / "README.md").write_text("---\nlanguage: en\nlicense: mit\n---\n# A data set\n")
    source = find_source(str(home))
    assert list(source.read()) == ["to learn"]
    assert source.licence == "mit"
    assert source.note.startswith("split train; left out: ")
    assert list(documents(str(home / names[1]))) == ["held back"]


def test_without_splits_everything_is_read(tmp_path) -> None:
    pl.DataFrame({"text": ["a table"]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "notes.md").write_text("a note")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.txt").write_text("hidden")
    assert sorted(documents(str(tmp_path))) == ["a note", "a table"]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ("state.json", "bad_dataset"),
        ("missing shard", "bad_dataset"),
        ("cut shard", "bad_table"),
        ("dataset_dict.json", "bad_dataset"),
        ("indices", "bad_dataset"),
    ],
)
def test_damaged_data_sets_are_refused_by_name(tmp_path, damage, code) -> None:
    home = tmp_path / "d"
    save_dataset(home, [["one " * 500, "two"]])
    shard = home / "data-00000-of-00001.arrow"
    if damage == "missing shard":
        shard.unlink()
    elif damage == "cut shard":
        shard.write_bytes(shard.read_bytes()[:1500])
    elif damage == "indices":
        state = json.loads((home / "state.json").read_text())
        state["_indices_data_files"] = [{"filename": "indices.arrow"}]
        (home / "state.json").write_text(json.dumps(state))
    else:
        (home / damage).write_text("{")
    with pytest.raises(InputError) as caught:
        list(documents(str(home)))
    assert caught.value.code == code
    assert str(home) in (caught.value.where.file or "")


def test_the_card_of_a_corpus_says_split_and_licence(tmp_path) -> None:
    texts = [f"document number {i} of some length" for i in range(200)]
    save_dataset(tmp_path / "d" / "train", [texts[:150], texts[150:]])
    save_dataset(tmp_path / "d" / "validation", [["other"]])
    document = {"splits": ["train", "validation"]}
    (tmp_path / "d" / "dataset_dict.json").write_text(json.dumps(document))
    found = build_corpus({"text": str(tmp_path / "d")}, tmp_path / "c", validation=0.1)
    (origin,) = found.domains["text"].origins
    assert origin.note == "split train; left out: validation"
    assert found.domains["text"].licence == origin.licence == "cc-by-4.0"
    assert (origin.documents, origin.bytes) == (200, sum(map(len, texts)))


def test_arrow_is_read_a_batch_at_a_time(tmp_path) -> None:
    path = tmp_path / "large.arrow"
    write_stream(path, {"text": ["x" * 100_000] * 300}, rows_at_a_time=10)
    tracemalloc.start()
    count = sum(1 for _ in documents(str(path)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 300
    assert path.stat().st_size > 30_000_000
    assert most < 5_000_000
