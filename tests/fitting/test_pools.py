"""Pools: b and tau recovered from known laws, choices that move with compute, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.errors import EvidenceError, InputError
from isoloss.fitting.pools import fit_pools, read_pool_runs
from isoloss.laws.utility import Base, pool_loss
from isoloss.planning.data import plan_known_pools, plan_pools

BASE = Base(scale=3.0, unit=2e7, floor=1.8)
POOLS = {"top": (-0.28, 3.0), "mid": (-0.2, 5.0)}
EPOCHS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


def runs(noise=0.002, seed=0, epochs=EPOCHS, pools=POOLS):
    rng = np.random.default_rng(seed)
    rows = [
        (name, size, size * e, float(pool_loss(BASE, b, tau, size, size * e)))
        for name, (b, tau) in pools.items()
        for size in (1e9, 2e9)
        for e in epochs
    ]
    names = ("pool", "unique_tokens", "tokens", "loss")
    table = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    table["loss"] = [x * float(np.exp(rng.normal(0, noise))) for x in table["loss"]]
    return table


@pytest.fixture(scope="module")
def exact():
    return fit_pools(read_pool_runs(runs(noise=0.0)), draws=20)


def test_numbers_are_recovered_without_noise(exact):
    assert exact.utility == pytest.approx([-0.28, -0.2], rel=1e-3)
    assert exact.half_life == pytest.approx([3.0, 5.0], rel=1e-3)
    assert exact.base.floor == pytest.approx(1.8, abs=2e-3)
    assert exact.rms_log < 1e-5


def test_intervals_cover():
    """Eight simulated studies: of 32 intervals of 90 %, at least 24 hold the truth."""
    hits = 0
    for seed in range(8):
        found = fit_pools(read_pool_runs(runs(seed=seed)), draws=200).parameters
        for name, (b, tau) in POOLS.items():
            one = found[name]
            hits += one["utility"].lo <= b <= one["utility"].hi
            hits += one["half_life"].lo <= tau <= one["half_life"].hi
    assert 24 <= hits <= 32


def test_the_best_choice_moves_with_compute(exact):
    small, large = plan_pools(exact, "2B"), plan_pools(exact, "200B")
    assert small.best.pools == ("top",)
    assert large.best.pools == ("top", "mid")
    tokens = [one.tokens for one in small.crossings]
    assert tokens == sorted(tokens)
    assert large.best.epochs == pytest.approx(200e9 / 4e9)
    assert {"many_passes", "passes_beyond_runs"} <= {n.code for n in large.warnings}
    assert large.to_frame().height == 3


def test_more_of_a_pool_never_hurts(exact):
    less = plan_pools(exact, "20B", pools={"top": "2B"}).best.loss.estimate
    more = plan_pools(exact, "20B", pools={"top": "8B"}).best.loss.estimate
    assert more < less


def test_known_pools_without_runs():
    pools = {name: ("1B", b, tau) for name, (b, tau) in POOLS.items()}
    found = plan_known_pools(pools, "1B", base=BASE)
    assert found.best.pools == ("top",)
    assert found.best.loss.estimate == pytest.approx(float(pool_loss(BASE, -0.28, 3, 1e9, 1e9)))
    assert found.best.wins != found.best.wins
    assert found.seed is None
    assert "no_intervals" in {notice.code for notice in found.warnings}
    for bad, code in ((("1B", 0.2, 3.0), "bad_utility"), (("1B", -0.2, 0.0), "bad_half_life")):
        with pytest.raises(InputError) as caught:
            plan_known_pools({"top": bad}, "1B", base=BASE)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (runs(epochs=(0.25, 0.5, 1.0)), "no_repetition"),
        (runs(epochs=(2.0,)), "too_few_runs"),
        ({**runs(), "unique_tokens": [1e9] * 28, "tokens": [4e9] * 28}, "too_narrow"),
    ],
)
def test_thin_evidence_is_refused(table, code):
    found = read_pool_runs(table)
    with pytest.raises(EvidenceError) as caught:
        fit_pools(found)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"loss": ["x"] * 28}, "bad_value"),
        ({"tokens": [-1.0] * 28}, "bad_value"),
        ({"params": [1e8] * 14 + [2e8] * 14}, "several_sizes"),
        ({"pool": None}, "missing_column"),
        ({"loss": None}, "missing_column"),
    ],
)
def test_bad_input(change, code):
    table = {name: values for name, values in {**runs(), **change}.items() if values is not None}
    with pytest.raises(InputError) as caught:
        read_pool_runs(table)
    assert caught.value.code == code


def test_unknown_pool(exact):
    with pytest.raises(InputError) as caught:
        plan_pools(exact, "20B", pools={"books": "1B"})
    assert caught.value.code == "unknown_pool"
