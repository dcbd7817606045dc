"""Noise: what repeated seeds say, and which runs count as repeated."""

from __future__ import annotations

import numpy as np
import pytest

import isoloss as iso
from isoloss.fitting import fit
from isoloss.validation.noise import noise, repeats
from tests.validation.simulate import sweep


def repeated(noise=0.003, seeds=2, **columns):
    """A sweep in which every run was made with several seeds."""
    clean = sweep(noise=0.0, shared=0.0).frame
    rng = np.random.default_rng(2)
    parts = {name: np.tile(clean[name].to_numpy(), seeds) for name in ("n_total", "tokens", "flop")}
    loss = np.tile(clean["loss"].to_numpy(), seeds)
    loss = loss * np.exp(rng.normal(0, noise, len(loss)))
    seed = np.repeat(np.arange(seeds), clean.height)
    return iso.read({**parts, "loss": loss, "seed": seed, **columns})


def test_repeats_of_the_right_size_are_found():
    found = noise(fit(repeated(), draws=20))
    assert (found.n_groups, found.freedom) == (42, 42)
    assert found.repeats.lo < 0.003 < found.repeats.hi
    assert found.repeats.estimate == pytest.approx(0.003, rel=0.3)
    assert found.residuals == pytest.approx(0.003, rel=0.3)
    assert not found.exceeds_repeats
    assert "42 runs repeated with other seeds" in found.sentence


def test_the_interval_of_repeats_holds_the_truth():
    hits = []
    for seed in range(200):
        losses = np.random.default_rng(seed).normal(0, 0.01, (8, 2))
        pooled = np.sum((losses - losses.mean(axis=1, keepdims=True)) ** 2)
        hits.append(pooled)
    # The limits are those of chi square: exact for normal noise.
    from scipy.special import chdtri

    lo, hi = (np.sqrt(np.array(hits) / chdtri(8, q)) for q in (0.05, 0.95))
    assert np.mean((lo <= 0.01) & (hi >= 0.01)) == pytest.approx(0.9, abs=0.06)


def test_a_law_that_misses_is_told_from_noise():
    found = noise(fit(repeated(noise=0.0005), "power-c", draws=20))
    assert found.exceeds_repeats
    assert found.residuals > 5 * found.repeats.estimate


def test_runs_that_differ_in_anything_else_are_no_repeats():
    lr = np.repeat([1e-3, 2e-3], 42)
    assert repeats(repeated(lr=lr).points()).max() == -1
    schedule = ["cosine"] * 42 + ["linear"] * 42
    assert repeats(repeated(schedule=schedule).points()).max() == -1
    # What came out, such as a time, is no difference in how the run was made.
    seconds = np.random.default_rng(0).uniform(1, 2, 84)
    assert repeats(repeated(cpu_seconds=seconds).points()).max() == 41


def test_one_seed_or_none_says_nothing():
    for runs in (sweep(), sweep(seed_column=1)):
        found = noise(fit(runs, draws=20))
        assert found.freedom == 0
        assert np.isnan(found.repeats.estimate)
        assert not found.exceeds_repeats
        assert "no runs are repeated" in found.sentence
        assert found.to_dict()["repeats"] is None


def test_the_shipped_ladder(small_ladder_path):
    runs = iso.read(small_ladder_path, where="study = 'ladder'", loss_unit="nats/byte")
    found = noise(fit(runs, draws=20))
    assert found.freedom == 55
    assert 0.005 < found.repeats.lo < found.repeats.estimate < found.repeats.hi < 0.010
    assert found.exceeds_repeats
