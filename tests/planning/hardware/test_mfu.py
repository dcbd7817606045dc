"""Utilisation as a curve in N."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import EvidenceError, InputError
from isoloss.planning.hardware import Means, MfuCurve, fit_mfu, settle
from isoloss.planning.hardware.saturation import fit_saturation, saturation
from isoloss.runs import read

PEAK = 989e12


def curve(params, ceiling=0.5, half=1e8, steep=0.8):
    return ceiling / (1 + (half / params) ** steep)


def timed(noise=0.0, sizes=8, seed=0, low=2e7, high=4e9, **changes):
    rng = np.random.default_rng(10_000 + seed)
    params = np.geomspace(low, high, sizes)
    mfu = curve(params) * np.exp(noise * rng.standard_normal(sizes))
    tokens = 20 * params
    flop = 6 * params * tokens
    table = {
        "n_total": params,
        "tokens": tokens,
        "flop": flop,
        "loss": np.linspace(4, 3, sizes),
        "device": ["NVIDIA H100 80GB HBM3"] * sizes,
        "n_devices": [8] * sizes,
        "wall_seconds": flop / (mfu * 8 * PEAK),
    }
    return {k: v for k, v in (table | changes).items() if v is not None}, mfu


def test_a_curve_without_noise_is_recovered():
    table, _ = timed()
    found = fit_mfu(read(table), draws=50)
    assert found.ceiling.estimate == pytest.approx(0.5, rel=1e-6)
    assert found.half_params.estimate == pytest.approx(1e8, rel=1e-5)
    assert found.steepness.estimate == pytest.approx(0.8, rel=1e-6)
    assert found.at(7e10).estimate == pytest.approx(curve(7e10), rel=1e-6)
    assert found.device == "h100"
    assert found.rule == "derived"


def test_all_ways_to_say_how_long_it_took():
    table, mfu = timed()
    hours = table["wall_seconds"] * 8 / 3600
    rate = table["tokens"] / table["wall_seconds"]
    params = table["n_total"]
    ways = [
        {"wall_seconds": None, "n_devices": None, "device_hours": hours},
        {"wall_seconds": None, "tokens_per_second": rate},
        {"wall_seconds": None, "device": None, "mfu": mfu},
    ]
    expected = fit_mfu(read(table), draws=10).at(1e10).estimate
    for change in ways:
        runs = read({k: v for k, v in (table | change).items() if v is not None})
        assert fit_mfu(runs, draws=10).at(1e10).estimate == pytest.approx(expected, rel=1e-6)
    unnamed = read({k: v for k, v in table.items() if k != "device"})
    assert fit_mfu(unnamed, device="h100", draws=10).at(1e10).estimate == pytest.approx(expected)
    assert params.max() < 1e10


def test_intervals_cover():
    """Nominal 90 %: 120 tables of eight sizes, the ceiling and one more run of 70B."""
    hits = {"ceiling": 0, "new": 0}
    params = np.geomspace(2e7, 4e9, 8)
    for seed in range(120):
        rng = np.random.default_rng(50_000 + seed)
        y = curve(params) * np.exp(0.03 * rng.standard_normal(8))
        found = fit_saturation(params, y, draws=200, seed=seed)
        lo, hi = np.quantile(np.exp(found.draws[:, 0]), [0.05, 0.95])
        hits["ceiling"] += lo <= 0.5 <= hi
        noise = found.spreads * rng.standard_normal(200)
        drawn = np.exp(saturation(found.draws, np.array([7e10]))[:, 0] + noise)
        lo, hi = np.quantile(np.minimum(drawn, 1), [0.05, 0.95])
        hits["new"] += lo <= curve(7e10) * np.exp(0.03 * rng.standard_normal()) <= hi
    # Within three standard errors of 90 %, and wider than that is a fault as well.
    assert 98 <= hits["ceiling"] <= 118
    assert 98 <= hits["new"] <= 118


@settings(max_examples=25, deadline=None)
@given(st.floats(0.2, 0.9), st.floats(7.0, 9.0), st.floats(0.4, 1.5), st.integers(0, 99))
def test_the_curve_rises_and_stays_a_share(ceiling, log_half, steep, seed):
    params = np.geomspace(1e7, 1e10, 6)
    rng = np.random.default_rng(seed)
    y = np.minimum(
        1, curve(params, ceiling, 10**log_half, steep) * np.exp(0.05 * rng.normal(size=6))
    )
    found = fit_saturation(params, y, draws=5, seed=0)
    at = np.geomspace(1e6, 1e13, 40)
    values = np.exp(saturation(found.estimate[None], at)[0])
    assert np.all(np.diff(values) >= 0)
    assert np.all((values > 0) & (values <= 1))


@pytest.mark.parametrize(("sizes", "low", "high"), [(3, 2e7, 4e9), (8, 1e9, 4e9), (1, 1e9, 1e9)])
def test_thin_evidence_is_refused(sizes, low, high):
    table, _ = timed(sizes=sizes, low=low, high=high)
    with pytest.raises(EvidenceError) as caught:
        fit_mfu(read(table))
    assert caught.value.code == "thin_throughput"
    assert "mfu=0." in str(caught.value)


def test_runs_that_say_nothing():
    table, _ = timed(wall_seconds=None)
    with pytest.raises(EvidenceError) as caught:
        fit_mfu(read(table))
    assert caught.value.code == "no_throughput"


def test_impossible_utilisation():
    table, _ = timed()
    with pytest.raises(InputError) as caught:
        fit_mfu(read(table | {"n_devices": [1] * 8}))
    assert caught.value.code == "bad_mfu"


def test_unknown_hardware_in_the_runs():
    table, _ = timed(device=["Abacus"] * 8)
    with pytest.raises(InputError) as caught:
        fit_mfu(read(table))
    assert caught.value.code == "unknown_hardware"


def test_silent_runs_are_counted():
    table, _ = timed()
    seconds = [None, *table["wall_seconds"][1:]]
    found = fit_mfu(read(table | {"wall_seconds": seconds}), draws=10)
    assert found.n_runs == 7
    assert "silent_runs" in [notice.code for notice in found.warnings]


def test_saved_and_loaded(tmp_path):
    table, _ = timed(noise=0.03)
    found = fit_mfu(read(table), draws=50)
    found.save(tmp_path / "mfu.json")
    again = MfuCurve.load(tmp_path / "mfu.json")
    assert again.to_dict() == found.to_dict()
    assert again.at(1e10) == found.at(1e10)
    assert "MFU at 40B" in again.summary()


@pytest.mark.parametrize("text", ["{}", '{"schema": "isoloss.mfu", "version": 1}', "no"])
def test_damaged_files(tmp_path, text):
    (tmp_path / "mfu.json").write_text(text)
    with pytest.raises(InputError):
        MfuCurve.load(tmp_path / "mfu.json")


def test_size_utilisation_and_compute_agree():
    """A budget in hours: the N that its compute trains has the MFU that gives that compute."""
    table, _ = timed(noise=0.02)
    found = fit_mfu(read(table), draws=50)
    spend = settle("40 H100-hours", Means(mfu=found), lambda flop: (flop / 120) ** 0.5)
    assert spend.rate is not None
    params = (spend.flop / 120) ** 0.5
    assert spend.rate.mfu == pytest.approx(found.at(params).estimate, rel=1e-9)
    assert spend.flop == pytest.approx(spend.rate.flop(40), rel=1e-9)
    cost = spend.cost("6nd")
    assert cost is not None
    assert cost.device_hours.lo == cost.device_hours.hi == pytest.approx(40)
    assert cost.flop.lo < cost.flop.estimate < cost.flop.hi


def test_other_hardware_and_distance_are_said():
    table, _ = timed(noise=0.02)
    found = fit_mfu(read(table), draws=50)
    codes = [n.code for n in settle(1e24, Means("a100", found), lambda _: 1e11).notes]
    assert {"other_hardware", "mfu_extrapolated"} <= set(codes)
    with pytest.raises(InputError):
        settle(1e24, Means("a100", found))
