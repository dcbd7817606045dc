"""``isoloss data mix`` and ``pools``: which data to train on, in which proportions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from isoloss.cli.backtest import split_names
from isoloss.cli.options import OUTPUT, Amount, Draws, Output, Seed, number, pairs, placed
from isoloss.cli.targets import check_target
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.planning.data import Mixture, PoolPlan


def mix(
    table: str,
    /,
    *,
    target: str,
    weights: str = "w_",
    rest: str | None = None,
    where: str | None = None,
    min: Annotated[list[str] | None, Parameter(name="--min")] = None,
    max: Annotated[list[str] | None, Parameter(name="--max")] = None,
    pool: list[str] | None = None,
    tokens: Amount | None = None,
    max_epochs: Amount = 4.0,
    extrapolate: bool = False,
    test: str | None = None,
    test_where: str | None = None,
    draws: Draws = 200,
    seed: Seed = 0,
    save: str | None = None,
    output: Output = OUTPUT,
) -> None:
    """Find the mixture of domains with the lowest loss, by small runs on other mixtures.

    Exits with 3 where the runs cannot tell the domains apart.

    Args:
        table: One run per row: proportions of the domains, and losses.
        target: Columns with losses, with commas between; loss_code=2 counts twice.
        weights: Columns with proportions, with commas between, or the prefix they share.
        rest: Name of a domain that has no column and fills the proportions up to one.
        where: Read only rows that meet this SQL condition.
        min: Smallest proportion of a domain, wiki=0.05; repeatable.
        max: Largest proportion of a domain, code=0.3; repeatable.
        pool: Unique tokens of a domain, wiki=4B; with --tokens it caps the proportion; repeatable.
        tokens: Tokens of the run that is planned, such as 100B.
        max_epochs: How often a pool may be read.
        extrapolate: Allow proportions that no run had.
        test: Another table on which the law is scored; the same table with --test-where.
        test_where: Rows of it.
        draws: Refits for the intervals.
        seed: Seed of draws and folds.
        save: Also write the mixture to this JSON file.
        output: How the answer is written.
    """
    from isoloss.fitting.mixture_table import read_mixtures
    from isoloss.planning.data import mix_data

    if save is not None:
        check_target(save, "isoloss.mixture", [table])
    targets = _targets(target)
    names = split_names(weights, "--weights")
    domains = names if len(names) > 1 or rest is not None else names[0]
    further = None
    if test is not None or test_where is not None:
        further = read_mixtures(
            test or table, targets=tuple(targets), domains=domains, rest=rest, where=test_where
        )
    with output.working("fitting the mixing law ..."):
        found = mix_data(
            table,
            targets=targets,
            domains=domains,
            rest=rest,
            where=where,
            at_least=_shares(min, "--min", "wiki=0.05"),
            at_most=_shares(max, "--max", "code=0.3"),
            pools=dict(pairs(pool or [], "--pool", "wiki=4B")),
            tokens=tokens,
            max_epochs=max_epochs,
            extrapolate=extrapolate,
            test=further,
            draws=draws,
            seed=seed,
        )
    if save is not None:
        found.save(save)
        output.note(f"-> {save}")
    output.give(text=lambda: _report(found), document=found.to_dict)


def pools(
    runs: str,
    /,
    *,
    tokens: Amount,
    pool: list[str] | None = None,
    where: str | None = None,
    draws: Draws = 200,
    seed: Seed = 0,
    save: str | None = None,
    output: Output = OUTPUT,
) -> None:
    """Choose which pools to train on: better data read more often, or more of worse data.

    Args:
        runs: One run per row, of one model size: pool, unique_tokens, tokens, loss.
        tokens: Tokens of the run that is planned, such as 100B.
        pool: Unique tokens there are of a pool, books=4B; the largest of the runs by default.
        where: Read only rows that meet this SQL condition.
        draws: Draws for the intervals.
        seed: Seed of the draws.
        save: Also write the answer to this JSON file.
        output: How the answer is written.
    """
    from isoloss.planning.data import plan_pools

    if save is not None:
        check_target(save, "isoloss.pools", [runs])
    with output.working("fitting the pools ..."), placed("--pool"):
        found = plan_pools(
            runs,
            tokens,
            pools=dict(pairs(pool or [], "--pool", "books=4B")),
            where=where,
            draws=draws,
            seed=seed,
        )
    if save is not None:
        found.save(save)
        output.note(f"-> {save}")
    output.give(text=lambda: _report(found), document=found.to_dict)


def _targets(text: str) -> dict[str, float]:
    targets: dict[str, float] = {}
    for item in split_names(text, "--target"):
        name, equals, weight = item.rpartition("=")
        if not equals:
            name, weight = item, "1"
        if name in targets:
            raise InputError(
                f'"{name[:60]}" is given twice.',
                code="repeated_value",
                where=Where(field="--target"),
            )
        targets[name] = number(weight, "--target")
    return targets


def _shares(items: list[str] | None, option: str, example: str) -> dict[str, float]:
    return {
        name: number(value, option) for name, value in pairs(items or [], option, example).items()
    }


def _report(found: Mixture | PoolPlan) -> str:
    return f"{found.summary()}\n{footer(found.data_hash, found.seed)}"
