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

TUNED = ("--lr", "3e-3", "--n", "100M", "--d", "2B")
TRANSFER = (*TUNED, "--to-d", "20B", "--batch", "500k", "--weight-decay", "0.1")
TO_OTHER_SCHEDULE = (*TUNED, "--to-schedule", "WSD")

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
    "forecast": ("forecast", "FIT", "--n", "1B", "--d", "20B", "--laws", "gadre", "--draws", "20"),
    "plan": ("plan", "1e21", "--fit", "FIT"),
    "answer": ("plan", "--loss", "2.2", "--fit", "FIT"),
    "published_plans": ("plan", "1e23", "--published"),
    "sweep_fit": ("sweep", "SWEEP", "--draws", "20"),
    "hparams": ("hparams", "--n", "7B", "--d", "1.4T", "--loss", "2", "--batch", "4M"),
    "lr_transfer": ("transfer", *TRANSFER),
    "critical_batch": ("batch", "STEPS", "--seconds-per-step", "2", "--n", "7B", "--d", "1.4T"),
    "approaches": ("approaches", "RUNS", "--draws", "20"),
    "demo": ("demo", "--draws", "20"),
    "error": ("plan", "1E"),
}

# Documents that need PyTorch: tests/training/test_command.py.
ELSEWHERE = ("ladder", "ladder_next", "coordinates")

FEW = ("--where", "flops < 9e18")


def validator(name):
    return Draft202012Validator(SCHEMAS[name], registry=REGISTRY)


def test_every_schema_is_one_and_every_document_is_tested():
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    assert set(SCHEMAS) - {"common", *ELSEWHERE} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_document_fits_its_schema(run, ladder, fit_file, steps_file, sweep_file, name):
    files = {
        **{"RUNS": str(ladder), "FIT": str(fit_file)},
        **{"STEPS": str(steps_file), "SWEEP": str(sweep_file)},
    }
    words = [files.get(word, word) for word in COMMANDS[name]]
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
        ("law", ("laws", "show", "step-law", "--at", "N=7B", "D=1.4T")),
        ("law", ("laws", "show", "minicpm", "--at", "L=2")),
        ("lr_transfer", ("transfer", *TO_OTHER_SCHEDULE)),
        ("critical_batch", ("batch", "--critical", "2M", "--batch", "500k", "--steps", "1e5")),
        ("critical_batch", ("batch", "--grad-norms", "NORMS")),
        ("comparison", ("compare", "RUNS", "--law", "chinchilla", "--at", "1e19", "--draws", "20")),
        ("diagnosis", ("diagnose", "RUNS", "--law", "E + A/N**a", "--ci", "none")),
        ("diagnosis", ("diagnose", "RUNS", "--sensitivity", "--draws", "20", *FEW)),
        ("recipes", ("recipes", "RUNS", "RUNS", "--where-a", "flops < 5e19", "--ci", "none")),
        ("error", ("fit", "missing.csv")),
        ("error", ("plan", "1e23", "--law", "farseer", "--published")),
    ],
)
def test_unusual_documents_too(run, ladder, norms_file, name, words):
    files = {"RUNS": str(ladder), "NORMS": str(norms_file)}
    filled = [files.get(word, word) for word in words]
    validator(name).validate(run(*filled, "--json").document)
