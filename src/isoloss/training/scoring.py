"""How likely is a document? The mean loss of a small reference model on its bytes."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.training.filtering import Filter
from isoloss.training.pieces import Piece, Pieces
from isoloss.training.shards import Corpus, Split, write_domain
from isoloss.training.spec import Data, Model, Pacing, RunSpec
from isoloss.training.tokenizers import SEPARATOR, Bytes
from isoloss.training.trainer import Trainer

REFERENCE = "reference"
WINDOWS = 256  # scored at a time
SHAPE = re.compile(r"(\d+)x(\d+)")


@dataclass(frozen=True)
class ReferenceModel:
    """A small model of good text.

    Attributes:
        trainer: that holds it.
        loss: on the validation set of its own texts, nats per byte.
        standard_error: of that loss.
    """

    trainer: Trainer
    loss: float
    standard_error: float

    def scores(self, pieces: Pieces, wanted: Sequence[Piece]) -> NDArray[np.float64]:
        """Mean loss of each of these documents (n,), nats per byte."""
        found = [np.empty(0)]
        with _one_thread():
            for batch in pieces.read(wanted):
                found.append(self._scores(batch))
        return np.concatenate(found)

    def _scores(self, texts: Sequence[bytes]) -> NDArray[np.float64]:
        """Every byte is predicted once, from those before it in its window of one context."""
        length = self.trainer.specs[0].model.seq_len
        windows, lengths, owners = _windows(texts, length)
        each = np.empty((len(windows), length))
        for start in range(0, len(windows), WINDOWS):
            chunk = self.trainer.token_losses(windows[start : start + WINDOWS].astype(np.int64))
            each[start : start + WINDOWS] = chunk[0]
        real = np.arange(length) < lengths[:, None]
        sums = np.bincount(owners, weights=(each * real).sum(axis=1), minlength=len(texts))
        return sums / np.array([len(text) for text in texts])


def reference_model(reference: Split, wanted: Filter, home: Path) -> ReferenceModel:
    """Train the reference model of a filter on bytes; the same settings give the same digits.

    Raises:
        InputError: the shape cannot be used, the texts are too few, or the model diverged.
    """
    shape = SHAPE.fullmatch(wanted.shape)
    if shape is None:
        raise InputError(
            f'found "{wanted.shape[:60]}" where a shape such as 32x2 (width x layers) is expected.',
            code="bad_spec",
            where=Where(field="corpus.filter.shape"),
        )
    inside = home / REFERENCE
    inside.mkdir()
    digest = hashlib.sha256()
    domain = write_domain(REFERENCE, reference, Bytes(), inside, digest)
    name = digest.hexdigest()[:16]
    corpus = Corpus(inside, name, "bytes", 256, {REFERENCE: domain})
    spec = RunSpec(
        model=Model(d_model=int(shape[1]), n_layers=int(shape[2])),
        pacing=Pacing(steps=wanted.steps),
        data=Data(corpus=name),
        seed=wanted.seed,
    )
    with _one_thread():
        trainer = Trainer([spec], corpus)
        trainer.advance(wanted.steps)
        if trainer.diverged.any():
            raise InputError(
                f"the reference model diverged at step {int(trainer.left_at[0])}.",
                code="diverged",
                where=Where(field="corpus.filter"),
                hint="Choose another shape, seed or number of steps.",
            )
        measured = trainer.evaluate(REFERENCE)[0]
    shutil.rmtree(inside)
    return ReferenceModel(trainer, measured.loss, measured.standard_error)


def _windows(
    texts: Sequence[bytes], length: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """All texts as windows (W, T + 1), padded; how many targets of each are real; whose it is."""
    counts = np.array([-(-len(text) // length) for text in texts])
    windows = np.full((int(counts.sum()), length + 1), SEPARATOR, dtype=np.uint8)
    lengths = np.full(len(windows), length, dtype=np.int64)
    row = 0
    for text, count in zip(texts, counts, strict=True):
        padded = np.zeros(count * length + 1, dtype=np.uint8)
        padded[1 : len(text) + 1] = np.frombuffer(text, dtype=np.uint8)
        starts = np.arange(count)[:, None] * length
        windows[row : row + count] = padded[starts + np.arange(length + 1)]
        row += count
        lengths[row - 1] = len(text) - (count - 1) * length
    return windows, lengths, np.repeat(np.arange(len(texts)), counts)


@contextmanager
def _one_thread() -> Generator[None, None, None]:
    """The order of sums, and so the last digit, depends on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
