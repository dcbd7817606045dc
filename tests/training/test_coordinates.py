"""Does a learning rate carry over to other widths?"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from isoloss.cli.app import main
from isoloss.errors import InputError
from isoloss.training.coordinates import FLAT, check_coordinates
from isoloss.training.spec import RunSpec, vary
from tests.cli.test_documents import SCHEMAS
from tests.comparing import alike

WIDTHS = (32, 64, 128, 256)


def slopes(**changes: object) -> dict[str, float]:
    found = check_coordinates(vary(RunSpec(), changes), WIDTHS, seeds=2)
    return {part.name: part.slope for part in found.parts}


@pytest.mark.parametrize("changes", [{}, {"optimizer": "muon"}, {"kind": "lstm"}], ids=str)
def test_under_mup_no_part_moves_more_in_a_wider_model_and_else_all_hidden_ones_do(changes) -> None:
    scaled = slopes(parametrization="mup", **changes)
    plain = slopes(parametrization="standard", **changes)
    assert any(name.startswith("layer") for name in scaled)
    for name, slope in scaled.items():
        if name == "embedding" or name.startswith("layer"):
            assert abs(slope) < FLAT, name
        # What the initial readout lets through fades as 1 / sqrt(width) at worst.
        assert -0.5 < slope < FLAT, name
        if name.startswith("layer"):
            assert plain[name] > FLAT, name
    assert plain["logits"] > scaled["logits"] + FLAT


def test_the_change_of_the_logits_levels_off() -> None:
    moved = check_coordinates(RunSpec(), (32, 64, 128, 256), seeds=2).parts[-1].moved
    falls = [before / after for before, after in pairwise(moved)]
    assert falls == sorted(falls, reverse=True)


def test_the_verdict_and_what_is_refused() -> None:
    assert check_coordinates(RunSpec(), (32, 128), seeds=1).carries_over
    standard = vary(RunSpec(), {"parametrization": "standard"})
    found = check_coordinates(standard, (32, 128), seeds=1)
    assert found.worst is not None
    assert found.worst.name.startswith("layer")
    assert "moves with the width" in found.summary()
    with pytest.raises(InputError) as caught:
        check_coordinates(RunSpec(), (32, 32))
    assert caught.value.code == "few_widths"


def test_the_command(capsys) -> None:
    words = ["ladder", "coords", "--width", "32", "--width", "128", "--steps", "5"]
    assert main([*words, "--json", "--gate"]) == 0
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(SCHEMAS["coordinates"]).validate(document)
    assert document["carries_over"]
    assert main([*words, "--parametrization", "standard", "--gate"]) == 1
    assert "the best learning rate moves" in capsys.readouterr().out
    assert main([*words, "--parametrization", "none"]) == 2


def test_the_page_shows_what_the_command_prints(capsys) -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/train-a-ladder.md").read_text()
    shown = page.split("```console\n")[1].split("```")[0]
    found = ""
    for command in (line for line in shown.splitlines() if line.startswith("$ ")):
        assert main(command.split()[2:]) == 0
        found += f"{command}\n{capsys.readouterr().out}"
    assert alike(shown, found), found
