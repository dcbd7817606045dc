"""Which learning rate and batch? Every published law side by side: the verb ``iso.hparams``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from isoloss.errors import InputError, Where
from isoloss.fitting import Notice, Quantity
from isoloss.laws.compute import parse_flop
from isoloss.laws.hparams import HParamLaw, get_hparam_law, list_hparam_laws
from isoloss.planning.settings.amounts import amount, require_plausible
from isoloss.planning.settings.disagreement import contradictions, spreads
from isoloss.planning.settings.result import Advice, Adviser, HParams, Rescaled
from isoloss.runs import PARAM_COUNTS, Architecture

SEQ_LEN = 2048
_WITH_HEAD = ("matmul", "total")
GIVEN = ("lr", "batch_tokens", "critical_batch_tokens")


def hparams(
    n: float | str | Architecture,
    d: float | str,
    *,
    law: str | HParamLaw | Sequence[str | HParamLaw] | None = None,
    loss: float | None = None,
    batch: float | str | None = None,
    flop: float | str | None = None,
    seq_len: int = SEQ_LEN,
    fitted: Sequence[Adviser] = (),
) -> HParams:
    """Learning rate and batch for a model and its tokens, by each law, with their range.

    Args:
        n: model size, such as ``7e9`` or ``"7B"``; each law says what it counts as N. With an
            architecture every law gets the count that it wants, and C is M D with attention.
        d: training tokens, such as ``"1.4T"``.
        law: only this law, or these; every published one with a learning rate or batch if None.
        loss: the loss to be reached in nats per token, for laws in it.
        batch: the batch that is wanted, in tokens; rates are then carried to it as well.
        flop: C as the laws in C count it (M D); 6 N D if None and there is no architecture.
        seq_len: tokens per sequence, to say batches in sequences.
        fitted: laws of one's own, listed before the published ones.

    Raises:
        InputError: an argument is unusable, or there is no such law.
    """
    shape = n if isinstance(n, Architecture) else None
    params = float(n.n_nonemb) if isinstance(n, Architecture) else amount(n, "n")
    tokens = amount(d, "d")
    wanted = None if batch is None else amount(batch, "batch")
    counted = "6nd" if shape is None else "m_d"
    per_token = 6.0 * params if shape is None else flop_of_token(shape, seq_len)
    compute = per_token * tokens if flop is None else parse_flop(flop)
    if flop is not None:
        require_plausible(compute / tokens, "flop")
    if loss is not None:
        require_plausible(loss, "loss")
    if seq_len < 1:
        raise InputError(
            f"found {seq_len} where the tokens of a sequence are expected.",
            code="not_positive",
            where=Where(field="seq_len"),
            hint="Give the context length, such as 2048.",
        )
    advice = [_own(one, params, tokens, shape) for one in fitted]
    for one in _chosen(law, fitted):
        size = params if shape is None else _count(shape, one.coefficients().n)
        advice.append(advise(one, point(size, tokens, compute, loss)))
    if wanted is not None:
        advice = [_carried(one, wanted) for one in advice]
    return HParams(
        n_params=params,
        tokens=tokens,
        flop=compute,
        loss=loss,
        seq_len=seq_len,
        batch_tokens=wanted,
        laws=tuple(advice),
        spread=spreads(advice),
        contradictions=contradictions(advice),
        flop_convention=counted if flop is None else "given",
        warnings=tuple(_warnings(advice, shape)),
        n_counts=None if shape is None else {name: shape.count(name) for name in PARAM_COUNTS},
    )


def flop_of_token(shape: Architecture, seq_len: int) -> float:
    """M of DeepSeek and Ling: training FLOP per token with attention and without embeddings."""
    context = shape.seq_len or seq_len
    return 6.0 * shape.n_active + 12.0 * shape.n_layers * shape.n_heads * shape.d_head * context


def point(params: float, tokens: float, flop: float, loss: float | None) -> dict[str, float]:
    """The variables of the laws at one run."""
    x = {"N": params, "D": tokens, "C": flop, "D/N": tokens / params}
    return x if loss is None else x | {"L": loss}


def advise(law: HParamLaw, x: Mapping[str, float], key: str | None = None) -> Advice:
    """What a published law advises at a point.

    Args:
        law: the law.
        x: N, D, C, D/N and perhaps L.
        key: which coefficients; the law's default ones if None.
    """
    published = law.coefficients(key)
    found: dict[str, Quantity] = {}
    missing: dict[str, str] = {}
    powers: dict[str, dict[str, float]] = {}
    for setting in law.formulas:
        reason = _unavailable(law, setting, x, key)
        if reason:
            missing[setting] = reason
        elif setting in GIVEN:
            value = law.value(setting, x, key)
            found[setting] = Quantity(value, *law.interval(setting, x, key), published.level)
        # Without its factor a form still says by which power it changes.
        if setting in found or (law.missing(setting, key) and not law.needs(setting, x)):
            powers[setting] = law.elasticity(setting, x, key)
    outside = law.outside(x, key)
    return Advice(
        law=law.name,
        lr=found.get("lr"),
        batch_tokens=found.get("batch_tokens"),
        inside_range=bool(published.range) and not outside,
        source=published.source,
        critical_batch_tokens=found.get("critical_batch_tokens"),
        key=published.key,
        confidence=published.confidence,
        n=published.n,
        compute=published.compute,
        range=published.range,
        outside=outside,
        batch=published.batch,
        schedule=published.schedule,
        powers=powers,
        missing=missing,
        notes=published.notes,
        lr_at_batch=None,
    )


def batch_of(advice: Advice) -> float | None:
    """The batch at which a law's learning rate holds, where it is known."""
    if advice.batch_tokens is not None:
        return advice.batch_tokens.estimate
    if not advice.key:
        return None
    return get_hparam_law(advice.law).coefficients(advice.key).batch_tokens


