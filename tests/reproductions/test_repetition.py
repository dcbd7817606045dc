"""Muennighoff et al. 2023 (arXiv 2305.16264): R_D* and R_N* from the 182 runs of their fit."""

from __future__ import annotations

import numpy as np
import pytest

import isoloss as iso
from isoloss.fitting import Huber
from isoloss.laws import get_law, get_published
from tests.reproductions.pages import check

pytestmark = pytest.mark.dataset(name="datablations_repetition")

LAW = get_law("repetition")
PUBLISHED = dict(get_published("repetition").values)
HELD = {name: PUBLISHED[name] for name in ("E", "A", "B", "alpha", "beta")}
PAGE = "repetition.md"


@pytest.fixture(scope="module")
def points(published_data):
    path = published_data / "datablations_repetition.csv"
    return iso.read(path, where="in_authors_fit = true").points()


@pytest.fixture(scope="module")
def near(points):
    """The optimum in the range that the authors searched: 0 to 20 in both."""
    searched = {"RD": (0.01, 20.0), "RN": (0.01, 20.0)}
    return iso.fit(points, LAW, fixed=HELD, bounds=searched, ci="none")


@pytest.fixture(scope="module")
def free(points):
    return iso.fit(points, LAW, fixed=HELD, draws=500)


def judged(points, theta):
    """Objective and R2 on losses, as their notebook computes them."""
    x = {"N": points.params, "D": points.tokens, "U": points.unique_tokens}
    predicted = LAW.value(theta, x)
    left, spread = points.loss - predicted, points.loss - points.loss.mean()
    objective = float(np.sum(Huber().value(np.log(points.loss / predicted))))
    return objective, 1 - float(left @ left) / float(spread @ spread)


def test_the_published_point(points):
    assert len(points) == 182
    objective, r2 = judged(points, PUBLISHED)
    assert objective == pytest.approx(0.0158259, abs=5e-8)
    assert r2 == pytest.approx(0.7722, abs=5e-5)


def test_the_published_point_is_the_optimum_of_the_range_searched(points, near):
    assert near.status == "ok"  # inside its bounds
    assert near.estimate["RD"] == pytest.approx(15.388, rel=0.01)
    assert near.estimate["RN"] == pytest.approx(5.310, rel=0.01)
    assert near.objective_value == pytest.approx(0.0158259, abs=5e-8)


def test_beyond_that_range_the_objective_is_lower_by_a_thousandth(points, near, free):
    assert free.objective_value < near.objective_value * (1 - 1e-3)
    assert free.objective_value > near.objective_value * (1 - 2e-3)
    assert free.estimate["RD"] > 60


def test_the_runs_do_not_tell_the_two_apart(points, free):
    interval = free.parameters["RD"]
    assert interval.lo < 15.388 < 100 < interval.hi


def test_the_page(points, near, free):
    never = {**PUBLISHED, "RD": 1e9, "RN": 1e9}
    check(
        PAGE,
        "R_D* and R_N*",
        [
            [None, PUBLISHED["RD"], PUBLISHED["RN"], *judged(points, PUBLISHED)],
            [None, near.estimate["RD"], near.estimate["RN"], *judged(points, near.estimate)],
            [None, free.estimate["RD"], free.estimate["RN"], *judged(points, free.estimate)],
            [None, None, None, *judged(points, never)],
        ],
    )


def test_the_profile_on_the_page(points, free):
    values = (5.0, 10.0, 15.388, 25.0, 50.0, 100.0, 300.0)
    fits = [iso.fit(points, LAW, fixed={**HELD, "RD": rd}, ci="none") for rd in values]
    lowest = free.objective_value
    rows = [
        [rd, fit.estimate["RN"], fit.objective_value, fit.objective_value / lowest - 1]
        for rd, fit in zip(values, fits, strict=True)
    ]
    check(PAGE, "How well the runs fix them", rows)
