"""From all starts to the one optimum, for laws easy and hard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import EvidenceError
from isoloss.fitting import Huber, Squared, StudentT
from isoloss.fitting.fit import inputs
from isoloss.fitting.search import FREE, Constraints, find, form
from isoloss.fitting.seeding import starts
from isoloss.fitting.solver import Newton, solve
from isoloss.laws import LAWS, get_law
from tests.fitting.helpers import (
    CHINCHILLA,
    COUPLED,
    KAPLAN,
    REPETITION,
    grid,
    make_points,
    repeated,
    sweep,
)

REFIT = next(p for p in LAWS["farseer"].published if p.key == "refit").values
GADRE = LAWS["gadre"].published[0].values
NOFLOOR = {name: value for name, value in CHINCHILLA.items() if name != "E"}


def pose(law, points, objective=None, constraints=FREE):
    law = get_law(law)
    weights = np.ones(len(points))
    return form(law, inputs(points, law), points.loss, weights, objective or Huber(), constraints)


def theta(posed, found):
    return dict(zip(posed.law.names, posed.theta(found.phi), strict=True))


# ---------------------------------------------------------------------------- recovery


@pytest.mark.parametrize(
    ("law", "truth", "points"),
    [
        ("chinchilla", CHINCHILLA, sweep()),
        ("chinchilla-nofloor", NOFLOOR, sweep("chinchilla-nofloor", NOFLOOR)),
        ("coupled", COUPLED, sweep("coupled", COUPLED)),
        ("kaplan", KAPLAN, sweep("kaplan", KAPLAN)),
        ("repetition", REPETITION, repeated()),
        ("gadre", GADRE, sweep("gadre", GADRE)),
        ("farseer", REFIT, sweep("farseer", REFIT, sizes=12, budgets=7)),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_without_noise_the_truth_comes_back(law, truth, points):
    posed = pose(law, points)
    found = find(posed)
    assert found.converged
    assert found.objective < 1e-24
    for name, value in theta(posed, found).items():
        assert value == pytest.approx(truth[name], rel=1e-8), name


@pytest.mark.parametrize("objective", [Squared(), StudentT(5e-3, 4.0), Huber(1e-6)])
def test_with_any_objective_the_truth_comes_back(objective):
    posed = pose("chinchilla", sweep(), objective)
    for name, value in theta(posed, find(posed)).items():
        assert value == pytest.approx(CHINCHILLA[name], rel=1e-8), name


@settings(max_examples=12)
@given(
    st.floats(0.0, 3.0),
    st.floats(0.2, 0.6),
    st.floats(0.2, 0.6),
    st.floats(0.2, 0.8),
    st.floats(0.2, 0.8),
)
def test_chinchilla_comes_back_wherever_it_was(floor, alpha, beta, size_share, data_share):
    # Each term makes a given share of the loss at the middle of the sweep: all can be seen.
    n, d = grid()
    truth = {
        "E": floor,
        "A": size_share * np.exp(alpha * np.mean(np.log(n))),
        "B": data_share * np.exp(beta * np.mean(np.log(d))),
        "alpha": alpha,
        "beta": beta,
    }
    posed = pose("chinchilla", sweep(theta=truth))
    for name, value in theta(posed, find(posed)).items():
        assert value == pytest.approx(truth[name], rel=1e-6, abs=1e-6), name


def test_outliers_do_not_move_a_robust_fit():
    points = sweep(noise=1e-4)
    loss = points.loss.copy()
    loss[::8] *= 1.3  # an eighth of the runs diverged
    found = find(posed := pose("chinchilla", replace(points, loss=loss), Huber(1e-4)))
    for name, value in theta(posed, found).items():
        assert value == pytest.approx(CHINCHILLA[name], rel=0.02), name


# ---------------------------------------------------------------------------- sums and scales


@pytest.mark.parametrize("times", [2, 50])
def test_runs_that_are_there_several_times_do_not_stop_the_search_early(times):
    # With a mean in place of the sum, and the usual tolerances, more runs meant an earlier stop.
    points = sweep(noise=0.01)
    once = find(pose("chinchilla", points))
    many = find(posed := pose("chinchilla", points.take(np.tile(np.arange(40), times))))
    assert many.objective == pytest.approx(times * once.objective, rel=1e-9)
    np.testing.assert_allclose(posed.theta(many.phi), posed.theta(once.phi), rtol=1e-5)


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3, 1e6])
def test_the_unit_of_the_loss_does_not_matter(unit):
    points = sweep(noise=0.01)
    plain = find(posed := pose("chinchilla", points))
    scaled = find(pose("chinchilla", replace(points, loss=unit * points.loss)))
    factor = np.array([unit, unit, unit, 1.0, 1.0])
    assert scaled.objective == pytest.approx(plain.objective, rel=1e-9)
    np.testing.assert_allclose(posed.theta(scaled.phi), factor * posed.theta(plain.phi), rtol=1e-5)


@pytest.mark.parametrize("unit", [1e-9, 1e-6])
def test_params_and_tokens_may_be_counted_in_millions_or_billions(unit):
    points = sweep(noise=0.01)
    posed = pose("chinchilla", points)
    plain = theta(posed, find(posed))
    small = replace(points, params=unit * points.params, tokens=unit * points.tokens)
    scaled = theta(posed, find(pose("chinchilla", small)))
    assert scaled["E"] == pytest.approx(plain["E"], rel=1e-6)
    assert scaled["alpha"] == pytest.approx(plain["alpha"], rel=1e-6)
    assert scaled["A"] == pytest.approx(plain["A"] * unit ** plain["alpha"], rel=1e-5)
    assert scaled["B"] == pytest.approx(plain["B"] * unit ** plain["beta"], rel=1e-5)


# ---------------------------------------------------------------------------- all starts


def test_a_law_is_never_worse_than_the_one_it_extends():
    points = sweep(noise=0.02)
    simple = find(pose("chinchilla", points)).objective
    for name in ("coupled", "farseer"):
        assert find(pose(name, points)).objective <= simple * (1 + 1e-9), name
    assert find(pose("floor-n", points)).objective <= find(pose("power-n", points)).objective


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("law", ["chinchilla", "coupled", "kaplan"])
def test_many_random_starts_find_nothing_lower(law, seed):
    points = sweep(noise=0.02, seed=seed)
    posed = pose(law, points)
    found = find(posed)
    begin = starts(posed.problem, count=2000, keep=60)
    begin = begin + 0.3 * np.random.default_rng(seed).standard_normal(begin.shape)
    wide = replace(posed.problem, objective=posed.problem.objective.widened(16))
    near = solve(wide, begin, Newton(tolerance=1e-2, max_steps=50)).phi
    assert found.objective <= solve(posed.problem, near).objective.min() * (1 + 1e-6)
    assert found.agreement >= 0.6


def test_agreement_counts_starts_at_the_optimum():
    found = find(pose("chinchilla", sweep(noise=0.01)))
    assert found.n_starts == 12
    assert found.agreement * found.n_starts == pytest.approx(round(found.agreement * 12))
    assert found.agreement >= 0.9


def test_a_search_that_is_cut_short_says_so():
    found = find(pose("coupled", sweep(noise=0.01)), Newton(tolerance=0.0))
    assert not found.converged
    assert found.gradient_norm > 0


def test_the_search_is_deterministic():
    one, two = (find(pose("coupled", sweep(noise=0.01))) for _ in range(2))
    np.testing.assert_array_equal(one.phi, two.phi)
    assert one.objective == two.objective


# ---------------------------------------------------------------------------- forms


def test_the_inner_form_is_the_same_law():
    points = sweep("farseer", REFIT)
    posed = pose("farseer", points)
    assert posed.problem.law is not posed.law
    rng = np.random.default_rng(0)
    phi = find(posed).phi + 0.05 * rng.standard_normal((30, posed.problem.coordinates.size))
    searched = points.loss * np.exp(-posed.problem.residuals(phi))
    outward = posed.theta(phi).T[:, :, None]
    own = posed.law.value(outward, {"N": points.params, "D": points.tokens})
    np.testing.assert_allclose(own, searched, rtol=1e-9)


def test_a_constraint_on_an_own_parameter_is_searched_in_own_parameters():
    points = sweep("farseer", REFIT)
    posed = pose("farseer", points, constraints=Constraints({"b1": REFIT["b1"]}, (), {}))
    assert posed.problem.law is posed.law
    assert "b1" not in posed.problem.coordinates.names


def test_fewer_runs_than_parameters():
    points = sweep(noise=0.01).take(np.arange(4))
    with pytest.raises(EvidenceError) as caught:
        pose("chinchilla", points)
    assert caught.value.code == "too_few_runs"
    assert caught.value.exit_code == 3
    assert "4 runs" in str(caught.value)
    fixed = Constraints({"alpha": 0.35}, (), {})
    assert find(pose("chinchilla", points, constraints=fixed)).objective >= 0


def test_a_law_without_a_positive_value_anywhere():
    n, d = grid()
    with pytest.raises(EvidenceError) as caught:
        find(pose("-abs(E) - abs(A) * N**alpha", make_points(np.full(40, 2.0), n, d)))
    assert caught.value.code == "no_start"
    assert caught.value.hint is not None


def test_interaction_finds_an_optimum_whose_prefactor_is_far_from_one():
    # Two data terms: at the typical run each matters, and yet G is 1e11.
    truth = {
        **{"E": 1.44, "A": 503.0, "B": 29.8, "alpha": 0.351, "beta": 0.156},
        **{"G": 2.5e11, "gamma": 0.062, "delta": 1.25},
    }
    posed = pose("interaction", sweep("interaction", truth, sizes=12, budgets=8))
    found = find(posed)
    assert found.converged
    assert found.objective < 1e-20
    for name, value in theta(posed, found).items():
        assert value == pytest.approx(truth[name], rel=1e-5), name