def _unavailable(law: HParamLaw, setting: str, x: Mapping[str, float], key: str | None) -> str:
    """Why a law has no value of a setting at a point; empty if it has one."""
    unknown = law.missing(setting, key)
    if unknown:
        return law.coefficients(key).unconfirmed[unknown[0]]
    needs = law.needs(setting, x)
    if "L" in needs:
        return "needs the loss to be reached"
    if needs:
        return f"{needs[0]} is not defined in the account read"
    if math.isnan(law.value(setting, x, key)):
        return "the formula gives nothing positive there: it does not reach so far"
    return ""


def _chosen(
    law: str | HParamLaw | Sequence[str | HParamLaw] | None, fitted: Sequence[Adviser]
) -> tuple[HParamLaw, ...]:
    if law is None:
        return tuple(
            one for one in list_hparam_laws() if any(name in one.formulas for name in GIVEN)
        )
    named = (law,) if isinstance(law, str | HParamLaw) else tuple(law)
    if not named and not fitted:
        raise InputError("no law is given.", code="missing_argument", where=Where(field="law"))
    found = [get_hparam_law(one) for one in named]
    return tuple({one.name: one for one in found}.values())


def _count(shape: Architecture, n: str) -> float:
    """The N that a law counts; without embeddings where its source does not say."""
    return float(shape.count(n if n in PARAM_COUNTS else "nonemb"))


def _own(one: Adviser, params: float, tokens: float, shape: Architecture | None) -> Advice:
    """A law of one's own, asked with the count of parameters that it says it counts."""
    found = one.advise(params, tokens)
    if shape is None or found.n not in PARAM_COUNTS or found.n == "nonemb":
        return found
    return one.advise(_count(shape, found.n), tokens)


def _carried(advice: Advice, wanted: float) -> Advice:
    """Advice with its learning rate at the batch that is wanted."""
    since = batch_of(advice)
    if advice.lr is None or since is None:
        return advice
    ratio, rate = wanted / since, advice.lr.estimate
    carried = Rescaled(wanted, since, rate * math.sqrt(ratio), rate * ratio)
    return replace(advice, lr_at_batch=carried)


def _warnings(advice: Sequence[Advice], shape: Architecture | None) -> list[Notice]:
    found: list[Notice] = []
    if shape is not None and not shape.vocab and any(one.n in _WITH_HEAD for one in advice):
        found.append(
            Notice(
                "no_vocabulary",
                "the architecture has no vocabulary, so laws that count the output head or all "
                "parameters get too small an N: give V.",
            )
        )
    far = [one for one in advice if one.outside]
    if far:
        worst = max(far, key=lambda one: max(one.outside.values()))
        name, times = max(worst.outside.items(), key=lambda item: item[1])
        found.append(
            Notice(
                "outside_range",
                f"{len(far)} of {len(advice)} laws asked outside the range they were fitted on; "
                f"farthest {worst.law}, by {times:,.3g}x in {name}.",
            )
        )
    if advice and not any(one.law == "fitted" for one in advice):
        found.append(
            Notice(
                "not_your_runs",
                "none of these laws saw your data, architecture or schedule: sweep the rate by "
                "factors of 2 at a small size before you trust one.",
            )
        )
    return found
