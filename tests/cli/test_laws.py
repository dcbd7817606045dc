"""``isoloss laws``: the catalogue as text and as a document."""

from __future__ import annotations

import pytest

from isoloss.laws import evaluate, list_laws
from isoloss.laws.hparams import list_hparam_laws


def test_catalogue_document_has_the_contract(run):
    result = run("laws", "--json")
    document = result.document
    assert result.code == 0
    assert document["schema"] == "isoloss.laws"
    assert {"version", "isoloss", "seed", "conventions", "warnings"} <= set(document)
    names = [law.name for law in (*list_laws(), *list_hparam_laws())]
    assert [law["name"] for law in document["laws"]] == names
    assert {law["kind"] for law in document["laws"]} == {"loss", "settings"}
    for law in document["laws"]:
        assert {"name", "formula", "latex", "parameters", "published"} <= set(law)
        for published in law["published"]:
            assert {"values", "source", "n_convention", "loss_unit", "range"} <= set(published)


def test_catalogue_text_names_every_law(run):
    lines = run("laws").out.splitlines()
    for law in list_laws():
        assert any(line.split()[:1] == [law.name] and law.formula in line for line in lines)


def test_one_law_as_a_document(run):
    document = run("laws", "show", "chinchilla", "--json").document
    assert document["name"] == "chinchilla"
    assert document["formula"] == "E + A / N**alpha + B / D**beta"
    assert document["variables"] == ["N", "D"]
    assert [parameter["name"] for parameter in document["parameters"]] == [
        "E",
        "A",
        "B",
        "alpha",
        "beta",
    ]
    epoch = next(one for one in document["published"] if one["key"] == "epoch")
    assert epoch["values"]["E"] == pytest.approx(1.8172)
    assert epoch["n_convention"] == "total"
    assert document["evaluations"] == []


def test_published_coefficients_at_a_point(run):
    expected = evaluate("chinchilla", "epoch", N=7e9, D=1.4e12)
    words = ("laws", "show", "chinchilla", "--key", "epoch", "--at", "N=7B", "D=1.4T")
    [found] = run(*words, "--json").document["evaluations"]
    assert found["loss"] == expected.loss
    assert found["outside"] == pytest.approx(expected.outside)
    text = run(*words).out
    assert f"{expected.loss:.4f} nats/token" in text
    assert "4.38 times above the fitted range" in text
    assert "hoffmann" not in text.partition("published")[2].partition("\n")[2].splitlines()[0]


def test_every_law_can_be_shown(run):
    for law in list_laws():
        result = run("laws", "show", law.name)
        assert result.code == 0
        assert law.formula in result.out
        assert run("laws", "show", law.name, "--json").document["latex"] == law.latex()


def test_a_formula_is_a_law_too(run):
    result = run("laws", "show", "E + A*N**-a")
    assert result.code == 0
    assert "L = E + A*N**-a" in result.out
    assert run("laws", "show", "E + A*N**-a", "--json").document["published"] == []


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (["show", "chinchila"], "unknown_law", ["chinchila", "Did you mean chinchilla"]),
        (["show"], "missing_argument", ["NAME"]),
        (["shwo", "chinchilla"], "unexpected_argument", ["shwo", "laws --help"]),
        (["show", "chinchilla", "--at", "N=7E", "D=1T"], "bad_quantity", ['"7E"', "--at N"]),
        (["show", "chinchilla", "--at", "N=7B"], "missing_variable", ["needs D"]),
        (["show", "chinchilla", "--at", "7B"], "bad_value", ['"7B"', "--at N=7B D=1.4T"]),
        (["show", "chinchilla", "--at", "N=7B", "Q=1"], "unknown_variable", ["Q", "N and D"]),
        (["show", "chinchilla", "--key", "epok"], "unknown_published", ["epok", "epoch"]),
        (["show", "power-n", "--at", "N=7B"], "no_published", ["power-n", "chinchilla"]),
        (["show", "__import__('os')"], "bad_formula", ["__import__"]),
        (["show", "E + A/N**__class__"], "bad_formula", ["__class__"]),
        (["show", "E + A/N**9**9**9"], "bad_formula", ["power"]),
        (["show", "E + A/N**" + "a" * 10_000], "bad_formula", ["10,009 characters"]),
    ],
)
def test_mistakes_are_explained(run, words, code, parts):
    result = run("laws", *words, "--json")
    assert result.code == 2
    assert result.document["code"] == code
    for part in parts:
        assert part in result.err
