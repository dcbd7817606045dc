"""A user's own formula gets what a built-in law has: roles, value, derivatives, LaTeX."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.laws import LAWS, Law, Parameter, law_from_formula
from tests.laws.examples import X, theta_of
from tests.laws.random_formulas import FORMULAS, VALUES, Spelled


def roles(formula: str, variables: tuple[str, ...] = ()) -> dict[str, str]:
    law = law_from_formula(formula, variables=variables)
    return {p.name: p.meaning for p in law.parameters}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("E + A*N**-alpha", {"E": "floor", "A": "scale", "alpha": "exponent"}),
        ("A/N**a + E", {"A": "scale", "a": "exponent", "E": "floor"}),
        ("L = c - A*N**a", {"c": "floor", "A": "scale", "a": "exponent"}),
        ("(Nc/N)**a", {"Nc": "scale", "a": "exponent"}),
        ("E + A/(N + N0)**a", {"E": "floor", "A": "scale", "N0": "scale", "a": "exponent"}),
        ("a + b*log(N)", {"a": "floor", "b": "coefficient"}),
        (
            "a + b*log(C) + c*log(C)**2",
            {"a": "floor", "b": "coefficient", "c": "coefficient"},
        ),
        (
            "E + (A/N**a + B/D**b)**k",
            {"E": "floor", "A": "scale", "a": "exponent", "B": "scale", "b": "exponent"}
            | {"k": "exponent"},
        ),
        ("E + A*exp(-N/N0)", {"E": "floor", "A": "scale", "N0": "scale"}),
        ("A*N**-a*D**-b", {"A": "scale", "a": "exponent", "b": "exponent"}),
        ("A*N**a*D**-a", {"A": "scale", "a": "exponent"}),
        ("A*S**-a", {"A": "scale", "a": "exponent"}),
        (
            "A*U**-a + B*D**(-b*c)",
            {"A": "scale", "a": "exponent", "B": "scale"} | {"b": "exponent", "c": "exponent"},
        ),
    ],
)
def test_roles_are_read_off_the_formula(formula, expected):
    assert roles(formula) == expected


def test_roles_become_bounds():
    law = law_from_formula("E + A*N**-alpha + g*log(D)")
    floor, scale, exponent, free = law.parameters
    assert floor.bounds == (0.0, math.inf)
    assert not floor.positive
    assert scale.positive
    assert exponent.bounds == (-3.0, 3.0)
    assert exponent.start is not None
    assert free.bounds == (-math.inf, math.inf)
    assert not free.positive


def test_extra_variables_are_inputs_and_not_parameters():
    law = law_from_formula("E + A/N**a * lr**b", variables=("lr", "batch"))
    assert law.variables == ("N", "lr")
    assert law.names == ("E", "A", "a", "b")
    assert roles("E + A/N**a * lr**b", variables=("lr",))["A"] == "scale"
    assert "lr" in law_from_formula("E + A/N**a * lr**b").names
    theta = {"E": 1.5, "A": 10.0, "a": 0.1, "b": 0.2}
    assert float(law.value(theta, {"N": 1e9, "lr": 1e-3})) == pytest.approx(
        1.5 + 10 / 1e9**0.1 * 1e-3**0.2, rel=1e-13
    )
    with pytest.raises(InputError, match="needs lr"):
        law.value(theta, {"N": 1e9})


def test_variables_are_those_of_the_field():
    law = law_from_formula("a*N + b*D + c*C + d*U + e*S")
    assert law.variables == ("N", "D", "C", "U", "S")
    assert law.names == ("a", "b", "c", "d", "e")


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("A + B", "no variable"),
        ("N + D", "no parameter"),
        ("exp(N)", "no parameter"),
        ("+".join(f"p{i}*N" for i in range(21)), "21 parameters; at most 20"),
        ("A/(N - N)", "no real, finite value"),
        ("A/(0*N)", "no real, finite value"),
        ("A*log(N - N)", "no real, finite value"),
        ("(-2)**A * N", "no real, finite value"),
    ],
)
def test_formulas_that_cannot_be_fitted(formula, message):
    with pytest.raises(InputError) as caught:
        law_from_formula(formula)
    assert message in caught.value.message
    assert caught.value.code == "bad_formula"
    assert caught.value.hint


@pytest.mark.parametrize(
    "formula",
    [
        "exp(" * 5 + "A*N**a" + ")" * 5,
        "(((((A+N)**8+1)**8+1)**8+1)**8+1)**8",
        "(((A+N)**99)**99)**99",
        "*".join(["(a*N**b+c*D**d+1)"] * 14),
        "+".join(f"a{i}*N**b{i}" for i in range(10)),
        "abs(A-N)*abs(N) + sqrt((A-N)**2) + min(A, N)",
        "(" + "+".join(f"a{i}*N**b{i}" for i in range(5)) + ")**k",
    ],
    ids=lambda formula: formula[:20],
)
def test_awkward_formulas_are_derived(formula):
    law = law_from_formula(formula)
    theta = [np.array([0.3])] * len(law.names)
    with np.errstate(all="ignore"):
        results = law.compiled.curvature(theta, [np.array([0.1, 0.2])] * len(law.variables))
    assert len(results) == 1 + len(law.names) + len(law.compiled.second)


@pytest.mark.parametrize("name", ["chinchilla", "coupled", "interaction", "farseer", "kaplan"])
def test_a_built_in_law_typed_by_hand_is_the_same_law(name):
    built_in = LAWS[name]
    typed = law_from_formula(built_in.formula)
    theta = theta_of(built_in)
    assert set(typed.names) == set(built_in.names)
    assert typed.value(theta, X) == pytest.approx(built_in.value(theta, X), rel=1e-12)
    assert set(typed.compiled.exponents) == set(built_in.compiled.exponents)


def read(text: str) -> Law | InputError:
    try:
        return law_from_formula(text)
    except InputError as error:
        return error


@given(FORMULAS.map(lambda part: Spelled(f"{part.text} + A / N", part.value + 0.8 / 3.0)))
@settings(max_examples=25)
def test_derived_value_and_gradient_of_any_formula(formula):
    law = read(formula.text)
    assume(isinstance(law, Law) and math.isfinite(formula.value) and abs(formula.value) < 1e12)
    theta = {name: VALUES[name] for name in law.names}
    got = float(law.value(theta, VALUES))
    assert got == pytest.approx(formula.value, rel=1e-8, abs=1e-8)
    logs = law.log_variables({name: VALUES[name] for name in law.variables})
    here = np.array([theta[name] for name in law.names])
    with np.errstate(all="ignore"):
        gradient = law.compiled.gradient(here, logs)[1:]
    for i, found in enumerate(gradient):
        step = 1e-6
        sides = []
        for sign in (1, -1):
            moved = here.copy()
            moved[i] += sign * step
            sides.append(float(law.value(moved, VALUES)))
        centre = (sides[0] - sides[1]) / (2 * step)
        left, right = (got - sides[1]) / step, (sides[0] - got) / step
        if abs(left - right) <= 1e-4 * (1 + abs(centre)):  # no kink of min, max or abs here
            assert float(found) == pytest.approx(centre, rel=1e-3, abs=1e-3 * (1 + abs(got)))


TEXT = st.text(alphabet="NDAEab019.+-*/^() ,explogsqrtminmax", max_size=25)


@given(TEXT)
@settings(max_examples=150)
def test_random_text_is_a_law_or_a_sentence(text):
    found = read(text)
    if isinstance(found, Law):
        assert found.names
        assert found.variables
    else:
        assert found.code == "bad_formula"


def test_a_law_says_what_does_not_fit_together():
    with pytest.raises(InputError, match="'B' does not appear"):
        Law("odd", "A / N", (Parameter("A"), Parameter("B")))
    with pytest.raises(InputError, match="'B' is neither parameter nor variable"):
        Law("odd", "A / N + B", (Parameter("A"),))
    with pytest.raises(InputError, match="no variable"):
        Law("odd", "A", (Parameter("A"),))


def test_values_are_checked_by_name():
    law = LAWS["chinchilla"]
    theta = theta_of(law)
    with pytest.raises(InputError, match="needs D") as caught:
        law.value(theta, {"N": 1e9})
    assert caught.value.code == "missing_variable"
    with pytest.raises(InputError, match="needs a value for beta") as caught:
        law.value({k: v for k, v in theta.items() if k != "beta"}, X)
    assert caught.value.code == "missing_parameter"
    for bad in (0.0, -1.0, math.nan):
        with pytest.raises(InputError, match="positive") as caught:
            law.value(theta, {"N": np.array([1e9, bad]), "D": 1e10})
        assert caught.value.where.field == "N"
