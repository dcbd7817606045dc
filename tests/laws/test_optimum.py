"""Certified optima, and the laws that every allocation obeys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import EvidenceError
from isoloss.laws import get_law, get_published, law_from_formula
from isoloss.laws.compute import FlopRule
from isoloss.laws.optimum import Surface, allocate, closed_form, flat_region, search
from isoloss.planning.published import BOUNDS, published_bounds

WIDE = (1.0, 1e20)


def published(law: str, key: str | None = None) -> tuple[Surface, np.ndarray]:
    values = get_published(law, key).values
    known = get_law(law)
    return Surface(known, FlopRule()), np.array([[values[name]] for name in known.names])


def optimum(law: str, flop: float, key: str | None = None) -> tuple[float, float]:
    surface, theta = published(law, key)
    best = allocate(surface, theta, flop, published_bounds(flop))
    assert best.found[0]
    return float(best.params[0]), float(best.tokens[0])


@pytest.mark.parametrize(
    ("flop", "params", "ratio"),
    [(1e21, 2.217e9, 33.91), (5.76e23, 4.036e10, 58.93), (3.8e25, None, 84.83)],
)
def test_hoffmann_unrounded(flop: float, params: float | None, ratio: float) -> None:
    n, d = optimum("chinchilla", flop, "hoffmann")
    assert d / n == pytest.approx(ratio, abs=0.005)
    if params is not None:
        assert n == pytest.approx(params, rel=1e-3)
    values = get_published("chinchilla", "hoffmann").values
    exponent = values["beta"] / (values["alpha"] + values["beta"])
    assert exponent == pytest.approx(0.456526, abs=5e-7)


@pytest.mark.parametrize(("key", "ratio"), [("printed", 92.6), ("hoffmann", 58.9)])
def test_two_digits_in_the_exponents_are_too_few(key: str, ratio: float) -> None:
    n, d = optimum("chinchilla", 5.76e23, key)
    assert d / n == pytest.approx(ratio, abs=0.06)


@pytest.mark.parametrize(("flop", "ratio"), [(1e21, 21.6), (5.76e23, 18.4), (1e26, 16.2)])
def test_besiroglu_tokens_per_param(flop: float, ratio: float) -> None:
    n, d = optimum("chinchilla", flop, "epoch")
    # The table has three digits, 16.148 among them as 16.2.
    assert d / n == pytest.approx(ratio, abs=0.06)


def test_besiroglu_at_the_gopher_budget() -> None:
    n, d = optimum("chinchilla", 5.76e23, "epoch")
    assert n == pytest.approx(7.22e10, rel=1e-3)
    assert d == pytest.approx(1.33e12, rel=2e-3)


@pytest.mark.parametrize(("law", "key"), [("chinchilla", "muennighoff-c4"), ("repetition", None)])
def test_muennighoff_at_the_gopher_budget(law: str, key: str | None) -> None:
    n, d = optimum(law, 5.76e23, key)
    assert n == pytest.approx(69_962_173_313, rel=1e-9)
    assert d == pytest.approx(1_372_170_066_384, rel=1e-9)


@pytest.mark.parametrize("flop", [1e15, 1e19, 1e24, 1e28])
def test_equal_exponents_fix_tokens_per_param(flop: float) -> None:
    n, d = optimum("chinchilla", flop, "muennighoff-c4")
    assert d / n == pytest.approx(19.613, abs=5e-4)


@pytest.mark.parametrize(
    ("flop", "ratio"),
    [(1e18, 64.1), (1e19, 17.3), (1e20, 10.8), (3e20, 10.35), (1e21, 10.9), (1e22, 13.9)],
)
def test_farseer_equation_15_has_a_local_minimum(flop: float, ratio: float) -> None:
    surface, theta = published("farseer", "eq15")
    best = allocate(surface, theta, flop, BOUNDS)
    assert best.minima[0] == 1
    assert best.local[0]
    assert best.tokens[0] / best.params[0] == pytest.approx(ratio, abs=0.06)


@pytest.mark.parametrize("flop", [1e23, 5.76e23, 1e24, 3.8e25])
def test_farseer_equation_15_has_no_minimum_at_large_budgets(flop: float) -> None:
    surface, theta = published("farseer", "eq15")
    best = allocate(surface, theta, flop, BOUNDS)
    assert best.minima[0] == 0
    assert best.params[0] == np.inf
    assert best.tokens[0] == 0.0


@pytest.mark.parametrize(
    ("flop", "ratio"),
    [
        *((1e19, 32.3), (1e20, 25.2), (3e20, 25.6), (1e21, 28.3), (1e22, 42.7), (1e23, 82.4)),
        *((5.76e23, 156), (1e24, 195), (3.8e25, 1071)),
    ],
)
def test_farseer_refit(flop: float, ratio: float) -> None:
    n, d = optimum("farseer", flop, "refit")
    assert d / n == pytest.approx(ratio, rel=2e-3)


def test_kaplan_joint_law_does_not_give_its_famous_exponent() -> None:
    (low, _), (high, _) = optimum("kaplan", 1e20), optimum("kaplan", 1e22)
    assert np.log10(high / low) / 2 == pytest.approx(0.575, abs=5e-4)


exponents = st.floats(0.1, 1.0)
scales = st.floats(1.0, 12.0).map(np.exp)
budgets = st.floats(17.0, 27.0).map(lambda x: 10.0**x)


@given(a=scales, alpha=exponents, b=scales, beta=exponents, flop=budgets)
def test_swapping_size_and_data_swaps_the_answer(
    a: float, alpha: float, b: float, beta: float, flop: float
) -> None:
    a_, alpha_, b_, beta_ = map(np.asarray, (a, alpha, b, beta))
    n, d = closed_form(a_, alpha_, b_, beta_, flop)
    d_swapped, n_swapped = closed_form(b_, beta_, a_, alpha_, flop)
    assert n_swapped == pytest.approx(n, rel=1e-10)
    assert d_swapped == pytest.approx(d, rel=1e-10)
    assert 6 * n * d == pytest.approx(flop, rel=1e-12)


@settings(max_examples=40)
@given(
    law=st.sampled_from(["chinchilla", "coupled", "rosenfeld"]),
    a=scales,
    alpha=exponents,
    b=scales,
    beta=exponents,
    flop=budgets,
)
def test_search_finds_the_closed_form(
    law: str, a: float, alpha: float, b: float, beta: float, flop: float
) -> None:
    known = get_law(law)
    values = {"E": 1.7, "A": a, "B": b, "alpha": alpha, "beta": beta, "k": 0.6, "eps0": 8.0}
    theta = np.array([[values[name]] for name in known.names])
    surface = Surface(known, FlopRule())
    exact = allocate(surface, theta, flop, WIDE)
    found = search(surface, theta, flop, (1e-20, 1e40))
    assert found.minima[0] == 1
    assert found.params == pytest.approx(exact.params, rel=1e-7)
    assert found.tokens == pytest.approx(exact.tokens, rel=1e-7)


@settings(max_examples=30)
@given(
    case=st.sampled_from(
        [("chinchilla", "epoch"), ("farseer", "refit"), ("repetition", None), ("gadre", "c4")]
    ),
    exponent=st.floats(18.5, 23.0),
    more=st.floats(1.01, 100.0),
)
def test_more_compute_never_raises_the_loss(
    case: tuple[str, str | None], exponent: float, more: float
) -> None:
    surface, theta = published(*case)
    less, most = 10.0**exponent, 10.0**exponent * more
    losses = []
    for flop in (less, most):
        best = allocate(surface, theta, flop, published_bounds(flop))
        losses.append(surface.loss(theta, best.params, np.asarray(flop))[0])
    assert losses[1] < losses[0]


@settings(max_examples=30)
@given(exponent=st.floats(18.5, 22.5), factor=st.floats(-3.0, 3.0).map(np.exp))
def test_no_other_size_is_better(exponent: float, factor: float) -> None:
    flop = 10.0**exponent
    for case in (("chinchilla", "hoffmann"), ("farseer", "refit"), ("repetition", None)):
        surface, theta = published(*case)
        best = allocate(surface, theta, flop, published_bounds(flop))
        there = surface.loss(theta, best.params, np.asarray(flop))
        assert there <= surface.loss(theta, best.params * factor, np.asarray(flop)) * (1 + 1e-15)


def test_draws_are_solved_as_one_by_one() -> None:
    surface, theta = published("farseer", "refit")
    rng = np.random.default_rng(0)
    many = theta * (1 + rng.normal(0, 1e-3, (len(theta), 5)))
    together = allocate(surface, many, 1e21, BOUNDS)
    alone = [allocate(surface, many[:, [i]], 1e21, BOUNDS).params[0] for i in range(5)]
    np.testing.assert_array_equal(together.params, alone)


def test_each_draw_may_have_its_own_budget() -> None:
    surface, theta = published("farseer", "refit")
    flop = np.array([1e20, 1e22])
    both = allocate(surface, np.repeat(theta, 2, axis=1), flop, BOUNDS)
    for i in range(2):
        assert both.params[i] == allocate(surface, theta, flop[i], BOUNDS).params[0]


def test_no_draws_give_no_optima() -> None:
    for law in ("chinchilla", "farseer"):
        surface, theta = published(law)
        assert len(allocate(surface, theta[:, :0], 1e21, BOUNDS).params) == 0


def test_the_lowest_of_several_minima_is_taken() -> None:
    law = law_from_formula("E + A*(log(N) - 18)**2*(log(N) - 25)**2 - B*log(N) + G/D**2")
    theta = np.array([[{"E": 1, "A": 1, "B": 0.1, "G": 1e-9}[n]] for n in law.names])
    best = search(Surface(law, FlopRule()), theta, 1e24, (1e6, 1e14))
    assert best.minima[0] == 2
    assert np.log(best.params[0]) == pytest.approx(25, abs=0.01)


def test_a_saturated_law_has_one_minimum() -> None:
    law = get_law("rosenfeld")
    values = {"E": 1.7, "A": np.e, "B": np.e, "alpha": 1.0, "beta": 1.0, "eps0": 8.0}
    theta = np.array([[values[name]] for name in law.names])
    best = search(Surface(law, FlopRule()), theta, 1e17, (1e-20, 1e40))
    assert best.minima[0] == 1
    assert best.params[0] == pytest.approx(np.sqrt(1e17 / 6), rel=1e-9)


def test_a_law_that_prefers_the_smallest_size_has_no_minimum() -> None:
    law = law_from_formula("E + A*N**0.1 + B/D**0.5")
    best = search(Surface(law, FlopRule()), np.ones((3, 1)), 1e21, (1e6, 1e14))
    assert (best.minima[0], best.params[0], best.tokens[0]) == (0, 0.0, np.inf)


@pytest.mark.parametrize("name", ["power-n", "power-d", "kaplan-steps", "floor-c"])
def test_laws_that_cannot_weigh_size_against_data_are_refused(name: str) -> None:
    with pytest.raises(EvidenceError, match="chinchilla") as caught:
        allocate(Surface(get_law(name), FlopRule()), np.ones((4, 1)), 1e21, BOUNDS)
    assert caught.value.code == "law_cannot_plan"


def test_a_law_in_size_and_compute_can_plan() -> None:
    same = law_from_formula("E + A/N**alpha + B/(C/(6*N))**beta")
    values = get_published("chinchilla", "epoch").values
    theta = np.array([[values[name]] for name in same.names])
    n, d = optimum("chinchilla", 1e22, "epoch")
    best = allocate(Surface(same, FlopRule()), theta, 1e22, BOUNDS)
    assert best.params[0] == pytest.approx(n, rel=1e-9)
    assert best.tokens[0] == pytest.approx(d, rel=1e-9)


def test_limited_data_make_for_a_smaller_model_and_more_epochs() -> None:
    surface, theta = published("repetition")
    free = allocate(surface, theta, 9.3e21, BOUNDS)
    limited = Surface(surface.law, surface.rule, unique_tokens=25e9)
    scarce = allocate(limited, theta, 9.3e21, BOUNDS)
    assert scarce.params[0] < free.params[0]
    assert scarce.tokens[0] > free.tokens[0]
    # Muennighoff et al. train 6.34B; between it and theirs the loss hardly moves.
    assert scarce.params[0] == pytest.approx(6.34e9, rel=0.1)


@pytest.mark.parametrize("within", [0.002, 0.005])
@pytest.mark.parametrize("case", [("chinchilla", "epoch"), ("farseer", "refit")])
def test_the_flat_region_ends_where_the_allowance_is_used_up(
    within: float, case: tuple[str, str]
) -> None:
    surface, theta = published(*case)
    flop = 1e22
    n, _ = optimum(case[0], flop, case[1])
    low, high = flat_region(surface, theta[:, 0], n, flop, within, BOUNDS)
    assert low < n < high
    at = surface.loss(theta, np.array([n, low, high]), np.asarray(flop))
    assert at[1:] / at[0] - 1 == pytest.approx(within, rel=1e-6)


def test_a_flat_region_beyond_the_search_has_no_end() -> None:
    surface, theta = published("chinchilla", "epoch")
    n, _ = optimum("chinchilla", 1e22, "epoch")
    low, high = flat_region(surface, theta[:, 0], n, 1e22, 0.002, (n * 0.99, BOUNDS[1]))
    assert np.isnan(low)
    assert high > n
