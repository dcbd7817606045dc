"""``isoloss batch``: the critical batch, and what a larger batch buys and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isoloss.cli.options import OUTPUT, Amount, Count, Draws, Output, Seed, number, pairs
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.planning import CriticalBatch


def batch(
    table: str | None = None,
    /,
    *,
    target: str | None = None,
    grad_norms: str | None = None,
    n: Amount | None = None,
    d: Amount | None = None,
    loss: Amount | None = None,
    flop: Amount | None = None,
    critical: Amount | None = None,
    batch: Amount | None = None,
    steps: Amount | None = None,
    seconds_per_step: Amount | None = None,
    seq: Count | None = None,
    map: list[str] | None = None,
    scale: list[str] | None = None,
    draws: Draws = 2000,
    seed: Seed = 0,
    output: Output = OUTPUT,
) -> None:
    """Find the critical batch, and say what a larger batch buys in steps and costs in tokens.

    From runs of several batches that reached one target: isoloss batch steps.csv, a table with
    batch_tokens and steps. From gradient norms at two batches: --grad-norms norms.csv. By the
    published laws: --n 7B --d 1.4T --loss 2. For a run whose critical batch is known: --critical 2M
    --batch 500k --steps 100k.

    Args:
        table: Steps to a target per run.
        target: Only runs with this target.
        grad_norms: A table with batch_tokens and grad_norm, at two batches.
        n: Model size, for the published laws.
        d: Training tokens, for the published laws.
        loss: The loss to be reached in nats per token, for laws in it.
        flop: C as the laws in C count it; 6 N D by default.
        critical: A critical batch that is known, in tokens.
        batch: The batch to compare others with, in tokens; the critical one by default.
        steps: With --critical and --batch, the steps of that run.
        seconds_per_step: How long a step takes at --batch, to say days.
        seq: Tokens per sequence, where batches are in sequences.
        map: Say what a column is, NAME=CANONICAL, such as updates=steps; repeatable.
        scale: Multiply a column, NAME=FACTOR, such as batch=1e3; repeatable.
        draws: How many tables are drawn for the intervals.
        seed: Of the draws.
        output: How the answer is written.
    """
    from isoloss.planning.batch import batch_from_noise, batch_laws, critical_batch, trade_off
    from isoloss.planning.batch.critical_batch import merged
    from isoloss.planning.batch.result import CriticalBatch

    columns = pairs(map or [], "--map", "updates=steps")
    scales = {
        name: number(text, "--scale")
        for name, text in pairs(scale or [], "--scale", "batch=1e3").items()
    }
    parts: list[CriticalBatch] = []
    if table is not None:
        parts.append(
            critical_batch(
                table,
                target=target,
                batch=batch,
                seconds_per_step=seconds_per_step,
                seq_len=seq,
                columns=columns,
                scale=scales,
                draws=draws,
                seed=seed,
            )
        )
    if grad_norms is not None:
        parts.append(
            batch_from_noise(
                grad_norms, seq_len=seq, columns=columns, scale=scales, draws=draws, seed=seed
            )
        )
    if n is not None or d is not None:
        _require_all({"--n": n, "--d": d}, "the published laws need size and tokens")
        assert n is not None
        assert d is not None
        parts.append(batch_laws(n, d, loss=loss, flop=flop, seq_len=seq or 2048))
    if critical is not None:
        _require_all({"--batch": batch, "--steps": steps}, "a trade-off needs the run")
        assert batch is not None
        assert steps is not None
        found = trade_off(critical, batch, steps, seconds_per_step=seconds_per_step)
        parts.append(CriticalBatch(trade_off=found, seq_len=seq or 2048))
    if not parts:
        raise InputError(
            "it is not said from what the critical batch is to be found.",
            code="missing_argument",
            where=Where(field="TABLE"),
            hint="Give a table of steps to a target, --grad-norms, --n and --d, or --critical; "
            "isoloss batch --help explains them.",
        )
    answer = merged(parts)
    output.give(text=lambda: report(answer), document=answer.to_dict)


def report(found: CriticalBatch) -> str:
    """The answer as text, with what is needed to find it again."""
    return f"{found.summary()}\n{footer(found.data_hash, found.seed)}"


def _require_all(options: dict[str, float | None], why: str) -> None:
    for name, value in options.items():
        if value is None:
            raise InputError(
                f"{why}, and {name} is not given.",
                code="missing_argument",
                where=Where(field=name),
                hint="isoloss batch --help explains it.",
            )
