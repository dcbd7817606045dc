"""What must hold for a law whatever its parameters are: limits, monotony, symmetries, nesting."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.laws import LAWS, get_law
from tests.laws.examples import ALL, PLAIN, X, by_formula, inputs_of, theta_of

exponents = st.floats(0.02, 1.5)
scales = st.floats(-3.0, 10.0).map(math.exp)
floors = st.floats(0.0, 4.0)
sizes = st.floats(math.log(1e4), math.log(1e13)).map(math.exp)
factors = st.floats(1.0, 1e3)
sums = st.fixed_dictionaries(
    {"E": floors, "A": scales, "B": scales, "alpha": exponents, "beta": exponents}
)


def loss(name: str, theta: dict[str, float], **x: float) -> float:
    return float(get_law(name).value(theta, x))


@given(sums, sizes, sizes)
def test_endless_size_or_data_leaves_the_other_term(theta, n, d):
    e, a, b, alpha, beta = (theta[name] for name in ("E", "A", "B", "alpha", "beta"))
    assert loss("chinchilla", theta, N=np.inf, D=d) == pytest.approx(e + b / d**beta, rel=1e-12)
    assert loss("chinchilla", theta, N=n, D=np.inf) == pytest.approx(e + a / n**alpha, rel=1e-12)
    assert loss("chinchilla", theta, N=np.inf, D=np.inf) == e


@pytest.mark.parametrize("name", ["chinchilla", "coupled", "rosenfeld", "chinchilla-nofloor"])
@given(theta=sums, n=sizes, d=sizes, more=factors, k=st.floats(0.1, 2.0))
def test_more_size_or_data_never_hurts(name, theta, n, d, more, k):
    theta = {**theta, "k": k, "eps0": 9.0}
    here = loss(name, theta, N=n, D=d)
    assert loss(name, theta, N=n * more, D=d) <= here * (1 + 1e-12)
    assert loss(name, theta, N=n, D=d * more) <= here * (1 + 1e-12)


@pytest.mark.parametrize("name", ["chinchilla", "coupled", "rosenfeld", "chinchilla-nofloor"])
@given(theta=sums, n=sizes, d=sizes, unit=st.floats(1e-9, 1e9))
def test_the_unit_of_size_only_rescales_its_prefactor(name, theta, n, d, unit):
    theta = {**theta, "k": 0.6, "eps0": 9.0}
    rescaled = {**theta, "A": theta["A"] * unit ** theta["alpha"]}
    assert loss(name, rescaled, N=n * unit, D=d) == pytest.approx(
        loss(name, theta, N=n, D=d), rel=1e-11
    )


@pytest.mark.parametrize("name", ["chinchilla", "coupled", "rosenfeld", "interaction"])
@given(theta=sums, n=sizes, d=sizes)
def test_size_and_data_can_change_places(name, theta, n, d):
    theta = {**theta, "k": 0.6, "eps0": 9.0, "G": -0.4, "gamma": 0.2, "delta": 0.1}
    swapped = {name: name for name in theta}
    swapped |= {"A": "B", "B": "A", "alpha": "beta", "beta": "alpha"}
    swapped |= {"gamma": "delta", "delta": "gamma"}
    mirrored = {swapped[name]: value for name, value in theta.items()}
    assert loss(name, mirrored, N=d, D=n) == pytest.approx(
        loss(name, theta, N=n, D=d), rel=1e-13, abs=1e-13
    )


@given(sums, sizes, sizes)
def test_larger_laws_contain_chinchilla(theta, n, d):
    base = loss("chinchilla", theta, N=n, D=d)
    uncoupled = {**theta, "k": 1.0}
    assert loss("coupled", uncoupled, N=n, D=d) == pytest.approx(base, rel=1e-13)
    none = {**theta, "G": 0.0, "gamma": 0.3, "delta": 0.2}
    assert loss("interaction", none, N=n, D=d) == pytest.approx(base, rel=1e-13)
    high = {**theta, "eps0": 1e9 * base}
    assert loss("rosenfeld", high, N=n, D=d) == pytest.approx(base, rel=1e-13)
    without = {**theta, "E": 0.0}
    assert loss("chinchilla-nofloor", theta, N=n, D=d) == pytest.approx(
        loss("chinchilla", without, N=n, D=d), rel=1e-14
    )


@given(floors, scales, scales, st.floats(0.01, 0.7), sizes, sizes)
def test_gadre_is_chinchilla_with_equal_exponents(e, a, b, eta, n, d):
    same = {"E": e, "A": a * 6**-eta, "B": b * 6**-eta, "alpha": 2 * eta, "beta": 2 * eta}
    assert loss("gadre", {"E": e, "a": a, "b": b, "eta": eta}, N=n, D=d) == pytest.approx(
        loss("chinchilla", same, N=n, D=d), rel=1e-11
    )


@given(sums, sizes, sizes, st.floats(1.0, 20.0))
def test_rosenfeld_stays_below_its_ceiling(theta, n, d, ceiling):
    theta = {**theta, "eps0": ceiling}
    here = loss("rosenfeld", theta, N=n, D=d)
    assert here <= ceiling * (1 + 1e-12)
    assert here <= loss("chinchilla", theta, N=n, D=d) * (1 + 1e-12)


@given(
    st.floats(1e8, 1e16), st.floats(1e8, 1e16), st.floats(0.02, 0.5), st.floats(0.02, 0.5), sizes
)
def test_kaplan_joint_law_contains_those_in_one_variable(n_c, d_c, alpha_n, alpha_d, x):
    theta = {"N_c": n_c, "D_c": d_c, "alpha_N": alpha_n, "alpha_D": alpha_d}
    assert loss("kaplan", theta, N=x, D=np.inf) == pytest.approx(
        loss("kaplan-n", theta, N=x), rel=1e-11
    )
    assert loss("kaplan", theta, N=np.inf, D=x) == pytest.approx(
        loss("kaplan-d", theta, D=x), rel=1e-11
    )


@pytest.mark.parametrize("variable", "NDC")
@given(scale=scales, alpha=exponents, floor=floors, x=sizes, more=factors)
def test_a_power_law_is_straight_on_log_axes(variable, scale, alpha, floor, x, more):
    name, theta = variable.lower(), {"E": floor, "A": scale, "alpha": alpha}
    low, high = (loss(f"power-{name}", theta, **{variable: at}) for at in (x, x * more))
    assert math.log(low / high) == pytest.approx(alpha * math.log(more), rel=1e-9, abs=1e-11)
    assert loss(f"floor-{name}", theta, **{variable: x}) == pytest.approx(floor + low, rel=1e-14)


repeated = st.fixed_dictionaries({"RD": st.floats(0.5, 100.0), "RN": st.floats(0.5, 100.0)})


def best_size(theta: dict[str, float], unique: float) -> float:
    """N_opt(U) by minimising along the iso-compute curve that passes through D = U."""
    a, b, alpha, beta = (theta[name] for name in ("A", "B", "alpha", "beta"))
    # alpha A / N^alpha = beta B / D^beta at the optimum of an additive law under C = 6 N D.
    return (alpha * a / (beta * b) * unique**beta) ** (1 / alpha)


moderate = st.fixed_dictionaries(
    {
        "E": floors,
        "A": scales,
        "B": scales,
        "alpha": st.floats(0.2, 0.8),
        "beta": st.floats(0.2, 0.8),
    }
)


@given(moderate, repeated, sizes, st.floats(1e-3, 1.0), factors)
def test_fresh_data_for_a_model_not_too_large_is_chinchilla(theta, worth, unique, share, spare):
    """One epoch or less, and N at most optimal for the unique tokens: exactly the base law."""
    theta = {**theta, **worth}
    n = best_size(theta, unique) * share * 0.999
    base = loss("chinchilla", theta, N=n, D=unique)
    assert loss("repetition", theta, N=n, D=unique, U=unique) == pytest.approx(base, rel=1e-10)
    assert loss("repetition", theta, N=n, D=unique, U=unique * spare) == pytest.approx(
        base, rel=1e-10
    )


@given(moderate, repeated, sizes, sizes, factors)
def test_repetition_lies_between_no_use_and_full_use(theta, worth, n, unique, epochs):
    theta = {**theta, **worth}
    here = loss("repetition", theta, N=n, D=unique * epochs, U=unique)
    fresh = loss("repetition", theta, N=n, D=unique * epochs, U=unique * epochs)
    once = loss("repetition", theta, N=n, D=unique, U=unique)
    assert fresh * (1 - 1e-10) <= here <= once * (1 + 1e-10)


@given(moderate, sizes, sizes, st.floats(1.0, 100.0))
def test_repetition_without_decay_is_chinchilla(theta, n, unique, epochs):
    """Endless RD and RN, in numbers wide enough to tell 1 - exp(-R / RD) from zero."""
    law, base = get_law("repetition"), get_law("chinchilla")
    table = {**PLAIN, "exp": mpmath.exp}
    with mpmath.workdps(250):
        exact = {name: mpmath.mpf(value) for name, value in theta.items()}
        exact |= {"RD": mpmath.mpf(10) ** 100, "RN": mpmath.mpf(10) ** 100}
        x = {"N": mpmath.mpf(n), "D": mpmath.mpf(unique) * epochs, "U": mpmath.mpf(unique)}
        got, expected = by_formula(law, {**exact, **x}, table), by_formula(base, {**exact, **x})
        assert abs(got / expected - 1) < 1e-15


def test_repetition_ceiling_is_one_plus_rd():
    law, theta = get_law("repetition"), theta_of(LAWS["repetition"])
    x = {"N": 1e6, "D": np.array([1e13, 1e15, 1e18]), "U": 1e9}
    values = law.value(theta, x)
    limit = theta["E"] + theta["A"] / 1e6 ** theta["alpha"]
    limit += theta["B"] / (1e9 * (1 + theta["RD"])) ** theta["beta"]
    assert values == pytest.approx(limit, rel=1e-12)


def test_a_negative_interaction_is_not_monotone():
    """The trap that the law's page warns of, shown."""
    theta = {"E": 1.7, "A": 400.0, "B": 900.0, "alpha": 0.34, "beta": 0.31}
    theta |= {"G": -3.0, "gamma": 0.11, "delta": 0.07}
    values = get_law("interaction").value(theta, {"N": np.logspace(6, 20, 60), "D": 1e11})
    steps = np.diff(values)
    assert steps[0] < 0
    assert steps[-1] > 0


