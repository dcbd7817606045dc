"""The rules that carry a learning rate: published laws, width (muP), batch and number of steps.

Each rule is a function of a `Move`; it says by which factor the rate changes, which changes it is
about and what must hold for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from isoloss.fitting import Quantity
from isoloss.laws.hparams import HParamLaw, get_hparam_law
from isoloss.laws.hparams.horizon import EXPONENTS, exponent_near
from isoloss.planning.settings.move import Move, alike
from isoloss.planning.settings.transfer_result import Carried
from isoloss.runs import format_quantity

LAWS = ("step-law", "horizon", "deepseek", "ling-moe", "porian", "kaplan-lr")
TUNED = "the tuned rate is the best one for the tuned run, in the schedule of the law"


def by_law(move: Move, name: str) -> Carried:
    """By the ratio of a published law between both runs; its constant cancels."""
    law = get_hparam_law(name)
    published = law.coefficients()
    covers, assumes = _law_covers(move, law)
    ratio = law.ratio("lr", move.to.x, move.since.x)
    usable = math.isfinite(ratio)
    return _carried(
        move,
        rule=name,
        factor=ratio if usable else None,
        interval=_interval(law, move),
        covers=covers,
        against=_against(move, law),
        assumes=(TUNED, f"schedule: {published.schedule}", *assumes),
        source=published.source,
        confidence=published.confidence,
        missing="" if usable else "the law gives no positive rate at one of the two runs",
        outside=law.outside(move.to.x),
    )


def by_horizon_at_size(move: Move) -> Carried:
    """By the exponent of D measured at the size nearest to the model's, at a fixed batch."""
    size, exponent = exponent_near(move.since.n_params)
    same = alike(move.ratio("N"), 1.0)
    others = [EXPONENTS[one] for one in (760e6, 1.3e9, 2.7e9)]
    return _carried(
        move,
        rule="horizon-at-size",
        factor=move.ratio("D") ** -exponent if same else None,
        covers=("D", *(("batch",) if _is_same_batch(move) else ())),
        assumes=(
            f"the exponent {exponent:g} measured at {format_quantity(size)} params holds at this "
            f"size; over the sizes from 760M on it is {min(others):g} to {max(others):g}",
            "the batch stays, 0.5M tokens in the runs behind it",
        ),
        source="Bjorck et al. 2024, arXiv 2409.19913, table 5",
        confidence="V2",
        missing="" if same else "it is for one size, and N changes",
    )


def by_width(move: Move) -> Carried:
    """By muP: hidden matrices get 1 / width multiplier, input, biases and readout the same rate."""
    known = move.since.width is not None and move.to.width is not None
    multiplier = move.ratio("width")
    return _carried(
        move,
        rule="mup-width",
        factor=1.0 / multiplier if known else None,
        covers=("width", "N") if not known or _grows_by_width(move) else ("width",),
        assumes=(
            "Adam, and both models in muP relative to the same base width: initial variance "
            "1 / fan_in for hidden matrices, readout times 1 / multiplier, attention logits "
            "divided by the head size",
            "the rate shown is that of hidden matrices; input embedding, biases, gains and readout "
            "(in its multiplier form) keep the tuned rate",
            "where AdamW multiplies weight decay by the rate, hidden matrices get it times the "
            "multiplier, so that the product stays",
            "tokens, batch and weight decay are not covered",
        ),
        source="Yang et al. 2022, arXiv 2203.03466, and the authors' code",
        confidence="V",
        missing="" if known else "needs both widths",
        groups={"hidden": 1.0 / multiplier, "input, biases, gains": 1.0, "readout": 1.0}
        if known
        else {},
        also={"weight_decay": multiplier} if known else {},
    )


def by_depth(move: Move, alpha: float) -> Carried:
    """By width and depth: residual branches times layers^-alpha, hidden rates as the rule says."""
    known = None not in (move.since.width, move.to.width, move.since.layers, move.to.layers)
    deeper = move.ratio("layers")
    hidden = deeper ** (alpha - 1.0) / move.ratio("width")
    name = "completep" if alpha == 1.0 else "depth-mup"
    return _carried(
        move,
        rule=name,
        factor=hidden if known else None,
        covers=("width", "layers", "N") if known else ("layers",),
        assumes=(
            f"muP in width, and residual branches multiplied by (layers / base layers)^-{alpha:g}",
            "the rate shown is that of hidden matrices",
            "tokens, batch and weight decay are not covered",
        ),
        source="Depth-muP (alpha 1/2), CompleteP (alpha 1), secondary account",
        confidence="V2",
        missing="" if known else "needs widths and layers of both models",
        groups={"hidden": hidden, "residual branch": deeper**-alpha} if known else {},
    )


def by_batch(move: Move, power: float) -> Carried:
    """By the batch: the square-root rule for Adam, the linear rule for SGD."""
    known = move.since.batch_tokens is not None and move.to.batch_tokens is not None
    linear = power == 1.0
    return _carried(
        move,
        rule="linear-batch" if linear else "sqrt-batch",
        factor=move.ratio("batch") ** power if known else None,
        covers=("batch",),
        assumes=(
            "both batches are well below the critical batch",
            "the noise of the gradient outweighs it and the optimiser is SGD"
            if linear
            else "Adam or AdamW, whose step does not grow with the gradient",
            "size and tokens stay",
        ),
        source="rule of thumb",
        confidence="C",
        missing="" if known else "needs both batches",
    )


