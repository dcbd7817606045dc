"""What does a fit see of a table of runs? Plain arrays of numbers, one entry per usable run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoloss.errors import InputError
from isoloss.runs.columns import BY_NAME
from isoloss.runs.conventions import PARAM_COLUMNS, PARAM_COUNTS, Conventions
from isoloss.runs.coverage import tier_numbers
from isoloss.runs.request import unknown_column

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Points:
    """Usable runs as arrays of equal length, shape (n_runs,), in the order of the table.

    Attributes:
        run_id: names of the runs.
        params: N under ``conventions.n``; NaN throughout if the table has no N.
        tokens: D; NaN throughout if the table has no D.
        flop: C in FLOP; NaN throughout if it is neither given nor derivable.
        loss: final loss in ``conventions.loss_unit``, positive and finite.
        unique_tokens: distinct tokens U, equal to ``tokens`` where it is not given.
        tier: compute tier from 0, ascending; see `isoloss.runs.compute_tiers`.
        columns: every other numeric column, NaN where a value is missing.
        codes: every text and yes/no column as whole numbers, one per distinct value, -1 where
            missing, for use as clusters.
        conventions: what the arrays stand for.
        data_hash: of the runs that these points were taken from.
    """

    run_id: tuple[str, ...]
    params: Floats
    tokens: Floats
    flop: Floats
    loss: Floats
    unique_tokens: Floats
    tier: Ints
    columns: Mapping[str, Floats]
    codes: Mapping[str, Ints]
    conventions: Conventions
    data_hash: str

    def __len__(self) -> int:
        return len(self.loss)

    def take(self, index: NDArray[Any]) -> Points:
        """The points at these positions (whole numbers or a mask), with their tier numbers kept."""
        at: Ints = np.arange(len(self), dtype=np.int64)[index]
        return replace(
            self,
            run_id=tuple(self.run_id[int(i)] for i in at),
            params=self.params[at],
            tokens=self.tokens[at],
            flop=self.flop[at],
            loss=self.loss[at],
            unique_tokens=self.unique_tokens[at],
            tier=self.tier[at],
            columns=MappingProxyType({name: values[at] for name, values in self.columns.items()}),
            codes=MappingProxyType({name: values[at] for name, values in self.codes.items()}),
        )

    def clusters(self, column: str) -> Ints:
        """Cluster number of each point by the distinct values of a column; missing is one value.

        Raises:
            InputError: there is no such column.
        """
        if column in self.codes:
            values = self.codes[column]
        elif column in ("params", "tokens", "flop", "loss", "unique_tokens", "tier"):
            values = getattr(self, column)
        elif column in self.columns:
            values = self.columns[column]
        else:
            raise unknown_column(column, [*self.codes, *self.columns, "tier"], "a column")
        return np.unique(values, return_inverse=True)[1].astype(np.int64)


def make_points(
    ok: pl.DataFrame,
    conventions: Conventions,
    provenance: Mapping[str, str],
    data_hash: str,
    *,
    n: str | None = None,
    loss: str | None = None,
) -> Points:
    """Arrays from a table of usable runs.

    Args:
        ok: usable runs in canonical columns, and the user's own.
        conventions: of the table.
        provenance: of the canonical columns.
        data_hash: of the table.
        n: another count as N: ``total``, ``nonemb``, ``matmul``, ``active``, or a column.
        loss: another column as the loss.

    Raises:
        InputError: no runs, a column that does not exist, or values that cannot be fitted.
    """
    if ok.height == 0:
        raise InputError(
            "no usable run is left.",
            code="no_runs",
            hint="isoloss runs check says why runs are excluded.",
        )
    n_column, conventions = _choose_n(ok, conventions, n)
    params = _positive(ok, n_column) if n_column in ok.columns else np.full(ok.height, np.nan)
    tokens = _positive(ok, "tokens") if "tokens" in ok.columns else np.full(ok.height, np.nan)
    # Where C was assumed to be 6 N D, it follows the N that is chosen now.
    if provenance.get("flop") == "assumed:6nd":
        flop = 6.0 * params * tokens
        ok = ok.with_columns(pl.Series("flop", flop))
    else:
        flop = _positive(ok, "flop") if "flop" in ok.columns else np.full(ok.height, np.nan)
    unique = tokens
    if "unique_tokens" in ok.columns:
        given = _floats(ok["unique_tokens"])
        unique = np.where(np.isnan(given), tokens, given)
    columns, codes = _other_columns(ok)
    return Points(
        run_id=tuple(ok["run_id"].to_list()),
        params=params,
        tokens=tokens,
        flop=flop,
        loss=_positive(ok, _choose_loss(ok, loss)),
        unique_tokens=unique,
        tier=tier_numbers(ok, n_column),
        columns=MappingProxyType(columns),
        codes=MappingProxyType(codes),
        conventions=conventions,
        data_hash=data_hash,
    )


def _choose_n(ok: pl.DataFrame, conventions: Conventions, n: str | None) -> tuple[str, Conventions]:
    if n is None or n == conventions.n:
        return conventions.n_column, conventions
    column = f"n_{n}" if n in PARAM_COUNTS else n
    numeric = [name for name, dtype in ok.schema.items() if dtype.is_numeric()]
    if column not in numeric:
        raise unknown_column(n, numeric, "a numeric column")
    if column in PARAM_COLUMNS:
        return column, replace(conventions, n=column.removeprefix("n_"))
    canonical = replace(conventions, n=f"column:{column}")
    return column, canonical


def _choose_loss(ok: pl.DataFrame, loss: str | None) -> str:
    if loss is None:
        return "loss"
    if loss not in ok.columns or not ok[loss].dtype.is_numeric():
        numeric = [name for name, dtype in ok.schema.items() if dtype.is_numeric()]
        raise unknown_column(loss, numeric, "a numeric column")
    return loss


def _positive(ok: pl.DataFrame, name: str) -> Floats:
    """A column as float64, or an error if a value is missing, infinite, zero or negative."""
    values = _floats(ok[name])
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        what = BY_NAME[name].meaning if name in BY_NAME else name
        raise InputError(
            f'found {ok[name][at]} as "{name}" of run {ok["run_id"][at]}, where a positive number '
            f"is expected ({what}); {int(bad.sum())} of {ok.height} usable runs are like that.",
            code="bad_value",
            hint=f"Leave them out: --where '\"{name}\" > 0', or choose another column.",
        )
    return values


def _floats(series: pl.Series) -> Floats:
    numbers = series if series.dtype == pl.Float64 else series.cast(pl.Float64)
    return numbers.to_numpy(writable=True)


def _other_columns(ok: pl.DataFrame) -> tuple[dict[str, Floats], dict[str, Ints]]:
    columns: dict[str, Floats] = {}
    codes: dict[str, Ints] = {}
    for name, dtype in ok.schema.items():
        if name in ("run_id", "tokens", "flop", "loss", "unique_tokens"):
            continue
        if dtype.is_numeric():
            columns[name] = _floats(ok[name])
        elif isinstance(dtype, pl.String | pl.Boolean | pl.Categorical | pl.Enum):
            ranked = ok[name].cast(pl.String).rank("dense").cast(pl.Int64)
            codes[name] = (ranked.fill_null(0) - 1).to_numpy().copy()
    return columns, codes
