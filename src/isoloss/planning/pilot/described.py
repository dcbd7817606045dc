"""A chosen design as a pilot: its runs with their settings, what they cost and buy."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np

from isoloss.errors import InputError, Where
from isoloss.fitting import Quantity
from isoloss.planning.hardware import Means, MfuCurve
from isoloss.planning.pilot.belief import Belief
from isoloss.planning.pilot.cells import Cells, Limits
from isoloss.planning.pilot.design import Design, plain_designs
from isoloss.planning.pilot.notices import notes_of, warnings_of
from isoloss.planning.pilot.question import Question
from isoloss.planning.pilot.result import PilotPlan, PlannedRun, Rival
from isoloss.planning.pilot.sizes import Recipe
from isoloss.planning.settings import hparams
from isoloss.runs import Architecture

MUP_LR = 2.0**-7  # at width 64, as the shipped ladder


@dataclass(frozen=True)
class Wish:
    """What was asked of a pilot, brought to numbers.

    Attributes:
        budget: of the pilot, FLOP.
        target: of the big run, FLOP.
        target_source: who says so.
        params: its size, where it is given.
        tokens: its tokens, likewise.
        narrow: the answer.
        flop_per_token: what a token of the big run costs.
        drift: what the law is taken to miss per decade.
        level: nominal coverage.
    """

    budget: float
    target: float
    target_source: str
    params: float | None
    tokens: float | None
    narrow: str
    flop_per_token: str
    drift: float
    level: float


def described(
    held: Belief,
    question: Question,
    recipe: Recipe,
    limits: Limits,
    on_offer: Cells,
    found: Design,
    wish: Wish,
    means: Means,
    rule: str,
) -> PilotPlan:
    """The pilot of a design, with what it is compared with and what must be known."""
    z = NormalDist().inv_cdf(0.5 + wish.level / 2)
    runs = _runs(held, question, recipe, on_offer, found, means, z)
    before = z * question.standard_error(question.known(held, drift=False))
    after = runs[-1].half_width
    drifting = z * found.standard_error
    rivals = tuple(
        Rival(
            one.name,
            len(one.chosen),
            one.flop,
            z * one.standard_error,
            one.standard_error / found.standard_error,
        )
        for one in plain_designs(held, question, on_offer, limits, wish.budget)
    )
    largest = max(run.flop for run in runs)
    groups = sorted({run.flop_budget for run in runs})
    plan = PilotPlan(
        budget_flop=wish.budget,
        flop=sum(run.flop for run in runs),
        reserve_flop=wish.budget - sum(run.flop for run in runs),
        narrow=wish.narrow,
        target={
            "flop": question.flop,
            "n_params": question.params,
            "tokens": question.tokens,
            "source": wish.target_source,
            "flop_per_token": rule,
        },
        before=around(question, before, wish.level),
        after=around(question, after, wish.level),
        half_width={"before": before, "after": after, "drifting": drifting},
        runs=runs,
        optima=tuple(
            {
                "flop_budget": flop,
                "n_params": float(on_offer.best[list(on_offer.budgets).index(flop)]),
                "runs": float(sum(run.flop_budget == flop for run in runs)),
            }
            for flop in groups
        ),
        rivals=rivals,
        law=held.law.name,
        formula=held.law.formula,
        values=dict(zip(held.law.names, held.theta.tolist(), strict=True)),
        source=held.source,
        noise=held.noise,
        noise_source=held.noise_source,
        drift=wish.drift,
        decades_beyond=max(0.0, math.log10(question.flop / largest)),
        conventions={"n": held.n, "flop": "palm", "loss_unit": held.loss_unit},
        recipe={
            **asdict(recipe),
            "batch_sequences": recipe.batch_sequences,
            "tokenizer": recipe.tokenizer,
            "parametrization": "mup" if recipe.settings == "mup" else "standard",
        },
        limits=asdict(limits),
        level=wish.level,
        hardware=_hardware(means),
        data_hash=held.data_hash,
        n_runs=len(held.params) if held.data_hash is not None else None,
        seed=held.seed,
        warnings=(),
        notes=(),
        existing={"n_params": tuple(held.params.tolist()), "tokens": tuple(held.tokens.tolist())},
    )
    return replace(plan, warnings=tuple(warnings_of(plan, held)), notes=tuple(notes_of(plan, held)))


def _runs(
    held: Belief,
    question: Question,
    recipe: Recipe,
    on_offer: Cells,
    found: Design,
    means: Means,
    z: float,
) -> tuple[PlannedRun, ...]:
    """The chosen cells as runs, the cheapest first, each with what is known once it is there."""
    information = question.known(held, drift=False)
    seen: dict[int, int] = {}
    made: list[PlannedRun] = []
    order = np.lexsort((found.chosen, found.added, on_offer.flop[found.chosen]))
    for at in order:
        cell = int(found.chosen[at])
        size = on_offer.sizes[int(on_offer.size[cell])]
        params, tokens = on_offer.params[[cell]], on_offer.tokens[[cell]]
        flop = float(on_offer.flop[cell])
        row = question.rows(held, params, tokens, on_offer.flop[[cell]], drift=False)
        information = information + row @ row.T
        rate = None if means.hardware is None else means.rate(size.n_params)
        made.append(
            PlannedRun(
                shape=size.shape,
                n_heads=size.arch.n_heads,
                n_params=size.n_params,
                tokens=float(tokens[0]),
                steps=round(float(tokens[0]) / recipe.batch_tokens),
                flop=flop,
                flop_budget=float(on_offer.budgets[int(on_offer.group[cell])]),
                group="added" if found.added[at] else "isoflop",
                seed=seen.get(cell, 0),
                lr=_lr(recipe, size.arch, float(tokens[0])),
                loss=float(held.loss(params, tokens)[0]),
                half_width=z * question.standard_error(information),
                device_hours=None if rate is None else rate.device_hours(flop),
                money=None if rate is None else rate.money(flop),
            )
        )
        seen[cell] = seen.get(cell, 0) + 1
    return tuple(made)


def _lr(recipe: Recipe, arch: Architecture, tokens: float) -> float:
    if recipe.settings == "mup":
        return MUP_LR
    advice = hparams(arch, tokens, law=recipe.settings, seq_len=recipe.seq_len)[recipe.settings]
    if advice.lr is None:
        raise InputError(
            f"{recipe.settings} gives no learning rate: {advice.missing.get('lr', 'none')}.",
            code="no_lr",
            where=Where(field="lr_law"),
            hint="Choose another law, such as step-law, or mup.",
        )
    return float(f"{advice.lr.estimate:.3g}")


def around(question: Question, half: float, level: float, value: float | None = None) -> Quantity:
    """The number, or another value of it, with an interval of this half width."""
    value = question.value if value is None else value
    if not question.is_relative:
        return Quantity(value, value - half, value + half, level)
    if not half < 700:
        return Quantity(value, 0.0, math.inf, level)
    return Quantity(value, value * math.exp(-half), value * math.exp(half), level)


def _hardware(means: Means) -> dict[str, Any] | None:
    if means.hardware is None or isinstance(means.mfu, MfuCurve):
        return None
    return means.rate(None).to_dict() if means.mfu is not None else None
