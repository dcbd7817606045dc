"""Results as JSON: one envelope for all documents, numbers that stay numbers, arrays without loss.

The contract: every document carries ``schema``, ``version`` and ``isoloss``; more keys may be
added, none is renamed. NaN and infinity are written as null, because JSON has neither.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.version import __version__


def envelope(schema: str, version: int = 1) -> dict[str, Any]:
    """The first keys of a document."""
    return {"schema": f"isoloss.{schema}", "version": version, "isoloss": __version__}


def dumps(document: Mapping[str, Any]) -> str:
    """A document as strict JSON text, floats to their last digit."""
    return json.dumps(plain(document), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def plain(value: Any) -> Any:
    """A value with NumPy's types, tuples and mappings made plain; NaN and infinity become None."""
    if isinstance(value, Mapping):
        mapping = cast("Mapping[Any, Any]", value)
        return {str(key): plain(item) for key, item in mapping.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        return plain(cast(Any, value).item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_document(path: str | Path, kind: str, hint: str, version: int = 1) -> dict[str, Any]:
    """A stored document, checked to be of a kind and version.

    Args:
        path: the file.
        kind: ``fit``, ``plan``, ...: what stands behind ``isoloss.`` in its schema.
        hint: how such a file is written.
        version: the one that is understood.

    Raises:
        InputError: the file cannot be read, is not JSON, or holds something else.
    """
    try:
        document: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"cannot be read ({error.strerror})."
    except (ValueError, RecursionError):  # not UTF-8, not JSON, a number of 5,000 digits, too deep
        reason = "is not a JSON document."
    else:
        known = isinstance(document, dict)
        found = cast("dict[str, Any]", document) if known else {}
        if found.get("schema") == f"isoloss.{kind}" and found.get("version") == version:
            return found
        reason = f"is JSON, but not a {kind}."
        if found.get("schema") == f"isoloss.{kind}":
            reason = f"holds a {kind} of version {found.get('version')!r}, which is not known."
    raise InputError(
        f"the file {reason}", code=f"not_a_{kind}", where=Where(file=str(path)), hint=hint
    )


def pack(array: NDArray[Any]) -> dict[str, Any]:
    """An array as JSON without loss: its bytes, little-endian, in base64."""
    data = array.astype(array.dtype.newbyteorder("<"))
    text = base64.b64encode(data.tobytes()).decode("ascii")
    return {"dtype": data.dtype.str, "shape": list(data.shape), "base64": text}


def unpack(packed: Mapping[str, Any]) -> NDArray[Any]:
    """The array that ``pack`` wrote.

    Raises:
        ValueError, TypeError: the bytes do not fit shape and type, or the type is not a number.
    """
    dtype, shape = np.dtype(str(packed["dtype"])), list(packed["shape"])
    if dtype.kind not in "fiu":
        raise ValueError(f"found dtype {packed['dtype']!r} where a number type is expected")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"found shape {packed['shape']!r} where whole numbers are expected")
    data = base64.b64decode(packed["base64"], validate=True)
    return np.frombuffer(data, dtype=dtype).reshape(shape).astype(dtype.newbyteorder("="))


@contextmanager
def restoring(
    what: str, path: str | Path, hint: str, code: str | None = None
) -> Generator[None, None, None]:
    """Say of a stored result that cannot be put together again that it is damaged.

    Args:
        what: the result, as people call it: ``plan``.
        path: the file.
        hint: how to make it anew.
        code: of the error; ``damaged_`` and what it is by default.

    Raises:
        InputError: a value inside is missing or of another kind.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(
            f"the stored {what} is damaged ({type(error).__name__}: {error}).",
            code=code or f"damaged_{what}",
            where=Where(file=str(path)),
            hint=hint,
        ) from None
