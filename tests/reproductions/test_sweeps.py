"""Sweeps of learning rate and batch: refitted laws, their regret, and how far they carry over."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import isoloss as iso
from isoloss.fitting.sweeps import fit_sweep
from tests.reproductions.pages import check

STEPLAW, OELLM = "steplaw.md", "oellm-sweep.md"
AXES = ("lr", "batch_tokens")
HELD_OUT = ("cell", "size", "tokens", "larger", "nothing")


def step_law(n, d):
    """The published law (arXiv 2503.04715)."""
    return 1.79 * n**-0.713 * d**0.307, 0.58 * d**0.571


@pytest.fixture(scope="module")
def step(published_data):
    return fit_sweep(iso.read(published_data / "steplaw_dense.csv", loss="loss_smoothed"))


@pytest.fixture(scope="module")
def oellm(published_data):
    return fit_sweep(iso.read(published_data / "oellm_lr_bsz_horizon.csv"))


def law_rows(fit):
    """Estimate, lower and upper end of each power, and the cost of being 2 times off."""
    law = fit.need_law()
    cost = law.cost()
    return [
        [
            None,
            None,
            *(v for q in law.exponents(axis).values() for v in (q.estimate, q.lo, q.hi)),
            cost[axis].estimate,
            cost[axis].lo,
            cost[axis].hi,
        ]
        for axis in AXES
    ]


def shares(regret):
    return [
        regret.nearest.mean(),
        regret.nearest.max(),
        regret.interpolated.mean(),
        regret.interpolated.max(),
    ]


def regret_rows(fit):
    published = fit.regret_of(step_law)
    rows = [[None, float(len(published.cells)), *shares(published)]]
    for held_out in HELD_OUT:
        found = fit.regret(held_out)
        assert found is not None
        rows.append([None, float(len(found.cells)), *shares(found)])
    return rows


@pytest.mark.dataset(name="steplaw_dense")
def test_step_law_refit_from_all_runs(step):
    assert len(step.cells) == 17
    check(STEPLAW, "A law from all runs", law_rows(step))


@pytest.mark.dataset(name="steplaw_dense")
def test_step_law_regret(step):
    rows = regret_rows(step)
    # The published law costs .096 % at the nearest run; a law that never saw the cell costs less.
    assert rows[0][2] == pytest.approx(0.00096, abs=5e-6)
    assert rows[1][2] < rows[0][2]
    assert rows[1][4] < rows[0][4]
    check(STEPLAW, "What the laws cost", rows)


@pytest.mark.dataset(name="oellm_lr_bsz_horizon")
def test_oellm_law_and_regret(oellm):
    assert len(oellm.cells) == 36
    check(OELLM, "The law", law_rows(oellm))
    rows = regret_rows(oellm)
    assert rows[0][2] == pytest.approx(0.00219, abs=5e-6)
    assert rows[1][2] < rows[0][2] / 2
    # Sizes that were not fitted: under .1 %, the bar that a plain two-step fit sets.
    assert rows[2][2] < 0.001
    check(OELLM, "What the laws cost", rows)


@pytest.mark.dataset(name="oellm_lr_bsz_horizon")
def test_oellm_cells_agree_with_least_squares(published_data):
    """The optimum of each cell's quadratic, solved directly with powers of plain logs."""
    runs = iso.read(published_data / "oellm_lr_bsz_horizon.csv")
    fit = fit_sweep(runs, within=None, robust=False, skew=False, draws=10)
    table = pl.read_csv(published_data / "oellm_lr_bsz_horizon.csv")
    compared = 0
    for cell in fit.cells:
        here = table.filter(
            ((pl.col("params") / cell.params - 1).abs() < 0.01)
            & ((pl.col("tokens_nominal") / cell.tokens - 1).abs() < 0.02)
        )
        x = np.log(here["lr"].to_numpy()) - np.log(1e-3)
        y = np.log(here["batch_tokens"].to_numpy().astype(float)) - np.log(5e5)
        design = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
        b = np.linalg.lstsq(design, np.log(here["loss"].to_numpy()), rcond=None)[0]
        bend = np.array([[2 * b[3], b[4]], [b[4], 2 * b[5]]])
        assert cell.surface is not None
        assert here.height == cell.n_counted == cell.n_runs
        if np.linalg.eigvalsh(bend)[0] <= 0:
            assert not cell.surface.convex
            continue
        best = np.exp(-np.linalg.solve(bend, b[1:3]) + np.log([1e-3, 5e5]))
        assert np.exp(cell.surface.optimum) == pytest.approx(best, rel=1e-6)
        compared += 1
    assert compared >= 34


@pytest.mark.dataset(name="oellm_lr_bsz_horizon")
def test_one_project_is_not_the_other(step, oellm):
    def law_of(fit):
        law = fit.need_law()
        return lambda n, d: np.exp(law.log_settings(np.array([n]), np.array([d]))[0])

    rows = [
        [None, *shares(own)]
        for own in (
            step.regret("cell"),
            step.regret_of(law_of(oellm)),
            oellm.regret("cell"),
            oellm.regret_of(law_of(step)),
        )
    ]
    assert rows[1][1] > 4 * rows[0][1]
    assert rows[3][1] > 3 * rows[2][1]
    check(OELLM, "From one project to another", rows)
