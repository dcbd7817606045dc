"""``isoloss hardware``, ``mfu``, ``memory`` and ``shape``, and budgets in any unit."""

from __future__ import annotations

import json

import pytest

import isoloss as iso
from isoloss.document import dumps

L7 = "L=32 d=4096 H=32 ff=11008 V=32000 T=4096 gated tied=no"
MEANS = ("--hardware", "h100", "--mfu", "0.4", "--price", "2.5")


def plain(document):
    return json.loads(dumps(document))


def test_list_and_one(run):
    document = run("hardware", "--json").document
    assert [d["id"] for d in document["devices"]] == [d.id for d in iso.list_devices()]
    assert document["cost"] is None
    one = run("hardware", "NVIDIA H100 80GB HBM3", "--json").document["devices"]
    assert [d["id"] for d in one] == ["h100"]
    assert "sources disagree" in run("hardware", "h800").out
    assert "rests on no source" in run("hardware").out
    assert "no source was read for memory_bytes" in run("hardware", "tpu v4").out


def test_the_known_example(run):
    """702k H100-hours, $1.76M, 29 days on 1,024: the same from FLOP, hours, money and days."""
    for budget in ("1e24", "702168.2956971127 H100-hours", "$1755420.739242782"):
        words = ("--budget", budget, *MEANS[2:], "--devices", "1024")
        cost = run("hardware", "h100", *words, "--json").document["cost"]
        assert cost["flop"]["estimate"] == pytest.approx(1e24)
        assert cost["device_hours"]["estimate"] == pytest.approx(702_168.3, abs=0.1)
        assert cost["money"]["estimate"] == pytest.approx(1_755_420.74, abs=0.01)
        assert cost["days"]["estimate"] == pytest.approx(28.5713, abs=1e-4)
    assert "702k H100 SXM-hours" in run("hardware", "h100", *words).out


def test_rows_and_prices_of_the_user(run, tmp_path):
    (tmp_path / "isoloss.toml").write_text(
        "[hardware.h100]\nprice_per_hour = 3.0\n[hardware.ours]\nbf16_flop_per_s = 1e14\n"
    )
    document = run("hardware", "--budget", "10 H100-hours", "--mfu", "0.5", "--json").document
    assert document["cost"]["money"]["estimate"] == pytest.approx(30)
    assert "ours" in run("hardware").out
    (tmp_path / "chips.toml").write_text("[hardware.other]\nbf16_flop_per_s = 2e14\n")
    words = ("hardware", "other", "--hardware-table", "chips.toml", "--json")
    assert run(*words).document["devices"][0]["bf16_flop_per_s"] == 2e14


def test_plan_from_hours_with_a_fitted_utilisation(run, fit_file, timed):
    run("mfu", timed, "--save", "mfu.json")
    words = ("plan", "20k H100-hours", "--fit", fit_file, "--mfu", "mfu.json", "--price", "2.5")
    document = run(*words, "--json").document
    cost = document["cost"]
    assert cost["device"] == "h100"
    assert cost["mfu_source"] == "fitted:10 runs"
    assert cost["device_hours"]["lo"] == cost["device_hours"]["hi"] == pytest.approx(20_000)
    assert cost["flop"]["lo"] < document["flop"] < cost["flop"]["hi"]
    at = iso.planning.hardware.MfuCurve.load("mfu.json").at(document["n_params"]["estimate"])
    assert cost["mfu"]["estimate"] == pytest.approx(at.estimate)
    assert "20k H100 SXM-hours" in run(*words).out


def test_budgets_of_other_commands(run, ladder, fit_file):
    hours = 1e22 / (3600 * 0.4 * 989e12)
    for words in (
        ("approaches", ladder, "--draws", "20"),
        ("backtest", ladder, "--draws", "20"),
    ):
        document = run(*words, "--target", f"{hours} H100-hours", *MEANS, "--json").document
        assert document["target_flop"] == pytest.approx(1e22)
    words = ("plan", f"{hours} H100-hours", "--n", "1B", "--fit", fit_file, *MEANS, "--json")
    document = run(*words).document
    assert document["tokens"]["estimate"] == pytest.approx(1e22 / 6e9)
    assert document["cost"]["device_hours"]["estimate"] == pytest.approx(hours)
    asked = run("plan", "--loss", "2.2", "--fit", fit_file, *MEANS, "--json").document
    assert asked["cost"]["money"]["lo"] < asked["cost"]["money"]["estimate"]


