from __future__ import annotations

import math

import numpy as np
import pytest

from isoloss.errors import InputError
from isoloss.runs import read

TABLE = {
    "run_id": ["a", "b", "c", "d"],
    "params": [1e8, 2e8, 4e8, 8e8],
    "tokens": [2e9, 4e9, 8e9, 1.6e10],
    "unique_tokens": [1e9, None, 8e9, 1e9],
    "loss": [3.1, math.nan, 2.7, 2.5],
    "share": [0.1, 0.2, None, 0.4],
    "count": [1, 2, 3, 4],
    "mix": ["text", "code", None, "text"],
    "kept": [True, False, True, False],
}


def test_arrays():
    points = read(TABLE).points()
    assert points.run_id == ("a", "c", "d")
    assert len(points) == 3
    for name in ("params", "tokens", "flop", "loss", "unique_tokens"):
        array = getattr(points, name)
        assert array.dtype == np.float64
        assert array.shape == (3,)
        assert array.flags.writeable
        assert np.isfinite(array).all()
    assert points.tier.dtype == np.int64
    assert points.tier.tolist() == [0, 1, 2]
    assert points.unique_tokens.tolist() == [1e9, 8e9, 1e9]
    np.testing.assert_equal(points.columns["share"], [0.1, np.nan, 0.4])
    assert points.columns["count"].tolist() == [1, 3, 4]
    assert points.codes["mix"].tolist() == [0, -1, 0]


def test_unique_tokens_default_to_tokens():
    points = read({name: TABLE[name] for name in ("params", "tokens", "loss")}).points()
    assert points.unique_tokens.tolist() == points.tokens.tolist()


def test_take():
    points = read(TABLE).points()
    some = points.take(np.array([2, 0, 2]))
    assert some.run_id == ("d", "a", "d")
    assert some.params.tolist() == [8e8, 1e8, 8e8]
    assert some.tier.tolist() == [2, 0, 2]
    assert some.columns["count"].tolist() == [4, 1, 4]
    assert some.codes["kept"].tolist() == [points.codes["kept"][i] for i in (2, 0, 2)]
    assert points.take(points.loss < 3).run_id == ("c", "d")
    assert some.conventions == points.conventions


@pytest.mark.parametrize(
    ("column", "clusters"),
    [("mix", [1, 0, 1]), ("kept", [1, 1, 0]), ("count", [0, 1, 2]), ("tier", [0, 1, 2])],
)
def test_clusters(column, clusters):
    assert read(TABLE).points().clusters(column).tolist() == clusters


def test_missing_numbers_are_one_cluster():
    table = {"params": [1e8] * 4, "loss": [3.0, 2.9, 2.8, 2.7], "share": [None, 0.1, None, 0.1]}
    assert read(table).points().clusters("share").tolist() == [1, 0, 1, 0]


def test_unknown_cluster():
    with pytest.raises(InputError, match="mixx"):
        read(TABLE).points().clusters("mixx")


def test_a_chosen_column_must_be_positive():
    runs = read(TABLE | {"alt": [1.0, 2.0, 0.0, 3.0]})
    with pytest.raises(InputError, match=r'found 0\.0 as "alt" of run c') as caught:
        runs.points(loss="alt")
    assert "--where" in (caught.value.hint or "")
    with pytest.raises(InputError, match="run c"):
        runs.points(loss="share")


def test_the_hash_is_that_of_the_table():
    runs = read(TABLE)
    assert runs.points().data_hash == runs.data_hash
