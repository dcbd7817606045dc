"""The inverse questions agree with the plans, and refuse what no run reaches."""

from __future__ import annotations

import json

import numpy as np
import pytest

from isoloss.document import dumps
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import Fit
from isoloss.laws import get_law, get_published
from isoloss.laws.compute import FlopRule
from isoloss.laws.optimum import Surface
from isoloss.planning import flop_for_loss, params_for, plan, tokens_for
from isoloss.planning.equal_loss import cheapest, params_at_loss, tokens_at_loss


@pytest.mark.parametrize("flop", [1e19, 1e22, 1e25])
def test_the_least_compute_is_that_of_the_plan(bare_fit: Fit, flop: float) -> None:
    made = plan(bare_fit, flop)
    answer = flop_for_loss(bare_fit, made.loss_mean.estimate)
    assert answer.flop.estimate == pytest.approx(flop, rel=1e-8)
    assert answer.n_params.estimate == pytest.approx(made.n_params.estimate, rel=1e-6)
    assert answer.loss_mean.estimate == pytest.approx(made.loss_mean.estimate, rel=1e-12)


def test_so_it_is_for_a_searched_law() -> None:
    law, published = get_law("farseer"), get_published("farseer", "refit")
    theta = np.array([[published.values[name]] for name in law.names])
    surface = Surface(law, FlopRule())
    params, tokens = cheapest(surface, theta, 0.4425, 1e5)
    assert tokens[0] / params[0] == pytest.approx(42.7, rel=0.02)  # as at 1e22, where L is that
    assert law.value(theta[:, 0], {"N": params, "D": tokens})[0] == pytest.approx(0.4425, rel=1e-12)
    nearby = params * np.exp([-0.05, 0.05])
    dearer = nearby * tokens_at_loss(surface, theta, nearby, 0.4425)
    assert np.all(dearer > params * tokens)


def test_intervals_come_from_the_draws(chinchilla_fit: Fit) -> None:
    target = 2.2
    answer = flop_for_loss(chinchilla_fit, target)
    assert answer.flop.lo < answer.flop.estimate < answer.flop.hi
    # A draw's own frontier passes through the target at the compute that was found for it.
    theta = chinchilla_fit.draws[:5].T
    surface = Surface(chinchilla_fit.law, FlopRule())
    params, tokens = cheapest(surface, theta, target, 1e4)
    loss = surface.law.value(theta, surface.run(params, tokens))
    np.testing.assert_allclose(loss, target, rtol=1e-10)
    assert answer.asked == "flop"
    assert answer.unreachable == 0


def test_tokens_for_a_given_size(chinchilla_fit: Fit) -> None:
    spent = tokens_for(chinchilla_fit, "2B", flop="1e21 FLOP")
    assert spent.tokens.estimate == pytest.approx(1e21 / 1.2e10)
    assert spent.tokens.lo == spent.tokens.hi == spent.tokens.estimate
    target = spent.loss_mean.estimate
    needed = tokens_for(chinchilla_fit, 2e9, loss=target)
    assert needed.tokens.estimate == pytest.approx(spent.tokens.estimate, rel=1e-9)
    assert needed.tokens.lo < needed.tokens.estimate < needed.tokens.hi
    assert needed.n_params.lo == needed.n_params.hi == 2e9
    assert "given" in needed.summary()


def test_a_size_for_given_tokens(chinchilla_fit: Fit) -> None:
    paid = params_for(chinchilla_fit, "40B", flop=1e21)
    assert paid.n_params.estimate == pytest.approx(1e21 / 2.4e11, rel=1e-12)
    needed = params_for(chinchilla_fit, 4e10, loss=paid.loss_mean.estimate)
    assert needed.n_params.estimate == pytest.approx(paid.n_params.estimate, rel=1e-9)


def test_more_tokens_reach_lower_losses(bare_fit: Fit) -> None:
    needed = [tokens_for(bare_fit, 1e9, loss=x).tokens.estimate for x in (2.9, 2.7, 2.5)]
    assert needed == sorted(needed)


