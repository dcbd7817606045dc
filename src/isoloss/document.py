"""Results as JSON: one envelope for all documents, numbers that stay numbers, arrays without loss.

The contract: every document carries ``schema``, ``version`` and ``isoloss``; more keys may be
added, none is renamed. NaN and infinity are written as null, because JSON has neither.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def pack(array: NDArray[Any]) -> dict[str, Any]:
    """An array as JSON without loss: its bytes, little-endian, in base64."""
    data = np.ascontiguousarray(array)
    data = data.astype(data.dtype.newbyteorder("<"))
    text = base64.b64encode(data.tobytes()).decode("ascii")
    return {"dtype": data.dtype.str, "shape": list(data.shape), "base64": text}


def unpack(packed: Mapping[str, Any]) -> NDArray[Any]:
    """The array that ``pack`` wrote.

    Raises:
        ValueError: the bytes do not fit shape and type, or the type is not a number.
    """
    dtype = np.dtype(packed["dtype"])
    if dtype.kind not in "fiu":
        raise ValueError(f"found dtype {packed['dtype']!r} where a number type is expected")
    data = base64.b64decode(packed["base64"], validate=True)
    return np.frombuffer(data, dtype=dtype).reshape(packed["shape"]).astype(dtype.newbyteorder("="))
