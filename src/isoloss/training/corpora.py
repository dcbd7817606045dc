"""What do the models read? Texts turned into tokens once, split by document, kept on disk.

A document goes to validation or training by a hash of its text, never by its place, so that a
source that grows keeps its split and a duplicate never stands on both sides.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from isoloss.atomic import write_text
from isoloss.document import dumps
from isoloss.errors import InputError, Where
from isoloss.training.filtering import Filter, filtered
from isoloss.training.pieces import Piece, Pieces
from isoloss.training.shards import (
    CARD,
    Corpus,
    Domain,
    Origin,
    Split,
    Tokens,
    open_corpus,
    write_domain,
)
from isoloss.training.sources import find_source
from isoloss.training.tokenizers import make_tokenizer

__all__ = ["CARD", "Corpus", "Domain", "Sources", "Tokens", "build_corpus", "open_corpus"]

Sources = Mapping[str, str | Sequence[str]]
"""Domain -> its source, or several; see `isoloss.training.sources`."""

VALIDATION_SHARE = 0.03
LONGEST_DOCUMENT = 1 << 16  # longer texts are cut, so that one book is not all of validation
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


def build_corpus(
    sources: Sources,
    folder: str | Path,
    *,
    tokenizer: str = "bytes",
    validation: float = VALIDATION_SHARE,
    keep: Filter | None = None,
) -> Corpus:
    """The corpus of these sources, built in a folder, or opened where it is there already.

    Args:
        sources: domain -> source or sources.
        folder: where corpora are kept; the corpus gets a folder of its own inside.
        tokenizer: ``bytes``, or ``bpe-N`` for a byte-pair encoding of N tokens trained on it.
        validation: share of the documents that is held back.
        keep: which training documents are kept, by perplexity; all by default. Validation is
            never filtered, so that corpora with and without a filter compare.

    Raises:
        InputError: a source cannot be read, or leaves nothing on one side of the split.
    """
    for name in sources:
        if not _NAME.fullmatch(name):
            raise InputError(
                f'found "{name[:60]}" where the name of a domain is expected: '
                "letters, digits, _ and -.",
                code="bad_spec",
                where=Where(field="sources"),
            )
    lists = {name: [one] if isinstance(one, str) else list(one) for name, one in sources.items()}
    plain = {name: many if len(many) != 1 else many[0] for name, many in lists.items()}
    wanted = {"sources": plain, "tokenizer": tokenizer, "validation": validation}
    if keep is not None:
        wanted["filter"] = keep.to_dict()
    key = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:12]
    home = Path(folder) / key
    if (home / CARD).exists():
        return open_corpus(home)
    building = Path(folder) / f".building-{key}"
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir(parents=True)
        with ExitStack() as waiting:
            corpus = _build(lists, building, tokenizer, validation, keep, waiting)
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


def _build(
    sources: Mapping[str, Sequence[str]],
    home: Path,
    tokenizer: str,
    validation: float,
    keep: Filter | None,
    waiting: ExitStack,
) -> Corpus:
    def apart(name: str, many: Sequence[str]) -> Split:
        pieces = waiting.enter_context(Pieces(home / f"{name}.pieces"))
        return _apart(many, pieces, validation)

    splits = {name: apart(name, many) for name, many in sources.items()}
    digest = hashlib.sha256(f"{tokenizer} {validation}".encode())
    report = None
    if keep is not None:
        reference = splits.get(keep.reference) or apart("reference.", [keep.reference])
        splits, report = filtered(splits, reference, keep, home)
        digest.update(json.dumps(keep.to_dict(), sort_keys=True).encode())
    codec = make_tokenizer(tokenizer, _training_texts(splits.values()))
    codec.save(home)
    domains = {
        name: write_domain(name, splits[name], codec, home, digest) for name in sorted(splits)
    }
    found = digest.hexdigest()[:16]
    return Corpus(home, found, codec.name, codec.vocab, domains, validation, report)


def _training_texts(splits: Iterable[Split]) -> Iterator[str]:
    for split in splits:
        for batch in split.pieces.read(split.train):
            yield from (text.decode("utf-8") for text in batch)


def _apart(sources: Sequence[str], pieces: Pieces, validation: float) -> Split:
    """Distinct documents for training and validation, each in the order of their hashes."""
    origins = tuple(_gathered(source, pieces) for source in sources)
    train: list[Piece] = []
    valid: list[Piece] = []
    for piece in pieces.ordered():
        held_back = int(piece.key[:6].hex(), 16) / 16**12 >= 1.0 - validation
        (valid if held_back else train).append(piece)
    if not train or not valid:
        raise InputError(
            f"{len(train) + len(valid)} document(s) leave nothing for "
            f"{'training' if not train else 'validation'}.",
            code="small_corpus",
            where=Where(file=" + ".join(sources)),
            hint="Give more, or longer, documents.",
        )
    return Split(pieces, train, valid, origins)


def _gathered(name: str, pieces: Pieces) -> Origin:
    """Set the documents of a source aside, long ones cut."""
    source = find_source(name)
    documents = size = 0
    for text in source.read():
        # The separator of documents is no text.
        clean = text.replace("\0", " ")
        for start in range(0, len(clean), LONGEST_DOCUMENT):
            added = pieces.add(clean[start : start + LONGEST_DOCUMENT])
            documents += added > 0
            size += added
    return Origin(name, source.what, source.licence, source.edition, source.note, documents, size)
