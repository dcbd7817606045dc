"""``isoloss plan``: from a budget to a model size and tokens, and back from a target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from isoloss.cli.means import MEANS, MeansOptions
from isoloss.cli.options import OUTPUT, Amount, Output, amounts, placed
from isoloss.cli.targets import check_target
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.fitting import Fit
    from isoloss.planning import Answer, Plan, PublishedPlans
    from isoloss.planning.hardware import Budget, Means


def plan(
    budget: str | None = None,
    /,
    *,
    fit: str | None = None,
    law: str | None = None,
    published: bool = False,
    key: str | None = None,
    loss: Amount | None = None,
    n: Amount | None = None,
    d: Amount | None = None,
    u: Amount | None = None,
    flop_per_token: str = "6nd",
    serve: str | None = None,
    backtest: str | None = None,
    save: str | None = None,
    arch: str | None = None,
    means: MeansOptions = MEANS,
    output: Output = OUTPUT,
) -> None:
    """Turn a budget into a model size and tokens, with intervals.

    From a fit of your runs: isoloss plan 1e24 --fit fit.json, or isoloss plan '12k H100-hours'
    --mfu 0.4 --fit fit.json; '29 days' with --hardware and --devices; '$2M' with --price.

    The other way round: --loss 2.0 asks what compute reaches a loss; with --n or --d, what a given
    size or number of tokens needs.

    Without runs: isoloss plan 1e24 --published compares all published laws, and --law chinchilla
    --published plans by one. Exits with 3 where the runs cannot answer.

    Args:
        budget: FLOP such as 1e24, '12k H100-hours', '29 days' or '$2M'.
        fit: A fit that isoloss fit --save wrote.
        law: With --published, plan by this law only.
        published: Plan with published coefficients.
        key: With --law, which published coefficients; isoloss laws show LAW lists them.
        loss: The loss to reach, instead of a budget.
        n: A size that is given, such as 7B; the tokens are asked for.
        d: Tokens that are given, such as 1.4T; the size is asked for.
        u: Distinct tokens there are, for laws in U, such as 300B.
        flop_per_token: What a token costs: 6nd for C = 6 N D, or runs for what the runs cost.
        serve: Tokens that the model will serve, such as 2T or 2T,10T: adds the smaller runs of
            the same loss that cost less to train and serve. See isoloss serve.
        backtest: With --fit, what isoloss backtest --save wrote of the same runs and law: the loss
            then counts the law's own error, and the plan says how N* moved.
        save: Also write the plan to this JSON file.
        arch: With --hardware, the shape where it is known: what its attention adds to the cost.
        means: With what is trained; gives the plan its cost.
        output: How the answer is written.
    """
    from isoloss.atomic import write_text
    from isoloss.document import dumps
    from isoloss.planning.card import command_of
    from isoloss.planning.hardware import parse_budget

    with placed("BUDGET"):
        amount = None if budget is None else parse_budget(budget)
    served = amounts(serve, "--serve")
    demand = Demand(amount, loss, n, d, u, flop_per_token, means, arch, served, backtest)
    if fit is not None:
        _refuse("--published", published or law is not None or key is not None, "a fit")
        schema = demand.check()
    else:
        inverse = any(value is not None for value in (loss, n, d)) or flop_per_token != "6nd"
        schema = _check_published(demand, law, key, published=published, inverse=inverse)
    if save is not None:
        check_target(save, schema, [path for path in (fit, backtest) if path])
    found = _from_fit(fit, demand) if fit is not None else _from_published(demand, law, key)
    if schema == "isoloss.plan":
        rule = None if flop_per_token == "6nd" else flop_per_token
        again = {"fit": fit, "law": law, "key": key, "published": published, "u": u}
        again |= {"flop_per_token": rule, "serve": serve, "backtest": backtest, "arch": arch}
        again |= vars(means)
        found = replace(found, command=command_of("plan", budget, **again))
    if save is not None:
        write_text(save, dumps(found.to_dict()))
        output.note(f"-> {save}")
    output.give(text=lambda: report(found), document=found.to_dict)


def report(found: Plan | Answer | PublishedPlans) -> str:
    """A plan as text, with what is needed to find it again."""
    made = (getattr(found, "data_hash", None), getattr(found, "seed", None))
    return f"{found.summary()}\n{footer(*made)}"


@dataclass(frozen=True)
class Demand:
    """What is asked of a plan.

    Attributes:
        budget: what may be spent.
        loss: the loss to reach, instead.
        n: a given size.
        d: given tokens.
        u: distinct tokens there are.
        flop_per_token: what a token costs.
        options: with what is trained.
        arch: the shape, where it is known.
        served: tokens to be served.
        backtest: file of a backtest.
    """

    budget: Budget | None
    loss: float | None
    n: float | None
    d: float | None
    u: float | None
    flop_per_token: str
    options: MeansOptions = MEANS
    arch: str | None = None
    served: tuple[float, ...] | None = None
    backtest: str | None = None

    @property
    def means(self) -> Means:
        """With what is trained, with the hardware that the budget names."""
        means = self.options.means()
        return means if self.budget is None else means.naming(self.budget)

    def check(self) -> str:
        """The schema of the answer.

        Raises:
            InputError: too much or too little is given.
        """
        if self.n is not None and self.d is not None:
            raise InputError(
                "size and tokens are both given, so nothing is left to plan.",
                code="conflicting_options",
                where=Where(field="--d"),
                hint="Ask isoloss predict FIT.json --n N --d D for the loss.",
            )
        if self.budget is not None and self.loss is not None:
            raise InputError(
                "a budget and a loss are both given, where one of them is expected.",
                code="conflicting_options",
                where=Where(field="--loss"),
                hint="Keep the budget to learn the loss, or --loss to learn the budget.",
            )
        if self.budget is None and self.loss is None:
            raise _no_budget("1e24 --fit fit.json")
        inverse = self.loss is not None or self.n is not None or self.d is not None
        _refuse("--serve", self.served is not None and inverse, "--loss, --n or --d")
        _refuse("--backtest", self.backtest is not None and inverse, "--loss, --n or --d")
        plain = self.loss is None and self.n is None and self.d is None
        return "isoloss.plan" if plain else "isoloss.answer"


def _from_fit(path: str, demand: Demand) -> Plan | Answer:
    from isoloss.fitting import Fit
    from isoloss.planning import plan as plan_fit
    from isoloss.planning import priced
    from isoloss.validation import Backtest

    found = Fit.load(path)
    if demand.budget is not None and demand.n is None and demand.d is None:
        means = demand.means
        return plan_fit(
            found,
            demand.budget,
            unique_tokens=demand.u,
            flop_per_token=demand.flop_per_token,
            hardware=means.hardware,
            mfu=means.mfu,
            price=means.price,
            devices=means.devices,
            arch=demand.arch,
            served=demand.served,
            backtest=None if demand.backtest is None else Backtest.load(demand.backtest),
        )
    return priced(_inverse(found, demand), replace(demand.means, arch=demand.arch))


def _inverse(found: Fit, demand: Demand) -> Answer:
    from isoloss.planning import flop_for_loss, params_for, tokens_for
    from isoloss.planning.hardware import flop_of, settle

    loss, unique, rule = demand.loss, demand.u, demand.flop_per_token
    n, budget = demand.n, demand.budget
    flop = None
    if budget is not None:
        means = demand.means
        flop = flop_of(budget, means) if n is None else settle(budget, means, lambda _: n).flop
    if n is not None:
        return tokens_for(found, n, flop=flop, loss=loss, unique_tokens=unique, flop_per_token=rule)
    if demand.d is not None:
        return params_for(
            found, demand.d, flop=flop, loss=loss, unique_tokens=unique, flop_per_token=rule
        )
    assert loss is not None
    return flop_for_loss(found, loss, unique_tokens=unique, flop_per_token=rule)


def _from_published(demand: Demand, law: str | None, key: str | None) -> Plan | PublishedPlans:
    from isoloss.planning import plan_law, plan_published

    assert demand.budget is not None
    means = demand.means
    if law is None:
        return plan_published(
            demand.budget,
            hardware=means.hardware,
            mfu=means.mfu,
            price=means.price,
            devices=means.devices,
        )
    return plan_law(
        law,
        demand.budget,
        key=key,
        unique_tokens=demand.u,
        served=demand.served,
        hardware=means.hardware,
        mfu=means.mfu,
        price=means.price,
        devices=means.devices,
        arch=demand.arch,
    )


def _check_published(
    demand: Demand, law: str | None, key: str | None, *, published: bool, inverse: bool
) -> str:
    """The schema of the answer where there is no fit."""
    if law is not None and not published:
        raise InputError(
            f"it is not said with which numbers to use the law {law[:60]}.",
            code="missing_argument",
            where=Where(field="--published"),
            hint="Add --published for its published coefficients, or fit it to your runs: "
            f"isoloss fit RUNS --law '{law[:60]}' --save fit.json.",
        )
    if not published:
        raise InputError(
            "a plan needs a fit of your runs, or published coefficients.",
            code="missing_argument",
            where=Where(field="--fit"),
            hint="Give --fit fit.json (isoloss fit RUNS --save fit.json makes one), or compare "
            "the published laws with --published.",
        )
    _refuse("--loss, --n, --d and --flop-per-token", inverse, "published laws")
    _refuse("--backtest", demand.backtest is not None, "published laws")
    _refuse("--key", key is not None and law is None, "all laws together")
    _refuse("--u", demand.u is not None and law is None, "all laws together")
    _refuse("--serve", demand.served is not None and law is None, "all laws together")
    if demand.budget is None:
        raise _no_budget("1e24 --published")
    return "isoloss.plan" if law is not None else "isoloss.published_plans"


def _refuse(option: str, given: bool, beside: str) -> None:
    if given:
        raise InputError(
            f"{option} cannot be used with {beside}.",
            code="conflicting_options",
            where=Where(field=option.split(",")[0]),
            hint="isoloss plan --help shows what goes together.",
        )


def _no_budget(example: str) -> InputError:
    return InputError(
        "it is not said what may be spent.",
        code="missing_argument",
        where=Where(field="BUDGET"),
        hint=f"Give FLOP, device-hours, days or money, for example: isoloss plan {example}.",
    )
