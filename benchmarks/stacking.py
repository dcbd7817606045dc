"""Is the stacked prediction better than its laws? Each cut of a backtest on published runs.

    python benchmarks/stacking.py [--data FOLDER] [--laws chinchilla,coupled,...] [--fade 0.5 1.0]

At each cut the weights come from earlier cuts and from runs below this one only. Printed per set:
at how many cuts the stack was better than the best law of that very cut (which nobody could have
picked before), than the law that was best on earlier cuts (which anybody could), and worse than
the worst; and its mean error beside those of the laws.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from published import sets

import isoloss as iso
from isoloss.errors import IsolossError
from isoloss.validation import stack, stacking
from isoloss.validation.forecast_laws import VIEWS
from isoloss.validation.stacking import errors_at, errors_below, held_out


def error_of_picked(tested: iso.Backtest, at: float) -> float:
    """At one cut, the error of the law that was best on earlier cuts and runs below this one."""
    number = next(i for i, cut in enumerate(tested.cuts) if cut.at == at)
    held = set(held_out(tested.cuts[number]))
    seen = [errors_below(cut=cut, held=held) for cut in tested.cuts[:number]]
    sizes = {
        law: float(np.mean(np.abs(np.concatenate(errors))))
        for law in errors_at(tested.cuts[number])
        if (errors := [scores[law] for scores in seen if law in scores])
    }
    picked = min(sizes, key=lambda law: sizes[law])
    return tested.cuts[number].laws[picked].mean_abs_rel_error


def main() -> None:
    """Print one line per set, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("ISOLOSS_PUBLISHED_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--laws", default=",".join(VIEWS))
    parser.add_argument("--fade", type=float, nargs="+", default=[stacking.FADE])
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"{options.data} is absent: nothing to measure (give the folder with --data)")
        return
    totals: dict[float, list[tuple[int, int, int, int, bool]]] = {fade: [] for fade in options.fade}
    for name, runs in sets(options.data):
        try:
            tested = iso.backtest(runs, options.laws.split(","), draws=20)
            stack(tested)
        except IsolossError as error:
            print(f"{name:<48}{error.message[:80]}", flush=True)
            continue
        for fade in options.fade:
            stacking.FADE = fade
            cuts = stack(tested).cuts
            if not cuts:
                print(f"{name:<48}no cut has an earlier one to learn from", flush=True)
                continue
            errors = np.array([cut.mean_abs_rel_error for cut in cuts])
            picked = np.array([error_of_picked(tested, cut.at) for cut in cuts])
            best, worst = np.array([(cut.best, cut.worst) for cut in cuts]).T
            better, worse = int(np.sum(errors <= best)), int(np.sum(errors > worst))
            at = {cut.at for cut in cuts}
            laws = {
                law: float(
                    np.mean([c.laws[law].mean_abs_rel_error for c in tested.cuts if c.at in at])
                )
                for law in tested.laws
            }
            known = {law: size for law, size in laws.items() if np.isfinite(size)}
            winner = min(known, key=lambda law: known[law])
            mean = float(np.mean(errors))
            beside = int(np.sum(errors <= picked))
            totals[fade].append((len(cuts), better, beside, worse, mean <= float(np.mean(picked))))
            print(
                f"{name:<48}fade {fade:g}: {len(cuts)} cuts, better than the best law at {better}, "
                f"than the picked one at {beside}, worse than the worst at {worse}; mean "
                f"{mean:.2%}, picked {np.mean(picked):.2%}, best over all {winner} "
                f"{known[winner]:.2%}, worst {max(known.values()):.2%}",
                flush=True,
            )
    for fade, rows in totals.items():
        cuts, better, beside, worse, wins = (int(x) for x in np.sum(rows, axis=0))
        print(
            f"fade {fade:g}: {cuts} cuts of {len(rows)} sets, better than the best law of the cut "
            f"at {better}, than the picked one at {beside}, worse than the worst at {worse}; mean "
            f"error below that of picking on {wins} sets"
        )


if __name__ == "__main__":
    main()
