"""Laws are found by name or formula, and evaluating them says how far from their data one is."""

from __future__ import annotations

import difflib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from isoloss.errors import InputError
from isoloss.laws import (
    LAWS,
    distance_outside,
    evaluate,
    get_law,
    get_published,
    law_from_formula,
    list_laws,
)
from isoloss.laws import _generated as generated_module
from isoloss.laws.catalogue import with_inner
from isoloss.laws.derive import generated_text

NAMES = [
    *["chinchilla", "chinchilla-nofloor", "interaction", "coupled", "farseer", "repetition"],
    *[
        "lovelace",
        "gadre",
        "rosenfeld",
        "kaplan",
        "kaplan-n",
        "kaplan-d",
        "kaplan-c",
        "kaplan-steps",
    ],
    *["power-n", "power-d", "power-c", "floor-n", "floor-d", "floor-c"],
]


def test_every_law_of_the_field_is_there_once():
    assert list(LAWS) == NAMES
    assert [law.name for law in list_laws()] == NAMES
    assert len({law.signature for law in with_inner()}) == len(with_inner())


@pytest.mark.parametrize("law", list_laws(), ids=lambda law: law.name)
def test_laws_explain_themselves(law):
    assert law.title
    assert law.summary
    assert law.reference
    for parameter in law.parameters:
        assert parameter.meaning
        assert parameter.bounds[0] < parameter.bounds[1]
        if parameter.start is not None:
            low, high = parameter.start
            assert parameter.bounds[0] <= low < high <= parameter.bounds[1]
        if parameter.name in law.compiled.exponents:
            assert parameter.start is not None, "a search must know where exponents live"


def test_by_name_by_formula_or_as_it_is():
    law = get_law("chinchilla")
    assert law is LAWS["chinchilla"]
    assert get_law(law) is law
    assert get_law(" chinchilla ") is law
    assert get_law("E + A*N**-alpha").names == ("E", "A", "alpha")
    own = law_from_formula("A/N")
    assert get_law(own) is own


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("chinchila", "chinchilla"),
        ("Chinchilla", "chinchilla"),
        ("kaplan-m", "kaplan-n"),
        ("farser", "farseer"),
        ("repetitions", "repetition"),
    ],
)
def test_a_near_miss_names_what_was_meant(asked, meant):
    with pytest.raises(InputError) as caught:
        get_law(asked)
    assert caught.value.code == "unknown_law"
    assert asked in caught.value.message
    assert f"Did you mean {difflib.get_close_matches(asked.lower(), LAWS, 1)[0]}" in str(
        caught.value
    )
    assert meant in (caught.value.hint or "")


@pytest.mark.parametrize("asked", ["zzz", "", "N", "law-that-nobody-wrote", "x" * 5000])
def test_an_unknown_name_lists_the_known_ones(asked):
    with pytest.raises(InputError) as caught:
        get_law(asked)
    assert "chinchilla" in (caught.value.hint or "")
    assert len(caught.value.message) < 200


def test_a_broken_formula_is_told_as_a_formula():
    with pytest.raises(InputError) as caught:
        get_law("E + A / foo(N)")
    assert caught.value.code == "bad_formula"


def test_published_by_key_or_the_first():
    assert get_published("chinchilla").key == "hoffmann"
    assert get_published("chinchilla", "epoch").values["A"] == 482.01
    assert get_published("farseer").values["b3"] == -0.091
    with pytest.raises(InputError) as caught:
        get_published("chinchilla", "besiroglu")
    assert "epoch-optimum" in (caught.value.hint or "")
    with pytest.raises(InputError) as caught:
        get_published("coupled")
    assert caught.value.code == "no_published"
    assert "chinchilla" in (caught.value.hint or "")


