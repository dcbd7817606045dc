"""Tables of steps to a target and of gradient norms, read like tables of runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.planning.settings.amounts import LARGEST, SMALLEST, amount

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]

# Steps times batch may differ from tokens by the last, smaller batch and by rounding.
TOLERANCE = 0.02
_TARGETS = ("target", "loss")
# Column -> whether its norms are squared already.
_NORMS = {"grad_norm": False, "gradient_norm": False, "grad_norm_sq": True}


@dataclass(frozen=True)
class StepsTable:
    """Steps to a target per run.

    Attributes:
        targets: what each run reached, for people; empty text where the table does not say.
        batch_tokens: its batch.
        steps: what it took.
        data_hash: SHA-256 of the numbers, whatever the order of rows.
    """

    targets: tuple[str, ...]
    batch_tokens: Array
    steps: Array
    data_hash: str

    def parts(self) -> dict[str, tuple[Array, Array]]:
        """Target -> batches and steps, in order of appearance."""
        found: dict[str, tuple[Array, Array]] = {}
        for target in dict.fromkeys(self.targets):
            chosen = np.array([one == target for one in self.targets])
            found[target] = self.batch_tokens[chosen], self.steps[chosen]
        return found


def read_steps(
    source: object,
    *,
    seq_len: float | None = None,
    columns: Mapping[str, str] | None = None,
    scale: Mapping[str, float] | None = None,
) -> StepsTable:
    """A table with a batch, steps (or tokens) and perhaps a target or loss per row.

    Args:
        source: a path or a table in memory.
        seq_len: tokens per sequence, where batches are in sequences and the table does not say.
        columns: name in the table -> canonical name.
        scale: name -> factor.

    Raises:
        InputError: it cannot be read, a column is missing, or steps times batch are not tokens.
    """
    frame, label = _read(source, columns or {}, scale or {})
    batch = _batches(frame, label, seq_len)
    steps = _numbers(frame, "steps", label)
    tokens = _numbers(frame, "tokens", label)
    if steps is None and tokens is None:
        raise _no_column("steps", "the steps to the target", frame, label)
    if steps is None:
        assert tokens is not None
        steps = tokens / batch
    elif tokens is not None:
        _require_agreement(steps, batch, tokens, label)
    name = next((one for one in _TARGETS if one in frame.columns), None)
    targets = ("",) * frame.height
    if name is not None:
        targets = tuple(_named(name, value) for value in frame[name].to_list())
    rows = sorted(zip(targets, batch.tolist(), steps.tolist(), strict=True))
    digest = hashlib.sha256("\n".join(map(repr, rows)).encode()).hexdigest()
    return StepsTable(targets, batch, steps, digest)


def read_norms(
    source: object,
    *,
    seq_len: float | None = None,
    columns: Mapping[str, str] | None = None,
    scale: Mapping[str, float] | None = None,
) -> tuple[float, float, Array, Array, str]:
    """A table with a batch and a gradient norm per row, at two different batches.

    Returns:
        The smaller and the larger batch in tokens, squared norms at each, and the data hash.

    Raises:
        InputError: it cannot be read, a column is missing, or there are not two batches.
    """
    frame, label = _read(source, columns or {}, scale or {})
    batch = _batches(frame, label, seq_len)
    name = next((one for one in _NORMS if one in frame.columns), None)
    if name is None:
        raise _no_column("grad_norm", "the gradient norm (or grad_norm_sq)", frame, label)
    norms = _numbers(frame, name, label)
    assert norms is not None
    squared = norms if _NORMS[name] else norms**2
    sizes = np.unique(batch)
    if len(sizes) != 2:
        raise InputError(
            f"found {len(sizes)} different batches where two are expected.",
            code="not_two_batches",
            where=Where(file=label, field="batch_tokens"),
            hint="Measure norms at one small and one large batch, at the same weights; with more, "
            "keep the smallest and the largest.",
        )
    rows = sorted(zip(batch.tolist(), squared.tolist(), strict=True))
    digest = hashlib.sha256("\n".join(map(repr, rows)).encode()).hexdigest()
    small, big = (squared[batch == size] for size in sizes)
    return float(sizes[0]), float(sizes[1]), small, big, digest


def _read(
    source: object, columns: Mapping[str, str], scale: Mapping[str, float]
) -> tuple[pl.DataFrame, str]:
    import polars as pl

    from isoloss.runs.columns import canonical_name
    from isoloss.runs.normalise import normalise
    from isoloss.runs.readers import read_source
    from isoloss.runs.request import Request

    own = {name: to for name, to in columns.items() if to in (*_TARGETS[:1], *_NORMS)}
    tables = read_source(source)
    # Steps that cannot be read are an error here, not a note: so their column counts as chosen.
    chosen = {
        name: "steps"
        for table in tables
        for name in table.columns
        if canonical_name(name) == "steps" and "steps" not in columns.values()
    }
    chosen |= {name: to for name, to in columns.items() if name not in own}
    request = Request(columns=chosen, scale=dict(scale))
    request.check_names(list(dict.fromkeys(n for t in tables for n in t.columns)), tables[0].label)
    frames = [normalise(table, request).frame.rename(own, strict=False) for table in tables]
    frame = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")
    return frame, tables[0].label


def _batches(frame: pl.DataFrame, label: str, seq_len: float | None) -> Array:
    batch = _numbers(frame, "batch_tokens", label)
    if batch is not None:
        return batch
    sequences = _numbers(frame, "batch_sequences", label)
    if sequences is None:
        raise _no_column("batch_tokens", "the batch in tokens", frame, label)
    length = _numbers(frame, "seq_len", label)
    if length is not None:
        return sequences * length
    if seq_len is None:
        raise InputError(
            "the batch is in sequences, and how long they are is not said.",
            code="missing_column",
            where=Where(file=label, field="seq_len"),
            hint="Give --seq 2048 (in Python: seq_len=2048), or a column batch_tokens.",
        )
    return sequences * float(seq_len)


def _numbers(frame: pl.DataFrame, name: str, label: str) -> Array | None:
    """A column as positive numbers without gaps; None where there is none."""
    import polars as pl

    from isoloss.runs.readers import ROW

    if name not in frame.columns:
        return None
    series = frame[name].cast(pl.Float64, strict=False)
    usable = series.is_between(SMALLEST, LARGEST).fill_null(False)
    if not usable.all():
        bad = frame.filter(~usable)
        raise InputError(
            f'found "{bad[name][0]}" where a positive number is expected.',
            code="bad_value",
            where=Where(file=label, row=int(bad[ROW][0]), field=name),
            hint="Fill it in, or leave the row out: a run that did not reach the target says "
            "nothing here.",
        )
    return np.asarray(series.to_numpy(), dtype=np.float64)


def _require_agreement(steps: Array, batch: Array, tokens: Array, label: str) -> None:
    off = np.abs(steps * batch / tokens - 1.0)
    row = int(np.argmax(off))
    if off[row] > TOLERANCE:
        raise InputError(
            f"{steps[row]:g} steps of {batch[row]:g} tokens are {steps[row] * batch[row]:.4g} "
            f"tokens, but the table says {tokens[row]:.4g}.",
            code="inconsistent_tokens",
            where=Where(file=label, row=row + 1, field="tokens"),
            hint="Is the batch in sequences? Then call the column batch_sequences and give --seq.",
        )


def _named(name: str, value: object) -> str:
    """A target in words."""
    if value is None:
        return ""
    shown = f"{value:g}" if isinstance(value, int | float) else str(value)
    return f"loss {shown}" if name == "loss" else shown


def _no_column(name: str, meaning: str, frame: pl.DataFrame, label: str) -> InputError:
    from isoloss.runs.readers import ROW

    names = ", ".join(one for one in frame.columns[:40] if one != ROW)
    return InputError(
        f"no column gives {meaning}.",
        code="missing_column",
        where=Where(file=label, field=name),
        hint=f"Columns are: {names}. Say which one is it with --map NAME={name}.",
    )


def positive(value: float | str | None, field: str) -> float | None:
    """A positive amount, or None.

    Raises:
        InputError: it is not one.
    """
    return None if value is None else amount(value, field)
