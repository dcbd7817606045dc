"""``isoloss serve``: the run that costs least to train and to serve."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from isoloss.cli.means import MEANS, MeansOptions
from isoloss.cli.options import OUTPUT, Amount, Output, amounts, placed
from isoloss.cli.rates import SERVING, ServingOptions
from isoloss.cli.source import SOURCE, Source
from isoloss.cli.targets import check_target
from isoloss.cli.text import footer

if TYPE_CHECKING:
    from isoloss.planning.serving import ServingPlan


def serve(
    budget: str | None = None,
    /,
    *,
    served: str,
    loss: Amount | None = None,
    lifetime: Amount | None = None,
    source: Source = SOURCE,
    means: MeansOptions = MEANS,
    serving: ServingOptions = SERVING,
    save: str | None = None,
    output: Output = OUTPUT,
) -> None:
    """Plan a model that will serve tokens: smaller, and trained on more.

    isoloss serve 1e24 --served 2T,10T --fit fit.json takes the loss of the compute-optimal run of
    1e24 FLOP, and asks which run of that loss costs least to train and to serve (6 N D + 2 N per
    served token). --loss sets the loss itself; --lifetime asks for the lowest loss that a budget
    for training and serving together pays for.

    Args:
        budget: Training compute whose compute-optimal run sets the loss: FLOP, or
            '12k H100-hours' and the like.
        served: Tokens to be served, one amount or several: 2T or 0,2T,10T.
        loss: The loss to reach, instead of a budget.
        lifetime: A budget for training and serving together, instead: FLOP; device-hours with
            --hardware; money with --price.
        source: From what is planned.
        means: With what is trained: hours count, and money with --price.
        serving: With what is served.
        save: Also write the plan to this JSON file.
        output: How the answer is written.
    """
    from isoloss.planning.card import command_of
    from isoloss.planning.hardware import parse_budget
    from isoloss.planning.serving import serve as plan_serving

    with placed("BUDGET"):
        amount = None if budget is None else parse_budget(budget)
    several = amounts(served, "--served") or ()
    if save is not None:
        check_target(save, "isoloss.serving", [source.fit] if source.fit else [])
    found, keywords = source.read()
    training = means.means() if amount is None else means.means().naming(amount)
    train, serve_on = serving.rates(training)
    plan = plan_serving(
        found,
        amount,
        served=several,
        loss=loss,
        lifetime=lifetime,
        train=train,
        serving=serve_on,
        devices=means.devices,
        **keywords,
    )
    given = {"served": served, "loss": loss, "lifetime": lifetime, **source.again()}
    words = () if budget is None else (budget,)
    command = command_of("serve", *words, **given, **serving.again(means))
    plan = replace(plan, command=command)
    if save is not None:
        plan.save(save)
        output.note(f"-> {save}")
    output.give(text=lambda: report(plan), document=plan.to_dict)


def report(plan: ServingPlan) -> str:
    """A serving plan as text, with what is needed to find it again."""
    return f"{plan.summary()}\n{footer(plan.facts['data_hash'], plan.facts['seed'])}"
