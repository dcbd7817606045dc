"""The report of ``isoloss demo``: what the runs say, in readable text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isoloss.cli.approaches import report as approaches_report
from isoloss.cli.backtest import report as backtest_report
from isoloss.cli.text import columns, flop_text
from isoloss.version import __version__

if TYPE_CHECKING:
    from isoloss.fitting import Fit, Quantity
    from isoloss.fitting.approaches import Approaches
    from isoloss.planning import Plan, PublishedPlans
    from isoloss.runs import Runs
    from isoloss.validation import Backtest

TITLE = "# isoloss demo"

_RUNS = """\
## 1. The runs

The table holds all runs; those that no law of N and D should describe are set aside with a reason,
and stay in `runs.csv`."""

_FITS = """\
## 2. What do they say?

Each law is fitted to the same runs. N counts parameters without the input embedding; the loss is in
nats per byte. A smaller residual with a law of more parameters is not yet a better forecast, but
residuals twice as large say that the form is wrong."""

_TESTED = """\
## 3. Would they have predicted the largest runs?

Each law is fitted to the runs of the smaller budgets only, and held against those of the larger
ones, up to the largest budget alone. The plan is by the law that did best there."""

_APPROACHES = """\
## 4. Do the three approaches agree?

Approach 1 takes the best size at each compute from the runs themselves, approach 2 the minimum of a
curve through the runs of each budget, approach 3 the law above. One that rests on few sizes or
budgets says so."""

_PLANS = """\
## 5. What to do with 30 times the compute of the largest run?

The budget is {flop} FLOP, counted as the runs count it. All laws saw the same runs; how far their
answers lie apart is part of what the runs cannot say."""

_PUBLISHED = """\
## 6. What would the published laws do?

They were fitted to models ten thousand times larger, on other text with other tokenizers; the last
column says how far outside its range each one is asked. Losses do not compare."""

_AGAIN = """\
## Do it again

```sh
isoloss runs check runs.csv
isoloss fit runs.csv --law {law} --seed {seed} --draws {draws} --save fit.json
isoloss backtest runs.csv --law {laws} --target {flop} --flop-per-token runs \
--seed {seed} --draws {tests} --save backtest.json
isoloss approaches runs.csv --law {law} --seed {seed} --draws {draws} --target {flop}
isoloss plan {flop} --fit fit.json --flop-per-token runs --backtest backtest.json
isoloss plan {flop} --published
```"""


@dataclass(frozen=True)
class Results:
    """What the demo found.

    Attributes:
        runs: the table, with the runs that are set aside.
        law: the law that is planned by.
        fits: by law.
        tested: the backtest of the laws.
        approaches: the three approaches, at the budget.
        plans: by law.
        published: the published laws at the same budget.
    """

    runs: Runs
    law: str
    fits: Mapping[str, Fit]
    tested: Backtest
    approaches: Approaches
    plans: Mapping[str, Plan]
    published: PublishedPlans


def write_report(results: Results) -> str:
    """All results as Markdown."""
    runs, law = results.runs, results.law
    fit, flop = results.fits[law], flop_text(results.published.flop)
    parts = [
        TITLE,
        f"{len(runs)} small language models, by isoloss {__version__}; data "
        f"`{runs.data_hash[:12]}`, seed {fit.seed}.",
        _RUNS,
        _block(f"{runs.summary()}\n\n{_reasons(runs)}"),
        _FITS,
        _block(_fit_table(results.fits)),
        *(_block(found.summary()) for found in results.fits.values()),
        _TESTED,
        _block(backtest_report(results.tested)),
        _APPROACHES,
        _block(approaches_report(results.approaches)),
        _PLANS.format(flop=flop),
        _block(_plan_table(results.plans)),
        f"By {law}, which predicted the largest budget best:",
        _block(results.plans[law].summary()),
        _PUBLISHED,
        _block(results.published.summary()),
        _AGAIN.format(
            law=law,
            laws=",".join(results.fits),
            seed=fit.seed,
            draws=len(fit.draws),
            tests=results.tested.draws,
            flop=flop,
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _block(text: str) -> str:
    return f"```text\n{text}\n```"


def _reasons(runs: Runs) -> str:
    """How many runs are set aside for each reason."""
    counted = runs.frame.filter(runs.frame["status"] != "ok").group_by("reason").len()
    rows = [(str(n), str(why)) for why, n in counted.sort("len", descending=True).iter_rows()]
    return columns([("runs", "set aside because"), *rows], align="><")


def _fit_table(fits: Mapping[str, Fit]) -> str:
    rows = [("law", "parameters", "residual rms", "median", "status")]
    for law, fit in fits.items():
        left = fit.residual_summary
        rms, median = f"{left['rms_log']:.2%}", f"{left['median_abs_log']:.2%}"
        rows.append((law, str(len(fit.law.names)), rms, median, fit.status))
    return columns(rows, align="<>>><")


def _plan_table(plans: Mapping[str, Plan]) -> str:
    from isoloss.planning.text import between, shown

    def said(quantity: Quantity) -> str:
        return f"{shown(quantity.estimate)} ({between(quantity)})"

    rows = [("law", "N (params)", "D (tokens)", "loss (nats/byte)")]
    rows += [
        (law, said(plan.n_params), said(plan.tokens), said(plan.loss))
        for law, plan in plans.items()
    ]
    return columns(rows)
