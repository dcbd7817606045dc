"""Loss against width over depth, at equal N and D."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from isoloss.errors import EvidenceError
from isoloss.fitting import fit
from isoloss.laws import get_law, get_published
from isoloss.planning.shapes import shape, shape_effect
from isoloss.runs import read

LAW = get_law("chinchilla")
THETA = get_published("chinchilla", "epoch").values


def runs_of(best=80.0, curvature=0.02, noise=0.001, seed=0, drop=(), shapes=5):
    """Four budgets of three sizes, each size in several shapes of nearly the same N."""
    rng = np.random.default_rng(seed)
    rows = []
    for flop in (1e18, 1e19, 1e20, 1e21):
        for factor in (0.5, 1.0, 2.0):
            params = factor * (flop / 120) ** 0.5
            for aspect in np.geomspace(20, 320, shapes):
                # N off by a few per cent, as whole numbers of layers make it.
                n = params * np.exp(rng.uniform(-0.02, 0.02))
                layers = (n / (12 * aspect**2)) ** (1 / 3)
                tokens = flop / (6 * params)
                law = LAW.value(THETA, {"N": np.array([n]), "D": np.array([tokens])})[0]
                excess = curvature * (np.log(aspect / best)) ** 2
                rows.append(
                    {
                        "n_total": n,
                        "tokens": tokens,
                        "flop": 6 * n * tokens,
                        "loss": law * np.exp(excess + noise * rng.standard_normal()),
                        "n_layers": layers * 100,
                        "d_model": layers * 100 * aspect,
                    }
                )
    return read(pl.DataFrame(rows).drop(drop))


def effect_of(**options):
    return shape_effect(fit(runs_of(**options), ci="none"))


def test_a_known_optimum_is_recovered():
    found = effect_of(noise=1e-6)
    assert found.status == "optimum"
    # The law of the fit takes a little of the shape for size: within a few per cent.
    assert found.aspect.estimate == pytest.approx(80, rel=0.03)
    assert found.curvature.estimate == pytest.approx(0.02, rel=0.02)
    assert found.n_groups == 12
    assert found.n_runs == 60
    assert found.excess(80) == pytest.approx(0, abs=2e-4)
    assert found.excess(320) == pytest.approx(0.02 * np.log(4) ** 2, rel=0.05)


def test_intervals_cover_the_optimum():
    """Nominal 90 % for the best d/L, over 30 sweeps."""
    hits = 0
    for seed in range(30):
        found = effect_of(noise=0.004, curvature=0.01, seed=seed)
        hits += found.status == "optimum" and found.aspect.lo <= 80 <= found.aspect.hi
    assert 22 <= hits <= 30


def test_no_effect_is_said_in_as_many_cases_as_it_should_be():
    """Without an effect, p < 0.05 in about one of twenty sweeps."""
    found = [effect_of(curvature=0.0, noise=0.003, seed=seed) for seed in range(30)]
    false = sum(one.status != "none" for one in found)
    assert false <= 5
    one = next(one for one in found if one.status == "none")
    assert one.excess(20) == 0.0
    assert "no effect of the shape seen beyond noise" in one.sentence
    assert np.isnan(one.aspect.estimate)


def test_an_edge_is_named():
    found = effect_of(best=2000.0, noise=1e-4)
    assert found.status == "edge"
    assert "falls towards d/L 320" in found.sentence


@pytest.mark.parametrize(
    ("options", "code"),
    [({"drop": ("n_layers",)}, "no_shapes"), ({"shapes": 1}, "too_few_shapes")],
)
def test_refusals(options, code):
    with pytest.raises(EvidenceError) as caught:
        effect_of(**options)
    assert caught.value.code == code


def test_own_runs_rank_the_shapes():
    source = fit(runs_of(best=40.0, curvature=0.05), ci="none")
    plain = shape("1B", vocab=32_000, seq_len=2048)
    own = shape("1B", vocab=32_000, seq_len=2048, fit=source)
    assert own.effect is not None
    assert own.best.aspect < plain.best.aspect
    assert 30 < own.best.aspect < 55
    assert own.best.excess is not None
    assert "your runs" in own.summary()
    nothing = fit(runs_of(curvature=0.0, noise=0.003, seed=1), ci="none")
    quiet = shape("1B", vocab=32_000, seq_len=2048, fit=nothing)
    assert quiet.best.arch == plain.best.arch
    assert "no_shape_effect" in [notice.code for notice in quiet.warnings]
