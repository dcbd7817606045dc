"""``isoloss plan``: from a budget to a model size and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isoloss.cli.options import OUTPUT, Amount, Output, placed
from isoloss.cli.targets import check_target
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.planning import Plan, PublishedPlans


def plan(
    budget: str | None = None,
    /,
    *,
    fit: str | None = None,
    law: str | None = None,
    published: bool = False,
    key: str | None = None,
    u: Amount | None = None,
    flop_per_token: str = "6nd",
    save: str | None = None,
    output: Output = OUTPUT,
) -> None:
    """Turn a compute budget into a model size and tokens, with intervals.

    From a fit of your runs: isoloss plan 1e24 --fit fit.json. From published coefficients:
    isoloss plan 1e24 --law chinchilla --published. All published laws in one table: isoloss plan
    1e24 --published. Exits with 3 where the runs cannot answer.

    Args:
        budget: Compute in FLOP, such as 1e24 or 6.5e20.
        fit: A fit that isoloss fit --save wrote.
        law: With --published, only this law.
        published: Plan with published coefficients.
        key: With --law, which published coefficients; isoloss laws show LAW lists them.
        u: Distinct tokens there are, for laws in U, such as 300B.
        flop_per_token: What a token costs: 6nd for C = 6 N D, or runs for what the runs cost.
        save: Also write the plan to this JSON file.
        output: How the answer is written.
    """
    from isoloss.atomic import write_text
    from isoloss.document import dumps
    from isoloss.planning.compute import parse_flop

    _check_source(fit, law, published=published)
    if budget is None:
        raise _missing("BUDGET", "Give the compute in FLOP, for example isoloss plan 1e24 ...")
    if save is not None:
        check_target(save, "isoloss.plan" if fit or law else "isoloss.published_plans")
    with placed("BUDGET"):
        flop = parse_flop(budget)
    found = _plan(flop, fit, law, key, u, flop_per_token)
    if save is not None:
        write_text(save, dumps(found.to_dict()))
    output.give(text=found.summary, document=found.to_dict)


def _plan(
    flop: float,
    fit: str | None,
    law: str | None,
    key: str | None,
    unique_tokens: float | None,
    flop_per_token: str,
) -> Plan | PublishedPlans:
    from isoloss.planning import plan as plan_fit
    from isoloss.planning import plan_law, plan_published

    if fit is not None:
        from isoloss.fitting import Fit

        return plan_fit(
            Fit.load(fit), flop, unique_tokens=unique_tokens, flop_per_token=flop_per_token
        )
    if law is not None:
        return plan_law(law, flop, key=key, unique_tokens=unique_tokens)
    return plan_published(flop)


def _check_source(fit: str | None, law: str | None, *, published: bool) -> None:
    """Refuse combinations of --fit, --law and --published that say two things or nothing."""
    if fit is not None and (published or law is not None):
        raise InputError(
            "a fit and published laws are both given, where one of them is expected.",
            code="conflicting_options",
            where=Where(field="--fit"),
            hint="Keep --fit FIT.json, or --law NAME --published.",
        )
    if law is not None and not published:
        raise InputError(
            f"it is not said with which numbers to use the law {law[:60]}.",
            code="missing_argument",
            where=Where(field="--published"),
            hint="Add --published for its published coefficients, or fit it to your runs: "
            f"isoloss fit RUNS --law {law[:60]} --save fit.json.",
        )
    if fit is None and not published:
        raise _missing(
            "--fit",
            "Give a fit, --fit fit.json (isoloss fit RUNS --save fit.json makes one), or compare "
            "the published laws with --published.",
        )


def _missing(field: str, hint: str) -> InputError:
    return InputError(
        "isoloss plan needs a value for it.",
        code="missing_argument",
        where=Where(field=field),
        hint=hint,
    )