def by_noise_scale(move: Move, critical_batch: float | None) -> Carried:
    """By the noise scale: the rate grows with the batch and levels off at the critical one."""
    before, after = move.since.batch_tokens, move.to.batch_tokens
    factor = None
    if critical_batch is not None and before is not None and after is not None:
        factor = (1.0 + critical_batch / before) / (1.0 + critical_batch / after)
    return _carried(
        move,
        rule="noise-scale",
        factor=factor,
        covers=("batch",),
        assumes=(
            "lr = lr_max / (1 + B_noise / B) with B_noise the critical batch that is given, the "
            "same for both runs",
            "SGD; for Adam the power may lie between 1/2 and 1 at small batches",
        ),
        source="McCandlish et al. 2018, arXiv 1812.06162",
        confidence="V2",
        missing="" if factor is not None else "needs both batches and the critical batch",
    )


def by_steps(move: Move) -> Carried:
    """By the number of steps S = D / B: rate and weight decay go with S^-1/2 (SDE rule)."""
    before, after = move.since.steps, move.to.steps
    ratio = after / before if before is not None and after is not None else None
    also = (
        {}
        if ratio is None
        else {
            "weight_decay": ratio**-0.5,
            "adam_epsilon": ratio**0.5,
            "one_minus_beta": 1.0 / ratio,
        }
    )
    return _carried(
        move,
        rule="step-rule",
        factor=None if ratio is None else ratio**-0.5,
        covers=("D", "batch"),
        assumes=(
            "one model: N stays, or muP takes care of it",
            "batches below the critical batch",
            "weight decay, epsilon and betas of Adam are changed too, as shown",
        ),
        source="Complete(d)P, arXiv 2512.22382 (secondary account)",
        confidence="V2",
        missing="" if ratio is not None else "needs both batches, for S = D / B",
        also=also,
    )


def rules(critical_batch: float | None) -> dict[str, Callable[[Move], Carried]]:
    """Every rule by name.

    Args:
        critical_batch: B_crit in tokens, for the rule that needs it.
    """
    return {name: partial(by_law, name=name) for name in LAWS} | {
        "horizon-at-size": by_horizon_at_size,
        "mup-width": by_width,
        "depth-mup": partial(by_depth, alpha=0.5),
        "completep": partial(by_depth, alpha=1.0),
        "sqrt-batch": partial(by_batch, power=0.5),
        "linear-batch": partial(by_batch, power=1.0),
        "noise-scale": partial(by_noise_scale, critical_batch=critical_batch),
        "step-rule": by_steps,
    }


def _law_covers(move: Move, law: HParamLaw) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which changes a law is about, and what that assumes."""
    powers = law.elasticity("lr", move.since.x)
    covers = [name for name in ("N", "D") if powers[name]]
    assumes: list[str] = []
    if law.name in ("deepseek", "ling-moe"):
        assumes.append("N and D grow together as on the compute-optimal path; C = 6 N D")
    if law.name == "porian" and alike(move.ratio("D"), move.ratio("N")):
        covers.append("D")
        assumes.append("tokens per parameter stay near 20")
    if "batch_tokens" in law.formulas:
        own = law.ratio("batch_tokens", move.to.x, move.since.x)
        assumes.append(f"the batch changes as the law's own, here by {own:.3g}x")
        if alike(move.ratio("batch"), own):
            covers.append("batch")
    else:
        assumes.append("the batch stays")
        if _is_same_batch(move):
            covers.append("batch")
    return tuple(covers), tuple(assumes)


def _against(move: Move, law: HParamLaw) -> tuple[str, ...]:
    """The batch, where it is known to stay and the law's own does not."""
    if "batch_tokens" not in law.formulas or move.to.batch_tokens is None:
        return ()
    own = law.ratio("batch_tokens", move.to.x, move.since.x)
    return () if alike(move.ratio("batch"), own) else ("batch",)


def _interval(law: HParamLaw, move: Move) -> tuple[float, float, float]:
    """Factors below and above 1 that the exponents leave open between both runs, and the level."""
    low, high = law.ratio_interval("lr", move.to.x, move.since.x)
    return low, high, law.coefficients().level


def _is_same_batch(move: Move) -> bool:
    return move.ratio("batch") == 1.0


def _grows_by_width(move: Move) -> bool:
    """Whether N grew as the square of the width, all of it."""
    return alike(move.ratio("N"), move.ratio("width") ** 2)


def _carried(
    move: Move,
    *,
    rule: str,
    factor: float | None,
    covers: tuple[str, ...],
    assumes: tuple[str, ...],
    source: str,
    confidence: str,
    against: tuple[str, ...] = (),
    missing: str = "",
    interval: tuple[float, float, float] = (math.nan, math.nan, 0.9),
    groups: dict[str, float] | None = None,
    also: dict[str, float] | None = None,
    outside: dict[str, float] | None = None,
) -> Carried:
    """A rule's answer, with what it leaves of all that changes."""
    changes = set(move.changes)
    # Width and layers are how N changed: a law of N covers them.
    if "N" in covers:
        changes -= {"width", "layers"}
    lr = None
    if factor is not None and move.since.lr is not None:
        rate = move.since.lr * factor
        low, high, level = interval
        lr = Quantity(rate, move.since.lr * low, move.since.lr * high, level)
    return Carried(
        rule=rule,
        factor=factor,
        lr=lr,
        covers=tuple(name for name in move.changes if name in covers),
        leaves=(
            *(name for name in move.changes if name in changes and name not in covers),
            *(name for name in against if name not in move.changes),
        ),
        assumes=assumes,
        source=source,
        confidence=confidence,
        missing=missing,
        groups=groups or {},
        also=also or {},
        outside=outside or {},
    )
