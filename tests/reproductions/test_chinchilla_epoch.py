"""Besiroglu et al. 2024 (arXiv 2404.10102): the refit of Hoffmann's runs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

import isoloss as iso
from isoloss.fitting import Huber
from isoloss.laws import get_law, get_published
from tests.reproductions.pages import check

pytestmark = pytest.mark.dataset(name="chinchilla_epoch")

LAW = get_law("chinchilla")
PAGE = "chinchilla-epoch.md"
# Printed by Epoch's notebook for the point that the paper rounds.
NOTEBOOK = {"E": 1.81686, "A": 482.006, "B": 2085.434, "alpha": 0.34781, "beta": 0.36585}


@pytest.fixture(scope="module")
def runs(published_data):
    return iso.read(published_data / "chinchilla_epoch.csv")


@pytest.fixture(scope="module")
def kept(runs):
    points = runs.where("dropped_by_epoch = false").points()
    assert len(points) == 240
    return points


@pytest.fixture(scope="module")
def fits(runs, kept):
    return {
        240: iso.fit(kept, ci="none"),
        245: iso.fit(runs, ci="none"),
        "all but D/N < 0.4": iso.fit(runs.where("tokens / n_total >= 0.4"), ci="none"),
        # Their likelihood divides residuals by a fitted scale of 5e-6 before the corner of 1e-3:
        # a Huber cost with a corner of 5e-9, which is the sum of absolute values.
        "absolute": iso.fit(kept, ci="none", objective=Huber(4.7e-9)),
    }


def objective(points, theta):
    x = {"N": points.params, "D": points.tokens}
    return float(np.sum(Huber(1e-3).value(np.log(points.loss / LAW.value(theta, x)))))


def log_likelihood(points, theta, delta=1e-3):
    """Residuals over a scale follow the density exp(-Huber); the scale is the likeliest."""
    x = {"N": points.params, "D": points.tokens}
    residual = np.log(points.loss / LAW.value(theta, x))
    inner = np.sqrt(2 * np.pi) * special.erf(delta / np.sqrt(2))
    normal = np.log(inner + 2 * np.exp(-0.5 * delta**2) / delta)

    def negative(log_scale):
        cost = Huber(delta).value(residual / np.exp(log_scale))
        return float(np.sum(cost)) + len(residual) * (normal + log_scale)

    found = minimize_scalar(negative, bounds=(-20, 2), method="bounded", options={"xatol": 1e-12})
    return -float(found.fun)


def test_the_optimum_on_240_runs(fits):
    fit = fits[240]
    for name, value in get_published("chinchilla", "epoch-optimum").values.items():
        assert fit.estimate[name] == pytest.approx(value, rel=5e-3), name
    assert fit.objective_value == pytest.approx(1.01827e-3, abs=1e-8)
    assert fit.n_runs == 240


def test_the_optimum_on_all_245_runs(fits):
    expected = {"A": 495.1, "B": 12830, "E": 1.8912, "alpha": 0.3492, "beta": 0.4530}
    for name, value in expected.items():
        assert fits[245].estimate[name] == pytest.approx(value, rel=1e-2), name
    assert fits[245].objective_value == pytest.approx(1.82601e-3, abs=1e-8)


def test_the_published_point_is_the_least_absolute_deviation(fits):
    for name, value in NOTEBOOK.items():
        unit = 10.0 ** -len(str(value).partition(".")[2])
        assert abs(fits["absolute"].estimate[name] - value) < 2 * unit, name


def test_estimates_as_printed_on_the_page(fits):
    names = ("E", "A", "B", "alpha", "beta")
    rows = [[None, None, *(None for _ in names), None, None]]
    rows += [
        [
            None,
            float(fit.n_runs),
            *(fit.estimate[n] for n in names),
            fit.objective_value,
            fit.exponents["n_opt"].estimate,
        ]
        for fit in fits.values()
    ]
    check(PAGE, "Where the search arrives", rows)


def test_objective_at_published_points(kept):
    points = {
        "epoch": 1.0228e-3,
        "hoffmann": 1.2312e-3,  # where 1.2353e-3 circulates; see the page
        "printed": 4.1210e-3,
    }
    for key, value in points.items():
        theta = get_published("chinchilla", key).values
        assert objective(kept, theta) == pytest.approx(value, abs=1e-7), key


def test_likelihoods_and_the_ratio_test(kept, fits):
    hoffmann, printed = (
        log_likelihood(kept, get_published("chinchilla", key).values)
        for key in ("hoffmann", "printed")
    )
    best = log_likelihood(kept, fits["absolute"].estimate)
    assert printed == pytest.approx(562.25, abs=0.005)
    assert hoffmann == pytest.approx(837.78, abs=0.005)
    assert best == pytest.approx(879.77, abs=0.005)
    ratio = 2 * (best - hoffmann)
    assert ratio == pytest.approx(84.00, abs=0.01)
    assert chi2.sf(ratio, 5) == pytest.approx(1.22e-16, rel=0.01)
    points = [get_published("chinchilla", key).values for key in ("printed", "hoffmann", "epoch")]
    points += [NOTEBOOK, fits["absolute"].estimate, fits[240].estimate]
    rows = [[None, None, log_likelihood(kept, at), objective(kept, at)] for at in points]
    check(PAGE, "The likelihood-ratio test", rows)


def test_bootstrap_intervals(kept):
    printed = {"alpha": (0.317, 0.373), "beta": (0.331, 0.415), "E": (1.769, 1.871)}
    printed |= {"A": (285.2, 743.6), "B": (1042, 5810)}
    by_run = iso.fit(kept, ci="run", draws=4000, level=0.95)
    by_tier = iso.fit(kept, ci="tier", draws=2000, level=0.95)
    for name in ("alpha", "beta", "E"):
        lo, hi = printed[name]
        assert by_run.parameters[name].lo == pytest.approx(lo, abs=0.05 * (hi - lo)), name
        assert by_run.parameters[name].hi == pytest.approx(hi, abs=0.05 * (hi - lo)), name
        wide = by_tier.parameters[name]
        assert wide.hi - wide.lo > 1.2 * (hi - lo), name
    rows = []
    for name in ("E", "A", "B", "alpha", "beta"):
        run, tier = by_run.parameters[name], by_tier.parameters[name]
        rows.append([name, None, run.lo, run.hi, tier.lo, tier.hi])
    check(PAGE, "Intervals", rows)


def test_drift_of_the_optimum(runs, kept):
    every = runs.points()
    less_four = every.take(np.argsort(np.argsort(-every.loss)) >= 4)
    cuts = (3.4e19, 1.15e20, 3.5e20, 1.1e21)
    found, again = (
        iso.backtest(points, target=1e24, at=cuts, draws=20) for points in (less_four, kept)
    )
    rows = [
        [at, drift.n_fit, size.estimate, None, other.estimate]
        for at, drift, size, other in zip(
            [*cuts, "all"],
            found.drift["chinchilla"],
            found.sizes("chinchilla"),
            again.sizes("chinchilla"),
            strict=True,
        )
        if size and other
    ]
    check(PAGE, "Drift of the optimum", rows)
    first, *_, last = (row[2] for row in rows)
    assert first / last == pytest.approx(5.7, abs=0.05)
