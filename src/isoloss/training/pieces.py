"""Where do documents wait until all are known? In one file, so that memory holds only their places.

A corpus is written in the order of the hashes of its documents, which is known only when the last
one is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

BATCH_BYTES = 4 << 20


@dataclass(frozen=True, order=True, slots=True)
class Piece:
    """The place of a document.

    Attributes:
        key: SHA-256 of its UTF-8.
        start: its first byte in the file.
        size: its bytes.
    """

    key: bytes
    start: int
    size: int


class Pieces:
    """Distinct documents in a file; one that comes again is known by its hash.

    Args:
        path: the file, to be made; it is removed at the end of a ``with`` block.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b")
        self._places: dict[bytes, tuple[int, int]] = {}
        self._end = 0

    def __enter__(self) -> Pieces:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def add(self, text: str) -> int:
        """Set a document aside; returns its bytes, or 0 where it is there already."""
        data = text.encode("utf-8", "replace")
        key = hashlib.sha256(data).digest()
        if key in self._places:
            return 0
        self._file.write(data)
        self._places[key] = (self._end, len(data))
        self._end += len(data)
        return len(data)

    def ordered(self) -> list[Piece]:
        """All documents in the order of their hashes."""
        self._file.flush()
        return [Piece(key, *self._places[key]) for key in sorted(self._places)]

    def read(self, pieces: Sequence[Piece]) -> Iterator[list[bytes]]:
        """These documents in their order, a few megabytes at a time."""
        batch: list[bytes] = []
        held = 0
        for piece in pieces:
            self._file.seek(piece.start)
            batch.append(self._file.read(piece.size))
            held += piece.size
            if held >= BATCH_BYTES:
                yield batch
                batch, held = [], 0
        if batch:
            yield batch
