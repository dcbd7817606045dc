"""What do all documents of the command line share? The envelope of the JSON contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from isoloss.document import envelope


def document(
    schema: str,
    *,
    seed: int | None = None,
    conventions: Mapping[str, str] | None = None,
    warnings: Iterable[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """The keys that every document has: schema, version, isoloss, seed, conventions, warnings.

    Args:
        schema: the name after ``isoloss.``.
        seed: of the draws, where there are any.
        conventions: what N, FLOP and loss mean, where numbers depend on it.
        warnings: objects with ``code`` and ``message``.
    """
    shared = {
        "seed": seed,
        "conventions": None if conventions is None else dict(conventions),
        "warnings": [dict(warning) for warning in warnings],
    }
    return envelope(schema) | shared
