"""Lifetime compute: the condition of the optimum, its monotonicity, prices and refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import Fit, fit
from isoloss.laws.compute import FlopRule
from isoloss.laws.optimum import Surface, closed_form
from isoloss.planning import PlainRate, Plan, plan, plan_law, serve
from isoloss.planning.basis import basis_of
from isoloss.planning.hardware import Rate, get_device
from isoloss.planning.serving.lifetime import (
    EqualLoss,
    elasticities,
    least_cost,
    lowest_loss,
    optimum_of_run,
)
from isoloss.runs import Runs

EXPONENTS = st.floats(0.15, 0.6)
SERVED = st.floats(1e9, 1e15)
LAWS = (("chinchilla", "epoch"), ("gadre", "c4"), ("repetition", None))


def additive(alpha: float, beta: float) -> tuple[Surface, np.ndarray]:
    """Chinchilla with these exponents, and prefactors with an optimum near 1B at 1e20 FLOP."""
    basis = basis_of("chinchilla", key="epoch")
    a = 0.4 * 1e9**alpha
    b = 0.4 * alpha / beta * (1e20 / 6e9) ** beta
    return basis.surface, np.array([[1.7], [a], [b], [alpha], [beta]])


def curve_at(surface: Surface, theta: np.ndarray, flop: float) -> EqualLoss:
    _, a, b, alpha, beta = theta
    return EqualLoss(surface, theta, *closed_form(a, alpha, b, beta, flop))


@pytest.mark.parametrize(("law", "key"), LAWS)
@pytest.mark.parametrize("served", [1e10, 2e12, 1e14])
def test_the_condition_of_sardana_holds(law: str, key: str | None, served: float) -> None:
    basis = basis_of(law, key=key)
    best = basis.optimum(1e23)
    curve = EqualLoss(basis.surface, basis.columns, best.params, best.tokens)
    n, d = least_cost(curve, served / 3)
    by_n, by_d = elasticities(basis.surface, basis.columns, n, d)
    assert float(by_n[0] / by_d[0]) == pytest.approx(1 + served / (3 * d[0]), rel=1e-7)
    assert basis.loss(n, d)[0] == pytest.approx(curve.loss[0], rel=1e-12)


@settings(max_examples=40)
@given(alpha=EXPONENTS, beta=EXPONENTS, served=SERVED, flop=st.floats(1e18, 1e26))
def test_nothing_of_that_loss_costs_less(
    alpha: float, beta: float, served: float, flop: float
) -> None:
    surface, theta = additive(alpha, beta)
    curve = curve_at(surface, theta, flop)
    n, d = least_cost(curve, served)
    cost = curve.cost(n, d, served)[0]
    sizes = curve.params * np.geomspace(1e-4, 3, 4000)[:, None]
    others = curve.cost(sizes, curve.tokens_at(sizes), served)
    assert cost <= others.min() * (1 + 1e-9)
    assert cost == pytest.approx(others.min(), rel=1e-3)
    assert 0 < n[0] <= curve.params[0]


@settings(max_examples=40)
@given(alpha=EXPONENTS, beta=EXPONENTS, served=st.lists(SERVED, min_size=2, max_size=6))
def test_more_served_tokens_never_raise_n(alpha: float, beta: float, served: list[float]) -> None:
    surface, theta = additive(alpha, beta)
    curve = curve_at(surface, theta, 1e22)
    found = [least_cost(curve, amount) for amount in sorted(served)]
    sizes, tokens = (np.array([float(one[i][0]) for one in found]) for i in (0, 1))
    assert np.all(np.diff(sizes) <= 1e-9 * sizes[:-1])
    assert np.all(np.diff(tokens) >= -1e-9 * tokens[:-1])


@settings(max_examples=40)
@given(alpha=EXPONENTS, beta=EXPONENTS, flop=st.floats(1e18, 1e26))
def test_nothing_served_is_the_compute_optimal_run(alpha: float, beta: float, flop: float) -> None:
    surface, theta = additive(alpha, beta)
    curve = curve_at(surface, theta, flop)
    n, d = least_cost(curve, 0.0)
    assert n[0] == curve.params[0]
    assert d[0] == curve.tokens[0]
    nearly, _ = least_cost(curve, 1e-9 * d)
    assert nearly[0] == pytest.approx(n[0], rel=1e-6)


@settings(max_examples=40)
@given(alpha=EXPONENTS, beta=EXPONENTS, served=SERVED)
def test_budget_and_loss_are_two_sides_of_one_question(
    alpha: float, beta: float, served: float
) -> None:
    surface, theta = additive(alpha, beta)
    curve = curve_at(surface, theta, 1e22)
    n, d = least_cost(curve, served)
    lifetime = curve.cost(n, d, served)
    again = lowest_loss(surface, theta, lifetime, served, 1.0)
    assert again[0][0] == pytest.approx(n[0], rel=1e-5)
    assert again[1][0] == pytest.approx(d[0], rel=1e-5)


@settings(max_examples=40)
@given(alpha=EXPONENTS, beta=EXPONENTS, budgets=st.tuples(st.floats(1.01, 100), SERVED))
def test_a_larger_lifetime_never_raises_the_loss(
    alpha: float, beta: float, budgets: tuple[float, float]
) -> None:
    surface, theta = additive(alpha, beta)
    factor, served = budgets
    least = 6e8 * served  # serving a model of 100M takes all of it
    losses = []
    for flop in (least, least * factor):
        n, d = lowest_loss(surface, theta, flop, served, 1.0)
        losses.append(float(surface.law.value(theta, surface.run(n, d))[0]))
    assert losses[1] <= losses[0]


@pytest.mark.parametrize("ratio", [0.05, 0.3, 1.0, 3.0, 20.0])
def test_closed_form_and_search_agree_on_the_optimum_of_a_run(ratio: float) -> None:
    basis = basis_of("chinchilla", key="epoch")
    n, d = np.array([7e9]), np.array([7e9 * 20 * ratio])
    closed = optimum_of_run(basis.surface, basis.columns, n, d, 1e6)
    written = basis_of("gadre", key="c4")  # the same kind of law, without the closed form
    e, a, b, eta = written.columns[:, 0]
    same = np.array([[e], [a * 6**-eta], [b * 6**-eta], [2 * eta], [2 * eta]])
    searched = optimum_of_run(written.surface, written.columns, n, d, 1e6)
    exact = optimum_of_run(basis.surface, same, n, d, 1e6)
    assert searched[0][0] == pytest.approx(exact[0][0], rel=1e-6)
    assert searched[1][0] == pytest.approx(exact[1][0], rel=1e-6)
    assert basis.loss(*closed)[0] == pytest.approx(basis.loss(n, d)[0], rel=1e-12)


def test_search_and_closed_form_serve_the_same_model() -> None:
    written = basis_of("gadre", key="c4")
    e, a, b, eta = written.columns[:, 0]
    same = np.array([[e], [a * 6**-eta], [b * 6**-eta], [2 * eta], [2 * eta]])
    surface = basis_of("chinchilla").surface
    best = written.optimum(1e22)
    for served in (1e11, 1e13):
        one = least_cost(EqualLoss(written.surface, written.columns, *_run(best)), served)
        other = least_cost(EqualLoss(surface, same, *_run(best)), served)
        assert one[0][0] == pytest.approx(other[0][0], rel=1e-6)
        dual = lowest_loss(written.surface, written.columns, 1e23, served / 100, 1e6)
        closed = lowest_loss(surface, same, 1e23, served / 100, 1e6)
        assert dual[0][0] == pytest.approx(closed[0][0], rel=1e-6)


def _run(best):
    return best.params, best.tokens


def test_a_plan_says_what_serving_makes_of_it(chinchilla_fit: Fit, tmp_path: Path) -> None:
    made = plan(chinchilla_fit, 1e22, served=["2T", "200B"])
    assert made.serving is not None
    first, second = made.serving.rows
    assert (first.served_tokens, second.served_tokens) == (2e11, 2e12)
    assert made.serving.optimum["n_params"] == made.n_params
    assert made.serving.optimum["tokens"] == made.tokens
    assert second.n_params.estimate < first.n_params.estimate < made.n_params.estimate
    assert second.loss.estimate == pytest.approx(made.loss_mean.estimate, rel=1e-12)
    assert 0 < first.saving.estimate < second.saving.estimate < 1
    for row in made.serving.rows:
        for quantity in (row.n_params, row.tokens, row.saving, row.break_even_tokens):
            assert quantity.lo < quantity.estimate < quantity.hi
        # A model is only chosen where it already pays.
        assert row.break_even_tokens.estimate < row.served_tokens
    assert "with 2T tokens served: " in made.summary()
    assert "less lifetime FLOP" in made.card().why[-1]
    made.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == made
    assert plan(chinchilla_fit, 1e22).serving is None


def test_the_interval_comes_from_the_draws(chinchilla_fit: Fit) -> None:
    (row,) = serve(chinchilla_fit, 1e22, served=2e12).rows
    sizes, savings = [], []
    for theta in chinchilla_fit.draws:
        _, a, b, alpha, beta = theta
        surface = Surface(chinchilla_fit.law, FlopRule())
        n, d = closed_form(a, alpha, b, beta, 1e22)
        curve = EqualLoss(surface, theta[:, None], n[None], d[None])
        params, tokens = least_cost(curve, 2e12 / 3)
        sizes.append(float(params[0]))
        least = curve.cost(params, tokens, 2e12 / 3)
        savings.append(float(1 - least[0] / curve.cost(n[None], d[None], 2e12 / 3)[0]))
    assert row.n_params.lo == pytest.approx(np.quantile(sizes, 0.05), rel=1e-9)
    assert row.n_params.hi == pytest.approx(np.quantile(sizes, 0.95), rel=1e-9)
    assert row.saving.hi == pytest.approx(np.quantile(savings, 0.95), rel=1e-6)


def test_the_interval_covers_the_truth(sweep: Callable[..., Runs]) -> None:
    truth = serve("chinchilla", 1e21, served="1T", key="epoch").rows[0]
    hits = {"n_params": 0, "saving": 0}
    for seed in range(20):
        row = serve(fit(sweep(seed=seed), draws=60), 1e21, served="1T").rows[0]
        for name in hits:
            found = getattr(row, name)
            hits[name] += found.lo <= getattr(truth, name).estimate <= found.hi
    # Nominal 18 of 20; fewer than 14 would come up twice in a thousand times.
    assert min(hits.values()) >= 14, hits


def test_the_three_ways_to_ask_agree() -> None:
    by_flop = serve("chinchilla", 1e23, served="1T", key="epoch")
    by_loss = serve("chinchilla", served="1T", key="epoch", loss=by_flop.rows[0].loss.estimate)
    lifetime = by_flop.rows[0].lifetime.estimate
    by_lifetime = serve("chinchilla", served="1T", key="epoch", lifetime=lifetime)
    for other in (by_loss, by_lifetime):
        for name in ("n_params", "tokens", "saving", "break_even_tokens", "lifetime"):
            one, two = (getattr(p.rows[0], name).estimate for p in (by_flop, other))
            assert two == pytest.approx(one, rel=1e-4), name
    assert by_lifetime.rows[0].lifetime.estimate == pytest.approx(lifetime, rel=1e-9)


def test_break_even_is_where_both_cost_the_same() -> None:
    made = serve("chinchilla", 1e23, served="5T", key="epoch")
    row = made.rows[0]
    n, d = row.n_params.estimate, row.tokens.estimate
    best_n, best_d = (made.optimum[k].estimate for k in ("n_params", "tokens"))
    served = row.break_even_tokens.estimate
    assert 6 * n * d + 2 * n * served == pytest.approx(
        6 * best_n * best_d + 2 * best_n * served, rel=1e-9
    )


@settings(max_examples=30)
@given(scale=st.floats(1e-3, 1e3), speed=st.floats(1e15, 1e19), idle=st.floats(0.01, 1))
def test_prices_scale_out(scale: float, speed: float, idle: float) -> None:
    plain = serve("chinchilla", 1e23, served="1T", key="epoch").rows[0]
    same = serve("chinchilla", 1e23, served="1T", key="epoch", train=PlainRate(speed, scale)).rows[
        0
    ]
    assert same.n_params.estimate == pytest.approx(plain.n_params.estimate, rel=1e-9)
    assert same.saving.estimate == pytest.approx(plain.saving.estimate, rel=1e-9)
    money = plain.lifetime.estimate * scale / speed
    assert same.lifetime.estimate == pytest.approx(money, rel=1e-9)
    # A serving FLOP at a share of the speed counts as so many more tokens served.
    slow = serve(
        "chinchilla",
        1e23,
        served="1T",
        key="epoch",
        train=PlainRate(speed),
        serving=PlainRate(speed * idle),
    ).rows[0]
    more = serve("chinchilla", 1e23, served=1e12 / idle, key="epoch").rows[0]
    assert slow.n_params.estimate == pytest.approx(more.n_params.estimate, rel=1e-9)


def test_hardware_gives_hours_and_money() -> None:
    rate = Rate(get_device("h100"), 0.4, 2.0)
    made = serve(
        "chinchilla",
        "12k H100-hours",
        served="1T",
        key="epoch",
        train=rate,
        serving=rate.with_mfu(0.1),
    )
    assert made.terms["unit"] == "money"
    assert made.terms["serve"]["mfu"] == 0.1
    assert made.flop == pytest.approx(12_000 * rate.flop_per_device_hour)
    row = made.rows[0]
    hours = row.train_flop.estimate / rate.flop_per_device_hour
    hours += row.served_flop.estimate / rate.with_mfu(0.1).flop_per_device_hour
    assert row.lifetime.estimate == pytest.approx(2 * hours, rel=1e-12)
    assert "--hardware h100 --mfu 0.4 --price 2" in made.card().command
    assert "--serve-mfu 0.1" in made.card().command
    with pytest.raises(InputError) as error:
        serve("chinchilla", "12k A100-hours", served="1T", train=rate)
    assert error.value.code == "conflicting_options"


def test_flop_as_the_runs_count_them(sweep: Callable[..., Runs]) -> None:
    counted = fit(sweep(flop_factor=1.3), draws=20)
    made = serve(counted, 1e22, served="1T", flop_per_token="runs")
    plain = serve(counted, 1e22, served="1T")
    row = made.rows[0]
    per_token = row.train_flop.estimate / row.tokens.estimate
    assert per_token > 6 * row.n_params.estimate
    assert row.served_flop.estimate == pytest.approx(per_token / 3 * 1e12, rel=1e-12)
    assert row.n_params.estimate != pytest.approx(plain.rows[0].n_params.estimate, rel=1e-3)


def test_limits_of_unique_tokens_count() -> None:
    free = serve("repetition", 1e22, served="10T")
    scarce = serve("repetition", 1e22, served="10T", unique_tokens="50B")
    # Without fresh data, training a small model for longer pays less.
    assert scarce.rows[0].size_ratio.estimate > free.rows[0].size_ratio.estimate


@pytest.mark.parametrize(
    ("keywords", "code"),
    [
        ({"served": "1T"}, "one_of_flop_loss_lifetime"),
        ({"flop": 1e22, "loss": 2.0, "served": "1T"}, "one_of_flop_loss_lifetime"),
        ({"flop": 1e22, "served": []}, "missing_argument"),
        ({"flop": 1e22, "served": -1.0}, "bad_quantity"),
        ({"flop": -1e22, "served": "1T"}, "bad_quantity"),
        ({"flop": 1e22, "served": "1T", "serving": PlainRate(1e18)}, "missing_rate"),
        (
            {"flop": 1e22, "served": 1, "train": PlainRate(1, 2.0), "serving": PlainRate(1)},
            "missing_price",
        ),
        ({"flop": "12k H100-hours", "served": "1T"}, "missing_hardware"),
    ],
)
def test_bad_input_is_explained(keywords: dict, code: str) -> None:
    with pytest.raises(InputError) as error:
        serve("chinchilla", key="epoch", **keywords)
    assert error.value.code == code
    assert error.value.hint


def test_bad_speeds_are_explained() -> None:
    for values in ((0.0,), (1e18, -1.0), (float("nan"),)):
        with pytest.raises(InputError) as error:
            PlainRate(*values)
        assert error.value.code == "bad_rate"


def test_what_cannot_be_reached_is_refused() -> None:
    with pytest.raises(EvidenceError) as error:
        serve("chinchilla", served="1T", loss=1.5, key="epoch")
    assert error.value.code == "loss_unreachable"
    with pytest.raises(EvidenceError) as error:
        serve("farseer", 1e23, served="1T")
    assert error.value.code == "no_interior_minimum"


def test_a_published_plan_serves_too() -> None:
    made = plan_law("chinchilla", 1e24, key="epoch", served="2T")
    assert made.serving is not None
    assert made.serving.rows[0].n_params.estimate == pytest.approx(7.004144e10, rel=1e-6)
    assert np.isnan(made.serving.rows[0].n_params.lo)


def test_tables_and_pages(chinchilla_fit: Fit) -> None:
    made = serve(chinchilla_fit, 1e22, served=[0, "2T"])
    frame = made.to_frame()
    assert frame.height == 2 * 10
    assert set(frame.columns) == {"served_tokens", "quantity", "estimate", "lo", "hi", "level"}
    assert "compute-optimal without serving" in made.summary()
    assert made.summary().splitlines()[0] in made._repr_html_().replace("&#x27;", "'")
    card = made.card()
    assert card.answer[0].label == "N"
    assert card.command.startswith("isoloss serve 1e22 --fit FIT.json --served 0,2T")
