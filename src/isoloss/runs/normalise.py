"""Which column of the input is which? Names become canonical, values become numbers."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from isoloss.errors import InputError
from isoloss.runs.columns import (
    AMBIGUOUS_BATCH,
    BITS_PER_BYTE,
    BY_NAME,
    COLUMNS,
    LAST_RESORT,
    WEAK_ALIASES,
    canonical_name,
    normalise_name,
)
from isoloss.runs.conventions import PARAM_COLUMNS, PARAM_COUNTS
from isoloss.runs.grading import FINISHED, UNFINISHED, Problem
from isoloss.runs.readers import ROW, RawTable
from isoloss.runs.request import Request
from isoloss.runs.values import read_values


@dataclass(frozen=True)
class Mapped:
    """One table in canonical columns.

    Attributes:
        frame: `ROW`, the canonical columns found, then the user's own.
        provenance: canonical column -> ``given``, or ``assumed:<rule>`` where its name is unclear.
        notes: what the user should know about the mapping.
    """

    frame: pl.DataFrame
    provenance: dict[str, str]
    notes: tuple[Problem, ...]


def normalise(table: RawTable, request: Request) -> Mapped:
    """The table in canonical columns.

    Raises:
        InputError: two columns claim one meaning, or a value cannot be read.
    """
    sources, notes = match_columns(table, request)
    read: dict[str, pl.Series] = {}
    # In a table that isoloss wrote, counts are plain counts, however small.
    as_written = 1.0 if {"n_convention", "provenance"} <= set(table.columns) else None
    for column in COLUMNS:
        source = sources.get(column.name)
        if source is None:
            continue
        scale = request.scale.get(column.name, request.scale.get(source, as_written))
        chosen = source in request.columns or source in (request.n, request.loss)
        try:
            series = read_values(table, source, column, scale)
        except InputError as error:
            if column.core or chosen:
                raise
            notes.append(
                Problem(
                    "unused_column",
                    "warning",
                    f'column "{source}" is not used as {column.name}: {error.message}',
                )
            )
            series = None
        # An empty column says nothing, except that no run has a loss.
        if series is None or (series.null_count() == len(series) and column.name != "loss"):
            del sources[column.name]
        else:
            read[column.name] = series
    if normalise_name(sources.get("loss", "")) in BITS_PER_BYTE and "loss_unit" not in read:
        unit = request.loss_unit or "bits/byte"
        read["loss_unit"] = pl.Series("loss_unit", [unit]).new_from_index(0, table.frame.height)
    provenance = dict.fromkeys(read, "given")
    batch = sources.get("batch_sequences")
    said = batch in request.columns  # the user has said what it counts
    if batch is not None and not said and normalise_name(batch) in AMBIGUOUS_BATCH:
        _tell_batch(batch, sources, read, provenance, notes)
    own = _own_columns(table, sources)
    frame = pl.DataFrame([table.frame[ROW], *read.values(), *own])
    return Mapped(frame, provenance, tuple(notes))


def _tell_batch(
    batch: str,
    sources: dict[str, str],
    read: dict[str, pl.Series],
    provenance: dict[str, str],
    notes: list[Problem],
) -> None:
    """Does a column called ``batch_size`` count tokens or sequences? Steps and tokens tell."""
    if "batch_tokens" not in read and "steps" in read and "tokens" in read:
        ratio = (read["tokens"] / (read["steps"] * read["batch_sequences"])).drop_nulls()
        if len(ratio) and (ratio - 1).abs().le(0.02).all():
            read["batch_tokens"] = read.pop("batch_sequences").alias("batch_tokens")
            sources["batch_tokens"] = sources.pop("batch_sequences")
            provenance["batch_tokens"] = provenance.pop("batch_sequences")
            return
    provenance["batch_sequences"] = "assumed:sequences"
    notes.append(
        Problem(
            "ambiguous_batch",
            "info",
            f'column "{batch}" is read as sequences, not tokens; if it holds tokens, '
            f"pass --map {batch}=batch_tokens",
        )
    )


def match_columns(table: RawTable, request: Request) -> tuple[dict[str, str], list[Problem]]:
    """Canonical column -> column of the input.

    The user's choices come first, then canonical names, then aliases; everyday words (``data``,
    ``size``) count only where the values are numbers.

    Raises:
        InputError: two columns of equal standing claim one meaning.
    """
    sources = _chosen(table, request)
    taken = set(sources.values())
    claims: dict[str, dict[int, list[str]]] = {}
    for name in table.columns:
        canonical = canonical_name(name)
        if canonical is None or canonical in sources or name in taken:
            continue
        standing = _standing(name, canonical, table)
        if standing is not None:
            claims.setdefault(canonical, {}).setdefault(standing, []).append(name)
    notes: list[Problem] = []
    for canonical, by_standing in claims.items():
        best, *others = (by_standing[standing] for standing in sorted(by_standing))
        if len(best) > 1:
            raise _two_claims(canonical, best, table)
        sources[canonical] = best[0]
        spare = [name for names in others for name in names]
        if spare and BY_NAME[canonical].core:
            notes.append(_spare_columns(canonical, best[0], spare))
    if normalise_name(sources.get("loss", "")) in LAST_RESORT:
        notes.append(
            Problem(
                "training_loss",
                "warning",
                f'the only loss is "{sources["loss"]}", a training loss: noisy, and lower than '
                "on new text where data repeat",
            )
        )
    return sources, notes


def _chosen(table: RawTable, request: Request) -> dict[str, str]:
    """What the user decided: ``columns``, ``n`` and ``loss``."""
    sources: dict[str, str] = {}
    for name, target in request.columns.items():
        canonical = canonical_name(target)
        if canonical is None or name not in table.columns:
            continue
        if canonical in sources:
            raise _two_claims(canonical, [sources[canonical], name], table)
        sources[canonical] = name
    if request.loss is not None and request.loss in table.columns:
        sources["loss"] = request.loss
    if request.n is not None and request.n in table.columns and request.n not in PARAM_COUNTS:
        canonical = canonical_name(request.n)
        sources[canonical if canonical in PARAM_COLUMNS else "params"] = request.n
    return sources


def _standing(name: str, canonical: str, table: RawTable) -> int | None:
    """How well a name claims a canonical column, 0 best; None where it does not."""
    normal = normalise_name(name)
    if canonical == "status":
        words = table.frame[name].cast(pl.String, strict=False).str.to_lowercase().drop_nulls()
        return 0 if words.is_in([*FINISHED, *UNFINISHED]).all() else None
    if name == canonical:
        return 0
    if normal == canonical:
        return 1
    if normal in WEAK_ALIASES:
        return 3 if table.frame[name].dtype.is_numeric() else None
    return 4 if normal in LAST_RESORT else 2


def _own_columns(table: RawTable, sources: dict[str, str]) -> list[pl.Series]:
    """The user's columns, renamed only where a canonical column needs the name."""
    own: list[pl.Series] = []
    for name in table.columns:
        if sources.get(name) == name:
            continue
        # An empty column with a canonical name has nothing to keep.
        if name in BY_NAME and table.frame[name].is_null().all():
            continue
        free = name
        while free in BY_NAME or (free != name and free in table.columns):
            free += "_input"
        own.append(table.frame[name].alias(free))
    return own


def _two_claims(canonical: str, names: list[str], table: RawTable) -> InputError:
    both = " and ".join(f'"{name}"' for name in names)
    flag = {"loss": f"--loss {names[0]}", "params": f"--n {names[0]}"}.get(
        canonical, f"--map {names[0]}={canonical}"
    )
    return InputError(
        f"columns {both} can both be {canonical} ({BY_NAME[canonical].meaning}).",
        code="ambiguous_column",
        where=table.where(field=names[0]),
        hint=f'Choose one: {flag} (in Python: columns={{"{names[0]}": "{canonical}"}}).',
    )


def _spare_columns(canonical: str, used: str, spare: list[str]) -> Problem:
    listed = ", ".join(spare)
    flag = "--loss" if canonical == "loss" else "--map"
    return Problem(
        "other_candidates",
        "info",
        f'{canonical} is read from "{used}"; {listed} could also be it: choose with {flag}',
    )
