"""isoloss.toml: defaults that flags override, and mistakes in it."""

from __future__ import annotations

import pytest


def settings(document):
    return document["seed"], document["n_draws"], document["ci"]


@pytest.fixture
def toml(tmp_path):
    def write(text):
        (tmp_path / "isoloss.toml").write_text(text)

    return write


def test_defaults_come_from_the_file_and_flags_override(run, toml, ladder):
    toml('[fit]\nseed = 7\ndraws = 50\nci = "run"\n')
    assert settings(run("fit", ladder, "--json").document) == (7, 50, "run")
    assert settings(run("fit", ladder, "--seed", "8", "--json").document) == (8, 50, "run")


def test_the_file_is_found_upward(run, toml, ladder, tmp_path, monkeypatch):
    toml("[fit]\nseed = 7\ndraws = 50\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert run("fit", ladder, "--json").document["seed"] == 7


def test_reading_options_hold_for_every_command(run, toml, ladder):
    toml('[read]\nwhere = "flops > 2e18"\nloss-unit = "bits/byte"\n[fit]\nci = "none"\n')
    for words in (("runs", "check"), ("runs", "list"), ("fit",)):
        document = run(*words, ladder, "--json").document
        assert document["n_runs"] == 24
        assert document["conventions"]["loss_unit"] == "bits/byte"
    assert run("laws").code == 0


def test_lists_and_tables_of_subcommands(run, toml, ladder):
    toml('[runs.list]\nexcluded = true\n[fit]\nci = "none"\nfix = ["alpha=0.34", "beta=0.36"]\n')
    assert run("runs", "list", ladder, "--json").document["runs"] == []
    assert run("fit", ladder, "--json").document["fixed"] == {"alpha": 0.34, "beta": 0.36}


def test_other_tables_are_left_alone(run, toml, ladder):
    toml('[prices]\nh100 = 2.5\n[fit]\nci = "none"\n')
    assert run("fit", ladder).code == 0


@pytest.mark.parametrize(
    ("text", "code", "parts"),
    [
        ("[fit]\nsed = 7\n", "unknown_option", ["sed", "Did you mean --seed"]),
        ("[fit]\nseed = -1\n", "bad_value", ["-1", "from 0"]),
        ('[fit]\ndelta = "1E"\n', "bad_quantity", ["1E"]),
        ("[fit]\nlevel = 'high'\n", "bad_value", ['"high"', "number"]),
        ("[fit]\njson = true\n", "bad_config", ["--json", "command line"]),
        ("[read]\nwere = 'x > 1'\n", "unknown_option", ["were", "where"]),
        ("fit = 3\n", "bad_config", ["table"]),
        ("[fit\n", "bad_config", ["TOML"]),
        ("\xff", "bad_config", ["UTF-8"]),
    ],
)
def test_mistakes_name_the_file(run, tmp_path, ladder, text, code, parts):
    (tmp_path / "isoloss.toml").write_bytes(text.encode("latin-1"))
    result = run("fit", ladder, "--json")
    assert result.code == 2
    assert result.document["code"] == code
    assert result.document["where"]["file"] == str(tmp_path / "isoloss.toml")
    for part in parts:
        assert part in result.err
