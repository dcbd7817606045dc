"""Approach 1: the envelope finds the frontier without a model, and says where it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import isoloss as iso
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import envelope
from isoloss.runs import Points
from tests.fitting.helpers import make_points
from tests.fitting.sweeps import ASYMMETRIC, HOFFMANN, Surface


def ladder(
    surface: Surface = HOFFMANN,
    *,
    sizes: int = 16,
    budgets: int = 12,
    noise: float = 0.0,
    seed: int = 0,
) -> Points:
    """Each size trained at each of several budgets, sizes reaching beyond both ends."""
    flop = np.geomspace(1e18, 1e21, budgets)
    low, high = surface.best_size([2e17, 5e21])
    n = np.geomspace(low, high, sizes)
    every_n, every_c = (x.ravel() for x in np.meshgrid(n, flop, indexing="ij"))
    d = every_c / 6 / every_n
    rng = np.random.default_rng(seed)
    loss = surface.loss(every_n, d) * np.exp(noise * rng.standard_normal(len(d)))
    return make_points(loss, every_n, d)


@pytest.mark.parametrize("surface", [HOFFMANN, ASYMMETRIC])
def test_the_frontier_is_found_without_noise(surface: Surface):
    found = envelope(ladder(surface, sizes=30), ci="none")
    assert found.n_opt.exponent.estimate == pytest.approx(surface.exponent, abs=0.015)
    at = found.at(3e19)
    assert at.n_params.estimate == pytest.approx(float(surface.best_size(3e19)), rel=0.03)
    assert 6 * at.n_params.estimate * at.tokens.estimate == pytest.approx(3e19, rel=1e-3)


def test_sizes_without_a_neighbour_on_both_sides_are_edges():
    points = ladder()
    middle = np.unique(points.params)[5:-5]
    found = envelope(points.take(np.isin(points.params, middle)), ci="none")
    smallest, largest = found.optima[0], found.optima[-1]
    assert (smallest.edge, smallest.used, largest.edge, largest.used) == (
        "smallest", False, "largest", False,
    )  # fmt: skip
    assert found.status == "edge"
    assert smallest.n_params.estimate == pytest.approx(middle[0])


def test_a_size_takes_part_only_within_its_own_compute():
    points = ladder()
    largest = points.params.max()
    # The largest size has its only runs at the two smallest budgets, where it is bad.
    keep = (points.params < largest) | (points.flop < 3e18)
    found = envelope(points.take(keep), ci="none")
    assert found.flop_range[1] == pytest.approx(1e21)
    assert all(optimum.n_params.estimate < largest for optimum in found.used)


def test_intervals_hold_the_truth_and_follow_the_seed():
    points = ladder(noise=0.002)
    found = envelope(points, draws=200)
    a = found.n_opt.exponent
    assert a.lo < HOFFMANN.exponent < a.hi
    assert a.hi - a.lo < 0.2
    assert np.array_equal(found.draws, envelope(points, draws=200).draws)
    assert not np.array_equal(found.draws, envelope(points, draws=200, seed=1).draws)


def test_a_column_tells_curves_of_one_size_apart():
    points = ladder()
    # A second schedule per size: worse everywhere, so the envelope must ignore it.
    worse = points.__class__(**{**vars(points), "loss": points.loss * 1.1})
    both = {
        name: np.concatenate([getattr(points, name), getattr(worse, name)])
        for name in ("params", "tokens", "flop", "loss")
    }
    schedule = np.repeat([0.0, 1.0], len(points))
    joined = make_points(
        both["loss"], both["params"], both["tokens"], flop=both["flop"],
        columns={"schedule": schedule},
    )  # fmt: skip
    alone = envelope(points, ci="none")
    for curves in ("schedule", None):
        found = envelope(joined, ci="none", curves=curves)
        assert found.line == pytest.approx(alone.line, rel=1e-9)
    with pytest.raises(InputError, match="horizon"):
        envelope(joined, curves="horizon")


def test_sizes_with_one_run_cannot_be_followed():
    points = ladder()
    smallest = np.flatnonzero(points.params == points.params.min())
    keep = np.ones(len(points), dtype=bool)
    keep[smallest[1:]] = False
    found = envelope(points.take(keep), ci="none")
    assert {notice.code for notice in found.warnings} == {"single_budget"}
    singles = points.take(np.flatnonzero(points.tier == 3))
    with pytest.raises(EvidenceError) as caught:
        envelope(singles)
    assert caught.value.code == "no_curves"


def test_too_few_sizes_are_refused():
    points = ladder()
    few = np.unique(points.params)[[0, 7, 8, 15]]
    with pytest.raises(EvidenceError, match="at least 3") as caught:
        envelope(points.take(np.isin(points.params, few)))
    assert (caught.value.exit_code, caught.value.code) == (3, "few_sizes")


def test_bad_options_are_named():
    with pytest.raises(InputError, match="at least 10"):
        envelope(ladder(), n_flop=3)
    with pytest.raises(InputError, match="sizes, none"):
        envelope(ladder(), ci="run")


def test_the_chinchilla_runs(published_data: Path):
    """Hoffmann et al. 2022, table 2: approach 1 gave a = 0.50, from training curves."""
    runs = iso.read(published_data / "chinchilla_epoch.csv", where="NOT dropped_by_epoch")
    found = envelope(runs, draws=200)
    assert found.n_opt.exponent.estimate == pytest.approx(0.50, abs=0.04)
    assert found.d_opt.exponent.estimate == pytest.approx(0.50, abs=0.04)
