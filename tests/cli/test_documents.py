"""Every document against its schema, as shipped in isoloss/schemas."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = {
    path.name.removesuffix(".json"): json.loads(path.read_text(encoding="utf-8"))
    for path in (files("isoloss") / "schemas").iterdir()
}
REGISTRY = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()
)

COMMANDS = {
    "laws": ("laws",),
    "law": ("laws", "show", "chinchilla", "--at", "N=7B", "D=1.4T"),
    "flops": ("flops", "--arch", "L=12 d=768", "--tokens", "1e9"),
    "check": ("runs", "check", "RUNS"),
    "runs": ("runs", "list", "RUNS"),
    "run": ("runs", "show", "t0-s0", "RUNS"),
    "exclusion": ("runs", "exclude", "t0-s0", "RUNS", "--why", "test", "--into", "kept.csv"),
    "fit": ("fit", "RUNS", "--draws", "20"),
    "backtest": ("backtest", "RUNS", "--law", "chinchilla,coupled", "--draws", "20"),
    "comparison": ("compare", "RUNS", "--law", "chinchilla,gadre", "--draws", "20"),
    "diagnosis": ("diagnose", "RUNS", "--draws", "20"),
    "recipes": ("recipes", "RUNS", "RUNS", "--where-a", "flops < 5e19", "--draws", "20"),
    "prediction": ("predict", "FIT", "--n", "1B", "--d", "20B"),
    "plan": ("plan", "1e21", "--fit", "FIT"),
    "answer": ("plan", "--loss", "2.2", "--fit", "FIT"),
    "published_plans": ("plan", "1e23", "--published"),
    "approaches": ("approaches", "RUNS", "--draws", "20"),
    "demo": ("demo", "--draws", "20"),
    "error": ("plan", "1E"),
}

# Documents that need PyTorch: tests/training/test_command.py.
ELSEWHERE = ("ladder", "ladder_next")

FEW = ("--where", "flops < 9e18")


def validator(name):
    return Draft202012Validator(SCHEMAS[name], registry=REGISTRY)


def test_every_schema_is_one_and_every_document_is_tested():
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    assert set(SCHEMAS) - {"common", *ELSEWHERE} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_document_fits_its_schema(run, ladder, fit_file, name):
    words = [{"RUNS": str(ladder), "FIT": str(fit_file)}.get(w, w) for w in COMMANDS[name]]
    document = run(*words, "--json").document
    assert document["schema"] == f"isoloss.{name}"
    validator(name).validate(document)
    for key in SCHEMAS[name]["required"]:
        with pytest.raises(Exception, match=f"'{key}' is a required property"):
            validator(name).validate({k: v for k, v in document.items() if k != key})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("plan", ("plan", "1e24", "--law", "chinchilla", "--published")),
        ("fit", ("fit", "RUNS", "--law", "E + A/C**a", "--ci", "none")),
        ("law", ("laws", "show", "E + A*N**-a")),
        ("comparison", ("compare", "RUNS", "--law", "chinchilla", "--at", "1e19", "--draws", "20")),
        ("diagnosis", ("diagnose", "RUNS", "--law", "E + A/N**a", "--ci", "none")),
        ("diagnosis", ("diagnose", "RUNS", "--sensitivity", "--draws", "20", *FEW)),
        ("recipes", ("recipes", "RUNS", "RUNS", "--where-a", "flops < 5e19", "--ci", "none")),
        ("error", ("fit", "missing.csv")),
        ("error", ("plan", "1e23", "--law", "farseer", "--published")),
    ],
)
def test_unusual_documents_too(run, ladder, name, words):
    filled = [str(ladder) if word == "RUNS" else word for word in words]
    validator(name).validate(run(*filled, "--json").document)
