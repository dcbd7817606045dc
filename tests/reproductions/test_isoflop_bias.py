"""Bias of the IsoFLOP parabola on surfaces without noise (arXiv 2603.22339)."""

from __future__ import annotations

import numpy as np
import pytest

import isoloss as iso
from isoloss.fitting.isoflop import isoflop
from isoloss.laws import get_law
from isoloss.laws.optimum import closed_form
from tests.reproductions.pages import check

pytestmark = pytest.mark.dataset(name="simulated")

BUDGETS = (1e17, 1e18, 1e19, 1e20, 1e21)
WIDTHS = (2, 4, 8, 16)
TARGET = 1e24
SURFACES = {
    "Chinchilla as printed": {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28},
    "asymmetric": {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.465, "beta": 0.155},
    "symmetric": {"E": 1.69, "A": 400.0, "B": 400.0, "alpha": 0.31, "beta": 0.31},
}
PUBLISHED = {
    "Chinchilla as printed": (-0.33, -1.30, -2.90, -5.10),
    "asymmetric": (-1.67, -6.50, -13.91, -23.12),
    "symmetric": (0.0, 0.0, 0.0, 0.0),
}
PAGE = "isoflop-bias.md"


def best(surface, flop):
    a, alpha, b, beta = (np.array(surface[name]) for name in ("A", "alpha", "B", "beta"))
    params, tokens = closed_form(a, alpha, b, beta, flop)
    return float(params), float(tokens)


def profiles(surface, width, sizes=15):
    """Runs without noise at five budgets, sizes evenly spread around each optimum."""
    flop = np.repeat(BUDGETS, sizes)
    centre = np.repeat([best(surface, c)[0] for c in BUDGETS], sizes)
    params = centre * np.tile(np.geomspace(1 / width, width, sizes), len(BUDGETS))
    tokens = flop / (6 * params)
    loss = get_law("chinchilla").value(surface, {"N": params, "D": tokens})
    return iso.read({"params": params, "tokens": tokens, "flop": flop, "loss": loss})


def error(surface, width, shape):
    """D* at 1e24 FLOP by IsoFLOP over the true one, minus one."""
    found = isoflop(profiles(surface, width), shape=shape, ci="none")
    return found.at(TARGET).tokens.estimate / best(surface, TARGET)[1] - 1


@pytest.mark.parametrize("name", SURFACES)
def test_the_bias_of_the_parabola(name):
    for width, percent in zip(WIDTHS, PUBLISHED[name], strict=True):
        assert 100 * error(SURFACES[name], width, "parabola") == pytest.approx(percent, abs=0.05)


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_default_curve_has_no_bias(name, width):
    assert abs(error(SURFACES[name], width, "slices")) < 1e-6


def test_the_optima_themselves():
    assert best(SURFACES["Chinchilla as printed"], TARGET)[1] == pytest.approx(4.04e12, rel=2e-3)
    assert best(SURFACES["symmetric"], TARGET)[1] == pytest.approx(408.2e9, abs=0.05e9)


def test_the_exponent_shows_nothing():
    surface = SURFACES["Chinchilla as printed"]
    found = isoflop(profiles(surface, 16), shape="parabola", ci="none")
    assert found.exponents["d_opt"].estimate == pytest.approx(0.34 / 0.62, abs=1e-6)


def test_the_page():
    rows = []
    for name, surface in SURFACES.items():
        for shape in ("parabola", "cubic", "slices"):
            errors = [error(surface, width, shape) for width in WIDTHS]
            rows.append([name, f"`{shape}`", *errors])
            if shape == "parabola":
                rows.insert(-1, [name, "parabola, published", *(None for _ in WIDTHS)])
    check(PAGE, "How far D* at 1e24 FLOP is off", rows)
