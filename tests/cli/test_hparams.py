"""``isoloss hparams``, ``transfer``, ``batch`` and ``laws show`` of settings."""

from __future__ import annotations

import pytest

from isoloss.laws.hparams import list_hparam_laws


def test_hparams_document_has_the_contract(run):
    result = run("hparams", "--n", "7B", "--d", "1.4T", "--json")
    assert result.code == 0
    document = result.document
    assert {"schema", "version", "isoloss", "seed", "conventions", "warnings"} <= set(document)
    by_name = {one["law"]: one for one in document["laws"]}
    assert by_name["step-law"]["lr"]["estimate"] == pytest.approx(9.166e-4, rel=1e-4)
    assert by_name["step-law"]["batch_tokens"]["estimate"] == pytest.approx(4_998_815, rel=1e-6)
    assert by_name["step-law"]["inside_range"] is False
    assert by_name["kaplan-lr"]["batch_tokens"] is None
    assert by_name["minicpm"]["lr"] is None
    for one in document["laws"]:
        assert {"law", "lr", "batch_tokens", "inside_range", "source"} <= set(one)
        for name in ("lr", "batch_tokens"):
            assert one[name] is None or {"estimate", "lo", "hi", "level"} <= set(one[name])


def test_one_or_several_laws(run):
    words = ("hparams", "--n", "1B", "--d", "20B", "--json")
    one = run(*words, "--law", "steplaw").document["laws"]
    assert [entry["law"] for entry in one] == ["step-law"]
    two = run(*words, "--law", "deepseek", "--law", "horizon").document["laws"]
    assert [entry["law"] for entry in two] == ["deepseek", "horizon"]


def test_text_says_range_spread_and_contradiction(run):
    text = run("hparams", "--n", "7B", "--d", "1.4T", "--seq", "8192").out
    flat = " ".join(text.split())
    for part in (
        "9.17e-4 (7.04e-4 to 1.19e-3)",
        "610 x 8192",
        "N 7x, D 14x outside",
        "they contradict: the learning rate when tokens grow and N stays rises by step-law (+0.31)",
        "falls by horizon (-0.32)",
    ):
        assert part in flat


def test_every_law_of_settings_can_be_shown(run):
    for law in list_hparam_laws():
        result = run("laws", "show", law.name)
        assert result.code == 0
        for name, one in law.formulas.items():
            assert f"{name} = {one.formula}" in result.out
        document = run("laws", "show", law.name, "--json").document
        assert document["kind"] == "settings"
        assert document["latex"] == law.latex()


def test_a_law_at_a_point(run):
    words = ("laws", "show", "step-law", "--at", "N=7B", "D=1.4T")
    first, mean = run(*words, "--json").document["evaluations"]
    assert (first["key"], mean["key"]) == ("published", "bootstrap-mean")
    assert first["settings"]["lr"]["estimate"] == pytest.approx(9.166e-4, rel=1e-4)
    assert first["outside"] == {"N": 7.0, "D": pytest.approx(14.0)}
    assert "9.17e-4 (7.04e-4 to 1.19e-3)" in run(*words).out
    only = run(*words, "--key", "published", "--json").document["evaluations"]
    assert [one["key"] for one in only] == ["published"]


def test_transfer_document(run):
    words = ("transfer", "--lr", "3e-3", "--n", "1B", "--d", "20B", "--to-d", "200B")
    document = run(*words, "--json").document
    by_name = {one["rule"]: one for one in document["rules"]}
    assert by_name["step-law"]["factor"] == pytest.approx(10**0.307)
    assert by_name["horizon"]["lr"]["estimate"] == pytest.approx(3e-3 * 10**-0.32)
    assert document["changes"] == {"D": pytest.approx(10.0)}
    assert "they contradict" in run(*words).out


def test_batch_from_a_table(run, steps_file, norms_file):
    document = run("batch", steps_file, "--json").document
    assert [one["target"] for one in document["targets"]] == ["loss 3.2", "loss 3"]
    low, high = document["batch_crit"]["lo"], document["batch_crit"]["hi"]
    assert low < 2.6e9 / 4200 < high
    assert document["n_runs"] == 16
    assert document["seed"] == 0
    noise = run("batch", "--grad-norms", norms_file, "--json").document["noise_scale"]
    assert noise["batch_simple"]["lo"] < 6e5 < noise["batch_simple"]["hi"]
    twice = run("batch", steps_file, "--json").out
    assert twice == run("batch", steps_file, "--json").out


def test_a_table_without_the_bend_is_refused(run, tmp_path):
    rows = [f"{2**k},{1e9 / 2**k:.0f}" for k in range(12, 20)]
    (tmp_path / "steps.csv").write_text("\n".join(["batch_tokens,steps", *rows]) + "\n")
    result = run("batch", "steps.csv", "--json")
    assert result.code == 3
    assert result.document["code"] == "not_bracketed"


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("hparams", "--n", "7B"), "missing_argument", "--d"),
        (("hparams", "--n", "7B", "--arch", "L=2 d=64", "--d", "1T"), "conflicting_options",
         "--arch"),
        (("hparams", "--arch", "L=2 q=64", "--d", "1T"), "bad_architecture", "q"),
        (("hparams", "--n", "7E", "--d", "1T"), "bad_quantity", "--n"),
        (("hparams", "--n", "7B", "--d", "0"), "bad_quantity", "--d"),
        (("hparams", "--n", "7B", "--d", "1T", "--seq", "0"), "bad_value", "--seq"),
        (("hparams", "--n", "7B", "--d", "1T", "--law", "stepp"), "unknown_law", "step"),
        (("hparams", "--n", "7B", "--d", "1T", "--loss=-2"), "bad_quantity", "--loss"),
        (("laws", "show", "step-law", "--at", "N=7B"), "missing_variable", "needs D"),
        (("laws", "show", "step-law", "--at", "N=7B", "Q=1"), "unknown_variable", "Q"),
        (("laws", "show", "step-law", "--at", "N=7B", "D=-1T"), "not_positive", "D"),
        (("laws", "show", "step-law", "--key", "mean"), "unknown_published", "bootstrap-mean"),
        (("fit", "runs.csv", "--law", "step-law"), "unknown_law", "isoloss hparams"),
        (("transfer", "--n", "1B", "--d", "2B"), "missing_argument", "--lr"),
        (("transfer", "--lr", "1e-3", "--n", "1B", "--d", "2B", "--to-batch", "1M"),
         "missing_argument", "batch"),
        (("transfer", "--lr", "1e-3", "--n", "1B", "--d", "2B", "--combine", "a,b"),
         "unknown_rule", "Known rules"),
        (("batch",), "missing_argument", "TABLE"),
        (("batch", "missing.csv"), "no_such_file", "missing.csv"),
        (("batch", "--n", "1B"), "missing_argument", "--d"),
        (("batch", "--critical", "1M"), "missing_argument", "--batch"),
        (("batch", "--critical", "1M", "--batch", "1M"), "missing_argument", "--steps"),
    ],
)  # fmt: skip
def test_mistakes_are_explained(run, tmp_path, words, code, part):
    (tmp_path / "runs.csv").write_text("params,tokens,loss\n1e8,2e9,3.1\n2e8,4e9,2.9\n")
    result = run(*words, "--json")
    assert result.code == 2
    assert result.document["code"] == code
    assert part in result.err
