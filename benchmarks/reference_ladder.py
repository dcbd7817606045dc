"""What does the shipped reference ladder show? Every number of docs/reference-ladder.md.

    python benchmarks/reference_ladder.py [--draws 1000] [--only noise rates laws ...]

One section per study of the ladder: the noise between seeds, what one learning rate costs, the
IsoFLOP minima, the laws of N and D and how they predict the largest budget, the sweep of learning
rate and batch, repeated data, and loss curves under four schedules.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import polars as pl

import isoloss as iso
from isoloss.cli.demo import best_runs
from isoloss.datasets import reference, reference_curves
from isoloss.errors import IsolossError
from isoloss.fitting.curves import LossCurve, fit_curves
from isoloss.laws.schedules import constant, cosine, linear_decay


def noise(_: int) -> None:
    """The spread between seeds, pooled by budget."""
    runs = reference().where("flop_budget IS NOT NULL").ok().frame
    keys = ("flop_budget", "n_matmul", "tokens", "lr")
    spread = (
        runs.group_by(keys)
        .agg(sd=pl.col("loss").log().std(), seeds=pl.len())
        .filter(pl.col("seeds") > 1)
        .group_by("flop_budget")
        .agg(
            rms=(
                (pl.col("sd") ** 2 * (pl.col("seeds") - 1)).sum() / (pl.col("seeds") - 1).sum()
            ).sqrt(),
            settings=pl.len(),
        )
        .sort("flop_budget")
    )
    for budget, rms, settings in spread.iter_rows():
        print(f"{budget:8.3g} FLOP: {rms:.3%} of the loss, {settings} settings with 2 or 3 seeds")


def rates(_: int) -> None:
    """What one learning rate (2^-7 at width 64, carried over by muP) costs against the best."""
    runs = reference().where("flop_budget > 0 and steps >= 300").ok().frame
    keys = ("flop_budget", "d_model", "n_layers", "n_matmul", "tokens")
    mean = runs.group_by(*keys, "lr").agg(pl.col("loss").log().mean())
    table = (
        mean.group_by(keys)
        .agg(
            best=pl.col("lr").sort_by("loss").first().log(2),
            cost=pl.col("loss").filter(pl.col("lr") == 2.0**-7).first() - pl.col("loss").min(),
            tried=pl.len(),
        )
        .sort("flop_budget", "n_matmul")
    )
    for row in table.iter_rows(named=True):
        print(
            f"{row['flop_budget']:8.3g} FLOP {row['d_model']:>4}x{row['n_layers']}: best "
            f"2^{row['best']:.0f} of {row['tried']}; 2^-7 costs {row['cost']:.2%}"
        )
    tuned = table.filter(pl.col("tried") > 1)["cost"]
    print(f"2^-7 costs {tuned.mean():.2%} on average, {tuned.max():.2%} at most")


def minima(draws: int) -> None:
    """Approaches 1, 2 and 3 on the same runs."""
    print(iso.approaches(best_runs(reference()), law="coupled", draws=draws).summary())


def laws(draws: int) -> None:
    """All laws that the runs can carry, by their error on larger budgets."""
    runs = best_runs(reference())
    found = iso.compare(runs, draws=min(draws, 200))
    print(found.summary())
    last = found.backtest.cuts[-1]
    print(f"\nfitted below {last.at:.3g} FLOP, held against {last.n_held_out} runs above it:")
    for law, score in sorted(last.laws.items(), key=lambda one: one[1].mean_abs_rel_error):
        bias = float(np.mean(score.error))
        print(f"  {law:<16} mean |error| {score.mean_abs_rel_error:.2%}, mean error {bias:+.2%}")
    print()
    for law, fit in found.fits.items():
        print(f"{law}: rms {fit.residual_summary['rms_log']:.2%}, {fit.status}")


def sweep(draws: int) -> None:
    """Learning rate and batch in five cells."""
    print(iso.fit_sweep(reference().where("\"group\" = 'sweep'"), draws=draws).summary())


def repetition(draws: int) -> None:
    """What a repeated token is worth, with the base of the runs that repeat nothing."""
    runs = reference().where("\"group\" = 'repetition'")
    frame = runs.ok().frame.sort("n_matmul", "tokens", "epochs")
    for n, tokens in frame.select("n_matmul", "tokens").unique(maintain_order=True).iter_rows():
        cell = frame.filter((pl.col("n_matmul") == n) & (pl.col("tokens") == tokens))
        losses = (f"{e:.3g}: {x:.3f}" for e, x in cell.select("epochs", "loss").iter_rows())
        print(f"N {n:,}, {tokens:,} tokens, epochs: loss  {', '.join(losses)}")
    for most in (4, 8, 16, 64):
        some = runs.where(f"epochs < {1.5 * most}")
        try:
            print(f"\nup to {most} epochs")
            print(iso.fit_repetition(some, base=_base(), draws=draws).summary())
        except IsolossError as error:
            print(f"{error.message}")


def _base() -> iso.Fit:
    return iso.fit(best_runs(reference()), "chinchilla", ci="none")


def curves(_: int) -> None:
    """The multi-power law, fitted to a constant and a cosine, held against the other schedules."""
    runs = {row["run_id"]: row for row in reference().frame.iter_rows(named=True)}
    frame = reference_curves().filter(pl.col("series") == "loss_text")
    found: dict[tuple[int, int], dict[str, LossCurve]] = {}
    for (run_id,), points in frame.group_by("run_id", maintain_order=True):
        row = runs[str(run_id)]
        if row["group"] != "curves":
            continue
        steps, warm = int(row["steps"]), round(0.05 * row["steps"])
        lr = SCHEDULES[row["lr_schedule"]](row["lr"], steps, warm)
        kept = points.filter(pl.col("step") > warm)
        curve = LossCurve(
            row["lr_schedule"], lr, kept["step"].to_numpy() - 1, kept["value"].to_numpy()
        )
        found.setdefault((row["n_matmul"], steps), {})[row["lr_schedule"]] = curve
    for (n, steps), some in sorted(found.items()):
        fitted = fit_curves([some["constant"], some["cosine"]])
        others = [curve for name, curve in some.items() if name not in ("constant", "cosine")]
        for score in (*fitted.scores, *fitted.score(others)):
            print(
                f"N {n:,}, {steps} steps, {score.name:<9} mean error {score.mean_rel_error:.2%}, "
                f"worst {score.max_rel_error:.2%}, R2 {score.r2:.4f} ({fitted.status})"
            )


SCHEDULES: dict[str, Callable[[float, int, int], np.ndarray]] = {
    "constant": lambda lr, steps, warm: constant(lr, steps, warm),
    "cosine": lambda lr, steps, warm: cosine(lr, 0.0, steps, warm),
    "linear": lambda lr, steps, warm: linear_decay(lr, 0.0, steps, warm, warm),
    "wsd": lambda lr, steps, warm: linear_decay(lr, 0.0, steps, warm, round(0.8 * steps)),
}

SECTIONS = {
    "noise": noise,
    "rates": rates,
    "minima": minima,
    "laws": laws,
    "sweep": sweep,
    "repetition": repetition,
    "curves": curves,
}


def main() -> None:
    """Print one section after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    options = parser.parse_args()
    for name in options.only:
        print(f"== {name}: {SECTIONS[name].__doc__}")
        SECTIONS[name](options.draws)
        print(flush=True)


if __name__ == "__main__":
    main()
