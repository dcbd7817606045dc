"""How do texts become numbers? As bytes, or by a byte-pair encoding trained on the corpus."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where

BYTES = "bytes"
FILE = "tokenizer.json"
SEPARATOR = 0  # ends a document; no text holds it


class Tokenizer(Protocol):
    """From texts to tokens."""

    @property
    def name(self) -> str:
        """As in a specification."""
        ...

    @property
    def vocab(self) -> int:
        """How many different tokens."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """The tokens of these documents, a separator after each."""
        ...

    def save(self, folder: Path) -> None:
        """Keep what is needed to restore it."""
        ...


@dataclass(frozen=True)
class Bytes:
    """UTF-8 bytes; a zero ends a document."""

    name: str = BYTES
    vocab: int = 256

    def encode(self, texts: Sequence[str]) -> NDArray[np.uint8]:
        """The bytes of these documents, a zero after each."""
        joined = b"".join(text.encode("utf-8", "replace") + b"\0" for text in texts)
        return np.frombuffer(joined, dtype=np.uint8)

    def save(self, folder: Path) -> None:
        """Nothing needs to be kept."""


@dataclass(frozen=True)
class Bpe:
    """Byte-pair encoding by Hugging Face ``tokenizers``; token 0 ends a document.

    Attributes:
        name: ``bpe-N``.
        vocab: N.
        inner: the library's tokenizer.
    """

    name: str
    vocab: int
    inner: Any

    def encode(self, texts: Sequence[str]) -> NDArray[np.uint16]:
        """The tokens of these documents, a separator after each."""
        coded = self.inner.encode_batch(list(texts), add_special_tokens=False)
        return np.concatenate([np.array([*one.ids, SEPARATOR], dtype=np.uint16) for one in coded])

    def save(self, folder: Path) -> None:
        """Keep the merges."""
        self.inner.save(str(folder / FILE))


def make_tokenizer(name: str, texts: Iterable[str]) -> Tokenizer:
    """The tokenizer of this name, trained on the texts where it has to be.

    Raises:
        InputError: there is no such tokenizer, or its library is not installed.
    """
    if name == BYTES:
        return Bytes()
    size = _size(name)
    library = _library()
    inner = library.Tokenizer(library.models.BPE())
    inner.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<end>"],
        initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    inner.train_from_iterator(texts, trainer)
    return Bpe(name, inner.get_vocab_size(), inner)


def vocabulary(name: str) -> int:
    """How many different tokens the tokenizer of this name has; a small corpus may give it fewer.

    Raises:
        InputError: there is no such tokenizer.
    """
    return Bytes().vocab if name == BYTES else _size(name)


def restore_tokenizer(name: str, folder: Path) -> Tokenizer:
    """The tokenizer that was kept with a corpus."""
    if name == BYTES:
        return Bytes()
    inner = _library().Tokenizer.from_file(str(folder / FILE))
    return Bpe(name, inner.get_vocab_size(), inner)


def _size(name: str) -> int:
    found = re.fullmatch(r"bpe-(\d+)", name)
    if not found or not 257 <= int(found[1]) <= 65536:
        raise InputError(
            f'found "{name[:40]}" where a tokenizer is expected.',
            code="unknown_tokenizer",
            where=Where(field="tokenizer"),
            hint="Known: bytes, and bpe-N with N from 257 to 65536.",
        )
    return int(found[1])


def _library() -> Any:
    try:
        import tokenizers
    except ModuleNotFoundError:
        raise InputError(
            "byte-pair encodings need the library tokenizers, which is not installed.",
            code="missing_package",
            hint="pip install 'isoloss[train]'",
        ) from None
    return tokenizers
