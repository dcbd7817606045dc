"""Each objective against its formula, and its derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.fitting import Huber, Quantile, Squared, StudentT
from isoloss.fitting.objectives import objective_from_dict, objective_to_dict

SCALES = st.floats(1e-4, 1.0)
OBJECTIVES = st.one_of(
    st.builds(Huber, SCALES),
    st.just(Squared()),
    st.builds(StudentT, SCALES, st.floats(0.5, 50.0)),
    st.builds(Quantile, st.floats(0.01, 0.99), SCALES),
)
RESIDUALS = st.floats(-3.0, 3.0)


def one(function, residual):
    return float(function(np.array([residual]))[0])


@given(RESIDUALS, SCALES)
def test_huber_is_its_formula(residual, delta):
    size = abs(residual)
    expected = 0.5 * size**2 if size <= delta else delta * (size - 0.5 * delta)
    assert one(Huber(delta).value, residual) == pytest.approx(expected, rel=1e-14, abs=1e-300)


@given(RESIDUALS, SCALES)
def test_huber_of_a_wide_corner_is_least_squares(residual, delta):
    assert one(Huber(10.0).value, residual) == one(Squared().value, residual)


@given(RESIDUALS, SCALES, st.floats(1.0, 30.0))
def test_student_t_is_its_log_density(residual, scale, dof):
    # log density of z = r / scale, up to a constant: -(dof + 1) / 2 log(1 + z^2 / dof)
    expected = scale**2 * (dof + 1) / 2 * np.log1p((residual / scale) ** 2 / dof)
    assert one(StudentT(scale, dof).value, residual) == pytest.approx(expected, rel=1e-13, abs=0)


@given(RESIDUALS, st.floats(0.01, 0.99))
def test_quantile_is_the_pinball_loss_with_its_corner_rounded(residual, q):
    delta = 1e-4
    pinball = 2 * delta * (q * residual if residual > 0 else (q - 1) * residual)
    found = one(Quantile(q, delta).value, residual)
    assert found <= pinball + 1e-18
    assert found == pytest.approx(pinball, abs=delta**2)


@given(RESIDUALS, SCALES)
def test_the_half_quantile_is_huber(residual, delta):
    assert one(Quantile(0.5, delta).value, residual) == one(Huber(delta).value, residual)


@given(OBJECTIVES, RESIDUALS)
def test_derivatives(objective, residual):
    # In units of the corner, and away from it: there the second derivative jumps.
    unit = min(objective.corner, 1.0)
    step = 1e-4 * unit
    if min(abs(abs(residual) - objective.corner), abs(residual)) < 2 * step:
        return
    first, second, _ = (float(part[0]) for part in objective.parts(np.array([residual])))
    up, down = residual + step, residual - step
    slope = (one(objective.value, up) - one(objective.value, down)) / (2 * step)
    bend = (objective.parts(np.array([up]))[0][0] - objective.parts(np.array([down]))[0][0]) / (
        2 * step
    )
    # The difference itself is good to the square of its step and to the rounding of the value.
    rounding = 4e-16 * one(objective.value, residual) / step
    assert first == pytest.approx(slope, rel=1e-5, abs=1e-6 * unit + rounding)
    assert second == pytest.approx(bend, rel=1e-5, abs=1e-4)


@given(OBJECTIVES, RESIDUALS, RESIDUALS)
def test_the_weight_majorises(objective, here, there):
    # What makes iterated least squares descend: the parabola through ``here`` lies above the cost.
    first, _, weight = (float(part[0]) for part in objective.parts(np.array([here])))
    assert weight > 0
    assert first == pytest.approx(weight * here, rel=1e-12, abs=1e-300)
    if isinstance(objective, Quantile) and here * there < 0:
        return  # the two sides have different parabolas
    parabola = one(objective.value, here) + 0.5 * weight * (there**2 - here**2)
    assert one(objective.value, there) <= parabola + 1e-12


@given(OBJECTIVES, RESIDUALS)
def test_zero_is_the_best(objective, residual):
    assert one(objective.value, 0.0) == 0.0
    assert one(objective.value, residual) >= 0.0


@given(OBJECTIVES, st.floats(1.0, 1e4))
def test_a_wider_corner_is_wider(objective, factor):
    assert objective.widened(factor).corner == pytest.approx(objective.corner * factor)
    assert type(objective.widened(factor)) is type(objective)


@given(OBJECTIVES)
def test_stored_and_restored(objective):
    assert objective_from_dict(objective_to_dict(objective)) == objective


def test_names_say_the_choices():
    names = [o.name for o in (Huber(1e-3), Squared(), StudentT(5e-3, 4), Quantile(0.1, 1e-3))]
    assert names == ["Huber(0.001)", "squared", "StudentT(0.005, 4)", "Quantile(0.1, 0.001)"]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda x: Huber(x), "delta"),
        (lambda x: StudentT(x), "scale"),
        (lambda x: StudentT(1.0, x), "dof"),
        (lambda x: Quantile(0.5, x), "delta"),
        (lambda x: Quantile(-1 if x == 0 else x), "q"),
    ],
)
def test_unusable_settings(make, field, value):
    with pytest.raises(InputError) as caught:
        make(value)
    assert caught.value.code == "bad_objective"
    assert caught.value.where.field == field
