"""Which tokens does a run see at each step? Settled by its specification alone, before it starts.

The training tokens of a domain are cut into windows of one context. Every epoch visits each window
once, in an order of its own; a mixture draws the domain of every sequence by its share. Nothing is
remembered between steps, so a run resumes anywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.training.corpora import Corpus
from isoloss.training.spec import RunSpec

Ints = NDArray[np.int64]
_MIXTURE = 1
_ORDER = 2


class Reader:
    """The sequences of a run, step by step.

    Args:
        spec: the run.
        corpus: what it reads.

    Raises:
        InputError: a domain is not in the corpus, or too small for one sequence or for the unique
            tokens asked for.
    """

    def __init__(self, spec: RunSpec, corpus: Corpus) -> None:
        self._length = spec.model.seq_len
        self._batch = spec.pacing.batch_sequences
        mixture = dict(spec.data.mixture) or _by_size(corpus)
        self.domains = tuple(name for name, share in mixture.items() if share > 0)
        for name in self.domains:
            if name not in corpus.domains:
                raise InputError(
                    f'the corpus has no domain "{name}".',
                    code="unknown_domain",
                    where=Where(field="mixture"),
                    hint=f"It has {', '.join(corpus.domains)}.",
                )
        self._tokens = [corpus.tokens(name, "train") for name in self.domains]
        shares = np.array([mixture[name] for name in self.domains])
        shares = shares / shares.sum()
        limits = [
            _windows(len(tokens), self._length, float(share) * spec.data.unique_tokens, name)
            for tokens, share, name in zip(self._tokens, shares, self.domains, strict=True)
        ]
        self.unique_tokens = int(sum(limits)) * self._length
        count = spec.pacing.steps * self._batch
        rng = np.random.default_rng([spec.seed, _MIXTURE])
        self._domain = rng.choice(len(self.domains), size=count, p=shares).astype(np.int16)
        self._window = np.empty(count, dtype=np.int64)
        for k, limit in enumerate(limits):
            mine = np.flatnonzero(self._domain == k)
            self._window[mine] = _visits(len(mine), limit, (spec.seed, _ORDER, k))
        used = [np.unique(self._window[self._domain == k]).size for k in range(len(limits))]
        self.seen_tokens = int(sum(used)) * self._length

    def batch(self, step: int) -> Ints:
        """The sequences of a step, each with the token after it: (batch, T + 1)."""
        rows = range(step * self._batch, (step + 1) * self._batch)
        out = np.empty((self._batch, self._length + 1), dtype=np.int64)
        for i, row in enumerate(rows):
            start = int(self._window[row]) * self._length
            out[i] = self._tokens[int(self._domain[row])][start : start + self._length + 1]
        return out


def validation_windows(corpus: Corpus, domain: str, length: int) -> Ints:
    """All of a domain's validation tokens as windows (count, T + 1).

    Raises:
        InputError: there is not one whole window.
    """
    tokens = corpus.tokens(domain, "valid")
    count = _windows(len(tokens), length, 0.0, domain)
    starts = np.arange(count)[:, None] * length
    return np.asarray(tokens)[starts + np.arange(length + 1)].astype(np.int64)


def _by_size(corpus: Corpus) -> dict[str, float]:
    total = sum(domain.train_tokens for domain in corpus.domains.values())
    return {name: domain.train_tokens / total for name, domain in corpus.domains.items()}


def _windows(tokens: int, length: int, unique: float, domain: str) -> int:
    """How many windows are used: all, or as many as hold the unique tokens asked for."""
    there = (tokens - 1) // length
    wanted = max(1, round(unique / length)) if unique else there
    if wanted > there or there < 1:
        raise InputError(
            f"the domain {domain} has {there * length:,} tokens in whole sequences, "
            f"where {max(wanted, 1) * length:,} are expected.",
            code="small_corpus",
            where=Where(field="unique_tokens" if unique else "seq_len"),
            hint="Ask for fewer unique tokens or a shorter context, or add texts.",
        )
    return wanted


def _visits(count: int, windows: int, seed: tuple[int, ...]) -> Ints:
    """The windows visited, one whole epoch after the other, each in an order of its own."""
    epochs = -(-count // windows)
    orders = [np.random.default_rng([*seed, epoch]).permutation(windows) for epoch in range(epochs)]
    return np.concatenate([np.empty(0, dtype=np.int64), *orders])[:count]
