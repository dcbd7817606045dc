"""A table of small runs on different data mixtures: proportions of domains, losses on targets."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.runs.readers import ROW, RawTable, read_source

Array = NDArray[np.float64]
PREFIX = "w_"
TOLERANCE = 0.01  # proportions printed to three digits add up to one within half a percent
LEAST_RANGE = 1e-3
COLLINEAR = 1e-2
SPARE_RUNS = 2


@dataclass(frozen=True)
class MixtureTable:
    """Runs that differ in what they were trained on.

    Attributes:
        domains: names of the training domains, in the order of ``shares``.
        shares: proportion of each domain per run (n, d); rows add up to one.
        targets: names of the losses.
        losses: one column per target (n, k).
        data_hash: SHA-256 of these numbers, whatever the order of the rows.
    """

    domains: tuple[str, ...]
    shares: Array
    targets: tuple[str, ...]
    losses: Array
    data_hash: str

    def __len__(self) -> int:
        return len(self.shares)


def read_mixtures(
    source: object,
    *,
    targets: Sequence[str],
    domains: str | Sequence[str] = PREFIX,
    rest: str | None = None,
    where: str | None = None,
) -> MixtureTable:
    """Read a table with one run per row.

    Args:
        source: a file, a DataFrame or a dict of columns.
        targets: columns with losses.
        domains: columns with proportions, or the prefix that their names share.
        rest: name of a domain that has no column and fills the proportions up to one.
        where: a Polars SQL condition over the columns; other rows are not read.

    Raises:
        InputError: the table cannot be read, a column is missing or holds no numbers, or
            proportions are negative or do not add up to one.
    """
    tables = read_source(source)
    if len(tables) != 1:
        raise InputError(
            f"found {len(tables)} tables where one is expected.",
            code="several_tables",
            hint="Give one file with one run per row.",
        )
    table = _select(tables[0], where)
    names = _domain_columns(table, domains, targets)
    if not targets:
        raise InputError(
            "it is not said which loss is meant.",
            code="missing_argument",
            where=Where(field="target"),
            hint=f"The other columns are {_listed(table, names)}.",
        )
    columns = [_numbers(table, name) for name in names]
    labels = [_short(name, domains) for name in names]
    losses = np.column_stack([_losses(table, name) for name in targets])
    shares = np.column_stack(columns)
    rows = table.frame[ROW].to_list()
    _check_shares(table, names, shares, rows, filled=rest is not None)
    if rest is not None:
        if rest in labels:
            raise InputError(
                f'"{rest}" is a column already.', code="repeated_value", where=Where(field="rest")
            )
        shares = np.column_stack([shares, np.maximum(1.0 - shares.sum(axis=1), 0.0)])
        labels.append(rest)
    if len(labels) < 2:
        raise InputError(
            "found one domain where two or more are expected.",
            code="too_few_domains",
            where=table.where(field=names[0]),
            hint="Name the domain that fills the rest with --rest, for example --rest text.",
        )
    shares = shares / shares.sum(axis=1, keepdims=True)
    return MixtureTable(tuple(labels), shares, tuple(targets), losses, _hash(shares, losses))


def require_variation(table: MixtureTable) -> None:
    """Refuse proportions that cannot tell the domains apart.

    Raises:
        EvidenceError: too few runs, a domain whose proportion hardly varies, or domains that move
            together.
    """
    count, size = table.shares.shape
    needed = size + 1 + SPARE_RUNS
    if count < needed:
        raise EvidenceError(
            f"{count} runs cannot fix the {size + 1} numbers of a mixing law of {size} domains; "
            f"at least {needed} are needed.",
            code="too_few_runs",
            hint="Add runs on other mixtures, or put domains together.",
        )
    spread = np.ptp(table.shares, axis=0)
    for name, value in zip(table.domains, spread, strict=True):
        if value < LEAST_RANGE:
            raise EvidenceError(
                f'the proportion of "{name}" varies by {value:.2g} over the runs, so nothing says '
                "what it does.",
                code="domain_does_not_vary",
                hint="Add runs with other proportions of it, or leave its column out and scale "
                "the others up to one.",
            )
    apart = table.shares - table.shares.mean(axis=0)
    _, strength, directions = np.linalg.svd(apart / apart.std(axis=0), full_matrices=False)
    # One direction is always missing: the proportions add up to one.
    last = size - 2
    if strength[last] < COLLINEAR * strength[0]:
        along = np.argsort(-np.abs(directions[last]))[:2]
        one, other = (table.domains[int(i)] for i in sorted(along))
        raise EvidenceError(
            f'the proportions of "{one}" and "{other}" move together over the runs, so what each '
            "does cannot be told apart.",
            code="domains_move_together",
            hint="Add runs in which they differ, or put them together as one domain.",
        )


def _select(table: RawTable, where: str | None) -> RawTable:
    from isoloss.runs.select import keep_rows, no_row_meets

    if where is None:
        return table
    kept = keep_rows(table.frame, where, table.label, ROW)
    if kept.height == 0:
        raise no_row_meets(where, table.label, table.columns)
    return replace(table, frame=kept)


def _domain_columns(
    table: RawTable, domains: str | Sequence[str], targets: Sequence[str]
) -> list[str]:
    if isinstance(domains, str):
        found = [name for name in table.columns if name.startswith(domains)]
        if found:
            return [name for name in found if name not in targets]
        raise InputError(
            f'no column starts with "{domains}".',
            code="missing_column",
            where=Where(file=table.label, field="weights"),
            hint=f"Name the columns with proportions. There are {_listed(table, [])}.",
        )
    names = list(domains)
    if len(set(names)) < len(names):
        raise InputError(
            "a domain is given twice.", code="repeated_value", where=Where(field="weights")
        )
    return names


def _short(name: str, domains: str | Sequence[str]) -> str:
    prefix = domains if isinstance(domains, str) else ""
    return name.removeprefix(prefix) or name


def _listed(table: RawTable, without: Sequence[str]) -> str:
    names = [name for name in table.columns if name not in without]
    return ", ".join(names[:20]) + (" ..." if len(names) > 20 else "")


def _numbers(table: RawTable, name: str) -> Array:
    if name not in table.columns:
        raise InputError(
            f'there is no column "{name}".',
            code="missing_column",
            where=Where(file=table.label, field=name),
            hint=f"There are {_listed(table, [])}.",
        )
    column: Any = table.frame[name]
    values: list[Any] = column.to_list()
    rows: list[int] = table.frame[ROW].to_list()
    for row, value in zip(rows, values, strict=True):
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not (good and np.isfinite(value)):
            raise InputError(
                f"found {value!r} where a number is expected.",
                code="bad_value",
                where=table.where(row=row, field=name),
                hint="Mend the row, or leave it out with --where.",
            )
    return np.array(values, dtype=np.float64)


def _losses(table: RawTable, name: str) -> Array:
    values = _numbers(table, name)
    bad = np.flatnonzero(values <= 0)
    if bad.size:
        raise InputError(
            f"found {values[bad[0]]:g} where a positive loss is expected.",
            code="bad_value",
            where=table.where(row=int(table.frame[ROW][int(bad[0])]), field=name),
        )
    return values


def _check_shares(
    table: RawTable, names: Sequence[str], shares: Array, rows: Sequence[int], *, filled: bool
) -> None:
    negative = np.argwhere(shares < 0)
    if negative.size:
        run, column = (int(i) for i in negative[0])
        raise InputError(
            f"found the proportion {shares[run, column]:g} where 0 or more is expected.",
            code="negative_share",
            where=table.where(row=rows[run], field=names[column]),
        )
    total = shares.sum(axis=1)
    wrong = total > 1.0 + TOLERANCE
    if not filled:
        wrong |= total < 1.0 - TOLERANCE
    if wrong.any():
        run = int(np.flatnonzero(wrong)[0])
        percent = 99.0 < total[run] < 101.0
        raise InputError(
            f"the proportions add up to {total[run]:.4g} where 1 is expected.",
            code="shares_do_not_add_up",
            where=table.where(row=rows[run]),
            hint="Are they in percent? Divide them by 100."
            if percent
            else "Name the domain that fills the rest with --rest, or mend the row.",
        )


def _hash(shares: Array, losses: Array) -> str:
    numbers = np.column_stack([shares, losses])
    order = np.lexsort(numbers.T[::-1])
    return hashlib.sha256(np.ascontiguousarray(numbers[order]).tobytes()).hexdigest()
