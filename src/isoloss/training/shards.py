"""A corpus on disk: its tokens, mapped into memory, and the card that says what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isoloss.document import envelope
from isoloss.errors import InputError, Where
from isoloss.training.pieces import Piece, Pieces
from isoloss.training.tokenizers import Tokenizer, restore_tokenizer

Tokens = NDArray[np.unsignedinteger[Any]]
CARD = "corpus.json"


class Digest(Protocol):
    """A hash that takes more bytes."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        ...


@dataclass(frozen=True)
class Origin:
    """One source of a domain.

    Attributes:
        source: as in the specification.
        what: one line.
        licence: of the texts, as far as it is stated.
        edition: which version of them; empty where there is no such word.
        note: what was chosen among several; empty where there was no choice.
        documents: how many it gave, after cutting, that no source before it had.
        bytes: of UTF-8 in them.
    """

    source: str
    what: str
    licence: str
    edition: str
    note: str
    documents: int
    bytes: int


@dataclass(frozen=True)
class Domain:
    """One kind of text in a corpus.

    Attributes:
        name: ``text``, ``code``, ...
        source: where it came from.
        licence: of the texts, where it is known.
        documents: how many, after cutting and before any filter.
        train_bytes: UTF-8 bytes for training.
        valid_bytes: bytes for validation.
        train_tokens: tokens for training.
        valid_tokens: tokens for validation.
        train_documents: how many for training.
        valid_documents: how many for validation.
        origins: each source by itself.
    """

    name: str
    source: str
    licence: str
    documents: int
    train_bytes: int
    valid_bytes: int
    train_tokens: int
    valid_tokens: int
    train_documents: int = 0
    valid_documents: int = 0
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Corpus:
    """Tokens on disk, and what they are.

    Attributes:
        folder: where they lie.
        digest: hash of the documents, the split, the tokenizer and the filter.
        tokenizer: ``bytes`` or ``bpe-4096``.
        vocab: how many different tokens.
        domains: by name.
        validation: share of the documents that was held back.
        filter: how training documents were chosen, and what that left; None where all are read.
    """

    folder: Path
    digest: str
    tokenizer: str
    vocab: int
    domains: Mapping[str, Domain]
    validation: float = 0.0
    filter: Mapping[str, Any] | None = None

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

    def columns(self, names: Sequence[str]) -> dict[str, Any]:
        """What a row of the runs table says of these domains: hash, documents, bytes, licence."""
        read = [self.domains[name] for name in names]
        return {
            "dataset": f"corpus {self.digest}",
            # Corpora of older versions do not say it.
            "dataset_documents": sum(domain.train_documents for domain in read) or None,
            "dataset_bytes": sum(domain.train_bytes for domain in read),
            "dataset_licence": "; ".join(dict.fromkeys(domain.licence for domain in read)),
        }

    def to_dict(self) -> dict[str, Any]:
        """The card of the corpus, the document ``isoloss.corpus``."""
        return envelope("corpus") | {
            "digest": self.digest,
            "tokenizer": self.tokenizer,
            "vocab": self.vocab,
            "validation": self.validation,
            "domains": {name: asdict(domain) for name, domain in self.domains.items()},
            "filter": self.filter,
        }

    def summary(self) -> str:
        """A few lines on every domain, and on the filter."""
        lines = [
            f"corpus {self.digest}: {self.tokenizer}, {self.vocab} tokens in the vocabulary, "
            f"{self.validation:.0%} of the documents held back"
        ]
        for name, domain in self.domains.items():
            ratio = f", {self.bytes_per_token(name):.2f} bytes a token"
            lines += [
                f"  {name}: {domain.documents:,} documents",
                f"    training    {_amounts(domain.train_documents, domain.train_bytes)}, "
                f"{domain.train_tokens:,} tokens",
                f"    validation  {_amounts(domain.valid_documents, domain.valid_bytes)}, "
                f"{domain.valid_tokens:,} tokens{ratio if self.tokenizer != 'bytes' else ''}",
            ]
            for one in domain.origins:
                told = "; ".join(part for part in (one.what, one.edition, one.note) if part)
                lines.append(f"    from {one.source} ({told}), licence: {one.licence}")
        return "\n".join([*lines, *self._filter_lines()])

    def _filter_lines(self) -> list[str]:
        if self.filter is None:
            return []
        found = self.filter
        lines = [
            f"  filter: perplexity under a model of {found['reference']} ({found['shape']}, "
            f"{found['steps']} steps, seed {found['seed']}), "
            f"{found['reference_loss']:.3f} nats/byte on its own validation set"
        ]
        for name, kept in found["domains"].items():
            low, high = kept["nats_per_byte"]
            lines.append(
                f"    {name}: kept {kept['kept_documents']:,} of {kept['documents']:,} documents, "
                f"{kept['kept_bytes']:,} of {kept['bytes']:,} bytes, "
                f"{low:.3f} to {high:.3f} nats/byte"
            )
        return lines


