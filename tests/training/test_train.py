"""``iso.train``: a ladder trained, read and fitted in one sitting of Python."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

import isoloss as iso
from isoloss.errors import InputError
from isoloss.training.templates import parse_ladder
from isoloss.training.train import Cluster, Local, parse_population, train
from tests.training.conftest import write_texts


def ladder(folder):
    texts = write_texts(folder / "texts", 40)
    return parse_ladder(
        {
            "name": "sitting",
            "corpus": {"sources": {"text": str(texts)}},
            "base": {"seq_len": 32, "n_layers": 1, "evals": 2},
            "grid": [{"d_model": [8, 16], "steps": [20, 40]}],
        }
    )


def test_from_a_description_to_a_table_of_runs(tmp_path):
    spec = ladder(tmp_path)
    seen = []

    def show(found, workers):
        seen.append((len(found.runs), workers))
        return nullcontext()

    found = iso.train(spec, tmp_path / "out", on=Local(workers=1), show=show)
    runs = found.table()
    assert seen == [(4, 1)]
    assert len(runs.ok()) == 4
    assert runs.conventions.n == "matmul"
    # A second call has nothing to do and says the same.
    told = []
    again = iso.train(
        spec, tmp_path / "out", on=Local(workers=1), retry=True, show=show, say=told.append
    )
    assert told == ["0 runs are tried again."]
    assert again.table().data_hash == runs.data_hash
    assert len(seen) == 1


def test_a_file_or_a_name_is_expected(tmp_path):
    with pytest.raises(InputError, match="coffee, reference, test") as caught:
        train("cofee", tmp_path / "out")
    assert caught.value.code == "no_such_file"
    assert not (tmp_path / "out").exists()


def test_where_runs_are_trained():
    assert [place.device for place in Local(on=("cuda:0", "cuda:1")).places] == ["cuda:0", "cuda:1"]
    (place,) = Local(on=("cuda:0",), per_run=4).places
    assert (place.device, place.processes) == ("cuda", 4)
    assert (Cluster().kind, Cluster(gpus=0.25).kind) == ("cpu", "cuda")
    assert Cluster().devices == ()


@pytest.mark.parametrize(
    ("found", "device", "count"),
    [(None, "cpu", 1), (None, "cuda", 0), ("off", "cuda", 1), ("auto", "cpu", 0), (8, "cpu", 8)],
)
def test_how_many_side_by_side(found, device, count):
    assert parse_population(found, device) == count


@pytest.mark.parametrize("found", ["many", 0, -1, 1.5])
def test_no_number_of_runs(found):
    with pytest.raises(InputError, match="a number of runs, off or auto"):
        parse_population(found, "cpu")
