"""The reader of formulas takes arithmetic and nothing else, quickly, whatever it is given."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.laws.expression import Apply, Name, Node, Number, names_in, parse_formula
from tests.laws.examples import calculate
from tests.laws.random_formulas import FORMULAS, VALUES

HOSTILE = [
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "N.__class__",
    "A" + ".a" * 450 + " + N",
    "getattr(N, 'real')",
    "open('/etc/passwd').read()",
    "eval('N')",
    "exec('N')",
    "lambda: N",
    "(lambda N: N)(N)",
    "[N for N in A]",
    "{A: N}",
    "A[N]",
    "N if A else D",
    "A < N",
    "A and N",
    "not N",
    "~N",
    "A // N",
    "A % N",
    "A @ N",
    "N; A",
    "N := 3",
    "(N := 3)",
    "f'{N}'",
    "'a' * N",
    "b'a' * N",
    "1j * N",
    "True * N",
    "None + N",
    "... + N",
    "*N",
    "exp(*N)",
    "exp(x=N)",
    "exp(A, N)",
    "exp()",
    "min(A)",
    "max(A, N, D)",
    "exp * N",
    "exp(N).real",
    "foo(N)",
    "exp(N)(A)",
    "await N",
    "yield N",
    "α * N",
    "A__b * N",
    "__A * N",
    "x" * 41 + " * N",
    "N\x00A",
    "\ud800 * N",
    "\N{ZERO WIDTH SPACE}",
    "A N",
    "(N",
    "N)",
    "L == A / N",
    "A = B = N",
    "",
    "   ",
    "L =",
    "9**9**9**9",
    "(A + N)**100000000",
    "A**1000000",
    "N**-1e29",
    "1e999 * N",
    "1e31 * N",
    "9" * 400 + " * N",
    "2**99.9**99.9",
    "1 / 0 * N",
    "log(0) * N",
    "sqrt(-1) * N",
    "(-8)**0.5 * N",
    "exp(1e3) * N",
    "N" + "+N" * 499,
    "A" * 10_000,
    "(" * 400 + "N" + ")" * 400,
    "-" * 900 + "N",
    "exp(" * 150 + "N" + ")" * 150,
    "**".join(["N"] * 300),
    "*".join(["(A*N**B+C*D**E+1)"] * 40),
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:30]))
def test_hostile_formulas_are_refused_in_a_sentence(text):
    with pytest.raises(InputError) as caught:
        parse_formula(text)
    error = caught.value
    assert error.code == "bad_formula"
    assert error.where.field == "formula"
    assert error.hint is not None
    assert "E + A / N**alpha + B / D**beta" in error.hint
    assert len(error.message) < 200


@pytest.mark.parametrize(
    ("text", "found", "wanted"),
    [
        ("x" * 2000, "2,000 characters", "at most 1,000"),
        ("A / N**alpha + foo(D)", "foo(D)", "may not contain"),
        ("min(N)", "found 1", "takes 2"),
        ("exp * N", "'exp'", "without its argument"),
        ("9**9**9", "power 3.8742e+08", "at most 100"),
        ("1e31 * N", "constant beyond 1e+30", "scale the formula"),
        ("+".join(["A*N"] * 60), "more than 100 operations", ""),
        ("exp(" * 7 + "N" + ")" * 7, "deeper than 6 levels", ""),
        ("A +* N", "invalid syntax", "is not a formula"),
    ],
)
def test_refusals_name_what_was_found_and_wanted(text, found, wanted):
    with pytest.raises(InputError) as caught:
        parse_formula(text)
    assert found in caught.value.message
    assert wanted in caught.value.message


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("L = E + A / N**alpha", "E + A / N**alpha"),
        ("loss=E+A/N^alpha", "E + A / N**alpha"),
        ("  E\n + A/N**alpha ", "E + A / N**alpha"),
        ("+A", "A"),
        ("2*3*A", "6*A"),
        ("A*N**(1/2)", "A*N**0.5"),
        ("1_000*N", "1000*N"),
        ("-2**2*N", "-4*N"),
        ("2**3**2*N", "512*N"),
        ("min(3, 4)*max(1, 2)*abs(-3)*N", "18*N"),
    ],
)
def test_spellings_of_one_formula(text, same):
    assert parse_formula(text) == parse_formula(same)


def test_precedence_is_that_of_python():
    power = parse_formula("A - B - N**a**b")
    assert power == Apply(
        "-",
        (
            Apply("-", (Name("A"), Name("B"))),
            Apply("**", (Name("N"), Apply("**", (Name("a"), Name("b"))))),
        ),
    )
    assert parse_formula("-A**2") == Apply(
        "*", (Number(-1.0), Apply("**", (Name("A"), Number(2.0))))
    )


def test_names_in_order_of_appearance():
    assert names_in(parse_formula("E + A / N**alpha + B * A")) == ("E", "A", "N", "alpha", "B")


def read(text: str) -> Node | InputError:
    try:
        return parse_formula(text)
    except InputError as error:
        return error


@given(st.text(max_size=60))
def test_any_text_is_a_tree_or_a_sentence(text):
    assert isinstance(read(text), Apply | Name | Number | InputError)


SYMBOLS = ["N", "D", "A", "E", "alpha", "1", "2.5", "1e3", "+", "-", "*", "/", "**", "^", "(", ")"]
SYMBOLS += ["exp(", "log(", "sqrt(", "abs(", "min(", "max(", ",", " ", "=", ".", "_", "**-", "\n"]


@given(st.lists(st.sampled_from(SYMBOLS), max_size=30).map("".join))
def test_any_arrangement_of_allowed_symbols_is_a_tree_or_a_sentence(text):
    found = read(text)
    if isinstance(found, InputError):
        assert found.code == "bad_formula"
    else:
        assert set(names_in(found)).isdisjoint({"exp", "log", "sqrt", "abs", "min", "max"})


@given(FORMULAS)
def test_trees_mean_what_python_means(formula):
    assume(math.isfinite(formula.value))
    found = read(formula.text)
    if isinstance(found, InputError):  # the limits on depth, size and constants
        assert any(limit in found.message for limit in ("constant", "more than", "deep"))
    else:
        assert calculate(found, VALUES) == pytest.approx(formula.value, rel=1e-12, abs=1e-12)
