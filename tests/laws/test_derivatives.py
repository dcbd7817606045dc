"""Value, gradient, curvature and slope of every law against independent arithmetic."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from isoloss.laws import LAWS, Law
from tests.laws.examples import ALL, PLAIN, X, by_formula, inputs_of, theta_of

INNER = [law.inner.law for law in ALL if law.inner]
INNER_THETA = {
    **{"k0": -1.1, "k1": -0.06, "h0": 1.2, "h1": 0.3, "g0": -0.6, "g1": -0.03},
    **{"E": 1.7, "a": 0.5, "b": 0.4, "g": -0.2, "delta": 0.07},
    **{"alpha": 0.12, "beta": -0.1, "gamma": 0.17},
}
EXACT = {
    **PLAIN,
    **{name: getattr(mpmath, name) for name in ("exp", "log", "sqrt")},
    "abs": mpmath.fabs,
}
laws = pytest.mark.parametrize("law", ALL + INNER, ids=lambda law: law.name)


def point(law: Law) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Parameters (P, 1) and log variables of a law, away from kinks."""
    if law.name in LAWS:
        theta, x = theta_of(law), inputs_of(law)
    else:
        theta, x = INNER_THETA, {"N": X["N"] / 1e9, "D": X["D"]}
    return np.array([[theta[name]] for name in law.names]), law.log_variables(x)


@laws
def test_value_is_the_formula(law):
    theta, logs = point(law)
    with mpmath.workdps(50):
        for run in range(5):
            known = {name: mpmath.mpf(theta[i, 0]) for i, name in enumerate(law.names)}
            known |= {
                name: mpmath.exp(mpmath.mpf(logs[i][run])) for i, name in enumerate(law.variables)
            }
            exact = float(by_formula(law, known, EXACT))
            assert law.compiled.value(theta, logs)[0][run] == pytest.approx(exact, rel=3e-13)


@laws
def test_gradient_is_the_complex_step_of_the_value(law):
    theta, logs = point(law)
    value, *gradient = law.compiled.gradient(theta, logs)
    assert value == pytest.approx(law.compiled.value(theta, logs)[0], rel=1e-15)
    for i, found in enumerate(gradient):
        moved = theta.astype(complex)
        moved[i] += 1e-30j
        step = law.compiled.value(moved, logs)[0].imag / 1e-30
        assert np.broadcast_to(found, (5,)) == pytest.approx(step, rel=1e-10, abs=1e-13)


@laws
def test_slope_is_the_complex_step_in_log_variables(law):
    theta, logs = point(law)
    value, *slope = law.compiled.slope(theta, logs)
    assert value == pytest.approx(law.compiled.value(theta, logs)[0], rel=1e-15)
    for i, found in enumerate(slope):
        moved = [x.astype(complex) for x in logs]
        moved[i] += 1e-30j
        step = law.compiled.value(theta, moved)[0].imag / 1e-30
        # At U = D, the third point, the law has a kink: any slope between the two sides will do.
        smooth = [0, 1, 3, 4]
        assert np.broadcast_to(found, (5,))[smooth] == pytest.approx(
            np.broadcast_to(step, (5,))[smooth], rel=1e-9, abs=1e-13
        )


@laws
def test_curvature_is_the_change_of_the_gradient(law):
    theta, logs = point(law)
    count, second = len(law.names), law.compiled.second
    found = law.compiled.curvature(theta, logs)
    first = law.compiled.gradient(theta, logs)
    assert len(found) == 1 + count + len(second)
    for one, other in zip(found, first, strict=False):
        assert np.broadcast_to(one, (5,)) == pytest.approx(np.broadcast_to(other, (5,)), rel=1e-12)
    given = dict(zip(second, found[1 + count :], strict=True))
    for j in range(count):
        step = 1e-5 * max(abs(theta[j, 0]), 1e-3)
        up, down = theta.copy(), theta.copy()
        up[j] += step
        down[j] -= step
        above, below = law.compiled.gradient(up, logs), law.compiled.gradient(down, logs)
        for i in range(j + 1):
            change = (np.asarray(above[1 + i]) - np.asarray(below[1 + i])) / (2 * step)
            change = np.broadcast_to(change, (5,))
            exact = np.broadcast_to(given.get((i, j), 0.0), (5,))
            scale = np.max(np.abs(change)) + np.max(np.abs(first[1 + i])) / step * 1e-9
            assert np.max(np.abs(change - exact)) <= 1e-5 * scale + 1e-12


@pytest.mark.parametrize(
    "law", [law for law in ALL if law.compiled.linear], ids=lambda law: law.name
)
def test_linear_parameters_enter_linearly(law):
    theta, logs = point(law)
    linear = [law.names.index(name) for name in law.compiled.linear]
    value, *gradient = law.compiled.gradient(theta, logs)
    moved, expected = theta.copy(), value.copy()
    for k, i in enumerate(linear):
        moved[i] += 0.3 + 0.1 * k
        expected = expected + (0.3 + 0.1 * k) * np.asarray(gradient[i])
    assert law.compiled.value(moved, logs)[0] == pytest.approx(expected, rel=1e-12)


def test_known_facts_of_the_laws():
    facts = {law.name: law.compiled for law in ALL}
    assert facts["chinchilla"].linear == ("E", "A", "B")
    assert facts["chinchilla"].exponents == ("alpha", "beta")
    assert facts["interaction"].linear == ("E", "A", "B", "G")
    assert facts["interaction"].exponents == ("alpha", "beta", "gamma", "delta")
    assert facts["coupled"].linear == ("E",)
    assert facts["coupled"].exponents == ("alpha", "beta", "k")
    assert facts["gadre"].linear == ("E", "a", "b")
    assert facts["gadre"].exponents == ("eta",)
    assert facts["kaplan"].exponents == ("alpha_N", "alpha_D")
    assert facts["farseer"].exponents == ("alpha", "beta", "gamma")
    assert facts["repetition"].exponents == ("alpha", "beta")


def test_latex_names_every_parameter():
    assert LAWS["chinchilla"].latex() == r"L = E + A N^{- \alpha} + B D^{- \beta}"
    assert r"\quad U_{D} = " in LAWS["repetition"].latex()
    for law in ALL:
        assert law.latex().startswith("L = ")


def test_parameters_broadcast_over_trailing_axes():
    law = LAWS["chinchilla"]
    draws = np.array([[1.7, 400.0, 900.0, 0.34, 0.3], [1.8, 500.0, 2000.0, 0.35, 0.37]])
    x = {"N": X["N"][:3], "D": X["D"][:3]}
    table = law.value(draws.T[:, :, None], x)
    assert table.shape == (2, 3)
    for row, theta in zip(table, draws, strict=True):
        assert row == pytest.approx(law.value(theta, x), rel=1e-15)
