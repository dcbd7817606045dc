"""Which pools of data to train on: quality against repetition, and how the answer moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting import Notice, Quantity, from_draws
from isoloss.fitting.pools import (
    LEVEL,
    PoolFit,
    fit_pools,
    published_pools,
    read_pool_runs,
    unpack,
)
from isoloss.laws.utility import Base, mixed_loss
from isoloss.planning.data.pools_result import Choice, Crossing, PoolPlan
from isoloss.runs import format_quantity, parse_quantity

Array = NDArray[np.float64]
MOST_POOLS = 10
LADDER = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
KEPT = 8
MANY_PASSES = 16.0
STEP = 1e-5


@dataclass(frozen=True)
class Known:
    """Pools with their numbers, and the draws of them.

    Attributes:
        names: of the pools.
        values: the estimate as it is searched, see ``PoolFit.values``.
        moves: draws less the estimate (B, 3 + 2p); none without runs.
        most_passes: how often the runs read each pool at most (p,); infinite without runs.
        fit: the fit, or None.
    """

    names: tuple[str, ...]
    values: Array
    moves: Array
    most_passes: Array
    fit: PoolFit | None


def plan_pools(
    source: object,
    tokens: float | str,
    *,
    pools: Mapping[str, float | str] | None = None,
    where: str | None = None,
    draws: int = 200,
    seed: int = 0,
) -> PoolPlan:
    """Which pools to train on for so many tokens, by runs that read each pool several times.

    Args:
        source: a table with columns pool, unique_tokens, tokens and loss, or a ``PoolFit``.
        tokens: of the run that is planned.
        pools: unique tokens there are of each pool; the largest that a run drew from by default.
        where: a Polars SQL condition over the columns; other rows are not read.
        draws: sets of parameters that runs like these could have given, for intervals.
        seed: of the draws.

    Raises:
        InputError: the table or a pool is unusable.
        EvidenceError: the runs do not fix utility and half-life.
    """
    seen = parse_quantity(tokens)
    fit = (
        source
        if isinstance(source, PoolFit)
        else fit_pools(read_pool_runs(source, where=where), draws=draws, seed=seed)
    )
    runs = fit.runs
    largest = {name: float(runs.size[runs.pool == i].max()) for i, name in enumerate(runs.names)}
    for name in pools or {}:
        if name not in largest:
            raise _unknown(name, runs.names)
    sizes = largest | {name: parse_quantity(size) for name, size in (pools or {}).items()}
    epochs = runs.tokens / runs.size
    known = Known(
        names=runs.names,
        values=fit.values,
        moves=fit.draws - fit.values,
        most_passes=np.array([float(epochs[runs.pool == i].max()) for i in range(len(runs.names))]),
        fit=fit,
    )
    return _plan(known, sizes, seen)


def plan_known_pools(
    pools: Mapping[str, tuple[float | str, float, float]],
    tokens: float | str,
    *,
    base: Base,
) -> PoolPlan:
    """The same for pools whose utility and half-life are known; no intervals.

    Args:
        pools: unique tokens, utility b and half-life tau by name.
        tokens: of the run that is planned.
        base: what the pools share.

    Raises:
        InputError: a number is unusable.
    """
    sizes = {name: parse_quantity(one[0]) for name, one in pools.items()}
    names, shared, utility, half_life = published_pools(
        {name: (one[1], one[2]) for name, one in pools.items()}, base
    )
    known = Known(
        names=names,
        values=np.array(
            [np.log(shared.scale), np.log(shared.unit), shared.floor, *utility, *np.log(half_life)]
        ),
        moves=np.empty((0, 3 + 2 * len(names))),
        most_passes=np.full(len(names), np.inf),
        fit=None,
    )
    return _plan(known, sizes, parse_quantity(tokens))


def _plan(known: Known, sizes: Mapping[str, float], tokens: float) -> PoolPlan:
    names = known.names
    if not 1 <= len(names) <= MOST_POOLS:
        raise InputError(
            f"found {len(names)} pools where 1 to {MOST_POOLS} are expected.",
            code="too_many_pools",
            where=Where(field="pools"),
            hint="Put pools of like quality together.",
        )
    amount = np.array([sizes[name] for name in names])
    subsets = [
        part for size in range(1, len(names) + 1) for part in combinations(range(len(names)), size)
    ]
    losses = _losses(known, subsets, amount, np.array([tokens]))[:, :, 0]
    best_of_draw = np.argmin(losses[:, 1:], axis=0)
    order = np.argsort(losses[:, 0], kind="stable")
    choices = tuple(
        _choice(names, subsets[i], amount, tokens, losses[i], _share(best_of_draw == i))
        for i in map(int, order[:KEPT])
    )
    ladder = np.array(LADDER) * tokens
    along = np.argmin(_losses(known, subsets, amount, ladder)[:, 0], axis=0)
    best = choices[0]
    fit = known.fit
    drawn = known.values + np.concatenate([np.zeros((1, len(known.values))), known.moves])
    shared = unpack(known.values)[0]
    return PoolPlan(
        tokens=tokens,
        pools=dict(zip(names, map(float, amount), strict=True)),
        utility={name: _spread(drawn[:, 3 + i]) for i, name in enumerate(names)},
        half_life={
            name: _spread(np.exp(drawn[:, 3 + len(names) + i])) for i, name in enumerate(names)
        },
        base={"scale": shared.scale, "unit": shared.unit, "floor": shared.floor},
        choices=choices,
        crossings=tuple(
            Crossing(float(at), tuple(names[i] for i in subsets[int(k)]))
            for at, k in zip(ladder, along, strict=True)
        ),
        rms_log=float("nan") if fit is None else fit.rms_log,
        level=LEVEL,
        seed=None if fit is None else fit.seed,
        data_hash=None if fit is None else fit.runs.data_hash,
        n_runs=None if fit is None else len(fit.runs),
        warnings=_warnings(known, best, names, amount),
    )


def _losses(
    known: Known, subsets: Sequence[tuple[int, ...]], amount: Array, tokens: Array
) -> Array:
    """The loss (subsets, 1 + draws, tokens) of training on each union of pools.

    Draws move the logarithm of the loss by its slope: the parameters trade against each other along
    a curve, and a straight move along it would raise the loss of every draw.
    """
    found = np.empty((len(subsets), 1 + len(known.moves), len(tokens)))
    steps = STEP * np.eye(len(known.values))

    def at(values: Array, inside: list[int]) -> Array:
        base, utility, half_life = unpack(values)
        return mixed_loss(
            base, utility[inside, None], half_life[inside, None], amount[inside, None], tokens
        )

    for row, part in enumerate(subsets):
        inside = list(part)
        best = at(known.values, inside)
        found[row, 0] = best
        if len(known.moves):
            slope = np.array(
                [
                    np.log(at(known.values + h, inside) / at(known.values - h, inside)) / (2 * STEP)
                    for h in steps
                ]
            )
            found[row, 1:] = best * np.exp(known.moves @ slope)
    return found


def _choice(
    names: Sequence[str],
    part: tuple[int, ...],
    amount: Array,
    tokens: float,
    losses: Array,
    wins: float,
) -> Choice:
    unique = float(amount[list(part)].sum())
    return Choice(
        pools=tuple(names[i] for i in part),
        unique_tokens=unique,
        epochs=tokens / unique,
        loss=_spread(losses),
        wins=wins if losses.size > 1 else float("nan"),
    )


def _share(hits: NDArray[np.bool_]) -> float:
    return float(np.mean(hits)) if hits.size else float("nan")


def _spread(values: Array) -> Quantity:
    return from_draws(float(values[0]), values[1:], LEVEL)


def _warnings(
    known: Known, best: Choice, names: Sequence[str], amount: Array
) -> tuple[Notice, ...]:
    found: list[Notice] = []
    for i, name in enumerate(names):
        if name in best.pools and best.epochs > 2.0 * known.most_passes[i]:
            found.append(
                Notice(
                    "passes_beyond_runs",
                    f"the best choice reads {name} {best.epochs:.3g} times, and the runs at most "
                    f"{known.most_passes[i]:.3g} times: its fading is extrapolated.",
                )
            )
    if best.epochs > MANY_PASSES:
        found.append(
            Notice(
                "many_passes",
                f"the best choice reads its data {best.epochs:.3g} times; this law levels off "
                "there, and cannot say that the loss rises again.",
            )
        )
    if known.fit is None:
        found.append(Notice("no_intervals", "the pools came without runs: no intervals."))
    elif best.wins < 0.9:
        found.append(
            Notice(
                "close_call",
                f"among draws {' + '.join(best.pools)} is best in {best.wins:.0%}: the next "
                "choices are as good for all that the runs say.",
            )
        )
    if len(best.pools) > 1 and np.ptp(amount) > 0.05 * float(amount.max()):
        found.append(
            Notice(
                "unequal_pools",
                "the pools differ in size; how half-lives add up in a mixture was tested for equal "
                "pools only, and is taken by share here.",
            )
        )
    found.append(
        Notice(
            "one_size",
            "utility and half-life hold for the size of model and the evaluation of the runs; "
            f"all pools start alike at {format_quantity(unpack(known.values)[0].unit)} tokens.",
        )
    )
    return tuple(found)


def _unknown(name: str, names: Sequence[str]) -> InputError:
    return InputError(
        f'there is no pool "{name[:60]}".',
        code="unknown_pool",
        where=Where(field="pools"),
        hint=f"The runs have {', '.join(names)}.",
    )
