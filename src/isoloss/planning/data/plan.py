"""Plan a run on limited data: the verb ``iso.plan_data``."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting import Fit, Notice, Quantity
from isoloss.laws import Law
from isoloss.laws.compute import format_flop, parse_flop
from isoloss.planning.data.epochs import effective_tokens, half_life_notice
from isoloss.planning.data.result import DataPlan, Option
from isoloss.planning.data.subject import Subject, subject
from isoloss.planning.data.trust import Trust
from isoloss.planning.data.value import price_per_flop, token_values
from isoloss.planning.equal_loss import params_at_flop
from isoloss.planning.plan import plan as plan_fit
from isoloss.planning.plan import spread
from isoloss.planning.published import plan_law
from isoloss.planning.result import Plan
from isoloss.runs import format_quantity, parse_quantity

Array = NDArray[np.float64]
STEPS = 40


def plan_data(
    source: Fit | Law | str,
    flop: float | str,
    *,
    unique_tokens: float | str,
    key: str | None = None,
    flop_per_token: str = "6nd",
    price_per_1e21_flop: float | None = None,
    price_per_hour: float | None = None,
    flop_per_second: float | None = None,
) -> DataPlan:
    """What to train with a given compute when only so many different tokens exist.

    Args:
        source: a fit of repetition or lovelace, or a law with published coefficients.
        flop: the budget: a number, or a text such as ``1e24`` or ``1e24 FLOP``.
        unique_tokens: different tokens there are, a number or a text such as ``100B``.
        key: which published coefficients; the law's default ones if None.
        flop_per_token: ``6nd`` for C = 6 N D, or ``runs`` for what the runs cost.
        price_per_1e21_flop: money, to say what more data would be worth.
        price_per_hour: the same per hour of a device, with ``flop_per_second``.
        flop_per_second: what a device does, peak times utilisation.

    Raises:
        InputError: an argument is unusable.
        EvidenceError: the law does not know unique tokens, the runs cannot answer, or the best run
            lies where the law is known to fail.
    """
    budget, unique = parse_flop(flop), parse_quantity(unique_tokens)
    price = price_per_flop(price_per_1e21_flop, price_per_hour, flop_per_second)
    by = subject(source, key=key, flop_per_token=flop_per_token)
    unlimited = _plan(by, budget, None)
    enough = unlimited.tokens.estimate
    binds = enough > unique
    best = _plan(by, budget, unique) if binds else unlimited
    size = by.size_for(unique)
    params, tokens = best.n_params.estimate, best.tokens.estimate
    trust = by.trust(params, tokens, unique, size)
    if trust.verdict == "refuse":
        trust.require(_way_out(by, budget, unique, size))
    values = token_values(by, budget, unique, enough, price) if binds else ()
    return DataPlan(
        flop=budget,
        unique_tokens=unique,
        binding="unique_tokens" if binds else "flop",
        n_params=best.n_params,
        tokens=best.tokens,
        epochs=_times(best.tokens, 1.0 / unique),
        worth=effective_tokens(by, params, tokens, unique),
        loss=best.loss,
        loss_mean=best.loss_mean,
        oversize=params / size,
        n_params_one_epoch=size,
        options=_options(by, budget, unique, size, best, unlimited) if binds else (),
        values=values,
        price_per_flop=price,
        decades_beyond_data=best.decades_beyond_data,
        law=best.law,
        formula=best.formula,
        source=best.source,
        conventions=best.conventions,
        ci=best.ci,
        level=best.level,
        seed=best.seed,
        data_hash=best.data_hash,
        n_runs=best.n_runs,
        warnings=(*best.warnings, *_warnings(by, trust, binds, enough, unique)),
        notes=_notes(by, best, binds),
    )


def _plan(by: Subject, flop: float, unique_tokens: float | None) -> Plan:
    if by.fit is not None:
        return plan_fit(by.fit, flop, unique_tokens=unique_tokens, flop_per_token=by.rule.name)
    assert by.published is not None
    return plan_law(by.law, flop, key=by.published.key, unique_tokens=unique_tokens)


def _options(
    by: Subject, flop: float, unique: float, size: float, best: Plan, unlimited: Plan
) -> tuple[Option, ...]:
    per_token = flop / unique
    full = float(params_at_flop(by.surface(None), np.asarray(per_token)))
    runs = {
        "repeat": (best.n_params.estimate, best.tokens.estimate),
        "one_epoch": (full, unique),
        "as_if_new": (unlimited.n_params.estimate, unlimited.tokens.estimate),
        "small": (size, unique),
    }
    options = [
        _option(by, name, params, tokens, unique, size) for name, (params, tokens) in runs.items()
    ]
    endless = unlimited.n_params.estimate, unlimited.tokens.estimate
    return (*options, _option(by, "unlimited", *endless, endless[1], endless[0]))


def _option(
    by: Subject, name: str, params: float, tokens: float, unique: float, size: float
) -> Option:
    x = {"N": np.asarray(params), "D": np.asarray(tokens), "U": np.asarray(min(unique, tokens))}
    draws = by.law.value(by.draws.T, x)
    return Option(
        name=name,
        flop=float(by.rule.per_token(np.asarray(params))) * tokens,
        n_params=params,
        tokens=tokens,
        epochs=tokens / unique,
        loss_mean=spread(by.value(params, tokens, unique), draws, by.level),
        trust=by.trust(params, tokens, unique, size).verdict,
    )


def _way_out(by: Subject, flop: float, unique: float, size: float) -> str:
    """What can be asked instead: the largest budget that the law carries on these tokens."""
    low, high = math.log(by.compute_for(unique)), math.log(flop)
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        found = _plan(by, math.exp(middle), unique)
        run = found.n_params.estimate, found.tokens.estimate
        failed = by.trust(*run, unique, size).verdict == "refuse"
        low, high = (low, middle) if failed else (middle, high)
    return (
        f"On {format_quantity(unique)} unique tokens this law carries budgets up to about "
        f"{format_flop(float(f'{math.exp(low):.2g}'))} FLOP. Spend less, find more data, or fit "
        "lovelace, whose loss can rise, to runs of your own that go as far."
    )


def _warnings(by: Subject, trust: Trust, binds: bool, enough: float, unique: float) -> list[Notice]:
    found: list[Notice] = []
    if not binds:
        found.append(
            Notice(
                "data_do_not_bind",
                f"the budget reads {format_quantity(enough)} of {format_quantity(unique)} unique "
                "tokens once: compute binds, not data, and more data would change nothing.",
            )
        )
    if trust.verdict == "warn":
        found.append(Notice("near_failure", f"{trust.message}"))
    if by.published is not None and by.saturates:
        found.append(
            Notice(
                "level_is_off",
                "compare losses with each other only: at 2.8B to 8.7B params the published law "
                "says 0.13 to 0.22 nats less than was logged.",
            )
        )
    if binds and by.saturates:
        found.append(half_life_notice(by))
    return found


def _notes(by: Subject, best: Plan, binds: bool) -> tuple[Notice, ...]:
    # Said of plans in general, and better here: which other law, and that U is given.
    found = [note for note in best.notes if note.code not in ("law_choice", "unique_tokens")]
    if binds:
        found.append(
            Notice(
                "other_form",
                "the loss of this law cannot rise with repetition; lovelace, fitted to runs that "
                "repeat, advises larger models and fewer epochs at large compute."
                if by.saturates
                else "fit repetition to the same runs too, and compare both on runs left out "
                "(isoloss compare --law repetition,lovelace).",
            )
        )
    return tuple(found)


def _times(quantity: Quantity, factor: float) -> Quantity:
    return Quantity(
        quantity.estimate * factor, quantity.lo * factor, quantity.hi * factor, quantity.level
    )
