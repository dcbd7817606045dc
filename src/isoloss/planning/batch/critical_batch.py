"""How large may the batch be? The verbs ``iso.critical_batch`` and its kin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.fitting import Notice, Quantity
from isoloss.fitting.hyperbola import Hyperbola, fit_hyperbola
from isoloss.fitting.noise_scale import noise_scale
from isoloss.laws.hparams import list_hparam_laws
from isoloss.planning.batch.result import CriticalBatch
from isoloss.planning.batch.tables import positive, read_norms, read_steps
from isoloss.planning.batch.trade_off import trade_off_of
from isoloss.planning.settings.hparams import advise, point

CRITICAL = "critical_batch_tokens"


def critical_batch(
    table: object,
    *,
    target: str | None = None,
    batch: float | str | None = None,
    seconds_per_step: float | None = None,
    seq_len: int | None = None,
    columns: Mapping[str, str] | None = None,
    scale: Mapping[str, float] | None = None,
    level: float = 0.9,
    draws: int = 2000,
    seed: int = 0,
) -> CriticalBatch:
    """The critical batch from the steps that runs of different batches took to a target.

    Args:
        table: a path or a table with ``batch_tokens`` and ``steps`` (or ``tokens``) per run that
            reached the target; ``target`` or ``loss`` where there are several.
        target: only this target.
        batch: the batch to compare with; the critical one if None.
        seconds_per_step: how long a step takes at that batch, to say days.
        seq_len: tokens per sequence, where batches are in sequences.
        columns: name in the table -> canonical name.
        scale: name -> factor.
        level: nominal coverage of the intervals.
        draws: how many tables are drawn for them.
        seed: of the draws.

    Raises:
        InputError: the table or an argument is unusable.
        EvidenceError: no target has three batches that bracket the critical one.
    """
    reference = positive(batch, "batch")
    read = read_steps(table, seq_len=seq_len, columns=columns, scale=scale)
    parts = read.parts()
    if target is not None:
        chosen = [name for name in parts if target in (name, name.removeprefix("loss "))]
        if not chosen:
            raise InputError(
                f"no run has the target {target[:60]!r}.",
                code="unknown_target",
                where=Where(field="target"),
                hint=f"Targets are: {', '.join(name or '(none)' for name in parts)}.",
            )
        parts = {name: parts[name] for name in chosen}
    found: list[Hyperbola] = []
    refused: dict[str, EvidenceError] = {}
    for name, (batches, steps) in parts.items():
        try:
            found.append(
                fit_hyperbola(batches, steps, target=name, level=level, draws=draws, seed=seed)
            )
        except EvidenceError as error:
            refused[name] = error
    if not found:
        raise next(iter(refused.values()))
    return CriticalBatch(
        hyperbolas=tuple(found),
        trade_off=trade_off_of(found[-1], reference, seconds_per_step),
        refused={name: error.message for name, error in refused.items()},
        seq_len=seq_len or 2048,
        data_hash=read.data_hash,
        seed=seed,
        warnings=tuple(_warnings(found, refused)),
    )


def batch_from_noise(
    table: object,
    *,
    seq_len: int | None = None,
    columns: Mapping[str, str] | None = None,
    scale: Mapping[str, float] | None = None,
    level: float = 0.9,
    draws: int = 4000,
    seed: int = 0,
) -> CriticalBatch:
    """The gradient noise scale from a table of gradient norms at two batches.

    Args:
        table: a path or a table with ``batch_tokens`` and ``grad_norm`` (or ``grad_norm_sq``), one
            row per measurement, all at the same weights.
        seq_len: tokens per sequence, where batches are in sequences.
        columns: name in the table -> canonical name.
        scale: name -> factor.
        level: nominal coverage of the interval.
        draws: how many.
        seed: of the draws.

    Raises:
        InputError: the table is unusable.
        EvidenceError: the squared gradient or its noise comes out negative.
    """
    small, big, low, high, digest = read_norms(table, seq_len=seq_len, columns=columns, scale=scale)
    found = noise_scale(small, big, low, high, squared=True, level=level, draws=draws, seed=seed)
    warnings: list[Notice] = []
    if math.isnan(found.batch_simple.lo):
        warnings.append(
            Notice("no_interval", "one measurement per batch: how sure it is cannot be said.")
        )
    if math.isinf(found.batch_simple.hi):
        warnings.append(
            Notice(
                "open_interval",
                "the squared gradient may be zero within its error: the noise scale has no upper "
                "end. Measure more gradients, or a larger second batch.",
            )
        )
    return CriticalBatch(
        noise=found,
        seq_len=seq_len or 2048,
        data_hash=digest,
        seed=seed,
        warnings=(*warnings, _NOISE),
    )


def batch_laws(
    n: float | str,
    d: float | str,
    *,
    loss: float | None = None,
    flop: float | None = None,
    seq_len: int = 2048,
) -> CriticalBatch:
    """The critical batch by the published laws that have one.

    Args:
        n: model size.
        d: training tokens.
        loss: the loss to be reached in nats per token, for laws in it.
        flop: C as the laws in C count it; 6 N D if None.
        seq_len: tokens per sequence, to say batches in sequences.

    Raises:
        InputError: an argument is unusable.
    """
    params, tokens = positive(n, "n"), positive(d, "d")
    assert params is not None
    assert tokens is not None
    x = point(params, tokens, positive(flop, "flop") or 6.0 * params * tokens, None)
    reached = positive(loss, "loss")
    x = x if reached is None else x | {"L": reached}
    found = [advise(law, x) for law in list_hparam_laws() if CRITICAL in law.formulas]
    return CriticalBatch(laws=tuple(found), seq_len=seq_len, warnings=(_LAWS,))


def merged(parts: list[CriticalBatch]) -> CriticalBatch:
    """Several answers about one model in one result, the first's numbers first."""
    found = parts[0]
    for one in parts[1:]:
        found = replace(
            found,
            hyperbolas=found.hyperbolas or one.hyperbolas,
            noise=found.noise or one.noise,
            laws=found.laws or one.laws,
            trade_off=found.trade_off or one.trade_off,
            data_hash=found.data_hash or one.data_hash,
            seed=one.seed if found.seed is None else found.seed,
            warnings=(*found.warnings, *one.warnings),
        )
    return found


_NOISE = Notice(
    "simple_noise",
    "the simple noise scale stands for the critical batch where curvature is alike in all "
    "directions; it grows during training, so measure late.",
)
_LAWS = Notice(
    "definitions_differ",
    "laws define their critical batch differently (twice the fewest steps; 20 % more tokens than "
    "linear) and stop at different losses: compare the powers, not the levels.",
)


def _warnings(found: list[Hyperbola], refused: Mapping[str, EvidenceError]) -> list[Notice]:
    warnings = [Notice("refused", error.message) for error in refused.values()]
    for one in found:
        named = f" for {one.target}" if one.target else ""
        crit: Quantity = one.batch_crit
        if math.isinf(crit.hi) or crit.lo == 0.0:
            side = "above" if math.isinf(crit.hi) else "below"
            more = "larger" if math.isinf(crit.hi) else "smaller"
            warnings.append(
                Notice(
                    "open_interval",
                    f"the critical batch{named} is not bounded {side}: add {more} batches.",
                )
            )
        if one.n_runs < 5:
            warnings.append(
                Notice(
                    "few_runs",
                    f"{one.n_runs} runs{named} leave {one.n_runs - 2} to judge the curve by.",
                )
            )
    return warnings
