"""``isoloss flops``: all conventions side by side."""

from __future__ import annotations

import pytest

from isoloss.runs import flop_per_token, parse_architecture

GPT2 = "L=12 d=768 H=12 V=50304 T=1024"


def costs(document):
    return {
        (row["convention"], row["n"], row["logits"]): row["flop_per_token"]
        for row in document["flop_per_token"]
    }


def test_gpt2_small_by_certified_digits(run):
    document = run("flops", "--arch", GPT2, "--json").document
    assert document["schema"] == "isoloss.flops"
    found = costs(document)
    assert found["6nd", "nonemb", True] == pytest.approx(5.10e8, rel=2e-3)
    assert found["6nd", "total", True] == pytest.approx(7.41e8, rel=2e-3)
    assert found["palm", None, True] == pytest.approx(8.55e8, rel=2e-3)
    assert found["causal", None, True] == pytest.approx(7.98e8, rel=2e-3)
    assert found["chinchilla_f", None, True] == pytest.approx(1.09e9, rel=3e-3)
    assert document["n_params"]["nonemb"] == 84_934_656


def test_ratios_and_run(run):
    document = run("flops", "--arch", GPT2, "--tokens", "10B", "--json").document
    shape = parse_architecture(GPT2)
    for row in document["flop_per_token"]:
        assert row["flop"] == pytest.approx(1e10 * row["flop_per_token"])
        assert row["ratio_to_6nd_total"] == pytest.approx(
            row["flop_per_token"] / flop_per_token(shape, "6nd")
        )
        assert row["ratio_to_6nd_nonemb"] == pytest.approx(
            row["flop_per_token"] / flop_per_token(shape, "6nd", n="nonemb")
        )


def test_text_shows_each_convention_on_its_line(run):
    out = run("flops", "--arch", GPT2, "--tokens", "10B").out
    for name in ("6 N total", "6 N nonemb", "Kaplan", "PaLM", "causal", "Chinchilla F"):
        assert any(line.strip().startswith(name) for line in out.splitlines())
    assert "8.547e+08" in out
    assert "FLOP for 10B tokens" in out


def test_what_the_shape_does_not_say_is_said(run):
    result = run("flops", "--arch", "L=12 d=768")
    assert result.code == 0
    assert 'PaLM: "seq_len" is missing' in result.out
    document = run("flops", "--arch", "L=12 d=768", "--json").document
    assert costs(document)["palm", None, True] is None
    assert costs(document)["6nd", "nonemb", True] == 6 * 84_934_656


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ([], "missing_argument", "--arch"),
        (["--arch", "L=12 q=3"], "bad_architecture", "q=3"),
        (["--arch", "L=12"], "bad_architecture", "d_model"),
        (["--arch", "L=-3 d=768"], "bad_architecture", '"-3"'),
        (["--arch", GPT2, "--tokens", "many"], "bad_quantity", '"many"'),
        (["--arch", GPT2, "--tokens", "0"], "bad_quantity", "positive"),
    ],
)
def test_mistakes_are_explained(run, words, code, part):
    result = run("flops", *words, "--json")
    assert result.code == 2
    assert result.document["code"] == code
    assert part in result.err
