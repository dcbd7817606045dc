"""``isoloss optima``: types of optimality and strategies at one budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from isoloss.cli.means import MEANS, MeansOptions
from isoloss.cli.options import OUTPUT, Amount, Output, placed
from isoloss.cli.rates import SERVING, ServingOptions, memory_of
from isoloss.cli.source import SOURCE, Source
from isoloss.cli.text import footer

if TYPE_CHECKING:
    from isoloss.planning.optimality import Optima


def optima(
    budget: str,
    /,
    *,
    n: Amount | None = None,
    d: Amount | None = None,
    memory: str | None = None,
    bytes_per_param: Amount = 2.0,
    served: Amount | None = None,
    days: Amount | None = None,
    money: Amount | None = None,
    source: Source = SOURCE,
    means: MeansOptions = MEANS,
    serving: ServingOptions = SERVING,
    output: Output = OUTPUT,
) -> None:
    """Compare what 'optimal' can mean at one budget, and the rules that people use.

    Compute-optimal always; data-optimal with --n; parameter-optimal with --d or --memory;
    inference-optimal with --served; time-optimal with --days, --devices, --hardware and --mfu;
    money-optimal with --hardware, --mfu and --price. Rules such as 20 tokens per param are scored
    by the loss that they give away under your own law.

    Args:
        budget: Training compute in FLOP, or '12k H100-hours' and the like.
        n: A given size, such as 70B.
        d: Given training tokens, such as 1T.
        memory: Memory that the weights must fit into, such as 80GB.
        bytes_per_param: What a weight takes there; 2 for bf16.
        served: Tokens that the model will serve, such as 2T.
        days: Days within which it must be trained.
        money: What may be spent on training and serving, such as 2M.
        source: From what is planned.
        means: With what is trained.
        serving: With what is served.
        output: How the answer is written.
    """
    from isoloss.planning.card import command_of
    from isoloss.planning.hardware import parse_budget
    from isoloss.planning.optimality import optima as compare

    with placed("BUDGET"):
        amount = parse_budget(budget)
    there = memory_of(memory)
    found, keywords = source.read()
    training = means.means().naming(amount)
    train, serve = serving.rates(training)
    table = compare(
        found,
        amount,
        n_params=n,
        tokens=d,
        memory_bytes=there,
        bytes_per_param=bytes_per_param,
        served=served,
        deadline_days=days,
        devices=means.devices,
        money=money,
        train=train,
        serving=serve,
        **keywords,
    )
    limits: dict[str, object] = {"n": n, "d": d, "memory": memory, "served": served, "days": days}
    limits["bytes_per_param"] = None if bytes_per_param == 2 else bytes_per_param
    limits["money"] = money
    again = {**source.again(), **limits, **serving.again(means)}
    table = replace(table, command=command_of("optima", budget, **again))
    output.give(text=lambda: report(table), document=table.to_dict)


def report(table: Optima) -> str:
    """The table as text, with what is needed to find it again."""
    return f"{table.summary()}\n{footer(table.facts['data_hash'], table.facts['seed'])}"
