"""The over-training curve: closed form, marks, break-even, and where a run stands."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.fitting import Fit
from isoloss.laws import get_published
from isoloss.planning import PlainRate, overtraining
from isoloss.planning.known_models import KNOWN_MODELS


def test_the_curve_is_the_closed_form_of_an_additive_law() -> None:
    theta = get_published("chinchilla", "epoch").values
    alpha, beta = theta["alpha"], theta["beta"]
    curve = overtraining("chinchilla", 1e23, key="epoch").curve
    k = curve.size_ratio
    left = 1 - (k**-alpha - 1) * beta / alpha
    there = left > 0
    expected = np.where(there, k * np.where(there, left, 1) ** (-1 / beta) - 1, np.inf)
    assert 0 < there.sum() < len(k)
    np.testing.assert_allclose(curve.overhead, np.maximum(expected, 0), rtol=1e-9, atol=1e-12)


def test_search_finds_the_same_curve_as_the_closed_form() -> None:
    eta = get_published("gadre", "c4").values["eta"]
    curve = overtraining("gadre", 1e22, key="c4").curve  # alpha = beta = 2 eta
    k = curve.size_ratio
    left = np.maximum(2 - k ** (-2 * eta), 0)
    with np.errstate(divide="ignore"):
        expected = k * left ** (-1 / (2 * eta)) - 1
    seen = (k > 0.2) & (k < 5)
    np.testing.assert_allclose(curve.overhead[seen], np.maximum(expected[seen], 0), atol=1e-6)


@settings(max_examples=20)
@given(one=st.floats(1e19, 1e26), other=st.floats(1e19, 1e26))
def test_the_curve_of_an_additive_law_is_the_same_at_every_budget(one: float, other: float) -> None:
    first, second = (overtraining("chinchilla", flop, key="epoch") for flop in (one, other))
    np.testing.assert_allclose(first.curve.overhead, second.curve.overhead, rtol=1e-6, atol=1e-9)


def test_every_point_has_the_loss_of_the_optimum() -> None:
    found = overtraining("chinchilla", 1e23, key="epoch")
    theta = get_published("chinchilla", "epoch").values
    e, a, b, alpha, beta = (theta[name] for name in ("E", "A", "B", "alpha", "beta"))
    curve = found.curve
    there = np.isfinite(curve.tokens)
    n, d = curve.n_params[there], curve.tokens[there]
    loss = e + a / n**alpha + b / d**beta
    np.testing.assert_allclose(loss, found.optimum["loss"].estimate, rtol=1e-12)
    least = found.optimum["flop"].estimate
    np.testing.assert_allclose(6 * n * d / least - 1, curve.overhead[there], atol=1e-9)


def test_marks_are_multiples_of_the_optimal_ratio(chinchilla_fit: Fit) -> None:
    found = overtraining(chinchilla_fit, 1e22, multiples=(0.2, 1, 5, 20))
    best = found.optimum["tokens_per_param"]
    assert [mark.label for mark in found.marks] == ["0.2x", "1x", "5x", "20x"]
    for mark, multiple in zip(found.marks, (0.2, 1, 5, 20), strict=True):
        assert mark.ratio_multiple.estimate == pytest.approx(multiple, rel=1e-9)
        ratio = mark.tokens_per_param
        assert ratio.estimate == pytest.approx(multiple * best.estimate, rel=1e-9)
        assert ratio.lo == pytest.approx(multiple * best.lo, rel=1e-9)
    under, same, over, far = found.marks
    assert under.size_ratio.estimate > 1 > over.size_ratio.estimate > far.size_ratio.estimate
    assert same.overhead.estimate == 0
    assert 0 < over.overhead.lo < over.overhead.estimate < over.overhead.hi
    assert math.isnan(under.break_even_tokens.estimate)
    assert far.break_even_tokens.estimate > over.break_even_tokens.estimate > 0


def test_a_run_is_placed_on_the_curve_of_its_own_loss(chinchilla_fit: Fit) -> None:
    found = overtraining(chinchilla_fit, n_params="1B", tokens="500B")
    here = found.here
    assert here is not None
    loss = chinchilla_fit.predict({"N": 1e9, "D": 5e11}).loss_mean[0].estimate
    assert found.optimum["loss"].estimate == pytest.approx(loss, rel=1e-12)
    best_n, best_d = (found.optimum[k].estimate for k in ("n_params", "tokens"))
    assert here.overhead.estimate == pytest.approx(5e20 / (best_n * best_d) - 1, rel=1e-9)
    assert here.size_ratio.estimate == pytest.approx(1e9 / best_n, rel=1e-12)
    served = here.break_even_tokens.estimate
    assert 6e9 * 5e11 + 2e9 * served == pytest.approx(best_n * (6 * best_d + 2 * served), rel=1e-9)
    assert here.n_params.lo == here.n_params.hi == 1e9
    assert "made up for after" in found.summary()


def test_the_optimum_placed_on_its_own_curve_stands_at_one() -> None:
    best = overtraining("chinchilla", 1e23, key="epoch").optimum
    again = overtraining(
        "chinchilla",
        n_params=best["n_params"].estimate,
        tokens=best["tokens"].estimate,
        key="epoch",
    )
    assert again.here is not None
    assert again.here.size_ratio.estimate == pytest.approx(1, rel=1e-9)
    assert again.here.overhead.estimate == pytest.approx(0, abs=1e-12)


def test_dearer_serving_pays_earlier() -> None:
    plain = overtraining("chinchilla", 1e23, key="epoch").marks[1]
    slow = overtraining(
        "chinchilla", 1e23, key="epoch", train=PlainRate(1e18), serving=PlainRate(1e17)
    ).marks[1]
    assert slow.break_even_tokens.estimate == pytest.approx(
        plain.break_even_tokens.estimate / 10, rel=1e-9
    )


def test_published_models_are_dots_of_the_figure() -> None:
    found = overtraining("chinchilla", 1e23, key="epoch")
    assert [mark.label for mark in found.known] == [model.name for model in KNOWN_MODELS]
    ratios = {m.label: m.tokens_per_param.estimate for m in found.known}
    assert ratios["GPT-3"] == pytest.approx(1.71, abs=0.005)
    assert ratios["Gopher"] == pytest.approx(1.07, abs=0.005)
    assert ratios["MT-NLG"] == pytest.approx(0.5, abs=0.01)
    assert all(mark.source for mark in found.known)
    chinchilla = next(mark for mark in found.known if mark.label == "Chinchilla")
    assert chinchilla.overhead.estimate < 0.01  # near the optimum under this law
    assert found.to_frame().height == len(found.curve.size_ratio)


@pytest.mark.parametrize(
    ("keywords", "code"),
    [
        ({}, "one_of_flop_run"),
        ({"n_params": 1e9}, "one_of_flop_run"),
        ({"flop": 1e22, "n_params": 1e9, "tokens": 1e10}, "one_of_flop_run"),
        ({"flop": 1e22, "multiples": (0,)}, "bad_multiple"),
        ({"n_params": "7X", "tokens": 1e10}, "bad_quantity"),
    ],
)
def test_bad_input_is_explained(keywords: dict, code: str) -> None:
    with pytest.raises(InputError) as error:
        overtraining("chinchilla", key="epoch", **keywords)
    assert error.value.code == code
