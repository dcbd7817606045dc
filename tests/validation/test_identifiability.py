"""Identifiability: widths, flat directions, and a next run that does what it promises."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import isoloss as iso
from isoloss.document import dumps
from isoloss.runs import compute_tiers
from isoloss.validation.identifiability import identify, profile_curve
from tests.validation.simulate import CHINCHILLA, sweep

TARGET = 3e21


@pytest.fixture(scope="module")
def fitted():
    return iso.fit(sweep(), draws=100)


@pytest.fixture(scope="module")
def found(fitted):
    return identify(fitted, target=TARGET)


def test_profile_widths_are_those_of_the_profile_fit(found):
    profiled = iso.fit(sweep(), ci="profile")
    for parameter in found.parameters:
        expected = profiled.parameters[parameter.name]
        assert parameter.profile.lo == pytest.approx(expected.lo, rel=1e-6)
        assert parameter.profile.hi == pytest.approx(expected.hi, rel=1e-6)
        assert parameter.draws is not None
        assert not parameter.open_sides
    assert "fixed to a factor of" in found.parameters[1].sentence
    assert "fixed to +- " in found.parameters[0].sentence


def test_directions_make_up_the_variance(found, fitted):
    assert sum(d.share for d in found.directions) == pytest.approx(1)
    assert len(found.directions) == 5
    # To first order the spread of N* over independent errors: a simulation must agree.
    points = fitted.points
    law = fitted.law.value(fitted.theta, {"N": points.params, "D": points.tokens})
    rng = np.random.default_rng(0)
    sizes: list[float] = []
    for _ in range(30):
        loss = law * np.exp(rng.normal(0, found.noise, len(points)))
        e = iso.fit(replace(points, loss=loss), ci="none", objective=iso.Squared(), jobs=1).estimate
        total = e["alpha"] + e["beta"]
        g = (e["alpha"] * e["A"] / (e["beta"] * e["B"])) ** (1 / total)
        sizes.append(np.log(g) + e["beta"] / total * np.log(TARGET / 6))
    assert np.std(sizes) == pytest.approx(found.standard_error, rel=0.3)


def test_move_along_the_flattest_direction_hardly_moves_the_losses(found, fitted):
    points = fitted.points
    x = {"N": points.params, "D": points.tokens}

    def change(direction):
        theta = {
            name: value * direction.moves[name]
            if name in direction.factors
            else value + direction.moves[name]
            for name, value in fitted.estimate.items()
        }
        return np.log(fitted.law.value(theta, x) / fitted.law.value(fitted.theta, x))

    for direction in found.directions:
        # One standard error of noise s in any direction: the squares of all changes sum to s^2.
        assert np.sqrt(np.sum(change(direction) ** 2)) == pytest.approx(found.noise, rel=0.2)
    flat = found.directions[0]
    assert set(flat.moves) == set(fitted.law.names)
    assert flat.sentence.count(",") == 2


def test_next_run_does_what_it_promises(found, fitted):
    points = fitted.points
    now = found.standard_error
    runs = [(run.n_params, run.tokens) for run in found.next_runs]
    assert runs
    for count in range(1, len(runs) + 1):
        n, d = np.array(runs[:count]).T
        loss = fitted.law.value(fitted.theta, {"N": n, "D": d})
        params, tokens = np.append(points.params, n), np.append(points.tokens, d)
        more = iso.read({"n_total": params, "tokens": tokens, "loss": np.append(points.loss, loss)})
        after = identify(iso.fit(more, ci="none"), target=TARGET)
        # The new runs lie on the law, so the estimate of the noise itself falls a little.
        scaled = after.standard_error * found.noise / after.noise
        assert scaled / now == pytest.approx(found.next_runs[count - 1].share, abs=0.03)
    shares = [run.share for run in found.next_runs]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] < 0.99


def test_next_runs_stay_within_budget_and_near_the_runs(found, fitted):
    points = fitted.points
    assert found.budget_flop == pytest.approx(points.flop.max())
    assert sum(run.flop for run in found.next_runs) <= found.budget_flop
    for run in found.next_runs:
        assert run.flop == pytest.approx(6 * run.n_params * run.tokens)
        ratio = run.tokens / run.n_params
        seen = points.tokens / points.params
        assert seen.min() / 2 <= ratio <= seen.max() * 2
    poor = identify(fitted, target=TARGET, budget=1e17, most_runs=1)
    assert all(run.flop <= 1e17 for run in poor.next_runs)
    assert all(run.share > found.next_runs[0].share for run in poor.next_runs)
    none = identify(fitted, target=TARGET, budget=1e10)
    assert none.next_runs == ()
    assert "no single run within 1e+10 FLOP" in none.summary()


def test_parameters_that_nothing_fixes_are_open():
    n = np.geomspace(1e8, 1e10, 30)
    d = 20 * n
    noise = np.exp(np.random.default_rng(0).normal(0, 0.002, 30))
    loss = (1.8 + 480 / n**0.35 + 2100 / d**0.35) * noise
    ray = iso.fit(iso.read({"n_total": n, "tokens": d, "loss": loss}), ci="none")
    found = identify(ray)
    assert found.status == "not_identified"
    assert any(parameter.open_sides for parameter in found.parameters)
    assert found.condition_number > 1e3
    if found.next_runs:
        assert found.next_runs[0].share < 0.9


def test_bounds_and_constraints():
    runs = sweep()
    held = identify(iso.fit(runs, ci="none", fixed={"E": 1.8}), target=TARGET)
    by_name = {parameter.name: parameter for parameter in held.parameters}
    assert by_name["E"].sentence == "follows from others"
    assert len(held.directions) == 4
    bounded = identify(iso.fit(runs, ci="none", bounds={"E": (0.0, 1.5)}), target=TARGET)
    assert bounded.status == "edge"
    assert len(bounded.directions) == 4


def test_laws_searched_in_other_parameters():
    found = identify(iso.fit(sweep("coupled", sizes=9, noise=5e-4), "farseer", ci="none"))
    by_name = {parameter.name: parameter for parameter in found.parameters}
    assert by_name["a1"].sentence == "follows from others"
    assert len(found.directions) == 9
    assert "follows from others" in found.summary()


def test_law_without_an_optimum_has_no_next_run():
    found = identify(iso.fit(sweep(), "floor-n", ci="none"))
    assert np.isnan(found.n_params)
    assert found.next_runs == ()
    assert "N* at" not in found.summary()


def test_profile_curve(fitted):
    curve = profile_curve(fitted, "beta", 11)
    assert curve.values[5] == pytest.approx(fitted.estimate["beta"])
    assert curve.rise[5] == pytest.approx(0, abs=1e-6)
    assert np.all(np.diff(curve.rise[5:]) > 0)
    assert np.all(np.diff(curve.rise[:6]) < 0)
    # Its ends and the interval agree: the rise there is the square of Student's t.
    ends = iso.fit(sweep(), ci="profile").parameters["beta"]
    assert np.interp(ends.hi, curve.values, curve.rise) == pytest.approx(2.82, rel=0.1)
    scale = profile_curve(fitted, "A", 5)
    assert scale.values[2] == pytest.approx(fitted.estimate["A"])
    with pytest.raises(iso.InputError, match="gamma"):
        profile_curve(fitted, "gamma")


def test_bad_requests(fitted):
    with pytest.raises(iso.InputError, match="positive"):
        identify(fitted, target=-1.0)
    with pytest.raises(iso.InputError, match="positive"):
        identify(fitted, budget=0.0)
    n = np.geomspace(1e7, 1e9, 20)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.002, 20))
    bare = iso.fit(iso.read({"n_total": n, "loss": (1 + n**-0.1) * noise}), "floor-n", ci="none")
    with pytest.raises(iso.InputError, match="without compute"):
        identify(bare)


def test_report(found):
    text = found.summary()
    assert "flattest direction:" in text
    assert "train next:" in text
    assert "by the draws" in text
    document = json.loads(dumps(found.to_dict()))
    assert document["schema"] == "isoloss.identifiability"
    assert [p["name"] for p in document["parameters"]] == ["E", "A", "B", "alpha", "beta"]
    assert found.to_frame().height == 5


def test_truth_in_this_room_is_as_said():
    runs = sweep(noise=0.0, shared=0.0)
    found = iso.fit(runs, ci="none").estimate
    for name, value in CHINCHILLA.items():
        assert found[name] == pytest.approx(value, rel=1e-3)
    assert len(np.unique(compute_tiers(runs.points().flop))) == 7
