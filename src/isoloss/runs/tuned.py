"""Which value of a tuned setting did best? One value per model size and length, edges marked."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from isoloss.errors import EvidenceError, InputError, Where
from isoloss.runs.grading import EXCLUDED, OK, Problem
from isoloss.runs.request import unknown_column

INSIDE, LOWEST, HIGHEST, ALONE = "inside", "lowest tried", "highest tried", "one value"

# What makes two runs the same setting, apart from what is tuned and from the seed.
_SETTING = (
    *("n_layers", "d_model", "n_heads", "n_kv_heads", "d_head", "d_ff", "vocab", "seq_len"),
    *("tied", "gated", "moe_experts", "moe_topk"),
    *("n_total", "n_nonemb", "n_matmul", "n_active", "params"),
    *("tokens", "unique_tokens", "batch_tokens", "lr", "lr_schedule", "weight_decay"),
    *("optimizer", "precision", "dataset", "tokenizer", "eval_set", "loss_unit", "loss_kind"),
)


def choice_of(name: str) -> str:
    """The column that says where the chosen value of a tuned setting lies among those tried."""
    return f"{name}_choice"


def best_values(
    frame: pl.DataFrame, over: Sequence[str], by: Sequence[str], label: str
) -> tuple[pl.DataFrame, tuple[Problem, ...]]:
    """A graded table in which each setting keeps the tuned values with the lowest mean loss.

    Seeds of one value are averaged before values are compared, and all seeds of the chosen value
    stay. The lowest of several noisy means is a little too low: by 0.85 standard deviations if
    three are equally good.

    Args:
        frame: canonical columns with ``status``, ``reason`` and ``loss``.
        over: what was tuned: ``lr``, ``batch_tokens``, or another column.
        by: further columns in which two settings may differ.
        label: the name of the table, for messages.

    Returns:
        The table, other values set to excluded with a reason, with a column ``NAME_choice`` for
        each tuned one (``inside``, ``lowest tried``, ``highest tried``, ``one value``; empty where
        the run is excluded), and what is to be said about the choice.

    Raises:
        InputError: there is no such column, or none is named.
        EvidenceError: no setting was tried with two values.
    """
    if not over:
        raise InputError("no column is named.", code="missing_argument", where=Where(field="over"))
    for name in (*over, *by):
        if name not in frame.columns:
            raise unknown_column(name, frame.columns, "a column")
    keys = [name for name in _SETTING if name in frame.columns and name not in over]
    keys += [name for name in by if name not in keys and name not in over]
    ok = frame.filter((pl.col("status") == OK) & pl.all_horizontal(pl.col(*over).is_not_null()))
    tried = (
        ok.group_by(*keys, *over)
        .agg(pl.col("loss").mean())
        .with_columns(
            *(pl.col(name).min().over(keys).alias(f"_{name}_lo") for name in over),
            *(pl.col(name).max().over(keys).alias(f"_{name}_hi") for name in over),
        )
    )
    # Of equal means the lower values, so that the choice does not depend on the order of rows.
    best = tried.sort("loss", *over).unique(keys, keep="first", maintain_order=True)
    best = best.with_columns(_where(name).alias(choice_of(name)) for name in over)
    alone = pl.all_horizontal(pl.col(choice_of(name)) == ALONE for name in over)
    if best.filter(~alone).height == 0:
        raise EvidenceError(
            f"no setting was tried with two values of {' or '.join(over)}.",
            code="not_tuned",
            where=Where(file=label),
            hint=f"Settings are the same when {', '.join(keys[:6])}, ... are.",
        )
    choices = [choice_of(name) for name in over]
    chosen = best.select(*keys, *over, *choices)
    frame = frame.drop(choices, strict=False)
    joined = frame.join(
        chosen, on=[*keys, *over], how="left", nulls_equal=True, maintain_order="left"
    )
    lost = (pl.col("status") == OK) & pl.col(choices[0]).is_null()
    reason = f"another {' and '.join(over)} does better"
    joined = joined.with_columns(
        status=pl.when(lost).then(pl.lit(EXCLUDED)).otherwise("status"),
        reason=pl.when(lost).then(pl.lit(reason)).otherwise("reason"),
        **{name: pl.when(pl.col("status") == OK).then(name) for name in choices},
    )
    return joined, tuple(problem for name in over for problem in _at_edge(best, joined, name))


def _where(name: str) -> pl.Expr:
    value, low, high = pl.col(name), pl.col(f"_{name}_lo"), pl.col(f"_{name}_hi")
    return (
        pl.when(low == high)
        .then(pl.lit(ALONE))
        .when(value == low)
        .then(pl.lit(LOWEST))
        .when(value == high)
        .then(pl.lit(HIGHEST))
        .otherwise(pl.lit(INSIDE))
    )


def _at_edge(best: pl.DataFrame, joined: pl.DataFrame, name: str) -> list[Problem]:
    """The warning that the best value of some settings is the lowest or highest tried."""
    at_edge = pl.col(choice_of(name)).is_in([LOWEST, HIGHEST])
    count = best.filter(at_edge).height
    if not count:
        return []
    message = (
        f"in {count} of {best.height} settings the best {name} is the lowest or highest tried: "
        "a better one may lie beyond"
    )
    return [Problem("edge_of_sweep", "warning", message, tuple(joined.filter(at_edge)["run_id"]))]
