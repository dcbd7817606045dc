"""Which small runs first? The verb ``iso.pilot``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Fit
from isoloss.laws import Law
from isoloss.laws.compute import flop_rule
from isoloss.planning.hardware import Budget, Device, Means, MfuCurve, flop_of, parse_budget
from isoloss.planning.pilot import belief as beliefs
from isoloss.planning.pilot.belief import Belief
from isoloss.planning.pilot.cells import Cells, Limits, cells
from isoloss.planning.pilot.described import Wish, described
from isoloss.planning.pilot.design import Design, best_design, least_budget
from isoloss.planning.pilot.question import NARROWED, Question, ask
from isoloss.planning.pilot.result import PilotPlan
from isoloss.planning.pilot.sizes import BYTES, Recipe, sizes
from isoloss.runs import PARAM_COUNTS, parse_quantity
from isoloss.runs.problems import FEWEST_STEPS

Array = NDArray[np.float64]

DRIFT = 0.005  # what a law is taken to miss per decade, in log loss
BIGGER = 10.0  # the run that a pilot is for costs this much more, where nobody says
BYTE_CORPUS = 11.6e6  # training bytes of the text that ladders read by default
MOST = 1e6  # how many times the budget is looked at to say what a pilot would need
SMALL_FLOP = 1e15  # below, the shipped byte-level ladder is nearer than any published law
_BATCHES = {True: (4, 2, 1), False: (64, 32, 16, 8)}  # sequences per update, byte level or not


def pilot(
    budget: float | str | Budget,
    *,
    fit: Fit | None = None,
    law: str | Law | None = None,
    key: str | None = None,
    guess: Mapping[str, float] | None = None,
    target: float | str | Budget | None = None,
    target_n: float | str | None = None,
    target_d: float | str | None = None,
    narrow: str = "loss",
    noise: float | None = None,
    drift: float = DRIFT,
    n: str | None = None,
    vocab: int | None = None,
    seq_len: int | None = None,
    batch: float | str | None = None,
    lr_law: str | None = None,
    trainer: str = "",
    shapes: Sequence[str] = (),
    smallest: float | str | None = None,
    largest: float | str | None = None,
    tokens: float | str | None = None,
    steps: int = FEWEST_STEPS,
    share: float = 0.2,
    decades: float = 2.0,
    runs: int = 40,
    reserve: float = 0.05,
    flop_per_token: str = "6nd",
    hardware: str | Device | None = None,
    mfu: float | MfuCurve | None = None,
    price: float | str | None = None,
    devices: int | None = None,
    means: Means | None = None,
    level: float = 0.9,
) -> PilotPlan:
    """Which runs narrow the answer about a big run most, for a given budget?

    Args:
        budget: of the pilot: FLOP, device-hours, days or money.
        fit: a fit with its runs, to add to; without it the law is a guess.
        law: without a fit: a law with published coefficients. By default what the
            reference ladder says of byte-level models below 1e15 FLOP, and chinchilla above.
        key: which published coefficients.
        guess: parameters of one's own, over the published ones.
        target: budget of the big run; ten times the pilot's by default.
        target_n: its size, together with ``target_d``, where it is not the optimal one.
        target_d: its tokens.
        narrow: ``loss``, ``size`` (N*) or ``exponent`` (of N* ~ C^a), each at the target.
        noise: of a run, relative; by default from the runs, or 0.005.
        drift: what the law is taken to miss per decade of compute below the target, relative.
        n: which count N is, where a fit does not say it.
        vocab: vocabulary; 256 stands for bytes.
        seq_len: context in tokens.
        batch: tokens per update.
        lr_law: published law of the learning rate, such as ``step-law``; by default ``mup``, one
            rate that is scaled with the width.
        trainer: command that trains a run, in place of the built-in trainer.
        shapes: the shapes to choose from, ``32x2``; a ladder of widths by default.
        smallest: N of a run.
        largest: N of a run.
        tokens: that there are for one run; of the default corpus on bytes.
        steps: fewest updates of a run.
        share: of the budget that one run may cost.
        decades: of compute that the groups may span.
        runs: how many at most.
        reserve: share of the budget to keep for runs that fail.
        flop_per_token: of the target: ``6nd``, or ``runs`` for what the runs of the fit cost.
        hardware: the accelerator; with it runs have hours.
        mfu: model FLOP utilisation.
        price: of a device-hour.
        devices: how many work at once.
        means: all four together.
        level: nominal coverage of the intervals.

    Raises:
        InputError: an argument is unusable.
        EvidenceError: the budget cannot hold three groups of five sizes, or the law has no
            optimum at the target.
    """
    means = (means or Means(hardware, mfu, price, devices)).naming(parse_budget(budget))
    wish = _wish(
        budget, target, target_n, target_d, means, narrow, flop_per_token, drift=drift, level=level
    )
    held = _belief(fit, law, key, guess, noise, n, wish.budget)
    at_bytes = (held.loss_unit.endswith("byte") if vocab is None else vocab == BYTES) and (
        held.kind != "published" or vocab == BYTES
    )
    available = parse_quantity(tokens) if tokens is not None else math.inf
    if tokens is None and at_bytes and not trainer:
        available = BYTE_CORPUS
    limits = Limits(
        smallest=0.0 if smallest is None else parse_quantity(smallest),
        largest=math.inf if largest is None else parse_quantity(largest),
        tokens=available,
        steps=steps,
        share=share,
        decades=decades,
        runs=runs,
        reserve=reserve,
    )
    recipe = Recipe(
        vocab=(BYTES if at_bytes else 32_000) if vocab is None else vocab,
        seq_len=(128 if at_bytes else 2048) if seq_len is None else seq_len,
        batch_tokens=(128 if at_bytes else 2048) if seq_len is None else seq_len,
        settings=lr_law or "mup",
        trainer=trainer,
    )
    rule = flop_rule(flop_per_token, None if fit is None else fit.points)
    question = ask(
        held,
        wish.narrow,
        wish.target,
        params=wish.params,
        tokens=wish.tokens,
        rule=rule,
        drift=wish.drift,
    )
    recipe, on_offer, found = _settled(
        held, question, recipe, limits, wish.budget, tuple(shapes), batch, at_bytes
    )
    return described(held, question, recipe, limits, on_offer, found, wish, means, rule.name)


def _wish(
    budget: float | str | Budget,
    target: float | str | Budget | None,
    target_n: float | str | None,
    target_d: float | str | None,
    means: Means,
    narrow: str,
    flop_per_token: str,
    *,
    drift: float,
    level: float,
) -> Wish:
    if narrow not in NARROWED:
        raise _bad("narrow", narrow, f"one of {', '.join(NARROWED)}")
    if not 0 <= drift < 1:
        raise _bad("drift", f"{drift:g}", "a share from 0 to below 1 (0.005 is half a percent)")
    if not 0 < level < 1:
        raise _bad("level", f"{level:g}", "a share between 0 and 1")
    spend = flop_of(budget, means)
    if (target_n is None) != (target_d is None):
        raise _bad("target", "only one of size and tokens", "both N and D of the big run")
    if target_n is not None and target_d is not None:
        if target is not None:
            raise InputError(
                "the target is given twice, as a budget and as N and D.",
                code="conflicting_options",
                where=Where(field="target"),
                hint="Keep one of the two.",
            )
        if narrow != "loss":
            raise _bad("narrow", narrow, "loss, where N and D of the big run are given")
        params, tokens = parse_quantity(target_n), parse_quantity(target_d)
        flop, source = 6.0 * params * tokens, "given"
    else:
        params = tokens = None
        flop = BIGGER * spend if target is None else flop_of(target, means)
        source = f"{BIGGER:g} times the budget" if target is None else "given"
    return Wish(spend, flop, source, params, tokens, narrow, flop_per_token, drift, level)


def _belief(
    fit: Fit | None,
    law: str | Law | None,
    key: str | None,
    guess: Mapping[str, float] | None,
    noise: float | None,
    n: str | None,
    budget: float,
) -> Belief:
    if n is not None and n not in PARAM_COUNTS:
        raise _bad("n", n, f"one of {', '.join(PARAM_COUNTS)}")
    if fit is not None:
        if law is not None or key is not None or guess:
            raise InputError(
                "the law and its parameters are those of the fit.",
                code="conflicting_options",
                where=Where(field="law"),
                hint="Leave out the fit, or law, key and guess.",
            )
        found = beliefs.from_fit(fit, noise)
    elif guess:
        found = beliefs.from_guess(law or "chinchilla", guess, noise)
    elif law is None and key is None and budget <= SMALL_FLOP:
        found = beliefs.from_shipped(noise=noise)
    else:
        found = beliefs.from_published(law or "chinchilla", key, noise)
    return found if n is None else replace(found, n=n)


def _settled(
    held: Belief,
    question: Question,
    recipe: Recipe,
    limits: Limits,
    budget: float,
    shapes: tuple[str, ...],
    batch: float | str | None,
    at_bytes: bool,
) -> tuple[Recipe, Cells, Design]:
    """The design at the batch that is given, or at the largest usual one that allows any."""
    if batch is None:
        options = [count * recipe.seq_len for count in _BATCHES[at_bytes]]
    else:
        given = parse_quantity(batch)
        if given != int(given):
            raise _bad("batch", f"{given:g}", "a whole number of tokens")
        options = [int(given)]
    refusal = EvidenceError("", code="pilot_too_small")
    for size in options:
        tried = replace(recipe, batch_tokens=size)
        on_offer = cells(held, tried, sizes(tried, held.n, shapes), limits, budget)
        try:
            return tried, on_offer, best_design(held, question, on_offer, limits, budget)
        except EvidenceError as error:
            refusal = error
    tried = replace(recipe, batch_tokens=options[-1])
    wider = cells(held, tried, sizes(tried, held.n, shapes), limits, MOST * budget)
    need = least_budget(wider, limits)
    said = (
        f"The cheapest of at least {tried.batch_tokens} tokens a batch needs {need:.3g} FLOP."
        if math.isfinite(need)
        else "No budget would: the limits leave too few sizes."
    )
    raise EvidenceError(
        f"{refusal.message} {said}",
        code=refusal.code,
        hint="Raise the budget, or loosen the limits: --steps, --batch, --smallest, --largest, "
        "--tokens, --share, --decades.",
    )


def _bad(name: str, found: str, expected: str) -> InputError:
    return InputError(
        f'found "{found[:60]}" where {expected} is expected.',
        code="bad_value",
        where=Where(field=name),
    )
