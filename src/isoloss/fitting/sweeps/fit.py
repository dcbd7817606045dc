"""Fit learning rate and batch to a sweep: the verb ``iso.fit_sweep``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting.quantity import Notice
from isoloss.fitting.sweeps.cells import Cell, make_cell, with_law, without_law
from isoloss.fitting.sweeps.choice import WIDTHS, Widths, groups_of, left_out, scatters
from isoloss.fitting.sweeps.law import SweepLaw, term_columns
from isoloss.fitting.sweeps.pooled import Level, Sums, level, sums, weighed
from isoloss.fitting.sweeps.regret import Grid, Regret, grids, regret_of
from isoloss.fitting.sweeps.result import SweepFit
from isoloss.fitting.sweeps.surface import hessian
from isoloss.fitting.sweeps.table import SAME_TOKENS, SweepRuns, seed_noise, sweep_runs
from isoloss.runs import Points, Runs

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

Cluster = Literal["cell", "size", "none"]
CLUSTERS: tuple[Cluster, ...] = ("cell", "size", "none")
ON_A_LINE = 0.98  # correlation of log N and log D above which their powers cannot be told apart
SAME_SIZE = 0.02
ALONE = 0.01
"""A cell alone has more coefficients to fix than its share of the law, and needs more runs."""
MIN_SPREAD = np.log(1.3)  # N or D must differ by this for a power of it


def fit_sweep(
    runs: Runs | Points,
    *,
    n: str | None = None,
    loss: str | None = None,
    tolerance: float = SAME_TOKENS,
    within: float | Literal["auto"] | None = "auto",
    skew: bool | Literal["auto"] = "auto",
    batch_n: bool = True,
    robust: bool = True,
    cluster: Cluster = "cell",
    draws: int = 1000,
    level: float = 0.9,
    seed: int = 0,
) -> SweepFit:
    """The best learning rate and batch in each cell of a sweep, and their law over cells.

    A cell holds the runs of one N and D. Runs that diverged mark the upper edge of the learning
    rate; they never bend a surface.

    Args:
        runs: a table of runs with ``lr``, ``batch_tokens``, N, D and loss, or points of one.
        n: which count is N, where the table has several.
        loss: which column is the loss.
        tolerance: relative difference of tokens within a cell.
        within: runs whose loss is at most this share above the best of their cell count; ``auto``
            takes the width that costs least on cells left out; None takes all runs alike.
        skew: whether cells share cubic terms, so that the loss may be steeper on one side; ``auto``
            lets cells left out decide. Runs that a cell's own surface counts have none.
        batch_n: whether the best batch may depend on N.
        robust: whether outliers count less; otherwise plain least squares.
        cluster: what is left out at a time for the intervals: ``cell``, ``size`` (all cells of one
            N, for horizons that share their first steps), ``none``.
        draws: of the intervals.
        level: nominal coverage of the intervals.
        seed: of the draws.

    Raises:
        InputError: a column is missing, the unit of the batch is not known, or an argument is
            unusable.
        EvidenceError: the learning rate was not varied, or no cell has enough settings.
    """
    _check(within, cluster, draws, level)
    table = sweep_runs(runs, n=n, loss=loss, tolerance=tolerance)
    places = grids(table)
    log_n, log_d = _centres(table)
    plan = _plan(log_n, log_d, table, places, batch_n)
    notices = [*table.notices, *(plan.notices if plan.reason is None else ())]

    widths = _widths(table, places, plan, within, skew, robust=robust)
    chosen = widths.best() if plan.reason is None else None
    share, skewed = (_alone(within), False) if chosen is None else widths.widths[chosen]
    alone = share
    if within == "auto":
        # A cell alone has no skew, so it cannot use runs as far off as the law may.
        alone = ALONE if skewed or share is None else max(share, ALONE)
    cells = [
        make_cell(
            table,
            number,
            place,
            within=alone,
            squared=not robust,
            draws=draws,
            level=level,
            seed=seed,
        )
        for number, place in enumerate(places)
    ]
    if all(cell.status == "thin" for cell in cells) and plan.reason is not None:
        raise EvidenceError(
            f"no cell has enough settings for a surface, and the cells give no law: {plan.reason}",
            code="thin_sweep",
            hint="Train more settings in a cell: three learning rates by three batches or more.",
        )
    law: SweepLaw | None = None
    regrets: tuple[Regret, ...] = ()
    reason = plan.reason
    if chosen is not None:
        law, full = _law(table, widths, chosen, plan, cluster, draws, level, seed)
        if law is None:
            reason = "the runs of all cells together show no minimum."
        else:
            cells = _with_law(cells, widths, law, full, alone)
            regrets = _regrets(widths, table, law)
    if law is None:
        cells = [
            without_law(cell, place, table.axes, alone)
            for cell, place in zip(cells, places, strict=True)
        ]
    return SweepFit(
        axes=table.axes,
        cells=tuple(cells),
        law=law,
        status="ok" if law is not None else "no_law",
        status_message=_message(law, reason),
        regrets=regrets,
        runs=table,
        within=share,
        skew=skewed,
        robust=robust,
        cluster=cluster,
        level=level,
        seed=seed,
        seed_noise=seed_noise(table),
        warnings=tuple([*notices, *_warnings(cells, law)]),
    )


@dataclass(frozen=True)
class _Plan:
    """Which law the cells can carry.

    Attributes:
        terms: of the law.
        centre: means of log N and log D.
        columns: (C, t) the terms of each cell.
        free: (k, t) which coefficients are fitted.
        slope: d log D / d log N where the cells lie on one line.
        reason: why there can be no law; None where there can.
        notices: what must be said.
    """

    terms: tuple[str, ...]
    centre: tuple[float, float]
    columns: Array
    free: Flags
    slope: float | None
    reason: str | None
    notices: tuple[Notice, ...]


def _plan(
    log_n: Array, log_d: Array, table: SweepRuns, places: Sequence[Grid], batch_n: bool
) -> _Plan:
    terms, slope = ["1"], None
    notices: list[Notice] = []
    varied_n, varied_d = np.ptp(log_n) > MIN_SPREAD, np.ptp(log_d) > MIN_SPREAD
    if varied_n:
        terms.append("N")
    else:
        notices.append(Notice("one_size", "all cells have one size: the law is in D alone."))
    if varied_d:
        terms.append("D")
    else:
        notices.append(Notice("one_length", "all cells have the same D: the law is in N alone."))
    if varied_n and varied_d and abs(np.corrcoef(log_n, log_d)[0, 1]) > ON_A_LINE:
        terms.remove("D")
        slope = float(np.polyfit(log_n, log_d, 1)[0])
        message = (
            f"N and D grow together in this sweep (D ~ N^{slope:.2f}), so their powers cannot be "
            "told apart: the law is in N, along this line."
        )
        notices.append(Notice("on_a_line", message))
    centre = (float(log_n.mean()), float(log_d.mean()))
    free = np.ones((len(table.axes), len(terms)), dtype=np.bool_)
    if not batch_n and "batch_tokens" in table.axes and "N" in terms and slope is None:
        free[table.axes.index("batch_tokens"), terms.index("N")] = False
    reason = None
    if len(terms) == 1:
        reason = "all cells have the same N and D."
    elif len(places) < len(terms) + 1:
        reason = f"it needs {len(terms) + 1} of them, and there are {len(places)}."
    columns = term_columns(log_n, log_d, tuple(terms), centre)
    return _Plan(tuple(terms), centre, columns, free, slope, reason, tuple(notices))


def _widths(
    table: SweepRuns,
    places: list[Grid],
    plan: _Plan,
    within: float | Literal["auto"] | None,
    skew: bool | Literal["auto"],
    *,
    robust: bool,
) -> Widths:
    shares: tuple[float | None, ...] = WIDTHS if within == "auto" else (within,)
    shapes = (False, True) if skew == "auto" else (skew,)
    wanted = tuple((share, shape) for shape in shapes for share in shares)
    if plan.reason is not None:
        return Widths((), (), np.empty((0, 0)), plan.free, tuple(places))
    counted = {share: weighed(table, share, squared=not robust) for share in shares}
    found: list[Sums] = [
        sums(table, plan.columns, share, skew=shape, counted=counted[share])
        for share, shape in wanted
    ]
    return Widths(wanted, tuple(found), scatters(found, plan.free), plan.free, tuple(places))


def _alone(within: float | Literal["auto"] | None) -> float | None:
    return ALONE if within == "auto" else within


def _law(
    table: SweepRuns,
    widths: Widths,
    chosen: int,
    plan: _Plan,
    cluster: Cluster,
    draws: int,
    nominal: float,
    seed: int,
) -> tuple[SweepLaw | None, Level]:
    """The law of all cells, with draws from the jackknife over clusters."""
    cells = widths.sums[chosen]
    full = level(cells, np.ones((1, widths.n_cells)), widths.free)
    if not np.isfinite(full.theta).all():
        return None, full
    scatter = full.scatter[0]
    theta, bend = full.theta[0], full.curvature[0]
    k = cells.axes
    upper = np.triu_indices(k)
    point = np.concatenate([theta.ravel(), bend[upper]])
    drawn = np.empty((0, len(point)))
    if cluster != "none":
        group = _clusters(table, cluster)
        size = int(group.max()) + 1
        times = (group != np.arange(size)[:, None]).astype(np.float64)
        without = level(cells, times, widths.free, scatter)
        rows = np.concatenate(
            [without.theta.reshape(size, -1), without.curvature[:, upper[0], upper[1]]], axis=1
        )
        rows = rows[np.isfinite(rows).all(axis=1)]
        drawn = _jackknife(point, rows, int(widths.free.sum(axis=1).max()), draws, seed)
    flat = drawn[:, theta.size :]
    halves = np.where(np.arange(k)[upper[0]] == np.arange(k)[upper[1]], 0.5, 1.0)
    law = SweepLaw(
        axes=table.axes,
        terms=plan.terms,
        centre=plan.centre,
        theta=theta,
        draws=drawn[:, : theta.size].reshape(-1, *theta.shape),
        curvature=bend,
        curvature_draws=hessian(flat * halves, k) if len(drawn) else np.empty((0, k, k)),
        scatter=np.sqrt(np.where(scatter > 1e-7, scatter, 0.0)),
        noise=float(np.sqrt(full.noise[0])),
        params_range=(float(table.params.min()), float(table.params.max())),
        tokens_range=(float(table.tokens.min()), float(table.tokens.max())),
        slope=plan.slope,
        n_cells=widths.n_cells,
        level=nominal,
        seed=seed,
    )
    return law, full


def _jackknife(point: Array, rows: Array, n_free: int, draws: int, seed: int) -> Array:
    """Draws of a multivariate t about the estimate, covariance from leaving clusters out.

    Measured coverage decided for it; see docs/decisions/sweeps.md.
    """
    size = len(rows)
    if size < 3:
        return np.full((draws, len(point)), np.nan)
    deviation = rows - rows.mean(axis=0)
    root = deviation * np.sqrt((size - 1) / size)
    rng = np.random.default_rng([seed, 0])
    freedom = max(size - n_free, 1)
    radius = np.sqrt(freedom / rng.chisquare(freedom, size=(draws, 1)))
    return point + radius * (rng.standard_normal((draws, size)) @ root)


def _clusters(table: SweepRuns, cluster: Cluster) -> Ints:
    if cluster == "cell":
        return np.arange(table.n_cells)
    return groups_of(np.exp(_centres(table)[0]), np.log1p(SAME_SIZE))


def _centres(table: SweepRuns) -> tuple[Array, Array]:
    """Mean log N and log D of each cell."""
    times = np.bincount(table.cell)
    return (
        np.bincount(table.cell, np.log(table.params)) / times,
        np.bincount(table.cell, np.log(table.tokens)) / times,
    )


def _with_law(
    cells: list[Cell], widths: Widths, law: SweepLaw, full: Level, within: float | None
) -> list[Cell]:
    return [
        with_law(cell, place, law, full.optimum[0, c], full.precision[0, c], within)
        for c, (cell, place) in enumerate(zip(cells, widths.places, strict=True))
    ]


def _regrets(widths: Widths, table: SweepRuns, law: SweepLaw) -> tuple[Regret, ...]:
    """Of laws fitted without what they are asked for, and of the law itself."""
    log_n, log_d = _centres(table)
    size = groups_of(np.exp(log_n), np.log1p(SAME_SIZE))
    length = groups_of(np.exp(log_d), np.log1p(SAME_SIZE))
    found = [
        left_out(widths, np.arange(widths.n_cells), "cell"),
        left_out(widths, size, "size") if "N" in law.terms else None,
        left_out(widths, length, "tokens") if "D" in law.terms else None,
        left_out(widths, size, "larger", before=True) if "N" in law.terms else None,
    ]
    where = law.log_settings(np.exp(log_n), np.exp(log_d))
    own = regret_of(widths.places, where, range(widths.n_cells), "nothing")
    return (*(regret for regret in found if regret is not None), own)


def _warnings(cells: Sequence[Cell], law: SweepLaw | None) -> list[Notice]:
    found: list[Notice] = []
    edge = [cell for cell in cells if cell.status == "edge"]
    if edge:
        message = (
            f"in {len(edge)} of {len(cells)} cells the best setting lies outside the runs; train "
            "what stands under next there."
        )
        found.append(Notice("edge_of_grid", message))
    hollow = [cell for cell in cells if cell.status in ("not_identified", "thin")]
    if hollow:
        message = f"{len(hollow)} of {len(cells)} cells do not fix their best setting alone" + (
            "; they count in the law as far as their runs go." if law else "."
        )
        found.append(Notice("hollow_cells", message))
    if law is not None and law.n_cells - law.theta.shape[1] < 4:
        message = f"{law.n_cells} cells for {law.theta.shape[1]} coefficients: intervals are rough."
        found.append(Notice("few_cells", message))
    return found


def _message(law: SweepLaw | None, reason: str | None) -> str:
    if law is None:
        return f"no law over cells: {reason}"
    return f"one law over {law.n_cells} cells."


def _check(
    within: float | Literal["auto"] | None, cluster: str, draws: int, nominal: float
) -> None:
    if isinstance(within, str):
        if within != "auto":
            raise _bad("within", within, "a share such as 0.01, auto or None")
    elif within is not None and not 0 < within <= 1:
        raise _bad("within", f"{within:g}", "a share between 0 and 1")
    if cluster not in CLUSTERS:
        raise _bad("cluster", cluster, f"one of {', '.join(CLUSTERS)}")
    if draws < 1:
        raise _bad("draws", str(draws), "1 or more")
    if not 0 < nominal < 1:
        raise _bad("level", f"{nominal:g}", "a number between 0 and 1")


def _bad(field: str, found: str, expected: str) -> InputError:
    return InputError(
        f"found {found} where {expected} is expected.",
        code=f"bad_{field}",
        where=Where(field=field),
    )
