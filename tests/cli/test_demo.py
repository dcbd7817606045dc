"""``isoloss demo``: the main job from end to end, whole or not at all."""

from __future__ import annotations

import json

import pytest

import isoloss as iso
from isoloss.cli import demo as module

FILES = [
    "approaches.json",
    "backtest.json",
    "fit-chinchilla.json",
    "fit-coupled.json",
    "fit.json",
    "plan-chinchilla.json",
    "plan-coupled.json",
    "plan.json",
    "published.json",
    "report.html",
    "report.md",
    "runs.csv",
]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The results of one demo with few draws."""
    folder = tmp_path_factory.mktemp("demo") / "results"
    module.demo(into=str(folder), draws=60)
    return folder


def test_results_can_be_read_again(results):
    assert sorted(path.name for path in results.iterdir()) == FILES
    runs = iso.read(results / "runs.csv")
    assert len(runs) == len(iso.datasets.reference())
    assert len(runs.ok()) == 67
    assert len(set(runs.ok().frame["flop_budget"])) == 6
    assert runs.conventions.loss_unit == "nats/byte"
    fit = iso.Fit.load(results / "fit.json")
    assert fit.law.name == "rosenfeld"
    assert fit.status == "ok"
    assert fit.residual_summary["rms_log"] == pytest.approx(0.0053, abs=1e-4)
    assert iso.Fit.load(results / "fit-chinchilla.json").residual_summary["rms_log"] > 0.015
    plan = iso.Plan.load(results / "plan.json")
    assert plan.flop == pytest.approx(30 * runs.points().flop.max(), rel=5e-3)
    assert plan.n_params.lo < plan.n_params.estimate < plan.n_params.hi
    published = json.loads((results / "published.json").read_text())
    assert published["flop"] == plan.flop


def test_report_has_all_of_it_in_text(results):
    report = (results / "report.md").read_text()
    assert report.isascii()
    for name in ("fit.json", "fit-chinchilla.json", "fit-coupled.json"):
        assert iso.Fit.load(results / name).summary() in report
    assert iso.Plan.load(results / "plan.json").summary() in report
    assert iso.Backtest.load(results / "backtest.json").summary() in report
    for part in (
        "another study than the IsoFLOP groups",
        "another lr does better",
        "hoffmann",
        "flat region",
        "approach 2, IsoFLOP profiles",
    ):
        assert part in report


def test_the_plan_is_by_the_law_that_predicted_the_largest_budget(results):
    tested = iso.Backtest.load(results / "backtest.json")
    last = tested.cuts[-1]
    assert last.n_held_out == 6  # the largest budget alone
    errors = {law: score.mean_abs_rel_error for law, score in last.laws.items()}
    assert min(errors, key=lambda law: errors[law]) == "rosenfeld"
    assert errors["rosenfeld"] < 0.01 < 0.02 < errors["chinchilla"]
    assert iso.Plan.load(results / "plan.json").flop == tested.target_flop


def test_page_shows_the_answer_and_the_runs_set_aside(results):
    page = (results / "report.html").read_text()
    plan = iso.Plan.load(results / "plan.json")
    for line in plan.card().answer:
        assert f">{line.value}<" in page
    assert page.count("<svg id=") >= 4
    assert page.count('<tr class="out">') == len(iso.datasets.reference()) - 67
    assert "another study than the IsoFLOP groups" in page
    verdict = iso.Backtest.load(results / "backtest.json").verdict
    assert f'<span class="badge {verdict}">' in page


def test_commands_of_the_report_do_it_again(results, run, monkeypatch):
    report = (results / "report.md").read_text()
    commands = [line for line in report.splitlines() if line.startswith("isoloss ")]
    monkeypatch.chdir(results)
    check, fit, *more = (command.replace("fit.json", "again.json") for command in commands)
    try:
        assert run(*check.split()[1:]).code == 0
        assert run(*fit.split()[1:]).code == 0
        assert (results / "again.json").read_bytes() == (results / "fit.json").read_bytes()
        plan = next(command for command in more if " --fit " in command)
        text = run(*plan.split()[1:], "--json").out.replace("again.json", "fit.json")
        assert json.loads(text) == json.loads((results / "plan.json").read_text())
        assert all(run(*command.split()[1:]).code == 0 for command in more)
    finally:
        (results / "again.json").unlink()


def test_the_last_line_names_the_report(run, tmp_path, monkeypatch, results):
    def copied(folder, draws, seed):
        (folder / "report.md").write_bytes((results / "report.md").read_bytes())

    monkeypatch.setattr(module, "_fill", copied)
    result = run("demo", "--into", "a/b")
    assert result.code == 0
    assert result.out.splitlines()[-2:] == ["a/b/report.html", "a/b/report.md"]
    assert (tmp_path / "a" / "b" / "report.md").is_file()
    document = run("demo", "--into", "a/b", "--json").document
    assert document["schema"] == "isoloss.demo"
    assert document["report"] == "a/b/report.md"
    assert document["page"] == "a/b/report.html"
    assert document["files"] == ["report.md"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "report.md"]


def test_nothing_of_others_is_touched(run, tmp_path, monkeypatch):
    def fails(folder, draws, seed):
        (folder / "runs.csv").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_fill", fails)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "runs.csv").write_text("mine")
    refused = run("demo", "--into", "mine", "--json")
    assert refused.code == 2
    assert refused.document["code"] == "would_overwrite"
    assert run("demo", "--into", "mine/runs.csv", "--json").document["code"] == "not_a_folder"
    assert run("demo", "--into", "mine/runs.csv/x", "--json").document["code"] == "not_writable"
    assert run("demo", "--into", "new").code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine" / "runs.csv").read_text() == "mine"
