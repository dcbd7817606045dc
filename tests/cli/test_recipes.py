"""``isoloss recipes``: two tables, or two parts of one."""

from __future__ import annotations

import json

import pytest

import isoloss as iso
from isoloss.document import dumps

QUICK = ("--draws", "20")


@pytest.fixture
def slower(ladder, tmp_path):
    """The same runs with losses 1 % higher."""
    head, *rows = ladder.read_text().splitlines()
    lines = [head]
    for row in rows:
        *rest, loss = row.split(",")
        lines.append(",".join([*rest, f"{1.01 * float(loss):.6f}"]))
    path = tmp_path / "slower.csv"
    path.write_text("\n".join(lines))
    return path


def test_document_is_that_of_the_verb(run, ladder, slower):
    document = run("recipes", ladder, slower, *QUICK, "--json").document
    found = iso.compare_recipes(
        iso.read(ladder), iso.read(slower), names=("ladder", "slower"), draws=20
    )
    assert document == json.loads(dumps(found.to_dict()))
    assert document["within_runs"]["a_better"] == 1
    assert all(m["factor"]["estimate"] > 1 for m in document["multipliers"] if m["flop"] < 1e20)


def test_text(run, ladder, slower):
    words = ("--name-a", "new", "--name-b", "old", *QUICK)
    out = run("recipes", ladder, slower, *words).out
    assert out.startswith("new against old by chinchilla")
    assert "compute that old needs for the loss of new" in out
    assert f"data {iso.read(ladder).data_hash[:12]}, seed 0" in out
    assert f"against data {iso.read(slower).data_hash[:12]}" in out


def test_two_parts_of_one_table(run, ladder, slower, tmp_path):
    head, *fast = ladder.read_text().splitlines()
    rows = [f"{row},fast" for row in fast]
    rows += [f"s{row},slow" for row in slower.read_text().splitlines()[1:]]
    (tmp_path / "both.csv").write_text("\n".join([f"{head},recipe", *rows]))
    words = ("--where-a", "recipe = 'fast'", "--where-b", "recipe = 'slow'", *QUICK, "--json")
    document = run("recipes", "both.csv", "both.csv", *words).document
    assert document["names"] == ["A", "B"]
    assert (document["n_runs"], document["n_runs_b"]) == (30, 30)
    assert document["within_runs"]["a_better"] == 1
    narrow = run("recipes", "both.csv", "both.csv", "--where", "flops > 2e18", *words).document
    assert narrow["n_runs"] == 24


def test_mistakes_are_explained(run, ladder, slower):
    same = run("recipes", ladder, ladder)
    assert same.code == 2
    assert "--where-a" in same.err
    assert run("recipes", ladder, slower, "--beyond", "0.5").code == 2
    refused = run("recipes", ladder, slower, "--law", "floor-n", *QUICK, "--json")
    assert refused.code == 3
    assert refused.document["code"] == "law_cannot_plan"
    alone = run("recipes", ladder)
    assert alone.code == 2
    assert "needs a value" in alone.err


def test_units_that_do_not_compare(run, ladder, tmp_path):
    head, *rows = ladder.read_text().splitlines()
    unit = [f"{head},loss_unit", *(f"{row},bits/byte" for row in rows)]
    (tmp_path / "bits.csv").write_text("\n".join(unit))
    result = run("recipes", ladder, "bits.csv", "--json")
    assert result.code == 2
    assert result.document["code"] == "different_loss_unit"
