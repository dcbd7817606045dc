"""The published sets that have sizes, tokens, losses and compute tiers, for other benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

import isoloss as iso
from isoloss.runs import Runs

PORIAN = (
    "rw-tuned-short-const-standard-val",
    "owt2-base-short-chinchilla-standard-val",
    "rw-base-long-kaplan-kaplan-train",
)


def best_of(path: Path, keys: list[str], by: str = "loss") -> Runs:
    """The best run of each group, where a table holds sweeps over hyper-parameters."""
    table = pl.read_csv(path, infer_schema_length=None).sort(by)
    best = table.unique(subset=keys, keep="first", maintain_order=True)
    return iso.read(best.sort("params", "tokens"))


def sets(folder: Path) -> Iterator[tuple[str, Runs]]:
    """Every published set that has N, D, losses and compute tiers."""
    yield (
        "chinchilla_epoch",
        iso.read(folder / "chinchilla_epoch.csv", where="NOT dropped_by_epoch"),
    )
    yield "farseer", iso.read(folder / "farseer.csv")
    for group in PORIAN:
        where = f"\"group\" = '{group}'"
        yield f"porian, {group}", iso.read(folder / "porian_isoflops.csv", where=where)
    yield (
        "datablations_repetition, one epoch",
        iso.read(folder / "datablations_repetition.csv", where="in_authors_fit AND epochs = 1"),
    )
    ladder = iso.read(
        folder / "small_ladder.csv",
        where="study = 'ladder' OR study = 'ci'",
        loss_unit="nats/byte",
    )
    best = ladder.frame.sort("loss").unique(
        subset=["flop_budget", "params"], keep="first", maintain_order=True
    )
    yield "small_ladder, best of each size", iso.read(best.sort("flop", "params"))
    yield (
        "oellm, best of each size",
        best_of(folder / "oellm_lr_bsz_horizon.csv", ["params", "tokens_nominal"]),
    )
    yield (
        "steplaw, best of each size",
        best_of(folder / "steplaw_dense.csv", ["params", "tokens"], by="loss_smoothed"),
    )
