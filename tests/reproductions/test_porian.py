"""Porian et al. 2024 (arXiv 2406.19146): five corrections take Kaplan's exponent to Hoffmann's."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.interpolate import Akima1DInterpolator

import isoloss as iso
from isoloss.fitting.isoflop import isoflop
from tests.reproductions.pages import check

pytestmark = pytest.mark.dataset(name="porian_isoflops")

PAGE = "porian.md"
STEPS = {
    "as Kaplan et al.": "base-long-kaplan-kaplan-train",
    "head counted": "base-long-kaplan-standard-val",
    "short warm-up": "base-short-kaplan-standard-val",
    "decay to the end of each run": "base-short-chinchilla-standard-val",
    "tuned": "tuned-short-const-standard-val",
}
PUBLISHED = {
    "rw": (0.835, 0.706, 0.602, 0.571, 0.497),
    "owt2": (0.864, 0.699, 0.603, 0.574, 0.518),
}
NAMES = {"rw": "RefinedWeb", "owt2": "OpenWebText2"}


@pytest.fixture(scope="module")
def tables(published_data):
    return tuple(
        pl.read_csv(published_data / f"porian_{name}.csv", infer_schema_length=None)
        for name in ("isoflops", "optima")
    )


def akima_exponent(rows):
    """N* of each budget on the authors' curve (Akima in log N, log loss), then a line."""
    log_c, log_n = [], []
    for (flop,), budget in rows.group_by("flops", maintain_order=True):
        budget = budget.sort("params")
        x, y = np.log(budget["params"].to_numpy()), np.log(budget["loss"].to_numpy())
        if len(x) < 3:
            continue
        grid = np.linspace(x[0], x[-1], 25 * (len(x) - 1))
        lowest = int(np.argmin(Akima1DInterpolator(x, y)(grid)))
        if 0 < lowest < len(grid) - 1:
            log_c.append(np.log(flop))
            log_n.append(grid[lowest])
    return float(np.polyfit(log_c, log_n, 1)[0])


def stored_exponent(rows):
    """A line through the authors' own optima, weighted by their stored standard deviations."""
    rows = rows.drop_nulls("params_opt")
    log_c, log_n = (np.log(rows[name].to_numpy()) for name in ("flops", "params_opt"))
    weights = 1 / rows["log_params_opt_std"].to_numpy()
    return float(np.polyfit(log_c, log_n, 1, w=weights)[0])


def group(data, step):
    return pl.col("group") == f"{data}-{STEPS[step]}"


@pytest.mark.parametrize("data", NAMES)
def test_the_stored_optima_give_the_published_exponents(tables, data):
    for step, published in zip(STEPS, PUBLISHED[data], strict=True):
        found = stored_exponent(tables[1].filter(group(data, step)))
        assert found == pytest.approx(published, abs=7e-4), step


@pytest.mark.parametrize("data", NAMES)
def test_the_authors_curve_gives_them_within_a_hundredth(tables, data):
    for step, published in zip(STEPS, PUBLISHED[data], strict=True):
        found = akima_exponent(tables[0].filter(group(data, step)))
        assert found == pytest.approx(published, abs=0.01), step


@pytest.fixture(scope="module")
def ours(published_data):
    """IsoFLOP with the default curve; all budgets of a size may be one run, hence the groups."""
    found = {}
    for data in NAMES:
        for step in STEPS:
            where = f"\"group\" = '{data}-{STEPS[step]}'"
            runs = iso.read(published_data / "porian_isoflops.csv", where=where)
            found[data, step] = isoflop(runs, ci="column:params", draws=200).exponents["n_opt"]
    return found


def test_the_intervals_of_the_default_curve_hold_every_published_exponent(ours):
    for data in NAMES:
        for step, published in zip(STEPS, PUBLISHED[data], strict=True):
            assert ours[data, step].lo < published < ours[data, step].hi, (data, step)


@pytest.mark.parametrize("data", NAMES)
def test_the_page(tables, ours, data):
    rows = []
    for step, published in zip(STEPS, PUBLISHED[data], strict=True):
        default = ours[data, step]
        rows.append(
            [
                step,
                published,
                stored_exponent(tables[1].filter(group(data, step))),
                akima_exponent(tables[0].filter(group(data, step))),
                default.estimate,
                default.lo,
                default.hi,
            ]
        )
    check(PAGE, NAMES[data], rows)
