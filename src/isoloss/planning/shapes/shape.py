"""Which shape for N parameters? The verb ``iso.shape``."""

from __future__ import annotations

import math

from isoloss.errors import InputError, Where
from isoloss.fitting import Fit, Notice
from isoloss.planning.shapes.effect import ShapeEffect, shape_effect
from isoloss.planning.shapes.ladders import Prior, aspect_prior
from isoloss.planning.shapes.result import Shape, Shapes
from isoloss.planning.shapes.search import GATED_RATIO, PLAIN_RATIO, Wish, shapes
from isoloss.runs import PARAM_COUNTS, Architecture, parse_quantity

# A feed-forward this far from its usual ratio (in the logarithm) weighs as much as one standard
# deviation of the published aspect ratios; a difference in N of the whole tolerance half as much.
_FF_SPREAD = 0.1
_N_WEIGHT = 0.25
# Heads that do not split over the devices of a node weigh as one standard deviation as well.
_NODE = 8
# Own runs outweigh published ladders: this relative loss weighs as one standard deviation.
_LOSS_SPREAD = 1e-3
_MOST = 20


def shape(
    n_params: float | str,
    *,
    vocab: float | str = 0,
    seq_len: float | str = 0,
    n: str = "total",
    head: int = 128,
    multiple_of: int = 128,
    gqa: int = 1,
    kv_heads: int = 0,
    gated: bool = True,
    tied: bool = False,
    ff_ratio: float | None = None,
    experts: int = 0,
    topk: int = 0,
    granularity: float = 1.0,
    tolerance: float = 0.01,
    candidates: int = 6,
    fit: Fit | None = None,
) -> Shapes:
    """Layers, width, heads and feed-forward of a decoder-only Transformer with N parameters.

    Args:
        n_params: N, a number or a text such as ``7B``.
        vocab: vocabulary, such as ``128k``.
        seq_len: context in tokens; only FLOP counts need it.
        n: which count N is: ``total``, ``nonemb``, ``matmul`` or ``active``.
        head: width of a head.
        multiple_of: width and feed-forward are multiples of this.
        gqa: query heads per key head (grouped-query attention).
        kv_heads: number of key heads, instead of ``gqa``.
        gated: gated feed-forward (SwiGLU), with three matrices.
        tied: input and output embedding are one table.
        ff_ratio: feed-forward over width; 8/3 where gated and 4 otherwise.
        experts: experts per layer; 0 for a dense model.
        topk: experts per token.
        granularity: an expert is this many times narrower than the feed-forward of a dense model.
        tolerance: largest relative difference to N.
        candidates: how many shapes to return.
        fit: a fit to runs with ``n_layers`` and ``d_model``, which says what the shape costs.

    Raises:
        InputError: an option is unusable, or no shape is within the tolerance.
        EvidenceError: the runs of the fit say nothing of shapes.
    """
    wish = Wish(
        n=parse_quantity(n_params),
        count=n,
        vocab=_whole("vocab", vocab, 0),
        seq_len=_whole("seq_len", seq_len, 0),
        head=_whole("head", head, 1),
        multiple_of=_whole("multiple_of", multiple_of, 1),
        gqa=_whole("gqa", gqa, 1),
        kv_heads=_whole("kv_heads", kv_heads, 0),
        gated=gated,
        tied=tied,
        ff_ratio=_positive("ff_ratio", ff_ratio or (GATED_RATIO if gated else PLAIN_RATIO)),
        experts=_whole("experts", experts, 0),
        topk=_whole("topk", topk, 0),
        granularity=_positive("granularity", granularity),
        tolerance=_positive("tolerance", tolerance),
    )
    _check(wish, candidates)
    found = shapes(wish)
    effect = None if fit is None else shape_effect(fit)
    # The prior is of dense models: what a token uses is what compares.
    prior = aspect_prior(sorted(one.n_active for one in found)[len(found) // 2])
    ranked = sorted(
        (_judged(one, wish, prior, effect) for one in found),
        key=lambda one: (one.score, one.arch.n_layers, one.arch.d_ff),
    )
    return Shapes(
        n=wish.n,
        count=wish.count,
        shapes=tuple(_spread_out(ranked, candidates)),
        n_found=len(found),
        tolerance=wish.tolerance,
        prior=prior,
        effect=effect,
        warnings=tuple(_warnings(wish, prior, effect)),
    )


def _judged(arch: Architecture, wish: Wish, prior: Prior, effect: ShapeEffect | None) -> Shape:
    aspect = arch.d_model / arch.n_layers
    used = arch.d_ff * (max(1, arch.moe_topk) if arch.moe_experts else 1)
    usual = wish.ff_ratio * arch.d_model / wish.granularity
    off_ff = math.log(arch.d_ff / usual) / _FF_SPREAD
    off_n = wish.error(arch) / wish.tolerance
    excess = None if effect is None else effect.excess(aspect)
    off_shape = prior.distance(aspect)
    # Runs of the user that show an effect decide; published ladders only where they do not.
    shape_term = off_shape**2
    if effect is not None and effect.status != "none" and excess is not None:
        shape_term = excess / _LOSS_SPREAD
    uneven = arch.n_heads >= _NODE and arch.n_heads % _NODE > 0
    return Shape(
        arch=arch,
        error=wish.error(arch),
        aspect=aspect,
        ff_ratio=used / arch.d_model,
        score=shape_term + off_ff**2 + _N_WEIGHT * off_n**2 + uneven,
        reason=_reason(off_shape, off_ff, excess, effect, uneven=uneven),
        excess=excess,
    )


def _reason(
    off_shape: float,
    off_ff: float,
    excess: float | None,
    effect: ShapeEffect | None,
    *,
    uneven: bool,
) -> str:
    if effect is not None and effect.status != "none" and excess is not None:
        parts = [f"{excess:.2%} above the best d/L of your runs"]
    elif abs(off_shape) <= 1:
        parts = ["d/L as published models"]
    else:
        parts = [f"{'wider' if off_shape > 0 else 'deeper'} than most published models"]
    if abs(off_ff) > 1:
        parts.append(f"feed-forward {'wide' if off_ff > 0 else 'narrow'} to hit N")
    if uneven:
        parts.append(f"heads do not split over {_NODE}")
    return ", ".join(parts)


def _spread_out(ranked: list[Shape], count: int) -> list[Shape]:
    """The best shape of each width: neighbours that trade a layer for feed-forward say little."""
    best: dict[int, Shape] = {}
    for one in ranked:
        best.setdefault(one.arch.d_model, one)
    return list(best.values())[:count]


def _warnings(wish: Wish, prior: Prior, effect: ShapeEffect | None) -> list[Notice]:
    found: list[Notice] = []
    if prior.beyond > 3:
        message = (
            f"N is {prior.beyond:.3g} times outside the sizes of the published models; what the "
            "nearest of them do is used."
        )
        found.append(Notice("outside_ladders", message))
    if wish.experts:
        message = "the aspect ratios are those of dense models with as many active parameters."
        found.append(Notice("dense_prior", message))
    if not wish.vocab and wish.count in ("total", "matmul"):
        message = "no vocabulary is given, so embeddings and logits are left out of all counts."
        found.append(Notice("no_vocab", message))
    if effect is not None and effect.status == "none":
        message = "your runs show no effect of the shape, so published models rank the shapes."
        found.append(Notice("no_shape_effect", message))
    return found


def _check(wish: Wish, candidates: int) -> None:
    if wish.count not in PARAM_COUNTS:
        raise _bad("n", wish.count, f"one of {', '.join(PARAM_COUNTS)}", "unknown_convention")
    if wish.gqa > 1 and wish.kv_heads:
        raise InputError(
            "gqa and kv_heads both say how many key heads there are.",
            code="conflicting_options",
            where=Where(field="kv_heads"),
            hint="Keep one of the two.",
        )
    if bool(wish.experts) != bool(wish.topk) or wish.topk > wish.experts:
        raise _bad("topk", wish.topk, f"from 1 to the {wish.experts} experts, or none of both")
    if wish.tolerance >= 0.5:
        raise _bad("tolerance", wish.tolerance, "a share below 0.5")
    if not 1 <= candidates <= _MOST:
        raise _bad("candidates", candidates, f"a whole number from 1 to {_MOST}")


def _whole(name: str, value: float | str, least: int) -> int:
    zero = value == 0 or (isinstance(value, str) and value.strip() == "0")
    try:
        number = 0.0 if zero else parse_quantity(value)
    except InputError:
        number = -1.0
    if number != int(number) or number < least:
        raise _bad(name, value, f"a whole number from {least}")
    return int(number)


def _positive(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise _bad(name, value, "a number above 0")
    return float(value)


def _bad(name: str, value: object, expected: str, code: str = "bad_value") -> InputError:
    return InputError(
        f'found "{str(value)[:40]}" where {expected} is expected.',
        code=code,
        where=Where(field=name),
    )
