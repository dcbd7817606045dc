"""Which runs of a sweep belong together, and which of them diverged?

A cell holds the runs of one model size and one number of tokens; in it only the learning rate and
the batch differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting.quantity import Notice
from isoloss.fitting.sweep import size_numbers
from isoloss.runs import Conventions, Points, Runs

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SAME_TOKENS = 0.02  # runs whose tokens differ by less were meant to be equally long
SAME_SETTING = 0.01  # settings closer than this are one
DIVERGED = 0.25  # in log loss above the best of the cell: the run learned next to nothing
SETTINGS = 3  # values of a setting, or settings of a cell, from which a minimum can be seen
SHARE_OF_CELLS = 1 / 3  # that must vary the batch for a law of it
_REASON = re.compile("diverged|no loss")


@dataclass(frozen=True)
class SweepRuns:
    """Runs as arrays of equal length, in the order of the table.

    Attributes:
        params: N.
        tokens: D.
        lr: peak learning rate.
        batch_tokens: batch in tokens; NaN throughout where the table has none.
        loss: final loss; infinite for a run that diverged.
        cell: cell number of each run, in ascending order of N, then D.
        axes: the settings that are fitted: ``("lr", "batch_tokens")`` or ``("lr",)``.
        conventions: what N and the loss mean.
        data_hash: of the table.
        notices: what the user must know of the reading.
    """

    params: Array
    tokens: Array
    lr: Array
    batch_tokens: Array
    loss: Array
    cell: Ints
    axes: tuple[str, ...]
    conventions: Conventions
    data_hash: str
    notices: tuple[Notice, ...] = ()

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def settings(self) -> Array:
        """The logarithms of what is fitted (n_runs, axes)."""
        return np.log(np.stack([getattr(self, name) for name in self.axes], axis=1))

    @property
    def n_cells(self) -> int:
        """The number of cells."""
        return int(self.cell.max()) + 1

    def take(self, rows: NDArray[Any]) -> SweepRuns:
        """These runs; the numbers of their cells stay."""
        names = ("params", "tokens", "lr", "batch_tokens", "loss", "cell")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


def sweep_runs(
    runs: Runs | Points,
    *,
    n: str | None = None,
    loss: str | None = None,
    tolerance: float = SAME_TOKENS,
) -> SweepRuns:
    """The runs of a sweep in cells, diverged runs with infinite loss.

    Args:
        runs: a table of runs, or points taken from one (which then holds no diverged runs but
            those with a finite loss).
        n: which count is N, where the table has several.
        loss: which column is the loss.
        tolerance: relative difference of tokens within a cell.

    Raises:
        InputError: a column is missing, or the unit of the batch is not known.
        EvidenceError: no learning rate was varied.
    """
    if not 0 < tolerance < 1:
        raise InputError(
            f"found {tolerance:g} where a number between 0 and 1 is expected.",
            code="bad_tolerance",
            where=Where(field="tolerance"),
        )
    points = runs.points(n=n, loss=loss) if isinstance(runs, Runs) else runs
    if isinstance(runs, Runs):
        _check_batch(runs)
    found = _arrays(points)
    if isinstance(runs, Runs):
        found = _joined(found, _diverged_rows(runs, points.conventions))
    found, notices = _usable(found)
    cell = _cells(found["params"], found["tokens"], tolerance)
    table = SweepRuns(
        **found,
        cell=cell,
        axes=("lr",),
        conventions=points.conventions,
        data_hash=points.data_hash,
        notices=tuple(notices),
    )
    return _only_swept(_with_axes(_mark_diverged(table)))


def distinct(values: Array, gap: float = SAME_SETTING) -> int:
    """How many different values there are, those closer than ``gap`` taken as one."""
    if not len(values):
        return 0
    return 1 + int(np.sum(np.diff(np.sort(np.log(values))) > np.log1p(gap)))


def setting_numbers(settings: Array, gap: float = SAME_SETTING) -> Ints:
    """A number for each distinct setting, of logs (n, axes); seeds of one setting share it."""
    columns = [_groups(settings[:, i], np.log1p(gap)) for i in range(settings.shape[1])]
    return np.unique(np.stack(columns), axis=1, return_inverse=True)[1].ravel().astype(np.int64)


def seed_noise(table: SweepRuns) -> float:
    """Standard deviation of log loss between seeds of one setting; NaN without seeds."""
    squares, freedom = 0.0, 0
    for cell in range(table.n_cells):
        rows = np.flatnonzero((table.cell == cell) & np.isfinite(table.loss))
        number = setting_numbers(table.settings[rows])
        log_loss = np.log(table.loss[rows])
        times = np.bincount(number)
        rest = log_loss - (np.bincount(number, log_loss) / times)[number]
        squares += float(rest @ rest)
        freedom += len(rows) - len(times)
    return float(np.sqrt(squares / freedom)) if freedom else float("nan")


def _arrays(points: Points) -> dict[str, Array]:
    if "lr" not in points.columns:
        raise InputError(
            "no column gives the learning rate.",
            code="missing_column",
            where=Where(field="lr"),
            hint="Say which one it is: --map NAME=lr (the peak learning rate).",
        )
    for name in ("params", "tokens"):
        if not np.all(np.isfinite(getattr(points, name))):
            raise InputError(
                f"the {name} of every run must be known, and the table does not give them all.",
                code="missing_column",
                where=Where(field=name),
                hint="isoloss runs check shows which columns were found.",
            )
    unknown = np.full(len(points), np.nan)
    return {
        "params": points.params,
        "tokens": points.tokens,
        "lr": points.columns["lr"],
        "batch_tokens": points.columns.get("batch_tokens", unknown),
        "loss": points.loss,
    }


def _diverged_rows(runs: Runs, conventions: Conventions) -> dict[str, Array]:
    """Runs that were excluded because they diverged: they mark the upper edge."""
    import polars as pl

    named = conventions.n.removeprefix("column:")
    columns = runs.frame.columns
    n_column = named if conventions.n.startswith("column:") and named in columns else None
    gone = runs.frame.filter(
        (pl.col("status") != "ok") & pl.col("reason").str.contains(f"^({_REASON.pattern})")
    )
    sources = {"params": n_column or conventions.n_column, "tokens": "tokens", "lr": "lr"}
    sources["batch_tokens"] = "batch_tokens"
    found: dict[str, Array] = {}
    for name, column in sources.items():
        known = column in columns
        values = gone[column].cast(pl.Float64).to_numpy() if known else np.full(gone.height, np.nan)
        found[name] = np.array(values, dtype=np.float64)
    found["loss"] = np.full(gone.height, np.inf)
    kept = np.isfinite(found["params"]) & np.isfinite(found["tokens"])
    return {name: values[kept] for name, values in found.items()}


def _joined(one: dict[str, Array], two: dict[str, Array]) -> dict[str, Array]:
    return {name: np.concatenate([one[name], two[name]]) for name in one}


def _usable(found: dict[str, Array]) -> tuple[dict[str, Array], list[Notice]]:
    """Runs whose settings are known."""
    lost = ~(np.isfinite(found["lr"]) & (found["lr"] > 0))
    known = np.isfinite(found["batch_tokens"])
    if known.any():
        lost |= ~known
    if not lost.any():
        return found, []
    if lost.all():
        _no_lr()
    message = f"{int(lost.sum())} of {len(lost)} runs are left out: their lr or batch is missing."
    return {k: v[~lost] for k, v in found.items()}, [Notice("missing_setting", message)]


def _no_lr() -> NoReturn:
    raise InputError(
        "no run has a learning rate.",
        code="missing_value",
        where=Where(field="lr"),
        hint="Fill the column in, or say which one it is: --map NAME=lr.",
    )


def _check_batch(runs: Runs) -> None:
    """Refuse a batch whose unit is a guess that nothing in the table confirms.

    Raises:
        InputError: the batch may be in tokens or in sequences, or the sequence length is missing.
    """
    frame, made = runs.frame, runs.provenance
    if "batch_tokens" in frame.columns:
        if not made.get("batch_tokens", "given").startswith("assumed") or _steps_agree(runs):
            return
        reason = "it is not said whether the batch counts tokens or sequences."
        hint = "Say which: --map NAME=batch_tokens, or --map NAME=batch_sequences."
    elif "batch_sequences" in frame.columns:
        reason = "the batch counts sequences, and nothing says how long a sequence is."
        hint = (
            "Add a column seq_len; or, if the batch is in tokens, say so: --map NAME=batch_tokens; "
            "or turn it into tokens: --map NAME=batch_tokens --scale NAME=2048."
        )
    else:
        return
    raise InputError(
        reason,
        code="ambiguous_batch",
        where=Where(file=runs.source, field="batch"),
        hint=hint,
    )


def _steps_agree(runs: Runs) -> bool:
    """Whether tokens = steps x batch confirms the unit of the batch."""
    if any(runs.provenance.get(name) != "given" for name in ("steps", "tokens")):
        return False
    frame = runs.frame
    ratio = (frame["tokens"] / (frame["steps"] * frame["batch_tokens"])).drop_nulls().to_numpy()
    return bool(len(ratio)) and abs(float(np.median(ratio)) - 1) < SAME_TOKENS


def _cells(params: Array, tokens: Array, tolerance: float) -> Ints:
    """Cell numbers, ascending in N, then D."""
    size = size_numbers(params)
    length = np.zeros(len(params), dtype=np.int64)
    for number in np.unique(size):
        rows = np.flatnonzero(size == number)
        length[rows] = _groups(np.log(tokens[rows]), np.log1p(tolerance))
    pair = np.stack([size, length])
    return np.unique(pair, axis=1, return_inverse=True)[1].ravel().astype(np.int64)


def _groups(values: Array, gap: float) -> Ints:
    """Numbers along the sorted values, a new one after each gap."""
    order = np.argsort(values, kind="stable")
    groups = np.zeros(len(values), dtype=np.int64)
    groups[order[1:]] = np.cumsum(np.diff(values[order]) > gap)
    return groups


def _mark_diverged(table: SweepRuns) -> SweepRuns:
    """Runs far above the best of their cell count as diverged."""
    best = np.full(table.n_cells, np.inf)
    np.minimum.at(best, table.cell, table.loss)
    far = table.loss > best[table.cell] * np.exp(DIVERGED)
    return replace(table, loss=np.where(far, np.inf, table.loss))


def _with_axes(table: SweepRuns) -> SweepRuns:
    """Which settings were varied often enough within cells to be fitted."""
    varied = _varied(table)
    if varied[0].max(initial=0) < SETTINGS:
        one = distinct(table.lr) == 1
        raise EvidenceError(
            "no size and number of tokens was trained with three learning rates: found "
            + (f"one, {table.lr[0]:g}." if one else "two at most."),
            code="lr_not_varied",
            where=Where(field="lr"),
            hint="Train at least one cell of equal N and D with three or more learning rates, in "
            "factors of 2.",
        )
    swept = varied[0] >= SETTINGS
    if not np.isfinite(table.batch_tokens).all():
        return _say(table, "no_batch", "the table has no batch")
    if np.mean(varied[1][swept] >= SETTINGS) >= SHARE_OF_CELLS:
        return replace(table, axes=("lr", "batch_tokens"))
    return _say(_main_batch(table), "batch_not_varied", "few cells were trained with three batches")


def _varied(table: SweepRuns) -> Ints:
    """How many learning rates and batches each cell has, diverged runs left out (2, C)."""
    alive = np.isfinite(table.loss)
    return np.array(
        [
            [
                distinct(getattr(table, name)[(table.cell == c) & alive])
                for c in range(table.n_cells)
            ]
            for name in ("lr", "batch_tokens")
        ]
    )


def _say(table: SweepRuns, code: str, what: str) -> SweepRuns:
    message = f"{what}: the law is that of the learning rate, at the batch of these runs."
    return replace(table, notices=(*table.notices, Notice(code, message)))


def _main_batch(table: SweepRuns) -> SweepRuns:
    """In each cell only the batch with the most learning rates: others do not compare."""
    kept = np.zeros(len(table), dtype=np.bool_)
    for cell in range(table.n_cells):
        rows = np.flatnonzero(table.cell == cell)
        batch = _groups(np.log(table.batch_tokens[rows]), np.log1p(SAME_SETTING))
        rates = [distinct(table.lr[rows[batch == b]]) for b in range(int(batch.max()) + 1)]
        kept[rows[batch == int(np.argmax(rates))]] = True
    if kept.all():
        return table
    message = (
        f"{int((~kept).sum())} runs at another batch than the usual one of their cell are left out."
    )
    return replace(table.take(kept), notices=(*table.notices, Notice("other_batches", message)))


def _only_swept(table: SweepRuns) -> SweepRuns:
    """Cells with too few settings left out; they say nothing of an optimum."""
    settings = table.settings
    alive = np.isfinite(table.loss)
    counts = np.array(
        [
            len(np.unique(setting_numbers(settings[rows]))) if len(rows) else 0
            for rows in (np.flatnonzero((table.cell == c) & alive) for c in range(table.n_cells))
        ]
    )
    short = counts < SETTINGS
    if not short.any():
        return table
    message = (
        f"{int(short.sum())} of {len(short)} cells of N and D have fewer than {SETTINGS} settings "
        "that did not diverge and are left out."
    )
    table = table.take(~short[table.cell])
    renumbered = np.unique(table.cell, return_inverse=True)[1].ravel().astype(np.int64)
    return replace(
        table, cell=renumbered, notices=(*table.notices, Notice("unswept_cells", message))
    )
