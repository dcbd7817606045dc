"""When a fit may be relied on, and what it says where it may not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isoloss.fitting import Squared, fit
from isoloss.laws import Law, Parameter
from tests.fitting.helpers import CHINCHILLA, grid, make_points, repeated, sweep


def test_ok_says_how_many_starts_agree():
    found = fit(sweep(noise=0.005), ci="none")
    assert found.status == "ok"
    assert found.status_message == "100% of 12 starts agree on this optimum."


# ---------------------------------------------------------------------------- not identified


def test_repetition_without_repeated_data():
    found = fit(sweep(noise=0.005), "repetition", ci="none")
    assert found.status == "not_identified"
    assert "RD" in found.status_message
    assert "fix or tie it" in found.status_message


def test_repetition_with_repeated_data():
    assert fit(repeated(noise=0.005), "repetition", ci="none").status == "ok"


def test_one_model_size():
    _, d = grid()
    noise = np.exp(0.005 * np.random.default_rng(0).standard_normal(40))
    loss = (1.8 + 2143 * d**-0.367) * noise
    found = fit(make_points(loss, np.full(40, 1e9), d), ci="none")
    assert found.status == "not_identified"
    for name in ("E", "A", "alpha"):
        assert name in found.status_message.split(":")[0]


def test_one_budget_says_nothing_of_the_coupling():
    points = sweep(noise=0.005).take(np.arange(8))
    assert fit(points, "coupled", ci="none").status in ("not_identified", "edge")


@pytest.mark.parametrize("law", ["chinchilla", "power-n", "kaplan"])
def test_runs_that_are_all_the_same(law):
    points = sweep(noise=0.005).take(np.zeros(12, dtype=np.int64))
    assert fit(points, law, draws=20).status == "not_identified"


def test_a_loss_that_never_changes():
    n, d = grid()
    assert fit(make_points(np.full(40, 2.0), n, d), draws=20).status == "not_identified"


def test_noise_decides_whether_an_exponent_is_known():
    quiet, loud = (fit(sweep(noise=s, seed=3), ci="none").status for s in (0.005, 0.2))
    assert (quiet, loud) == ("ok", "not_identified")


def test_a_fit_through_most_of_its_runs_does_not_hide_their_noise():
    # Seven runs, five parameters: all but two residuals are zero, and their median with them.
    points = sweep(noise=0.1, seed=2).take(np.arange(0, 40, 6))
    found = fit(points, ci="none")
    assert np.median(np.abs(found.residuals)) < 1e-3
    assert found.status != "ok"


# ---------------------------------------------------------------------------- edge


def test_a_floor_that_is_not_there():
    truth = {**CHINCHILLA, "E": 0.0}
    found = fit(sweep(theta=truth, noise=0.02, seed=3), ci="none", objective=Squared())
    assert found.estimate["E"] == 0.0
    assert found.status == "edge"
    assert "E ran to its lower bound 0" in found.status_message


def test_a_bound_of_the_user():
    found = fit(sweep(noise=0.005), ci="none", bounds={"alpha": (0.4, 0.5), "A": (1.0, 1e3)})
    assert found.status == "edge"
    assert "alpha ran to its lower bound 0.4" in found.status_message
    assert "widen" in found.status_message


def test_a_bound_of_a_scale_is_said_in_its_own_unit():
    found = fit(sweep(noise=0.005), ci="none", bounds={"B": (1.0, 100.0)})
    assert found.status == "edge"
    assert "B ran to its upper bound 100:" in found.status_message


# ---------------------------------------------------------------------------- failed


def test_a_law_whose_best_point_is_a_kink():
    # The runs want a negative slope, |B - c| cannot give it: at B = c the objective has no slope
    # of zero to find.
    law = Law(
        "kink",
        "A / N**alpha + abs(B - 1.23456789) * D**0.1",
        (
            Parameter("A", positive=True),
            Parameter("alpha", start=(0.05, 1.0)),
            Parameter("B", start=(-1.0, 3.0)),
        ),
    )
    found = fit(sweep(noise=0.005), law, ci="none")
    assert found.status == "failed"
    assert "none of 12 starts reached an optimum" in found.status_message
    assert "Choose a law with fewer parameters" in found.status_message
    assert found.gradient_norm > 1e-3


def test_status_does_not_depend_on_the_unit_of_weights_or_of_the_loss():
    points = sweep(noise=0.005)
    for unit in (1e-6, 1e6):
        assert fit(points, ci="none", weights=np.full(40, unit)).status == "ok"
        assert fit(replace(points, loss=unit * points.loss), ci="none").status == "ok"