def _amounts(documents: int, count: int) -> str:
    return f"{documents:,} documents, {count:,} bytes"


def open_corpus(folder: str | Path) -> Corpus:
    """A corpus that was built before.

    Raises:
        InputError: there is none, or a file of it is missing or of another length.
    """
    home = Path(folder)
    try:
        card = json.loads((home / CARD).read_text(encoding="utf-8"))
        domains = {name: _domain(values) for name, values in card["domains"].items()}
        corpus = Corpus(
            home,
            card["digest"],
            card["tokenizer"],
            card["vocab"],
            domains,
            card.get("validation", 0.0),
            card.get("filter"),
        )
        for name, domain in domains.items():
            for part, count in (("train", domain.train_tokens), ("valid", domain.valid_tokens)):
                if len(corpus.tokens(name, part)) != count:
                    raise ValueError(f"{name}.{part}.bin is not whole")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"this is no usable corpus ({error}).",
            code="bad_corpus",
            where=Where(file=str(home)),
            hint="Remove the folder; it is built again when it is needed.",
        ) from None
    return corpus


def _domain(values: Mapping[str, Any]) -> Domain:
    origins = tuple(Origin(**one) for one in values.get("origins", ()))
    known: dict[str, Any] = {**values, "origins": origins}
    return Domain(**known)


@dataclass(frozen=True)
class Split:
    """The documents of a domain, apart.

    Attributes:
        pieces: where they wait.
        train: for training, in the order of their hashes.
        valid: for validation.
        origins: where they came from.
    """

    pieces: Pieces
    train: Sequence[Piece]
    valid: Sequence[Piece]
    origins: tuple[Origin, ...]


def write_domain(name: str, split: Split, codec: Tokenizer, home: Path, digest: Digest) -> Domain:
    """Write the tokens of a domain, a few megabytes at a time, and add them to a hash."""
    tokens: dict[str, int] = {}
    for part, chosen in (("train", split.train), ("valid", split.valid)):
        digest.update(f"{name}.{part}".encode())
        tokens[part] = 0
        with (home / f"{name}.{part}.bin").open("wb") as file:
            for batch in split.pieces.read(chosen):
                coded = codec.encode([text.decode("utf-8") for text in batch])
                data = coded.tobytes()
                digest.update(data)
                file.write(data)
                tokens[part] += len(coded)
    return Domain(
        name=name,
        source=" + ".join(one.source for one in split.origins),
        licence="; ".join(dict.fromkeys(one.licence for one in split.origins)),
        documents=sum(one.documents for one in split.origins),
        train_bytes=_length(split.train),
        valid_bytes=_length(split.valid),
        train_tokens=tokens["train"],
        valid_tokens=tokens["valid"],
        train_documents=len(split.train),
        valid_documents=len(split.valid),
        origins=split.origins,
    )


def _length(pieces: Sequence[Piece]) -> int:
    # A separator follows every document.
    return sum(piece.size + 1 for piece in pieces)
