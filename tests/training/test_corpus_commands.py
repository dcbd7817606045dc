"""The commands of corpora, their documents, and the card that follows a ladder's runs."""

from __future__ import annotations

import json
import os
import shutil

import polars as pl
import pytest

from tests.cli.conftest import run  # noqa: F401
from tests.cli.test_documents import validator
from tests.training.conftest import write_texts
from tests.training.debs import FakeApt, dictionary

LADDER = """
name = "small"
[corpus]
sources = {{ text = ["{first}", "{second}"], web = "{web}" }}
validation = 0.1
[corpus.filter]
reference = "text"
keep = 0.5
shape = "16x1"
steps = 30
[base]
seq_len = 32
n_layers = 1
evals = 2
[[grid]]
d_model = 16
steps = 20
"""
NEEDS_DPKG = pytest.mark.skipif(
    shutil.which("dpkg-deb") is None or os.name != "posix", reason="packages are made by dpkg-deb"
)


@pytest.fixture
def spec(tmp_path):
    names = ("first", "second", "web")
    folders = {name: write_texts(tmp_path / name, 40, seed=i) for i, name in enumerate(names)}
    path = tmp_path / "ladder.toml"
    path.write_text(LADDER.format(**folders))
    return path


def test_a_corpus_is_built_shown_and_found_by_its_ladder(run, spec, tmp_path) -> None:  # noqa: F811
    built = run("corpus", "build", spec, "--into", "home", "--json")
    validator("corpus").validate(built.document)
    assert set(built.document["domains"]) == {"text", "web"}
    origins = built.document["domains"]["text"]["origins"]
    assert [one["source"] for one in origins] == [str(tmp_path / "first"), str(tmp_path / "second")]
    assert (
        sum(one["documents"] for one in origins) == built.document["domains"]["text"]["documents"]
    )
    (folder,) = (tmp_path / "home" / "corpora").iterdir()
    stamp = (folder / "text.train.bin").stat().st_mtime_ns
    trained = run("ladder", "run", spec, "--into", "home", "--workers", "1", "--json")
    assert trained.document["done"] == 1
    assert (folder / "text.train.bin").stat().st_mtime_ns == stamp
    assert run("corpus", "card", "home", "--json").document == built.document
    assert run("corpus", "card", folder, "--json").document == built.document
    text = run("corpus", "card", "home").out
    assert "filter: perplexity under a model of text (16x1, 30 steps, seed 0)" in text
    assert f"from {tmp_path / 'first'} (40 files), licence: not stated" in text

    # Every run carries hash, documents, bytes and licence; the export has the whole card.
    exported = run("ladder", "export", "home", "--into", "runs.csv")
    assert "runs.corpus.json" in exported.err
    assert json.loads((tmp_path / "runs.corpus.json").read_text()) == built.document
    (row,) = pl.read_csv(tmp_path / "runs.csv").to_dicts()
    domains = built.document["domains"].values()
    assert row["dataset"] == f"corpus {built.document['digest']}"
    assert row["dataset_bytes"] == sum(one["train_bytes"] for one in domains)
    assert row["dataset_documents"] == sum(one["train_documents"] for one in domains)
    assert row["dataset_licence"] == "not stated"
    assert row["bytes_per_token"] == 1.0
    checked = run("runs", "check", "runs.csv", "--json")
    assert checked.document["n_ok"] == 1


def test_a_spec_without_texts_and_a_folder_without_a_corpus(run, tmp_path) -> None:  # noqa: F811
    (tmp_path / "own.toml").write_text('trainer = "true {out}"\n[[run]]\nd_model = 16\n')
    assert run("corpus", "build", "own.toml", "--into", "x", "--json").code == 2
    found = run("corpus", "card", "nowhere", "--json")
    assert (found.code, found.document["code"]) == (2, "no_ladder")


@NEEDS_DPKG
def test_fetching_says_before_what_it_does(run, tmp_path, monkeypatch) -> None:  # noqa: F811
    apt = FakeApt(tmp_path / "apt")
    apt.offer("dict-gcide", dictionary())
    apt.use(monkeypatch, tmp_path / "corpora")
    size = (apt.folder / "dict-gcide.deb").stat().st_size
    plain = run("corpus", "fetch", "dict-gcide")
    assert "would be downloaded" in plain.out
    assert "--yes does it" in plain.out
    assert apt.downloads == []
    dry = run("corpus", "fetch", "dict-gcide", "--json").document
    validator("corpus_fetch").validate(dry)
    assert (dry["bytes"], dry["downloaded"], dry["packages"][0]["here"]) == (size, False, False)
    listed = run("corpus", "list", "--json").document
    states = {one["name"]: one["here"] for one in listed["sources"]}
    assert states["debian:dict-gcide"] is False

    done = run("corpus", "fetch", "debian:dict-gcide", "dict-gcide", "--yes", "--json")
    validator("corpus_fetch").validate(done.document)
    assert done.document["downloaded"] is True
    # What is to come is said first, beside the answer.
    assert f"downloading dict-gcide 1.0-1, {size:,} bytes" in done.err
    assert "GPL-2+" in done.err
    again = run("corpus", "fetch", "dict-gcide", "--yes", "--json").document
    assert (again["downloaded"], again["bytes"]) == (False, 0)
    assert "All is here" in run("corpus", "fetch", "dict-gcide", "--yes").out
    assert len(apt.downloads) == 1
    listed = run("corpus", "list", "--json").document
    states = {one["name"]: (one["here"], one["licence"]) for one in listed["sources"]}
    assert states["debian:dict-gcide"] == (True, "GPL-2-test")
    elsewhere = run("corpus", "list", "--folder", tmp_path / "other", "--json").document
    assert {one["name"]: one["here"] for one in elsewhere["sources"]}["debian:dict-gcide"] is False


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("corpus", "fetch"), "missing_argument"),
        (("corpus", "fetch", "no-such-thing"), "unknown_package"),
        (("corpus", "build", "nowhere.toml", "--into", "x"), "no_such_file"),
    ],
)
def test_mistakes(run, words, code) -> None:  # noqa: F811
    result = run(*words, "--json")
    assert (result.code, result.document["code"]) == (2, code)
