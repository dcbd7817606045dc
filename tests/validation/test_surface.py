"""The smooth surface: against SciPy's spline, against refits, and on surfaces of known optimum."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator

import isoloss as iso
from isoloss.document import dumps
from isoloss.errors import EvidenceError, InputError
from isoloss.laws import get_law, get_published
from isoloss.laws.optimum import closed_form
from isoloss.validation.spline import plane, smoother
from isoloss.validation.surface import smooth_surface

EPOCH = get_published("chinchilla", "epoch").values


def grid(sizes=12, tokens=12):
    n = np.repeat(np.geomspace(1e8, 4e9, sizes), tokens)
    d = np.tile(np.geomspace(2e9, 2e11, tokens), sizes)
    return n, d


def table(n, d, loss):
    return iso.read({"params": n, "tokens": d, "loss": loss})


def chinchilla(n, d):
    return get_law("chinchilla").value(EPOCH, {"N": n, "D": d})


def best(flop):
    a, alpha, b, beta = (np.array(EPOCH[name]) for name in ("A", "alpha", "B", "beta"))
    params, tokens = closed_form(a, alpha, b, beta, flop)
    return float(params), float(tokens)


@pytest.fixture(scope="module")
def noisy():
    n, d = grid()
    noise = np.exp(2e-3 * np.random.default_rng(1).standard_normal(len(n)))
    return smooth_surface(table(n, d, chinchilla(n, d) * noise))


@pytest.mark.parametrize("smoothing", [1e-3, 0.1, 10.0])
def test_the_spline_is_that_of_scipy(smoothing):
    rng = np.random.default_rng(0)
    places, values = rng.standard_normal((40, 2)) * [1.0, 3.0], rng.standard_normal(40)
    asked = rng.standard_normal((15, 2))
    known = plane(places)
    ours = smoother(known, smoothing).weights(asked) @ values
    theirs = RBFInterpolator(known.known, values, smoothing=smoothing)(known.scaled(asked))
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)
    residuals = known.residuals(values, smoothing)
    hat = smoother(known, smoothing).weights(places)
    np.testing.assert_allclose(residuals, values - hat @ values, atol=1e-10)
    assert known.effective(smoothing) == pytest.approx(np.trace(hat), rel=1e-9)


def test_a_power_law_is_a_plane_and_comes_back_exactly():
    n, d = grid()
    surface = smooth_surface(table(n, d, 20 * n**-0.05 * d**-0.03))
    asked = np.array([2e8, 1e9]), np.array([5e9, 1e11])
    np.testing.assert_allclose(
        surface.predict(*asked), 20 * asked[0] ** -0.05 * asked[1] ** -0.03, rtol=1e-9
    )
    assert surface.smoothing == pytest.approx(100.0)
    assert 3.0 < surface.effective < 6.0


@pytest.mark.parametrize("leave_out", ["run", "params"])
def test_left_out_residuals_are_those_of_refits(noisy, leave_out):
    points = noisy.points
    surface = smooth_surface(points, leave_out=leave_out, smoothing=0.1)
    groups = np.arange(len(points)) if leave_out == "run" else points.clusters("params")
    places = np.stack([np.log(points.params), np.log(points.tokens)], axis=1)
    scaled = plane(places).known
    for group in (0, 5, groups.max()):
        out = groups == group
        spline = RBFInterpolator(scaled[~out], np.log(points.loss[~out]), smoothing=0.1)
        expected = np.log(points.loss[out]) - spline(scaled[out])
        np.testing.assert_allclose(surface.left_out[out], expected, rtol=1e-6, atol=1e-9)


def test_the_noise_is_found(noisy):
    assert np.sqrt(np.mean(noisy.left_out**2)) == pytest.approx(2e-3, rel=0.25)
    assert 3 < noisy.effective < 70
    assert noisy.scores[:, 1].min() <= np.sqrt(np.mean(noisy.left_out**2))


def test_optima_are_those_of_the_law_beneath():
    n, d = grid(20, 20)
    optima = smooth_surface(table(n, d, chinchilla(n, d))).optima([1e19, 1e20, 1e21], draws=20)
    for flop, params, tokens in zip(optima.flop, optima.params, optima.tokens, strict=True):
        expected = best(flop)
        assert params.estimate == pytest.approx(expected[0], rel=0.03)
        assert tokens.estimate == pytest.approx(expected[1], rel=0.03)
        assert 6 * params.estimate * tokens.estimate == pytest.approx(flop, rel=1e-6)
    assert optima.edge == ("", "", "")


def test_intervals_hold_the_optimum_of_the_law_beneath():
    n, d = grid()
    truth = [best(flop)[1] / best(flop)[0] for flop in (2e19, 1e20, 5e20)]
    holds = []
    for seed in range(20):
        noise = np.exp(2e-3 * np.random.default_rng(seed).standard_normal(len(n)))
        surface = smooth_surface(table(n, d, chinchilla(n, d) * noise))
        ratios = surface.optima([2e19, 1e20, 5e20], draws=60).tokens_per_param
        holds += [q.lo <= value <= q.hi for q, value in zip(ratios, truth, strict=True)]
    assert np.mean(holds) > 0.8


def test_the_direction_of_the_law_beneath_is_in_its_interval(noisy):
    optima = noisy.optima(np.geomspace(2e19, 1e21, 8))
    direction = optima.direction()
    # D*/N* ~ C^((alpha - beta) / (alpha + beta))
    expected = (EPOCH["alpha"] - EPOCH["beta"]) / (EPOCH["alpha"] + EPOCH["beta"])
    assert direction.lo < expected < direction.hi
    assert optima.direction(low=1e20).estimate != direction.estimate


def test_nothing_is_said_beyond_the_runs(noisy):
    loss = noisy.predict([1e9, 1e9, 1e11], [1e10, 1e13, 1e10])
    assert np.isfinite(loss[0])
    assert np.isnan(loss[1:]).all()
    optima = noisy.optima([1e15, 1.3e18, 1e20])
    assert optima.edge[0] == "outside"
    assert optima.edge[2] == ""
    assert np.isnan(optima.params[0].estimate)


def test_an_optimum_beyond_the_runs_is_not_an_optimum():
    n, d = grid()
    keep = d > 100 * n
    optima = smooth_surface(table(n[keep], d[keep], chinchilla(n, d)[keep])).optima([1e20])
    assert optima.edge == ("largest",)
    assert np.isnan(optima.tokens_per_param[0].estimate)


def test_a_direction_needs_three_optima(noisy):
    with pytest.raises(EvidenceError, match=r"2 budget\(s\)"):
        noisy.optima([1e20, 2e20]).direction()


def test_the_same_seed_gives_the_same_digits(noisy):
    first, second = (noisy.optima([1e20], seed=3).tokens_per_param[0] for _ in range(2))
    assert first == second
    assert noisy.optima([1e20], seed=4).tokens_per_param[0] != first


def test_the_document_the_table_and_the_text(noisy):
    optima = noisy.optima([1e15, 1e20])
    document = json.loads(dumps(optima.to_dict()))
    assert document["schema"] == "isoloss.surface-optima"
    assert [b["edge"] for b in document["budgets"]] == ["outside", ""]
    assert optima.to_frame().height == 2
    assert "no minimum inside the runs (outside)" in optima.summary()


def test_runs_on_one_line_are_refused():
    n, _ = grid()
    with pytest.raises(EvidenceError, match="one line"):
        smooth_surface(table(n, 20 * n, 2 + 100 * n**-0.3).points())


def test_few_runs_are_refused():
    n, d = grid(3, 3)
    with pytest.raises(EvidenceError, match="9 runs are too few"):
        smooth_surface(table(n, d, chinchilla(n, d)))


def test_bad_arguments_are_named(noisy):
    with pytest.raises(InputError, match="smoothing -1"):
        smooth_surface(noisy.points, smoothing=-1.0)
    with pytest.raises(InputError, match="positive numbers of FLOP"):
        noisy.optima([0.0])
    with pytest.raises(InputError, match="nonsense"):
        smooth_surface(noisy.points, leave_out="nonsense")
