"""What must be known of a pilot, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator

from isoloss.fitting import Notice
from isoloss.laws import distance_outside
from isoloss.laws.compute import format_flop
from isoloss.planning.pilot.belief import Belief
from isoloss.planning.pilot.result import PilotPlan
from isoloss.planning.pilot.sizes import BYTES
from isoloss.planning.pilot.text import OPEN
from isoloss.planning.settings import hparams
from isoloss.runs import PARAM_COUNTS

FAR = 2.0  # decades beyond the largest run
GAIN = 1.1  # an interval this much wider is worth naming
LEFT = 0.2  # share of the budget that is worth explaining when unspent
USUAL_BATCH = {BYTES: 512}


def warnings_of(plan: PilotPlan, held: Belief) -> Iterator[Notice]:
    """What must be known of the numbers."""
    message = (
        "the expected interval holds if the law does; a pilot of another shape of loss is wider "
        "or beside the truth. Backtest after the pilot: isoloss backtest RUNS."
    )
    yield Notice("assumes_law", message)
    if held.kind == "guess":
        yield Notice("guess", "the law's parameters are a guess; the design is best only near it.")
    if held.kind == "published":
        yield from _outside(plan, held)
    if held.kind == "shipped":
        message = (
            "there are no runs of yours: the law is that of byte-level models on speeches, which "
            "other text and other settings will move."
        )
        yield Notice("shipped_prior", message)
    if plan.noise_source == "assumed":
        message = (
            f"the noise of a run, {plan.noise:.2%}, is an assumption, and all widths are in "
            "proportion to it; two seeds of one run measure it (--noise)."
        )
        yield Notice("assumed_noise", message)
    if plan.half_width["after"] >= OPEN:
        message = "the pilot leaves this number open; narrow another one, or spend more."
        yield Notice("still_open", message)
    if plan.decades_beyond > FAR:
        message = (
            f"the target is {plan.decades_beyond:.1f} decades beyond the largest run: what the "
            "law misses grows over that distance."
        )
        if plan.narrow == "loss":
            message += " N* there hangs on it less (--narrow size)."
        yield Notice("far_target", message)
    if held.kind == "fit" and held.n not in PARAM_COUNTS:
        message = (
            f'N of the fit is the column "{held.n}", whose meaning is not stated; shapes are '
            "counted as matmul (with the head, without the input embedding). --n says otherwise."
        )
        yield Notice("unstated_n", message)


def _outside(plan: PilotPlan, held: Belief) -> Iterator[Notice]:
    if held.published is None:
        return
    worst: dict[str, float] = {}
    for run in plan.runs:
        found = distance_outside(held.published, {"N": run.n_params, "D": run.tokens})
        worst = {k: max(found.get(k, 1.0), worst.get(k, 1.0)) for k in {*found, *worst}}
    if worst:
        far = ", ".join(f"{name} {factor:,.3g}x" for name, factor in sorted(worst.items()))
        message = f"the runs lie outside the range of these coefficients ({far})."
        yield Notice("outside_range", message)


def notes_of(plan: PilotPlan, held: Belief) -> Iterator[Notice]:
    """What would change the design, and what it is compared with."""
    batch, usual = plan.recipe["batch_tokens"], USUAL_BATCH.get(plan.recipe["vocab"])
    if usual is not None and batch < usual:
        message = (
            f"the batch is {batch} tokens, not the usual {usual}, so that runs of this size have "
            f"{plan.limits['steps']:.0f} steps."
        )
        yield Notice("small_batch", message)
    yield from _of_rates(plan)
    gains = [rival.gain for rival in plan.rivals]
    if gains and min(gains) < GAIN:
        message = "a design that needs no law does as well here: take the plainer one."
        yield Notice("no_gain", message)
    left = plan.reserve_flop / plan.budget_flop
    if left > LEFT:
        bound = len(plan.runs) >= plan.limits["runs"]
        why = "of the limit of runs (--runs)" if bound else "larger groups would not narrow it more"
        message = (
            f"{left:.0%} of the budget is not spent because {why}; repeat runs with other seeds, "
            "or narrow another number."
        )
        yield Notice("unspent", message)
    groups = [run.flop_budget for run in plan.runs if run.group == "isoflop"]
    message = (
        f"all minima of the isoflop groups, {format_flop(min(groups))} to "
        f"{format_flop(max(groups))} FLOP, are expected inside; where one is not, the law is wrong "
        "there."
    )
    yield Notice("minima", message)


def _of_rates(plan: PilotPlan) -> Iterator[Notice]:
    """Where the learning rates come from, and how far that is."""
    settings, vocab = plan.recipe["settings"], plan.recipe["vocab"]
    if settings != "mup":
        advice = [hparams(run.n_params, run.tokens, law=settings)[settings] for run in plan.runs]
        worst = max(advice, key=lambda one: max(one.outside.values(), default=1.0))
        if worst.outside:
            message = (
                f"{settings} is used outside its range ({worst.distance}); its learning rates may "
                "be far off there. --lr-law mup scales one rate with the width."
            )
            yield Notice("lr_outside_range", message)
    elif vocab != BYTES:
        message = (
            f"the learning rate of {plan.runs[0].lr:.3g} at width 64 was measured on byte-level "
            "models; sweep it once at a small width of yours."
        )
        yield Notice("mup_rate", message)
