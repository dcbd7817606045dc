"""``isoloss data``: answers, exit codes, files, and messages that name the place."""

from __future__ import annotations

import pytest


def test_plan_by_the_published_law(run):
    result = run("data", "plan", "9.3e21", "--unique", "25B", "--published")
    assert result.code == 0
    assert "binding: unique tokens" in result.out
    assert "6.82B" in result.out


def test_plan_says_that_data_do_not_bind(run):
    result = run("data", "plan", "1e21", "--unique", "1T", "--published")
    assert result.code == 0
    assert "compute binds, not data" in result.out


def test_plan_is_refused_where_the_law_fails(run):
    result = run("data", "plan", "1e24", "--unique", "10B", "--published", "--json")
    assert result.code == 3
    assert result.document["code"] == "law_fails_here"


def test_fit_then_plan(run, tmp_path, rep_runs):
    fitted = run(
        "data", "fit", rep_runs, "--base", "muennighoff", "--draws", "20", "--save", "f.json"
    )
    assert fitted.code == 0, fitted.err
    assert "the base is held at" in fitted.out
    planned = run("data", "plan", "9e20", "--unique", "4B", "--fit", "f.json", "--save", "p.json")
    assert planned.code == 0, planned.err
    assert (tmp_path / "p.json").exists()
    table = run("data", "epochs", "--fit", "f.json", "--n", "1B", "--unique", "5B")
    assert table.code == 0, table.err


def test_mix_and_pools(run, mixtures, pool_runs, tmp_path):
    mixed = run(
        *(
            "data",
            "mix",
            mixtures,
            "--target",
            "loss_a=2,loss_b",
            "--max",
            "a=0.3",
            "--draws",
            "20",
        ),
        *("--pool", "b=10B", "--tokens", "100B", "--test-where", "w_a > 0.2", "--save", "m.json"),
    )
    assert mixed.code == 0, mixed.err
    assert "binding: a at most 0.3" in mixed.out
    assert "further runs" in mixed.out
    assert (tmp_path / "m.json").exists()
    chosen = run("data", "pools", pool_runs, "--tokens", "20B", "--pool", "good=2B", "--json")
    assert chosen.code == 0, chosen.err
    assert chosen.document["choices"][0]["pools"] == ["good"]


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        (("plan", "-1", "--unique", "1B", "--published"), 2, "BUDGET"),
        (("plan", "1e21", "--unique", "0", "--published"), 2, "--unique"),
        (("plan", "1e21", "--unique", "1B"), 2, "--fit"),
        (("plan", "1e21", "--published"), 2, "--unique"),
        (("plan", "1e21", "--unique", "1B", "--law", "nobody", "--published"), 2, "law"),
        (("plan", "1e21", "--unique", "1B", "--law", "chinchilla", "--published"), 3, None),
        (("plan", "1e21", "--unique", "1B", "--published", "--price-per-hour", "2"), 2, None),
        (("epochs", "--published", "--epochs", "0.5"), 2, "epochs"),
        (("epochs", "--published", "--epochs", "few"), 2, "--epochs"),
        (("epochs", "--published", "--n", "1B"), 2, "unique_tokens"),
        (("mix", "missing.csv", "--target", "loss"), 2, None),
        (("mix", "MIX", "--target", "loss_z"), 2, "loss_z"),
        (("mix", "MIX", "--target", "loss_a", "--max", "z=0.3"), 2, "at_most"),
        (("mix", "MIX", "--target", "loss_a", "--max", "a"), 2, "--max"),
        (("mix", "MIX", "--target", "loss_a", "--max", "a=2"), 2, "at_most"),
        (("mix", "MIX", "--target", "loss_a", "--min", "a=0.9", "--min", "b=0.9"), 2, "limits"),
        (("mix", "MIX", "--target", "loss_a", "--pool", "a=4B"), 2, "tokens"),
        (("mix", "MIX", "--target", "loss_a", "--where", "w_b < 0.02"), 3, None),
        (("pools", "MIX", "--tokens", "1B"), 2, "pool"),
        (("pools", "POOLS", "--tokens", "1B", "--pool", "books=1B"), 2, "pools"),
        (("pools", "POOLS", "--tokens", "1B", "--where", "tokens < 1.1e9"), 3, None),
        (("fit", "POOLS", "--base", "nobody"), 2, None),
    ],
)
def test_bad_input(run, mixtures, pool_runs, words, code, field):
    files = {"MIX": str(mixtures), "POOLS": str(pool_runs)}
    result = run("data", *(files.get(word, word) for word in words), "--json")
    assert result.code == code, result.err
    assert result.document["schema"] == "isoloss.error"
    if field is not None:
        assert result.document["where"]["field"] == field
