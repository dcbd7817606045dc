"""What follows from the columns given? Everything derived or assumed says so in its provenance."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import polars as pl

from isoloss.errors import InputError
from isoloss.runs.architecture import Architecture
from isoloss.runs.conventions import PARAM_COLUMNS
from isoloss.runs.flops import flop_per_token

_ARCH_FIELDS = tuple(
    field.name for field in fields(Architecture) if field.name != "learned_positions"
)
_PER_TOKEN = "__flop_per_token__"


@dataclass
class Derivation:
    """A table while columns are added to it.

    Attributes:
        frame: canonical and own columns.
        provenance: canonical column -> ``given``, ``derived:<rule>`` or ``assumed:<rule>``.
    """

    frame: pl.DataFrame
    provenance: dict[str, str]

    def has(self, *names: str) -> bool:
        """Whether all of these columns are there."""
        return all(name in self.frame.columns for name in names)

    def add(self, name: str, values: pl.Expr, provenance: str) -> None:
        """Add a column, unless nothing follows in any row."""
        series = self.frame.select(values.cast(pl.Float64).alias(name)).to_series()
        if series.null_count() < len(series):
            self.frame = self.frame.with_columns(series)
            self.provenance[name] = provenance


def derive(
    frame: pl.DataFrame,
    provenance: dict[str, str],
    n_column: str | None = None,
    flop_convention: str = "palm",
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Add what follows from the columns of one table.

    Args:
        frame: canonical columns of one table, and the user's own.
        provenance: of the canonical columns that are there.
        n_column: the column that holds N; None takes the first of `PARAM_COLUMNS` that is there.
        flop_convention: how FLOP are counted from an architecture, where they are not given.

    Returns:
        the table with more columns, and the provenance of all canonical columns.
    """
    work = Derivation(frame, dict(provenance))
    shapes = _shapes(work, flop_convention)
    if not any(work.has(name) for name in ([n_column] if n_column else PARAM_COLUMNS)):
        _params(work, shapes)
    n = first_param_column(work.frame) if n_column is None else n_column
    _batch_and_tokens(work, n)
    _flop(work, shapes, n, flop_convention)
    if work.has("tokens", "unique_tokens") and not work.has("epochs"):
        work.add(
            "epochs", pl.col("tokens") / pl.col("unique_tokens"), "derived:tokens/unique_tokens"
        )
    if work.has("tokens", "epochs") and not work.has("unique_tokens"):
        unique = pl.col("tokens") / pl.max_horizontal("epochs", pl.lit(1.0))
        work.add("unique_tokens", unique, "derived:tokens/epochs")
    if work.has("lr", "lr_final") and not work.has("lr_final_frac"):
        work.add("lr_final_frac", pl.col("lr_final") / pl.col("lr"), "derived:lr_final/lr")
    return work.frame, work.provenance


def first_param_column(frame: pl.DataFrame) -> str | None:
    """The count that is N where the user chose none."""
    return next((name for name in PARAM_COLUMNS if name in frame.columns), None)


def _batch_and_tokens(work: Derivation, n: str | None) -> None:
    if work.has("batch_sequences", "seq_len") and not work.has("batch_tokens"):
        trust = work.provenance.get("batch_sequences", "given").split(":")[0]
        work.add(
            "batch_tokens",
            pl.col("batch_sequences") * pl.col("seq_len"),
            f"{'assumed' if trust == 'assumed' else 'derived'}:batch_sequences*seq_len",
        )
    if not work.has("tokens"):
        if work.has("steps", "batch_tokens"):
            product = pl.col("steps") * pl.col("batch_tokens")
            work.add("tokens", product, "derived:steps*batch_tokens")
        elif work.has("epochs", "unique_tokens"):
            product = pl.col("epochs") * pl.col("unique_tokens")
            work.add("tokens", product, "derived:epochs*unique_tokens")
        elif n is not None and work.has(n):
            flop = next((name for name in ("flop", "flop_budget") if work.has(name)), None)
            if flop is not None:
                work.add("tokens", pl.col(flop) / (6.0 * pl.col(n)), "assumed:6nd")
    if work.has("tokens", "batch_tokens") and not work.has("steps"):
        work.add("steps", pl.col("tokens") / pl.col("batch_tokens"), "derived:tokens/batch_tokens")