def test_below_the_floor_nothing_helps(chinchilla_fit: Fit) -> None:
    for ask in (
        lambda: flop_for_loss(chinchilla_fit, 1.7),
        lambda: tokens_for(chinchilla_fit, 1e8, loss=2.2),
        lambda: params_for(chinchilla_fit, 1e9, loss=2.2),
    ):
        with pytest.raises(EvidenceError, match=r"levels off at .* of the draws") as caught:
            ask()
        assert caught.value.code == "loss_unreachable"
        assert caught.value.exit_code == 3


def test_close_to_the_floor_the_interval_is_open(chinchilla_fit: Fit) -> None:
    floor = chinchilla_fit.estimate["E"]
    answer = flop_for_loss(chinchilla_fit, floor + 0.02)
    assert 0.05 < answer.unreachable < 0.5
    assert np.isinf(answer.flop.hi)
    assert "unreachable_in_draws" in {notice.code for notice in answer.warnings}
    assert "or more" in answer.summary()
    assert json.loads(dumps(answer.to_dict()))["flop"]["hi"] is None


def test_a_loss_far_above_the_runs_is_refused(bare_fit: Fit) -> None:
    with pytest.raises(EvidenceError, match="losses of the runs are"):
        flop_for_loss(bare_fit, 1e6)


def test_the_document(chinchilla_fit: Fit) -> None:
    answer = tokens_for(chinchilla_fit, "2B", loss=2.3)
    written = json.loads(dumps(answer.to_dict()))
    assert written["schema"] == "isoloss.answer"
    assert written["seed"] == chinchilla_fit.seed
    assert written["data_hash"] == chinchilla_fit.points.data_hash
    assert written["conventions"]["n"] == "total"
    assert set(answer.quantities) <= set(written)
    assert answer.to_frame()["quantity"].to_list() == list(answer.quantities)
    assert answer._repr_html_().count("<tr>") == 5


def test_the_runs_own_flop_are_spent(bare_fit: Fit) -> None:
    plain = tokens_for(bare_fit, 1e9, flop=1e20)
    counted = tokens_for(bare_fit, 1e9, flop=1e20, flop_per_token="runs")
    assert counted.tokens.estimate == pytest.approx(plain.tokens.estimate)
    assert counted.conventions["flop"] == "given"


def test_laws_are_inverted_at_equal_parts() -> None:
    law = get_law("chinchilla")
    theta = np.array([[1.0], [2.0], [3.0], [0.5], [0.5]])
    surface = Surface(law, FlopRule())
    n = np.array([1e6])
    tokens = tokens_at_loss(surface, theta, n, 1.004)  # 1 + 2/1e3 + 3/sqrt(D)
    assert tokens[0] == pytest.approx((3 / 0.002) ** 2, rel=1e-10)
    assert params_at_loss(surface, theta, tokens, 1.004)[0] == pytest.approx(1e6, rel=1e-9)
    assert tokens_at_loss(surface, theta, n, 1.002)[0] == np.inf


@pytest.mark.parametrize("loss", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_losses(bare_fit: Fit, loss: float) -> None:
    with pytest.raises(InputError, match="loss"):
        flop_for_loss(bare_fit, loss)


def test_exactly_one_of_compute_and_loss(bare_fit: Fit) -> None:
    with pytest.raises(InputError, match="not both"):
        tokens_for(bare_fit, 1e9)
    with pytest.raises(InputError, match="not both"):
        params_for(bare_fit, 1e9, flop=1e20, loss=2.0)


def test_too_little_compute(bare_fit: Fit) -> None:
    with pytest.raises(InputError, match="one parameter"):
        params_for(bare_fit, "1T", flop=1e9)
    with pytest.raises(InputError, match="one parameter"):
        tokens_for(bare_fit, "1T", flop=1e9)
