"""``isoloss plan``: from a fit, from published laws, and the other way round."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest

import isoloss as iso
from isoloss.planning import flop_for_loss, params_for, plan_law, plan_published, tokens_for


def plain(document):
    from isoloss.document import dumps

    return json.loads(dumps(document))


def test_plan_from_a_fit(run, fit_file):
    document = run("plan", "1e22", "--fit", fit_file, "--json").document
    command = f"isoloss plan 1e22 --fit {fit_file}"
    assert document == plain(
        replace(iso.plan(iso.Fit.load(fit_file), 1e22), command=command).to_dict()
    )
    assert document["schema"] == "isoloss.plan"
    assert document["flop"] == 1e22
    for name in ("n_params", "tokens", "tokens_per_param", "loss"):
        assert set(document[name]) == {"estimate", "lo", "hi", "level"}
        assert document[name]["lo"] < document[name]["estimate"] < document[name]["hi"]
    assert document["flat_region"]["within_loss"] == 0.002
    assert {"cost", "status", "warnings", "conventions", "data_hash", "n_runs"} <= set(document)


def test_a_backtest_widens_the_loss_and_says_the_drift(run, fit_file, tmp_path):
    tested = tmp_path / "backtest.json"
    run("backtest", fit_file, "--target", "1e22", "--draws", "20", "--save", tested)
    words = ("plan", "1e22", "--fit", fit_file)
    alone = run(*words, "--json").document
    found = run(*words, "--backtest", tested, "--json").document
    assert found["loss"]["lo"] < alone["loss"]["lo"]
    assert found["loss"]["hi"] > alone["loss"]["hi"]
    assert found["n_params"] == alone["n_params"]
    assert "drift_measured" in [note["code"] for note in found["notes"]]
    assert f"--backtest {tested}" in found["command"]
    for refused in (("--n", "1B"), ("--published",)):
        result = run("plan", "1e22", *refused, "--backtest", tested, "--json")
        assert result.code == 2


def test_text_has_all_that_a_decision_needs(run, fit_file):
    out = run("plan", "1e22", "--fit", fit_file).out
    for part in ("1e22 FLOP", "D/N", "flat region: N", "2.0 decades of compute", "seed 0", "data"):
        assert part in out
    for part in ("half of N costs +0.", "ten times the compute", f"--fit {fit_file}"):
        assert part in out


def test_the_command_on_the_card_gives_the_same_answer(run, fit_file):
    asked = (
        ("plan", "1.2345678e22", "--fit", fit_file, "--flop-per-token", "runs"),
        ("plan", "3e23", "--law", "repetition", "--published", "--u", "123.4B"),
        ("plan", "3e23", "--law", "chinchilla", "--key", "epoch", "--published"),
    )
    for words in asked:
        document = run(*words, "--json").document
        typed = shlex.split(document["card"]["command"])
        assert typed[:2] == ["isoloss", "plan"]
        assert run(*typed[1:], "--json").document == document


def test_the_card_holds_the_answer(run, fit_file):
    document = run("plan", "1e22", "--fit", fit_file, "--json").document
    card = document["card"]
    first = card["answer"][0]
    assert (first["label"], first["unit"]) == ("N", "params")
    assert {key: first[key] for key in ("estimate", "lo", "hi")} == {
        key: document["n_params"][key] for key in ("estimate", "lo", "hi")
    }
    assert card["warnings"] == document["warnings"]
    assert card["would_change"] == document["notes"]
    assert len(card["why"]) == 2


def test_published_laws(run):
    document = run("plan", "1e24", "--law", "chinchilla", "--published", "--json").document
    command = "isoloss plan 1e24 --law chinchilla --published"
    assert document == plain(replace(plan_law("chinchilla", 1e24), command=command).to_dict())
    key = ("--law", "chinchilla", "--key", "epoch", "--published", "--json")
    document = run("plan", "5.76e23", *key).document
    assert document["source"].startswith("epoch")
    assert document["n_params"]["lo"] is None
    table = run("plan", "1e24", "--published", "--json").document
    assert table == plain(plan_published(1e24).to_dict())
    assert "no interior minimum" in run("plan", "1e24", "--published").out


def test_no_interior_minimum_is_refused(run):
    result = run("plan", "1e23", "--law", "farseer", "--published", "--json")
    assert result.code == 3
    assert result.document["code"] == "no_interior_minimum"


def test_inverse_questions(run, fit_file):
    fit = iso.Fit.load(fit_file)
    asked = ("plan", "--fit", fit_file, "--json")
    assert run(*asked, "--loss", "2.2").document == plain(flop_for_loss(fit, 2.2).to_dict())
    assert run(*asked, "--loss", "2.2", "--n", "7B").document == plain(
        tokens_for(fit, 7e9, loss=2.2).to_dict()
    )
    assert run(*asked, "--loss", "2.2", "--d", "1T").document == plain(
        params_for(fit, 1e12, loss=2.2).to_dict()
    )
    given = run("plan", "1e22", "--n", "1B", "--fit", fit_file, "--json").document
    assert given["tokens"]["estimate"] == pytest.approx(1e22 / 6e9)
    given = run("plan", "1e22", "--d", "1e12", "--fit", fit_file, "--json").document
    assert given["n_params"]["estimate"] == pytest.approx(1e10 / 6)
    unreachable = run(*asked, "--loss", "0.5")
    assert unreachable.code == 3
    assert unreachable.document["schema"] == "isoloss.error"


def test_too_few_budgets_are_refused(run, ladder):
    words = ("--where", "flops < 5e18", "--ci", "none", "--save", "two.json")
    run("fit", ladder, *words)
    result = run("plan", "1e22", "--fit", "two.json", "--json")
    assert result.code == 3
    assert result.document["code"] in ("too_few_budgets", "not_identified")


def test_plan_is_saved(run, fit_file, tmp_path):
    words = ("plan", "1e22", "--fit", fit_file, "--save", "plan.json")
    result = run(*words)
    assert result.err == "-> plan.json\n"
    again = run(*words, "--json", "--quiet")
    assert json.loads((tmp_path / "plan.json").read_text()) == again.document
    (tmp_path / "plan.json").write_text("mine")
    assert run(*words).code == 2
    assert (tmp_path / "plan.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (["1E", "--published"], "bad_quantity", ['"1E"', "BUDGET", "1e24"]),
        (["300E", "--published"], "bad_quantity", ['"300E"', "k, M, B and T"]),
        (["1P", "--published"], "bad_quantity", ['"1P"']),
        (["-1e24", "--published"], "bad_quantity", ['"-1e24"']),
        (["0", "--published"], "bad_quantity", ["positive"]),
        (["1e999", "--published"], "bad_quantity", ["positive, finite"]),
        (["lots", "--published"], "bad_quantity", ['"lots"']),
        (["", "--published"], "bad_quantity", ['""']),
        (["1e24"], "missing_argument", ["--fit fit.json"]),
        ([], "missing_argument", ["--fit"]),
        (["--published"], "missing_argument", ["BUDGET"]),
        (["1e24", "--law", "chinchilla"], "missing_argument", ["--published"]),
        (["1e24", "--law", "chinchila", "--published"], "unknown_law", ["Did you mean"]),
        (["1e24", "--law", "chinchilla", "--published", "--key", "x"], "unknown_published", ["x"]),
        (["1e24", "--law", "power-n", "--published"], "no_published", ["power-n"]),
        (["1e24", "--published", "--key", "epoch"], "conflicting_options", ["--key"]),
        (["1e24", "--published", "--loss", "2"], "conflicting_options", ["--loss"]),
        (["1e24", "--published", "--save", "no/p.json"], "no_such_folder", ["no"]),
        (["1e24", "1e25", "--published"], "unexpected_argument", ["1e25"]),
        (["1e24", "--fit", "FIT", "--published"], "conflicting_options", ["--published"]),
        (["1e24", "--fit", "FIT", "--loss", "2"], "conflicting_options", ["--loss"]),
        (["--fit", "FIT", "--n", "1B", "--d", "1B"], "conflicting_options", ["predict"]),
        (["--fit", "FIT"], "missing_argument", ["BUDGET"]),
        (["--fit", "FIT", "--n", "1B"], "missing_argument", ["BUDGET"]),
        (["1e22", "--fit", "FIT", "--flop-per-token", "9nd"], "unknown_flop_rule", ["9nd"]),
        (["1e22", "--fit", "FIT", "--save", "FIT"], "would_overwrite", ["fit.json"]),
    ],
)
def test_mistakes_are_explained(run, fit_file, tmp_path, words, code, parts):
    before = fit_file.read_bytes()
    filled = [str(fit_file) if word == "FIT" else word for word in words]
    result = run("plan", *filled, "--json")
    assert result.code == 2
    assert result.document["code"] == code
    for part in parts:
        assert part in result.err
    assert list(tmp_path.iterdir()) == []
    assert fit_file.read_bytes() == before