def test_shape_and_memory_are_those_of_the_library(run):
    document = run("shape", "7B", "--vocab", "128k", "--seq", "8192", "--json").document
    assert document == plain(iso.shape("7B", vocab="128k", seq_len=8192).to_dict())
    moe = ("--experts", "8", "--topk", "2", "--gqa", "4", "--ff-ratio", "3.5", "--n", "active")
    document = run("shape", "12.6B", *moe, "--vocab", "32k", "--json").document
    assert document["shapes"][0]["architecture"]["moe_experts"] == 8
    document = run("memory", "--arch", L7, "--hardware", "h100", "--json").document
    assert document == plain(iso.memory(L7, hardware="h100").to_dict())
    assert "fits on at least 2" in run("memory", "--arch", L7, "--hardware", "h100").out


def test_shape_from_runs(run, fit_file):
    result = run("shape", "7B", "--fit", fit_file, "--json")
    assert result.code == 3
    assert result.document["code"] == "no_shapes"


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["hardware", "h10"], "unknown_hardware", "Did you mean h100"),
        (["hardware", "h100", "--hardware", "a100"], "conflicting_options", "twice"),
        (["hardware", "--budget", "1e24"], "missing_hardware", "--hardware"),
        (["hardware", "h100", "--budget", "$2M"], "missing_price", "--price"),
        (["hardware", "h100", "--budget", "29 days"], "missing_devices", "--devices"),
        (["hardware", "h100", "--budget", "3E"], "bad_quantity", "write an exponent"),
        (["hardware", "h100", "--budget", "1e24", "--mfu", "40"], "bad_mfu", "0.4"),
        (["hardware", "h100", "--budget", "1e24", "--mfu", "x"], "bad_quantity", "--mfu"),
        (["hardware", "h100", "--budget", "1e24", "--mfu", "no.json"], "not_a_mfu", "no.json"),
        (["hardware", "h100", "--budget", "1e24", "--price", "-1"], "bad_price", "price"),
        (["hardware", "h100", "--budget", "1e24", "--devices", "0"], "bad_value", "--devices"),
        (["hardware", "--hardware-table", "no.toml"], "bad_hardware_file", "no.toml"),
        (["plan", "12k H100-hours", "--published"], "missing_mfu", "size of the model"),
        (["backtest", "RUNS", "--target", "1k H100-hours"], "missing_mfu", "--mfu 0.3"),
        (["mfu", "RUNS"], "no_throughput", "wall_seconds"),
        (["mfu"], "missing_argument", "RUNS"),
        (["plan", "12k h10-hours", "--published"], "unknown_hardware", "h100"),
        (
            ["plan", "12k H100-hours", "--published", "--hardware", "a100"],
            "conflicting_options",
            "",
        ),
        (["shape"], "missing_argument", "N_PARAMS"),
        (["shape", "7E"], "bad_quantity", "7E"),
        (["shape", "7B", "--topk", "2"], "bad_value", "topk"),
        (["shape", "1M", "--vocab", "128k"], "no_shape", "vocabulary"),
        (["memory", "--arch", "L=2", "--hardware", "h100"], "bad_architecture", "d_model"),
        (["memory", "--arch", L7, "--hardware", "tpu"], "unknown_hardware", "isoloss hardware"),
        (["memory", "--arch", L7], "missing_argument", "--hardware"),
    ],
)
def test_mistakes_are_explained(run, ladder, words, code, part):
    result = run(*[str(ladder) if word == "RUNS" else word for word in words], "--json")
    assert result.code == (3 if code == "no_throughput" else 2)
    assert result.document["code"] == code
    assert part in result.err
