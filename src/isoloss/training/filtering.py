"""Which documents are worth reading? Those that a small model of good text finds likely.

A reference model is trained on one domain or source; each training document of the other domains
is scored by its mean loss under that model, in nats per byte, and a share of the bytes is kept,
from the lowest perplexity up (Wenzek et al. 2020, arXiv 1911.00359) or a band of it (Marion et al.
2023, arXiv 2309.04564). What is kept follows from the settings and the documents alone.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.atomic import replacing
from isoloss.errors import InputError, Where
from isoloss.training.shards import Split

SCORES = "filter.parquet"
_FIELDS = ("reference", "keep", "domains", "shape", "steps", "seed")
_BEGINNING = 60  # characters of each document that its scores show


@dataclass(frozen=True)
class Filter:
    """Which training documents are kept.

    Attributes:
        reference: the domain, or any other source, whose texts are the good ones.
        keep: which part of the bytes, ranked by perplexity: (0, 0.5) is the lower half.
        domains: which are filtered; empty for all but the reference.
        shape: of the reference model, width x layers.
        steps: it is trained for, 512 bytes each.
        seed: of its weights and the order of its data.
    """

    reference: str
    keep: tuple[float, float]
    domains: tuple[str, ...] = ()
    shape: str = "32x2"
    steps: int = 500
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """All that determines what is kept."""
        return asdict(self) | {"keep": list(self.keep), "domains": list(self.domains)}


def parse_filter(table: Mapping[str, Any]) -> Filter:
    """The filter of a table ``[corpus.filter]``.

    Raises:
        InputError: a field is unknown, missing or unusable.
    """
    for name in table:
        if name not in _FIELDS:
            raise _bad(name[:60], name[:60], f"one of {', '.join(_FIELDS)}")
    reference, domains = table.get("reference"), table.get("domains", [])
    if not isinstance(reference, str) or not reference:
        raise _bad("reference", reference, 'a domain or a source of good texts, such as "sotu"')
    if not isinstance(domains, list) or not all(
        isinstance(one, str) for one in cast("list[Any]", domains)
    ):
        raise _bad("domains", domains, 'a list of domains, such as ["web"]')
    shape, steps, seed = table.get("shape", "32x2"), table.get("steps", 500), table.get("seed", 0)
    if not isinstance(shape, str):
        raise _bad("shape", shape, "a shape such as 32x2 (width x layers)")
    for name, value, least in (("steps", steps, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise _bad(name, value, f"a whole number of at least {least}")
    return Filter(
        reference,
        _band(table.get("keep")),
        tuple(sorted(cast("list[str]", domains))),
        shape,
        steps,
        seed,
    )


def _band(found: Any) -> tuple[float, float]:
    """``0.5`` for the lower half, ``[0.1, 0.6]`` for a band."""
    pair = cast("list[Any]", found) if isinstance(found, list) else [0.0, found]
    numbers = [
        float(one) for one in pair if isinstance(one, int | float) and not isinstance(one, bool)
    ]
    if len(pair) != 2 or len(numbers) != 2 or not 0 <= numbers[0] < numbers[1] <= 1:
        raise _bad("keep", found, "a share such as 0.5, or a band such as [0.1, 0.6]")
    return numbers[0], numbers[1]


def _bad(name: str, found: Any, expected: str) -> InputError:
    return InputError(
        f"found {found!r} where {expected} is expected.",
        code="bad_spec",
        where=Where(field=f"corpus.filter.{name}"),
    )


def filtered(
    splits: Mapping[str, Split], reference: Split, wanted: Filter, home: Path
) -> tuple[dict[str, Split], dict[str, Any]]:
    """The domains with what is kept for training, and what the card says of it.

    Args:
        splits: all domains.
        reference: what the model is trained on; its validation documents measure it.
        wanted: the filter.
        home: the folder of the corpus; every score is written there.

    Raises:
        InputError: a domain is unknown, the reference model diverged, or PyTorch is missing.
    """
    names = wanted.domains or tuple(name for name in splits if name != wanted.reference)
    for name in names or (wanted.reference,):
        if name not in splits:
            raise InputError(
                f'the corpus has no domain "{name[:60]}".',
                code="unknown_domain",
                where=Where(field="corpus.filter.domains"),
                hint=f"It has {', '.join(splits)}.",
            )
    if importlib.util.find_spec("torch") is None:
        raise InputError(
            "filtering trains a reference model with PyTorch, which is not installed.",
            code="missing_package",
            where=Where(field="corpus.filter"),
            hint="pip install 'isoloss[train]'",
        )
    from isoloss.training.scoring import reference_model

    model = reference_model(reference, wanted, home)
    kept, told = dict(splits), dict[str, Any]()
    rows: list[dict[str, Any]] = []
    for name in names or (wanted.reference,):
        split = splits[name]
        scores = model.scores(split.pieces, split.train)
        sizes = np.array([piece.size for piece in split.train], dtype=np.int64)
        chosen = chosen_by_bytes(scores, sizes, wanted.keep)
        kept[name] = replace(split, train=list(compress(split.train, chosen)))
        told[name] = {
            "documents": len(sizes),
            "kept_documents": int(chosen.sum()),
            "bytes": int(sizes.sum()),
            "kept_bytes": int(sizes[chosen].sum()),
            "nats_per_byte": [float(scores[chosen].min()), float(scores[chosen].max())],
        }
        rows += _rows(name, split, scores, chosen)
    _write_scores(rows, home)
    return kept, wanted.to_dict() | {
        "reference_loss": model.loss,
        "reference_loss_se": model.standard_error,
        "domains": told,
    }


def chosen_by_bytes(
    scores: NDArray[np.float64], sizes: NDArray[np.int64], keep: tuple[float, float]
) -> NDArray[np.bool_]:
    """Which documents begin inside this part of the bytes, ranked by score; at least one.

    Args:
        scores: of the documents (n,), in the order of their hashes, which settles ties.
        sizes: their bytes (n,).
        keep: from which to which share of the bytes.
    """
    order = np.argsort(scores, kind="stable")
    before = np.cumsum(sizes[order]) - sizes[order]
    total = float(sizes.sum())
    inside = (before >= keep[0] * total) & (before < keep[1] * total)
    if not inside.any():
        # One document is longer than the whole band.
        inside[np.searchsorted(before, keep[0] * total, side="right") - 1] = True
    chosen = np.zeros(len(scores), dtype=bool)
    chosen[order[inside]] = True
    return chosen


def _rows(
    name: str, split: Split, scores: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    starts = (
        text[: 4 * _BEGINNING].decode("utf-8", "ignore")[:_BEGINNING]
        for batch in split.pieces.read(split.train)
        for text in batch
    )
    return [
        {
            "domain": name,
            "sha256": piece.key.hex(),
            "bytes": piece.size,
            "nats_per_byte": float(score),
            "kept": bool(kept),
            "begins": begins,
        }
        for piece, score, kept, begins in zip(split.train, scores, chosen, starts, strict=True)
    ]


def _write_scores(rows: Sequence[Mapping[str, Any]], home: Path) -> None:
    import polars as pl

    with replacing(home / SCORES) as temporary:
        pl.DataFrame(rows).write_parquet(temporary)
