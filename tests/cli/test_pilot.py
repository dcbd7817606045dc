"""``isoloss pilot``: documents, files, the command that repeats it, and mistakes."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest

import isoloss as iso
from isoloss.document import dumps
from isoloss.planning.pilot import PilotPlan
from isoloss.training.templates import read_ladder

SMALL = ("pilot", "--budget", "6e11 FLOP", "--noise", "0.005")


def test_the_document_is_that_of_python(run):
    document = run(*SMALL, "--json").document
    made = replace(iso.pilot("6e11 FLOP", noise=0.005), command=document["command"])
    assert document == json.loads(dumps(made.to_dict()))


@pytest.mark.parametrize(
    "words",
    [
        SMALL,
        (
            *SMALL,
            "--narrow",
            "size",
            "--n",
            "nonemb",
            "--batch",
            "128",
            "--most",
            "16",
            "--share",
            "0.3",
        ),
        (
            *("pilot", "--budget", "12 H100-hours", "--target", "48 H100-hours", "--mfu", "0.4"),
            *("--price", "2", "--guess", "alpha=0.35", "--guess", "E=1.8", "--most", "20"),
        ),
    ],
)
def test_the_command_gives_the_same_pilot(run, words):
    document = run(*words, "--json").document
    again = run(*shlex.split(document["command"])[1:], "--json").document
    assert again == document


def test_files(run, tmp_path):
    result = run(*SMALL, "--toml", "mine.toml", "--save", "mine.json")
    assert result.code == 0
    assert "next: isoloss ladder run mine.toml" in result.out
    plan = PilotPlan.load(tmp_path / "mine.json")
    ladder = read_ladder(tmp_path / "mine.toml")
    assert ladder.name == "mine"
    assert len(ladder.runs) == len(plan.runs)
    assert ladder.flop == pytest.approx(plan.flop)
    # A pilot may be designed again, another file is not lost.
    assert run(*SMALL, "--toml", "mine.toml").code == 0
    (tmp_path / "own.toml").write_text("name = 'mine'\n")
    for option, name in (("--toml", "own.toml"), ("--save", "own.toml")):
        refused = run(*SMALL, option, name, "--json")
        assert (refused.code, refused.document["code"]) == (2, "would_overwrite")
    assert (tmp_path / "own.toml").read_text() == "name = 'mine'\n"


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (("pilot",), "missing_argument", 2),
        (("pilot", "--budget", "lots"), "bad_quantity", 2),
        (("pilot", "--budget", "12 H100-hours"), "missing_mfu", 2),
        (("pilot", "--budget", "1e9"), "pilot_too_small", 3),
        ((*SMALL, "--narrow", "width"), "bad_value", 2),
        ((*SMALL, "--shapes", "8x2,tiny"), "bad_shape", 2),
        ((*SMALL, "--guess", "alpha"), "bad_value", 2),
        ((*SMALL, "--toml", "no/such/folder.toml"), "no_such_folder", 2),
        ((*SMALL, "--plan", "p.toml"), "missing_argument", 2),
        ((*SMALL, "--where", "steps > 3"), "missing_argument", 2),
        ((*SMALL, "--n", "own"), "bad_value", 2),
        ((*SMALL, "--most", "3"), "bad_limit", 2),
        ((*SMALL, "--law", "no-law"), "unknown_law", 2),
        (("pilot", "--runs", "r.csv"), "missing_argument", 2),
        (("pilot", "--runs", "r.csv", "--budget", "1e12"), "conflicting_options", 2),
        (("pilot", "--runs", "r.csv", "--plan", "no.toml"), "not_a_pilot", 2),
        (("pilot", "--runs", "r.csv", "--plan", "OTHER"), "not_a_pilot", 2),
    ],
)
def test_mistakes(run, tmp_path, words, code, exit_code):
    (tmp_path / "other.toml").write_text("[pilot]\nlaw = 'chinchilla'\n")
    filled = ["other.toml" if word == "OTHER" else word for word in words]
    result = run(*filled, "--json")
    assert (result.document["code"], result.code) == (code, exit_code)


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ('[[run]]\nshapes = "32x2x4"\n', "bad_spec"),
        ('[[run]]\nshapes = "tiny"\n', "bad_spec"),
        ('[[run]]\nshapes = "32x2"\nd_model = 8\n', "bad_spec"),
        ('[[run]]\nshapes = "32x2"\ntokens = 1e6\nsteps = 5\n', "bad_spec"),
        ('[[run]]\nshapes = "32x2"\ntokens = -1\n', "bad_spec"),
        ("pilot = 3\n[[run]]\nsteps = 5\n", "bad_spec"),
    ],
)
def test_ladder_files_that_cannot_be_used(tmp_path, part, code):
    (tmp_path / "l.toml").write_text(part)
    with pytest.raises(iso.InputError) as caught:
        read_ladder(tmp_path / "l.toml")
    assert caught.value.code == code


def test_tokens_and_shapes_in_runs_and_grids(tmp_path):
    (tmp_path / "l.toml").write_text(
        '[[grid]]\nshapes = ["16x2", "32x2"]\ntokens = [1e5, 2e5]\nseed = [0, 1]\n'
        '[[run]]\nshapes = "256x6"\nn_heads = 4\ntokens = 1e6\nflop_budget = 3e10\n'
    )
    ladder = read_ladder(tmp_path / "l.toml")
    assert len(ladder.runs) == 9
    assert {one.spec.pacing.steps for one in ladder.runs} == {195, 391, 1953}
    last = ladder.runs[-1]
    assert (last.spec.model.n_heads, last.spec.model.n_kv_heads) == (4, 4)
    assert last.labels["flop_budget"] == 3e10
