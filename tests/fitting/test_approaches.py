"""The three approaches together, and approach 3 by its closed form."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import isoloss as iso
from isoloss.document import dumps
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import approaches, fit, isoflop, joint
from isoloss.runs import Points
from tests.fitting.helpers import CHINCHILLA, sweep
from tests.fitting.sweeps import HOFFMANN, Surface, isoflop_sweep
from tests.fitting.test_envelope import ladder

TARGET = 1e24


def test_joint_has_the_exponents_of_the_fit():
    found = fit(sweep(noise=0.003, shared=0.003), draws=100)
    split = joint(found)
    for name, quantity in found.exponents.items():
        assert split.exponents[name].estimate == pytest.approx(quantity.estimate, abs=1e-12)
        assert split.exponents[name].lo == pytest.approx(quantity.lo, abs=1e-12)
    assert split.status == found.status
    assert split.seed == found.seed


def test_joint_is_the_closed_form_of_hoffmann_et_al():
    """Equation 4 of the paper, at the parameters of the surface."""
    fixed = {name: value for name, value in CHINCHILLA.items() if name != "E"}
    split = joint(fit(sweep(), ci="none", fixed=fixed))
    t = CHINCHILLA
    g = (t["alpha"] * t["A"] / (t["beta"] * t["B"])) ** (1 / (t["alpha"] + t["beta"]))
    a = t["beta"] / (t["alpha"] + t["beta"])
    at = split.at(TARGET)
    assert at.n_params.estimate == pytest.approx(g * (TARGET / 6) ** a, rel=1e-9)
    assert at.tokens.estimate == pytest.approx((TARGET / 6) ** (1 - a) / g, rel=1e-9)
    assert np.isnan(at.n_params.lo)


def test_joint_follows_flop_that_are_not_6nd():
    surface = Surface(power=0.95)
    points = isoflop_sweep(surface, sizes=9)
    split = joint(fit(points, ci="none"))
    assert split.n_opt.exponent.estimate == pytest.approx(surface.exponent, abs=1e-4)
    at = split.at(1e22)
    assert at.n_params.estimate == pytest.approx(float(surface.best_size(1e22)), rel=1e-3)
    assert at.tokens.estimate == pytest.approx(float(surface.best_tokens(1e22)), rel=1e-3)
    assert any(notice.code == "not_6nd" for notice in split.warnings)


def test_joint_optima_have_the_loss_of_the_law():
    found = fit(sweep(noise=0.002), draws=60)
    for optimum in joint(found).optima:
        at = {"N": [optimum.n_params.estimate], "D": [optimum.tokens.estimate]}
        expected = found.predict(at).loss_mean[0]
        assert optimum.loss.estimate == pytest.approx(expected.estimate, rel=1e-9)
        assert optimum.loss.lo < optimum.loss.estimate < optimum.loss.hi
        assert optimum.interior


def test_joint_needs_a_law_with_two_terms_and_runs_with_compute():
    with pytest.raises(InputError) as caught:
        joint(fit(sweep(), "E + A*N**-alpha", ci="none"))
    assert caught.value.code == "not_additive"


def test_the_three_agree_where_they_should():
    found = approaches(ladder(sizes=30), target=1e22, draws=60)
    assert not found.failures
    for name in ("envelope", "isoflop", "joint"):
        assert found[name].n_opt.exponent.estimate == pytest.approx(HOFFMANN.exponent, abs=0.02)
        at = found[name].at(found.target)
        assert at.n_params.estimate == pytest.approx(float(HOFFMANN.best_size(1e22)), rel=0.08)


def test_by_default_they_meet_at_ten_times_the_largest_run():
    points = ladder(noise=0.002)
    assert approaches(points, draws=20).target == pytest.approx(1e22)


def isoflop_only() -> Points:
    """Sizes that belong to one budget each: nothing to follow along compute."""
    return isoflop_sweep(noise=0.002, sizes=7, factor=4)


def test_an_approach_that_fails_says_why_and_the_others_answer():
    found = approaches(isoflop_only(), draws=60)
    assert set(found.allocations) == {"isoflop", "joint"}
    assert found.failures["envelope"].code == "no_curves"
    with pytest.raises(EvidenceError, match="two budgets"):
        found["envelope"]
    with pytest.raises(InputError, match="envelope, isoflop, joint"):
        found["approach 2"]
    document = json.loads(dumps(found.to_dict()))
    assert document["schema"] == "isoloss.approaches"
    assert document["approaches"]["envelope"]["error"]["code"] == "no_curves"
    assert document["approaches"]["joint"]["at"]["flop"] == found.target
    frame = found.to_frame()
    assert frame["approach"].to_list() == ["envelope", "isoflop", "joint"]
    assert frame["a"].is_null().to_list() == [True, False, False]
    assert "two budgets" in found.summary()
    assert "approach 2" in found._repr_html_()


def test_no_approach_at_all_is_refused_with_all_reasons():
    points = isoflop_only()
    with pytest.raises(EvidenceError) as caught:
        approaches(points.take(np.flatnonzero(points.tier == 0)[:4]))
    assert caught.value.code == "no_approach"
    assert all(f"{name}:" in caught.value.message for name in ("envelope", "isoflop", "joint"))


def test_disagreement_is_said():
    # Losses that drift with compute: minima at equal compute stay, a law of N and D is misled.
    points = ladder(noise=0.0005)
    loss = points.loss * (points.flop / 1e18) ** 0.05
    found = approaches(points.__class__(**{**vars(points), "loss": loss}), draws=100)
    codes = {notice.code for notice in found.warnings}
    assert codes & {"exponents_disagree", "sizes_disagree"}
    assert any("joint" in notice.message for notice in found.warnings)


def test_bad_input_is_not_taken_for_a_failure():
    with pytest.raises(InputError):
        approaches(isoflop_only(), shape="quartic")


def test_the_small_ladder():
    runs = iso.datasets.small_ladder().where("study IN ('ladder', 'ci')")
    found = approaches(runs, best_of="lr", draws=100)
    assert not found.failures
    estimates = [found[name].n_opt.exponent.estimate for name in found.allocations]
    assert 0.35 < min(estimates) <= max(estimates) < 0.6
    assert found["isoflop"].n_opt.exponent.estimate == pytest.approx(0.49, abs=0.03)


def test_the_chinchilla_runs(published_data: Path):
    """All three near one half, as in table 2 of Hoffmann et al. and in Besiroglu et al."""
    runs = iso.read(published_data / "chinchilla_epoch.csv", where="NOT dropped_by_epoch")
    found = approaches(runs, target=5.76e23, draws=100)
    for name in ("envelope", "isoflop", "joint"):
        assert found[name].n_opt.exponent.estimate == pytest.approx(0.51, abs=0.04)
    at = found["joint"].at(5.76e23)
    # The certified optimum: A 477.84, B 2143.86, alpha .347313, beta .367183.
    a, g = 0.367183 / 0.714496, (0.347313 * 477.84 / (0.367183 * 2143.86)) ** (1 / 0.714496)
    expected = (5.76e23 / 6) ** (1 - 2 * a) / g**2
    assert at.tokens_per_param.estimate == pytest.approx(expected, rel=1e-3)


NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def test_output_in_the_guide():
    """Words and, to a few percent (last digits may differ between processors), numbers."""
    guide = Path(__file__).parents[2] / "docs" / "how-to" / "approaches.md"
    blocks = re.findall(r"```(\w*)\n(.*?)\n```", guide.read_text(encoding="utf-8"), re.DOTALL)
    shown = [text for language, text in blocks if not language]
    runs = iso.datasets.small_ladder().where("study IN ('ladder', 'ci')")
    found = approaches(runs, best_of="lr")
    for block, text in zip(shown, (found.summary(), found["isoflop"].summary()), strict=True):
        lines = block.splitlines()
        for one, two in zip(lines, text.splitlines()[: len(lines)], strict=True):
            assert NUMBER.sub("#", one).split() == NUMBER.sub("#", two).split()
            pairs = zip(NUMBER.findall(one), NUMBER.findall(two), strict=True)
            assert all(float(a) == pytest.approx(float(b), rel=0.05) for a, b in pairs)
    parabola = isoflop(runs, shape="parabola", best_of="lr", ci="none")
    assert parabola.parabola_bias(1e13) == pytest.approx(0.22, abs=0.01)
