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
    "tuned_runs": ("runs", "best", "SWEEP", "--into", "best.csv"),
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
    "serving": ("serve", "1e22", "--served", "0,2T", "--fit", "FIT"),
    "overtraining": ("overtraining", "--n", "1B", "--d", "1T", "--fit", "FIT"),
    "optima": ("optima", "1e21", "--n", "1B", "--served", "1T", "--fit", "FIT"),
    "hardware": ("hardware", "h100", "--budget", "1e24", "--mfu", "0.4", "--price", "2.5"),
    "mfu": ("mfu", "TIMED", "--at", "70B"),
    "shape": ("shape", "7B", "--vocab", "128k", "--seq", "8192"),
    "memory": ("memory", "--arch", "L=12 d=768 V=50304 T=1024", "--hardware", "h100"),
    "approaches": ("approaches", "RUNS", "--draws", "20"),
    "figures": ("figure", "--list"),
    "figure": ("figure", "residuals", "FIT", "-o", "f.svg"),
    "report": ("report", "FIT", "-o", "r.html", "--figures", "residuals,backtest"),
    "data_plan": ("data", "plan", "9.3e21", "--unique", "25B", "--published"),
    "epochs": ("data", "epochs", "--published"),
    "mixture": ("data", "mix", "MIXTURES", "--target", "loss_a,loss_b", "--draws", "20"),
    "pools": ("data", "pools", "POOLS", "--tokens", "20B", "--draws", "20"),
    "corpus_sources": ("corpus", "list"),
    "pilot": ("pilot", "--budget", "1e20", "--law", "chinchilla", "--most", "15"),
    "pilot_bought": ("pilot", "--runs", "RUNS", "--fit", "EARLIER", "--n", "total"),
    "demo": ("demo", "--draws", "20"),
    "error": ("plan", "1E"),
}

# Documents that need PyTorch (tests/training/test_command.py, test_corpus_commands.py), and that of
# the pages (tests/ui).
ELSEWHERE = ("ladder", "ladder_next", "coordinates", "corpus", "corpus_fetch", "job")

PRICED = ("data", "plan", "9.3e21", "--unique", "25B", "--published")
ON = ("--hardware", "h100", "--mfu", "0.4", "--price", "2", "--devices", "64", "--days", "9")
FEW = ("--where", "flops < 9e18")


# Words that stand for a file, and the fixture that makes it.
FILES = {
    "RUNS": "ladder",
    "FIT": "fit_file",
    "EARLIER": "earlier_fit",
    "STEPS": "steps_file",
    "SWEEP": "sweep_file",
    "MIXTURES": "mixtures",
    "POOLS": "pool_runs",
    "TIMED": "timed",
    "NORMS": "norms_file",
}


def filled(request, words):
    return [str(request.getfixturevalue(FILES[w])) if w in FILES else w for w in words]


def validator(name):
    return Draft202012Validator(SCHEMAS[name], registry=REGISTRY)


def test_every_schema_is_one_and_every_document_is_tested():
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    assert set(SCHEMAS) - {"common", *ELSEWHERE} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_document_fits_its_schema(run, request, name):
    words = filled(request, COMMANDS[name])
    document = run(*words, "--json").document
    assert document["schema"] == f"isoloss.{name}"
    validator(name).validate(document)
    for key in SCHEMAS[name]["required"]:
        with pytest.raises(Exception, match=f"'{key}' is a required property"):
            validator(name).validate({k: v for k, v in document.items() if k != key})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pilot", ("pilot", "--budget", "1e20", "--fit", "FIT", "--narrow", "exponent")),
        ("plan", ("plan", "1e24", "--law", "chinchilla", "--published")),
        ("plan", ("plan", "1e24", "--law", "chinchilla", "--published", "--serve", "1T,2T")),
        ("serving", ("serve", "--lifetime", "1e24", "--served", "2T", "--law", "gadre")),
        ("overtraining", ("overtraining", "1e23", "--law", "repetition")),
        ("optima", ("optima", "1e23", "--law", "gadre", "--memory", "80GB", *ON)),
        (
            "plan",
            (
                *("plan", "$2M", "--law", "chinchilla", "--published", "--hardware", "h100"),
                *("--price", "2.5", "--devices", "1024", "--arch", "L=32 d=4096 V=32000 T=4096"),
            ),
        ),
        ("hardware", ("hardware",)),
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
        ("data_plan", ("data", "plan", "1e21", "--unique", "1T", "--published")),
        ("data_plan", (*PRICED, "--price-per-1e21-flop", "1000")),
        ("epochs", ("data", "epochs", "--published", "--n", "1B", "--unique", "5B")),
        ("error", ("data", "plan", "1e24", "--unique", "10B", "--published")),
        ("error", ("fit", "missing.csv")),
        ("error", ("plan", "1e23", "--law", "farseer", "--published")),
    ],
)
def test_unusual_documents_too(run, request, name, words):
    validator(name).validate(run(*filled(request, words), "--json").document)
