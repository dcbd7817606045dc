"""Lovelace: Chinchilla without repetition, a loss that can rise with it, no coefficients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.laws import get_law, get_published
from isoloss.laws.compute import FlopRule
from isoloss.laws.optimum import Surface, allocate, closed_form

LAW = get_law("lovelace")
BASE = dict(get_published("chinchilla", "epoch").values)
theta = st.fixed_dictionaries(
    {"P": st.floats(1e-3, 1.0), "delta": st.floats(0.4, 3.0), "kappa": st.floats(0.1, 2.0)}
)


@given(theta, st.floats(6, 11), st.floats(8, 13), st.floats(0, 3))
def test_without_repetition_it_is_chinchilla(own, log_n, log_d, spare):
    n, d = 10.0**log_n, 10.0**log_d
    plain = float(get_law("chinchilla").value(BASE, {"N": n, "D": d}))
    # R = 0 stands as 1e-12, so at most 1e-12^0.4 = 2e-5 of the overfitting term is left.
    term = own["P"] * (n / d) ** own["kappa"]
    got = float(LAW.value({**BASE, **own}, {"N": n, "D": d, "U": d * 10.0**spare}))
    assert got == pytest.approx(plain, rel=1e-12, abs=2e-5 * term)


@given(theta, st.floats(2, 300))
def test_the_loss_rises_again_with_enough_repetition(own, epochs):
    x = {"N": 1e10, "U": 1e9}
    value = {**BASE, **own, "P": 1.0}
    once, often, endless = (
        float(LAW.value(value, {**x, "D": 1e9 * k})) for k in (epochs, 1e6, 1e9)
    )
    assert endless > often
    assert endless > once


def test_value_by_hand():
    value = {**BASE, "P": 0.05, "delta": 1.7, "kappa": 1.3}
    n, d, u = 2e9, 3e10, 5e9
    by_hand = (
        BASE["E"]
        + BASE["A"] / n ** BASE["alpha"]
        + BASE["B"] / d ** BASE["beta"]
        + 0.05 * 5.0**1.7 * 0.4**1.3
    )
    assert float(LAW.value(value, {"N": n, "D": d, "U": u})) == pytest.approx(by_hand, rel=1e-14)


@pytest.mark.parametrize("delta", [0.4, 1.0, 1.7])
def test_the_optimum_without_limit_is_chinchillas(delta):
    value = np.array([{**BASE, "P": 0.05, "delta": delta, "kappa": 1.3}[n] for n in LAW.names])
    found = allocate(Surface(LAW, FlopRule()), value[:, None], 1e22, (1e6, 1e13))
    a, alpha, b, beta = (np.asarray(BASE[name]) for name in ("A", "alpha", "B", "beta"))
    params, _ = closed_form(a, alpha, b, beta, 1e22)
    assert found.params[0] == pytest.approx(float(params), rel=1e-6)


def test_no_coefficients_are_shipped():
    assert LAW.published == ()
    with pytest.raises(InputError) as caught:
        get_published("lovelace")
    assert caught.value.code == "no_published"