def _flop(work: Derivation, shapes: pl.DataFrame | None, n: str | None, convention: str) -> None:
    """FLOP where they are not given: counted from the shape, else the budget, else 6 N D."""
    candidates: list[tuple[pl.Series, str]] = []
    if shapes is not None and _PER_TOKEN in shapes.columns and work.has("tokens"):
        counted = _join(work.frame, shapes)[_PER_TOKEN] * work.frame["tokens"]
        candidates.append((counted, f"{_trust(work)}:{convention}"))
    if work.has("flop_budget"):
        candidates.append((work.frame["flop_budget"], "derived:flop_budget"))
    if n is not None and work.has(n, "tokens"):
        candidates.append((6.0 * work.frame[n] * work.frame["tokens"], "assumed:6nd"))
    n_rows = work.frame.height
    flop = work.frame["flop"] if work.has("flop") else pl.Series([None] * n_rows, dtype=pl.Float64)
    rules = [("given", n_rows - flop.null_count())]
    for values, rule in candidates:
        before = flop.null_count()
        flop = flop.fill_null(values)
        rules.append((rule, before - flop.null_count()))
    rules = [(rule, filled) for rule, filled in rules if filled]
    if rules:
        # The least certain rule comes first, because that is what a reader must know.
        *others, (last, filled) = rules
        kept = "".join(f", {rule} in {n_given}" for rule, n_given in reversed(others))
        work.frame = work.frame.with_columns(flop.alias("flop"))
        work.provenance["flop"] = f"{last} in {filled} rows{kept}" if others else last


def _trust(work: Derivation) -> str:
    """Whether a shape fixes its counts: a feed-forward width alone leaves open if it is gated."""
    return "assumed" if work.has("d_ff") and not work.has("gated") else "derived"


def _params(work: Derivation, shapes: pl.DataFrame | None) -> None:
    if shapes is None:
        return
    joined = _join(work.frame, shapes)
    for name in ("n_total", "n_nonemb", "n_matmul", "n_active"):
        if name in joined.columns and not work.has(name):
            work.add(name, pl.lit(joined[name]), f"{_trust(work)}:architecture")


def _join(frame: pl.DataFrame, shapes: pl.DataFrame) -> pl.DataFrame:
    keys = [name for name in _ARCH_FIELDS if name in frame.columns]
    return frame.select(keys).join(
        shapes, on=keys, how="left", nulls_equal=True, maintain_order="left"
    )


def _shapes(work: Derivation, convention: str) -> pl.DataFrame | None:
    """Each distinct architecture once, with its counts and its FLOP per token."""
    if not work.has("n_layers", "d_model"):
        return None
    keys = [name for name in _ARCH_FIELDS if work.has(name)]
    distinct = work.frame.select(keys).unique(maintain_order=True)
    rows: list[dict[str, float | None]] = []
    for values in distinct.iter_rows(named=True):
        known = {name: value for name, value in values.items() if value is not None}
        rows.append(_counts(known, convention))
    counts = pl.DataFrame(rows, infer_schema_length=None)
    empty = [name for name in counts.columns if counts[name].null_count() == counts.height]
    return pl.concat([distinct, counts.drop(empty)], how="horizontal")


def _counts(values: dict[str, float | bool], convention: str) -> dict[str, float | None]:
    """Counts of one shape; None for what its columns do not say."""
    unknown: dict[str, float | None] = dict.fromkeys(
        ("n_total", "n_nonemb", "n_matmul", "n_active", _PER_TOKEN)
    )
    if "n_layers" not in values or "d_model" not in values:
        return unknown
    shape: dict[str, Any] = {
        name: value if isinstance(value, bool) else int(value) for name, value in values.items()
    }
    try:
        arch = Architecture(**shape)
    except InputError:
        # Not a shape we know, for example heads that do not divide the width: no count follows.
        return unknown
    counts: dict[str, float | None] = dict(unknown)
    counts["n_nonemb"], counts["n_active"] = float(arch.n_nonemb), float(arch.n_active)
    if arch.vocab:
        counts["n_matmul"], counts["n_total"] = float(arch.n_matmul), float(arch.n_total)
    if arch.vocab and arch.seq_len and convention != "6nd":
        counts[_PER_TOKEN] = flop_per_token(arch, convention)
    return counts
