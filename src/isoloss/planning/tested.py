"""What a backtest adds to a plan: a loss that counts the law's own error, and the drift."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isoloss.errors import InputError, Where
from isoloss.fitting import Fit, Notice
from isoloss.laws.compute import format_flop
from isoloss.planning.result import Plan
from isoloss.runs import format_quantity
from isoloss.validation import Backtest, forecast


def with_backtest(plan: Plan, fit: Fit, backtest: Backtest | None = None) -> Plan:
    """The same plan, its loss forecast with what a backtest says of the law's own error.

    ``loss`` then contains law, noise and discrepancy; ``loss_mean`` stays that of the law alone.
    What the backtest holds against the law becomes warnings, and how N* moved becomes a note.

    Args:
        plan: made from the fit.
        fit: the fit.
        backtest: over compute tiers, of the same runs and with the law of the fit; by default one
            is made.

    Raises:
        InputError: the plan is of another fit, or the backtest of other runs.
        EvidenceError: too few compute tiers to learn from.
    """
    if plan.data_hash != fit.points.data_hash or plan.formula != fit.law.formula:
        raise InputError(
            f"the plan is not of this fit: it is by {plan.law}, and the fit by {fit.law.name}, or "
            "their runs differ.",
            code="other_fit",
            where=Where(field="plan"),
            hint="Plan again from this fit.",
        )
    x = {"N": plan.n_params.estimate, "D": plan.tokens.estimate, "C": plan.flop}
    if plan.unique_tokens is not None:
        x["U"] = min(plan.unique_tokens, plan.tokens.estimate)
    wanted = {name: np.array([x[name]]) for name in fit.law.variables if name in x}
    found = forecast(fit, wanted, backtest=backtest)
    point = found.points[0]
    parts = point.parts
    told = {notice.code for notice in plan.warnings}
    notes = [
        Notice(
            "discrepancy",
            f"the interval of the loss counts the law's own error, {parts.discrepancy:.2%} by the "
            f"backtest (drift {parts.drift:.2%}, spread over laws {parts.laws:.2%}, trend "
            f"{parts.trend:.2%}); if the law holds, it is {point.loss_run.lo:.4g} to "
            f"{point.loss_run.hi:.4g}.",
        )
    ]
    if backtest is not None:
        notes += _drift(backtest, found.law)
    kept = (note for note in plan.notes if note.code != "drift_not_measured" or len(notes) < 2)
    return replace(
        plan,
        loss=point.loss,
        warnings=(*plan.warnings, *(w for w in found.warnings if w.code not in told)),
        notes=(*notes, *kept),
    )


def _drift(backtest: Backtest, law: str) -> list[Notice]:
    """How the best size at the target of the backtest moved."""
    sizes = [size.estimate for size in backtest.sizes(law) if size is not None]
    if len(sizes) < 2:
        return []
    message = (
        f"at {format_flop(backtest.target_flop)} FLOP the best N by {law} went from "
        f"{format_quantity(sizes[0])} to {format_quantity(sizes[-1])} as larger budgets were added "
        f"to the fit, {format_quantity(min(sizes))} to {format_quantity(max(sizes))} on the way."
    )
    return [Notice("drift_measured", message)]