def test_distance_outside_is_a_factor_per_variable():
    hoffmann = get_published("chinchilla")
    assert distance_outside(hoffmann, {"N": 1e9, "D": 1e11}) == {}
    assert distance_outside(hoffmann, {"N": 7e7, "D": 5e11}) == {}
    far = distance_outside(hoffmann, {"N": 3.2e10, "D": 1e9})
    assert far == {"N": pytest.approx(2.0), "D": pytest.approx(5.0)}
    base = get_published("chinchilla", "muennighoff-c4")
    assert distance_outside(base, {"N": 1e10, "D": 1e12}) == {"C": pytest.approx(60.0)}
    assert distance_outside(base, {"C": 1e18}) == {"C": pytest.approx(10.0)}
    assert distance_outside(base, {"N": 1e10}) == {}


def test_evaluation_says_how_far_outside():
    result = evaluate("chinchilla", "hoffmann", N=7e10, D=1.4e12)
    assert result.loss == pytest.approx(1.92085, abs=1e-5)
    assert result.outside == {"N": pytest.approx(4.375), "D": pytest.approx(2.8)}
    assert "N = 70B is 4.38 times above the fitted range (70M to 16B)." in result.sentence
    assert "D = 1.4T is 2.8 times above the fitted range (5B to 500B)." in result.sentence
    assert result.summary().startswith("chinchilla (hoffmann): loss 1.9208 nats/token. N = 70B")
    assert (result.n, result.loss_unit) == ("total", "nats/token")
    small = evaluate("farseer", N=1e8, D=1e10)
    assert "N = 100M is 2.01 times below the fitted range (201M to 6.37B)." in small.sentence
    assert small.loss_unit == "bits/char"


def test_evaluation_inside_or_without_a_range():
    assert evaluate("chinchilla", N=1e9, D=1e11).sentence == "Inside the fitted range of N and D."
    assert evaluate("kaplan-c", C=1e21).sentence == "The source states no range for C."
    base = evaluate("chinchilla", "muennighoff-c4", N=1e9, D=1e10)
    assert base.sentence == "Inside the fitted range of C."


def test_evaluation_fills_in_compute_and_unique_tokens():
    by_flop = evaluate("kaplan-c", C=6 * 1e9 * 2e10)
    by_size = evaluate("kaplan-c", N=1e9, D=2e10)
    assert by_size.loss == by_flop.loss
    assert by_size.inputs == {"C": 1.2e20}
    fresh = evaluate("repetition", N=1e9, D=2e10)
    assert fresh.inputs["U"] == 2e10
    assert fresh.loss == evaluate("repetition", N=1e9, D=2e10, U=2e10).loss


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"N": 1e9}, "D"),
        ({"N": -1.0, "D": 1e9}, "N"),
        ({"N": float("nan"), "D": 1e9}, "N"),
        ({"N": 1e9, "D": float("inf")}, "D"),
        ({"N": 1e9, "D": 0.0}, "D"),
        ({"N": 1e9, "D": 1e9, "U": 1e9}, "U"),
        ({"N": 1e9, "D": 1e9, "tokens": 1e9}, "tokens"),
    ],
)
def test_evaluation_names_the_input_at_fault(inputs, field):
    with pytest.raises(InputError) as caught:
        evaluate("chinchilla", **inputs)
    assert caught.value.where.field == field


def test_evaluation_is_plain_data():
    result = evaluate("repetition", N=6.34e9, D=242e9, U=25e9).to_dict()
    again = json.loads(json.dumps(result))
    assert again["loss"] == 2.2256440889984477
    assert again["key"] == "muennighoff"


def test_generated_derivatives_are_fresh():
    """Mend with: python -m isoloss.laws."""
    written = Path(str(generated_module.__file__)).read_text(encoding="utf-8")
    assert written == generated_text(with_inner())


def test_built_in_laws_need_no_heavy_library():
    code = (
        "import sys, json; from isoloss.laws import LAWS, get_published\n"
        "for law in LAWS.values():\n"
        "    law.latex(), law.compiled.linear\n"
        "    if law.published: law.value(law.published[0].values, dict.fromkeys('NDCUS', 1e9))\n"
        "print(json.dumps(sorted({'sympy', 'scipy', 'polars', 'pandas'} & set(sys.modules))))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []
