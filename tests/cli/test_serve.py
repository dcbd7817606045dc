"""``isoloss serve``, ``overtraining`` and ``optima``: documents, text, commands and mistakes."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest

import isoloss as iso


def plain(document):
    from isoloss.document import dumps

    return json.loads(dumps(document))


def test_documents_are_those_of_python(run, fit_file):
    fit = iso.Fit.load(fit_file)
    for words, made in (
        (("serve", "1e22", "--served", "2T"), iso.serve(fit, 1e22, served="2T")),
        (
            ("serve", "--served", "2T", "--lifetime", "1e24"),
            iso.serve(fit, served="2T", lifetime=1e24),
        ),
        (
            ("overtraining", "--n", "8B", "--d", "2T"),
            iso.overtraining(fit, n_params="8B", tokens="2T"),
        ),
        (
            ("optima", "1e22", "--n", "8B", "--served", "1T"),
            iso.optima(fit, 1e22, n_params="8B", served="1T"),
        ),
    ):
        document = run(*words, "--fit", fit_file, "--json").document
        command = document["command"]
        assert document == plain(replace(made, command=command).to_dict())


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "1.2345678e22", "--served", "0,2T", "--fit", "FIT"),
        ("serve", "12k H100-hours", "--mfu", "0.4", "--served", "2T", "--fit", "FIT"),
        (
            *("serve", "--loss", "2.1", "--served", "2T", "--law", "chinchilla", "--key", "epoch"),
            *("--hardware", "h100", "--mfu", "0.4", "--price", "2", "--serve-mfu", "0.05"),
        ),
        ("overtraining", "1e22", "--multiples", "1,3", "--fit", "FIT", "--flop-per-token", "runs"),
        (
            *("optima", "1e24", "--law", "chinchilla", "--memory", "160GB", "--days", "20"),
            *("--hardware", "h100", "--mfu", "0.4", "--price", "2 EUR", "--devices", "512"),
        ),
    ],
)
def test_the_command_on_the_card_gives_the_same_answer(run, fit_file, words):
    filled = [str(fit_file) if word == "FIT" else word for word in words]
    document = run(*filled, "--json").document
    typed = shlex.split(document["card"]["command"])
    assert typed[0] == "isoloss"
    assert run(*typed[1:], "--json").document == document
    assert document["card"]["command"] in run(*filled).out


def test_plans_serve(run, fit_file):
    document = run("plan", "1e22", "--fit", fit_file, "--serve", "2T,10T", "--json").document
    table = run("serve", "1e22", "--fit", fit_file, "--served", "2T,10T", "--json").document
    assert document["serving"]["rows"] == table["rows"]
    assert "--serve 2T,10T" in document["command"]
    assert "with 10T tokens served: " in run(*shlex.split(document["command"])[1:]).out


def test_a_serving_plan_is_saved(run, fit_file, tmp_path):
    words = ("serve", "1e22", "--fit", fit_file, "--served", "2T", "--save", "serving.json")
    document = run(*words, "--json").document
    assert json.loads((tmp_path / "serving.json").read_text()) == document


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        (("serve", "1e22", "--served", "2T"), "missing_argument", "--fit"),
        (("serve", "1e22", "--law", "chinchilla"), "missing_argument", "--served"),
        (("serve", "1X", "--served", "2T", "--law", "chinchilla"), "bad_quantity", None),
        (("serve", "1e22", "--served", "2T,x", "--law", "chinchilla"), "bad_quantity", "--served"),
        (("serve", "1e22", "--served", "-2T", "--law", "chinchilla"), None, None),
        (("serve", "1e22", "--served", "2T", "--law", "no-law"), "unknown_law", "law"),
        (("serve", "1e22", "--served", "2T", "--fit", "no.json"), "not_a_fit", None),
        (
            ("serve", "1e22", "--served", "2T", "--law", "chinchilla", "--fit", "FIT"),
            "conflicting_options",
            "--law",
        ),
        (
            ("serve", "1e22", "--served", "2T", "--law", "gadre", "--flop-per-token", "runs"),
            "conflicting_options",
            "--flop-per-token",
        ),
        (
            ("serve", "1e22", "--served", "2T", "--law", "gadre", "--serve-mfu", "0.1"),
            "missing_hardware",
            "--hardware",
        ),
        (
            *(("serve", "1e22", "--loss", "2", "--served", "2T", "--law", "chinchilla"),),
            *("one_of_flop_loss_lifetime", "loss"),
        ),
        (("overtraining", "--n", "8B", "--law", "chinchilla"), "one_of_flop_run", "flop"),
        (("optima", "1e22", "--law", "gadre", "--memory", "much"), "bad_quantity", "--memory"),
        (
            ("optima", "1e22", "--law", "gadre", "--n", "70B", "--d", "10T"),
            "contradictory_limits",
            "budget",
        ),
        (("optima", "1e22", "--law", "gadre", "--money", "1M"), "missing_price", "price"),
        (("optima", "1e22", "--law", "gadre", "--days", "3"), "missing_devices", "devices"),
        (("plan", "--loss", "2", "--fit", "FIT", "--serve", "2T"), "conflicting_options", None),
        (("plan", "1e22", "--published", "--serve", "2T"), "conflicting_options", "--serve"),
    ],
)
def test_mistakes_are_explained(run, fit_file, words, code, field):
    filled = [str(fit_file) if word == "FIT" else word for word in words]
    result = run(*filled, "--json")
    assert result.code == 2
    document = result.document
    assert document["schema"] == "isoloss.error"
    if code is not None:
        assert document["code"] == code
    if field is not None:
        assert document["where"]["field"] == field


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("serve", "--loss", "1.1", "--served", "2T", "--law", "chinchilla"), "loss_unreachable"),
        (("serve", "1e23", "--served", "2T", "--law", "farseer"), "no_interior_minimum"),
        (("optima", "1e23", "--law", "farseer"), "no_interior_minimum"),
        (("overtraining", "1e23", "--law", "kaplan-n"), "law_cannot_plan"),
    ],
)
def test_thin_evidence_is_refused(run, words, code):
    result = run(*words, "--json")
    assert result.code == 3
    assert result.document["code"] == code