def test_searched_form_of_farseer_is_farseer():
    law = get_law("farseer")
    assert law.inner is not None
    middle = {"N": float(np.log(1.3e9))}
    found = {"k0": -1.1, "k1": -0.08, "alpha": 0.12, "h0": 1.3, "h1": 0.2, "beta": -0.1}
    found |= {"g0": -0.7, "g1": -0.04, "gamma": 0.17}
    theta = law.inner.outward({k: np.asarray(v) for k, v in found.items()}, middle)
    centred = {"N": X["N"] / 1.3e9, "D": X["D"]}
    assert law.inner.centred == ("N",)
    assert law.value(theta, X) == pytest.approx(law.inner.law.value(found, centred), rel=1e-11)


@pytest.mark.parametrize("law", [law for law in ALL if law.simpler], ids=lambda law: law.name)
def test_starts_from_the_simpler_law_are_usable(law):
    name, start = law.simpler
    simpler = get_law(name)
    fit = theta_of(simpler)
    typical = {key: float(np.exp(np.mean(np.log(values)))) for key, values in X.items()}
    starts = start(fit, typical)
    searched = law.inner.law if law.inner else law
    x = {
        key: values / typical[key] if law.inner and key in law.inner.centred else values
        for key, values in inputs_of(law).items()
    }
    assert starts
    for theta in starts:
        assert set(theta) == set(searched.names)
        assert np.all(np.isfinite(searched.value(theta, x)))
        for parameter in searched.parameters:
            assert parameter.bounds[0] <= theta[parameter.name] <= parameter.bounds[1]
