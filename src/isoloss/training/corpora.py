"""What do the models read? Texts turned into tokens once, split by document, kept on disk.

A document goes to validation or training by a hash of its text, never by its place, so that a
source that grows keeps its split and a duplicate never stands on both sides.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.atomic import write_text
from isoloss.document import dumps
from isoloss.errors import InputError, Where
from isoloss.training.sources import documents, licence
from isoloss.training.tokenizers import Tokenizer, make_tokenizer, restore_tokenizer

Tokens = NDArray[np.unsignedinteger[Any]]
CARD = "corpus.json"
VALIDATION_SHARE = 0.03
LONGEST_DOCUMENT = 1 << 16  # longer texts are cut, so that one book is not all of validation


@dataclass(frozen=True)
class Domain:
    """One kind of text in a corpus.

    Attributes:
        name: ``text``, ``code``, ...
        source: where it came from.
        licence: of the texts, where it is known.
        documents: how many, after cutting.
        train_bytes: UTF-8 bytes for training.
        valid_bytes: bytes for validation.
        train_tokens: tokens for training.
        valid_tokens: tokens for validation.
    """

    name: str
    source: str
    licence: str
    documents: int
    train_bytes: int
    valid_bytes: int
    train_tokens: int
    valid_tokens: int


@dataclass(frozen=True)
class Corpus:
    """Tokens on disk, and what they are.

    Attributes:
        folder: where they lie.
        digest: hash of the documents, the split and the tokenizer.
        tokenizer: ``bytes`` or ``bpe-4096``.
        vocab: how many different tokens.
        domains: by name.
    """

    folder: Path
    digest: str
    tokenizer: str
    vocab: int
    domains: Mapping[str, Domain]

    def tokens(self, domain: str, part: str) -> Tokens:
        """The tokens of a domain, mapped from disk; ``part`` is ``train`` or ``valid``."""
        kind = np.uint8 if self.vocab <= 256 else np.uint16
        return np.memmap(self.folder / f"{domain}.{part}.bin", dtype=kind, mode="r")

    def bytes_per_token(self, domain: str) -> float:
        """Bytes of validation text per token."""
        found = self.domains[domain]
        return found.valid_bytes / max(1, found.valid_tokens)

    def codec(self) -> Tokenizer:
        """The tokenizer itself."""
        return restore_tokenizer(self.tokenizer, self.folder)

    def to_dict(self) -> dict[str, Any]:
        """The card of the corpus."""
        return {
            "digest": self.digest,
            "tokenizer": self.tokenizer,
            "vocab": self.vocab,
            "domains": {name: asdict(domain) for name, domain in self.domains.items()},
        }


def build_corpus(
    sources: Mapping[str, str],
    folder: str | Path,
    *,
    tokenizer: str = "bytes",
    validation: float = VALIDATION_SHARE,
) -> Corpus:
    """The corpus of these sources, built in a folder, or opened where it is there already.

    Args:
        sources: domain -> source, see `isoloss.training.sources.documents`.
        folder: where corpora are kept; the corpus gets a folder of its own inside.
        tokenizer: ``bytes``, or ``bpe-N`` for a byte-pair encoding of N tokens trained on it.
        validation: share of the documents that is held back.

    Raises:
        InputError: a source cannot be read, or leaves nothing on one side of the split.
    """
    wanted = {"sources": dict(sources), "tokenizer": tokenizer, "validation": validation}
    key = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:12]
    home = Path(folder) / key
    if (home / CARD).exists():
        return open_corpus(home)
    building = Path(folder) / f".building-{key}"
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir(parents=True)
        corpus = _build(sources, building, tokenizer, validation)
        write_text(building / CARD, dumps(corpus.to_dict()))
        shutil.rmtree(home, ignore_errors=True)
        building.rename(home)
    except OSError as error:
        raise InputError(
            f"the corpus cannot be written ({error.strerror or error}).",
            code="disk_full" if error.errno == errno.ENOSPC else "not_writable",
            where=Where(file=str(folder)),
            hint="Choose a folder that belongs to you, on a disk with room.",
        ) from None
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return open_corpus(home)


def open_corpus(folder: str | Path) -> Corpus:
    """A corpus that was built before.

    Raises:
        InputError: there is none, or a file of it is missing or of another length.
    """
    home = Path(folder)
    try:
        card = json.loads((home / CARD).read_text(encoding="utf-8"))
        domains = {name: Domain(**values) for name, values in card["domains"].items()}
        corpus = Corpus(home, card["digest"], card["tokenizer"], card["vocab"], domains)
        for name, domain in domains.items():
            for part, count in (("train", domain.train_tokens), ("valid", domain.valid_tokens)):
                if len(corpus.tokens(name, part)) != count:
                    raise ValueError(f"{name}.{part}.bin is not whole")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"this is no usable corpus ({error}).",
            code="bad_corpus",
            where=Where(file=str(home)),
            hint="Remove the folder; it is built again when it is needed.",
        ) from None
    return corpus


def _build(sources: Mapping[str, str], home: Path, tokenizer: str, validation: float) -> Corpus:
    parts = {name: _split(source, validation) for name, source in sources.items()}
    for name, (train, valid, _) in parts.items():
        if not train or not valid:
            raise InputError(
                f"{len(train) + len(valid)} document(s) leave nothing for "
                f"{'training' if not train else 'validation'}.",
                code="small_corpus",
                where=Where(file=sources[name]),
                hint="Give more, or longer, documents.",
            )
    codec = make_tokenizer(tokenizer, [text for train, _, _ in parts.values() for text in train])
    codec.save(home)
    digest = hashlib.sha256(f"{codec.name} {validation}".encode())
    domains: dict[str, Domain] = {}
    for name in sorted(parts):
        train, valid, count = parts[name]
        sizes: dict[str, int] = {}
        for part, texts in (("train", train), ("valid", valid)):
            tokens = codec.encode(texts)
            sizes[part] = len(tokens)
            digest.update(f"{name}.{part}".encode())
            digest.update(tokens.tobytes())
            tokens.tofile(home / f"{name}.{part}.bin")
        domains[name] = Domain(
            name=name,
            source=sources[name],
            licence=licence(sources[name]),
            documents=count,
            train_bytes=_length(train),
            valid_bytes=_length(valid),
            train_tokens=sizes["train"],
            valid_tokens=sizes["valid"],
        )
    return Corpus(home, digest.hexdigest()[:16], codec.name, codec.vocab, domains)


def _split(source: str, validation: float) -> tuple[list[str], list[str], int]:
    """Distinct documents for training and validation, each in the order of their hashes."""
    found: dict[str, str] = {}
    for text in documents(source):
        for start in range(0, len(text), LONGEST_DOCUMENT):
            piece = text[start : start + LONGEST_DOCUMENT]
            found[hashlib.sha256(piece.encode("utf-8", "replace")).hexdigest()] = piece
    train: list[str] = []
    valid: list[str] = []
    for key in sorted(found):
        side = valid if int(key[:12], 16) / 16**12 >= 1.0 - validation else train
        side.append(found[key])
    return train, valid, len(found)


def _length(texts: list[str]) -> int:
    # A separator follows every document.
    return sum(len(text.encode("utf-8", "replace")) + 1 for text in texts)
