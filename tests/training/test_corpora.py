"""Documents, their split, and the order in which a run reads them."""

from __future__ import annotations

import gzip
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.training.batches import Reader, validation_windows
from isoloss.training.corpora import build_corpus, open_corpus
from isoloss.training.sources import documents
from tests.training.conftest import write_texts
from tests.training.runs import small


def test_the_split_follows_the_documents_and_not_their_places(tmp_path) -> None:
    here = write_texts(tmp_path / "a", 40)
    there = tmp_path / "b"
    there.mkdir()
    for i, file in enumerate(sorted(here.iterdir(), reverse=True)):
        (there / f"{i:03d}.txt").write_text(file.read_text())
    (there / "again.txt").write_text((here / "000.txt").read_text())
    one = build_corpus({"text": str(here)}, tmp_path / "c", validation=0.2)
    two = build_corpus({"text": str(there)}, tmp_path / "c", validation=0.2)
    assert one.digest == two.digest
    assert np.array_equal(one.tokens("text", "train"), two.tokens("text", "train"))


def test_a_source_that_grows_moves_no_document_to_the_other_side(tmp_path) -> None:
    here = write_texts(tmp_path / "a", 40)
    before = build_corpus({"text": str(here)}, tmp_path / "c1", validation=0.2)
    write_texts(tmp_path / "more", 40, seed=1)
    for file in (tmp_path / "more").iterdir():
        (here / f"more-{file.name}").write_text(file.read_text())
    after = build_corpus({"text": str(here)}, tmp_path / "c2", validation=0.2)

    def pieces(corpus, part: str) -> set[bytes]:
        return set(corpus.tokens("text", part).tobytes().split(b"\0"))

    assert pieces(before, "valid") <= pieces(after, "valid")
    assert pieces(before, "train") <= pieces(after, "train")
    assert pieces(after, "valid").isdisjoint(pieces(after, "train") - {b""})


def test_a_built_corpus_is_opened_and_not_built_again(texts, tmp_path) -> None:
    first = build_corpus({"text": str(texts)}, tmp_path, validation=0.1)
    stamp = (first.folder / "text.train.bin").stat().st_mtime_ns
    second = build_corpus({"text": str(texts)}, tmp_path, validation=0.1)
    assert second == first
    assert (second.folder / "text.train.bin").stat().st_mtime_ns == stamp


def test_a_cut_off_shard_is_refused(texts, tmp_path) -> None:
    found = build_corpus({"text": str(texts)}, tmp_path, validation=0.1)
    shard = found.folder / "text.train.bin"
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(InputError) as caught:
        open_corpus(found.folder)
    assert caught.value.code == "bad_corpus"


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "arrow"])
def test_tables_of_texts_are_read(tmp_path, ending) -> None:
    texts = ["one text", "another"]
    path = tmp_path / f"t.{ending}"
    if ending == "jsonl":
        path.write_text("\n".join(json.dumps({"text": t}) for t in texts))
    elif ending == "parquet":
        pl.DataFrame({"text": texts}).write_parquet(path)
    else:
        pl.DataFrame({"text": texts}).write_ipc_stream(path)
    assert list(documents(str(path))) == texts


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("t.jsonl", "{not json\n", "bad_jsonl"),
        ("t.jsonl", '{"a": 1}\n', "no_text"),
        ("t.parquet", "no parquet", "bad_table"),
        ("t.xyz", "text", "no_text"),
    ],
)
def test_what_holds_no_text_is_named(tmp_path, name, content, code) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        list(documents(str(path)))
    assert caught.value.code == code
    assert caught.value.where.file == str(path)


def test_a_missing_source_and_a_small_one_are_refused(tmp_path) -> None:
    with pytest.raises(InputError) as caught:
        list(documents(str(tmp_path / "nowhere")))
    assert caught.value.code == "no_such_source"
    lone = write_texts(tmp_path / "one", 1)
    with pytest.raises(InputError) as caught:
        build_corpus({"text": str(lone)}, tmp_path / "c")
    assert caught.value.code == "small_corpus"


def test_a_byte_pair_encoding_is_trained_kept_and_shorter(texts, tmp_path) -> None:
    pytest.importorskip("tokenizers", reason="byte-pair encodings need tokenizers (extra train)")
    found = build_corpus({"text": str(texts)}, tmp_path, tokenizer="bpe-300", validation=0.1)
    plain = build_corpus({"text": str(texts)}, tmp_path, validation=0.1)
    assert 257 < found.vocab <= 300
    assert found.bytes_per_token("text") > 1.5
    assert plain.bytes_per_token("text") == pytest.approx(1.0)
    text = (texts / "000.txt").read_text()
    again = open_corpus(found.folder).codec().encode([text])
    assert np.array_equal(again, found.codec().encode([text]))


