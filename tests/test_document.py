"""Documents are strict JSON, and arrays in them lose nothing."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from isoloss.document import dumps, envelope, pack, plain, read_document, unpack
from isoloss.errors import InputError
from isoloss.version import __version__

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NUMBERS = st.sampled_from(["<f8", ">f8", "<f4", "<i8", ">i8", "<i4", "|i1", "|u1", "<u8"])


def strict(text: str) -> object:
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def without_the_infinite(value):
    if isinstance(value, dict):
        return {key: without_the_infinite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_the_infinite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def test_the_envelope_comes_first():
    document = envelope("fit") | {"law": "chinchilla"}
    assert list(document)[:3] == ["schema", "version", "isoloss"]
    assert document["schema"] == "isoloss.fit"
    assert document["version"] == 1
    assert document["isoloss"] == __version__
    assert envelope("plan", 3)["version"] == 3


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_documents_are_strict_json_and_floats_keep_every_digit(document):
    text = dumps(document)
    assert text.endswith("}\n")
    found, expected = strict(text), without_the_infinite(document)
    assert repr(found) == repr(json.loads(json.dumps(expected)))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_comes_back_exactly(value):
    found = strict(dumps({"value": np.float64(value)}))
    assert isinstance(found, dict)
    assert math.copysign(1, found["value"]) == math.copysign(1, value)
    assert found["value"] == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [float, np.float64, np.float32, lambda x: np.array([x])])
def test_what_json_cannot_say_is_null(value, kind):
    found = plain({"x": [kind(value)]})
    assert found in ({"x": [None]}, {"x": [[None]]})


def test_numpy_and_tuples_become_plain():
    document = {
        "whole": np.int64(3),
        "truth": np.bool_(True),
        "text": np.str_("a"),
        "tuple": (1, (2.5, None)),
        "matrix": np.array([[1.0, np.nan], [3.0, 4.0]]),
        7: {"nested": np.float32(0.5)},
    }
    assert strict(dumps(document)) == {
        "whole": 3,
        "truth": True,
        "text": "a",
        "tuple": [1, [2.5, None]],
        "matrix": [[1.0, None], [3.0, 4.0]],
        "7": {"nested": 0.5},
    }


def test_text_is_kept_as_it_is():
    names = ["Größe", "α", "</script>", '"', "\\", "\u2028", "\x00", "\U0001f600"]
    text = dumps({"names": names})
    assert strict(text) == {"names": names}
    assert "Größe" in text


def test_what_is_no_document_is_refused():
    with pytest.raises(TypeError):
        dumps({"x": object()})
    with pytest.raises(TypeError):
        dumps({"x": {1, 2}})


# ---------------------------------------------------------------------------- arrays


@given(
    NUMBERS.flatmap(
        lambda kind: arrays.arrays(
            np.dtype(kind), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
        )
    )
)
def test_arrays_come_back_bit_for_bit(array):
    packed = json.loads(json.dumps(pack(array)))
    found = unpack(packed)
    native = array.astype(array.dtype.newbyteorder("="))
    assert found.shape == array.shape
    assert found.dtype == native.dtype
    assert found.tobytes() == native.tobytes()
    assert found.flags.writeable


def test_views_and_read_only_arrays_can_be_packed():
    array = np.arange(12.0).reshape(3, 4)
    for view in (array[:, ::2], array.T, array[::-1], np.broadcast_to(1.5, (2, 2))):
        view = view.view()
        view.flags.writeable = False
        np.testing.assert_array_equal(unpack(pack(view)), view)


def test_the_bytes_are_little_endian_everywhere():
    assert pack(np.array([1], dtype=">i4")) == {
        "dtype": "<i4",
        "shape": [1],
        "base64": "AQAAAA==",
    }


GOOD = {"dtype": "<f8", "shape": [2], "base64": "AAAAAAAA8D8AAAAAAAAAQA=="}


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "O"},
        {"dtype": "<U4"},
        {"dtype": "<M8[s]"},
        {"dtype": "?"},
        {"dtype": "<c16"},
        {"dtype": "V8"},
        {"dtype": [["a", "O"]]},
        {"dtype": "nothing"},
        {"dtype": None},
        {"shape": [3]},
        {"shape": [-5]},
        {"shape": "2"},
        {"base64": "AAAA"},
        {"base64": "not base64!"},
        {"base64": "AAAAAAAA8D8AAAAAAAAAQA"},
        {"base64": 5},
    ],
    ids=str,
)
def test_a_damaged_array_is_refused(change):
    np.testing.assert_array_equal(unpack(GOOD), [1.0, 2.0])
    with pytest.raises((ValueError, TypeError, KeyError)):
        unpack(GOOD | change)


# ---------------------------------------------------------------------------- files


def read(folder, content: bytes):
    path = folder / "x.json"
    path.write_bytes(content)
    return read_document(path, "fit", "Write it with isoloss fit.")


def test_a_document_is_read_by_its_kind(tmp_path):
    document = envelope("fit") | {"law": "chinchilla"}
    assert read(tmp_path, dumps(document).encode()) == document


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a JSON document"),
        (b"\xff\xfe{}", "not a JSON document"),
        (b"{", "not a JSON document"),
        (b"[" * 100_000, "not a JSON document"),
        (b'{"version": ' + b"9" * 5000 + b"}", "not a JSON document"),
        (b"[1, 2]", "not a fit"),
        (b"null", "not a fit"),
        (b'{"schema": "isoloss.plan", "version": 1}', "not a fit"),
        (b'{"schema": ["isoloss.fit"], "version": 1}', "not a fit"),
        (b'{"schema": "isoloss.fit", "version": 9}', "version 9"),
        (b'{"schema": "isoloss.fit"}', "version None"),
    ],
    ids=range(11),
)
def test_another_document_is_refused(tmp_path, content, reason):
    with pytest.raises(InputError, match=reason) as caught:
        read(tmp_path, content)
    assert caught.value.code == "not_a_fit"
    assert caught.value.where.file == str(tmp_path / "x.json")
    assert caught.value.hint == "Write it with isoloss fit."


def test_a_file_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "nothing.json", tmp_path):
        with pytest.raises(InputError, match="cannot be read") as caught:
            read_document(path, "plan", "hint")
        assert caught.value.code == "not_a_plan"
