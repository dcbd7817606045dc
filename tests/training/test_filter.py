"""Which documents does a reference model keep? And what a filter leaves behind."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.training import scoring
from isoloss.training.corpora import build_corpus, open_corpus
from isoloss.training.filtering import Filter, chosen_by_bytes, parse_filter
from isoloss.training.pieces import Pieces
from isoloss.training.spec import RunSpec
from isoloss.training.templates import parse_ladder
from tests.training.conftest import write_texts

QUICK = Filter("good", (0.0, 0.5), shape="16x1", steps=60)


def write_noise(folder, count=30, letters=1000, seed=3):
    """Documents of random letters, under names that come before those of prose."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        text = bytes(rng.integers(33, 127, letters).astype(np.uint8)).decode()
        (folder / f"n{i:03d}.txt").write_text(text)
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Good texts; and a domain that is half such texts, half noise."""
    home = tmp_path_factory.mktemp("mixed")
    good = write_texts(home / "good", 60)
    web = write_texts(home / "web", 30, seed=5)
    write_noise(web)
    return {"good": str(good), "web": str(web)}


@pytest.fixture(scope="module")
def built(mixed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("filtered")
    return build_corpus(mixed, folder, validation=0.1, keep=QUICK)


def pieces(corpus, domain, part="train"):
    return [piece for piece in corpus.tokens(domain, part).tobytes().split(b"\0") if piece]


def test_prose_is_kept_and_noise_is_not(built, mixed, tmp_path) -> None:
    whole = build_corpus(mixed, tmp_path, validation=0.1)
    kept, all_of_it = pieces(built, "web"), pieces(whole, "web")
    noise = [piece for piece in all_of_it if b" " not in piece]
    prose = [piece for piece in all_of_it if b" " in piece]
    assert len(noise) > 20
    assert len(prose) > 20
    found = built.filter["domains"]["web"]
    scores = pl.read_parquet(built.folder / "filter.parquet")
    assert scores["kept"].sum() == found["kept_documents"] == len(kept)
    by_kind = scores.group_by(pl.col("begins").str.contains(" ")).agg(
        pl.col("nats_per_byte").min().alias("lo"), pl.col("nats_per_byte").max().alias("hi")
    )
    ranges = {row["begins"]: (row["lo"], row["hi"]) for row in by_kind.to_dicts()}
    # The two kinds are apart, and half of the bytes is nearly all prose.
    assert ranges[True][1] < ranges[False][0]
    assert sum(b" " in piece for piece in kept) >= 0.9 * min(len(prose), len(kept))
    assert found["nats_per_byte"] == [
        scores.filter("kept")["nats_per_byte"].min(),
        scores.filter("kept")["nats_per_byte"].max(),
    ]


def test_only_training_documents_of_other_domains_are_chosen(built, mixed, tmp_path) -> None:
    whole = build_corpus(mixed, tmp_path, validation=0.1)
    for domain, part in (("good", "train"), ("good", "valid"), ("web", "valid")):
        assert np.array_equal(built.tokens(domain, part), whole.tokens(domain, part))
    assert built.digest != whole.digest
    found = built.filter["domains"]["web"]
    assert found["documents"] == whole.domains["web"].train_documents
    assert built.domains["web"].train_documents == found["kept_documents"]
    assert built.domains["web"].train_bytes == found["kept_bytes"] + found["kept_documents"]
    assert found["kept_bytes"] == pytest.approx(0.5 * found["bytes"], abs=1500)
    assert whole.filter is None


def test_the_same_settings_give_the_same_digits(built, mixed, tmp_path) -> None:
    again = build_corpus(mixed, tmp_path, validation=0.1, keep=QUICK)
    assert again.digest == built.digest
    assert again.filter == built.filter
    assert again.folder.name == built.folder.name
    assert open_corpus(again.folder) == again
    one = (built.folder / "filter.parquet").read_bytes()
    assert one == (again.folder / "filter.parquet").read_bytes()


def test_every_setting_is_part_of_the_identity(built, mixed, tmp_path) -> None:
    for other in (
        Filter("good", (0.0, 0.5), shape="16x1", steps=61),
        Filter("good", (0.0, 0.5), shape="16x1", steps=60, seed=1),
        Filter("good", (0.1, 0.6), shape="16x1", steps=60),
    ):
        found = build_corpus(mixed, tmp_path, validation=0.1, keep=other)
        assert found.folder.name != built.folder.name
        assert found.digest != built.digest
        assert (found.filter or {})["keep"] == list(other.keep)


class Echo:
    """A trainer whose loss on a byte is the value of that byte."""

    specs = (RunSpec(),)

    def token_losses(self, windows):
        return windows[None, :, 1:].astype(float)


def test_a_score_is_the_mean_loss_of_every_byte(tmp_path) -> None:
    texts = ["law of loss", "x" * 300, "abc " * 32, "y", "ab" * 40_000]
    model = scoring.ReferenceModel(cast("Any", Echo()), 0.0, 0.0)
    with Pieces(tmp_path / "p") as kept:
        for text in texts:
            kept.add(text)
        places = kept.ordered()
        found = model.scores(kept, places)
        read = [text for batch in kept.read(places) for text in batch]
    assert sorted(read) == sorted(text.encode() for text in texts)
    assert found.tolist() == pytest.approx([np.mean(list(text)) for text in read], rel=1e-12)


def test_windows_hold_every_byte_once_after_those_before_it() -> None:
    texts = [b"law of loss", b"x" * 300, b"abc " * 32, b"y"]
    windows, lengths, owners = scoring._windows(texts, 128)
    assert owners.tolist() == [0, 1, 1, 1, 2, 3]
    assert lengths.tolist() == [11, 128, 128, 44, 128, 1]
    for i, text in enumerate(texts):
        mine = np.flatnonzero(owners == i)
        targets = b"".join(windows[k, 1 : 1 + lengths[k]].tobytes() for k in mine)
        assert targets == text
        # The byte before the first is the end of another document.
        assert windows[mine[0], 0] == 0
        for k, after in itertools.pairwise(mine):
            assert windows[after, 0] == windows[k, 128]


@given(
    sizes=st.lists(st.integers(1, 500), min_size=1, max_size=40),
    band=st.tuples(st.floats(0, 0.99), st.floats(0.01, 1)).map(sorted),
    seed=st.integers(0, 9),
)
@settings(max_examples=200, deadline=None)
def test_bands_share_out_the_documents(sizes, band, seed) -> None:
    scores = np.random.default_rng(seed).integers(0, 5, len(sizes)).astype(float)
    amounts = np.array(sizes)
    low, high = band
    if low == high:
        return
    chosen = chosen_by_bytes(scores, amounts, (low, high))
    assert chosen.any()
    share = amounts[chosen].sum() / amounts.sum()
    assert abs(share - (high - low)) <= 2 * amounts.max() / amounts.sum()
    assert chosen_by_bytes(scores, amounts, (0.0, 1.0)).all()
    lower = chosen_by_bytes(scores, amounts, (0.0, high))
    # Whatever is left out of the lower part is no better than what is in it.
    assert lower.all() or scores[lower].max() <= scores[~lower].min()


def test_a_killed_build_leaves_no_corpus_and_the_next_one_is_whole(built, mixed, tmp_path) -> None:
    program = (
        "import json, os, signal, sys\n"
        "from isoloss.training import scoring\n"
        "from isoloss.training.corpora import build_corpus\n"
        "from isoloss.training.filtering import Filter\n"
        "def die(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        "scoring.ReferenceModel.scores = die\n"
        "keep = Filter('good', (0.0, 0.5), shape='16x1', steps=60)\n"
        "build_corpus(json.loads(sys.argv[1]), sys.argv[2], validation=0.1, keep=keep)\n"
    )
    folder = tmp_path / "c"
    call = [sys.executable, "-c", program, json.dumps(mixed), str(folder)]
    assert subprocess.run(call, capture_output=True, check=False).returncode == -9
    (left,) = folder.iterdir()
    assert left.name.startswith(".building-")
    again = build_corpus(mixed, folder, validation=0.1, keep=QUICK)
    assert again.digest == built.digest
    assert [one.name for one in folder.iterdir()] == [again.folder.name]
    names = {"corpus.json", "filter.parquet"}
    names |= {f"{d}.{p}.bin" for d in ("good", "web") for p in ("train", "valid")}
    assert {one.name for one in again.folder.iterdir()} == names


def test_the_reference_may_be_another_source(mixed, tmp_path) -> None:
    keep = Filter(mixed["good"], (0.0, 0.5), shape="16x1", steps=60)
    found = build_corpus({"web": mixed["web"]}, tmp_path, validation=0.1, keep=keep)
    assert list(found.domains) == ["web"]
    kept = pieces(found, "web")
    assert sum(b" " in piece for piece in kept) >= 0.9 * len(kept)


def test_a_domain_can_be_its_own_reference(mixed, tmp_path) -> None:
    keep = Filter("web", (0.0, 0.8), shape="16x1", steps=60)
    found = build_corpus({"web": mixed["web"]}, tmp_path, validation=0.1, keep=keep)
    kept = (found.filter or {})["domains"]["web"]
    assert kept["kept_bytes"] < kept["bytes"]


def test_a_filter_in_a_ladder(mixed) -> None:
    table = {"reference": "good", "keep": [0.1, 0.6], "domains": ["web"], "steps": 50}
    corpus = {"sources": mixed, "filter": table}
    found = parse_ladder({"corpus": corpus, "run": [{"d_model": 16}]})
    assert found.keep == Filter("good", (0.1, 0.6), ("web",), "32x2", 50, 0)


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({"keep": 0.5}, "reference"),
        ({"reference": "a"}, "keep"),
        ({"reference": "a", "keep": 0}, "keep"),
        ({"reference": "a", "keep": 1.5}, "keep"),
        ({"reference": "a", "keep": True}, "keep"),
        ({"reference": "a", "keep": "half"}, "keep"),
        ({"reference": "a", "keep": [0.6, 0.1]}, "keep"),
        ({"reference": "a", "keep": [0.1]}, "keep"),
        ({"reference": "a", "keep": 0.5, "steps": 0}, "steps"),
        ({"reference": "a", "keep": 0.5, "seed": 1.5}, "seed"),
        ({"reference": "a", "keep": 0.5, "domains": "web"}, "domains"),
        ({"reference": "a", "keep": 0.5, "shape": 32}, "shape"),
        ({"reference": "a", "keep": 0.5, "perplexity": 1}, "perplexity"),
    ],
)
def test_mistakes_name_the_field(table, field) -> None:
    with pytest.raises(InputError) as caught:
        parse_filter(table)
    assert caught.value.where.field == f"corpus.filter.{field}"


@pytest.mark.parametrize(
    ("keep", "code"),
    [
        (Filter("good", (0.0, 0.5), ("code",)), "unknown_domain"),
        (Filter("good", (0.0, 0.5), shape="wide"), "bad_spec"),
        (Filter("nowhere", (0.0, 0.5)), "no_such_source"),
    ],
)
def test_a_filter_that_cannot_be_used_is_refused(mixed, tmp_path, keep, code) -> None:
    with pytest.raises(InputError) as caught:
        build_corpus(mixed, tmp_path, validation=0.1, keep=keep)
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_without_torch_the_extra_is_named(mixed, tmp_path, monkeypatch) -> None:
    from isoloss.training import filtering

    monkeypatch.setattr(filtering.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError) as caught:
        build_corpus(mixed, tmp_path, validation=0.1, keep=QUICK)
    assert caught.value.code == "missing_package"
    assert "isoloss[train]" in (caught.value.hint or "")