def test_losses_of_a_byte_pair_encoding_are_told_per_token_and_per_byte(texts, tmp_path) -> None:
    pytest.importorskip("tokenizers", reason="byte-pair encodings need tokenizers (extra train)")
    from isoloss.training.runner import carry_out
    from isoloss.training.setting import Setting

    found = build_corpus({"text": str(texts)}, tmp_path, tokenizer="bpe-300", validation=0.1)
    spec = small(found.digest, vocab=found.vocab, steps=10)
    (row,) = carry_out([spec], found, [tmp_path], Setting(), [{}])
    domain = found.domains["text"]
    assert row["loss_unit"] == "nats/token"
    assert row["bytes_per_token"] == domain.valid_bytes / domain.valid_tokens > 1.5
    assert row["bits_per_byte"] == pytest.approx(row["loss"] / np.log(2) / row["bytes_per_token"])
    assert row["dataset"] == f"corpus {found.digest}"
    assert row["dataset_bytes"] == domain.train_bytes
    assert row["dataset_documents"] == domain.train_documents


def test_several_sources_make_one_domain(texts, tmp_path) -> None:
    other = write_texts(tmp_path / "other", 20, seed=4)
    (other / "again.txt").write_text((texts / "000.txt").read_text())
    sources = {"text": [str(texts), str(other)]}
    found = build_corpus(sources, tmp_path / "c", validation=0.1)
    first, second = found.domains["text"].origins
    assert (first.documents, second.documents) == (60, 20)
    total = sum(one.bytes + one.documents for one in (first, second))
    assert found.domains["text"].train_bytes + found.domains["text"].valid_bytes == total


def test_a_text_holds_no_separator(tmp_path) -> None:
    here = write_texts(tmp_path / "a", 60)
    (here / "zero.txt").write_text("before\0after")
    found = build_corpus({"text": str(here)}, tmp_path / "c", validation=0.1)
    both = [*found.tokens("text", "train"), *found.tokens("text", "valid")]
    assert both.count(0) == 61


@pytest.mark.parametrize("name", ["../text", "a b", "", "a/b"])
def test_a_domain_has_a_plain_name(texts, tmp_path, name) -> None:
    with pytest.raises(InputError) as caught:
        build_corpus({name: str(texts)}, tmp_path)
    assert caught.value.code == "bad_spec"


def test_packed_texts_are_read_and_unreadable_ones_named(tmp_path) -> None:
    for name, text in (("a.txt.gz", "one"), ("b.jsonl.gz", '{"text": "two"}\n[1]\n')):
        with gzip.open(tmp_path / name, "wt") as file:
            file.write(text)
    read = documents(str(tmp_path))
    assert [next(read), next(read)] == ["one", "two"]
    with pytest.raises(InputError) as caught:
        next(read)
    assert (caught.value.code, caught.value.where.row) == ("no_text", 2)
    whole = tmp_path / "a.txt.gz"
    whole.write_bytes(whole.read_bytes()[:-9])
    with pytest.raises(InputError) as caught:
        list(documents(str(whole)))
    assert (caught.value.code, caught.value.where.file) == ("unreadable", str(whole))


def test_digests_stay_what_they_were(tmp_path) -> None:
    """The hash of a corpus is part of every run; runs trained before must be found again."""
    (tmp_path / "a").mkdir()
    for i in range(100):
        (tmp_path / "a" / f"{i}.txt").write_text(f"document number {i}")
    found = build_corpus({"text": str(tmp_path / "a")}, tmp_path / "c")
    assert found.digest == "9ed5e17245e11d60"


@given(seed=st.integers(0, 10), steps=st.integers(1, 60))
@settings(max_examples=10, deadline=None)
def test_every_epoch_visits_each_window_once_in_an_order_of_its_own(corpus, seed, steps) -> None:
    spec = small(corpus.digest, seed=seed, steps=steps, unique_tokens=32 * 40)
    reader = Reader(spec, corpus)
    seen = np.concatenate([reader.batch(i)[:, 0:8] for i in range(steps)])
    per_epoch = 40
    epochs = [seen[i : i + per_epoch] for i in range(0, len(seen), per_epoch)]
    for epoch in epochs:
        assert len(np.unique(epoch, axis=0)) == len(epoch)
    assert reader.seen_tokens == min(len(seen), per_epoch) * 32
    if len(epochs) > 1 and len(epochs[1]) == per_epoch:
        assert not np.array_equal(epochs[0], epochs[1])


def test_a_mixture_is_met_and_its_domains_named(texts, tmp_path) -> None:
    other = write_texts(tmp_path / "other", seed=9)
    both = build_corpus({"a": str(texts), "b": str(other)}, tmp_path / "c", validation=0.1)
    spec = small(both.digest, steps=500, mixture={"a": 0.25, "b": 0.75})
    reader = Reader(spec, both)
    share = float(np.mean(reader._domain == reader.domains.index("a")))
    assert share == pytest.approx(0.25, abs=0.04)
    with pytest.raises(InputError) as caught:
        Reader(small(both.digest, mixture={"c": 1.0}), both)
    assert caught.value.code == "unknown_domain"


def test_more_unique_tokens_than_there_are_is_refused(corpus) -> None:
    with pytest.raises(InputError) as caught:
        Reader(small(corpus.digest, unique_tokens=10**9), corpus)
    assert caught.value.code == "small_corpus"
    assert caught.value.where.field == "unique_tokens"


def test_validation_windows_hold_each_next_token(corpus) -> None:
    windows = validation_windows(corpus, "text", 32)
    assert windows.shape[1] == 33
    assert np.array_equal(windows[0, 32], windows[1, 0])


def test_the_python_library_is_a_source() -> None:
    first = next(iter(documents("python-library")))
    assert isinstance(first, str)
    assert first
